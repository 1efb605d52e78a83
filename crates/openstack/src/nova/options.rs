//! The options of nova's services, under the names that operators know.

use bergen_config::{Kind, OptionDef, OptionError, Options};
use bergen_messaging::target::Version;

/// The exchange of nova's topics.
pub const CONTROL_EXCHANGE: &str = "nova";

/// What a service of nova reads. Declared after the options of messaging and of the launcher, so that nova's own
/// defaults of `control_exchange` and `graceful_shutdown_timeout` count.
pub static OPTIONS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "control_exchange", Kind::Text)
        .default(CONTROL_EXCHANGE)
        .help("Exchange of the topics that name none."),
    OptionDef::new("DEFAULT", "graceful_shutdown_timeout", Kind::int_from(0))
        .default("180")
        .mutable()
        .help("Seconds from SIGTERM to the end of the process, whatever still runs. 0: no limit."),
    OptionDef::new("DEFAULT", "manager_shutdown_timeout", Kind::int_from(0))
        .default("160")
        .help("Seconds that the manager has for its own end, less than graceful_shutdown_timeout."),
    OptionDef::new("DEFAULT", "report_interval", Kind::int_from(0))
        .default("10")
        .help("Seconds between two heartbeats, less than service_down_time. 0: no heartbeat."),
    OptionDef::new("DEFAULT", "service_down_time", Kind::int_from(0))
        .default("60")
        .help("Seconds since its last heartbeat after which a service counts as down."),
    OptionDef::new("DEFAULT", "servicegroup_driver", Kind::Choice(&["db"]))
        .default("db")
        .help("How services know of each other that they are up. mc needs a cache that Python alone can read."),
    OptionDef::new("DEFAULT", "periodic_enable", Kind::Bool)
        .default("true")
        .help("Whether periodic tasks run."),
    OptionDef::new("DEFAULT", "periodic_fuzzy_delay", Kind::int(0, 86_400))
        .default("60")
        .help("Longest random delay before the first pass of periodic tasks, seconds."),
    OptionDef::new("conductor", "workers", Kind::int_from(1))
        .help("Workers of the conductor. Default: the number of processors."),
    OptionDef::new("upgrade_levels", "baseapi", Kind::Text)
        .help("Newest version of the base API to send, for example 1.0. Default: the newest."),
    OptionDef::new("upgrade_levels", "conductor", Kind::Text)
        .help("Newest version of the conductor's API to send, for example 3.0. Default: the newest."),
    OptionDef::new("upgrade_levels", "compute", Kind::Text)
        .help("Newest version of the computes' API to send, for example 6.2. Default: the newest."),
];

/// The version cap of an API (`baseapi`, `conductor`, `compute`), from its option in `[upgrade_levels]`.
///
/// Only versions are read. nova also takes the name of a release, and `auto` for the oldest compute that is registered;
/// both stand for a version of its own tables.
///
/// # Errors
/// The option is not declared, or is no version.
pub fn upgrade_level(options: &Options, api: &str) -> Result<Option<Version>, UpgradeLevelError> {
    let level: Option<String> = options.get("upgrade_levels", api)?;
    let level = level.filter(|level| !level.is_empty());
    level
        .map(|level| {
            level.parse().map_err(|_| UpgradeLevelError::NoVersion {
                api: api.to_owned(),
                level,
            })
        })
        .transpose()
}

/// Why an option of `[upgrade_levels]` can not be followed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeLevelError {
    /// It can not be read.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// It is a release's name, `auto`, or a mistake.
    #[error(
        "[upgrade_levels] {api} = {level:?} is not a version; write the version of the API, as 3.0, or leave it out"
    )]
    NoVersion {
        /// The option.
        api: String,
        /// Its value.
        level: String,
    },
}

#[cfg(test)]
mod tests;
