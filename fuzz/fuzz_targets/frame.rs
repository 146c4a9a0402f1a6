//! A frame in the store, which somebody else may have written: refused, or just the bytes that the lock pins.
#![no_main]

use std::fs;

use kbootstrap::artifacts::Store;
use kbootstrap::digest::sha256;
use kbootstrap::state::ArtifactRef;
use kbootstrap_fuzz::{MIB, within};
use libfuzzer_sys::fuzz_target;

/// What the lock says that it is.
const PINNED: &[u8] = b"what is pinned";

fuzz_target!(|data: &[u8]| {
    let cache = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(cache.path());
    let sha256 = sha256(PINNED);
    let artifact = ArtifactRef { name: "a".into(), version: "1".into(), sha256: sha256.clone(), size: PINNED.len() as u64 };
    // The record that lies beside it fits the frame, as it would if somebody had changed both.
    let record = serde_json::json!({
        "sha256": sha256, "size": PINNED.len(), "compressedSha256": kbootstrap::digest::sha256(data),
        "compressedSize": data.len(), "labels": [],
    });
    let frame = store.file(&sha256);
    fs::create_dir_all(frame.parent().unwrap()).unwrap();
    fs::write(&frame, data).unwrap();
    fs::write(frame.with_extension("json"), record.to_string()).unwrap();
    // A frame may unpack to anything, of which no more is looked at than is pinned.
    within(4 * MIB, || {
        if store.check(&artifact).is_ok() {
            assert_eq!(zstd::decode_all(data).unwrap(), PINNED);
        }
        let _ = store.usable(&artifact);
    });
});
