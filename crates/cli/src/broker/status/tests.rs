use super::*;

#[test]
fn the_line_tells_counts_and_rates() {
    let before = Census {
        published: 100,
        delivered: 50,
        ..Census::default()
    };
    let now = Census {
        connections: 2,
        queues: 3,
        messages: 4,
        bytes: 20_480,
        published: 300,
        delivered: 50,
        blocked: false,
    };
    assert_eq!(
        now.line(Some((Duration::from_secs(2), before))),
        "2 connections  3 queues  4 messages (20 KiB)  in 100/s  out 0/s"
    );
    let blocked = Census {
        blocked: true,
        ..now
    };
    assert!(blocked.line(None).starts_with("publishers wait"));
    assert!(blocked.line(None).ends_with("in 0/s  out 0/s"));
}

#[test]
fn sizes_are_for_people() {
    assert_eq!(size(0), "0 B");
    assert_eq!(size(9_999), "9999 B");
    assert_eq!(size(10 << 20), "10 MiB");
    assert_eq!(size(100 << 30), "100 GiB");
}
