//! libFuzzer's entry to [`bergen_fuzz::messaging::envelope`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::messaging::envelope(data));
