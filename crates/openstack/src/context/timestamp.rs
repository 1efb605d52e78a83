//! The two forms of a context's timestamp.

use bergen_messaging::wire::convert::DateTime;

/// nova's, which is read again: six digits after the second, no zone.
pub(super) fn nova(at: DateTime) -> String {
    at.to_string()
}

/// neutron's, which is the text of a Python `datetime`: with a space, and without the fraction if that is zero.
pub(super) fn neutron(at: DateTime) -> String {
    let text = at.to_string().replace('T', " ");
    match text.strip_suffix(".000000") {
        Some(seconds) => seconds.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
