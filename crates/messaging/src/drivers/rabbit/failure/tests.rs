use bergen_amqp::client::{ChannelCloseReason, TlsError};

use super::*;

fn refused_login() -> ConnectFailure {
    ConnectFailure::Failed(ConnectError::AccessRefused {
        address: "localhost:5672".to_owned(),
        username: Some("nova".to_owned()),
        text: "ACCESS_REFUSED".to_owned(),
    })
}

fn closed(code: u16) -> Error {
    Error::ChannelClosed(ChannelCloseReason::ByServer {
        code,
        text: "words".to_owned(),
        method: (60, 40),
    })
}

#[test]
fn a_refused_login_is_no_unreachable_broker() {
    let error = refused_login().into_send_error("localhost:5672");
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    let error = refused_login().into_listen_error("localhost:5672");
    assert!(matches!(error, ListenError::Refused { .. }), "{error:?}");
}

#[test]
fn a_host_that_is_down_is_unreachable() {
    let failure = ConnectFailure::Failed(ConnectError::TimedOut {
        address: "h1:5672".to_owned(),
        after: std::time::Duration::from_secs(5),
    });
    let SendError::Unreachable { hosts, cause } = failure.into_send_error("h1:5672,h2:5672") else {
        panic!("not unreachable");
    };
    assert_eq!(hosts, "h1:5672,h2:5672");
    assert!(cause.contains("h1:5672"), "{cause}");
}

/// A connection that breaks during login is no wrong password: calls failed at once for it.
#[test]
fn a_connection_that_broke_during_login_is_tried_again() {
    let hung_up = ConnectError::HungUpDuringLogin {
        address: "h1:5672".to_owned(),
        username: Some("nova".to_owned()),
    };
    assert!(!is_definitive(&hung_up));
    let error = ConnectFailure::Failed(hung_up).into_send_error("h1:5672");
    assert!(matches!(error, SendError::Unreachable { .. }), "{error:?}");
}

#[test]
fn channel_errors_keep_the_brokers_words() {
    let refused = PublishFailure::Channel(closed(403)).into_send_error("");
    assert!(matches!(refused, SendError::Refused { cause } if cause.contains("403 words")));
    let failed = PublishFailure::Channel(closed(404)).into_send_error("");
    assert!(matches!(failed, SendError::DeliveryFailure { cause } if cause.contains("404 words")));
    assert!(matches!(
        listen_error(&closed(405)),
        ListenError::Failed { .. }
    ));
}

/// What is wrong with certificates, ports and mechanisms waits for somebody to mend it, as a wrong password does.
#[test]
fn what_waiting_does_not_mend_is_reported_at_once() {
    let address = || "mq1:5671".to_owned();
    let tls = |error| ConnectError::Tls {
        address: address(),
        error,
    };
    for hopeless in [
        tls(TlsError::UnknownIssuer),
        tls(TlsError::NotTls),
        tls(TlsError::CertificateWithoutKey),
        ConnectError::SpeaksTls { address: address() },
    ] {
        assert!(is_definitive(&hopeless), "{hopeless}");
        let error = ConnectFailure::Failed(hopeless).into_send_error("mq1:5671");
        assert!(matches!(error, SendError::Unreachable { .. }), "{error:?}");
    }
    let not_offered = ConnectError::MechanismNotOffered {
        address: address(),
        wanted: "EXTERNAL",
        offered: "PLAIN".to_owned(),
    };
    assert!(is_definitive(&not_offered));
    let error = ConnectFailure::Failed(not_offered).into_send_error("mq1:5671");
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    let down = ConnectError::TimedOut {
        address: address(),
        after: std::time::Duration::from_secs(5),
    };
    assert!(!is_definitive(&down));
    for passing in [TlsError::HungUp, TlsError::Other("reset".to_owned())] {
        assert!(!is_definitive(&tls(passing)));
    }
}
