//! Pushes to this machine, into a folder, with the programs of the PATH that a test gives.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::push::{PushContext, push};
use super::stream::Compression;
use super::waves::Push;
use crate::artifacts::{Label, Origin, OriginKind, Store};
use crate::cluster::Layout;
use crate::digest::sha256;
use crate::error::Result;
use crate::plan::HostPlan;
use crate::remote::{Output, Stream, Transport};
use crate::secret::Secret;
use crate::state::{ArtifactRef, Content, File, HostState, Image};
use crate::ui::Silent;

struct Shell {
    path: String,
}

impl Transport for Shell {
    fn host(&self) -> &str {
        "n1"
    }

    fn stream(&mut self, script: &str, stdin: &mut dyn Read, stdout: &mut dyn Write) -> Result<Output> {
        let mut sh = Command::new("/bin/sh");
        sh.args(["-c", script]).env("PATH", &self.path);
        let mut child = sh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes).unwrap();
        // A script that gives up closes its input; its status tells.
        let _ = child.stdin.take().unwrap().write_all(&bytes);
        let output = child.wait_with_output().unwrap();
        stdout.write_all(&output.stdout).unwrap();
        Ok(Output { status: output.status.code().unwrap(), stdout: Vec::new(), stderr: output.stderr })
    }

    fn dial(&mut self, _: SocketAddr) -> Result<Box<dyn Stream + '_>> {
        unreachable!("a push asks for no connection")
    }
}

/// A folder that stands for a host, and a store.
struct Case {
    dir: tempfile::TempDir,
    store: Store,
    state: HostState,
    push: Push,
    shell: Shell,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store"));
        let case = Case {
            store,
            state: HostState { host: "n1".into(), ..HostState::default() },
            push: Push { host: "n1".into(), title: "push".into(), ..Push::default() },
            shell: Shell { path: std::env::var("PATH").unwrap() },
            dir,
        };
        fs::create_dir(case.root()).unwrap();
        case.file("config.yaml", 0o644, Content::Text("a: 1\n".into()))
            .file("key.pem", 0o600, Content::Secret(Secret::new(b"no key".to_vec())))
            .program("kubelet", 3_000_000)
            .program("runc", 17)
            .image("pause", 40_000)
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("host")
    }

    fn path(&self, name: &str) -> String {
        self.root().join(name).display().to_string()
    }

    fn file(mut self, name: &str, mode: u32, content: Content) -> Self {
        let path = self.path(name);
        self.state.files.insert(path.clone(), File { content, mode, owner: "root".into() });
        self.push.files.push(path);
        self
    }

    fn stored(&self, name: &str, size: usize) -> ArtifactRef {
        let raw = self.dir.path().join(name);
        fs::write(&raw, bytes(name, size)).unwrap();
        let origin = Origin { kind: OriginKind::Folder, from: "a test".into() };
        let label = Label { name: name.into(), version: "1".into(), arch: "amd64".into(), origin };
        self.store.put(&raw, label, None).unwrap()
    }

    fn program(self, name: &str, size: usize) -> Self {
        let artifact = self.stored(name, size);
        self.file(name, 0o755, Content::Artifact(artifact))
    }

    fn image(mut self, name: &str, size: usize) -> Self {
        let artifact = self.stored(name, size);
        let name = format!("registry.k8s.io/{name}:1");
        self.state.images.push(Image { name: name.clone(), artifact });
        self.push.images.push(name);
        self
    }

    fn run(&mut self, compression: Compression) -> Result<u64> {
        let layout = Layout { records: self.path("records"), ..Layout::standard() };
        let context = PushContext { layout: &layout, compression, store: &self.store, reporter: &Silent };
        push(&mut self.shell, &self.push, &HostPlan::default(), &self.state, &context)
    }

    /// Files of a folder of the host, with their modes.
    fn listed(&self, folder: &str) -> Vec<(String, u32)> {
        let mut listed: Vec<_> = fs::read_dir(self.root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|e| (e.file_name().into_string().unwrap(), e.metadata().unwrap().permissions().mode() & 0o7777))
            .collect();
        listed.sort();
        listed
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.root().join(name)).unwrap()
    }

    /// Flips one bit of a stored program.
    fn damage(&self, name: &str) -> PathBuf {
        let Content::Artifact(artifact) = &self.state.files[&self.path(name)].content else { panic!("{name}") };
        let path = self.store.file(&artifact.sha256);
        flip(&path);
        path
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Bytes that do not compress to nothing.
fn bytes(name: &str, size: usize) -> Vec<u8> {
    let mut state = name.len() as u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as u8
    };
    (0..size).map(|_| next()).collect()
}

fn expected() -> Vec<(String, u32)> {
    [("config.yaml", 0o644), ("key.pem", 0o600), ("kubelet", 0o755), ("runc", 0o755)].map(|(n, m)| (n.into(), m)).into()
}

/// Only root may hold the lock of a host.
fn needs_root() {
    assert!(rustix::process::getuid().is_root(), "this test needs root");
}

#[test]
fn files_arrive_whole_with_their_modes_and_nothing_else_stays() {
    needs_root();
    for compression in [Compression::Zstd, Compression::None] {
        let mut case = Case::new();
        case.run(compression).unwrap();
        assert_eq!(case.listed(""), expected(), "{compression:?}");
        assert_eq!(case.read("config.yaml"), b"a: 1\n");
        assert_eq!(case.read("key.pem"), b"no key");
        assert_eq!(case.read("kubelet"), bytes("kubelet", 3_000_000));
        assert_eq!(case.read("runc"), bytes("runc", 17));
        assert_eq!(case.read("records/images/pause.tar"), bytes("pause", 40_000));
        assert_eq!(case.listed("records/images"), [("pause.tar".into(), 0o600)]);
        assert_eq!(case.listed("records"), [("hashes".into(), 0o600)]);
    }
}

#[test]
fn a_host_without_openssl_and_zstd_is_served_too() {
    needs_root();
    let mut case = Case::new();
    let bin = case.dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for name in
        ["cat", "chmod", "cut", "dd", "flock", "grep", "mkdir", "mv", "rm", "sha256sum", "stat", "tar", "tr", "xargs"]
    {
        let found = std::env::split_paths(&case.shell.path).map(|dir| dir.join(name)).find(|path| path.exists());
        symlink(found.unwrap_or_else(|| panic!("no {name} here")), bin.join(name)).unwrap();
    }
    case.shell.path = bin.display().to_string();
    case.run(Compression::None).unwrap();
    assert_eq!(case.listed(""), expected());
    assert_eq!(case.read("kubelet"), bytes("kubelet", 3_000_000));
}

#[test]
fn damaged_bytes_replace_nothing_and_the_next_push_cleans_up() {
    needs_root();
    let mut case = Case::new();
    fs::write(case.root().join("kubelet"), "the old one").unwrap();
    let damaged = case.damage("kubelet");

    let error = case.run(Compression::Zstd).unwrap_err();
    let staged = case.path("kubelet.kbootstrap-new");
    assert_eq!(error.details.len(), 2, "{error:?}");
    assert!(error.details[0].ends_with(&format!("{staged}: its SHA-256 is not the one that is pinned")), "{error:?}");
    assert!(error.details[1].contains(&format!("{} is damaged", damaged.display())), "{error:?}");
    assert_eq!(case.read("kubelet"), b"the old one");
    assert!(!case.root().join("config.yaml").exists(), "nothing of the push is in place");

    flip(&damaged);
    case.run(Compression::Zstd).unwrap();
    assert_eq!(case.listed(""), expected());
    assert_eq!(case.read("kubelet"), bytes("kubelet", 3_000_000));
}

/// Replaces what is stored of a program by other bytes, and its record by one that fits them but for the pinned hash.
fn replace(case: &Case, name: &str, raw: &[u8]) {
    let path = case.path(name);
    let files = case.state.files.get(&path).map(|file| &file.content);
    let artifact = match files {
        Some(Content::Artifact(artifact)) => artifact,
        _ => &case.state.images.iter().find(|i| i.artifact.name == name).unwrap().artifact,
    };
    let frame = zstd::encode_all(raw, 3).unwrap();
    let file = case.store.file(&artifact.sha256);
    fs::write(&file, &frame).unwrap();
    let mut record = case.store.record(&artifact.sha256).unwrap();
    (record.compressed_sha256, record.compressed_size) = (sha256(&frame), frame.len() as u64);
    fs::write(file.with_extension("json"), serde_json::to_vec(&record).unwrap()).unwrap();
}

#[test]
fn a_cache_that_was_changed_with_its_records_brings_nothing_to_a_host() {
    needs_root();
    for compression in [Compression::Zstd, Compression::None] {
        for name in ["runc", "pause"] {
            let mut case = Case::new();
            fs::write(case.root().join("runc"), "the old one").unwrap();
            let size = if name == "runc" { 17 } else { 40_000 };
            replace(&case, name, &bytes("another", size));
            let error = case.run(compression).unwrap_err();
            let told = error.details.join("\n");
            assert!(told.contains("its SHA-256 is not the one that is pinned"), "{error:?}");
            assert!(told.contains("what it unpacks to is not what its name says"), "{error:?}");
            assert!(error.hints.iter().any(|hint| hint.contains("artifacts fetch")), "{error:?}");
            assert_eq!(case.read("runc"), b"the old one", "{compression:?} {name}");
            assert!(!case.root().join("records/images/pause.tar").exists());
            assert!(!case.root().join("records/hashes").exists(), "nothing is recorded that was not computed");
        }
    }
}

#[test]
fn a_frame_without_end_does_not_fill_the_host() {
    needs_root();
    let mut case = Case::new();
    // 200 MB of zeros in a few kilobytes, for a program of 3 MB.
    replace(&case, "kubelet", &vec![0; 200_000_000]);
    let error = case.run(Compression::Zstd).unwrap_err();
    assert!(error.details.join("\n").contains("its SHA-256 is not the one that is pinned"), "{error:?}");
    let left = fs::metadata(case.root().join("kubelet.kbootstrap-new")).map_or(0, |meta| meta.len());
    assert!(left <= 3_000_000 + 512, "{left} bytes");
}
