//! The start of a server: it waits for the broker, not for ever, and says so.

use std::time::Duration;

use bergen::rpc::RpcServer;
use bergen::transport::{NotificationTransport, RpcTransport};
use bergen::url::TransportUrl;
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

    /// The transport to listen for notifications on.
    pub(crate) fn notification_transport(
        &self,
        connection: &ConnectionOptions,
    ) -> Result<NotificationTransport, Failed> {
        connection.notification_transport_for_listener(self.connect_timeout)
    }

    /// Starts a server, unless a signal comes first.
    pub(crate) async fn start(
        &self,
        server: &RpcServer,
        transport: &RpcTransport,
        signals: &mut Signals,
    ) -> Result<(), Failed> {
        self.wait_for(server.start(), transport.url(), signals)
            .await
    }

    /// Waits for what begins to serve at this broker, unless a signal comes first.
    pub(crate) async fn wait_for<T, E: Into<Failed>>(
        &self,
        start: impl Future<Output = Result<T, E>>,
        url: &TransportUrl,
        signals: &mut Signals,
    ) -> Result<T, Failed> {
        let start = async {
            let mut starting = std::pin::pin!(start);
            tokio::select! {
                biased;
                started = &mut starting => return started.map_err(Into::into),
                () = tokio::time::sleep(QUIET) => {}
            }
            output::diagnose(&format!(
                "waiting for the broker at {url}; giving up after {} s (--connect-timeout)",
                self.connect_timeout.as_secs_f64()
            ));
            starting.await.map_err(Into::into)
        };
        signals.unless(start).await
    }
}
