//! The three consumers of a service, as nova's Havana release started them one by one:
//!
//! | Havana | queue | gets |
//! |---|---|---|
//! | `conn.create_consumer(topic, dispatcher, fanout=False)` | `compute` | what any host may do; shared by all |
//! | `conn.create_consumer("topic.host", dispatcher, fanout=False)` | `compute.host-1` | what this host is to do |
//! | `conn.create_consumer(topic, dispatcher, fanout=True)` | one of its own | what all are told |
//! | `conn.consume_in_thread()` | | |
//!
//! Since then one consumer with a topic and a host is all three, and so it is here. The example sends to each; its bus is
//! inside the process.
//!
//! ```text
//! cargo run -p bergen --example three_consumers
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bergen::prelude::*;
use bergen::rpc::{Connection, Endpoint};
use serde_json::json;

struct Compute;

#[endpoint(version = "1.0")]
impl Compute {
    /// Says by which way it was reached.
    #[rpc]
    async fn reached(&self, by: String) -> String {
        eprintln!("reached by {by}");
        by
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = "memory://three-consumers".parse()?;
    let transport = RpcTransport::new(TransportOptions::default().url(url))?;
    let mut connection = Connection::new(&transport);
    let dispatcher: Arc<dyn Endpoint> = Arc::new(Compute);
    connection.create_consumer("compute", [dispatcher], false);
    connection.consume_in_threads().await?;

    let ctxt = Context::default();
    let any = RpcClient::new(&transport, ClientTarget::new("compute"));
    let _: String = any.call(&ctxt, "reached", &json!({"by": "topic"})).await?;
    let host = any.prepare().server(transport.host());
    let _: String = host
        .call(&ctxt, "reached", &json!({"by": "topic.host"}))
        .await?;
    any.fanout(&ctxt, "reached", &json!({"by": "fanout"}))
        .await?;

    // Finishes what came.
    connection.close().await?;
    transport.close(Duration::from_secs(5)).await;
    Ok(())
}
