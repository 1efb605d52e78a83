//! Method arguments as they are typed: `key=text` and `key:=json`, the way of `HTTPie`.

use std::collections::BTreeMap;
use std::fmt;

use bergen::wire::{Context, RawJson};

use crate::exit::Failed;

/// One argument of a method, as it stood on the command line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Argument {
    /// The argument's name.
    pub(crate) name: String,
    /// Its value: text for `key=text`, any JSON for `key:=json`, which is sent as it was typed.
    pub(crate) value: RawJson,
}

/// Why a word on the command line is not an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArgumentError(String);

impl Argument {
    /// Reads one word.
    ///
    /// The first `=` splits; a `:` right before it says that JSON follows.
    pub(crate) fn parse(word: &str) -> Result<Self, ArgumentError> {
        let refuse = |reason: String| ArgumentError(reason);
        let (key, text) = word
            .split_once('=')
            .ok_or_else(|| refuse("write key=text, or key:=json".to_owned()))?;
        let (name, value) = match key.strip_suffix(':') {
            Some(name) => (name, RawJson::parse(text)),
            None => (key, RawJson::encode(text)),
        };
        if name.is_empty() {
            return Err(refuse("the name before = is missing".to_owned()));
        }
        let value = value.map_err(|error| {
            refuse(format!(
                "what follows := is not JSON: {error} (for a string write {name}=text)"
            ))
        })?;
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

/// The arguments as one JSON object; the last of two with one name wins, as in a Python dict.
pub(crate) fn to_object(arguments: &[Argument]) -> BTreeMap<&str, &RawJson> {
    arguments
        .iter()
        .map(|argument| (argument.name.as_str(), &argument.value))
        .collect()
}

/// The arguments as a context.
pub(crate) fn to_context(arguments: &[Argument]) -> Result<Context, Failed> {
    let mut context = Context::default();
    for (key, value) in to_object(arguments) {
        context
            .insert(key, value)
            .map_err(|error| Failed::Usage(format!("--context: {error}")))?;
    }
    Ok(context)
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArgumentError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(word: &str) -> String {
        Argument::parse(word).unwrap().value.as_str().to_owned()
    }

    #[test]
    fn text_and_json() {
        assert_eq!(value("a=1"), r#""1""#);
        assert_eq!(value("a:=1"), "1");
        assert_eq!(value(r#"a:={"b": [null]}"#), r#"{"b": [null]}"#);
        assert_eq!(value("a="), r#""""#);
        assert_eq!(value("a=b=c"), r#""b=c""#);
        assert_eq!(value("url=http://x:=y"), r#""http://x:=y""#);
    }

    #[test]
    fn json_is_kept_as_it_was_typed() {
        for typed in ["1208925819614629174706176", "1.0", "1e400", "NaN"] {
            assert_eq!(value(&format!("a:={typed}")), typed);
        }
    }

    #[test]
    fn mistakes_say_the_way_out() {
        for (word, part) in [
            ("a", "key=text"),
            ("a:=x", "write a=text"),
            ("a:=", "not JSON"),
            ("=1", "missing"),
            (":=1", "missing"),
        ] {
            let error = Argument::parse(word).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_last_of_two_wins() {
        let words = ["a=1", "a=2"].map(|word| Argument::parse(word).unwrap());
        let object = RawJson::encode(&to_object(&words)).unwrap();
        assert_eq!(object.as_str(), r#"{"a":"2"}"#);
    }
}
