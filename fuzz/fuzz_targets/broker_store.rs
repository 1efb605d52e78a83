//! libFuzzer's entry to [`bergen_fuzz::broker::store`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::broker::store(data));
