use bergen::service::{ControlStatus, DrainProgress};
use serde_json::json;

use super::{cut_off, progress, status};

#[test]
fn a_status_is_a_table_and_the_calls_in_flight() {
    let answer: ControlStatus = serde_json::from_value(json!({
        "program": "nova-compute", "version": "29.0.0", "pid": 7, "phase": "running", "since": 12.34,
        "services": [
            { "service": "rpc", "index": 0, "pid": 8, "phase": "running", "since": 12.0, "starts": 1 },
            { "service": "reports", "index": 10, "pid": null, "phase": "starting", "since": 0.1, "starts": 3 },
        ],
        "processes": [
            { "service": "rpc", "index": 0, "pid": 8, "result": {
                "pid": 8, "tasks": [], "timers": [], "connections": [],
                "servers": [{ "target": "nova compute", "queues": [], "limit": 64, "calls": [
                    { "method": "build", "request_id": "req-1", "age": 1.5 },
                ] }],
            } },
            { "service": "reports", "index": 10, "pid": 9, "error": "no answer within 2 s" },
        ],
    }))
    .unwrap();
    assert_eq!(
        status(&answer).join("\n"),
        "\
nova-compute 29.0.0: running for 12.3 s, process 7
  service  worker  process  phase     for     starts
  rpc      0       8        running   12.0 s  1
  reports  10      -        starting  0.1 s   3
  process 8: build (req-1) for 1.5 s
  process 9: no answer within 2 s"
    );
}

#[test]
fn progress_says_what_still_runs() {
    let step: DrainProgress = serde_json::from_value(json!({
        "elapsed": 3.0, "timeout": 60.0,
        "services": [{ "service": "rpc", "index": 0, "pid": 8, "phase": "draining", "since": 3.0, "starts": 1 }],
        "running": [
            { "pid": 8, "name": "build", "request_id": "req-1", "age": 4.0 },
            { "pid": 8, "name": "poll", "request_id": null, "age": 99.0 },
        ],
    }))
    .unwrap();
    assert_eq!(
        progress(&step).join("\n"),
        "\
draining for 3.0 s of 60.0 s at most: 1 services, 2 calls and tasks run
  process 8: build (req-1) for 4.0 s
  process 8: poll for 99.0 s"
    );
    assert!(cut_off(&step).contains("(60.0 s)"));
}
