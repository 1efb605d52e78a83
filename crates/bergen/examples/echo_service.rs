//! A service with one method, until Ctrl-C.
//!
//! ```text
//! cargo run -p bergen --example echo_service
//! cargo run -p bergen --example call -- hello
//! ```
//!
//! The broker is the one of `TRANSPORT_URL`, or RabbitMQ on this machine.

use std::error::Error;
use std::time::Duration;

use bergen::prelude::*;

struct Echo;

#[endpoint(version = "1.0")]
impl Echo {
    /// Gives back what it gets.
    #[rpc]
    async fn echo(&self, value: String) -> String {
        value
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("TRANSPORT_URL")
        .unwrap_or_else(|_| "rabbit://guest:guest@localhost:5672/".to_owned());
    let transport = RpcTransport::new(TransportOptions::default().url(url.parse()?))?;
    let server = RpcServer::builder(&transport, ServerTarget::new("echo", "example"))
        .endpoint(Echo)
        .build();
    server.start().await?;
    eprintln!("serving topic echo; Ctrl-C ends it");
    tokio::signal::ctrl_c().await?;

    // Takes nothing new, then answers what it took.
    server.stop().await?;
    server.wait().await?;
    transport.close(Duration::from_secs(5)).await;
    Ok(())
}
