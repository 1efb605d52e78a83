//! libFuzzer's entry to [`bergen_fuzz::messaging::failure`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::messaging::failure(data));
