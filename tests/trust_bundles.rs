//! CAs that are renewed and CAs that take each other's place, with folders made by hand: what reaches the hosts, what signs
//! there, and whose host it is.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kbootstrap::cluster::Host;
use kbootstrap::components::Catalogue;
use kbootstrap::digest::sha256;
use kbootstrap::engine::{desire, names_only};
use kbootstrap::facts::{EncryptionKeyFact, FileFact, HostFacts, UnitFact};
use kbootstrap::pki::{Certificate, Key, Rules, Serial, renew_ca};
use kbootstrap::plan::{Desired, HostPlan, compare, content_sha256, restart_key};
use kbootstrap::render::Templates;
use kbootstrap::state::{Content, HostState};
use kbootstrap::trust::{self, Trust};

use crate::trust_folder::{Folder, cluster, foreign_ca};

pub fn desired(trust: &Trust, settings: &str) -> Desired {
    let catalogue = Catalogue::standard();
    let templates = Templates::embedded(&catalogue);
    desire(&catalogue, &cluster(settings), &BTreeMap::new(), trust, &names_only, &templates).unwrap()
}

pub fn certificates(text: &str) -> Vec<Certificate> {
    Certificate::all_from_pem(text.as_bytes(), "it").unwrap()
}

pub fn text<'a>(state: &'a HostState, path: &str) -> &'a str {
    match &state.files.get(path).unwrap_or_else(|| panic!("there is no {path}")).content {
        Content::Text(text) => text,
        other => panic!("{path}: {other:?}"),
    }
}

/// What a host answers that is as a state says.
pub fn holds(state: &HostState, host: &Host) -> HostFacts {
    let mut facts = HostFacts::default_host();
    for (path, file) in &state.files {
        let (owner, group) = (file.owner.clone(), file.owner.clone());
        let fact = FileFact { sha256: content_sha256(&file.content), mode: file.mode, owner, group, written: 0 };
        facts.files.insert(path.clone(), fact);
    }
    for unit in &state.units {
        let fact = UnitFact {
            active: "active".into(),
            sub: "running".into(),
            enabled: "enabled".into(),
            active_since: 1,
            restart_key: restart_key(unit, state),
            ..UnitFact::default()
        };
        facts.units.insert(unit.name.clone(), fact);
        for (path, source) in &unit.makes {
            facts.files.insert(path.clone(), facts.files[source].clone());
        }
    }
    for path in trust::authority_files(&cluster(""), host) {
        facts.certificates.insert(path.clone(), text(state, &path).to_owned());
    }
    let public = "/etc/kubernetes/pki/sa.pub";
    facts.certificates.insert(public.into(), text(state, public).to_owned());
    let Content::Secret(encryption) = &state.files["/etc/kubernetes/encryption.yaml"].content else { panic!() };
    let encryption = String::from_utf8(encryption.expose().to_vec()).unwrap();
    let words: Vec<&str> = encryption.split_whitespace().collect();
    for key in words.windows(4).filter(|words| words[0] == "name:" && words[2] == "secret:") {
        let fact = EncryptionKeyFact { name: key[1].into(), sha256: sha256(key[3].as_bytes()) };
        facts.encryption_keys.push(fact);
    }
    facts
}

fn foreign(trust: &Trust, facts: &HostFacts) -> Vec<String> {
    trust.foreign_authorities(&cluster(""), &BTreeMap::from([("m1".to_owned(), facts.clone())]))
}

/// Renews a CA's certificate in the folder as a person does: the same key and name.
fn renew(folder: &Folder, name: &str) {
    let file = |suffix: &str| folder.read(&format!("{name}{suffix}.pem"));
    let old = Certificate::from_pem(file("").as_bytes(), name).unwrap();
    let key = Key::from_pem(file("-key").as_bytes(), name).unwrap();
    let renewed = renew_ca(&old, key, folder.now, Serial::random().unwrap(), Rules::Strict).unwrap();
    fs::write(folder.pki(&format!("{name}.pem")), renewed.certificate.to_pem()).unwrap();
}

const CAS: [&str; 4] = [
    "/etc/etcd/pki/ca.crt",
    "/etc/kubernetes/pki/ca.crt",
    "/etc/kubernetes/pki/etcd-ca.crt",
    "/etc/kubernetes/pki/front-proxy-ca.crt",
];

#[test]
fn a_host_of_another_cluster_is_known_by_its_cas() {
    let trust = Folder::filled().ensure("").unwrap();
    assert_eq!(foreign(&trust, &HostFacts::default_host()), Vec::<String>::new(), "a bare host is nobody's");
    let host = &cluster("").hosts[0];
    let ours = holds(&desired(&trust, "").hosts["m1"], host);
    assert_eq!(
        trust::authority_files(&cluster(""), host).collect::<std::collections::BTreeSet<_>>(),
        CAS.map(String::from).into()
    );
    assert_eq!(foreign(&trust, &ours), Vec::<String>::new());

    let other = Folder::filled();
    let theirs = holds(&desired(&other.ensure("").unwrap(), "").hosts["m1"], host);
    assert_eq!(foreign(&trust, &theirs).len(), 4, "CAs of the same names with other keys");
    // A record may name any host as one that has left.
    let mut without = cluster("");
    without.hosts.clear();
    assert_eq!(trust.foreign_on(&without, host, &ours).count(), 0);
    assert_eq!(trust.foreign_on(&without, host, &theirs).count(), 4);
    let mut one = ours.clone();
    one.certificates.insert(CAS[1].into(), theirs.certificates[CAS[1]].clone());
    assert_eq!(foreign(&trust, &one), ["m1: /etc/kubernetes/pki/ca.crt"]);
    let mut damaged = ours.clone();
    damaged.certificates.insert(CAS[1].into(), "-----BEGIN CERTIFICATE-----\n".into());
    assert_eq!(foreign(&trust, &damaged), ["m1: /etc/kubernetes/pki/ca.crt"], "a file that proves nothing");

    let facts = BTreeMap::from([("m1".to_owned(), one)]);
    let error = trust.same_cluster(&cluster(""), std::path::Path::new("clusters/prod"), &facts).unwrap_err();
    assert_eq!(error.kind, kbootstrap::error::Kind::Pki);
    insta::assert_snapshot!(kbootstrap::ui::report::render(&error, false), @r"
    error: hosts have other CAs than those in clusters/prod/pki
      m1: /etc/kubernetes/pki/ca.crt
    hint: when the cluster runs, this is not its folder: is --state right, or is there a backup of it?
    hint: to begin again with the CAs of this folder, `kbootstrap reset` takes the hosts back first
    ");
}

#[test]
fn a_cluster_under_another_name_is_found_beside_its_folder() {
    let site = tempfile::tempdir().unwrap();
    let dir = |name: &str| site.path().join("clusters").join(name);
    let now = time::OffsetDateTime::now_utc();
    let catalogue = Catalogue::standard();
    let ensure =
        |name: &str| trust::ensure(&catalogue, &cluster(""), &dir(name), now, &kbootstrap::ui::Silent).unwrap();
    let (old, other) = (ensure("old"), ensure("other"));
    let theirs = holds(&desired(&old, "").hosts["m1"], &cluster("").hosts[0]);
    let facts = BTreeMap::from([("m1".to_owned(), theirs)]);
    let new = trust::look(&catalogue, &cluster(""), &dir("new"), now, &kbootstrap::ui::Silent).unwrap();
    let said = |trust: &trust::Trust, name: &str, folder: &str| {
        let mut cluster = cluster("");
        cluster.name = name.into();
        let error = trust.in_use(&cluster, &dir(folder), &facts).unwrap_err();
        kbootstrap::ui::report::render(&error, false).replace(&site.path().display().to_string(), "site")
    };
    let refused = |folder: &str| {
        format!(
            "error: the hosts belong to the cluster in site/clusters/old, not to site/clusters/{folder}\n  \
             they trust the CAs there, and none of those here\n"
        )
    };
    for (trust, name) in [(&new, "new"), (&other, "other")] {
        let hints = "hint: write `cluster: old` into the inventory: a cluster keeps the name that it was made with\n\
                     hint: for another cluster on these hosts, `kbootstrap reset` with the old name takes them back first\n";
        assert_eq!(said(trust, name, name), refused(name) + hints);
    }
    // A folder that was given says nothing about names.
    let hints = "hint: say `--state site/clusters/old`, if that is the cluster's folder\n\
                 hint: `kbootstrap recover` makes the folder again from what the hosts have\n";
    assert_eq!(said(&new, "old", "new"), refused("new") + hints);
    old.in_use(&cluster(""), &dir("old"), &facts).unwrap();
}

/// Files that would be written, and units that would be restarted.
fn changes(plan: &HostPlan) -> (Vec<&str>, Vec<&str>) {
    let restarts = plan.units.iter().filter(|unit| unit.action.is_some());
    (plan.files.iter().map(|f| f.path.as_str()).collect(), restarts.map(|unit| unit.name.as_str()).collect())
}

#[test]
fn a_renewed_ca_is_the_same_ca_and_an_ordinary_change() {
    let folder = Folder::filled();
    let host = &cluster("").hosts[0];
    let before = holds(&desired(&folder.ensure("").unwrap(), "").hosts["m1"], host);
    let leaf = folder.read("apiserver-m1.pem");
    renew(&folder, "ca");
    let trust = folder.ensure("").unwrap();
    assert_eq!(folder.read("apiserver-m1.pem"), leaf, "what the CA has issued stays");
    assert_eq!(foreign(&trust, &before), Vec::<String>::new());
    let plan = compare(&desired(&trust, "").hosts["m1"], &before);
    let (files, units) = changes(&plan);
    assert_eq!(files, ["/etc/kubernetes/pki/ca-signing.crt", "/etc/kubernetes/pki/ca.crt"]);
    assert_eq!(
        units,
        ["kube-controller-manager.service", "flanneld.service"],
        "all others read it again by themselves"
    );

    let after = holds(&desired(&trust, "").hosts["m1"], host);
    renew(&folder, "etcd-ca");
    let trust = folder.ensure("").unwrap();
    assert_eq!(foreign(&trust, &after), Vec::<String>::new());
    let plan = compare(&desired(&trust, "").hosts["m1"], &after);
    let (files, units) = changes(&plan);
    assert_eq!(files, ["/etc/etcd/pki/ca.crt", "/etc/kubernetes/pki/etcd-ca.crt"]);
    assert_eq!(units, ["etcd.service", "kube-apiserver.service"]);
}

#[test]
fn a_bundle_goes_to_all_its_places_and_one_certificate_signs() {
    let folder = Folder::filled();
    let host = &cluster("").hosts[0];
    let before = holds(&desired(&folder.ensure("").unwrap(), "").hosts["m1"], host);
    let leaf = folder.read("apiserver-m1.pem");
    let mut strangers = BTreeMap::new();
    for name in ["ca", "etcd-ca", "front-proxy-ca"] {
        let (next, _) = foreign_ca("next", folder.now);
        fs::write(folder.pki(&format!("{name}-trusted.pem")), &next).unwrap();
        strangers.insert(name, next);
    }
    let trust = folder.ensure("").unwrap();
    assert_eq!(folder.read("apiserver-m1.pem"), leaf, "the one that signs is still the same");
    let desired = desired(&trust, "");
    let state = &desired.hosts["m1"];
    let bundle = |name: &str| folder.read(&format!("{name}.pem")) + &strangers[name];
    for (path, name) in CAS.into_iter().zip(["etcd-ca", "ca", "etcd-ca", "front-proxy-ca"]) {
        assert_eq!(text(state, path), bundle(name), "{path}");
    }
    // Every flag and setting that names certificates to verify with, by what stands there.
    let all: Vec<(&str, &str)> = state
        .files
        .iter()
        .filter_map(|(path, file)| match &file.content {
            Content::Text(text) => Some((path.as_str(), &**text)),
            _ => None,
        })
        .collect();
    let mut named = BTreeMap::new();
    for (_, text) in &all {
        for line in text.lines().filter(|line| line.contains(".crt")) {
            let line = line.trim().trim_end_matches(" \\").trim_start_matches("--");
            if let Some((key, path)) = line.split_once(['=', ':']) {
                let count = certificates(self::text(state, path.trim())).len();
                named.insert(key.to_owned(), count);
            }
        }
    }
    insta::assert_debug_snapshot!(named, @r#"
    {
        "cert-file": 1,
        "certificate-authority": 2,
        "client-ca-file": 2,
        "client-certificate": 1,
        "clientCAFile": 2,
        "cluster-signing-cert-file": 1,
        "etcd-cafile": 2,
        "etcd-certfile": 1,
        "kubelet-certificate-authority": 2,
        "kubelet-client-certificate": 1,
        "peer-cert-file": 1,
        "peer-trusted-ca-file": 2,
        "proxy-client-cert-file": 1,
        "requestheader-client-ca-file": 2,
        "root-ca-file": 2,
        "tls-cert-file": 1,
        "tlsCertFile": 1,
        "trusted-ca-file": 2,
    }
    "#);
    let signs = certificates(text(state, "/etc/kubernetes/pki/ca-signing.crt"));
    let Content::Secret(key) = &state.files["/etc/kubernetes/pki/ca.key"].content else { panic!() };
    let key = Key::from_pem(key.expose(), "ca.key").unwrap();
    assert_eq!(signs.len(), 1);
    assert_eq!(signs[0].public_key().unwrap(), key.public());

    assert_eq!(foreign(&trust, &before), Vec::<String>::new());
    let with_both = holds(state, host);
    folder.remove(&["ca-trusted.pem", "etcd-ca-trusted.pem", "front-proxy-ca-trusted.pem"]);
    let trust_of_one = folder.ensure("").unwrap();
    assert_eq!(foreign(&trust_of_one, &with_both), Vec::<String>::new(), "a bundle with ours in it is ours");

    let admin = String::from_utf8(trust.admin_kubeconfig(&cluster("")).unwrap().expose().to_vec()).unwrap();
    let data = admin.lines().find_map(|line| line.trim().strip_prefix("certificate-authority-data: ")).unwrap();
    assert_eq!(STANDARD.decode(data).unwrap(), bundle("ca").as_bytes());
    assert_eq!(trust.super_admin().ca_pem, bundle("ca").as_bytes());
    assert_eq!(trust.etcd_client().ca_pem, bundle("etcd-ca").as_bytes());
}

#[test]
fn with_a_single_ca_its_bundle_serves_all_and_still_one_signs() {
    const SINGLE: &str = "pki: {authorities: single}\n";
    let folder = Folder::new();
    folder.ensure(SINGLE).unwrap();
    fs::write(folder.pki("ca-trusted.pem"), foreign_ca("next", folder.now).0).unwrap();
    let desired = desired(&folder.ensure(SINGLE).unwrap(), SINGLE);
    let state = &desired.hosts["m1"];
    assert_eq!(CAS.map(|path| certificates(text(state, path)).len()), [2; 4]);
    assert_eq!(certificates(text(state, "/etc/kubernetes/pki/ca-signing.crt")).len(), 1);
}

#[test]
fn a_ca_takes_anothers_place_in_three_steps() {
    let folder = Folder::filled();
    let (old, old_key) = (folder.read("ca.pem"), folder.read("ca-key.pem"));
    let host = &cluster("").hosts[0];
    let (new, new_key) = foreign_ca("kubernetes", folder.now);
    let mut there = holds(&desired(&folder.ensure("").unwrap(), "").hosts["m1"], host);
    let mut step = |folder: &Folder| {
        let trust = folder.ensure("").unwrap();
        assert_eq!(foreign(&trust, &there), Vec::<String>::new());
        there = holds(&desired(&trust, "").hosts["m1"], host);
        certificates(&there.certificates[CAS[1]]).len()
    };
    let issuer_is = |ca: &str| {
        let leaf = Certificate::from_pem(folder.read("apiserver-m1.pem").as_bytes(), "leaf").unwrap();
        leaf.signed_by(certificates(ca)[0].public_key().unwrap()).is_ok()
    };
    fs::write(folder.pki("ca-trusted.pem"), &new).unwrap();
    assert_eq!(step(&folder), 2);
    assert!(issuer_is(&old));
    fs::write(folder.pki("ca-trusted.pem"), &old).unwrap();
    fs::write(folder.pki("ca.pem"), &new).unwrap();
    fs::write(folder.pki("ca-key.pem"), &new_key).unwrap();
    assert_eq!(step(&folder), 2);
    assert!(issuer_is(&new), "what is ours is issued by the one that signs");
    folder.remove(&["ca-trusted.pem"]);
    assert_eq!(step(&folder), 1);
    // The old one alone is a stranger by now.
    fs::write(folder.pki("ca.pem"), &old).unwrap();
    fs::write(folder.pki("ca-key.pem"), &old_key).unwrap();
    let trust = folder.ensure("").unwrap();
    assert_eq!(foreign(&trust, &there), ["m1: /etc/kubernetes/pki/ca.crt"]);
}

#[test]
fn what_is_trusted_beside_must_be_cas() {
    let folder = Folder::filled();
    fs::write(folder.pki("ca-trusted.pem"), folder.read("admin.pem")).unwrap();
    insta::assert_snapshot!(folder.refused(""), @r"
    error: pki/ca-trusted.pem: certificate 1 in it is no CA
    hint: only CAs belong into it: take the other certificates out
    ");
    fs::write(folder.pki("ca-trusted.pem"), "junk").unwrap();
    insta::assert_snapshot!(folder.refused(""), @"error: pki/ca-trusted.pem: there is no PEM block in it");
}

#[test]
fn several_encryption_keys_reach_the_api_server_in_their_order() {
    let folder = Folder::filled();
    let configuration = |folder: &Folder| {
        let desired = desired(&folder.ensure("").unwrap(), "");
        let Content::Secret(bytes) = &desired.hosts["m1"].files["/etc/kubernetes/encryption.yaml"].content else {
            panic!("it is a secret")
        };
        String::from_utf8(bytes.expose().to_vec()).unwrap()
    };
    let one = configuration(&folder);
    let first = STANDARD.encode(fs::read(folder.pki("encryption.key")).unwrap());
    fs::write(folder.pki("encryption.key"), format!("key1 {first}\n")).unwrap();
    assert_eq!(configuration(&folder), one, "written either way it is the same key");
    let second = STANDARD.encode([8; 32]);
    fs::write(folder.pki("encryption.key"), format!("key2 {second}\nkey1 {first}\n")).unwrap();
    let both = format!("      - name: key2\n        secret: {second}\n      - name: key1\n        secret: {first}\n");
    assert!(configuration(&folder).contains(&both));
    fs::write(folder.pki("encryption.key"), format!("key2 {second}\nkey2 {first}\n")).unwrap();
    let refused = folder.refused("");
    assert!(refused.contains("pki/encryption.key: line 2: ") && !refused.contains(&second), "{refused}");
}
