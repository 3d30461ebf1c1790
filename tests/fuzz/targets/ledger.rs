//! The fuzzer's way to the property `ledger`.

#![no_main]

#[path = "../properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    properties::ledger::holds(input);
});
