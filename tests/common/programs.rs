//! Where the tests find the Kubernetes programs: in kbootstrap's own store, which `make test` fills.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

use kbootstrap::artifacts::Store;
use kbootstrap::state::ArtifactRef;

/// The program of that name, unpacked once. A test that cannot have its program fails: nothing is skipped in silence.
pub fn program(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    let store = Store::open_default().unwrap();
    let records = store.records().unwrap();
    let newest = records.iter().rfind(|r| r.labels.iter().any(|l| l.name == name));
    let stored = newest.unwrap_or_else(|| {
        panic!("{name} is not in the store: kbootstrap artifacts fetch --kubernetes 1.36.3 --test-images")
    });
    // The name carries the hash, so what lies there is the right one.
    let path = store.cache().join("tests").join(&stored.sha256).join(name);
    if !path.exists() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let artifact =
            ArtifactRef { name: name.into(), version: String::new(), sha256: stored.sha256.clone(), size: stored.size };
        let beside = path.with_extension(std::process::id().to_string());
        let mut file = File::create(&beside).unwrap();
        io::copy(&mut store.raw_reader(&artifact).unwrap(), &mut file).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o755)).unwrap();
        drop(file);
        fs::rename(beside, &path).unwrap();
    }
    path
}
