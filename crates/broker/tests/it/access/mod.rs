//! Who gets in, and what they may do.

mod doorstep;
mod logins;
mod operations;
mod places;

use std::time::Duration;

use bergen_amqp::client::{ConnectError, ConnectOptions, Connection, Login};
use bergen_broker::{Access, Address, Broker, PasswordHash, User};
use tokio::time::timeout;

/// As long as anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A broker with users `nova` and `neutron`, password `s3cret`.
async fn broker() -> Broker {
    Broker::builder().access(users()).start().await.unwrap()
}

fn users() -> Access {
    let user = |name| User::new(name, PasswordHash::new("s3cret")).full_access();
    Access::new([user("nova"), user("neutron")]).unwrap()
}

fn port(broker: &Broker) -> u16 {
    match broker.addresses() {
        [Address::Tcp(address) | Address::Tls(address), ..] => address.port(),
        other => panic!("{other:?}"),
    }
}

fn options(port: u16, login: Login) -> ConnectOptions {
    ConnectOptions {
        host: "localhost".to_owned(),
        port,
        login,
        ..ConnectOptions::default()
    }
}

async fn log_in(port: u16, login: Login) -> Result<Connection, ConnectError> {
    let open = Connection::open(options(port, login));
    within(Box::pin(open))
        .await
        .map(|(connection, _)| connection)
}

async fn within<F: std::future::IntoFuture>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("too slow")
}
