//! libFuzzer's entry to [`bergen_fuzz::amqp::table`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::amqp::table(data));
