//! Files of which nobody knows what they are (kubeconfigs, PEM, DER, stores): what certificates there are, or why none.
#![no_main]

use std::fs;
use std::time::Duration;

use kbootstrap::certs::{Client, Settings, Source, gather};
use kbootstrap::error::Result;
use kbootstrap::pki::{Passwords, tlv};
use kbootstrap::secret::Secret;
use kbootstrap_fuzz::{MIB, within};
use libfuzzer_sys::fuzz_target;

/// Nobody is asked.
struct Nobody;

impl Passwords for Nobody {
    fn ways(&self) -> Option<String> {
        None
    }
    fn of(&self, _: &str) -> Result<Option<Secret>> {
        Ok(None)
    }
}

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("file");
    fs::write(&path, data).unwrap();
    within(256 * data.len() + 8 * MIB, || {
        let client = Client { server_name: None, timeout: Duration::from_secs(1), identity: None, start: None };
        let _ = gather(&[Source::Path(path.clone())], Settings { passwords: &Nobody, client: &client });
        let whole = tlv::is_whole(data);
        let inside: usize = tlv::all(data).into_iter().flatten().map(|one| one.content.len()).sum();
        assert!(inside <= data.len(), "{whole}");
    });
});
