//! From options to an open connection.

use std::future::Future;
use std::io;
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::command::{CommandSender, ConnectionState};
use super::io_thread::{self, AtHome};
use super::task::{Hub, Task};
use super::{ConnectError, ConnectOptions, Connection, ConnectionEvents, TlsError, tls};
use crate::codec::{FieldTable, FieldValue, reply_code};
use crate::protocol::{self, ClientConfig, CloseReason, Phase};

/// Connects where the options want the connection to live.
pub(super) async fn open(
    options: ConnectOptions,
) -> Result<(Connection, ConnectionEvents), ConnectError> {
    let home = Handle::current();
    if !options.io_thread {
        return open_here(options, home).await;
    }
    let address = address(&options);
    io_thread::run(open_here(options, home))
        .await
        .unwrap_or_else(|error| {
            Err(ConnectError::Unreachable {
                address,
                kind: error.kind(),
                message: format!("no I/O thread: {error}"),
            })
        })
}

/// Connects over TCP, with TLS if the options say so. What sinks spawn goes to `home`.
async fn open_here(
    options: ConnectOptions,
    home: Handle,
) -> Result<(Connection, ConnectionEvents), ConnectError> {
    within(&options, async {
        let host = options.host.trim_start_matches('[').trim_end_matches(']');
        let tcp = TcpStream::connect((host, options.port))
            .await
            // Each frame that completes a turn should leave at once; turns do the batching.
            .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
            .map_err(|error| ConnectError::Unreachable {
                address: address(&options),
                kind: error.kind(),
                message: error.to_string(),
            })?;
        if options.tls.is_none() && options.login.username().is_some() {
            warn_of_clear_password(&options, &tcp);
        }
        match &options.tls {
            None => handshake(tcp, &options, home).await,
            Some(tls_options) => {
                let stream = tls::handshake(tls_options, host, tcp)
                    .await
                    .map_err(|error| tls_error(&options, error))?;
                handshake(stream, &options, home).await
            }
        }
    })
    .await
}

/// Connects over a stream that is there already.
#[cfg(test)]
pub(super) async fn open_over<S>(
    stream: S,
    options: ConnectOptions,
) -> Result<(Connection, ConnectionEvents), ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    within(&options, handshake(stream, &options, Handle::current())).await
}

async fn within<T>(
    options: &ConnectOptions,
    connecting: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let after = options.connect_timeout;
    timeout(after, connecting).await.unwrap_or_else(|_| {
        Err(ConnectError::TimedOut {
            address: address(options),
            after,
        })
    })
}

/// Logs in and leaves the connection to a task of its own.
async fn handshake<S>(
    stream: S,
    options: &ConnectOptions,
    home: Handle,
) -> Result<(Connection, ConnectionEvents), ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (task, connection, events) = log_in(stream, options).await?;
    let spawned = if options.io_thread {
        tokio::spawn(AtHome::new(home, task))
    } else {
        tokio::spawn(task)
    };
    connection.spawned(spawned.abort_handle());
    Ok((connection, events))
}

/// Logs in; the connection lives while somebody polls its task.
pub(super) async fn log_in<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    options: &ConnectOptions,
) -> Result<(Task<S>, Connection, ConnectionEvents), ConnectError> {
    let state = Arc::new(ConnectionState::default());
    let (commands, receiver) = CommandSender::new(Arc::clone(&state));
    let (blocked, watcher) = watch::channel(None);
    let protocol = protocol::Connection::client(client_config(options), Instant::now().into_std());
    let hub = Hub::new(
        options,
        protocol,
        Arc::clone(&state),
        commands.downgrade(),
        blocked,
    );
    let mut task = Task::new(stream, hub, receiver);
    let connected = task
        .connect()
        .await
        .map_err(|reason| connect_error(options, reason, task.hub().tls_error()))?;
    let connection = Connection::new(commands, connected.server_properties, watcher.clone());
    Ok((task, connection, ConnectionEvents::new(watcher, state)))
}

/// Says once that passwords can be read on the way, if it is a way.
fn warn_of_clear_password(options: &ConnectOptions, tcp: &TcpStream) {
    static WARN: Once = Once::new();
    if tcp
        .peer_addr()
        .is_ok_and(|peer| !peer.ip().to_canonical().is_loopback())
    {
        WARN.call_once(|| {
            tracing::warn!(
                address = address(options),
                "the password goes to the broker in clear; use TLS outside of this machine"
            );
        });
    }
}

fn client_config(options: &ConnectOptions) -> ClientConfig {
    let mut properties = FieldTable::new()
        .with("product", text(&options.product))
        .with("version", text(&options.product_version))
        .with("platform", text("Rust"));
    if let Some(name) = &options.connection_name {
        properties = properties.with("connection_name", text(name));
    }
    let mut config = ClientConfig::new(options.login.clone());
    config.virtual_host.clone_from(&options.virtual_host);
    config.client_properties = properties;
    config.heartbeat = options.heartbeat;
    config.frame_max = options.frame_max;
    config.channel_max = options.channel_max;
    // The bound on all of connecting rings first, and tells the same.
    config.handshake_timeout = options.connect_timeout + Duration::from_secs(1);
    config.close_timeout = super::connection::CLOSE_TIMEOUT;
    config
}

pub(super) fn text(text: &str) -> FieldValue<'static> {
    FieldValue::LongString(text.as_bytes().to_owned().into())
}

fn address(options: &ConnectOptions) -> String {
    format!("{}:{}", options.host, options.port)
}

fn tls_error(options: &ConnectOptions, error: TlsError) -> ConnectError {
    ConnectError::Tls {
        address: address(options),
        error,
    }
}

/// What a handshake's end means to whoever wanted to connect.
fn connect_error(
    options: &ConnectOptions,
    reason: CloseReason,
    tls: Option<&TlsError>,
) -> ConnectError {
    let address = address(options);
    let username = options.login.username().map(str::to_owned);
    let virtual_host = options.virtual_host.clone();
    match (reason, tls) {
        (_, Some(error)) => ConnectError::Tls {
            address,
            error: error.clone(),
        },
        (CloseReason::Peer { close, .. }, _) if close.code == reply_code::ACCESS_REFUSED => {
            ConnectError::AccessRefused {
                address,
                username,
                text: close.text,
            }
        }
        (
            CloseReason::Disconnected {
                phase: Phase::Login,
            },
            _,
        ) => ConnectError::HungUpDuringLogin { address, username },
        // RabbitMQ has one code for both and tells them apart in words only.
        (CloseReason::Peer { close, .. }, _)
            if close.code == reply_code::INVALID_PATH
                || close.code == reply_code::NOT_ALLOWED && close.text.contains("not found") =>
        {
            ConnectError::VirtualHostNotFound {
                address,
                virtual_host,
                text: close.text,
            }
        }
        (CloseReason::Peer { close, .. }, _) if close.code == reply_code::NOT_ALLOWED => {
            let text = close.text;
            ConnectError::VirtualHostRefused {
                address,
                virtual_host,
                username,
                text,
            }
        }
        (CloseReason::NotAmqp { received }, _) if received.starts_with(&TLS_ALERT) => {
            ConnectError::SpeaksTls { address }
        }
        // The alert that says so is often lost: the server closes with our greeting unread, and the
        // system then throws away what it had sent.
        (
            CloseReason::Io {
                kind: io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe,
                phase: Phase::Greeting,
                ..
            },
            None,
        ) if options.tls.is_some() => {
            let error = TlsError::HungUp;
            ConnectError::Tls { address, error }
        }
        (CloseReason::MechanismNotOffered { wanted, offered }, _) => {
            ConnectError::MechanismNotOffered {
                address,
                wanted,
                offered,
            }
        }
        (reason, _) => ConnectError::Closed {
            address,
            reason: reason.into(),
        },
    }
}

/// How a TLS server begins when it does not like what it was sent: an alert, version 3.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];
