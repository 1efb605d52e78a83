//! What stands beside the services.

use serde_json::{Value, json};

use super::process::Process;
use super::program::{Kind, Scenario};

#[test]
fn a_companion_asks_watches_reloads_and_stops_a_process() {
    let mut scenario = Scenario::new(&[("one", 1), ("two", 1)]);
    scenario.kind = Kind::Asks;
    scenario.mutate = true;
    let mut process = Process::start(&scenario);
    process.wait_for("companion of InProcess");
    process.wait_for("one 0 started hello red port 4711");
    let answers = json_after(&process.wait_for("answers ").text, "answers ");
    assert_eq!(answers.as_array().unwrap().len(), 1);
    assert_eq!(answers[0]["answer"]["question"], "who");
    let status = json_after(&process.wait_for("status {").text, "status ");
    assert_eq!(status["phase"], "running");
    assert_eq!(status["services"][1]["service"], "two");
    assert_eq!(status["services"][1]["pid"], process.pid());
    process.wait_for("one 0 reset");
    process.wait_for("two 0 reset");
    let reloaded = json_after(&process.wait_for("reloaded [").text, "reloaded ");
    let own = json!({ "service": "", "index": 0, "pid": process.pid(), "result": null });
    assert_eq!(reloaded, json!([own]));
    process.wait_for("draining");
    assert_eq!(process.end(), 0);
}

#[test]
fn a_companion_of_a_supervisor_asks_every_worker() {
    let mut scenario = Scenario::new(&[("rpc", 2), ("reports", 1)]);
    scenario.kind = Kind::Asks;
    let mut process = Process::start(&scenario);
    process.wait_for("companion of Supervisor");
    let answers = json_after(&process.wait_for("answers ").text, "answers ");
    let answers = answers.as_array().unwrap();
    let places: Vec<_> = answers
        .iter()
        .map(|answer| {
            (
                answer["service"].as_str().unwrap(),
                answer["index"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(places, [("rpc", 0), ("rpc", 1), ("reports", 0)]);
    for answer in answers {
        assert_eq!(
            answer["answer"]["pid"], answer["pid"],
            "each spoke for itself"
        );
    }
    let status = json_after(&process.wait_for("status {").text, "status ");
    assert_eq!(status["services"].as_array().unwrap().len(), 3);
    assert_eq!(status["services"][0]["phase"], "running");
    assert_eq!(status["services"][0]["pid"], answers[0]["pid"]);
    process.wait_for("reloaded");
    assert_eq!(
        process.count(" started"),
        6,
        "a reload replaces every worker"
    );
    assert_eq!(process.end(), 0);
}

fn json_after(line: &str, word: &str) -> Value {
    serde_json::from_str(line.split_once(word).unwrap().1).unwrap()
}
