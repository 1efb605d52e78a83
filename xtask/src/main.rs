//! Repeated acts of development.
fn main() {}
