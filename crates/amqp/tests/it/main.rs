//! Tests of the crate from outside, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and so may their helpers"
)]

mod blocked;
mod client;
mod codec;
mod codec_differential;
mod codec_foreign_methods;
mod codec_foreign_values;
mod codec_strategies;
mod logins;
mod pipelining;
mod tls;
