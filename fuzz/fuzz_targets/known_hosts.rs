//! A known_hosts file: lines that cannot be read are passed over, a key that is marked as revoked is never known, and what is
//! written for a key is read as that key.
#![no_main]

use std::path::Path;

use kbootstrap::remote::known_hosts::{KnownHosts, Marker, Verdict, fingerprint, key_type, line, lookup_name};
use kbootstrap_fuzz::{MIB, within};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["n1.example", "10.0.0.1", "[10.0.0.1]:2222", "[fd00::1]:22"];

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    within(64 * data.len() + MIB, || {
        let mut known = KnownHosts::default();
        known.add(Path::new("fuzz"), &text);
        for name in NAMES.iter().copied().chain([lookup_name("N1", 22).as_str()]) {
            for entry in known.of(name) {
                match entry.marker {
                    Marker::Revoked => assert!(known.revoked(name, &entry.key).is_some(), "{entry:?}"),
                    Marker::Own => assert_eq!(known.judge(name, &entry.key), Verdict::Known, "{entry:?}"),
                    Marker::Authority => {}
                }
                assert_eq!(key_type(&entry.key), entry.key_type, "a line's word is not believed");
                let mut again = KnownHosts::default();
                again.add(Path::new("again"), &line("n1", &entry.key));
                assert_eq!(again.judge("n1", &entry.key), Verdict::Known);
                assert!(!fingerprint(&entry.key).is_empty());
            }
        }
    });
});
