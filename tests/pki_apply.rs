//! `kbootstrap pki`: a hierarchy from one file, checked by openssl; mistakes; a cluster's certificates as such a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbootstrap::components::Catalogue;
use kbootstrap::hierarchy::{self, Kind};
use kbootstrap::ui::Silent;
use kbootstrap::ui::report;
use kbootstrap::{cluster, inventory, trust};
use time::OffsetDateTime;

use crate::common::schema;
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

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

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
fn all_mistakes_are_named_at_once_and_nothing_is_written() {
    let folder = folder(
        "defaults: {expiry: 1w, profil: server}
profiles: {www: {usages: [signing, Server Auth]}}
authorities:
- name: root
  CN: Root
  expiry: 1y
  pathLength: 0
  certificates:
  - {name: web, hosts: [a，b], profile: wwww}
  - {name: a/b, CN: a, key: {algo: rsa, size: 1024}}
  - {name: 'n-{m}', count: 2, CN: x}
  - {name: same, count: 2, CN: x}
  - {name: long, CN: x, expiry: 2y}
  - {name: root, CN: x}
  authorities:
  - {name: deep, CN: Deep}
  - {name: nobody}
",
    );
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: pki.yaml:1:20: `1w` is not a length of time: there is no unit `w`
      1 | defaults: {expiry: 1w, profil: server}
        |                    ^^
    hint: write for example 8760h, 1h30m, 90d or 10y

    error: pki.yaml:1:24: unknown key `profil` in defaults
      1 | defaults: {expiry: 1w, profil: server}
        |                        ^^^^^^
    hint: did you mean `profile`?

    error: pki.yaml:2:36: unknown usage `Server Auth`
      2 | profiles: {www: {usages: [signing, Server Auth]}}
        |                                    ^^^^^^^^^^^
    hint: did you mean `server auth`?

    error: pki.yaml:9:25: host `a，b` has the character '，', which no certificate can hold
      9 |   - {name: web, hosts: [a，b], profile: wwww}
        |                         ^^^^
    hint: it is a full-width character: type it again with an ASCII keyboard

    error: pki.yaml:9:40: there is no profile `wwww`
      9 |   - {name: web, hosts: [a，b], profile: wwww}
        |                                         ^^^^
    hint: did you mean `www`?
    hint: profiles are: client, peer, server, www

    error: pki.yaml:10:12: `a/b` cannot be part of a file name
      10 |   - {name: a/b, CN: a, key: {algo: rsa, size: 1024}}
         |            ^^^
    hint: use letters, digits, `-`, `_` and `.`

    error: pki.yaml:10:47: RSA key of 1024 bits is too weak
      10 |   - {name: a/b, CN: a, key: {algo: rsa, size: 1024}}
         |                                               ^^^^
    hint: use 2048 to 8192 bits

    error: pki.yaml:11:12: `{m}` stands for nothing: there is only {n}
      11 |   - {name: 'n-{m}', count: 2, CN: x}
         |            ^^^^^^^

    error: pki.yaml:12:12: all 2 of them would have the name `same`
      12 |   - {name: same, count: 2, CN: x}
         |            ^^^^
    hint: for example `same-{n}`

    error: pki.yaml:13:33: `long` would live 17520h and outlive its CA, which lives 8760h
      13 |   - {name: long, CN: x, expiry: 2y}
         |                                 ^^
    hint: shorten its `expiry`, or lengthen the CA's

    error: pki.yaml:14:12: another CA or certificate has the name `root` already
      14 |   - {name: root, CN: x}
         |            ^^^^

    error: pki.yaml:16:12: CA `deep` stands deeper than the `pathLength` of a CA above it allows
      16 |   - {name: deep, CN: Deep}
         |            ^^^^
    hint: raise that `pathLength`, or leave it out

    error: pki.yaml:16:12: `deep` would live 87600h and outlive its CA, which lives 8760h
      16 |   - {name: deep, CN: Deep}
         |            ^^^^
    hint: shorten its `expiry`, or lengthen the CA's

    error: pki.yaml:17:5: CA `nobody` has no `CN`
      17 |   - {name: nobody}
         |     ^
    hint: or is it `external`, brought by you?

    error: pki.yaml:17:12: CA `nobody` stands deeper than the `pathLength` of a CA above it allows
      17 |   - {name: nobody}
         |            ^^^^^^
    hint: raise that `pathLength`, or leave it out

    error: pki.yaml:17:12: `nobody` would live 87600h and outlive its CA, which lives 8760h
      17 |   - {name: nobody}
         |            ^^^^^^
    hint: shorten its `expiry`, or lengthen the CA's

    16 errors
    exit code 3
    ");
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1);
}

#[test]
fn a_specification_of_somebody_else_writes_nowhere_else() {
    let folder = Folder::new();
    let spec = |settings: &str| {
        let text = format!("{settings}\nauthorities: [{{name: r, CN: r, key: {{algo: ecdsa, size: 256}}}}]\n");
        folder.write("in/pki.yaml", text);
    };
    std::fs::create_dir(folder.path("in")).unwrap();
    let absolute = folder.path("elsewhere");
    for settings in
        ["folder: ../elsewhere".to_owned(), format!("folder: {}", absolute.display()), "folder: link".to_owned()]
    {
        let _ = std::os::unix::fs::symlink("../elsewhere", folder.path("in/link"));
        spec(&settings);
        let words = folder.refused("pki apply in/pki.yaml");
        assert!(words.contains("2 files are outside in") && words.contains("--outside"), "{settings}: {words}");
        assert!(!absolute.exists(), "{settings}");
    }
    spec("folder: ../elsewhere");
    folder.ok("pki apply in/pki.yaml --outside");
    assert!(absolute.join("r.pem").exists());
}

#[test]
fn files_that_two_would_share_are_refused() {
    let folder = folder(
        "authorities: [{name: ca, CN: ca, files: {certificate: ca.pem}, certificates: [
  {name: a, CN: a, files: {certificate: ca.pem, key: ../a.key}}, {name: b, CN: b, files: {certificate: '{nam}.crt'}}]}]",
    );
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: pki.yaml:2:10: certificate a: ca.pem is a file of CA ca already
      2 |   {name: a, CN: a, files: {certificate: ca.pem, key: ../a.key}}, {name: b, CN: b, files: {certificat
        |          ^
    hint: give it other `files`

    error: pki.yaml:2:104: `{nam}` stands for nothing: there is only {name}
      2 | ../a.key}}, {name: b, CN: b, files: {certificate: '{nam}.crt'}}]}]
        |                                                   ^^^^^^^^^^^
    hint: did you mean `{name}`?

    2 errors
    exit code 3
    ");
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
fn the_clusters_table_is_such_a_specification() {
    let folder = Folder::new();
    folder.write(
        "prod.yaml",
        "cluster: prod\nhosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master]}\n- {name: n1, address: 10.0.0.21, roles: [node]}\n",
    );
    folder.write("pki.yaml", folder.ok("pki spec -i prod.yaml").stdout);
    assert_eq!(folder.json("pki spec -i prod.yaml -o json")["authorities"][0]["name"], "ca");
    folder.ok("pki apply pki.yaml --progress none");
    let inside = |name: &str| folder.path("clusters/prod").join(name);
    let before = fs::read(inside("pki/apiserver-m1.pem")).unwrap();
    let loaded = inventory::load(&folder.path("prod.yaml")).unwrap();
    let cluster = cluster::resolve(&loaded, &cluster::Known::default()).unwrap();
    let trust =
        trust::ensure(&Catalogue::standard(), &cluster, &inside(""), OffsetDateTime::now_utc(), &Silent).unwrap();
    let names: Vec<String> = trust.expiries().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names.len(),
        trust::certificates(&Catalogue::standard(), &cluster).len() + trust::authorities(&cluster).len()
    );
    for name in &names {
        assert!(inside(&format!("pki/{name}.pem")).exists(), "{name}");
    }
    assert_eq!(fs::read(inside("pki/apiserver-m1.pem")).unwrap(), before, "up's code issued nothing again");
    let again = folder.ok("pki apply pki.yaml").stdout;
    assert!(again.starts_with("nothing to do"), "{again}");
}

#[test]
fn what_up_has_made_is_as_the_specification_says() {
    let folder = Folder::new();
    let hosts = "hosts:\n- {name: m1, address: 10.0.0.11, roles: [etcd, master, node]}\n";
    for (name, pki) in [("a", ""), ("b", "pki: {authorities: single, key: {algo: ecdsa, size: 384}, expiry: 90d}\n")] {
        folder.write(&format!("{name}.yaml"), format!("cluster: {name}\n{pki}{hosts}"));
        let loaded = inventory::load(&folder.path(&format!("{name}.yaml"))).unwrap();
        let cluster = cluster::resolve(&loaded, &cluster::Known::default()).unwrap();
        let dir = folder.path(&format!("clusters/{name}"));
        trust::ensure(&Catalogue::standard(), &cluster, &dir, OffsetDateTime::now_utc(), &Silent).unwrap();
        folder.write("pki.yaml", folder.ok(&format!("pki spec -i {name}.yaml")).stdout);
        let ran = folder.ok("pki apply pki.yaml").stdout;
        assert!(ran.starts_with("nothing to do"), "{name}: {ran}");
    }
}

#[test]
fn the_examples_of_the_documentation_are_specifications() {
    let text = fs::read_to_string(root().join("docs/pki-apply.md")).unwrap();
    let examples: Vec<&str> = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 3);
    for example in examples.iter().filter(|example| example.contains("authorities:")) {
        let folder = folder(example);
        let ran = folder.kbootstrap("pki apply pki.yaml --dry-run", "");
        // Those with a CA of somebody else lack it here.
        assert!(ran.code == 0 || example.contains("external: true"), "{example}\n{ran:?}");
        let loaded = hierarchy::parse("pki.yaml", example.as_bytes(), Path::new("")).unwrap();
        assert!(loaded.hierarchy.items.iter().any(|item| item.kind == Kind::Certificate), "{example}");
        jsonschema::validate(&hierarchy::schema(), &serde_saphyr::from_str(example).unwrap()).unwrap();
    }
}

#[test]
fn the_specification_schema_in_docs_is_that_of_the_types() {
    schema::is_up_to_date("pki-apply.schema.json", &hierarchy::schema());
}

#[test]
fn the_specification_s_documentation_names_every_field() {
    schema::is_documented("pki-apply.md", &hierarchy::schema());
}

proptest::proptest! {
    #[test]
    fn any_value_in_any_field_is_taken_or_explained(
        field in proptest::sample::select(vec![
            "name", "CN", "names", "hosts", "profile", "key", "expiry", "renewBefore", "folder", "files", "count", "each",
            "pathLength", "external", "crlUrl", "issuerUrls", "defaults", "authorities", "certificates", "serialNumber",
        ]),
        value in proptest::sample::select(vec![
            "null", "''", "1", "-1", "256", "true", "abc", "[]", "{}", "[{}]", "[null]", "'{n}'", "'{'", "../x", "/", "1y",
            "{algo: rsa, size: 4294967295}", "[a, a]", "{C: x}", "[{C: x, OID: {x: y}}]", "，", "\"\\u0000\"", "&a [*a]",
            "[{name: a}, {name: a}]", "{certificate: x, key: x}", "[{n: a}, {m: b}]", "9999999999y", "0",
        ]),
    ) {
        for inner in ["certificates", "authorities"] {
            let name = if field == "name" { "" } else { "name: leaf, " };
            let text = format!("authorities: [{{name: ca, CN: ca, {inner}: [{{{name}{field}: {value}}}]}}]\n");
            if let Err(error) = hierarchy::parse("x", text.as_bytes(), Path::new("/x")) {
                proptest::prop_assert_eq!(error.kind, kbootstrap::error::Kind::Input, "{}: {}", text, error);
                let _ = report::render(&error, false);
            }
        }
    }
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
