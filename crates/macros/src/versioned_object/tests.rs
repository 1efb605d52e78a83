use quote::quote;

use super::expand;

/// The mistakes, as the compiler shows them.
fn mistakes(item: proc_macro2::TokenStream) -> String {
    let expanded = expand(item).to_string();
    assert!(expanded.contains("compile_error"), "{expanded}");
    expanded
}

#[test]
fn every_missing_key_is_named_at_once() {
    let text = mistakes(quote! { struct Lamp { lit: Field<bool> } });
    for part in [
        "which class is it?",
        "which version is it?",
        "whose objects are they?",
        "#[object(header)]",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_field_is_not_newer_than_its_class() {
    let text = mistakes(quote! {
        #[object(name = "Lamp", version = "1.2", namespace = NOVA)]
        struct Lamp {
            #[object(header)]
            header: Header,
            #[object(since = "1.3")]
            lit: Field<bool>,
        }
    });
    assert!(text.contains("the class is of version 1.2"), "{text}");
}

#[test]
fn enums_tuples_unknown_keys_and_second_headers_are_refused() {
    for (item, message) in [
        (
            quote!(
                enum Lamp {
                    On,
                }
            ),
            "a struct with named fields",
        ),
        (
            quote!(
                struct Lamp(bool);
            ),
            "a struct with named fields",
        ),
        (
            quote!(
                #[object(colour = "red")]
                struct Lamp {}
            ),
            "unknown key `colour`",
        ),
        (
            quote!(
                struct Lamp {
                    #[object(shade)]
                    lit: Field<bool>,
                }
            ),
            "unknown key `shade`",
        ),
        (
            quote!(
                struct Lamp {
                    #[object(header)]
                    a: Header,
                    #[object(header)]
                    b: Header,
                }
            ),
            "the header already",
        ),
    ] {
        let text = mistakes(item);
        assert!(text.contains(message), "{message}: {text}");
    }
}

#[test]
fn versions_keep_their_third_part_and_pairs_are_read() {
    let expanded = expand(quote! {
        #[object(name = "Lamp", version = "1.2.1", namespace = NOVA)]
        struct Lamp {
            #[object(header)]
            header: Header,
            #[object(relationships = [("1.0", "1.1"), ("1.2", "1.3")])]
            bulb: Field<Bulb>,
        }
    })
    .to_string();
    assert!(!expanded.contains("compile_error"), "{expanded}");
    let version = "Version :: new (1u32 , 2u32) . with_revision (1u32)";
    assert!(expanded.contains(version), "{expanded}");
    assert!(
        expanded.contains("Version :: new (1u32 , 3u32))"),
        "{expanded}"
    );
}
