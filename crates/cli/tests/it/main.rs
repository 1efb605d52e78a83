//! The tests of the `bergen` program: the real program, against a real RabbitMQ or its own broker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly, as the tests themselves"
)]

mod broker;
mod calls;
mod config;
mod config_command;
mod demo;
mod embedded;
mod endings;
mod help;
mod listen;
mod notify;
mod ping;
mod program;
mod serve;
mod service;
mod setup;
mod sim;
mod usage;
