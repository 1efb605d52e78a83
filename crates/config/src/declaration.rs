//! What an option is.

use crate::value::{InvalidValue, Value};

/// The declaration of one option. Build it in a constant.
///
/// ```
/// use bergen_config::{Kind, OptionDef};
///
/// const RETRY: OptionDef = OptionDef::new("oslo_messaging_rabbit", "rabbit_retry_interval", Kind::int(1, 3600))
///     .default("1")
///     .help("Seconds before the second attempt to connect.");
/// assert!(RETRY.parse("0").is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OptionDef {
    /// Section of the configuration file, for example `DEFAULT`.
    pub group: &'static str,
    /// Name in the configuration file and in a URL's query.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default as it would be written in a file; `None` if the option has no value unless
    /// somebody sets it.
    pub default: Option<&'static str>,
    /// One or two sentences for operators.
    pub help: &'static str,
    /// Whether a running service takes over a changed value.
    pub mutable: bool,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// Older names in the same group, which files may still use.
    pub old_names: &'static [&'static str],
    /// Older places, as group and name, which files may still use.
    pub old_places: &'static [(&'static str, &'static str)],
    /// Why the option will go or is without effect; `None` for the others.
    pub deprecated: Option<&'static str>,
}

impl OptionDef {
    /// An option without default or help.
    pub const fn new(group: &'static str, name: &'static str, kind: Kind) -> Self {
        Self {
            group,
            name,
            kind,
            default: None,
            help: "",
            mutable: false,
            secret: false,
            old_names: &[],
            old_places: &[],
            deprecated: None,
        }
    }

    /// With this default, as it would be written in a file.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// With this help.
    #[must_use]
    pub const fn help(mut self, text: &'static str) -> Self {
        self.help = text;
        self
    }

    /// A running service takes over a changed value.
    #[must_use]
    pub const fn mutable(mut self) -> Self {
        self.mutable = true;
        self
    }

    /// The value is never shown.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Files may use these older names.
    #[must_use]
    pub const fn old_names(mut self, names: &'static [&'static str]) -> Self {
        self.old_names = names;
        self
    }

    /// Files may use these older places, given as group and name.
    #[must_use]
    pub const fn old_places(mut self, places: &'static [(&'static str, &'static str)]) -> Self {
        self.old_places = places;
        self
    }

    /// The option will go, or is without effect, for this reason.
    #[must_use]
    pub const fn deprecated(mut self, reason: &'static str) -> Self {
        self.deprecated = Some(reason);
        self
    }

    /// Reads a value as it is written in a file, without `$name` in it; `None` for a number of which nothing is
    /// written, which unsets it.
    pub fn parse(&self, text: &str) -> Result<Option<Value>, InvalidValue> {
        self.kind.parse(text)
    }
}

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// `true`, `1`, `on`, `yes` or `false`, `0`, `off`, `no`, in any case.
    Bool,
    /// A whole number in a range, bounds included.
    Int {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A finite decimal number in a range, bounds included.
    Float {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// Any text.
    Text,
    /// One of these words, written exactly so.
    Choice(&'static [&'static str]),
    /// Texts separated by commas.
    List,
    /// `key:value` pairs separated by commas.
    Dict,
    /// Texts, each in a line of its own with the option's name repeated.
    Multi,
}

impl Kind {
    /// A whole number from `min` to `max`.
    pub const fn int(min: i64, max: i64) -> Self {
        Self::Int { min, max }
    }

    /// A whole number of at least `min`.
    pub const fn int_from(min: i64) -> Self {
        Self::Int { min, max: i64::MAX }
    }

    /// Any whole number of 64 bits.
    pub const fn any_int() -> Self {
        Self::Int {
            min: i64::MIN,
            max: i64::MAX,
        }
    }

    /// A decimal number from `min` to `max`.
    pub const fn float(min: f64, max: f64) -> Self {
        Self::Float { min, max }
    }

    /// A decimal number of at least `min`.
    pub const fn float_from(min: f64) -> Self {
        Self::Float { min, max: f64::MAX }
    }
}
