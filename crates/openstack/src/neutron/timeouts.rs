//! How long calls of each method may take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bergen_config::{OptionError, Options};

/// The timeouts of [`BackingOffClient`](super::BackingOffClient)s, one for each method, which grow when calls time out.
///
/// neutron has one table in a process. Here it is a value: clones are the same table, and a program gives one to all its
/// clients.
#[derive(Debug, Clone)]
pub struct MethodTimeouts {
    response_timeout: Duration,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug)]
struct Table {
    max_timeout: Duration,
    /// Methods whose timeout is not the default. They are those that the program itself calls, so they are few.
    timeouts: HashMap<String, Duration>,
}

impl MethodTimeouts {
    /// Calls begin with `rpc_response_timeout` and never wait longer than `rpc_response_max_timeout`.
    pub fn new(response_timeout: Duration, max_timeout: Duration) -> Self {
        Self {
            response_timeout,
            table: Arc::new(Mutex::new(Table {
                max_timeout,
                timeouts: HashMap::new(),
            })),
        }
    }

    /// With the values of a configuration that declares messaging's options and [`RPC_OPTIONS`](super::RPC_OPTIONS).
    ///
    /// # Errors
    /// One of them is not declared.
    pub fn from_options(options: &Options) -> Result<Self, OptionError> {
        let response_timeout = options.get("DEFAULT", "rpc_response_timeout")?;
        let max_timeout = options.get("DEFAULT", "rpc_response_max_timeout")?;
        Ok(Self::new(response_timeout, max_timeout))
    }

    /// The timeout of the next call of a method; `namespace.method` if it has a namespace.
    pub fn timeout(&self, method: &str) -> Duration {
        let table = self.table();
        let grown = table.timeouts.get(method);
        grown.copied().unwrap_or(self.response_timeout)
    }

    /// Lowers the ceiling, and with it the timeouts that are above; a higher one has no effect. The OVS agent does it
    /// when it shuts down, so as not to wait for long.
    pub fn set_max_timeout(&self, max_timeout: Duration) {
        let mut table = self.table();
        if max_timeout < table.max_timeout {
            table.max_timeout = max_timeout;
            for timeout in table.timeouts.values_mut() {
                *timeout = max_timeout.min(*timeout);
            }
        }
    }

    /// A call that waited for `used` has timed out: doubles the method's timeout, up to the ceiling. It never shrinks
    /// again. Gives the longest time to sleep before the caller hears of it.
    pub(super) fn timed_out(&self, method: &str, used: Duration) -> Duration {
        let before = self.timeout(method);
        let mut table = self.table();
        let grown = used.saturating_mul(2).min(table.max_timeout);
        if grown > before {
            tracing::warn!(
                "{method} has {} s from now on; only a restart of the program takes that back",
                grown.as_secs_f64()
            );
            table.timeouts.insert(method.to_owned(), grown);
        }
        before.min(self.response_timeout)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// neutron's defaults: 60 s, up to 600 s.
impl Default for MethodTimeouts {
    fn default() -> Self {
        Self::new(Duration::from_mins(1), Duration::from_mins(10))
    }
}
