//! What the options of a service say.

use std::time::Duration;

use bergen_config::{OptionError, Options};
use bergen_messaging::target::Version;
use bergen_service::DynamicPasses;

use super::options::{UpgradeLevelError, upgrade_level};

/// What the [options](super::OPTIONS) of a service say. The default is nova's.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NovaSettings {
    /// Between two heartbeats; zero for none. Default: 10 s.
    pub report_interval: Duration,
    /// How long a service counts as up after a heartbeat. Default: 60 s.
    pub service_down_time: Duration,
    /// When periodic tasks run. Default: after a random delay of up to 60 s, then as they say.
    pub periodic: DynamicPasses,
    /// What the manager has for its end. Default: 160 s.
    pub manager_shutdown_timeout: Duration,
    /// What the process has for its end; zero for no limit. Default: 180 s.
    pub graceful_shutdown_timeout: Duration,
    /// The newest version of the base API to send. Default: no cap.
    pub baseapi_cap: Option<Version>,
    /// The newest version of the conductor's API to send. Default: no cap.
    pub conductor_cap: Option<Version>,
}

impl NovaSettings {
    /// Reads the options, of which all of [`OPTIONS`](super::OPTIONS) are declared.
    ///
    /// # Errors
    /// One can not be read.
    pub fn from_options(options: &Options) -> Result<Self, SettingsError> {
        let seconds = |name| options.get::<Duration>("DEFAULT", name);
        Ok(Self {
            report_interval: seconds("report_interval")?,
            service_down_time: seconds("service_down_time")?,
            periodic: DynamicPasses {
                periodic_enable: options.get("DEFAULT", "periodic_enable")?,
                periodic_fuzzy_delay: options.get("DEFAULT", "periodic_fuzzy_delay")?,
                periodic_interval_max: None,
            },
            manager_shutdown_timeout: seconds("manager_shutdown_timeout")?,
            graceful_shutdown_timeout: seconds("graceful_shutdown_timeout")?,
            baseapi_cap: upgrade_level(options, "baseapi")?,
            conductor_cap: upgrade_level(options, "conductor")?,
        })
    }

    /// `service_down_time`, or two and a half intervals (in whole seconds, with a warning) if that is no longer than an
    /// interval, since services that are up would count as down between two heartbeats.
    pub(super) fn effective_down_time(&self) -> Duration {
        if self.service_down_time > self.report_interval {
            return self.service_down_time;
        }
        let down_time = Duration::from_secs(self.report_interval.saturating_mul(5).as_secs() / 2);
        tracing::warn!(
            "report_interval must be less than service_down_time; now {} and {} s: service_down_time is {} s",
            self.report_interval.as_secs(),
            self.service_down_time.as_secs(),
            down_time.as_secs()
        );
        down_time
    }

    /// What the manager gets for its end: `manager_shutdown_timeout`, or 10 s less than the process has if that is less.
    pub(super) fn effective_manager_timeout(&self) -> Duration {
        let (manager, process) = (
            self.manager_shutdown_timeout,
            self.graceful_shutdown_timeout,
        );
        if process.is_zero() || manager <= process {
            return manager;
        }
        let timeout = process.saturating_sub(RESERVE);
        tracing::warn!(
            "manager_shutdown_timeout ({} s) is more than graceful_shutdown_timeout ({} s): the manager gets {} s",
            manager.as_secs(),
            process.as_secs(),
            timeout.as_secs()
        );
        timeout
    }
}

impl Default for NovaSettings {
    fn default() -> Self {
        Self {
            report_interval: Duration::from_secs(10),
            service_down_time: Duration::from_mins(1),
            periodic: DynamicPasses::default(),
            manager_shutdown_timeout: Duration::from_secs(160),
            graceful_shutdown_timeout: Duration::from_mins(3),
            baseapi_cap: None,
            conductor_cap: None,
        }
    }
}

/// Why the options of a service can not be followed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// One is not declared, or has a value that it can not have.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A version cap is none.
    #[error(transparent)]
    UpgradeLevel(#[from] UpgradeLevelError),
}

/// What the rest of the end may take after the manager's.
const RESERVE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
