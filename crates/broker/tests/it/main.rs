//! Tests of the crate from outside, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and so may their helpers"
)]

mod access;
mod differential;
mod durability;
mod foreign;
mod management;
mod server;
