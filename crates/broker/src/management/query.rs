//! The part of a URL behind `?`, and the escapes in all of it.

/// Names and values, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .filter_map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    let plus = |text: &str| unescape(&text.replace('+', " "));
                    Some((plus(name)?, plus(value)?))
                })
                .collect(),
        )
    }

    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the value is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

/// The segments of a path without their escapes; `None` if one of them is no UTF-8 or no escape.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    // One slash at the end does no harm: `/api/queues/`.
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(unescape).collect()
}

/// `%2F` and its like become what they stand for.
fn unescape(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A text as RabbitMQ escapes routing keys: letters, digits, `.`, `-` and `_` stay, a space becomes `+`.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            _ => {
                escaped.push('%');
                for digit in [byte >> 4, byte & 15] {
                    let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                    escaped.push(digit.to_ascii_uppercase());
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Query, escape, segments};

    #[test]
    fn paths_are_cut_before_their_escapes_are_read() {
        assert_eq!(
            segments("/api/queues/%2F/a%2Fb").unwrap(),
            ["api", "queues", "/", "a/b"]
        );
        assert_eq!(segments("/api/queues/").unwrap(), ["api", "queues"]);
        assert_eq!(segments("/api//queues").unwrap(), ["api", "", "queues"]);
        assert_eq!(segments("/a+b/%C3%BC").unwrap(), ["a+b", "ü"]);
        for broken in ["api", "/%2", "/%", "/%zz", "/%FF", "/%+1"] {
            assert_eq!(segments(broken), None, "{broken}");
        }
    }

    #[test]
    fn queries_are_read() {
        let query = Query::parse("page=1&name=a+b%26&use_regex=true&flag&page=2");
        assert_eq!(query.get("page"), Some("1"));
        assert_eq!(query.get("name"), Some("a b&"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("missing"), None);
        assert!(query.is_true("use_regex"));
        assert!(!query.is_true("flag"));
    }

    #[test]
    fn keys_are_escaped_as_rabbitmq_does() {
        assert_eq!(escape("r 2/~"), "r+2%2F%7E");
        assert_eq!(escape("a.#"), "a.%23");
    }
}
