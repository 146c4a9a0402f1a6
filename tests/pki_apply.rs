//! `kbootstrap pki`: a hierarchy from one file, checked by openssl.

use std::fs;
use std::process::Command;

use crate::pki_tools::Folder;

const SPEC: &str = "
folder: out
defaults: {names: [{O: Example}], files: {chain: '{name}-chain.pem', ca: '{name}-ca.pem'}}
profiles: {mail: {usages: [signing, s/mime], expiry: 90d}}
authorities:
- name: root
  CN: Example Root
  key: {algo: rsa, size: 4096}
  expiry: 20y
  crlUrl: http://crl.example/root.crl
  ocspUrl: http://ocsp.example
  issuerUrls: ['http://ca.example/root.crt']
  authorities:
  - name: servers
    CN: Servers
    key: {algo: ecdsa, size: 384}
    pathLength: 1
    folder: servers
    authorities:
    - name: inner
      CN: Inner
      key: {algo: ed25519}
      pathLength: 0
      certificates:
      - {name: 'web-{n}', count: 3, CN: 'web-{n}', hosts: ['web-{n}.example', 10.0.0.1, 'fd00::1'], profile: server}
  certificates:
  - {name: someone, CN: Someone, hosts: [someone@example.org], profile: mail, key: {algo: rsa, format: pkcs8}}
";

/// A folder with the specification as `pki.yaml`.
pub fn folder(spec: &str) -> Folder {
    let folder = Folder::new();
    folder.write("pki.yaml", spec);
    folder
}

#[test]
fn a_tree_is_made_that_openssl_verifies_and_a_second_run_does_nothing() {
    let folder = folder(SPEC);
    let dry = folder.ok("pki apply pki.yaml --dry-run");
    assert!(dry.stdout.ends_with("7 of 7 would be written, 0 stay as they are\n"), "{}", dry.stdout);
    assert!(!folder.path("out").exists(), "a dry run writes nothing");
    let ran = folder.ok("pki apply pki.yaml --progress none");
    assert!(ran.stdout.contains("made certificate web-3: it is not there\n"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
    for n in 1..=3 {
        let (ca, chain) = ("out/servers/web-1-ca.pem", format!("out/servers/web-{n}-chain.pem"));
        let ok = folder.openssl(&format!(
            "verify -x509_strict -purpose sslserver -verify_hostname web-{n}.example -CAfile {ca} out/servers/web-{n}.pem"
        ));
        assert_eq!(ok, format!("out/servers/web-{n}.pem: OK\n"));
        folder.openssl(&format!("verify -x509_strict -CAfile out/root.pem -untrusted {chain} {chain}"));
        assert_eq!(folder.read(&chain).matches("BEGIN").count(), 3, "without the root");
        assert_eq!(folder.mode(&format!("out/servers/web-{n}-key.pem")), 0o600);
    }
    let text = folder.openssl("x509 -noout -text -in out/someone.pem");
    for part in ["email:someone@example.org", "URI:http://crl.example/root.crl", "OCSP - URI:http://ocsp.example"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(folder.read("out/someone-key.pem").starts_with("-----BEGIN PRIVATE KEY-----"));
    let again = folder.ok("pki apply pki.yaml");
    assert!(again.stdout.starts_with("nothing to do: all 7 are as they should be"), "{}", again.stdout);
    assert_eq!(again.stderr, "");
    assert_eq!(folder.ok("pki check pki.yaml").stdout.matches(" good ").count(), 7);
}

#[test]
fn programs_get_json_and_monitoring_an_exit_code() {
    let folder = folder(SPEC);
    let check = folder.kbootstrap("pki check pki.yaml -o json", "");
    assert_eq!(check.code, 4);
    let steps: serde_json::Value = serde_json::from_str(&check.stdout).unwrap();
    assert_eq!(steps.as_array().unwrap().len(), 7);
    assert_eq!(steps[0]["state"], "missing");
    let made = folder.json("pki apply pki.yaml -o json --jobs 1 --progress none");
    assert_eq!((&made["changes"], &made["unchanged"]), (&7.into(), &0.into()));
    assert_eq!(made["steps"][3]["action"], "make");
    fs::remove_file(folder.path("out/servers/web-2.pem")).unwrap();
    let dry = folder.json("pki apply pki.yaml --dry-run -o json");
    assert_eq!((&dry["dry_run"], &dry["changes"]), (&true.into(), &1.into()));
    assert_eq!(dry["steps"][0]["reasons"][0], "its key is there, it is not");
    let check = folder.kbootstrap("pki check pki.yaml", "");
    assert_eq!(check.code, 4);
    assert!(check.stderr.contains("hint: kbootstrap pki apply pki.yaml"), "{}", check.stderr);
}

#[test]
fn a_large_tree_needs_few_open_files() {
    let files = "defaults: {files: {chain: '{name}-chain.pem', ca: '{name}-ca.pem'}}";
    let spec = "authorities: [{name: ca, CN: CA, certificates: [{name: 'n-{n}', CN: 'n-{n}', count: 60}]}]";
    let folder = folder(&format!("{files}\n{spec}\n"));
    let limited = format!("ulimit -n 64; exec {} pki apply pki.yaml --progress none", env!("CARGO_BIN_EXE_kbootstrap"));
    let ran = Command::new("sh").args(["-c", &limited]).current_dir(folder.path("")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(folder.path("n-60-ca.pem").exists());
}

#[test]
fn it_reads_standard_input_and_json() {
    let folder = Folder::new();
    let json = r#"{"authorities": [{"name": "ca", "CN": "ca", "certificates": [{"name": "a", "hosts": ["a"]}]}]}"#;
    let ran = folder.kbootstrap("pki apply - --dir there --progress none", json);
    assert_eq!(ran.code, 0, "{ran:?}");
    folder.openssl("verify -x509_strict -CAfile there/ca.pem there/a.pem");
}

#[test]
fn a_ca_is_renewed_and_replaced_only_when_asked() {
    let folder = folder(SPEC);
    folder.ok("pki apply pki.yaml --progress none");
    let (key, leaf) = (folder.read("out/servers/servers-key.pem"), folder.read("out/servers/web-1.pem"));
    let renewed = folder.ok("pki apply pki.yaml --renew-ca servers --progress none");
    assert!(renewed.stdout.contains("renewed CA servers: you asked for its renewal\n"), "{}", renewed.stdout);
    assert_eq!(folder.read("out/servers/servers-key.pem"), key);
    assert_eq!(folder.read("out/servers/web-1.pem"), leaf, "what it has issued stays");
    folder.openssl("verify -x509_strict -CAfile out/servers/web-1-ca.pem out/servers/web-1.pem");
    let replaced = folder.ok("pki apply pki.yaml --replace-ca root --progress none");
    assert!(replaced.stdout.contains("renewed CA servers: its CA is new\n"), "{}", replaced.stdout);
    assert!(replaced.stdout.contains("issued certificate someone: its CA is new\n"), "{}", replaced.stdout);
    folder.openssl("verify -x509_strict -CAfile out/servers/web-1-ca.pem out/servers/web-1.pem");
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml --renew-ca server"), @r"
    error: there is no CA `server` in the specification
    hint: did you mean `servers`?
    exit code 2
    ");
}

#[test]
fn an_encrypted_ca_key_is_opened_only_where_it_signs() {
    let spec = "authorities: [{name: ca, CN: CA, certificates: [{name: a, CN: a}]}]";
    let folder = folder(spec);
    folder.ok("pki apply pki.yaml");
    folder.openssl("pkey -in ca-key.pem -aes256 -passout pass:secret -out locked.pem");
    fs::rename(folder.path("locked.pem"), folder.path("ca-key.pem")).unwrap();
    let locked = folder.read("ca-key.pem");
    // Nothing to sign: nobody needs the password.
    let again = folder.ok("pki apply pki.yaml");
    assert!(again.stdout.starts_with("nothing to do"), "{}", again.stdout);
    folder.ok("pki check pki.yaml");

    folder.write("pki.yaml", spec.replace("{name: a, CN: a}", "{name: a, CN: a}, {name: b, CN: b}"));
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml --progress none"), @r"
    error: CA ca: ca-key.pem: the private key is encrypted
    hint: give its password: --ca-key-password-file FILE (its first line), or the variable KBOOTSTRAP_CA_KEY_PASSWORD or CFSSL_CA_PK_PASSWORD
    hint: decrypt it: openssl pkey -in KEY -out PLAIN
    exit code 4
    ");
    assert!(!folder.path("b-key.pem").exists(), "nothing is made before the key is open");
    folder.write("wrong", "guess");
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml --ca-key-password-file wrong --progress none"), @r"
    error: CA ca: ca-key.pem: the password is not the right one, or the file is damaged
    exit code 4
    ");
    folder.write("password", "secret\n");
    folder.ok("pki apply pki.yaml --ca-key-password-file password");
    folder.openssl("verify -x509_strict -CAfile ca.pem b.pem");
    folder.ok("pki apply pki.yaml --renew-ca ca --ca-key-password-file password");
    folder.openssl("verify -x509_strict -CAfile ca.pem b.pem");
    assert_eq!(folder.read("ca-key.pem"), locked, "the key stays encrypted");

    // Another CA's key under the same password is noticed before it signs.
    folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret -out ca-key.pem");
    folder.write("pki.yaml", spec.replace("{name: a, CN: a}", "{name: c, CN: c}"));
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml --ca-key-password-file password --progress none"), @r"
    error: CA ca: ca-key.pem is not the key of ca.pem
    exit code 4
    ");
    fs::remove_file(folder.path("ca.pem")).unwrap();
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml --progress none"), @r"
    error: CA ca: ca-key.pem is encrypted, and the certificate that goes with it is missing
    hint: bring the certificate back, or decrypt the key: openssl pkey -in KEY -out PLAIN
    exit code 4
    ");
}

#[test]
fn runs_at_the_same_time_do_not_mix_their_keys() {
    let folder =
        folder("folder: out\nauthorities: [{name: ca, CN: ca, certificates: [{name: 'n-{n}', count: 20, CN: x}]}]");
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kbootstrap"));
            command.args(["pki", "apply", "pki.yaml", "--progress", "none", "-o", "json"]).current_dir(folder.path(""));
            command.stdout(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let changes = runs.into_iter().map(|run| {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success());
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["changes"].as_u64().unwrap()
    });
    let mut changes: Vec<u64> = changes.collect();
    changes.sort_unstable();
    assert_eq!(changes, [0, 0, 0, 21]);
    folder.ok("pki check pki.yaml");
}

#[test]
fn what_verifiers_will_refuse_is_warned_of() {
    let folder = folder(
        "authorities:\n- name: ca\n  CN: ca\n  certificates:\n  - {name: odd, CN: odd, hosts: ['*.com', 'a..b'], profile: server}\n",
    );
    let ran = folder.ok("pki apply pki.yaml");
    for rule in ["(wildcard-broad)", "(san-dns-syntax)"] {
        assert!(ran.stderr.contains(rule), "{rule}: {ran:#?}");
    }
}
