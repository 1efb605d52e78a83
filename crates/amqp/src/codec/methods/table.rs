//! The table of methods. Everything else about methods is made from it.

use super::{MethodId, MethodInfo, Secret, Sender};
use crate::codec::{
    error::{DecodeError, EncodeError},
    primitives::{Reader, Wire, Writer},
    table::FieldTable,
};

methods! {
    /// Class 10: the connection as a whole, on channel 0.
    class connection = 10 {
        /// Opens the handshake: what the server is and offers.
        10 ConnectionStart "connection.start" from Server => 11
        struct Start<'a> {
            /// Major version, 0.
            version_major: u8,
            /// Minor version, 9.
            version_minor: u8,
            /// Product, version, `capabilities`…
            server_properties: FieldTable<'a>,
            /// Login mechanisms on offer, separated by spaces.
            mechanisms: &'a [u8],
            /// Languages of error texts, separated by spaces.
            locales: &'a [u8],
        }

        /// Chooses a login mechanism and answers its first challenge.
        11 ConnectionStartOk "connection.start-ok" from Client
        struct StartOk<'a> {
            /// Product, version, `connection_name`, `capabilities`…
            client_properties: FieldTable<'a>,
            /// Chosen login mechanism.
            mechanism: &'a str,
            /// The mechanism's data: for PLAIN the login and password.
            response: Secret<'a>,
            /// Chosen language.
            locale: &'a str,
        }

        /// Asks for another round of the login mechanism.
        20 ConnectionSecure "connection.secure" from Server => 21
        struct Secure<'a> {
            /// The mechanism's challenge.
            challenge: Secret<'a>,
        }

        /// Answers a challenge.
        21 ConnectionSecureOk "connection.secure-ok" from Client
        struct SecureOk<'a> {
            /// The mechanism's data.
            response: Secret<'a>,
        }

        /// The limits that the server proposes.
        30 ConnectionTune "connection.tune" from Server => 31
        struct Tune {
            /// Highest channel number; 0 for no limit of its own.
            channel_max: u16,
            /// Largest frame in bytes; 0 for no limit of its own.
            frame_max: u32,
            /// Seconds between heartbeats; 0 for none.
            heartbeat: u16,
        }

        /// The limits that hold from now on.
        31 ConnectionTuneOk "connection.tune-ok" from Client
        struct TuneOk {
            /// Highest channel number.
            channel_max: u16,
            /// Largest frame in bytes.
            frame_max: u32,
            /// Seconds between heartbeats; 0 for none.
            heartbeat: u16,
        }

        /// Opens a virtual host, which ends the handshake.
        40 ConnectionOpen "connection.open" from Client => 41
        struct Open<'a> {
            /// Name of the virtual host, `/` by default.
            virtual_host: &'a str,
            .. &'a str, bool
        }

        /// The virtual host is open.
        41 ConnectionOpenOk "connection.open-ok" from Server
        struct OpenOk { .. &'a str }

        /// Ends the connection; nothing may follow but the answer.
        50 ConnectionClose "connection.close" from Both => 51
        struct Close<'a> {
            /// One of [`reply_code`](crate::codec::reply_code).
            reply_code: u16,
            /// The reason for a human.
            reply_text: &'a str,
            /// Class of the method at fault, 0 if none is.
            class_id: u16,
            /// Number of the method at fault, 0 if none is.
            method_id: u16,
        }

        /// The connection may be dropped.
        51 ConnectionCloseOk "connection.close-ok" from Both
        struct CloseOk {}

        /// The server takes no messages for now. RabbitMQ's extension.
        60 ConnectionBlocked "connection.blocked" from Server
        struct Blocked<'a> {
            /// The resource that ran short.
            reason: &'a str,
        }

        /// The server takes messages again. RabbitMQ's extension.
        61 ConnectionUnblocked "connection.unblocked" from Server
        struct Unblocked {}

        /// Replaces credentials that expire. RabbitMQ's extension.
        70 ConnectionUpdateSecret "connection.update-secret" from Client => 71
        struct UpdateSecret<'a> {
            /// The new password or token.
            new_secret: Secret<'a>,
            /// Why, for the server's log.
            reason: &'a str,
        }

        /// The new credentials hold.
        71 ConnectionUpdateSecretOk "connection.update-secret-ok" from Server
        struct UpdateSecretOk {}
    }

    /// Class 20: opening, pausing and closing one channel.
    class channel = 20 {
        /// Opens the channel on which it is sent.
        10 ChannelOpen "channel.open" from Client => 11
        struct Open { .. &'a str }

        /// The channel is open.
        11 ChannelOpenOk "channel.open-ok" from Server
        struct OpenOk { .. &'a [u8] }

        /// Asks the peer to pause or resume sending contents.
        20 ChannelFlow "channel.flow" from Both => 21
        struct Flow {
            /// Whether contents may be sent.
            active: bool,
        }

        /// Confirms what was asked.
        21 ChannelFlowOk "channel.flow-ok" from Both
        struct FlowOk {
            /// Whether contents will be sent.
            active: bool,
        }

        /// Ends the channel; nothing may follow on it but the answer.
        40 ChannelClose "channel.close" from Both => 41
        struct Close<'a> {
            /// One of [`reply_code`](crate::codec::reply_code).
            reply_code: u16,
            /// The reason for a human.
            reply_text: &'a str,
            /// Class of the method at fault, 0 if none is.
            class_id: u16,
            /// Number of the method at fault, 0 if none is.
            method_id: u16,
        }

        /// The channel number is free again.
        41 ChannelCloseOk "channel.close-ok" from Both
        struct CloseOk {}
    }

    /// Class 30: realms of AMQP 0-8, long deprecated and still in the protocol.
    class access = 30 {
        /// Asks for a ticket, which no server looks at.
        10 AccessRequest "access.request" from Client => 11
        struct Request<'a> {
            /// Name of the realm.
            realm: &'a str,
            /// For this client alone.
            exclusive: bool,
            /// To look at declarations.
            passive: bool,
            /// To declare.
            active: bool,
            /// To write.
            write: bool,
            /// To read.
            read: bool,
        }

        /// A ticket.
        11 AccessRequestOk "access.request-ok" from Server
        struct RequestOk {
            /// Number of the ticket.
            ticket: u16,
        }
    }

    /// Class 40: exchanges and the bindings between them.
    class exchange = 40 {
        /// Creates an exchange, or checks that it is as described.
        10 ExchangeDeclare "exchange.declare" from Client => 11
        struct Declare<'a> {
            [u16]
            /// Name.
            exchange: &'a str,
            /// `direct`, `topic`, `fanout`, `headers` or a plug-in's type.
            kind: &'a str,
            /// Only check that it exists.
            passive: bool,
            /// Survives a restart of the server.
            durable: bool,
            /// Goes away with its last binding.
            auto_delete: bool,
            /// Takes messages from other exchanges only.
            internal: bool,
            /// No answer is wanted.
            no_wait: bool,
            /// Further arguments, such as `alternate-exchange`.
            arguments: FieldTable<'a>,
        }

        /// The exchange exists.
        11 ExchangeDeclareOk "exchange.declare-ok" from Server
        struct DeclareOk {}

        /// Deletes an exchange.
        20 ExchangeDelete "exchange.delete" from Client => 21
        struct Delete<'a> {
            [u16]
            /// Name.
            exchange: &'a str,
            /// Only if nothing is bound to it.
            if_unused: bool,
            /// No answer is wanted.
            no_wait: bool,
        }

        /// The exchange is gone.
        21 ExchangeDeleteOk "exchange.delete-ok" from Server
        struct DeleteOk {}

        /// Binds an exchange to an exchange. RabbitMQ's extension.
        30 ExchangeBind "exchange.bind" from Client => 31
        struct Bind<'a> {
            [u16]
            /// The exchange that receives.
            destination: &'a str,
            /// The exchange that passes on.
            source: &'a str,
            /// Pattern or key.
            routing_key: &'a str,
            /// No answer is wanted.
            no_wait: bool,
            /// Arguments of the binding.
            arguments: FieldTable<'a>,
        }

        /// The binding exists.
        31 ExchangeBindOk "exchange.bind-ok" from Server
        struct BindOk {}

        /// Removes a binding between exchanges. RabbitMQ's extension.
        40 ExchangeUnbind "exchange.unbind" from Client => 51
        struct Unbind<'a> {
            [u16]
            /// The exchange that receives.
            destination: &'a str,
            /// The exchange that passes on.
            source: &'a str,
            /// Pattern or key.
            routing_key: &'a str,
            /// No answer is wanted.
            no_wait: bool,
            /// Arguments of the binding.
            arguments: FieldTable<'a>,
        }

        /// The binding is gone. Its number is 51, not 41, by an old slip in RabbitMQ.
        51 ExchangeUnbindOk "exchange.unbind-ok" from Server
        struct UnbindOk {}
    }

    /// Class 50: queues and their bindings.
    class queue = 50 {
        /// Creates a queue, or checks that it is as described.
        10 QueueDeclare "queue.declare" from Client => 11
        struct Declare<'a> {
            [u16]
            /// Name; empty to let the server choose.
            queue: &'a str,
            /// Only check that it exists.
            passive: bool,
            /// Survives a restart of the server.
            durable: bool,
            /// For this connection alone, and gone with it.
            exclusive: bool,
            /// Goes away with its last consumer.
            auto_delete: bool,
            /// No answer is wanted.
            no_wait: bool,
            /// Further arguments, such as `x-expires`.
            arguments: FieldTable<'a>,
        }

        /// The queue exists.
        11 QueueDeclareOk "queue.declare-ok" from Server
        struct DeclareOk<'a> {
            /// Name, chosen by the server if none was given.
            queue: &'a str,
            /// Messages ready for delivery.
            message_count: u32,
            /// Active consumers.
            consumer_count: u32,
        }

        /// Binds a queue to an exchange.
        20 QueueBind "queue.bind" from Client => 21
        struct Bind<'a> {
            [u16]
            /// The queue that receives.
            queue: &'a str,
            /// The exchange that passes on.
            exchange: &'a str,
            /// Pattern or key.
            routing_key: &'a str,
            /// No answer is wanted.
            no_wait: bool,
            /// Arguments of the binding.
            arguments: FieldTable<'a>,
        }

        /// The binding exists.
        21 QueueBindOk "queue.bind-ok" from Server
        struct BindOk {}

        /// Drops the messages of a queue that are not delivered yet.
        30 QueuePurge "queue.purge" from Client => 31
        struct Purge<'a> {
            [u16]
            /// Name.
            queue: &'a str,
            /// No answer is wanted.
            no_wait: bool,
        }

        /// The messages are gone.
        31 QueuePurgeOk "queue.purge-ok" from Server
        struct PurgeOk {
            /// How many there were.
            message_count: u32,
        }

        /// Deletes a queue.
        40 QueueDelete "queue.delete" from Client => 41
        struct Delete<'a> {
            [u16]
            /// Name.
            queue: &'a str,
            /// Only if it has no consumer.
            if_unused: bool,
            /// Only if it has no message.
            if_empty: bool,
            /// No answer is wanted.
            no_wait: bool,
        }

        /// The queue is gone.
        41 QueueDeleteOk "queue.delete-ok" from Server
        struct DeleteOk {
            /// How many messages went with it.
            message_count: u32,
        }

        /// Removes a binding of a queue.
        50 QueueUnbind "queue.unbind" from Client => 51
        struct Unbind<'a> {
            [u16]
            /// The queue that receives.
            queue: &'a str,
            /// The exchange that passes on.
            exchange: &'a str,
            /// Pattern or key.
            routing_key: &'a str,
            /// Arguments of the binding.
            arguments: FieldTable<'a>,
        }

        /// The binding is gone.
        51 QueueUnbindOk "queue.unbind-ok" from Server
        struct UnbindOk {}
    }

    /// Class 60: messages.
    class basic = 60 {
        /// Limits what the server sends ahead of acknowledgements.
        10 BasicQos "basic.qos" from Client => 11
        struct Qos {
            /// Bytes; RabbitMQ knows only 0, no limit.
            prefetch_size: u32,
            /// Messages; 0 for no limit.
            prefetch_count: u16,
            /// RabbitMQ: for the whole channel (true) or for each new consumer (false).
            global: bool,
        }

        /// The limit holds.
        11 BasicQosOk "basic.qos-ok" from Server
        struct QosOk {}

        /// Starts a consumer.
        20 BasicConsume "basic.consume" from Client => 21
        struct Consume<'a> {
            [u16]
            /// Name of the queue.
            queue: &'a str,
            /// Name of the consumer on this channel; empty to let the server choose.
            consumer_tag: &'a str,
            /// Not what this connection published; RabbitMQ ignores it.
            no_local: bool,
            /// Messages count as acknowledged when they are sent.
            no_ack: bool,
            /// No other consumer beside this one.
            exclusive: bool,
            /// No answer is wanted.
            no_wait: bool,
            /// Further arguments, such as `x-priority`.
            arguments: FieldTable<'a>,
        }

        /// The consumer is set up.
        21 BasicConsumeOk "basic.consume-ok" from Server
        struct ConsumeOk<'a> {
            /// Name of the consumer.
            consumer_tag: &'a str,
        }

        /// Ends a consumer; from the server: its queue is gone (RabbitMQ's extension).
        30 BasicCancel "basic.cancel" from Both => 31
        struct Cancel<'a> {
            /// Name of the consumer.
            consumer_tag: &'a str,
            /// No answer is wanted.
            no_wait: bool,
        }

        /// The consumer is no more.
        31 BasicCancelOk "basic.cancel-ok" from Both
        struct CancelOk<'a> {
            /// Name of the consumer.
            consumer_tag: &'a str,
        }

        /// Publishes the message that follows.
        40 BasicPublish "basic.publish" from Client with content
        struct Publish<'a> {
            [u16]
            /// Name of the exchange; empty for the default one.
            exchange: &'a str,
            /// What the exchange routes by.
            routing_key: &'a str,
            /// Return the message if no queue takes it.
            mandatory: bool,
            /// Return the message if no consumer is ready; RabbitMQ refuses it.
            immediate: bool,
        }

        /// Gives back a message that could not be routed; the message follows.
        50 BasicReturn "basic.return" from Server with content
        struct Return<'a> {
            /// One of [`reply_code`](crate::codec::reply_code).
            reply_code: u16,
            /// The reason for a human.
            reply_text: &'a str,
            /// As published.
            exchange: &'a str,
            /// As published.
            routing_key: &'a str,
        }

        /// Delivers the message that follows to a consumer.
        60 BasicDeliver "basic.deliver" from Server with content
        struct Deliver<'a> {
            /// Name of the consumer.
            consumer_tag: &'a str,
            /// Number to acknowledge with, counted by channel.
            delivery_tag: u64,
            /// It was delivered before.
            redelivered: bool,
            /// As published.
            exchange: &'a str,
            /// As published.
            routing_key: &'a str,
        }

        /// Asks for one message.
        70 BasicGet "basic.get" from Client => 71 | 72
        struct Get<'a> {
            [u16]
            /// Name of the queue.
            queue: &'a str,
            /// The message counts as acknowledged when it is sent.
            no_ack: bool,
        }

        /// The message asked for follows.
        71 BasicGetOk "basic.get-ok" from Server with content
        struct GetOk<'a> {
            /// Number to acknowledge with, counted by channel.
            delivery_tag: u64,
            /// It was delivered before.
            redelivered: bool,
            /// As published.
            exchange: &'a str,
            /// As published.
            routing_key: &'a str,
            /// Messages left in the queue.
            message_count: u32,
        }

        /// The queue is empty.
        72 BasicGetEmpty "basic.get-empty" from Server
        struct GetEmpty { .. &'a str }

        /// The consumer took a message; from the server: a publish is confirmed.
        80 BasicAck "basic.ack" from Both
        struct Ack {
            /// Number of the delivery or of the publish.
            delivery_tag: u64,
            /// Everything up to this number; with number 0 everything.
            multiple: bool,
        }

        /// The consumer refuses a message.
        90 BasicReject "basic.reject" from Client
        struct Reject {
            /// Number of the delivery.
            delivery_tag: u64,
            /// Back into the queue instead of dropping or dead-lettering it.
            requeue: bool,
        }

        /// Asks for all unacknowledged messages again, without an answer. Deprecated.
        100 BasicRecoverAsync "basic.recover-async" from Client
        struct RecoverAsync {
            /// Back into the queue; RabbitMQ knows only true.
            requeue: bool,
        }

        /// Asks for all unacknowledged messages again.
        110 BasicRecover "basic.recover" from Client => 111
        struct Recover {
            /// Back into the queue; RabbitMQ knows only true.
            requeue: bool,
        }

        /// They will come.
        111 BasicRecoverOk "basic.recover-ok" from Server
        struct RecoverOk {}

        /// Refuses one or many messages; from the server: a publish failed. RabbitMQ's extension.
        120 BasicNack "basic.nack" from Both
        struct Nack {
            /// Number of the delivery or of the publish.
            delivery_tag: u64,
            /// Everything up to this number; with number 0 everything.
            multiple: bool,
            /// Back into the queue; without meaning from the server.
            requeue: bool,
        }
    }

    /// Class 85: publisher confirms, RabbitMQ's extension.
    class confirm = 85 {
        /// Asks that every publish on this channel be confirmed.
        10 ConfirmSelect "confirm.select" from Client => 11
        struct Select {
            /// No answer is wanted.
            no_wait: bool,
        }

        /// Publishes count from 1 now.
        11 ConfirmSelectOk "confirm.select-ok" from Server
        struct SelectOk {}
    }

    /// Class 90: transactions on one channel.
    class tx = 90 {
        /// Makes the channel transactional.
        10 TxSelect "tx.select" from Client => 11
        struct Select {}

        /// The channel is transactional.
        11 TxSelectOk "tx.select-ok" from Server
        struct SelectOk {}

        /// Ends the transaction, and does what it holds.
        20 TxCommit "tx.commit" from Client => 21
        struct Commit {}

        /// It is done.
        21 TxCommitOk "tx.commit-ok" from Server
        struct CommitOk {}

        /// Ends the transaction, and forgets what it holds.
        30 TxRollback "tx.rollback" from Client => 31
        struct Rollback {}

        /// It is forgotten.
        31 TxRollbackOk "tx.rollback-ok" from Server
        struct RollbackOk {}
    }
}
