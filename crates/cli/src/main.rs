//! The bergen program.
fn main() {}
