//! libFuzzer's entry to [`bergen_fuzz::amqp::properties`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::amqp::properties(data));
