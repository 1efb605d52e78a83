//! AMQP clients that others have written. Each plays the same round on RabbitMQ and on our broker: what RabbitMQ
//! does not pass is a wrong expectation, what only ours does not pass is our defect.

mod broker;
mod client;
mod clients;
mod round;

/// Each part of the round is a test, once for each client and each broker.
macro_rules! rounds {
    ($($client:ident: $type:ident, [$($part:ident),+ $(,)?])+) => {
        $(
            mod $client {
                use super::clients::$client::$type;

                mod rabbitmq {
                    $(
                        #[tokio::test]
                        async fn $part() {
                            let broker = super::super::broker::Broker::rabbitmq().await;
                            super::super::round::$part::<super::$type>(broker.address()).await;
                        }
                    )+
                }

                mod ours {
                    $(
                        #[tokio::test]
                        async fn $part() {
                            let broker = super::super::broker::Broker::ours().await;
                            super::super::round::$part::<super::$type>(broker.address()).await;
                            broker.stop().await;
                        }
                    )+
                }
            }
        )+
    };
}

macro_rules! every_client {
    ($parts:tt) => {
        rounds! {
            lapin: Lapin, $parts
            amqprs: Amqprs, $parts
            bunny: Bunny, $parts
            amqp_client: AmqpClient, $parts
        }
    };
}

every_client!([
    logins_are_checked_and_connections_close_in_order,
    messages_go_where_the_four_kinds_of_exchange_say,
    declarations_tell_what_is_there,
    publishes_are_confirmed_and_those_without_a_queue_return,
    deliveries_are_settled_one_by_one_and_together,
    prefetch_bounds_what_is_not_acknowledged,
    messages_are_fetched_with_the_count_of_those_left,
    a_cancelled_consumer_leaves_messages_to_others,
    a_deleted_queue_ends_its_consumers,
    what_a_channel_leaves_unsettled_comes_again,
    exclusive_and_automatic_queues_go_with_their_owners,
    a_refusal_closes_its_channel_and_nothing_else,
    bodies_of_any_size_arrive_whole,
    properties_and_headers_of_every_type_come_back,
    what_expires_or_is_refused_is_dead_lettered,
    heartbeats_keep_an_idle_connection,
]);
