use std::collections::VecDeque;

use bergen_amqp::codec::{BasicProperties, FieldValue};
use proptest::prelude::*;

use super::*;
use crate::core::{Bind, Message, Scope, ids::QueueId};

type Table = FieldTable<'static>;

/// Exchanges and queues `q0`, `q1` … of which those with an even number are durable.
struct World {
    routes: Routes,
    names: QueueNames,
    effects: VecDeque<Effect<()>>,
}

impl World {
    fn new(queues: u32) -> Self {
        Self {
            routes: Routes::new("/".into()),
            names: (0..queues)
                .map(|number| (format!("q{number}").into(), QueueId::test(number)))
                .collect(),
            effects: VecDeque::new(),
        }
    }

    fn declare(&mut self, change: impl FnOnce(&mut DeclareExchange<'_>)) -> Result<(), Refusal> {
        self.declare_with(&Table::new(), change)
    }

    fn declare_with(
        &mut self,
        arguments: &Table,
        change: impl FnOnce(&mut DeclareExchange<'_>),
    ) -> Result<(), Refusal> {
        let mut declare = DeclareExchange {
            name: "e",
            kind: "topic",
            passive: false,
            durable: false,
            auto_delete: false,
            internal: false,
            arguments,
        };
        change(&mut declare);
        self.routes.declare(&declare, &mut self.effects)
    }

    fn bind(&mut self, source: &str, destination: &str, routing_key: &str) -> Result<(), Refusal> {
        self.bind_with(source, destination, routing_key, &Table::new())
    }

    fn bind_with(
        &mut self,
        source: &str,
        destination: &str,
        routing_key: &str,
        arguments: &Table,
    ) -> Result<(), Refusal> {
        let bind = Bind {
            source,
            destination,
            routing_key,
            arguments,
        };
        let Some(queue) = self.names.get(destination) else {
            return self.routes.bind_exchange(&bind, &mut self.effects);
        };
        let durable = queue.0.index.is_multiple_of(2);
        self.routes
            .bind_queue(&bind, *queue, durable, &mut self.effects)
    }

    fn unbind(&mut self, source: &str, destination: &str, routing_key: &str) {
        let arguments = Table::new();
        let bind = Bind {
            source,
            destination,
            routing_key,
            arguments: &arguments,
        };
        match self.names.get(destination) {
            None => self.routes.unbind_exchange(&bind, &mut self.effects),
            Some(queue) => self.routes.unbind_queue(&bind, *queue, &mut self.effects),
        }
        .unwrap();
    }

    fn route(&mut self, exchange: &str, key: &str) -> Result<Vec<u32>, Refusal> {
        self.route_with(exchange, key, None)
    }

    fn route_with(
        &mut self,
        exchange: &str,
        key: &str,
        headers: Option<Table>,
    ) -> Result<Vec<u32>, Refusal> {
        let message = Message {
            exchange: exchange.into(),
            routing_key: key.into(),
            properties: BasicProperties {
                headers,
                ..BasicProperties::default()
            },
            body: (),
        };
        let mut found = Vec::new();
        self.routes
            .route(&self.names, &message, false, &mut found)?;
        Ok(found.into_iter().map(|queue| queue.0.index).collect())
    }

    fn stored(&mut self) -> Vec<Change<()>> {
        self.effects
            .drain(..)
            .map(|effect| match effect {
                Effect::Store(change) => change,
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

fn channel(code: u16, text: &str) -> Result<(), Refusal> {
    Err(Refusal {
        code,
        text: text.into(),
        scope: Scope::Channel,
    })
}

/// The texts were asked of RabbitMQ 3.10.8.
#[test]
fn declarations_are_refused_in_rabbitmqs_words() {
    let mut world = World::new(0);
    assert_eq!(
        world.declare(|exchange| exchange.kind = "nosuch"),
        Err(Refusal {
            code: 503,
            text: "COMMAND_INVALID - unknown exchange type 'nosuch'".into(),
            scope: Scope::Connection
        })
    );
    assert_eq!(
        world.declare(|exchange| exchange.passive = true),
        channel(404, "NOT_FOUND - no exchange 'e' in vhost '/'")
    );
    assert_eq!(
        world.declare(|exchange| exchange.name = ""),
        channel(
            403,
            "ACCESS_REFUSED - operation not permitted on the default exchange"
        )
    );
    assert_eq!(
        world.declare(|exchange| exchange.name = "amq.foo"),
        channel(
            403,
            "ACCESS_REFUSED - exchange name 'amq.foo' contains reserved prefix 'amq.*'"
        )
    );
    assert_eq!(
        world.declare(|exchange| (exchange.name, exchange.durable) = ("amq.topic", true)),
        Ok(())
    );
    assert_eq!(
        world.declare_with(&Table::new().with("alternate-exchange", 5), |_| ()),
        channel(
            406,
            "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'e' in vhost '/'"
        )
    );
    assert_eq!(world.declare(|_| ()), Ok(()));
    assert_eq!(
        world.declare(|exchange| (exchange.passive, exchange.kind) = (true, "?")),
        Ok(())
    );
    assert_eq!(
        world.declare(|exchange| (exchange.kind, exchange.durable) = ("direct", true)),
        channel(
            406,
            "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': received 'direct' but current \
             is 'topic'"
        )
    );
    assert_eq!(
        world.declare(|exchange| exchange.durable = true),
        channel(
            406,
            "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'e' in vhost '/': received 'true' but current \
             is 'false'"
        )
    );
    assert_eq!(
        world.declare(|exchange| exchange.auto_delete = true),
        channel(
            406,
            "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange 'e' in vhost '/': received 'true' but \
             current is 'false'"
        )
    );
    assert_eq!(
        world.declare_with(&Table::new().with("alternate-exchange", "x"), |_| ()),
        channel(
            406,
            "PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'e' in vhost '/': received the \
             value 'x' of type 'longstr' but current is none"
        )
    );
    assert_eq!(
        world.declare_with(&Table::new().with("anything", "else"), |_| ()),
        Ok(())
    );
}

#[test]
fn deletions_are_refused_in_rabbitmqs_words() {
    let mut world = World::new(1);
    let World {
        routes, effects, ..
    } = &mut world;
    assert_eq!(routes.delete("missing", true, effects), Ok(()));
    assert_eq!(
        routes.delete("amq.direct", false, effects),
        channel(
            403,
            "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed"
        )
    );
    assert_eq!(
        routes.delete("", false, effects),
        channel(
            403,
            "ACCESS_REFUSED - operation not permitted on the default exchange"
        )
    );
    world.declare(|_| ()).unwrap();
    world.declare(|exchange| exchange.name = "to").unwrap();
    world.bind("e", "to", "k").unwrap();
    assert_eq!(
        world.routes.delete("e", true, &mut world.effects),
        channel(
            406,
            "PRECONDITION_FAILED - exchange 'e' in vhost '/' in use"
        )
    );
    // What is only bound to is not in use.
    assert_eq!(world.routes.delete("to", true, &mut world.effects), Ok(()));
    assert_eq!(world.routes.delete("e", true, &mut world.effects), Ok(()));
    assert!(!world.routes.exists("e"));
}

#[test]
fn bindings_are_refused_in_rabbitmqs_words() {
    let mut world = World::new(1);
    world.declare(|_| ()).unwrap();
    let missing = |name| {
        channel(
            404,
            &format!("NOT_FOUND - no exchange '{name}' in vhost '/'"),
        )
    };
    assert_eq!(world.bind("none", "q0", "k"), missing("none"));
    assert_eq!(world.bind("none", "gone", "k"), missing("none"));
    assert_eq!(world.bind("e", "gone", "k"), missing("gone"));
    let default = channel(
        403,
        "ACCESS_REFUSED - operation not permitted on the default exchange",
    );
    assert_eq!(world.bind("", "q0", "k"), default);
    assert_eq!(world.bind("e", "", "k"), default);
    assert_eq!(world.bind("e", "e", "k"), Ok(()));
    world.unbind("none", "q0", "k");
    world.unbind("e", "q0", "never");
}

#[test]
fn the_default_exchange_routes_by_name() {
    let mut world = World::new(2);
    assert_eq!(world.route("", "q1"), Ok(vec![1]));
    assert_eq!(world.route("", "q2"), Ok(vec![]));
    assert_eq!(
        world.route("none", "q1").map(drop),
        channel(404, "NOT_FOUND - no exchange 'none' in vhost '/'")
    );
}

#[test]
fn each_type_routes_in_its_way() {
    let mut world = World::new(4);
    for exchange in ["amq.direct", "amq.topic", "amq.fanout"] {
        world.bind(exchange, "q0", "a.b").unwrap();
        world.bind(exchange, "q1", "a.*").unwrap();
        world.bind(exchange, "q1", "#").unwrap();
    }
    for _ in 0..2 {
        assert_eq!(world.route("amq.direct", "a.b"), Ok(vec![0]));
        assert_eq!(world.route("amq.topic", "a.b"), Ok(vec![0, 1]));
        assert_eq!(world.route("amq.topic", "c"), Ok(vec![1]));
        assert_eq!(world.route("amq.fanout", "c"), Ok(vec![0, 1]));
    }
    let arguments = Table::new().with("x-match", "any").with("a", 1);
    world
        .bind_with("amq.headers", "q2", "", &arguments)
        .unwrap();
    world.bind("amq.headers", "q3", "").unwrap();
    let headers = Table::new().with("a", 1);
    assert_eq!(
        world.route_with("amq.headers", "", Some(headers)),
        Ok(vec![2, 3])
    );
    assert_eq!(world.route("amq.headers", ""), Ok(vec![3]));
}

#[test]
fn every_change_is_seen_by_the_next_message() {
    let mut world = World::new(2);
    world.declare(|_| ()).unwrap();
    assert_eq!(world.route("e", "k"), Ok(vec![]));
    world.bind("e", "q0", "k").unwrap();
    assert_eq!(world.route("e", "k"), Ok(vec![0]));
    world.bind("e", "q1", "#").unwrap();
    assert_eq!(world.route("e", "k"), Ok(vec![0, 1]));
    world.unbind("e", "q0", "k");
    assert_eq!(world.route("e", "k"), Ok(vec![1]));
    let queue = world.names.remove("q1").unwrap();
    world.routes.queue_deleted(queue, &mut world.effects);
    assert_eq!(world.route("e", "k"), Ok(vec![]));
    world.routes.delete("e", false, &mut world.effects).unwrap();
    assert_eq!(
        world.route("e", "k").map(drop),
        channel(404, "NOT_FOUND - no exchange 'e' in vhost '/'")
    );
}

#[test]
fn the_cache_has_a_bound() {
    let mut world = World::new(1);
    world.bind("amq.topic", "q0", "#").unwrap();
    for number in 0..200_000 {
        assert_eq!(
            world.route("amq.topic", &format!("key.{number}")),
            Ok(vec![0])
        );
    }
    assert!(world.routes.cache.weight() <= 8 * 1024 * 1024);
}

#[test]
fn exchanges_bound_in_a_circle_give_each_queue_one_message() {
    let mut world = World::new(2);
    for name in ["a", "b", "c"] {
        world
            .declare(|exchange| (exchange.name, exchange.kind) = (name, "fanout"))
            .unwrap();
    }
    for (source, destination) in [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")] {
        world.bind(source, destination, "").unwrap();
    }
    world.bind("b", "q0", "").unwrap();
    world.bind("c", "q0", "").unwrap();
    world.bind("a", "q1", "").unwrap();
    for exchange in ["a", "b", "c"] {
        assert_eq!(world.route(exchange, "k"), Ok(vec![0, 1]));
    }
}

#[test]
fn what_nothing_takes_goes_to_the_alternate_exchange() {
    let mut world = World::new(3);
    let to = |name: &'static str| Table::new().with("alternate-exchange", name);
    world.declare_with(&to("other"), |_| ()).unwrap();
    world.bind("e", "q0", "k").unwrap();
    assert_eq!(world.route("e", "x"), Ok(vec![]), "it is not there yet");
    world
        .declare_with(&to("e"), |exchange| {
            (exchange.name, exchange.internal) = ("other", true);
        })
        .unwrap();
    world.bind("other", "q1", "x").unwrap();
    assert_eq!(world.route("e", "k"), Ok(vec![0]));
    assert_eq!(world.route("e", "x"), Ok(vec![1]));
    assert_eq!(world.route("e", "y"), Ok(vec![]), "a circle ends");
    // An exchange that is bound takes the message, whatever becomes of it there.
    world.declare(|exchange| exchange.name = "deaf").unwrap();
    world.bind("e", "deaf", "x").unwrap();
    assert_eq!(world.route("e", "x"), Ok(vec![]));
}

#[test]
fn clients_do_not_publish_to_internal_exchanges() {
    let mut world = World::new(1);
    world.declare(|exchange| exchange.internal = true).unwrap();
    world.bind("e", "q0", "#").unwrap();
    let message = Message {
        exchange: "e".into(),
        routing_key: "k".into(),
        properties: BasicProperties::default(),
        body: (),
    };
    let mut found = Vec::new();
    world
        .routes
        .route(&world.names, &message, true, &mut found)
        .unwrap();
    assert_eq!(found, [QueueId::test(0)]);
    assert_eq!(
        world.route("e", "k").map(drop),
        channel(
            403,
            "ACCESS_REFUSED - cannot publish to internal exchange 'e' in vhost '/'"
        )
    );
}

#[test]
fn further_keys_in_headers_route_too() {
    let mut world = World::new(3);
    world.bind("amq.topic", "q2", "z").unwrap();
    let keys = |name: &'static str, keys: &[&'static str]| {
        Table::new().with(
            name,
            keys.iter()
                .copied()
                .map(FieldValue::from)
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        world.route_with("", "q1", Some(keys("CC", &["q0", "q1", "none"]))),
        Ok(vec![0, 1])
    );
    assert_eq!(
        world.route_with("amq.topic", "a", Some(keys("BCC", &["z"]))),
        Ok(vec![2])
    );
}

#[test]
fn auto_delete_exchanges_go_with_their_last_binding() {
    let mut world = World::new(2);
    let declare = |world: &mut World, name: &'static str| {
        world
            .declare(|exchange| (exchange.name, exchange.auto_delete) = (name, true))
            .unwrap();
    };
    declare(&mut world, "never.bound");
    declare(&mut world, "outer");
    declare(&mut world, "inner");
    world.bind("outer", "inner", "#").unwrap();
    world.bind("inner", "q0", "k").unwrap();
    world.bind("inner", "q1", "k").unwrap();
    world.unbind("inner", "q0", "k");
    assert!(world.routes.exists("inner"));
    let queue = world.names.remove("q1").unwrap();
    world.routes.queue_deleted(queue, &mut world.effects);
    assert!(!world.routes.exists("inner"));
    assert!(!world.routes.exists("outer"));
    assert!(world.routes.exists("never.bound"));
    declare(&mut world, "target");
    world.bind("amq.direct", "target", "k").unwrap();
    world.unbind("amq.direct", "target", "k");
    assert!(world.routes.exists("target"), "it was bound to, not bound");
}

#[test]
fn what_is_durable_is_written_down_and_restored() {
    let mut world = World::new(3);
    let durable = |world: &mut World, name: &'static str, auto_delete| {
        world
            .declare(|exchange| {
                (exchange.name, exchange.durable, exchange.auto_delete) = (name, true, auto_delete);
            })
            .unwrap();
    };
    durable(&mut world, "kept", false);
    durable(&mut world, "spent", true);
    durable(&mut world, "waits", true);
    world
        .declare(|exchange| exchange.name = "transient")
        .unwrap();
    for (source, destination) in [
        ("kept", "q0"),
        ("kept", "q1"),
        ("kept", "q2"),
        ("kept", "transient"),
        ("transient", "q0"),
        ("spent", "q0"),
        ("waits", "q0"),
        ("waits", "q1"),
        ("kept", "waits"),
        ("amq.topic", "q2"),
    ] {
        world.bind(source, destination, "k").unwrap();
    }
    world.bind("kept", "q0", "k").unwrap();
    world.unbind("spent", "q0", "k");
    world.unbind("kept", "q2", "k");
    // Still bound to a transient queue; after a restart it is bound to nothing and stays.
    world.unbind("waits", "q0", "k");
    let changes = world.stored();

    let mut again = World::new(3);
    for change in &changes {
        again.routes.restore(change, &again.names);
    }
    let bindings: std::collections::BTreeSet<_> = again
        .routes
        .bindings()
        .map(|binding| (binding.source.to_string(), binding.destination.to_string()))
        .collect();
    let expected = [("amq.topic", "q2"), ("kept", "q0"), ("kept", "waits")];
    assert_eq!(
        bindings,
        expected
            .map(|(one, other)| (one.to_owned(), other.to_owned()))
            .into()
    );
    assert!(again.routes.exists("waits"));
    assert!(!again.routes.exists("spent"));
    assert!(!again.routes.exists("transient"));
    let kept = again
        .routes
        .exchanges()
        .find(|exchange| &**exchange.name == "kept");
    assert_eq!(
        kept.map(|exchange| (exchange.kind, exchange.durable)),
        Some((ExchangeKind::Topic, true))
    );
    let bound = |change: &&Change<()>| matches!(change, Change::Bound { .. });
    assert_eq!(
        changes.iter().filter(bound).count(),
        6,
        "each once, transient ones not at all"
    );
}

#[derive(Debug, Clone)]
enum Step {
    Bind(usize, usize, usize),
    Unbind(usize, usize, usize),
    DeleteQueue(usize),
    Publish(usize, usize),
}

const KEYS: [&str; 5] = ["a", "a.b", "#", "*.b", "a.*"];
const SOURCES: [&str; 4] = ["amq.direct", "amq.topic", "amq.fanout", "e"];
const DESTINATIONS: [&str; 5] = ["q0", "q1", "q2", "e", "amq.topic"];

fn step() -> impl Strategy<Value = Step> {
    let binding = || (0..SOURCES.len(), 0..DESTINATIONS.len(), 0..KEYS.len());
    prop_oneof![
        binding().prop_map(|(from, to, key)| Step::Bind(from, to, key)),
        binding().prop_map(|(from, to, key)| Step::Unbind(from, to, key)),
        (0..3_usize).prop_map(Step::DeleteQueue),
        (0..SOURCES.len(), 0..KEYS.len()).prop_map(|(to, key)| Step::Publish(to, key)),
    ]
}

/// The queues behind an exchange, by following one binding after the other.
fn naive(bindings: &[(&str, &str, &str)], exchange: &str, key: &str) -> Vec<u32> {
    let meets = |source: &str, pattern: &str| match source {
        "amq.direct" => pattern == key,
        "amq.fanout" => true,
        _ => match pattern {
            "#" => true,
            "*.b" => key.strip_suffix(".b").is_some(),
            "a.*" => key.starts_with("a."),
            pattern => pattern == key,
        },
    };
    let (mut seen, mut waiting) = (vec![exchange], vec![exchange]);
    let mut found = std::collections::BTreeSet::new();
    while let Some(exchange) = waiting.pop() {
        for (source, destination, pattern) in bindings {
            if *source != exchange || !meets(source, pattern) {
                continue;
            }
            if let Some(number) = destination.strip_prefix('q') {
                found.insert(number.parse().unwrap());
            } else if !seen.contains(destination) {
                seen.push(destination);
                waiting.push(destination);
            }
        }
    }
    found.into_iter().collect()
}

proptest! {
    #[test]
    fn routes_are_those_of_a_list_of_bindings(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new(3);
        world.declare(|_| ()).unwrap();
        let mut bindings = Vec::new();
        for step in steps {
            match step {
                Step::Bind(from, to, key) => {
                    let binding = (SOURCES[from], DESTINATIONS[to], KEYS[key]);
                    world.bind(binding.0, binding.1, binding.2).unwrap();
                    if !bindings.contains(&binding) {
                        bindings.push(binding);
                    }
                }
                Step::Unbind(from, to, key) => {
                    let binding = (SOURCES[from], DESTINATIONS[to], KEYS[key]);
                    world.unbind(binding.0, binding.1, binding.2);
                    bindings.retain(|other| *other != binding);
                }
                Step::DeleteQueue(number) => {
                    // Its name stays, as if it were declared again at once.
                    world.routes.queue_deleted(QueueId::test(u32::try_from(number).unwrap()), &mut world.effects);
                    bindings.retain(|(_, to, _)| *to != DESTINATIONS[number]);
                }
                Step::Publish(exchange, key) => {
                    let key = KEYS[key];
                    prop_assert_eq!(
                        world.route(SOURCES[exchange], key).unwrap(),
                        naive(&bindings, SOURCES[exchange], key)
                    );
                }
            }
            prop_assert_eq!(world.routes.bindings().count(), bindings.len());
        }
    }
}
