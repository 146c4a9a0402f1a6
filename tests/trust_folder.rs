//! The cluster's `pki/` folder: what is made, what is a person's own and stays, what is issued again. This is the table
//! under "When something is issued" in docs/certificates.md.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use kbootstrap::cluster::{self, Cluster, Known};
use kbootstrap::components::Catalogue;
use kbootstrap::error::{Error, Kind};
use kbootstrap::inventory;
use kbootstrap::pki::{Certificate, CsrSpec, Key, Serial, self_signed};
use kbootstrap::trust::{self, Trust};
use kbootstrap::ui::report;
use kbootstrap::ui::{Event, Level, Reporter};
use time::{Duration, OffsetDateTime};

const HOSTS: &str = "hosts: [{name: m1, address: 10.0.0.11, roles: [etcd, master, node]}]\n";

pub fn cluster(settings: &str) -> Cluster {
    let text = format!("cluster: prod\n{settings}{HOSTS}");
    let loaded = inventory::parse("x.yaml", text.as_bytes()).unwrap();
    cluster::resolve(&loaded, &Known::default()).unwrap()
}

/// Keeps the warnings.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Reporter for Warnings {
    fn report(&self, event: &Event) {
        if let Event::Message { level: Level::Warning, text, .. } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

pub struct Folder {
    pub dir: tempfile::TempDir,
    pub now: OffsetDateTime,
}

impl Folder {
    pub fn new() -> Self {
        Folder { dir: tempfile::tempdir().unwrap(), now: OffsetDateTime::now_utc() }
    }
    /// Filled for a cluster with everything left to its default.
    pub fn filled() -> Self {
        let folder = Self::new();
        folder.ensure("").unwrap();
        folder
    }
    pub fn ensure(&self, settings: &str) -> Result<Trust, Error> {
        trust::ensure(&Catalogue::standard(), &cluster(settings), self.dir.path(), self.now, &Warnings::default())
    }
    pub fn look(&self, settings: &str) -> Result<Trust, Error> {
        trust::look(&Catalogue::standard(), &cluster(settings), self.dir.path(), self.now, &Warnings::default())
    }
    fn warnings(&self, settings: &str) -> Vec<String> {
        let warnings = Warnings::default();
        trust::ensure(&Catalogue::standard(), &cluster(settings), self.dir.path(), self.now, &warnings).unwrap();
        warnings.0.into_inner().unwrap()
    }
    /// The refusal as a person sees it, without the folder's path.
    pub fn refused(&self, settings: &str) -> String {
        let error = self.ensure(settings).unwrap_err();
        self.shown(&error)
    }
    /// An error as a person sees it, without the folder's path.
    pub fn shown(&self, error: &Error) -> String {
        assert_eq!(error.kind, Kind::Pki);
        report::render(error, false).replace(&self.pki("").display().to_string(), "pki/")
    }
    pub fn pki(&self, name: &str) -> PathBuf {
        self.dir.path().join("pki").join(name)
    }
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.pki(name)).unwrap()
    }
    pub fn remove(&self, names: &[&str]) {
        names.iter().for_each(|name| fs::remove_file(self.pki(name)).unwrap());
    }
}

/// A CA of somebody else: certificate and key.
pub fn foreign_ca(cn: &str, now: OffsetDateTime) -> (String, Vec<u8>) {
    let spec = CsrSpec::from_json(format!(r#"{{"CN":"{cn}","ca":{{"expiry":"43800h"}}}}"#).as_bytes(), "ca").unwrap();
    let key = Key::generate(spec.key_kind().unwrap()).unwrap();
    let issued = self_signed(&spec, &key, now, Serial::random().unwrap()).unwrap();
    (issued.certificate.to_pem(), key.to_pem().expose().to_vec())
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_run_changes_nothing() {
    let folder = Folder::filled();
    let all = || {
        let mut files: Vec<_> = fs::read_dir(folder.pki("")).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = all();
    assert_eq!(folder.warnings(""), Vec::<String>::new());
    assert_eq!(all(), before);
    for (_, file) in before {
        let name = file.file_name().unwrap().to_str().unwrap();
        let secret = name.ends_with("-key.pem") || name.ends_with(".key");
        assert_eq!(mode(&file), if secret { 0o600 } else { 0o644 }, "{name}");
    }
    assert_eq!(mode(&folder.pki("")), 0o700);
}

#[test]
fn who_only_asks_needs_no_certificates_of_services() {
    let folder = Folder::filled();
    folder.remove(&["kubelet-m1.pem", "flannel-m1.pem"]);
    let load = || Trust::load(&Catalogue::standard(), &cluster(""), folder.dir.path());
    load().unwrap();
    folder.remove(&["super-admin.pem"]);
    assert!(load().unwrap_err().message.starts_with("1 certificates or keys of cluster prod are not there"));
}

#[test]
fn what_lacks_is_issued_and_a_key_that_is_there_is_kept() {
    let folder = Folder::filled();
    let (certificate, key, other) =
        (folder.read("admin.pem"), folder.read("admin-key.pem"), folder.read("scheduler.pem"));
    folder.remove(&["admin.pem"]);
    folder.ensure("").unwrap();
    assert_ne!(folder.read("admin.pem"), certificate);
    assert_eq!((folder.read("admin-key.pem"), folder.read("scheduler.pem")), (key.clone(), other));
    folder.remove(&["admin-key.pem"]);
    folder.ensure("").unwrap();
    assert_ne!(folder.read("admin-key.pem"), key, "ours without its key is made again with another");
}

#[test]
fn a_lost_public_key_is_no_change() {
    let folder = Folder::filled();
    let before = folder.look("").unwrap();
    fs::remove_file(folder.pki("sa.pub")).unwrap();
    let (files, cluster) = (folder.look("").unwrap(), cluster(""));
    let of = |trust: &Trust| format!("{:?}", trust.service_account_files(&cluster, &cluster.hosts[0]));
    assert_eq!(of(&files), of(&before));
}

#[test]
fn a_new_name_in_the_inventory_makes_a_new_certificate_and_another_lifetime_does_not() {
    let folder = Folder::filled();
    let (apiserver, scheduler) = (folder.read("apiserver-m1.pem"), folder.read("scheduler.pem"));
    folder.ensure("pki: {extraSans: [api.example.com]}\n").unwrap();
    assert_ne!(folder.read("apiserver-m1.pem"), apiserver);
    assert!(folder.read("apiserver-m1-csr.json").contains("api.example.com"));
    let settings = "pki: {extraSans: [api.example.com], expiry: 720h, key: {algo: rsa, size: 2048}}\n";
    folder.ensure(settings).unwrap();
    assert_eq!(folder.read("scheduler.pem"), scheduler);
    assert!(folder.read("ca-config.json").contains("720h"), "the configuration follows the inventory while it is ours");
    folder.remove(&["scheduler.pem", "scheduler-key.pem"]);
    folder.ensure(settings).unwrap();
    let certificate = Certificate::from_pem(folder.read("scheduler.pem").as_bytes(), "scheduler").unwrap();
    assert!(certificate.validity().not_after < folder.now + Duration::days(31));
    assert!(folder.read("scheduler-key.pem").contains("RSA PRIVATE KEY"));
}

#[test]
fn an_edited_configuration_and_an_edited_spec_are_kept_and_used() {
    let folder = Folder::filled();
    let config = folder.read("ca-config.json").replace("8760h", "4380h");
    fs::write(folder.pki("ca-config.json"), &config).unwrap();
    let spec = folder.read("apiserver-m1-csr.json").replace("\"localhost\"", "\"localhost\", \"mine.example.com\"");
    fs::write(folder.pki("apiserver-m1-csr.json"), &spec).unwrap();
    folder.ensure("pki: {expiry: 720h}\n").unwrap();
    assert_eq!((folder.read("ca-config.json"), folder.read("apiserver-m1-csr.json")), (config, spec));
    let certificate = Certificate::from_pem(folder.read("apiserver-m1.pem").as_bytes(), "apiserver").unwrap();
    let end = certificate.validity().not_after;
    assert!(end > folder.now + Duration::days(180) && end < folder.now + Duration::days(185), "{end}");

    let warnings = folder.warnings("pki: {extraSans: [api.example.com]}\n");
    insta::assert_snapshot!(warnings.join("\n"), @"certificate apiserver-m1: apiserver-m1-csr.json was edited and lacks api.example.com: add them, or delete it to follow the inventory");
}

#[test]
fn a_ca_of_ones_own_is_used_and_never_overwritten() {
    let folder = Folder::new();
    fs::create_dir(folder.pki("")).unwrap();
    let (certificate, key) = foreign_ca("Company Kubernetes CA", folder.now);
    fs::write(folder.pki("ca.pem"), &certificate).unwrap();
    fs::write(folder.pki("ca-key.pem"), &key).unwrap();
    folder.ensure("").unwrap();
    assert_eq!((folder.read("ca.pem"), fs::read(folder.pki("ca-key.pem")).unwrap()), (certificate, key));
    let admin = Certificate::from_pem(folder.read("admin.pem").as_bytes(), "admin").unwrap();
    let info = kbootstrap::pki::CertificateInfo::of(&admin);
    assert_eq!(info.issuer.common_name, "Company Kubernetes CA");
}

#[test]
fn another_ca_makes_new_certificates_under_it() {
    let folder = Folder::filled();
    let (certificate, key) = foreign_ca("etcd-ca", folder.now);
    fs::write(folder.pki("etcd-ca.pem"), certificate).unwrap();
    fs::write(folder.pki("etcd-ca-key.pem"), key).unwrap();
    let (peer, admin) = (folder.read("etcd-peer-m1.pem"), folder.read("admin.pem"));
    folder.ensure("").unwrap();
    assert_ne!(folder.read("etcd-peer-m1.pem"), peer);
    assert_eq!(folder.read("admin.pem"), admin);
}

#[test]
fn a_ca_with_another_key_or_that_has_expired_is_refused() {
    let folder = Folder::filled();
    let (_, key) = foreign_ca("x", folder.now);
    fs::write(folder.pki("ca-key.pem"), key).unwrap();
    insta::assert_snapshot!(folder.refused(""), @"error: CA ca: the private key does not belong to the CA certificate");

    let mut folder = Folder::filled();
    folder.now += Duration::days(3651);
    let end = |text: &str| text.split("ended ").count();
    let text = folder.refused("");
    assert!(
        text.contains("CA ca: ") && text.contains("CA etcd-ca: ") && text.contains("3 errors"),
        "{text} {}",
        end(&text)
    );
    fs::remove_file(folder.pki("etcd-ca-key.pem")).unwrap();
    assert!(folder.refused("").contains("CA etcd-ca: pki/etcd-ca.pem has expired"), "also where its key is elsewhere");
}

#[test]
fn a_key_that_is_kept_elsewhere_is_missed_only_when_something_is_to_be_issued() {
    let folder = Folder::filled();
    folder.remove(&["etcd-ca-key.pem", "front-proxy-ca-key.pem"]);
    folder.ensure("").unwrap();
    folder.remove(&["etcd-peer-m1.pem"]);
    insta::assert_snapshot!(folder.refused(""), @r"
    error: certificate etcd-peer-m1 is missing, and so is the key of its CA
    hint: sign pki/etcd-peer-m1-csr.json with your CA (etcd-ca) and put the result there as etcd-peer-m1.pem and etcd-peer-m1-key.pem
    ");
    let folder = Folder::filled();
    folder.remove(&["ca-key.pem"]);
    insta::assert_snapshot!(folder.refused(""), @r"
    error: CA ca: its key pki/ca-key.pem is not there
    hint: the controller manager signs kubelets' renewed certificates with it
    ");
}

#[test]
fn an_expired_certificate_is_not_replaced_silently() {
    let mut folder = Folder::filled();
    folder.now += Duration::days(400);
    let text = folder.refused("");
    assert!(
        text.contains("pki/admin.pem: it has expired on ") && text.contains("hint: delete pki/admin.pem"),
        "{text}"
    );
}

#[test]
fn a_certificate_of_ones_own_that_does_not_fit_is_refused_with_all_reasons() {
    let folder = Folder::filled();
    let (certificate, _) = foreign_ca("somebody", folder.now);
    fs::write(folder.pki("apiserver-m1.pem"), &certificate).unwrap();
    insta::assert_snapshot!(folder.refused(""), @r"
    error: pki/apiserver-m1.pem: it was issued by `CN=somebody`, not by `CN=kubernetes`
    hint: delete pki/apiserver-m1.pem to have it issued again

    error: it is for another private key

    error: it lacks the names DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, DNS:kubernetes.default.svc.cluster.local, DNS:m1, DNS:localhost, IP:10.96.0.1, IP:10.0.0.11, IP:127.0.0.1

    3 errors
    ");
    assert_eq!(folder.read("apiserver-m1.pem"), certificate);
}

#[test]
fn a_spec_that_would_make_a_client_somebody_else_is_refused() {
    let folder = Folder::filled();
    let edit = |name: &str, from: &str, to: &str| {
        let spec = folder.read(name).replace(from, to);
        fs::write(folder.pki(name), spec).unwrap();
    };
    edit("admin-csr.json", "kbootstrap:cluster-admins", "admins");
    edit("scheduler-csr.json", "system:kube-scheduler", "scheduler");
    folder.remove(&["admin.pem", "scheduler.pem"]);
    insta::assert_snapshot!(folder.refused(""), @r#"
    error: pki/admin-csr.json: `names` lacks {"O": "kbootstrap:cluster-admins"}, the group of this client
    hint: edit the other fields as you like, or delete the file to have it written again

    error: pki/scheduler-csr.json: the common name is `scheduler`, and must be `system:kube-scheduler`: it is who the client is
    hint: edit the other fields as you like, or delete the file to have it written again

    2 errors
    "#);
    assert!(!folder.pki("admin.pem").exists());
    edit("admin-csr.json", "admins", "kbootstrap:cluster-admins");
    edit("admin-csr.json", "\"CN\": \"kubernetes-admin\"", "\"CN\": \"carol\"");
    edit("scheduler-csr.json", "scheduler", "system:kube-scheduler");
    folder.ensure("").unwrap();
    let admin = Certificate::from_pem(folder.read("admin.pem").as_bytes(), "admin").unwrap();
    assert_eq!(kbootstrap::pki::CertificateInfo::of(&admin).subject.common_name, "carol");
}

#[test]
fn a_key_that_cannot_be_made_twice_is_missed() {
    let folder = Folder::filled();
    folder.remove(&["encryption.key"]);
    insta::assert_snapshot!(folder.refused(""), @r"
    error: pki/encryption.key was made here and is gone: with a new one the Secrets of a running cluster could not be read
    hint: bring it back from your backup of the cluster's folder
    hint: if the cluster never ran, or is to start over, take encryption.key out of generated.json beside it
    ");
    let folder = Folder::filled();
    folder.remove(&["sa.key"]);
    assert!(folder.refused("").contains("pki/sa.key was made here and is gone"));
    folder.remove(&["generated.json"]);
    folder.ensure("").unwrap();
}

#[test]
fn authorities_of_the_other_kind_are_the_inventorys_mistake() {
    let said = |folder: &Folder, error: Error| {
        assert_eq!(error.kind, Kind::Input);
        report::render(&error, false)
            .replace(&folder.pki("").display().to_string(), "pki/")
            .replace(folder.pki("").display().to_string().trim_end_matches('/'), "pki")
    };
    let single = "pki: {authorities: single}\n";
    let separate = Folder::filled();
    let before = separate.read("generated.json");
    insta::assert_snapshot!(said(&separate, separate.ensure(single).unwrap_err()), @r"
    error: the inventory has `pki: {authorities: single}`, and the CAs in pki were made with `separate`
      made there: etcd-ca.pem, front-proxy-ca.pem
    hint: write `pki: {authorities: separate}` into the inventory: a cluster keeps the CAs that it was made with
    hint: for another cluster, another `cluster` name or --state gives it a folder of its own
    ");
    assert_eq!(separate.read("generated.json"), before, "nothing is written");
    let load = |folder: &Folder, settings| Trust::load(&Catalogue::standard(), &cluster(settings), folder.dir.path());
    assert_eq!(load(&separate, single).unwrap_err().kind, Kind::Input);
    // Only the record is left of them.
    separate.remove(&["etcd-ca.pem", "front-proxy-ca.pem"]);
    assert_eq!(separate.ensure(single).unwrap_err().kind, Kind::Input);

    let one = Folder::new();
    one.ensure(single).unwrap();
    insta::assert_snapshot!(said(&one, one.ensure("").unwrap_err()), @r"
    error: the inventory has `pki: {authorities: separate}`, and the CAs in pki were made with `single`
      ca.pem there has signed etcd's certificates too
    hint: write `pki: {authorities: single}` into the inventory: a cluster keeps the CAs that it was made with
    hint: for another cluster, another `cluster` name or --state gives it a folder of its own
    ");
    assert_eq!(load(&one, "").unwrap_err().kind, Kind::Input);
    // A CA beside it that signs nothing here is a person's own business.
    fs::copy(one.pki("ca.pem"), one.pki("etcd-ca.pem")).unwrap();
    one.ensure(single).unwrap();
}

#[test]
fn a_ca_of_ones_own_for_kubernetes_alone_is_separate() {
    let folder = Folder::new();
    let (certificate, key) = foreign_ca("site", folder.now);
    fs::create_dir_all(folder.pki("")).unwrap();
    fs::write(folder.pki("ca.pem"), certificate).unwrap();
    fs::write(folder.pki("ca-key.pem"), key).unwrap();
    folder.ensure("").unwrap();
    folder.ensure("").unwrap();
}
