//! The option sets of the broker's entities, with a service of either kind on one virtual host.

use std::collections::HashMap;

use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use held::{Names, held};
use services::{Options, PythonService, RustService};

use crate::support::eventually;

mod held;
mod matrix;
mod queue_names;
mod services;

/// What the broker holds of one service alone, after it has called, cast, fanned out and notified.
async fn held_of_python(set: &str, options: &Options) -> Value {
    let vhost = prepared(set, "python").await;
    let names = Names::new(options, "python");
    let service = PythonService::start(&vhost, "srv", &names.options()).await;
    // Where its exchange conflicts the peer's notifier gives up, and ours does not.
    service.use_all("srv", set != "conflict").await;
    let held = held(&vhost, options, &names).await;
    service.stop().await;
    held
}

async fn held_of_rust(set: &str, options: &Options) -> Value {
    let vhost = prepared(set, "rust").await;
    let names = Names::new(options, "rust");
    let service = RustService::start(&vhost, "srv", &names.options()).await;
    // Where its exchange conflicts the peer's notifier gives up, and ours does not.
    service.use_all("srv", set != "conflict").await;
    let held = held(&vhost, options, &names).await;
    service.stop().await;
    held
}

/// A virtual host; for the set of conflicts one with an exchange of somebody with default options.
async fn prepared(set: &str, who: &str) -> TestVhost {
    let vhost = TestVhost::new(&format!("set-{set}-{who}")).await.unwrap();
    if set == "conflict" {
        let early = RustService::start(&vhost, "early", &Options::default()).await;
        early.stop().await;
        for queue in ["t", "nl.info"] {
            vhost
                .management()
                .delete_queue(vhost.name(), queue)
                .await
                .unwrap();
        }
        vhost
            .management()
            .delete_queue(vhost.name(), "t.early")
            .await
            .unwrap();
    }
    vhost
}

/// Both services on one virtual host call, cast and fan out to each other.
async fn together(set: &str, options: &Options, rust_first: bool) {
    let order = if rust_first { "r-p" } else { "p-r" };
    let vhost = prepared(set, order).await;
    let names = [Names::new(options, "py"), Names::new(options, "rs")];
    let (python_options, rust_options) = (names[0].options(), names[1].options());
    let (python, rust) = if rust_first {
        let rust = RustService::start(&vhost, "rs", &rust_options).await;
        let python = PythonService::start(&vhost, "py", &python_options).await;
        (python, rust)
    } else {
        let python = PythonService::start(&vhost, "py", &python_options).await;
        let rust = RustService::start(&vhost, "rs", &rust_options).await;
        (python, rust)
    };
    let context = format!("{set}, {order}");
    assert_eq!(python.whoami("rs").await, json!("rs"), "{context}");
    assert_eq!(rust.whoami("py").await, "py", "{context}");
    python.poke(json!({"topic": "t", "server": "rs"})).await;
    rust.poke("py").await;
    python.poke(json!({"topic": "t", "fanout": true})).await;
    rust.poke_all().await;
    // Of each cast one, of each fanout one.
    eventually(&format!("three pokes each, {context}"), async || {
        python.pokes().await >= 3 && rust.pokes() >= 3
    })
    .await;
    // Where its exchange conflicts the peer's notifier gives up.
    let mut events = vec!["from rust"];
    rust.notify("nl", "from rust").await;
    if set != "conflict" {
        python.notify("nl", "from python").await;
        events.insert(0, "from python");
    }
    eventually(&format!("{events:?}, {context}"), async || {
        let mut heard = python.events().await;
        heard.extend(rust.events());
        heard.sort();
        heard == events
    })
    .await;
    assert_eq!((python.pokes().await, rust.pokes()), (3, 3), "{context}");
    python.stop().await;
    rust.stop().await;
}

async fn alike(set: &str, options: &[(&str, Value)]) {
    let options: Options = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect::<HashMap<_, _>>()
        .into();
    let (python, rust) = tokio::join!(held_of_python(set, &options), held_of_rust(set, &options));
    assert_eq!(rust, python, "{set}");
    let queues = if set == "conflict" { 5 } else { 6 };
    assert_eq!(
        python["queues"].as_array().unwrap().len(),
        queues,
        "{python}"
    );
    together(set, &options, false).await;
    together(set, &options, true).await;
}

macro_rules! sets {
    ($(fn $name:ident() $set:literal { $($option:ident: $value:expr),* })+) => {
        $(
            #[tokio::test]
            async fn $name() {
                alike($set, &[$((stringify!($option), json!($value))),*]).await;
            }
        )+
    };
}

sets! {
    fn default_options() "default" {}
    fn durable_queues() "durable" { amqp_durable_queues: true }
    fn queues_that_delete_themselves() "autodel" { amqp_auto_delete: true }
    fn quorum_queues() "quorum" { rabbit_quorum_queue: true }
    fn quorum_queues_with_limits() "quorumlim" {
        rabbit_quorum_queue: true,
        rabbit_quorum_delivery_limit: 5,
        rabbit_quorum_max_memory_length: 1000,
        rabbit_quorum_max_memory_bytes: 1_048_576
    }
    fn transient_quorum_queues() "tquorum" { rabbit_transient_quorum_queue: true }
    fn quorum_queues_of_both_kinds() "bothquorum" {
        rabbit_quorum_queue: true, rabbit_transient_quorum_queue: true
    }
    fn mirrored_queues() "ha" { rabbit_ha_queues: true }
    fn queues_that_never_expire() "ttl0" { rabbit_transient_queues_ttl: 0 }
    fn stream_fanout() "stream" {
        rabbit_stream_fanout: true,
        rabbit_transient_quorum_queue: true,
        rabbit_qos_prefetch_count: 10
    }
    fn queue_manager() "qman" { use_queue_manager: true, hostname: "node1" }
    fn cancel_on_failover() "cancel" { enable_cancel_on_failover: true }
    fn answers_that_are_not_mandatory() "nomand" { direct_mandatory_flag: false }
    fn prefetch() "prefetch" { rabbit_qos_prefetch_count: 7 }
    fn without_heartbeats() "hb0" { heartbeat_timeout_threshold: 0 }
    fn an_exchange_that_is_less_durable() "conflict" { amqp_durable_queues: true }
}

/// The comparison can fail: each of these options shows.
#[tokio::test]
async fn another_option_on_one_side_is_noticed() {
    let default = held_of_python("control", &Options::default()).await;
    for (name, value) in [
        ("amqp_durable_queues", json!(true)),
        ("amqp_auto_delete", json!(true)),
        ("rabbit_transient_queues_ttl", json!(1801)),
        ("rabbit_transient_quorum_queue", json!(true)),
        ("enable_cancel_on_failover", json!(true)),
    ] {
        let options = HashMap::from([(name.to_owned(), value)]).into();
        let rust = held_of_rust("control", &options).await;
        assert_ne!(rust, default, "{name}");
    }
    assert_eq!(held_of_rust("control", &Options::default()).await, default);
}
