//! The testbed against the real things.

// The helpers of tests may fail as loudly as the tests.
#![allow(clippy::unwrap_used)]

mod bergen;
mod guard;
mod python;
mod rabbit;
