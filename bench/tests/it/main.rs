//! Every benchmark, made tiny: they must run, and say what they measured. No figure is judged.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly, as the tests themselves"
)]

mod tiny;
