//! Every method as `amq-protocol` has it, and the same as ours.

use amq_protocol::{
    protocol::{self as foreign, AMQPClass},
    types::{self, LongString, ShortString},
};
use bergen_amqp::codec::{
    FieldTable, Method,
    methods::{Secret, access, basic, channel, confirm, connection, exchange, queue, tx},
};

use crate::{
    codec_foreign_values::{our_table, their_table},
    codec_strategies::Palette,
};

/// Lists the methods by class, name on both sides and fields; types follow from the two codecs.
/// The flag that we call `no_wait` stands last.
macro_rules! methods {
    ($( $class:ident $theirs:ident {
        $( $method:ident $variant:ident { $($field:ident),* $(; $nowait:ident)? } )*
    } )*) => {
        /// Every method, its fields filled from the palette.
        pub(crate) fn all_of_theirs(palette: &Palette) -> Vec<AMQPClass> {
            let mut brush = Brush { palette, next: 0 };
            vec![$( $(
                AMQPClass::$theirs(foreign::$class::AMQPMethod::$method(foreign::$class::$method {
                    $( $field: Draw::draw(&mut brush), )*
                    $( $nowait: Draw::draw(&mut brush), )?
                })),
            )* )*]
        }

        /// Our method that says the same.
        #[allow(clippy::needless_update, reason = "two methods have fields that theirs lack")]
        pub(crate) fn ours(class: &AMQPClass) -> Method<'_> {
            match class {
                $( $(
                    AMQPClass::$theirs(foreign::$class::AMQPMethod::$method(method)) => {
                        let _ = method;
                        Method::$variant($class::$method {
                            $( $field: View::view(&method.$field), )*
                            $( no_wait: View::view(&method.$nowait), )?
                            ..our_extra_fields!($class $method)
                        })
                    }
                )* )*
            }
        }
    };
}

/// `amq-protocol` always writes ticket 1.
macro_rules! our_extra_fields {
    (access RequestOk) => {
        access::RequestOk { ticket: 1 }
    };
    ($class:ident $method:ident) => {
        $class::$method::default()
    };
}

methods! {
    connection Connection {
        Start ConnectionStart { version_major, version_minor, server_properties, mechanisms, locales }
        StartOk ConnectionStartOk { client_properties, mechanism, response, locale }
        Secure ConnectionSecure { challenge }
        SecureOk ConnectionSecureOk { response }
        Tune ConnectionTune { channel_max, frame_max, heartbeat }
        TuneOk ConnectionTuneOk { channel_max, frame_max, heartbeat }
        Open ConnectionOpen { virtual_host }
        OpenOk ConnectionOpenOk {}
        Close ConnectionClose { reply_code, reply_text, class_id, method_id }
        CloseOk ConnectionCloseOk {}
        Blocked ConnectionBlocked { reason }
        Unblocked ConnectionUnblocked {}
        UpdateSecret ConnectionUpdateSecret { new_secret, reason }
        UpdateSecretOk ConnectionUpdateSecretOk {}
    }
    channel Channel {
        Open ChannelOpen {}
        OpenOk ChannelOpenOk {}
        Flow ChannelFlow { active }
        FlowOk ChannelFlowOk { active }
        Close ChannelClose { reply_code, reply_text, class_id, method_id }
        CloseOk ChannelCloseOk {}
    }
    access Access {
        Request AccessRequest { realm, exclusive, passive, active, write, read }
        RequestOk AccessRequestOk {}
    }
    exchange Exchange {
        Declare ExchangeDeclare { exchange, kind, passive, durable, auto_delete, internal, arguments; nowait }
        DeclareOk ExchangeDeclareOk {}
        Delete ExchangeDelete { exchange, if_unused; nowait }
        DeleteOk ExchangeDeleteOk {}
        Bind ExchangeBind { destination, source, routing_key, arguments; nowait }
        BindOk ExchangeBindOk {}
        Unbind ExchangeUnbind { destination, source, routing_key, arguments; nowait }
        UnbindOk ExchangeUnbindOk {}
    }
    queue Queue {
        Declare QueueDeclare { queue, passive, durable, exclusive, auto_delete, arguments; nowait }
        DeclareOk QueueDeclareOk { queue, message_count, consumer_count }
        Bind QueueBind { queue, exchange, routing_key, arguments; nowait }
        BindOk QueueBindOk {}
        Purge QueuePurge { queue; nowait }
        PurgeOk QueuePurgeOk { message_count }
        Delete QueueDelete { queue, if_unused, if_empty; nowait }
        DeleteOk QueueDeleteOk { message_count }
        Unbind QueueUnbind { queue, exchange, routing_key, arguments }
        UnbindOk QueueUnbindOk {}
    }
    basic Basic {
        Qos BasicQos { prefetch_count, global }
        QosOk BasicQosOk {}
        Consume BasicConsume { queue, consumer_tag, no_local, no_ack, exclusive, arguments; nowait }
        ConsumeOk BasicConsumeOk { consumer_tag }
        Cancel BasicCancel { consumer_tag; nowait }
        CancelOk BasicCancelOk { consumer_tag }
        Publish BasicPublish { exchange, routing_key, mandatory, immediate }
        Return BasicReturn { reply_code, reply_text, exchange, routing_key }
        Deliver BasicDeliver { consumer_tag, delivery_tag, redelivered, exchange, routing_key }
        Get BasicGet { queue, no_ack }
        GetOk BasicGetOk { delivery_tag, redelivered, exchange, routing_key, message_count }
        GetEmpty BasicGetEmpty {}
        Ack BasicAck { delivery_tag, multiple }
        Reject BasicReject { delivery_tag, requeue }
        RecoverAsync BasicRecoverAsync { requeue }
        Recover BasicRecover { requeue }
        RecoverOk BasicRecoverOk {}
        Nack BasicNack { delivery_tag, multiple, requeue }
    }
    confirm Confirm {
        Select ConfirmSelect {; nowait }
        SelectOk ConfirmSelectOk {}
    }
    tx Tx {
        Select TxSelect {}
        SelectOk TxSelectOk {}
        Commit TxCommit {}
        CommitOk TxCommitOk {}
        Rollback TxRollback {}
        RollbackOk TxRollbackOk {}
    }
}

/// Hands out values of the palette in turn.
struct Brush<'p> {
    palette: &'p Palette,
    next: usize,
}

impl<'p> Brush<'p> {
    fn pick<T>(&mut self, from: &'p [T]) -> &'p T {
        self.next += 1;
        &from[self.next % from.len()]
    }

    fn number(&mut self) -> u64 {
        *self.pick(&self.palette.numbers)
    }
}

/// A field of one of their methods, filled from the palette.
trait Draw {
    fn draw(brush: &mut Brush<'_>) -> Self;
}

impl Draw for ShortString {
    fn draw(brush: &mut Brush<'_>) -> Self {
        brush.pick(&brush.palette.texts).as_str().into()
    }
}

impl Draw for LongString {
    fn draw(brush: &mut Brush<'_>) -> Self {
        brush.pick(&brush.palette.blobs).clone().into()
    }
}

impl Draw for types::FieldTable {
    fn draw(brush: &mut Brush<'_>) -> Self {
        their_table(&brush.palette.table)
    }
}

impl Draw for bool {
    fn draw(brush: &mut Brush<'_>) -> Self {
        *brush.pick(&brush.palette.bits)
    }
}

/// One of our fields that borrows from theirs.
trait View<'a, Theirs> {
    fn view(theirs: &'a Theirs) -> Self;
}

impl<'a> View<'a, ShortString> for &'a str {
    fn view(theirs: &'a ShortString) -> Self {
        theirs.as_str()
    }
}

impl<'a> View<'a, LongString> for &'a [u8] {
    fn view(theirs: &'a LongString) -> Self {
        theirs.as_bytes()
    }
}

impl<'a> View<'a, LongString> for Secret<'a> {
    fn view(theirs: &'a LongString) -> Self {
        Secret(theirs.as_bytes())
    }
}

impl<'a> View<'a, types::FieldTable> for FieldTable<'a> {
    fn view(theirs: &'a types::FieldTable) -> Self {
        our_table(theirs)
    }
}

impl View<'_, Self> for bool {
    fn view(theirs: &Self) -> Self {
        *theirs
    }
}

macro_rules! numbers {
    ($($number:ident),*) => { $(
        impl Draw for $number {
            #[allow(clippy::cast_possible_truncation, reason = "any bits will do")]
            fn draw(brush: &mut Brush<'_>) -> Self {
                brush.number() as $number
            }
        }

        impl View<'_, Self> for $number {
            fn view(theirs: &Self) -> Self {
                *theirs
            }
        }
    )* };
}

numbers!(u8, u16, u32, u64);
