//! The broker's store: what reads as records must be written to what reads the same.

use bergen_broker::store::recode;

/// The payload of a frame in the log.
pub fn store(data: &[u8]) {
    if let Some(once) = recode(data) {
        assert_eq!(recode(&once).as_ref(), Some(&once), "from {data:02x?}");
    }
}
