//! AMQP clients in Python that others have written, each on the broker of this run.

use std::path::PathBuf;
use std::time::Duration;

use bergen_testbed::{PythonProgram, TestVhost};

/// What each client does. Any part that is missing from what it says has not run.
const PARTS: [&str; 16] = [
    "logins_are_checked_and_connections_close_in_order",
    "messages_go_where_the_four_kinds_of_exchange_say",
    "declarations_tell_what_is_there",
    "publishes_are_confirmed_and_those_without_a_queue_return",
    "deliveries_are_settled_one_by_one_and_together",
    "prefetch_bounds_what_is_not_acknowledged",
    "messages_are_fetched_with_the_count_of_those_left",
    "a_cancelled_consumer_leaves_messages_to_others",
    "a_deleted_queue_ends_its_consumers",
    "what_a_channel_leaves_unsettled_comes_again",
    "exclusive_and_automatic_queues_go_with_their_owners",
    "a_refusal_closes_its_channel_and_nothing_else",
    "bodies_of_any_size_arrive_whole",
    "properties_and_headers_of_every_type_come_back",
    "what_expires_or_is_refused_is_dead_lettered",
    "heartbeats_keep_an_idle_connection",
];

async fn plays_the_round(client: &str) {
    // A short name: texts of refusals are cut off at 255 bytes.
    let vhost = TestVhost::new("foreign").await.unwrap();
    let url = vhost.url().replacen("rabbit://", "amqp://", 1);
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/foreign.py");
    let program = PythonProgram::start(&script, &[client, &url]).unwrap();
    let (status, output) = program.finish(Duration::from_mins(2)).await.unwrap();
    assert!(status.success(), "{client}: {output}");
    let passed: Vec<&str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("passed ")?.split(' ').next())
        .collect();
    assert_eq!(passed, PARTS, "{client}: {output}");
}

#[tokio::test]
async fn pika() {
    plays_the_round("pika").await;
}

#[tokio::test]
async fn kombu_and_py_amqp() {
    plays_the_round("kombu").await;
}

#[tokio::test]
async fn aio_pika() {
    plays_the_round("aio_pika").await;
}
