use proc_macro2::Span;
use syn::LitStr;

#[test]
fn unnamed_fields_get_the_names_they_are_bound_by() {
    for (written, meant) in [
        ("{0} and {1:?}", "{field_0} and {field_1:?}"),
        ("{name}", "{name}"),
        ("{{0}} {{{0}}}", "{{0}} {{{field_0}}}"),
        ("nothing", "nothing"),
        ("{", "{"),
    ] {
        let message = LitStr::new(written, Span::call_site());
        assert_eq!(super::with_named_fields(&message).value(), meant);
    }
}
