//! The options of a URL.

use std::time::Duration;

use bergen_messaging::driver::DriverError;
use bergen_messaging::url::TransportUrl;

/// What can be set in the query of a `memory://` URL. The names are those of the `rabbit` driver's options, which mean
/// the same there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MemoryOptions {
    /// `bergen_no_server_grace`, seconds: how long a call waits for a server to appear before it fails with
    /// [`NoServer`](bergen_messaging::driver::SendError::NoServer); never more than half of its deadline. Default 0, it
    /// fails at once: inside one process nobody is late because of a network.
    pub no_server_grace: Duration,
    /// `bergen_max_waiting_calls`: how many calls of one driver may wait at once; more fail with
    /// [`Overloaded`](bergen_messaging::driver::SendError::Overloaded). Default 65 536, as `rabbit`.
    pub max_waiting_calls: usize,
    /// `bergen_max_waiting_bytes`: how much may wait in the queues of the bus when a driver sends; more fails with
    /// [`Overloaded`](bergen_messaging::driver::SendError::Overloaded). Counts the texts of the messages and what
    /// the broker's core adds for each. Default 256 MiB, as `rabbit`: notifications that nobody listens for wait here for ever.
    pub max_waiting_bytes: u64,
    /// `bergen_cancel`: whether calls that are given up are cancelled at their servers. Default true, as `rabbit`.
    pub cancel_calls: bool,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            no_server_grace: Duration::ZERO,
            max_waiting_calls: 65_536,
            max_waiting_bytes: 256 * 1024 * 1024,
            cancel_calls: true,
        }
    }
}

impl MemoryOptions {
    /// The options of a URL, and the defaults of those that it does not set.
    ///
    /// # Errors
    /// [`DriverError::InvalidOption`]: a name that is not known, or a value that is not acceptable.
    pub fn of(url: &TransportUrl) -> Result<Self, DriverError> {
        let mut options = Self::default();
        for (name, value) in url.query() {
            let known = match name.as_str() {
                "bergen_no_server_grace" => seconds(value).map(|it| options.no_server_grace = it),
                "bergen_max_waiting_calls" => {
                    at_least_one(value).map(|it| options.max_waiting_calls = it)
                }
                "bergen_max_waiting_bytes" => {
                    at_least_one(value).map(|it| options.max_waiting_bytes = it as u64)
                }
                "bergen_cancel" => boolean(value).map(|it| options.cancel_calls = it),
                _ => Err(
                    "is unknown; known are bergen_no_server_grace, bergen_max_waiting_calls, \
                          bergen_max_waiting_bytes and bergen_cancel",
                ),
            };
            known.map_err(|wrong| DriverError::InvalidOption {
                driver: url.driver().to_owned(),
                cause: format!("{} {wrong}", name.escape_debug()),
            })?;
        }
        Ok(options)
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text
        .parse::<f64>()
        .ok()
        .filter(|seconds| *seconds <= 3600.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or("must be seconds from 0 to 3600")
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("must be a whole number of at least 1")
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("must be true or false"),
    }
}
