//! Real peers on the same broker, in both directions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests may fail loudly, as the tests themselves, and accounts are for humans to read"
)]

mod cancel;
mod compression;
mod config;
mod foreign;
mod json;
mod listener;
mod negative;
mod notifications;
mod notifications_simulator;
mod objects;
mod option_sets;
mod python_to_rust;
mod python_to_rust_life;
mod python_to_rust_rows;
mod rust_to_python;
mod rust_to_python_rows;
mod simulator;
mod support;
mod urls;
