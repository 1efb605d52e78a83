//! `$name`, `${name}` and `${group.name}` inside values: Python's `string.Template` as oslo.config
//! sets it up.

#[cfg(test)]
mod tests;

/// Replaces references by what `value` says of them; the first error ends it.
///
/// `$$` and `\$` stand for a dollar sign. A dollar sign before anything that can't be a name stays.
pub(crate) fn expand<E>(
    text: &str,
    mut value: impl FnMut(&str) -> Result<String, E>,
) -> Result<String, E> {
    // As the peer: before anything else, so that a backslash cannot be written before a reference.
    let text = text.replace("\\$", "$$");
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = match part(after) {
            Part::Escape(rest) => {
                expanded.push('$');
                rest
            }
            Part::Reference { name, rest } => {
                expanded.push_str(&value(name)?);
                rest
            }
            Part::Nothing => {
                expanded.push('$');
                after
            }
        };
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// What may follow a dollar sign.
enum Part<'a> {
    Escape(&'a str),
    Reference { name: &'a str, rest: &'a str },
    Nothing,
}

fn part(text: &str) -> Part<'_> {
    if let Some(rest) = text.strip_prefix('$') {
        return Part::Escape(rest);
    }
    if let Some(inside) = text.strip_prefix('{') {
        let (name, rest) = inside.split_at(name_length(inside));
        return match rest.strip_prefix('}') {
            Some(rest) if !name.is_empty() => Part::Reference { name, rest },
            _ => Part::Nothing,
        };
    }
    match text.split_at(name_length(text)) {
        ("", _) => Part::Nothing,
        (name, rest) => Part::Reference { name, rest },
    }
}

/// How long the name at the beginning of a text is: a letter or `_`, then dots and digits, too.
fn name_length(text: &str) -> usize {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !text.starts_with(begins) {
        return 0;
    }
    text.find(|c| !(begins(c) || c == '.' || char::is_ascii_digit(&c)))
        .unwrap_or(text.len())
}
