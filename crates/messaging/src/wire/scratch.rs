//! A buffer of the thread, in which texts are put together before their length is known.

use std::cell::Cell;

/// The longest text, in bytes, for which the buffer is kept. Most messages are shorter; longer
/// ones get a buffer of their own, so that a thread does not hold on to the memory of its largest
/// message.
pub(super) const KEPT: usize = 64 << 10;

/// Lends the thread's buffer, empty. Who needs another one meanwhile gets a new one.
pub(super) fn with<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    // At the end of a thread there is no buffer any more.
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    let result = work(&mut buffer);
    if buffer.capacity() <= KEPT {
        buffer.clear();
        let _ = BUFFER.try_with(|kept| kept.set(buffer));
    }
    result
}

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}
