//! The clients under test, each in a file of its own behind [`Client`].

mod amqp_client;
mod amqprs;
mod bergen;
mod bunny;
mod lapin;

use bergen_bench::BenchError;

use crate::echo::{Client, Side, work as echo};

/// What the table calls them, ours first.
pub(crate) const NAMES: [&str; 5] = [
    bergen::Bergen::NAME,
    lapin::Lapin::NAME,
    amqprs::Amqprs::NAME,
    bunny::Bunny::NAME,
    amqp_client::AmqpClient::NAME,
];

/// The crates they come from, in the same order.
pub(crate) const CRATES: [&str; 5] = ["bergen-amqp", "lapin", "amqprs", "bunny-rs", "amqp-client"];

/// What the others do less, or otherwise, than the load asks for.
pub(crate) const REMARKS: [(&str, &str); 4] = [
    (lapin::Lapin::NAME, lapin::REMARK),
    (amqprs::Amqprs::NAME, amqprs::REMARK),
    (bunny::Bunny::NAME, bunny::REMARK),
    (amqp_client::AmqpClient::NAME, amqp_client::REMARK),
];

/// Is one process of the client of that name.
pub(crate) async fn work(name: &str, side: Side, port: u16) -> Result<(), BenchError> {
    match name {
        bergen::Bergen::NAME => echo::<bergen::Bergen>(side, port).await,
        lapin::Lapin::NAME => echo::<lapin::Lapin>(side, port).await,
        amqprs::Amqprs::NAME => echo::<amqprs::Amqprs>(side, port).await,
        bunny::Bunny::NAME => echo::<bunny::Bunny>(side, port).await,
        amqp_client::AmqpClient::NAME => echo::<amqp_client::AmqpClient>(side, port).await,
        _ => Err(BenchError::Usage(format!("there is no client {name}"))),
    }
}
