//! From the description to code: a table, and calls into ordinary functions of `bergen::rpc`.

pub(crate) mod client;
pub(crate) mod dispatch;
pub(crate) mod server_trait;
mod table;
