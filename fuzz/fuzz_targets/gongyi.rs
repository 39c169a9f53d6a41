#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| huodong_fuzz::gongyi(input));
