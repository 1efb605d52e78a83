//! Real peers on the same broker, in both directions.

mod faults;
mod negative;
mod python_to_rust;
mod rust_to_python;
mod simulator;
mod support;
