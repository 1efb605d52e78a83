//! An exception on the wire.

use std::sync::Arc;

use super::fields::{json_member, text_member};
use super::json::check;
use super::write::JsonWriter;
use super::{Charset, JsonKind, Limits, RawJson};

/// A remote failure: an exception as the peers send it (the JSON text in a reply's `failure`).
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Class name without its module, for example `InstanceNotFound`.
    pub class: String,
    /// Module path, `builtins` for Python's own. Peers map module and class to an exception.
    pub module: String,
    /// The exception's text.
    pub message: String,
    /// Formatted traceback; each item ends with a newline, the last is the exception line.
    pub tb: Vec<String>,
    /// Positional arguments of the exception: a JSON array.
    pub args: RawJson,
    /// Keyword arguments of the exception: a JSON object.
    pub kwargs: RawJson,
}

impl Failure {
    /// A failure without traceback whose only positional argument is its message.
    pub fn new(
        module: impl Into<String>,
        class: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let message = message.into();
        let args = RawJson::encode(&[&message]).unwrap_or_else(|_| RawJson::empty_array());
        Self {
            class: class.into(),
            module: module.into(),
            message,
            tb: Vec::new(),
            args,
            kwargs: RawJson::empty_object(),
        }
    }

    /// Whether the exception is one of Python's own. Very old peers call the module `exceptions`.
    pub fn is_builtin(&self) -> bool {
        matches!(self.canonical_module(), "builtins")
    }

    /// The module, with `builtins` for its old name `exceptions`.
    pub fn canonical_module(&self) -> &str {
        match self.module.as_str() {
            "exceptions" => "builtins",
            module => module,
        }
    }

    /// The failure as it was before it was received: a peer names what came from another call
    /// `<Class>_Remote` in `<module>_Remote`, and cuts both when it sends it on. Cuts nothing
    /// unless both end so.
    #[must_use]
    pub fn without_remote_suffix(mut self) -> Self {
        let class = self.class.strip_suffix(REMOTE).map(str::to_owned);
        let module = self.module.strip_suffix(REMOTE).map(str::to_owned);
        if let (Some(class), Some(module)) = (class, module) {
            self.class = class;
            self.module = module;
        }
        self
    }
}

impl Failure {
    /// The JSON text that a reply carries as a string.
    pub fn to_json(&self) -> String {
        let mut text = Vec::new();
        let writer = &mut JsonWriter::new(&mut text, Charset::Utf8);
        writer.plain("{");
        writer.name("class");
        writer.string(&self.class);
        text_member(writer, "module", &self.module);
        text_member(writer, "message", &self.message);
        writer.plain(", ");
        writer.name("tb");
        writer.plain("[");
        for (index, line) in self.tb.iter().enumerate() {
            if index > 0 {
                writer.plain(", ");
            }
            writer.string(line);
        }
        writer.plain("]");
        json_member(writer, "args", self.args.as_str());
        json_member(writer, "kwargs", self.kwargs.as_str());
        writer.plain("}");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Reads the value of a reply's `failure`; null and the empty string are none.
    pub(super) fn read(value: &RawJson, limits: &Limits) -> Option<Self> {
        match value.kind() {
            JsonKind::Null => None,
            JsonKind::Object => Some(Self::from_object(value)),
            JsonKind::String => {
                let text = value.as_text()?;
                if text.is_empty() {
                    return None;
                }
                let source: Arc<str> = Arc::from(text.as_str());
                let object = check(&source, limits.depth)
                    .map(|range| RawJson::slice(&source, range))
                    .ok()
                    .filter(|json| json.kind() == JsonKind::Object);
                Some(
                    object.map_or_else(|| Self::unreadable(&text), |json| Self::from_object(&json)),
                )
            }
            _ => Some(Self::unreadable(value.as_str())),
        }
    }

    /// What is missing or of another type is empty: half a failure tells more than none.
    fn from_object(object: &RawJson) -> Self {
        let mut failure = Self {
            class: String::new(),
            module: String::new(),
            message: String::new(),
            tb: Vec::new(),
            args: RawJson::empty_array(),
            kwargs: RawJson::empty_object(),
        };
        for (key, value) in object.members() {
            match key.as_str() {
                "class" => failure.class = text(&value),
                "module" => failure.module = text(&value),
                "message" => failure.message = text(&value),
                "tb" if value.kind() == JsonKind::String => failure.tb = vec![text(&value)],
                "tb" => failure.tb = value.elements().map(|line| text(&line)).collect(),
                "args" if value.kind() == JsonKind::Array => failure.args = value,
                "kwargs" if value.kind() == JsonKind::Object => failure.kwargs = value,
                _ => {}
            }
        }
        failure
    }

    /// A failure that is not in the peers' form. Its class is that of Python's generic error, so
    /// that nobody takes it for an exception of an application.
    fn unreadable(text: &str) -> Self {
        Self {
            args: RawJson::empty_array(),
            ..Self::new("oslo_messaging.rpc.client", "RemoteError", text)
        }
    }
}

const REMOTE: &str = "_Remote";

/// The string that a value is; nothing for null, the JSON for what is no string.
fn text(value: &RawJson) -> String {
    match value.kind() {
        JsonKind::Null => String::new(),
        _ => value
            .as_text()
            .map_or_else(|| value.to_string(), |text| text.to_string()),
    }
}
