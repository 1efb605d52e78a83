//! Method arguments as they are typed: `key=text` and `key:=json`, the way of `HTTPie`.

use std::fmt;

use serde_json::Map;
use serde_json::Value;

/// One argument of a method, as it stood on the command line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Argument {
    /// The argument's name.
    pub(crate) name: String,
    /// Its value: text for `key=text`, any JSON for `key:=json`.
    pub(crate) value: Value,
}

/// Why a word on the command line is not an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArgumentError {
    word: String,
    reason: String,
}

impl Argument {
    /// Reads one word.
    ///
    /// The first `=` splits; a `:` right before it says that JSON follows.
    pub(crate) fn parse(word: &str) -> Result<Self, ArgumentError> {
        let refuse = |reason: &str| ArgumentError {
            word: word.to_owned(),
            reason: reason.to_owned(),
        };
        let (key, text) = word
            .split_once('=')
            .ok_or_else(|| refuse("write key=text, or key:=json"))?;
        let (name, value) = match key.strip_suffix(':') {
            Some(name) => {
                let value = serde_json::from_str(text)
                    .map_err(|error| refuse(&format!("what follows := is not JSON: {error}")))?;
                (name, value)
            }
            None => (key, Value::String(text.to_owned())),
        };
        if name.is_empty() {
            return Err(refuse("the name before = is missing"));
        }
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

/// The arguments as one JSON object; the last of two with one name wins, as in a Python dict.
pub(crate) fn to_object(arguments: &[Argument]) -> Map<String, Value> {
    arguments
        .iter()
        .map(|argument| (argument.name.clone(), argument.value.clone()))
        .collect()
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word, self.reason)
    }
}

impl std::error::Error for ArgumentError {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_and_json() {
        assert_eq!(Argument::parse("a=1").unwrap().value, json!("1"));
        assert_eq!(Argument::parse("a:=1").unwrap().value, json!(1));
        assert_eq!(Argument::parse("a:={\"b\": [null]}").unwrap().value, json!({"b": [null]}));
        assert_eq!(Argument::parse("a=").unwrap().value, json!(""));
        assert_eq!(Argument::parse("a=b=c").unwrap().value, json!("b=c"));
        assert_eq!(Argument::parse("url=http://x:=y").unwrap().value, json!("http://x:=y"));
    }

    #[test]
    fn mistakes_name_the_word_and_the_way_out() {
        for (word, part) in [("a", "key=text"), ("a:=x", "not JSON"), ("=1", "missing"), (":=1", "missing")] {
            let error = Argument::parse(word).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_last_of_two_wins() {
        let words = ["a=1", "a=2"].map(|word| Argument::parse(word).unwrap());
        assert_eq!(Value::Object(to_object(&words)), json!({"a": "2"}));
    }
}
