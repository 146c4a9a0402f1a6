//! The record of the last `up`, as a master holds it: refused, or the same once written.
#![no_main]

use kbootstrap::record;
use kbootstrap_fuzz::{MIB, within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    within(128 * data.len() + MIB, || {
        let Ok(record) = record::parse(&text, "fuzz") else { return };
        assert_eq!(record::parse(&record.text(), "again").unwrap(), record);
    });
});
