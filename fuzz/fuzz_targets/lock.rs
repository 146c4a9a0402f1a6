//! A lock file: refused, or the same once written, with no name in it that could be a path, a command or a control sequence.
#![no_main]

use kbootstrap::artifacts::Lock;
use kbootstrap_fuzz::{MIB, within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    within(64 * data.len() + MIB, || {
        let Ok(lock) = Lock::parse(data, "fuzz") else { return };
        assert_eq!(Lock::parse(&lock.bytes().unwrap(), "again").unwrap(), lock);
        for locked in &lock.artifacts {
            assert!(locked.sha256.len() == 64 && locked.sha256.bytes().all(|b| b.is_ascii_hexdigit()));
            assert!(!locked.title().chars().any(char::is_control), "{:?}", locked.title());
        }
    });
});
