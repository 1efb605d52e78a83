//! The options of a launcher, under the names that operators know.

use std::time::Duration;

use bergen_config::{Kind, OptionDef, Options};

use crate::{INTROSPECTION_OPTIONS, PERIODIC_OPTIONS};

/// The options that a [`Launcher`](crate::Launcher) reads. A program declares them beside its own; of an option that it
/// does not declare, the default counts.
///
/// A program may declare one again with another default, as nova does with its 180 s of `graceful_shutdown_timeout`.
pub static OPTIONS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "log_options", Kind::Bool)
        .default("true")
        .help("Whether all options are logged at level DEBUG when a service starts. Secrets are masked."),
    OptionDef::new("DEFAULT", "graceful_shutdown_timeout", Kind::int_from(0))
        .default("60")
        .mutable()
        .help("Seconds from SIGTERM to the end of the process, whatever still runs. 0: no limit."),
    OptionDef::new("DEFAULT", "bergen_respawn_pause", Kind::int_from(0))
        .default("1")
        .help("Seconds before the next worker starts when workers end too fast."),
];

/// All options that this crate declares, for programs that declare or document them together.
pub static DECLARED: &[&[OptionDef]] = &[OPTIONS, PERIODIC_OPTIONS, INTROSPECTION_OPTIONS];

/// What the options say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) log_options: bool,
    /// From the first SIGTERM to the end; `None` is for ever.
    pub(crate) graceful_shutdown_timeout: Option<Duration>,
    pub(crate) respawn_pause: Duration,
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Self {
        let seconds = |name, default| {
            let declared = options.get::<u64>("DEFAULT", name);
            Duration::from_secs(declared.unwrap_or(default))
        };
        let timeout = seconds("graceful_shutdown_timeout", 60);
        Self {
            log_options: options.get("DEFAULT", "log_options").unwrap_or(true),
            graceful_shutdown_timeout: (!timeout.is_zero()).then_some(timeout),
            respawn_pause: seconds("bergen_respawn_pause", 1),
        }
    }
}
