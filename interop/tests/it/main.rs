//! Real peers on the same broker, in both directions.

mod faults;
mod negative;
mod python_to_rust;
mod python_to_rust_life;
mod python_to_rust_rows;
mod rust_to_python;
mod rust_to_python_rows;
mod simulator;
mod support;
