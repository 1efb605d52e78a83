//! Programs: what is done to both brokers, drawn at random.

use proptest::prelude::*;

/// One act. Numbers name queues, exchanges, keys and channels out of a few, so that steps meet each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    DeclareExchange {
        channel: usize,
        exchange: usize,
        kind: usize,
        flags: ExchangeFlags,
        alternate: Option<usize>,
    },
    DeleteExchange {
        channel: usize,
        exchange: usize,
        if_unused: bool,
    },
    BindExchange {
        channel: usize,
        from: usize,
        to: usize,
        key: usize,
        unbind: bool,
    },
    DeclareQueue {
        channel: usize,
        queue: usize,
        flags: QueueFlags,
        arguments: Vec<Argument>,
    },
    DeleteQueue {
        channel: usize,
        queue: usize,
        if_unused: bool,
        if_empty: bool,
    },
    Purge {
        channel: usize,
        queue: usize,
    },
    BindQueue {
        channel: usize,
        exchange: usize,
        queue: usize,
        key: usize,
        header: Option<Match>,
        unbind: bool,
    },
    Publish {
        channel: usize,
        exchange: usize,
        key: usize,
        mandatory: bool,
        message: Drawn,
    },
    Consume {
        channel: usize,
        queue: usize,
        no_ack: bool,
        exclusive: bool,
        priority: Option<i32>,
    },
    Cancel {
        channel: usize,
        which: usize,
    },
    Get {
        channel: usize,
        queue: usize,
        no_ack: bool,
    },
    Settle {
        channel: usize,
        /// Of what is unsettled there.
        which: usize,
        how: Settle,
    },
    UnknownTag {
        channel: usize,
        how: Settle,
    },
    Recover {
        channel: usize,
        requeue: bool,
    },
    Qos {
        channel: usize,
        count: u16,
        global: bool,
    },
    Reopen {
        channel: usize,
    },
    /// Longer than what is short-lived lives.
    Wait,
}

#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol's flags")]
pub(super) struct ExchangeFlags {
    pub(super) passive: bool,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
    pub(super) internal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol's flags")]
pub(super) struct QueueFlags {
    pub(super) passive: bool,
    pub(super) durable: bool,
    pub(super) exclusive: bool,
    pub(super) auto_delete: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    MessageTtl(bool),
    Expires,
    MaxLength(i64),
    MaxBytes(i64),
    Overflow(usize),
    DeadLetter(usize),
    DeadKey(usize),
    MaxPriority(i32),
    SingleActive(bool),
    Kind(usize),
    DeliveryLimit(i32),
    /// One that is refused, or none that means anything.
    Odd(usize),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Match {
    pub(super) kind: usize,
    pub(super) value: i32,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawn {
    pub(super) expiration: Option<usize>,
    pub(super) priority: Option<u8>,
    pub(super) persistent: bool,
    pub(super) header: Option<i32>,
    pub(super) copies: Option<usize>,
    pub(super) size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Settle {
    Ack { multiple: bool },
    Nack { multiple: bool, requeue: bool },
    Reject { requeue: bool },
}

pub(super) const CHANNELS: usize = 3;
pub(super) const QUEUES: usize = 3;
pub(super) const EXCHANGES: usize = 8;
pub(super) const KEYS: usize = 8;

/// Programs of some declarations and what follows from them.
pub(super) fn programs() -> impl Strategy<Value = Vec<Step>> {
    let setup = prop_oneof![
        4 => declare_queue(),
        2 => declare_exchange(),
        3 => bind_queue(),
        1 => bind_exchange(),
        1 => consume(),
    ];
    (
        prop::collection::vec(argument(), 0..3),
        prop::collection::vec(setup, 2..8),
        prop::collection::vec(steps(), 4..30),
    )
        .prop_map(|(arguments, setup, rest)| {
            let first = Step::DeclareQueue {
                channel: 0,
                queue: 0,
                flags: QueueFlags {
                    passive: false,
                    durable: true,
                    exclusive: false,
                    auto_delete: false,
                },
                arguments,
            };
            [vec![first], setup, rest.concat()].concat()
        })
}

/// A step, or a consumer with a bound, or a message that is settled while others wait behind it.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bounded =
        (channel(), queue(), 1..4_u16, seldom()).prop_map(|(channel, queue, count, global)| {
            vec![
                Step::Qos {
                    channel,
                    count,
                    global,
                },
                Step::Consume {
                    channel,
                    queue,
                    no_ack: false,
                    exclusive: false,
                    priority: None,
                },
            ]
        });
    let given_back = (channel(), queue(), message(), message(), settle()).prop_map(
        |(channel, queue, one, other, how)| {
            let publish = |message| Step::Publish {
                channel,
                exchange: 0,
                key: queue,
                mandatory: false,
                message,
            };
            let get = Step::Get {
                channel,
                queue,
                no_ack: false,
            };
            let settle = Step::Settle {
                channel,
                which: 0,
                how,
            };
            vec![publish(one), publish(other), get.clone(), settle, get]
        },
    );
    prop_oneof![40 => step().prop_map(|step| vec![step]), 2 => bounded, 3 => given_back]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => declare_exchange(),
        2 => (channel(), 0..EXCHANGES, rarely()).prop_map(|(channel, exchange, if_unused)| {
            Step::DeleteExchange { channel, exchange, if_unused }
        }),
        2 => bind_exchange(),
        5 => declare_queue(),
        2 => (channel(), queue(), rarely(), rarely()).prop_map(
            |(channel, queue, if_unused, if_empty)| {
                Step::DeleteQueue { channel, queue, if_unused, if_empty }
            }
        ),
        2 => (channel(), queue()).prop_map(|(channel, queue)| Step::Purge { channel, queue }),
        4 => bind_queue(),
        24 => (channel(), 0..EXCHANGES, 0..KEYS, rarely(), message()).prop_map(
            |(channel, exchange, key, mandatory, message)| {
                Step::Publish { channel, exchange, key, mandatory, message }
            }
        ),
        16 => (channel(), queue(), message()).prop_map(|(channel, queue, message)| {
            // To a queue by its name.
            Step::Publish { channel, exchange: 0, key: queue, mandatory: true, message }
        }),
        9 => consume(),
        3 => (channel(), 0..4_usize).prop_map(|(channel, which)| Step::Cancel { channel, which }),
        8 => (channel(), queue(), rarely()).prop_map(|(channel, queue, no_ack)| {
            Step::Get { channel, queue, no_ack }
        }),
        18 => (channel(), 0..6_usize, settle()).prop_map(|(channel, which, how)| {
            Step::Settle { channel, which, how }
        }),
        1 => (channel(), settle()).prop_map(|(channel, how)| Step::UnknownTag { channel, how }),
        1 => (channel(), mostly()).prop_map(|(channel, requeue)| {
            Step::Recover { channel, requeue }
        }),
        5 => (channel(), 0..4_u16, prop::bool::weighted(0.2)).prop_map(
            |(channel, count, global)| Step::Qos { channel, count, global }
        ),
        2 => channel().prop_map(|channel| Step::Reopen { channel }),
        1 => Just(Step::Wait),
    ]
}

fn channel() -> impl Strategy<Value = usize> {
    0..CHANNELS
}

/// One more often than the others, so that there is something in it.
fn queue() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0_usize), 2 => Just(1), 1 => Just(2)]
}

fn rarely() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.25)
}

fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.9)
}

fn seldom() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.08)
}

fn declare_exchange() -> impl Strategy<Value = Step> {
    let flags = (seldom(), rarely(), rarely(), seldom()).prop_map(
        |(passive, durable, auto_delete, internal)| ExchangeFlags {
            passive,
            durable,
            auto_delete,
            internal,
        },
    );
    let alternate = prop::option::weighted(0.3, 0..EXCHANGES);
    (channel(), 0..EXCHANGES, 0..5_usize, flags, alternate).prop_map(
        |(channel, exchange, kind, flags, alternate)| Step::DeclareExchange {
            channel,
            exchange,
            kind,
            flags,
            alternate,
        },
    )
}

fn bind_exchange() -> impl Strategy<Value = Step> {
    (channel(), 0..EXCHANGES, 0..EXCHANGES, 0..KEYS, rarely()).prop_map(
        |(channel, from, to, key, unbind)| Step::BindExchange {
            channel,
            from,
            to,
            key,
            unbind,
        },
    )
}

fn bind_queue() -> impl Strategy<Value = Step> {
    let header = (0..4_usize, 0..2_i32).prop_map(|(kind, value)| Match { kind, value });
    (
        channel(),
        0..EXCHANGES,
        queue(),
        0..KEYS,
        prop::option::weighted(0.4, header),
        rarely(),
    )
        .prop_map(
            |(channel, exchange, queue, key, header, unbind)| Step::BindQueue {
                channel,
                exchange,
                queue,
                key,
                header,
                unbind,
            },
        )
}

fn declare_queue() -> impl Strategy<Value = Step> {
    let flags = (seldom(), rarely(), seldom(), seldom()).prop_map(
        |(passive, durable, exclusive, auto_delete)| QueueFlags {
            passive,
            durable,
            exclusive,
            auto_delete,
        },
    );
    (
        channel(),
        queue(),
        flags,
        prop::collection::vec(argument(), 0..4),
    )
        .prop_map(|(channel, queue, flags, arguments)| Step::DeclareQueue {
            channel,
            queue,
            flags,
            arguments,
        })
}

fn argument() -> impl Strategy<Value = Argument> {
    prop_oneof![
        2 => any::<bool>().prop_map(Argument::MessageTtl),
        1 => Just(Argument::Expires),
        4 => (0..4_i64).prop_map(Argument::MaxLength),
        2 => (0..24_i64).prop_map(Argument::MaxBytes),
        4 => (0..3_usize).prop_map(Argument::Overflow),
        6 => (0..EXCHANGES).prop_map(Argument::DeadLetter),
        3 => (0..KEYS).prop_map(Argument::DeadKey),
        3 => (1..4_i32).prop_map(Argument::MaxPriority),
        2 => any::<bool>().prop_map(Argument::SingleActive),
        1 => (0..4_usize).prop_map(Argument::Kind),
        1 => (0..3_i32).prop_map(Argument::DeliveryLimit),
        1 => (0..6_usize).prop_map(Argument::Odd),
    ]
}

fn consume() -> impl Strategy<Value = Step> {
    (
        channel(),
        queue(),
        rarely(),
        seldom(),
        prop::option::weighted(0.15, 0..3_i32),
    )
        .prop_map(
            |(channel, queue, no_ack, exclusive, priority)| Step::Consume {
                channel,
                queue,
                no_ack,
                exclusive,
                priority,
            },
        )
}

fn message() -> impl Strategy<Value = Drawn> {
    (
        prop::option::weighted(0.12, 0..4_usize),
        prop::option::weighted(0.25, 0..5_u8),
        any::<bool>(),
        prop::option::weighted(0.3, 0..2_i32),
        prop::option::weighted(0.06, 0..4_usize),
        0..12_usize,
    )
        .prop_map(
            |(expiration, priority, persistent, header, copies, size)| Drawn {
                expiration,
                priority,
                persistent,
                header,
                copies,
                size,
            },
        )
}

fn settle() -> impl Strategy<Value = Settle> {
    prop_oneof![
        2 => rarely().prop_map(|multiple| Settle::Ack { multiple }),
        3 => (rarely(), any::<bool>()).prop_map(|(multiple, requeue)| {
            Settle::Nack { multiple, requeue }
        }),
        2 => any::<bool>().prop_map(|requeue| Settle::Reject { requeue }),
    ]
}
