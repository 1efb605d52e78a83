//! The tests of `bergen-testing`: the kit, and the drivers of bergen under its suite for drivers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly, as the tests themselves"
)]

mod broken;
mod conformance;
mod faults;
mod idle;
mod sent;
