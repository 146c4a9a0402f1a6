//! A bundle that somebody else made: refused, or only what its list names is in the store, and nothing lies outside of it.
#![no_main]

use std::fs;

use kbootstrap::artifacts::{Store, import};
use kbootstrap::components::Catalogue;
use kbootstrap::ui::Silent;
use kbootstrap_fuzz::{MIB, within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let (bundle, cache) = (folder.path().join("bundle.tar"), folder.path().join("cache"));
    fs::write(&bundle, data).unwrap();
    fs::create_dir(&cache).unwrap();
    let store = Store::open(&cache);
    let catalogue = Catalogue::standard();
    within(64 * data.len() + 8 * MIB, || {
        let imported = import(&bundle, &store, &catalogue, &Silent);
        let mut outside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        outside.sort();
        assert_eq!(outside, ["bundle.tar", "cache"]);
        let Ok(imported) = imported else { return };
        for stored in store.records().unwrap() {
            assert!(imported.artifacts.iter().any(|locked| locked.sha256 == stored.sha256), "{stored:?}");
        }
    });
});
