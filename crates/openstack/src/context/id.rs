//! Request ids.

use bergen_messaging::wire::Id;
use bergen_messaging::wire::convert::Uuid;

/// A new request id: `req-` and a random UUID.
pub fn new_request_id() -> String {
    format!("req-{}", Uuid::from(Id::new()))
}
