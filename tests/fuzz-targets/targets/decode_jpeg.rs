#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| thumbmill_invariants::decode_jpeg(input));
