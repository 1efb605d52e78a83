//! libFuzzer's entry to [`bergen_fuzz::messaging::compression`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::messaging::compression(data));
