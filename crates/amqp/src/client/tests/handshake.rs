//! Connecting, and every way in which it can fail.

use std::time::Duration;

use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::Instant;

use super::broker::{Broker, open_channel, options, pair};
use crate::client::connect::open_over;
use crate::client::{CloseReason, ConnectError, ConnectOptions, Connection, Login, Publish};
use crate::protocol::{Event, ServerConfig};

/// Connects to a broker that refuses with this at the login or at the virtual host.
async fn refused(at_login: bool, code: u16, text: &str) -> ConnectError {
    let (near, far) = duplex(4096);
    let mut broker = Broker::new(far);
    let options = ConnectOptions {
        login: Login::plain("nova", "s3cr3t"),
        virtual_host: "cell1".to_owned(),
        ..options()
    };
    let refuse = async {
        loop {
            match broker.event().await {
                Event::LoginRequested { .. } if !at_login => broker.protocol.accept(),
                Event::LoginRequested { .. } | Event::OpenRequested { .. } => {
                    broker
                        .protocol
                        .refuse(code, text, Instant::now().into_std());
                }
                Event::Closed { .. } => return broker.flush().await,
                other => panic!("{other:?}"),
            }
        }
    };
    let (opened, ()) = tokio::join!(open_over(near, options), refuse);
    let error = opened.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
    error
}

#[tokio::test(start_paused = true)]
async fn the_broker_learns_who_connects_and_the_client_what_it_is() {
    let (near, far) = duplex(4096);
    let mut broker = Broker::new(far);
    let options = ConnectOptions {
        virtual_host: "cell1".to_owned(),
        connection_name: Some("nova-compute:42".to_owned()),
        ..options()
    };
    let accept = async {
        let Event::LoginRequested {
            login,
            client_properties,
        } = broker.event().await
        else {
            panic!()
        };
        broker.protocol.accept();
        let Event::OpenRequested { virtual_host } = broker.event().await else {
            panic!()
        };
        broker.accept_rest().await;
        (login, client_properties, virtual_host)
    };
    let (opened, (login, properties, virtual_host)) =
        tokio::join!(open_over(near, options), accept);

    assert_eq!(login, Login::plain("guest", "guest"));
    assert_eq!(virtual_host, "cell1");
    let name = format!("{:?}", properties.get("connection_name"));
    assert_eq!(
        name,
        format!(
            "{:?}",
            Some(crate::client::connect::text("nova-compute:42"))
        )
    );
    let (connection, _events) = opened.unwrap();
    assert!(connection.server_properties().contains_key("capabilities"));
}

#[tokio::test(start_paused = true)]
async fn bad_credentials() {
    let error = refused(true, 403, "ACCESS_REFUSED - Login was refused").await;
    assert!(
        matches!(&error, ConnectError::AccessRefused { username: Some(username), .. } if username == "nova"),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_virtual_host_that_is_not_there_is_told_from_one_that_is_not_allowed() {
    let error = refused(false, 530, "NOT_ALLOWED - vhost cell1 not found").await;
    assert!(
        matches!(&error, ConnectError::VirtualHostNotFound { virtual_host, .. }
        if virtual_host == "cell1"),
        "{error:?}"
    );

    let error = refused(
        false,
        530,
        "NOT_ALLOWED - access to vhost 'cell1' refused for user 'nova'",
    )
    .await;
    assert!(
        matches!(error, ConnectError::VirtualHostRefused { .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_up_is_reported_at_once() {
    let (near, far) = duplex(4096);
    drop(far);
    let error = open_over(near, options()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Closed { .. }), "{error:?}");

    // During login: how brokers without `authentication_failure_close` refuse.
    let (near, far) = duplex(4096);
    let mut broker = Broker::new(far);
    let hang_up = async move {
        assert!(matches!(broker.event().await, Event::LoginRequested { .. }));
    };
    let (opened, ()) = tokio::join!(open_over(near, options()), hang_up);
    let error = opened.unwrap_err();
    assert!(
        matches!(error, ConnectError::HungUpDuringLogin { .. }),
        "{error:?}"
    );

    // While the virtual host is opened.
    let (near, far) = duplex(4096);
    let mut broker = Broker::new(far);
    let hang_up = async move {
        broker.event().await;
        broker.protocol.accept();
        assert!(matches!(broker.event().await, Event::OpenRequested { .. }));
    };
    let (opened, ()) = tokio::join!(open_over(near, options()), hang_up);
    let error = opened.unwrap_err();
    assert!(
        matches!(
            &error,
            ConnectError::Closed {
                reason: CloseReason::Eof,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_broker_times_out() {
    let (near, _far) = duplex(4096);
    let begun = Instant::now();

    let error = open_over(near, options()).await.unwrap_err();

    let after = Duration::from_secs(5);
    assert_eq!(
        error,
        ConnectError::TimedOut {
            address: "localhost:5672".to_owned(),
            after
        }
    );
    assert_eq!(begun.elapsed(), after);
}

#[tokio::test(start_paused = true)]
async fn a_tls_port_and_other_protocols_are_recognised() {
    let (near, mut far) = duplex(4096);
    // A fatal alert: protocol version.
    far.write_all(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46])
        .await
        .unwrap();
    let error = open_over(near, options()).await.unwrap_err();
    assert_eq!(
        error,
        ConnectError::SpeaksTls {
            address: "localhost:5672".to_owned()
        }
    );

    let (near, mut far) = duplex(4096);
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .await
        .unwrap();
    let error = open_over(near, options()).await.unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::Closed {
                reason: CloseReason::NotAmqp { .. },
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn giving_up_closes_the_socket() {
    let (near, far) = duplex(4096);
    let mut broker = Broker::new(far);
    let opening = open_over(near, options());
    tokio::select! {
        _ = opening => panic!("nobody has answered"),
        event = broker.event() => assert!(matches!(event, Event::LoginRequested { .. })),
    }

    assert!(matches!(broker.event().await, Event::Closed { .. }));
}

#[tokio::test(start_paused = true)]
async fn frames_have_their_least_size_whatever_is_asked_for() {
    let (connection, _, mut broker) = pair(ConnectOptions {
        frame_max: 1,
        ..options()
    })
    .await;
    let (channel, _events, _) = open_channel(&connection, &mut broker).await;
    assert_eq!(broker.protocol.tuning().unwrap().frame_max, 4096);

    drop(
        channel
            .publish(Publish::new("", "q", vec![7; 10_000]))
            .await
            .unwrap(),
    );

    assert_eq!(broker.published().await.1.body.len(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_fit_is_an_error_and_not_sent() {
    let (near, far) = duplex(4096);
    let mut broker = Broker::with(far, ServerConfig::default());
    let options = ConnectOptions {
        virtual_host: "v".repeat(300),
        ..options()
    };
    let accept = async {
        while let Event::LoginRequested { .. } = broker.event().await {
            broker.protocol.accept();
        }
    };
    let (opened, ()) = tokio::join!(open_over(near, options), accept);
    let error = opened.unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::Closed {
                reason: CloseReason::Unsendable(_),
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_port_without_listener_is_unreachable() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let options = ConnectOptions {
        host: "127.0.0.1".to_owned(),
        port,
        ..options()
    };

    let error = Connection::open(options).await.unwrap_err();

    let address = format!("127.0.0.1:{port}");
    assert!(
        matches!(&error, ConnectError::Unreachable { address: at, kind, .. }
            if *at == address && *kind == std::io::ErrorKind::ConnectionRefused),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_not_offered_names_those_that_are() {
    let (near, far) = duplex(4096);
    let mut broker = Broker::new(far);
    let options = ConnectOptions {
        login: Login::External,
        ..options()
    };
    let (opened, event) = tokio::join!(open_over(near, options), broker.event());
    assert!(matches!(event, Event::Closed { .. }), "{event:?}");
    let error = opened.unwrap_err();
    assert!(
        matches!(
            &error,
            ConnectError::MechanismNotOffered { wanted: "EXTERNAL", offered, .. } if offered == "PLAIN AMQPLAIN"
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("rabbitmq_auth_mechanism_ssl"), "{text}");
}
