use std::time::Duration;

use serde_json::json;

use super::{
    ControlCommand, ControlRequest, ControlResponse, DrainProgress, Outcome, ProcessAnswer,
    StillRunning,
};

#[test]
fn requests_as_they_stand_in_a_line() {
    for (line, command) in [
        (r#"{"id": 1, "command": "status"}"#, ControlCommand::Status),
        (r#"{"id": 1, "command": "drain"}"#, ControlCommand::Drain),
        (
            r#"{"id": 1, "command": "loglevel"}"#,
            ControlCommand::Loglevel { level: None },
        ),
        (
            r#"{"id": 1, "command": "loglevel", "level": "debug"}"#,
            ControlCommand::Loglevel {
                level: Some("debug".to_owned()),
            },
        ),
    ] {
        let request: ControlRequest = serde_json::from_str(line).unwrap();
        assert_eq!(request.command, command);
        let again = serde_json::to_string(&request).unwrap();
        assert_eq!(
            serde_json::from_str::<ControlRequest>(&again).unwrap(),
            request
        );
    }
}

#[test]
fn what_is_no_request_is_an_error() {
    for line in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"id": 1}"#,
        r#"{"id": -1, "command": "status"}"#,
        r#"{"id": 1, "command": "kill"}"#,
        r#"{"command": "status"}"#,
    ] {
        serde_json::from_str::<ControlRequest>(line).unwrap_err();
    }
    // As deep as a line allows.
    let deep = "[".repeat(4096);
    serde_json::from_str::<ControlRequest>(&deep).unwrap_err();
}

#[test]
fn answers_as_they_stand_in_a_line() {
    let progress = DrainProgress {
        elapsed: Duration::from_millis(1500),
        timeout: Some(Duration::from_mins(1)),
        services: Vec::new(),
        running: vec![StillRunning {
            pid: 7,
            name: "build".to_owned(),
            request_id: Some("req-1".to_owned()),
            age: Duration::from_secs(2),
        }],
    };
    for (outcome, expected) in [
        (
            Outcome::Progress(progress),
            json!({ "id": 3, "progress": {
                "elapsed": 1.5, "timeout": 60.0, "services": [],
                "running": [{ "pid": 7, "name": "build", "request_id": "req-1", "age": 2.0 }],
            } }),
        ),
        (Outcome::Done(json!(null)), json!({ "id": 3, "done": null })),
        (
            Outcome::Error("no".to_owned()),
            json!({ "id": 3, "error": "no" }),
        ),
    ] {
        let response = ControlResponse {
            id: Some(3),
            outcome,
        };
        let line = serde_json::to_value(&response).unwrap();
        assert_eq!(line, expected);
        assert_eq!(
            serde_json::from_value::<ControlResponse>(line).unwrap(),
            response
        );
    }
}

#[test]
fn an_answer_of_a_process_has_a_result_or_an_error() {
    let of = |answer| ProcessAnswer {
        service: "rpc".to_owned(),
        index: 1,
        pid: 7,
        answer,
    };
    for (answer, expected) in [
        (
            Ok(Some("info".to_owned())),
            json!({ "service": "rpc", "index": 1, "pid": 7, "result": "info" }),
        ),
        (
            Ok(None),
            json!({ "service": "rpc", "index": 1, "pid": 7, "result": null }),
        ),
        (
            Err("no answer".to_owned()),
            json!({ "service": "rpc", "index": 1, "pid": 7, "error": "no answer" }),
        ),
    ] {
        let answer: ProcessAnswer<Option<String>> = of(answer);
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json, expected);
        assert_eq!(
            serde_json::from_value::<ProcessAnswer<Option<String>>>(json).unwrap(),
            answer
        );
    }
}
