//! The start of a server: it waits for the broker, not for ever, and says so.

use std::time::Duration;

use bergen::rpc::RpcServer;
use bergen::transport::RpcTransport;
use clap::Args;

use crate::connection::{ConnectionOptions, positive_seconds};
use crate::exit::Failed;
use crate::output;
use crate::stop::Signals;

/// What commands that serve have on top of [`ConnectionOptions`].
#[derive(Debug, Args)]
pub(crate) struct StartOptions {
    /// Seconds to wait at the start for a broker that can't be reached; once ready it is waited for without end
    #[arg(long, default_value = "10", value_parser = positive_seconds, value_name = "SECONDS")]
    connect_timeout: Duration,
}

/// A start that takes no longer needs no words.
const QUIET: Duration = Duration::from_secs(1);

impl StartOptions {
    /// The transport to serve on.
    pub(crate) fn rpc_transport(
        &self,
        connection: &ConnectionOptions,
    ) -> Result<RpcTransport, Failed> {
        connection.rpc_transport_for_server(self.connect_timeout)
    }

    /// Starts a server, unless a signal comes first.
    pub(crate) async fn start(
        &self,
        server: &RpcServer,
        transport: &RpcTransport,
        signals: &mut Signals,
    ) -> Result<(), Failed> {
        let start = async {
            let mut starting = std::pin::pin!(server.start());
            tokio::select! {
                biased;
                started = &mut starting => return Ok(started?),
                () = tokio::time::sleep(QUIET) => {}
            }
            output::diagnose(&format!(
                "waiting for the broker at {}; giving up after {} s (--connect-timeout)",
                transport.url(),
                self.connect_timeout.as_secs_f64()
            ));
            Ok(starting.await?)
        };
        signals.unless(start).await
    }
}
