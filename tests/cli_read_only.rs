//! Commands that only look, on this machine as the one host: they write nothing but what `-o` names.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use kbootstrap::artifacts::{Lock, Locked};
use kbootstrap::cluster::{self, Known};
use kbootstrap::components::Catalogue;
use kbootstrap::ui::Silent;
use kbootstrap::{inventory, trust};
use rustix::process::getuid;
use serde_json::Value;
use time::OffsetDateTime;

use crate::pki_tools::Ran;

const INVENTORY: &str = "cluster: demo
ssh: {transport: local}
hosts:
- {name: m1, address: 192.0.2.11, roles: [etcd, master, node]}
";

/// Everything of an operator: home, inventory and the cluster's folder beside it. There is no cache.
struct Place(tempfile::TempDir);

/// Mode, time and bytes of everything below a folder.
type Tree = BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)>;

impl Place {
    fn new() -> Self {
        assert!(getuid().is_root(), "to run scripts on this machine as on a host needs root");
        let place = Place(tempfile::tempdir().unwrap());
        fs::create_dir_all(place.path("home/.ssh")).unwrap();
        fs::write(place.path("kbootstrap.yaml"), INVENTORY).unwrap();
        place
    }

    /// With all certificates, and a lock file that pins one program.
    fn issued() -> Self {
        let place = Place::new();
        let loaded = inventory::parse("kbootstrap.yaml", INVENTORY.as_bytes()).unwrap();
        let cluster = cluster::resolve(&loaded, &Known::default()).unwrap();
        let folder = place.path("clusters/demo");
        trust::ensure(&Catalogue::standard(), &cluster, &folder, OffsetDateTime::now_utc(), &Silent).unwrap();
        let mut lock = Lock::default();
        let (name, version) = ("kubelet".to_owned(), cluster.versions.kubernetes.to_string());
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }.to_owned();
        let source = "https://dl.k8s.io/kubelet".to_owned();
        lock.set(Locked { name, arch, version, sha256: "a".repeat(64), size: 60_000_000, source });
        lock.write(&folder.join("artifacts.lock")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::cargo_bin("kbootstrap").unwrap();
        command.current_dir(self.0.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.path("home")).env("KBOOTSTRAP_CACHE", self.path("cache"));
        // The host is this machine, which needs a word.
        command.args(args).args(["--trust-inventory", "--progress", "plain"]).output().unwrap().into()
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        add(&mut tree, self.0.path());
        tree
    }

    /// Runs it, which must end with one of these and change nothing.
    #[track_caller]
    fn looks(&self, codes: &[i32], args: &[&str]) -> Ran {
        let before = self.tree();
        let run = self.run(args);
        assert!(codes.contains(&run.code), "{args:?}: {} {} {}", run.code, run.stdout, run.stderr);
        let after = self.tree();
        let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
        let changed: Vec<&PathBuf> = before.keys().chain(after.keys()).filter(differs).collect();
        assert_eq!(changed, Vec::<&PathBuf>::new(), "{args:?}");
        run
    }
}

fn add(tree: &mut Tree, path: &Path) {
    let meta = fs::symlink_metadata(path).unwrap();
    let bytes = if meta.is_file() { fs::read(path).unwrap() } else { Vec::new() };
    tree.insert(path.to_owned(), (meta.permissions().mode(), meta.mtime(), meta.mtime_nsec(), bytes));
    if meta.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| add(tree, &entry.unwrap().path()));
    }
}

fn rendered(place: &Place, out: &tempfile::TempDir) -> Ran {
    let tree = out.path().display().to_string();
    // A host that could not be brought up is rendered all the same.
    place.looks(&[0], &["render", "-o", &tree]);
    place.looks(&[0], &["render", "--offline", "-o", &tree])
}

#[test]
fn without_certificates_and_programs_all_of_them_are_announced() {
    let place = Place::new();
    place.looks(&[0, 6], &["check"]);
    // This machine is no host for a cluster: the plan is shown, and then what preflight found.
    let plan = place.looks(&[0, 6], &["plan"]).stdout;
    assert!(plan.contains("+ /etc/kubernetes/pki/ca.crt (to be issued)\n"), "{plan}");
    assert!(plan.contains("+ /etc/kubernetes/pki/sa.key (to be issued)\n"), "{plan}");
    assert!(plan.contains("+ /etc/kubernetes/encryption.yaml (to be issued)\n"), "{plan}");
    assert!(plan.contains(", to be fetched)\n"), "{plan}");
    assert!(plan.contains("+ to be issued: ca, apiserver-m1, "), "{plan}");
    let plan = place.looks(&[0, 6], &["plan", "-o", "json"]);
    let json: Value = serde_json::from_str(&plan.stdout).unwrap_or_else(|e| panic!("{e}: {}", plan.stderr));
    assert_eq!(json["here"]["issue"][0], "ca");
    let fetch = json["here"]["fetch"].as_array().unwrap();
    let kubelet = fetch.iter().find(|fetch| fetch["name"] == "kubelet").unwrap();
    assert!(kubelet["size"].is_null() && kubelet["sha256"].is_null(), "{kubelet}");
    let files = json["hosts"][0]["files"].as_array().unwrap();
    assert!(files.iter().any(|f| f["path"] == "/etc/kubernetes/pki/ca.crt" && f["kind"] == "to-issue"));
    assert!(place.looks(&[4], &["status"]).stderr.contains("`kbootstrap up` makes them"));
    assert!(place.looks(&[4], &["kubeconfig"]).stderr.contains("`kbootstrap up` issues them"));

    let out = tempfile::tempdir().unwrap();
    let run = rendered(&place, &out);
    assert!(
        run.stderr.contains("files are left out: certificates and keys that `kbootstrap up` will issue"),
        "{}",
        run.stderr
    );
    assert!(out.path().join("m1/etc/systemd/system/kubelet.service").exists());
    assert!(!out.path().join("m1/etc/kubernetes/pki/ca.crt").exists());
}

#[test]
fn this_machine_is_a_host_only_with_a_word() {
    let place = Place::new();
    for args in [&["plan"][..], &["check"], &["up", "--yes"]] {
        let mut command = Command::cargo_bin("kbootstrap").unwrap();
        command.current_dir(place.0.path()).env("HOME", place.path("home")).args(args);
        let run: Ran = command.output().unwrap().into();
        assert_eq!(run.code, 3, "{}", run.stderr);
        assert!(run.stderr.contains("m1 is to be this machine: all that runs as root on a host would run here"));
        assert!(run.stderr.contains("--trust-inventory"), "{}", run.stderr);
    }
}

#[test]
fn a_template_that_wants_all_memory_or_has_no_end_is_named() {
    let place = Place::new();
    let templates = "components: {kubelet: {templates: {kubelet.service: own.j2}}}\n";
    fs::write(place.path("kbootstrap.yaml"), format!("{INVENTORY}{templates}")).unwrap();
    let out = tempfile::tempdir().unwrap();
    let tree = out.path().display().to_string();
    let doubled = |text: &str| {
        let begin = format!("{{% set ns = namespace(s={text}) %}}{{% for _ in range(34) %}}");
        format!("{begin}{{% set ns.s = ns.s ~ ns.s %}}{{% endfor %}}{{{{ ns.s }}}}")
    };
    let long = "{% for _ in range(90000) %}{{ 'x' * 100 }}{% endfor %}".to_owned();
    for (template, says) in [
        (doubled("'x'"), "template kubelet.service: it takes more than 512 MiB of memory"),
        ("{% set s = 'x' * 99999 %}{{ s | replace('', s) }}".to_owned(), "it takes more than 512 MiB of memory"),
        (long, "template kubelet.service: it gives more than 4 MiB"),
        ("{% set s %}{{ no }}{% endset %}".to_owned(), "undefined value: `no` is undefined"),
        ("x".repeat(5 << 20), "it is larger than 4 MiB"),
    ] {
        fs::write(place.path("own.j2"), template).unwrap();
        let run = place.looks(&[3], &["render", "--offline", "-o", &tree]);
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
    }
    // What any of ours can use, one of the inventory's can.
    fs::write(place.path("own.j2"), "{{ host.name }} {{ cluster.name }} {{ layout.bin }}\n").unwrap();
    place.looks(&[0], &["render", "--offline", "-o", &tree]);
    let unit = fs::read_to_string(out.path().join("m1/etc/systemd/system/kubelet.service")).unwrap();
    assert_eq!(unit, "m1 demo /usr/local/bin\n");
}

#[test]
fn what_a_repository_has_put_where_files_are_rendered_stays() {
    let (place, out) = (Place::new(), tempfile::tempdir().unwrap());
    let (home, tree) = (place.path("home"), out.path().display().to_string());
    for name in ["a", ".profile"] {
        fs::write(home.join(name), "mine").unwrap();
    }
    std::os::unix::fs::symlink(&home, out.path().join("m1")).unwrap();
    let index = r#"{"host": "m1", "files": {"/a": {"content": "text"}, "/.profile": {"content": "text"}}}"#;
    fs::write(out.path().join("m1.json"), index).unwrap();
    let run = place.looks(&[3], &["render", "--offline", "-o", &tree]);
    assert!(run.stderr.contains("m1 is a link, and what is written there would go elsewhere"), "{}", run.stderr);
}

#[test]
fn with_certificates_they_are_used_and_kubeconfig_writes_its_one_file() {
    let place = Place::issued();
    let plan = place.looks(&[0, 6], &["plan"]).stdout;
    assert!(plan.contains("+ /etc/kubernetes/pki/ca.crt (certificate)\n"), "{plan}");
    assert!(!plan.contains("to be issued"), "{plan}");
    assert!(plan.contains("(60.0 MB)"), "the lock knows its size: {plan}");
    place.looks(&[7], &["status"]);
    let out = tempfile::tempdir().unwrap();
    let run = rendered(&place, &out);
    assert!(!run.stderr.contains("left out"), "{}", run.stderr);
    assert!(out.path().join("m1/etc/kubernetes/pki/ca.crt").exists());

    let before = place.tree();
    assert_eq!(place.run(&["kubeconfig"]).code, 0);
    let new: Vec<PathBuf> = place.tree().into_keys().filter(|path| !before.contains_key(path)).collect();
    assert_eq!(new, [place.path("clusters/demo/admin.kubeconfig")]);
    // Its mode is right, too, when the folder is looked at again.
    assert_eq!(place.tree()[&new[0]].0 & 0o777, 0o600);
}

#[test]
fn a_name_more_in_the_inventory_is_a_certificate_to_be_issued() {
    let place = Place::issued();
    fs::write(place.path("kbootstrap.yaml"), format!("{INVENTORY}pki: {{extraSans: [api.example.com]}}\n")).unwrap();
    let plan = place.looks(&[0, 6], &["plan", "-o", "json"]);
    let json: Value = serde_json::from_str(&plan.stdout).unwrap_or_else(|e| panic!("{e}: {}", plan.stderr));
    assert_eq!(json["here"]["issue"], serde_json::json!(["apiserver-m1"]));
}
