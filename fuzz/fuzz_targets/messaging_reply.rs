//! libFuzzer's entry to [`bergen_fuzz::messaging::reply`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::messaging::reply(data));
