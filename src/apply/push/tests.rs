//! Pushes to this machine, into a folder, with the programs of the PATH that a test gives.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::stream::Compression;
use super::{PushContext, push};
use crate::apply::Push;
use crate::artifacts::{Label, Origin, OriginKind, Store};
use crate::cluster::Layout;
use crate::components::Catalogue;
use crate::digest::sha256;
use crate::error::Result;
use crate::files::acl::Acl;
use crate::plan::{DirChange, HostPlan};
use crate::remote::{Output, Stream, Transport};
use crate::secret::Secret;
use crate::state::{ArtifactRef, Content, Dir, File, HostState, Image};
use crate::ui::Silent;

struct Shell {
    path: String,
}

impl Transport for Shell {
    fn host(&self) -> &str {
        "n1"
    }

    fn execute(
        &mut self,
        _: Option<Duration>,
        script: &str,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Output> {
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
    plan: HostPlan,
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
            plan: HostPlan::default(),
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
        push(&mut self.shell, &self.push, &self.plan, &self.state, &context)
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
    for name in [
        "cat",
        "chmod",
        "cut",
        "dd",
        "flock",
        "grep",
        "install",
        "mkdir",
        "mv",
        "rm",
        "sha256sum",
        "stat",
        "tar",
        "tr",
        "xargs",
    ] {
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

/// The user `daemon`, who stands for a service's user that somebody else has taken.
const OTHER: u32 = 1;

/// A file of root's that others are after, beside the host.
fn victim(case: &Case) -> PathBuf {
    let victim = case.dir.path().join("shadow");
    fs::write(&victim, "root's own").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    // Everybody may go there; what is there is root's.
    for dir in [case.dir.path().to_owned(), case.root()] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    }
    victim
}

/// Ends with the test, whatever comes of that.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn assert_untouched(victim: &Path, when: &str) {
    let meta = fs::metadata(victim).unwrap();
    let is = (meta.uid(), meta.mode() & 0o7777, fs::read_to_string(victim).unwrap());
    assert_eq!(is, (0, 0o600, "root's own".to_owned()), "{when}");
}

/// etcd's folder of keys as the catalogue has it, in the place of the host's; its user is `daemon`.
fn etcds_keys(mut case: Case) -> Case {
    let layout = Layout::standard();
    let catalogue = Catalogue::standard();
    let dirs = (catalogue.get("etcd").unwrap().dirs)(&layout);
    let (_, mode, owner) = dirs.into_iter().find(|(path, ..)| *path == layout.etcd_pki).unwrap();
    let owner = owner.replace("etcd", "daemon");
    case.plan.dirs.insert(case.path("pki"), DirChange { from: None, to: Dir { mode, owner } });
    case.push.first = true;
    let key = Content::Secret(Secret::new(b"no key".to_vec()));
    for (name, content) in [("pki/server.crt", Content::Text("a certificate".into())), ("pki/server.key", key)] {
        case = case.file(name, 0o600, content);
        let path = case.path(name);
        case.state.files.get_mut(&path).unwrap().owner = "daemon".into();
    }
    case
}

#[test]
fn links_that_are_swapped_during_a_push_lead_root_nowhere() {
    needs_root();
    let mut case = etcds_keys(Case::new());
    let victim = victim(&case);
    let folder = case.root().join("pki");
    fs::create_dir(&folder).unwrap();
    chown(&folder, Some(OTHER), Some(OTHER)).unwrap();
    let swap = r#"while :; do
        for name in server.crt.kbootstrap-new server.key.kbootstrap-new server.crt server.key; do
            rm -rf "$name" 2>/dev/null; ln -sfn "$0" "$name" 2>/dev/null
        done
    done"#;
    let mut other = Command::new("/bin/sh");
    other.args(["-c", swap]).arg(&victim).current_dir(&folder).uid(OTHER).gid(OTHER);
    let _swapping = Running(other.spawn().unwrap());
    for round in 0..12 {
        // As it is where an older version was last: the folder is the service's own.
        chown(&folder, Some(OTHER), Some(OTHER)).unwrap();
        let result = case.run(Compression::Zstd);
        assert_untouched(&victim, &format!("after push {round}: {result:?}"));
        result.unwrap();
        let key = fs::symlink_metadata(folder.join("server.key")).unwrap();
        assert_eq!((key.is_file(), key.uid(), key.mode() & 0o7777), (true, OTHER, 0o600), "push {round}");
        assert_eq!(fs::metadata(&folder).unwrap().uid(), 0, "the folder is root's");
    }
}

#[test]
fn what_others_have_put_where_files_of_ours_go_is_replaced_and_not_followed() {
    needs_root();
    let mut case = Case::new();
    let victim = victim(&case);
    let folder = case.dir.path().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    symlink(&victim, case.path("key.pem")).unwrap();
    symlink(&victim, case.path("runc.kbootstrap-new")).unwrap();
    symlink(&folder, case.path("kubelet")).unwrap();
    fs::create_dir(case.path("config.yaml.kbootstrap-new")).unwrap();
    case.run(Compression::Zstd).unwrap();
    assert_untouched(&victim, "after the push");
    assert_eq!(case.listed(""), expected());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing was moved into a folder");
}

#[test]
fn only_a_file_that_is_ours_alone_is_given_another_mode() {
    needs_root();
    let mut case = Case::new();
    let victim = victim(&case);
    case.run(Compression::Zstd).unwrap();
    let path = case.path("key.pem");
    case.push = Push { host: "n1".into(), title: "push".into(), modes: vec![path.clone()], ..Push::default() };
    case.state.files.get_mut(&path).unwrap().owner = "daemon".into();
    for link in [|from: &Path, to: &str| symlink(from, to), |from: &Path, to: &str| fs::hard_link(from, to)] {
        fs::remove_file(&path).unwrap();
        link(&victim, &path).unwrap();
        let error = case.run(Compression::Zstd).unwrap_err();
        assert!(error.details[0].contains("is a link, has a second name, or is no file: remove it"), "{error:?}");
        assert_untouched(&victim, "after the push");
    }
    fs::remove_file(&path).unwrap();
    fs::write(&path, "no key").unwrap();
    case.run(Compression::Zstd).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().uid(), OTHER);
}

#[test]
fn where_others_own_the_way_nothing_is_written() {
    needs_root();
    let mut case = Case::new();
    let way = case.root();
    chown(&way, Some(OTHER), None).unwrap();
    let error = case.run(Compression::Zstd).unwrap_err();
    let said = format!("{} belongs to daemon ({OTHER}), who so could have root write elsewhere", way.display());
    assert!(error.details[0].contains(&said), "{error:?}");
    assert!(!way.join("config.yaml").exists());

    // A folder of ours is given back to root.
    case.plan
        .dirs
        .insert(way.display().to_string(), DirChange { from: None, to: Dir { mode: 0o755, owner: "root".into() } });
    case.push.first = true;
    case.run(Compression::Zstd).unwrap();
    assert_eq!((fs::metadata(&way).unwrap().uid(), case.listed("")), (0, expected()));
}

/// A default ACL takes the place of the umask, and who has a file open while it is unpacked writes it when it was verified.
#[test]
fn whom_a_default_acl_names_opens_nothing_that_arrives() {
    needs_root();
    for compression in [Compression::Zstd, Compression::None] {
        let mut case = Case::new();
        Acl::Default.lets_in(OTHER, &case.root());
        // What unpacks a program tells, when it has, who may do what with the file.
        let (bin, seen) = (case.dir.path().join("bin"), case.dir.path().join("seen"));
        fs::create_dir(&bin).unwrap();
        for name in ["zstd", "dd"] {
            let staged = case.path("*.kbootstrap-new");
            let path = &case.shell.path;
            let script = format!(
                "#!/bin/sh\nPATH='{path}'\n{name} \"$@\"\nis=$?\nstat -c '%a %n' {staged} >>{} 2>/dev/null\nexit $is\n",
                seen.display()
            );
            fs::write(bin.join(name), script).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        case.shell.path = format!("{}:{}", bin.display(), case.shell.path);
        case.run(compression).unwrap();
        let seen = fs::read_to_string(seen).unwrap();
        assert!(seen.contains("600 ") && seen.contains("kubelet.kbootstrap-new"), "{seen}");
        // The bits of the group are the mask of everybody whom an ACL names.
        let open: Vec<&str> = seen.lines().filter(|line| line.as_bytes()[1] & 2 != 0).collect();
        assert!(open.is_empty(), "{open:?}");
        assert_eq!(case.listed(""), expected());
        assert!(!Acl::Access.is_on(&case.root().join("kubelet")));
    }
}

#[test]
fn an_acl_of_a_folder_of_ours_is_taken_away() {
    needs_root();
    let mut case = Case::new();
    let (old, above) = (case.root().join("old"), case.root().join("above"));
    for folder in [&old, &above] {
        fs::create_dir(folder).unwrap();
        Acl::Default.lets_in(OTHER, folder);
    }
    Acl::Access.lets_in(OTHER, &old);
    fs::write(old.join("file"), "stays").unwrap();
    let (new, deep) = (above.join("new"), above.join("between/deep"));
    for folder in [&old, &new] {
        let to = Dir { mode: 0o711, owner: "root".into() };
        case.plan.dirs.insert(folder.display().to_string(), DirChange { from: None, to });
    }
    case.push.first = true;
    case.run(Compression::Zstd).unwrap();
    for folder in [&old, &new] {
        let mode = fs::metadata(folder).unwrap().mode() & 0o7777;
        assert_eq!((mode, fs::metadata(folder).unwrap().uid()), (0o711, 0), "{folder:?}");
        assert!(!Acl::Access.is_on(folder) && !Acl::Default.is_on(folder), "{folder:?}");
    }
    assert_eq!(fs::read_to_string(old.join("file")).unwrap(), "stays");

    let to = Dir { mode: 0o711, owner: "root".into() };
    case.plan.dirs = [(deep.display().to_string(), DirChange { from: None, to })].into();
    let error = case.run(Compression::Zstd).unwrap_err();
    let between = above.join("between").display().to_string();
    assert!(error.details[0].contains(&format!("{between} may be written by whom its ACL names")), "{error:?}");
}

/// They say what root is to remove, and to put back.
#[test]
fn what_others_have_left_among_our_records_tells_root_nothing() {
    needs_root();
    for planted in ["a list", "a link", "what ran before", "a folder elsewhere"] {
        let mut case = Case::new();
        let (victim, records) = (victim(&case), case.root().join("records"));
        let elsewhere = case.dir.path().join("elsewhere");
        fs::create_dir_all(records.join("before/a.service")).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        match planted {
            "a list" => fs::write(records.join("staged"), format!("{}\n", victim.display())).unwrap(),
            "a link" => symlink(&victim, records.join("staged")).unwrap(),
            "what ran before" => {
                fs::write(records.join("before/a.service/files"), format!("{}\n", victim.display())).unwrap();
                fs::write(records.join("before/a.service/1"), "theirs").unwrap();
            }
            _ => symlink(&elsewhere, records.join("units")).unwrap(),
        }
        for entry in fs::read_dir(&records).unwrap() {
            lchown(entry.unwrap().path(), Some(OTHER), None).unwrap();
        }
        chown(&records, Some(OTHER), None).unwrap();
        case.plan.dirs.insert(
            records.display().to_string(),
            DirChange { from: None, to: Dir { mode: 0o700, owner: "root".into() } },
        );
        (case.push.first, case.push.forget) = (true, vec!["a.service".into()]);
        case.run(Compression::Zstd).unwrap();
        assert_untouched(&victim, planted);
        assert!(!records.join("before").exists() && !records.join("staged").exists(), "{planted}");
        assert!(fs::symlink_metadata(records.join("units")).unwrap().is_dir(), "{planted}");
    }
}

/// `reset` removes them, too.
#[test]
fn what_is_staged_is_known_by_one_ending() {
    let reset = include_str!("../../reset/reset.sh");
    assert!(reset.contains(&format!("case $file in *{}) ", super::stream::STAGED)), "{reset}");
}

#[test]
fn a_folder_may_be_a_link_that_is_roots_own_and_no_others() {
    needs_root();
    for (owner, is_right) in [(0, true), (OTHER, false)] {
        let mut case = Case::new();
        let (disk, link) = (case.dir.path().join("disk"), case.root().join("data"));
        fs::create_dir(&disk).unwrap();
        symlink(&disk, &link).unwrap();
        lchown(&link, Some(owner), None).unwrap();
        case.plan.dirs.insert(
            link.display().to_string(),
            DirChange { from: None, to: Dir { mode: 0o711, owner: "root".into() } },
        );
        case.push.first = true;
        let result = case.run(Compression::Zstd);
        assert_eq!(result.is_ok(), is_right, "{result:?}");
        let mode = fs::metadata(&disk).unwrap().mode() & 0o7777;
        assert_eq!(mode == 0o711, is_right, "{mode:o}");
    }
}
