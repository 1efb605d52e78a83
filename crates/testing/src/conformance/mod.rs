//! The promises of the driver trait, as tests: for bergen's own drivers, and for whoever writes another one.
//!
//! Each function is one promise and is given a [`Subject`]: how to reach the driver. [`driver_conformance!`] makes a
//! test of each. They run in real time, since a broker does, and take some seconds together.
//!
//! ```
//! use bergen_messaging::driver::DriverRegistry;
//! use bergen_messaging::transport::TransportOptions;
//! use bergen_testing::conformance::Subject;
//!
//! async fn subject() -> Subject {
//!     // Start a broker, or make a virtual host on one; `keeping` holds on to it until the test is over.
//!     Subject::new(|| {
//!         let mut registry = DriverRegistry::empty();
//!         bergen_memory::register(&mut registry);
//!         TransportOptions::default().registry(registry).url("memory://conformance".parse().unwrap())
//!     })
//! }
//!
//! # mod tests {
//! # use super::subject;
//! bergen_testing::driver_conformance!(subject());
//! # }
//! # fn main() {}
//! ```
//!
//! [`driver_conformance!`]: crate::driver_conformance
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "these are tests: they fail by panicking"
)]

pub mod calls;
pub mod casts;
pub mod closing;
pub mod delivery;
pub mod notifications;
mod service;
mod subject;
pub mod time;

pub use subject::{Subject, run};

/// Makes a test of each promise. The argument is an expression that yields a future of a
/// [`Subject`](crate::conformance::Subject), made anew for each test.
#[macro_export]
macro_rules! driver_conformance {
    ($subject:expr) => {
        $crate::driver_conformance! { @tests $subject;
            calls: [
                a_call_is_answered_by_a_server_of_its_topic
                a_call_to_one_server_goes_there
                calls_are_spread_over_the_servers_of_a_topic
                arguments_and_context_arrive_as_they_were_sent
                a_failure_comes_back_as_the_server_sent_it
                unknown_methods_and_versions_are_told_to_the_caller
                each_of_many_calls_gets_its_own_answer
                a_handler_calls_on
                a_call_to_nobody_says_that_there_is_no_server
                a_call_that_must_be_taken_at_once_is_undeliverable_without_a_queue
            ];
            casts: [
                a_cast_reaches_one_server
                a_cast_to_one_server_goes_there
                a_fanout_reaches_every_server_once
                a_cast_to_nobody_is_sent_and_one_that_must_arrive_is_not
                casts_of_one_sender_keep_their_order
            ];
            time: [
                a_call_without_an_answer_ends_at_its_deadline
                a_late_answer_harms_nobody
                a_request_tells_its_deadline
                a_request_that_expired_in_its_queue_does_not_run
                a_request_that_expired_while_it_waited_for_a_place_does_not_run
                a_monitored_call_goes_on_while_its_server_works
                a_call_that_is_given_up_is_cancelled_at_its_server
            ];
            delivery: [
                no_more_is_handed_over_than_the_prefetch_allows
                what_is_requeued_comes_again
                what_was_not_acknowledged_goes_to_another_listener
                what_is_acknowledged_does_not_come_again
                requests_beyond_the_limit_wait_and_run_later
            ];
            closing: [
                a_stopped_server_takes_nothing_new_and_finishes_what_it_took
                a_closed_transport_ends_the_calls_that_wait
                a_closed_transport_sends_nothing
                requests_wait_for_the_next_server
            ];
            notifications: [
                a_notification_waits_for_its_listener_in_either_format
                priorities_are_apart
                each_pool_gets_one_copy
                listeners_of_one_pool_share
                a_temporary_pool_goes_with_its_last_listener
                what_is_requeued_or_not_acknowledged_comes_again
                no_more_notifications_are_handed_over_than_the_prefetch_allows
            ];
        }
    };
    (@tests $subject:expr; $($module:ident: [$($promise:ident)+];)+) => {
        $($(
            #[test]
            fn $promise() {
                $crate::conformance::run(async {
                    let subject = $subject.await;
                    $crate::conformance::$module::$promise(&subject).await;
                });
            }
        )+)+
    };
}
