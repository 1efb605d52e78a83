//! libFuzzer's entry to [`bergen_fuzz::connection::server`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::connection::server(data));
