use std::time::Duration;

use super::{Systemd, watchdog_interval};

#[test]
fn the_watchdog_is_served_twice_in_its_time_by_the_process_it_is_meant_for() {
    let second = Some(Duration::from_secs(1));
    assert_eq!(watchdog_interval(Some("2000000"), None, 7), second);
    assert_eq!(watchdog_interval(Some("2000000"), Some("7"), 7), second);
    assert_eq!(watchdog_interval(Some("2000000"), Some("8"), 7), None);
    assert_eq!(watchdog_interval(Some("2000000"), Some("none"), 7), None);
    for nonsense in [
        None,
        Some(""),
        Some("0"),
        Some("1"),
        Some("-5"),
        Some("soon"),
    ] {
        assert_eq!(watchdog_interval(nonsense, None, 7), None);
    }
}

#[test]
fn a_socket_that_nobody_reads_harms_nobody() {
    for socket in ["", "@", "/nowhere/to/be/found", "@nobody"] {
        let systemd = Systemd {
            socket: Some(socket.into()),
            watchdog: None,
        };
        systemd.ready();
        systemd.reloading();
        systemd.stopping();
        systemd.alive();
    }
}

#[test]
fn without_a_socket_there_is_no_watchdog() {
    let systemd = Systemd {
        socket: None,
        watchdog: Some(Duration::from_secs(1)),
    };
    assert_eq!(systemd.watchdog(), None);
}
