use super::*;

fn expanded(text: &str) -> String {
    expand::<()>(text, |name| Ok(format!("<{name}>"))).unwrap()
}

#[test]
fn references_are_replaced() {
    assert_eq!(expanded("$a/${b}c/${g.d}"), "<a>/<b>c/<g.d>");
    assert_eq!(expanded("$a$b"), "<a><b>");
    assert_eq!(expanded("$_A1.x-y"), "<_A1.x>-y");
}

#[test]
fn dollar_signs_can_be_written() {
    assert_eq!(expanded("$$a \\$b $$$c"), "$a $b $<c>");
}

#[test]
fn what_cannot_be_a_name_stays() {
    for text in [
        "$", "a$", "$1", "$ x", "${", "${}", "${a", "${a b}", "${1}", "$ä", "{a}",
    ] {
        assert_eq!(expanded(text), text);
    }
    // The name ends where the pattern does, not where a reader might think.
    assert_eq!(expanded("$a."), "<a.>");
}

#[test]
fn the_first_error_ends_it() {
    let mut asked = Vec::new();
    let result = expand("$a $b", |name| {
        asked.push(name.to_owned());
        Err::<String, _>(name.to_owned())
    });
    assert_eq!((result, asked), (Err("a".to_owned()), vec!["a".to_owned()]));
}
