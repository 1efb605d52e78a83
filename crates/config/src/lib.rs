//! Options declared once: name, type, range, default, help; and their values, as oslo.config reads them.
//!
//! A room declares its options as constants ([`OptionDef`]); from the declaration follow the
//! parsing of every source (a configuration file, the environment, a transport URL's query, code), the checks, the
//! error messages, the documentation and the sample file. [`Options`] holds the values and knows where each
//! came from; [the file reader](mod@file) reads oslo.config's files. A service has a [`Configuration`], which reads all
//! of its sources together, and again when it is told to.
//!
//! This crate knows no particular option.
//!
//! ```
//! use bergen_config::{Kind, OptionDef, Options, Source, file::ConfigFile};
//!
//! const RABBIT: &str = "oslo_messaging_rabbit";
//! static OPTIONS: &[OptionDef] = &[
//!     OptionDef::new(RABBIT, "heartbeat_rate", Kind::int(1, 1000)).default("3").help("Checks."),
//!     OptionDef::new("DEFAULT", "transport_url", Kind::Text).default("rabbit://").secret(),
//! ];
//!
//! let mut options = Options::new(&[OPTIONS]);
//! options.load(&ConfigFile::parse("nova.conf", "[oslo_messaging_rabbit]\nheartbeat_rate = 5\n")?)?;
//! options.set(RABBIT, "heartbeat_rate", "7", Source::Url)?;
//! assert_eq!(options.get::<u32>(RABBIT, "heartbeat_rate")?, 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod file;

mod changes;
mod configuration;
mod convert;
mod declaration;
mod declared;
mod document;
mod error;
mod holder;
mod interpolation;
mod notice;
mod python;
mod resolve;
mod sample;
mod similar;
mod source;
mod value;
mod written;

pub use changes::{Change, Changes};
pub use configuration::{Configuration, ConfigurationBuilder};
pub use convert::FromValue;
pub use declaration::{Kind, OptionDef};
pub use document::{markdown, markdown_table};
pub use error::{ConfigError, OptionError, ReferenceProblem};
pub use holder::Options;
pub use notice::{Notice, Unknown};
pub use sample::sample;
pub use source::Source;
pub use value::{InvalidValue, Value};
