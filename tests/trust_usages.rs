//! What a cluster's certificates may be used for: no more than their keys can do.

use std::fs;
use std::process::Command;

use kbootstrap::digest::sha256;
use kbootstrap::pki::{Authority, Certificate, CertificateInfo, CsrSpec, Key, Lifetime, Profile, Request, Serial};
use serde_json::Value;

use crate::trust_folder::Folder;

/// What `certlint` says of the folder.
fn lint(folder: &Folder) -> Vec<String> {
    let ran = Command::new(env!("CARGO_BIN_EXE_kbootstrap"))
        .args(["certlint", "-o", "json"])
        .arg(folder.pki(""))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(report["certificates"].as_u64() > Some(10), "{report}");
    let findings = report["findings"].as_array().unwrap().iter();
    // Browsers know no Ed25519: whoever asks for it wants it all the same.
    let ours = findings.filter(|finding| finding["rule"] != "ed25519-server");
    ours.map(|finding| finding.to_string()).collect()
}

#[test]
fn certlint_finds_nothing_in_what_is_made_whatever_the_keys() {
    for key in ["{algo: ecdsa}", "{algo: ecdsa, size: 384}", "{algo: rsa, size: 2048}", "{algo: ed25519}"] {
        let folder = Folder::new();
        folder.ensure(&format!("pki: {{key: {key}}}\n")).unwrap();
        assert_eq!(lint(&folder), Vec::<String>::new(), "{key}");
    }
}

/// Key usages by certinfo's words.
fn usages(folder: &Folder, name: &str) -> Vec<String> {
    let certificate = Certificate::from_pem(folder.read(name).as_bytes(), name).unwrap();
    CertificateInfo::of(&certificate).usages
}

#[test]
fn a_key_is_only_allowed_what_its_kind_can_do() {
    let folder = Folder::filled();
    assert_eq!(usages(&folder, "apiserver-m1.pem"), ["digital signature", "server auth"]);
    assert!(!folder.read("ca-config.json").contains("key encipherment"));
    let rsa = Folder::new();
    rsa.ensure("pki: {key: {algo: rsa, size: 2048}}\n").unwrap();
    assert_eq!(usages(&rsa, "apiserver-m1.pem"), ["digital signature", "key encipherment", "server auth"]);
    // A configuration of one's own that says it of all keys, as cfssl's examples do.
    let own = Folder::filled();
    let text = own.read("ca-config.json").replace("\"signing\",", "\"signing\", \"key encipherment\",");
    fs::write(own.pki("ca-config.json"), &text).unwrap();
    own.remove(&["apiserver-m1.pem"]);
    own.ensure("").unwrap();
    assert_eq!(usages(&own, "apiserver-m1.pem"), ["digital signature", "server auth"]);
    assert_eq!(own.read("ca-config.json"), text);
}

#[test]
fn certificates_that_were_allowed_more_stay_until_they_are_issued_again() {
    let folder = Folder::filled();
    // As earlier versions issued them, and said so in the record: by a profile that allows encipherment.
    let read = |name: &str| Certificate::from_pem(folder.read(name).as_bytes(), name).unwrap();
    let key = |name: &str| Key::from_pem(folder.read(name).as_bytes(), name).unwrap();
    let authority = Authority::new(read("ca.pem"), key("ca-key.pem"), folder.now).unwrap();
    let spec = CsrSpec::from_json(folder.read("apiserver-m1-csr.json").as_bytes(), "spec").unwrap();
    let request = Request::from_spec(&spec, key("apiserver-m1-key.pem").public()).unwrap();
    let wide = Profile::new(&["signing", "key encipherment", "server auth"], Lifetime::hours(24 * 365)).unwrap();
    let issued = authority.issue(&request, &wide, folder.now, Serial::random().unwrap()).unwrap().certificate;
    fs::write(folder.pki("apiserver-m1.pem"), issued.to_pem()).unwrap();
    let mut record: Value = serde_json::from_str(&folder.read("generated.json")).unwrap();
    record["certificates"]["apiserver-m1"] = sha256(issued.der()).into();
    fs::write(folder.pki("generated.json"), record.to_string()).unwrap();
    assert_eq!(folder.look("").unwrap().to_issue(), Vec::<String>::new());
    folder.ensure("").unwrap();
    assert_eq!(folder.read("apiserver-m1.pem"), issued.to_pem());
    // It is ours: what it lacks has it issued again, and then as it should be.
    folder.ensure("pki: {extraSans: [api.example]}\n").unwrap();
    assert_eq!(usages(&folder, "apiserver-m1.pem"), ["digital signature", "server auth"]);
}

/// Rows that the table no longer has: what was made of them goes, what a person brought stays.
#[test]
fn keys_that_all_nodes_shared_are_deleted_where_they_were_made_here() {
    let folder = Folder::filled();
    let copy = |row: &str, ours: bool| {
        for end in [".pem", "-key.pem", "-csr.json"] {
            fs::copy(folder.pki(&format!("{row}-m1{end}")), folder.pki(&format!("{row}{end}"))).unwrap();
        }
        let mut record: Value = serde_json::from_str(&folder.read("generated.json")).unwrap();
        for list in ["certificates", "specs"].into_iter().filter(|_| ours) {
            record[list][row] = record[list][format!("{row}-m1")].clone();
        }
        fs::write(folder.pki("generated.json"), record.to_string()).unwrap();
    };
    copy("flannel", true);
    copy("kube-proxy", false);
    folder.look("").unwrap();
    assert!(folder.pki("flannel-key.pem").exists(), "who only looks deletes nothing");
    folder.ensure("").unwrap();
    for end in [".pem", "-key.pem", "-csr.json"] {
        assert!(!folder.pki(&format!("flannel{end}")).exists(), "{end}");
        assert!(folder.pki(&format!("kube-proxy{end}")).exists(), "{end}");
    }
    assert!(folder.pki("flannel-m1-key.pem").exists());
    assert!(!folder.read("generated.json").contains("\"flannel\""));
}
