//! Exit code 2: what was typed, or what a file says.

use crate::program::{Ended, bergen};

const NOWHERE: &str = "rabbit://guest:guest@127.0.0.1:1/";

async fn wrong(arguments: &[&str]) -> Ended {
    bergen(NOWHERE, arguments).await.expect(2)
}

#[tokio::test]
async fn a_word_that_is_no_argument() {
    wrong(&["call", "demo", "add", "seven"])
        .await
        .says(&["seven", "key=text", "key:=json"]);
    wrong(&["call", "demo", "add", "a:=seven"])
        .await
        .says(&["not JSON", "a=text"]);
    wrong(&["call", "demo", "add", "--context", "x"])
        .await
        .says(&["key=text"]);
}

#[tokio::test]
async fn a_wrong_url_is_told_by_its_place_and_never_repeated() {
    for (url, parts) in [
        (
            "rabbit://guest:s3cret@mq:port/",
            &["port", "at character 26"][..],
        ),
        ("guest:s3cret@mq/", &["no scheme", "at character 1"]),
        ("rabbit://guest:s3cret/x@mq/", &["%2F", "at character 24"]),
    ] {
        let typed = wrong(&["--url", url, "call", "demo", "add"])
            .await
            .says(&["--url"])
            .says(parts);
        assert!(!format!("{typed:?}").contains("s3cret"), "{typed:?}");
        let environment = bergen(url, &["call", "demo", "add"]).await.expect(2);
        let environment = environment.says(&["TRANSPORT_URL"]).says(parts);
        assert!(
            !format!("{environment:?}").contains("s3cret"),
            "{environment:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_driver_and_an_unknown_option() {
    wrong(&["--url", "kafka://mq/", "ping", "demo"])
        .await
        .says(&["kafka", "known are", "rabbit"]);
    wrong(&["--url", "rabbit://mq/?no_such=1", "ping", "demo"])
        .await
        .says(&["no_such", "URL"]);
}

#[tokio::test]
async fn a_fanout_cannot_be_called() {
    wrong(&["call", "demo", "add", "--fanout"])
        .await
        .says(&["bergen cast --fanout"]);
    wrong(&["cast", "demo", "add", "--fanout", "--server", "one"])
        .await
        .says(&["--server"]);
}

#[tokio::test]
async fn numbers_that_make_no_sense() {
    wrong(&["call", "demo", "add", "--timeout", "0"])
        .await
        .says(&["more than 0"]);
    wrong(&["call", "demo", "add", "--timeout", "soon"])
        .await
        .says(&["seconds"]);
    wrong(&["call", "demo", "add", "--monitor", "1"])
        .await
        .says(&["2 seconds"]);
    wrong(&["call", "demo", "add", "--version", "one"])
        .await
        .says(&["major.minor"]);
    wrong(&["serve", "--topic", "demo", "--limit", "0"])
        .await
        .says(&["1 or more"]);
    wrong(&["call", "", "add"]).await;
}
