//! libFuzzer's entry to [`bergen_fuzz::openstack::object`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bergen_fuzz::openstack::object(data));
