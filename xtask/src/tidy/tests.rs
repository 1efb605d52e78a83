use std::path::Path;

use super::{LONGEST, complaints_about, conformance};

fn complaints(name: &str, text: &str) -> Vec<String> {
    complaints_about(Path::new(name), text)
}

#[test]
fn a_tidy_file_has_no_complaints() {
    assert_eq!(complaints("a/b.rs", "fn main() {}\n"), Vec::<String>::new());
}

#[test]
fn a_file_that_is_too_long_is_named_but_a_test_is_not() {
    let long = "//\n".repeat(LONGEST + 1);
    assert_eq!(complaints("a/b.rs", &long).len(), 1);
    assert_eq!(complaints("a/tests/b.rs", &long).len(), 0);
    assert_eq!(complaints("a/tests.rs", &long).len(), 0);
    let tested = format!("//\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_eq!(complaints("a/b.rs", &tested).len(), 0);
}

#[test]
fn leftovers_are_found_with_their_place() {
    let word = ["TO", "DO"].concat();
    let found = complaints("a.md", &format!("fine\n{word}: more \nlast"));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("a.md:2: white space"), "{found:?}");
    assert!(found[1].contains(&word), "{found:?}");
    assert!(found[2].contains("no line end"), "{found:?}");
}

#[test]
fn a_test_that_conformance_names_must_be_there() {
    let page = "| A1 | test: `wire::has_one`, `has_two` | |\n| A2 | test: `gone` | |\n";
    let sources = "fn has_one() {}\nasync fn has_two() {}\n";
    let found = conformance::complaints("docs/a.md", page, sources);
    assert_eq!(found, ["docs/a.md:2: there is no test gone"]);
}
