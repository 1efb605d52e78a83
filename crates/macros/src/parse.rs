//! From Rust's syntax to the description.

pub(crate) mod attributes;
pub(crate) mod method;
mod signature;

pub(crate) use signature::is_option;
