//! `bergen ping`.

use bergen_testbed::TestVhost;
use serde_json::Value;

use crate::program::{Service, bergen};

#[tokio::test]
async fn a_topic_answers_and_the_times_are_summed_up() {
    let vhost = TestVhost::new("cli-ping").await.unwrap();
    let _service = Service::serve(&vhost, "demo", "one").await;
    let ended = bergen(&vhost.url(), &["ping", "demo", "-c", "3", "-i", "0"])
        .await
        .expect(0);
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines.len(), 4, "{ended:?}");
    assert!(
        lines[2].starts_with("\"pong\" from demo: seq 3, "),
        "{ended:?}"
    );
    assert!(
        lines[3].starts_with("3 sent, 3 answered, min/avg/max "),
        "{ended:?}"
    );
    assert_eq!(ended.err, "");
}

#[tokio::test]
async fn several_servers_are_asked_and_one_that_is_missing_is_told() {
    let vhost = TestVhost::new("cli-ping-servers").await.unwrap();
    let _one = Service::serve(&vhost, "demo", "one").await;
    let _two = Service::serve(&vhost, "demo", "two").await;
    let ping = [
        "ping", "demo", "--server", "one", "--server", "gone", "--server", "two", "--json",
    ];
    let ended = bergen(&vhost.url(), &ping).await.expect(4);
    let lines: Vec<Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let named: Vec<_> = lines[..3]
        .iter()
        .map(|line| line["to"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["demo.one", "demo.gone", "demo.two"]);
    for (line, answered) in lines.iter().zip([true, false, true]) {
        assert_eq!(
            line["answer"] == "pong" && line["ms"].is_f64(),
            answered,
            "{line}"
        );
        assert_eq!(line["error"].is_string(), !answered, "{line}");
    }
    assert_eq!(
        (&lines[3]["sent"], &lines[3]["answered"]),
        (&3.into(), &2.into())
    );
    assert!(
        lines[3]["min_ms"].as_f64() <= lines[3]["max_ms"].as_f64(),
        "{}",
        lines[3]
    );
    ended.says(&["demo.gone", "--exchange nova"]);
}
