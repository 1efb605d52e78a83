//! What a server wants to be known without failing.

use std::time::Duration;

/// Something that a program, or whoever runs it, should know about. Logged, counted, and handed to the function of
/// [`RpcServerBuilder::on_warning`](super::RpcServerBuilder::on_warning).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerWarning {
    /// A method that is acknowledged late runs for so long that the broker would close the channel.
    #[error(
        "{} still runs {after:?} after its request came: acknowledged it now, before the broker's consumer timeout \
         of {consumer_timeout:?}; if this process dies, nobody runs it again",
        method.escape_debug()
    )]
    AcknowledgedEarly {
        /// The method.
        method: String,
        /// How long after receipt it was acknowledged.
        after: Duration,
        /// What the server was told of the broker's limit.
        consumer_timeout: Duration,
    },
}

/// Who hears warnings besides the log.
pub(super) type OnWarning = Box<dyn Fn(&ServerWarning) + Send + Sync>;
