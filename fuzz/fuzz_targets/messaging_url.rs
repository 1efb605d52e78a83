//! libFuzzer's entry to [`bergen_fuzz::messaging::url`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::messaging::url(data));
