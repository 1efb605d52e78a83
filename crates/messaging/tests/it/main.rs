//! The tests of `bergen-messaging` as a program sees it, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly, as the tests themselves"
)]

mod bus;
mod compile_fail;
mod rabbit;
mod rows_connection;
mod rows_drivers;
mod rows_rabbit;
mod rows_serializers;
mod rows_server;
mod rows_transport;
mod rpc_admission;
mod rpc_calls;
mod rpc_cancel;
mod rpc_client;
mod rpc_dispatch;
mod rpc_errors;
mod rpc_lifecycle;
mod rpc_logs;
mod rpc_promises;
mod runtime;
mod wire_replies;
mod wire_requests;
mod wire_samples;
