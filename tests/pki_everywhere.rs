//! What we issue parses and verifies everywhere, or issuing refuses: random CSR specs and profiles, by openssl and Go.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use kbootstrap::error::Result;
use kbootstrap::pki::{
    Authority, CertificateInfo, CsrSpec, Key, KeyKind, Request, Serial, SigningConfig, Usage, self_signed,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// As many are tried; most of them can be issued.
const CASES: usize = 300;

fn kinds() -> [KeyKind; 5] {
    [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521, KeyKind::Ed25519, KeyKind::Rsa(2048)]
}

/// A text as people, machines and mischief write it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z][a-z0-9-]{0,20}(\\.[a-z]{2,8}){0,3}",
        2 => "[ -~]{0,30}",
        1 => "\\PC{0,20}",
        1 => any::<String>().prop_map(|s| s.chars().take(12).collect()),
        1 => "[A-Za-z0-9]{60,200}",
    ]
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => text(),
        1 => any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
        1 => any::<std::net::Ipv6Addr>().prop_map(|ip| ip.to_string()),
        1 => "[a-z!#$%&'*+/=?^_`{|}~.-]{1,8}@[a-z0-9.-]{1,12}",
        2 => "[a-z][a-z0-9+.-]{0,5}:(//)?[!-~]{0,20}",
        1 => "https?://([a-z0-9.:@\\[\\]%-]{0,15})(/[!-~]{0,10})?",
        1 => "/[!-~]{0,10}",
        1 => Just(String::new()),
        1 => "\\*?\\.?[a-z.*_-]{1,12}\\.?",
    ]
}

fn name() -> impl Strategy<Value = Value> {
    let field = || prop_oneof![2 => Just(String::new()), 1 => text()];
    let oid = prop_oneof![
        Just("1.2.3.4"),
        Just("2.5.4.15"),
        Just("1.3.6.1.4.1.99999.1"),
        Just("2.999.1"),
        Just("0.9.2342.19200300.100.1.1")
    ];
    let oid = proptest::collection::btree_map(oid, text(), 0..2);
    (field(), field(), field(), field(), field(), field(), oid)
        .prop_map(|(c, st, l, o, ou, e, oid)| json!({"C": c, "ST": st, "L": l, "O": o, "OU": ou, "E": e, "OID": oid}))
}

fn csr_spec() -> impl Strategy<Value = Value> {
    let names = proptest::collection::vec(name(), 0..3);
    (text(), proptest::collection::vec(host(), 0..5), names, text(), any::<bool>()).prop_map(
        |(cn, hosts, names, serial, delegation)| {
            json!({"CN": cn, "hosts": hosts, "names": names, "serialnumber": serial, "delegation_enabled": delegation})
        },
    )
}

fn profile() -> impl Strategy<Value = Value> {
    let usages = proptest::sample::subsequence(Usage::names().collect::<Vec<_>>(), 1..5);
    let url = || prop_oneof![3 => Just(String::new()), 2 => "https?://[a-z]{1,9}(/[!-~]{0,9})?", 1 => host()];
    let ca = (any::<bool>(), -1i64..3, any::<bool>());
    let policies = proptest::collection::vec((text(), any::<bool>()), 0..2);
    (usages, url(), url(), proptest::collection::vec(url(), 0..2), ca, policies, any::<bool>()).prop_map(
        |(usages, crl, ocsp, issuers, (is_ca, length, zero), policies, no_check)| {
            let policies: Vec<_> = policies
                .iter()
                .map(|(value, cps)| {
                    let kind = if *cps { "id-qt-cps" } else { "id-qt-unotice" };
                    json!({"ID": "1.2.3.4", "Qualifiers": [{"Type": kind, "Value": value}]})
                })
                .collect();
            json!({"usages": usages, "expiry": "24h", "crl_url": crl, "ocsp_url": ocsp, "issuer_urls": issuers,
                "ca_constraint": {"is_ca": is_ca, "max_path_len": length, "max_path_len_zero": zero},
                "policies": policies, "ocsp_no_check": no_check})
        },
    )
}

fn issue(authority: &Authority, key: &Key, spec: &Value, profile: &Value, now: OffsetDateTime) -> Result<String> {
    let spec = CsrSpec::from_json(spec.to_string().as_bytes(), "csr.json")?;
    let config = json!({"signing": {"default": profile}});
    let profile = SigningConfig::from_json(config.to_string().as_bytes(), "config.json")?.profile(None)?;
    let request = Request::from_spec(&spec, key.public())?;
    let issued = authority.issue(&request, &profile, now, Serial::random()?)?;
    let _ = CertificateInfo::of(&issued.certificate);
    Ok(issued.certificate.to_pem())
}

/// What a program prints on standard output and error; it may fail.
fn said(program: &str, folder: &Path, args: &[&str]) -> String {
    let output =
        Command::new(program).args(args).current_dir(folder).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn what_we_issue_parses_and_verifies_everywhere_or_issuing_refuses() {
    let now = OffsetDateTime::now_utc();
    let folder = tempfile::tempdir().unwrap();
    let keys = kinds().map(|kind| Key::generate(kind).unwrap());
    let authorities: Vec<(Authority, String)> = kinds()
        .iter()
        .map(|kind| {
            let key = Key::generate(*kind).unwrap();
            let spec = CsrSpec { cn: format!("CA {kind}"), ..CsrSpec::default() };
            let root = self_signed(&spec, &key, now, Serial::random().unwrap()).unwrap().certificate;
            let pem = root.to_pem();
            (Authority::new(root, key, now).unwrap(), pem)
        })
        .collect();
    // A seed may be given to repeat a run; otherwise every run tries others.
    let seed: u64 =
        std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(now.unix_timestamp_nanos() as u64);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let cases = (0..5usize, 0..5usize, csr_spec(), profile());
    let mut issued: BTreeMap<String, String> = BTreeMap::new();
    for n in 0..CASES {
        let (ca, key, spec, profile) = cases.new_tree(&mut runner).unwrap().current();
        match issue(&authorities[ca].0, &keys[key], &spec, &profile, now) {
            Ok(pem) => {
                let name = format!("{n:04}");
                fs::write(folder.path().join(format!("{name}.pem")), pem).unwrap();
                fs::write(folder.path().join(format!("{name}.ca")), &authorities[ca].1).unwrap();
                issued.insert(name, format!("{spec}\n  {profile}"));
            }
            Err(error) => {
                assert!(!error.message.is_empty() && error.kind.exit_code() != 1, "{spec} {profile}: {error}")
            }
        }
    }
    assert!(issued.len() > CASES / 10, "only {} of {CASES} were issued", issued.len());
    let mut wrong = Vec::new();
    let all: String = authorities.iter().map(|(_, pem)| pem.as_str()).collect();
    fs::write(folder.path().join("roots"), all).unwrap();
    let files: Vec<String> = issued.keys().map(|name| format!("{name}.pem")).collect();
    let args: Vec<&str> = ["verify", "-CAfile", "roots"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let openssl = said("openssl", folder.path(), &args);
    for (name, case) in &issued {
        if !openssl.contains(&format!("{name}.pem: OK\n")) {
            let lines: Vec<&str> = openssl.lines().filter(|line| line.contains(name.as_str())).collect();
            wrong.push(format!("openssl: {name}: {}\n  {case}", lines.join("; ")));
        }
    }
    let program = folder.path().join("go-verify");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go-verify");
    let built = said("go", &source, &["build", "-o", program.to_str().unwrap(), "."]);
    assert!(program.exists(), "{built}");
    let go = said(program.to_str().unwrap(), folder.path(), &["."]);
    assert!(go.contains("good: "), "{go}");
    for line in go.lines().filter(|line| !line.starts_with("good: ")) {
        let case = issued.get(line.split(':').next().unwrap_or_default()).map_or("", String::as_str);
        wrong.push(format!("Go: {line}\n  {case}"));
    }
    assert!(wrong.is_empty(), "SEED={seed}: {} of {}:\n{}", wrong.len(), issued.len(), wrong.join("\n"));
}
