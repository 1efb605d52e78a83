//! Messages are format strings over the variant's fields.

use syn::LitStr;

/// Rewrites `{0}` to `{field_0}`, the name under which a variant's first unnamed field is bound.
pub(super) fn with_named_fields(message: &LitStr) -> LitStr {
    let text = message.value();
    let mut rewritten = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        rewritten.push(character);
        match character {
            '{' if characters.next_if_eq(&'{').is_some() => rewritten.push('{'),
            '{' if characters.peek().is_some_and(char::is_ascii_digit) => {
                rewritten.push_str("field_");
            }
            _ => {}
        }
    }
    LitStr::new(&rewritten, message.span())
}

#[cfg(test)]
mod tests;
