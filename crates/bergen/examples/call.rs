//! Calls the service of the example `echo_service` with each word of the command line.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use bergen::prelude::*;

#[rpc_api(version = "1.0")]
trait EchoApi {
    /// Gives back what it gets.
    async fn echo(&self, value: &str) -> String;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("TRANSPORT_URL")
        .unwrap_or_else(|_| "rabbit://guest:guest@localhost:5672/".to_owned());
    let transport = RpcTransport::new(TransportOptions::default().url(url.parse()?))?;
    let rpc = RpcClient::new(&transport, ClientTarget::new("echo"));
    let echo = EchoApiClient::new(&rpc).with_timeout(Duration::from_secs(10));
    for word in std::env::args().skip(1) {
        writeln!(std::io::stdout(), "{}", echo.echo(&word).await?)?;
    }
    transport.close(Duration::from_secs(5)).await;
    Ok(())
}
