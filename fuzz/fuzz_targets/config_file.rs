//! libFuzzer's entry to [`bergen_fuzz::config::file`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::config::file(data));
