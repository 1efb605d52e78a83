use proc_macro2::Span;
use syn::LitStr;

use super::Version;

fn parse(text: &str) -> syn::Result<Version> {
    Version::parse(LitStr::new(text, Span::call_site()))
}

fn serves(api: &str, wanted: &str) -> bool {
    parse(api).unwrap().serves(&parse(wanted).unwrap())
}

#[test]
fn two_or_three_numbers_make_a_version() {
    for text in ["1.0", "5.10", "1.3.2"] {
        assert!(parse(text).is_ok(), "{text}");
    }
    for text in [
        "",
        "1",
        "1.",
        ".1",
        "1.2.3.4",
        "1.x",
        "+1.0",
        "1.-1",
        " 1.0",
        "99999999999.0",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_api_serves_its_own_and_older_versions_of_its_major() {
    assert!(serves("1.3", "1.3"));
    assert!(serves("1.3", "1.0"));
    assert!(serves("1.3", "1.2.9"));
    assert!(!serves("1.3", "1.3.1"));
    assert!(!serves("1.3", "1.4"));
    assert!(!serves("1.3", "2.0"));
    assert!(!serves("2.0", "1.3"));
}
