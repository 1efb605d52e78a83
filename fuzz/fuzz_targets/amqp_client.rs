//! libFuzzer's entry to [`bergen_fuzz::connection::client`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::connection::client(data));
