use bergen::driver::Timeout;
use bergen::wire::Failure;

use super::*;

fn remote(class: &str, message: &str) -> Failed {
    Failed::Remote(Box::new(
        Failure::new("nova.exception", class, message).into(),
    ))
}

fn no_server(exchange: &str) -> Failed {
    Failed::from(SendError::NoServer {
        exchange: exchange.to_owned(),
        routing_key: "compute.host".to_owned(),
    })
}

#[test]
fn every_kind_has_its_own_code() {
    let timeout = Timeout::new("id", std::time::Duration::from_secs(1));
    let mut unconfirmed = timeout.clone();
    unconfirmed.findings.push(Finding::NotConfirmed);
    let refused = SendError::Refused {
        cause: "ACCESS_REFUSED".to_owned(),
    };
    let unreachable = SendError::Unreachable {
        hosts: "mq:5672".to_owned(),
        cause: "connection refused".to_owned(),
    };
    for (failed, code) in [
        (Failed::ReaderGone, 0),
        (remote("Boom", ""), 1),
        (Failed::Usage(String::new()), 2),
        (SendError::from(timeout).into(), 3),
        (no_server("openstack"), 4),
        (SendError::from(unconfirmed).into(), 5),
        (refused.into(), 5),
        (unreachable.into(), 5),
        (SendError::Closed.into(), 5),
        (Failed::System(String::new()), 70),
        (Failed::Stopped(Signal::Interrupt), 130),
        (Failed::Stopped(Signal::Terminate), 143),
    ] {
        assert_eq!(failed.code(), code, "{failed:?}");
    }
}

#[test]
fn no_server_names_what_was_tried_and_what_else_there_is() {
    let failed = no_server("nova");
    let (text, advice) = (failed.text(), failed.advice(0).unwrap());
    for part in ["\"nova\"", "\"compute.host\""] {
        assert!(text.contains(part), "{text}");
    }
    assert!(advice.contains("--exchange neutron"), "{advice}");
    assert!(!advice.contains("--exchange nova"), "{advice}");
}

#[test]
fn remote_failures_have_advice_of_their_own() {
    let ping = remote(
        "NoSuchMethod",
        "Endpoint does not support RPC method oslo_rpc_server_ping",
    );
    for (failed, part) in [
        (ping, "rpc_ping_enabled"),
        (remote("NoSuchMethod", "no"), "--namespace"),
        (remote("UnsupportedVersion", "no"), "--version"),
        (remote("Boom", "no"), "-v"),
    ] {
        let advice = failed.advice(0).unwrap();
        assert!(advice.contains(part), "{advice}");
    }
    assert_eq!(remote("Boom", "no").advice(1), None);
}

#[test]
fn a_timeout_tells_a_slow_server_from_a_stopped_one() {
    let slow = Timeout::new("id", std::time::Duration::from_secs(1));
    let mut stopped = slow.clone();
    stopped.findings.push(Finding::NoConsumer {
        queue: "compute".to_owned(),
    });
    for (timeout, part) in [(slow, "--timeout"), (stopped, "Start the server")] {
        let failed = Failed::from(SendError::from(timeout));
        let advice = failed.advice(0).unwrap();
        assert!(advice.contains(part), "{advice}");
    }
}
