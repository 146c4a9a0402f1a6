//! What goes wrong by a slip: an output that is read, a key in the place of a value, a subject that deceives.

use crate::pki_tools::{Folder, GENCERT, with_leaf};

/// What is written with `--out` is not what is read, and never a private key.
#[test]
fn lists_and_chains_are_not_written_over_keys_and_what_is_read() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out leaf"));
    folder.write("list", "17\n");
    let all = ["ca.pem", "ca-key.pem", "leaf.pem", "leaf-key.pem", "list"];
    let before: Vec<String> = all.iter().map(|name| folder.read(name)).collect();
    for line in [
        "gencrl list ca.pem ca-key.pem --out ca-key.pem",
        "gencrl list ca.pem ca-key.pem --out ca.pem",
        "gencrl list ca.pem ca-key.pem --out list",
        "gencrl list ca.pem ca-key.pem --out leaf-key.pem",
        "bundle leaf.pem --ca-bundle ca.pem --out leaf-key.pem",
        "bundle leaf.pem --ca-bundle ca.pem --out ca.pem",
        "bundle leaf.pem --ca-bundle ca.pem --out leaf.pem",
    ] {
        let ran = folder.kbootstrap(line, "");
        assert_eq!(ran.code, 2, "{line}: {ran:#?}");
        assert!(ran.stderr.contains("--out would write over"), "{line}: {ran:#?}");
        assert_eq!(all.iter().map(|name| folder.read(name)).collect::<Vec<_>>(), before, "{line}");
    }
    folder.ok("gencrl list ca.pem ca-key.pem --out ca.crl");
    folder.ok("gencrl list ca.pem ca-key.pem --out ca.crl");
}

/// In a value of a specification, and as an argument.
#[test]
fn a_key_in_the_place_of_a_value_is_not_quoted() {
    let folder = with_leaf();
    let pem = folder.read("ca-key.pem");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let quoted = serde_json::to_string(&pem).unwrap();
    folder.write("algo.json", format!(r#"{{"CN":"a","key":{{"algo":{quoted},"size":256}}}}"#));
    folder.write("hosts.json", format!(r#"{{"CN":"a","hosts":[{quoted}]}}"#));
    folder.write("ca.json", format!(r#"{{"CN":"a","ca":{{"expiry":"{body}"}}}}"#));
    folder.write("usage.json", format!(r#"{{"signing":{{"default":{{"usages":[{quoted}],"expiry":{quoted}}}}}}}"#));
    let argument = shlex::try_quote(&pem).unwrap().into_owned();
    for line in [
        "gencert -initca algo.json".to_owned(),
        "cfssl gencert -initca algo.json".into(),
        format!("{GENCERT} hosts.json"),
        "gencert -initca ca.json".into(),
        "gencert -ca ca.pem -ca-key ca-key.pem -config usage.json leaf.json".into(),
        format!("gencert -ca ca.pem -ca-key {argument} leaf.json"),
        format!("gencert -ca ca.pem -ca-key {body} leaf.json"),
        format!("pki apply {argument}"),
    ] {
        let ran = folder.kbootstrap(&line, "");
        assert_ne!(ran.code, 0, "{line}: {ran:#?}");
        let said: String = (ran.stdout.clone() + &ran.stderr).replace("\\n", "").split_whitespace().collect();
        let piece = (0..body.len() - 12).map(|at| &body[at..at + 12]).find(|piece| said.contains(piece));
        assert_eq!(piece, None, "{line}: {ran:#?}");
    }
}

/// Nothing is written where a subject would deceive whoever reads it, of a CA either.
#[test]
fn a_subject_that_deceives_is_a_mistake_of_the_specification() {
    for subject in [r#"CN: "we\u001bb""#, r#"CN: "a\u202eb""#, r#"CN: a, names: [{O: "x\ny"}]"#] {
        for place in ["CA", "certificate"] {
            let folder = Folder::new();
            let (ca, leaf) = if place == "CA" { (subject, "CN: a") } else { ("CN: a", subject) };
            folder.write(
                "pki.yaml",
                format!("authorities:\n- {{name: ca, {ca}, certificates: [{{name: good, CN: good}}, {{name: leaf, {leaf}}}]}}\n"),
            );
            for options in ["", "--dry-run --exit-code"] {
                let ran = folder.kbootstrap(&format!("pki apply pki.yaml {options}"), "");
                assert_eq!(ran.code, 3, "{place} {subject}: {ran:#?}");
                assert!(ran.stderr.contains("pki.yaml:2:"), "{ran:#?}");
                assert!(!folder.path("good.pem").exists() && !folder.path("ca.pem").exists());
            }
        }
    }
}

/// Without progress warnings are said all the same.
#[test]
fn warnings_are_no_progress() {
    let folder = Folder::new();
    folder.write(
        "pki.yaml",
        "authorities: [{name: ca, CN: ca, certificates: [{name: a, CN: a, hosts: ['a..b'], profile: server}]}]\n",
    );
    let ran = folder.kbootstrap("pki apply pki.yaml --progress none -o json", "");
    assert!(ran.stderr.contains("warning: ") && ran.stderr.contains("a..b"), "{ran:#?}");
    assert!(!ran.stderr.contains("make CA"), "{ran:#?}");
}

/// Files in the wrong order, JSON in which something stands twice, a profile of no file: one error, that says what.
#[test]
fn slips_of_the_command_line_have_one_error() {
    let folder = with_leaf();
    folder.write("list", "17\n");
    folder.write("twice.json", r#"{"CN":"a","cn":"b"}"#);
    folder.write("zero.json", r#"{"signing":{"default":{"expiry":"0h","usages":["server auth"]}}}"#);
    let sign = "gencert -ca ca.pem -ca-key ca-key.pem";
    for (line, words, code) in [
        (
            "gencrl ca.pem ca-key.pem list".to_owned(),
            "ca.pem: PEM is in it, and no serial numbers\nhint: the order is",
            3,
        ),
        (format!("{sign} twice.json"), "twice.json: `cn` is there twice", 3),
        ("genkey twice.json".to_owned(), "twice.json: `cn` is there twice", 3),
        (format!("{sign} -profile server leaf.json"), "-profile server is given without -config", 2),
        (format!("{sign} -config zero.json leaf.json"), "zero.json: the profile has no expiry", 3),
    ] {
        let said = folder.refused(&line);
        assert!(said.starts_with(&format!("error: {words}")), "{line}: {said}");
        assert!(said.ends_with(&format!("exit code {code}")) && said.matches("error: ").count() == 1, "{line}: {said}");
    }
    // As Go does, the last one counts.
    let made = folder.ok("cfssl genkey twice.json").stdout;
    folder.write("made.json", made);
    folder.ok("cfssljson -f made.json -bare made");
    assert!(folder.openssl("req -in made.csr -noout -subject").contains("CN = b"));
}

#[test]
fn a_pipe_that_nobody_writes_to_does_not_hang() {
    let folder = with_leaf();
    assert!(std::process::Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    let ran = folder.kbootstrap("certinfo pipe", "");
    assert!(ran.code == 3 && ran.stderr.contains("nobody writes into this pipe"), "{ran:#?}");
    let line = format!("cat ca.pem > pipe & {} certinfo pipe", env!("CARGO_BIN_EXE_kbootstrap"));
    let ran = std::process::Command::new("sh").args(["-c", &line]).current_dir(folder.path("")).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

/// A part of a store or of a certificate, a bag with nothing in it.
#[test]
fn what_is_cut_off_or_empty_is_named() {
    let folder = with_leaf();
    folder.openssl("pkcs12 -export -in ca.pem -inkey ca-key.pem -out store.p12 -passout pass:secret");
    folder.openssl("x509 -in ca.pem -outform der -out ca.der");
    folder.openssl("crl2pkcs7 -nocrl -out empty.p7b");
    folder.openssl("crl2pkcs7 -nocrl -outform der -out empty.der");
    for (whole, part) in [("store.p12", "part.p12"), ("ca.der", "part.der")] {
        folder.write(part, &std::fs::read(folder.path(whole)).unwrap()[..150]);
    }
    for (file, words) in [
        ("part.p12", "the PKCS#12 store is cut off: 150 of "),
        ("part.der", "it is cut off, or damaged: it has 150 of "),
        ("empty.p7b", "it is PKCS#7, and holds neither certificates nor CRLs"),
        ("empty.der", "it is PKCS#7, and holds neither certificates nor CRLs"),
    ] {
        let said = folder.refused(&format!("certinfo {file}"));
        assert!(said.starts_with(&format!("error: {file}: {words}")) && said.ends_with("exit code 4"), "{said}");
    }
}

/// In hexadecimal, in base64 for URLs: as an argument and in a spec.
#[test]
fn keys_in_other_forms_are_not_quoted() {
    let folder = with_leaf();
    let hex = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    let url = "n3x-Qa9_Lk2TzVw7RfYb0HcJ_s5MgPqEu8dOi1Xt6ZkC4-BvNhA";
    for key in [hex, url] {
        folder.write("spec.json", format!(r#"{{"CN":"a","key":{{"algo":"{key}","size":256}}}}"#));
        folder.write("list", format!("{key}\n"));
        for line in [
            format!("gencert -ca ca.pem -ca-key {key} leaf.json"),
            format!("cfssl gencert -ca ca.pem -ca-key {key} leaf.json"),
            format!("certinfo {key}"),
            "gencert -initca spec.json".to_owned(),
            "cfssl gencert -initca spec.json".to_owned(),
            "gencrl list ca.pem ca-key.pem".to_owned(),
            format!("gencert leaf.json --{key}"),
            format!("pki apply {key}"),
        ] {
            let ran = folder.kbootstrap(&line, "");
            assert_ne!(ran.code, 0, "{line}: {ran:#?}");
            let said = ran.stdout.clone() + &ran.stderr;
            let piece = (0..key.len() - 12).map(|at| &key[at..at + 12]).find(|piece| said.contains(piece));
            assert_eq!(piece, None, "{line}: {ran:#?}");
        }
    }
    // What we show of ourselves is no key.
    let shown = folder.ok("certinfo ca.pem -o details").stdout;
    let serial = folder.openssl("x509 -in ca.pem -noout -serial").trim().to_ascii_lowercase();
    assert!(shown.contains(serial.trim_start_matches("serial=").trim_start_matches('0')), "{shown}");
}

#[test]
fn what_is_named_in_the_wrong_place_is_said_to_be_there() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out leaf"));
    folder.write("leaf.yaml", "CN: leaf\nhosts: [leaf]\n");
    folder.write("printed.json", folder.ok("gencert -initca leaf.json").stdout);
    folder.write("file", "");
    for (line, said) in [
        (format!("{GENCERT} leaf.csr"), "leaf.csr: it is a CSR, and no JSON\nhint: `kbootstrap sign` takes CSRs"),
        (format!("{GENCERT} leaf.pem"), "leaf.pem: it is a certificate, and no JSON"),
        (
            "genkey leaf-key.pem".into(),
            "leaf-key.pem: it is a private key, and no JSON\nhint: `kbootstrap gencsr -key`",
        ),
        ("genkey leaf.yaml".into(), "leaf.yaml: it is YAML, and no JSON"),
        ("genkey config.json".into(), "config.json: it is a signing configuration\nhint: it is named with -config"),
        ("genkey printed.json".into(), "printed.json: it is what cfssl prints\nhint: make files of it"),
        ("gencert -ca ca.pem -ca-key ca-key.pem -config leaf.json leaf.json".into(), "leaf.json: it is a CSR spec"),
        (format!("{GENCERT} leaf.json --chain --intermediates leaf.pem --out x"), "leaf.pem: `CN=leaf` in it is no CA"),
        ("selfsign leaf.json leaf".into(), "hint: the order is: the host's name, the CSR spec"),
        (format!("{GENCERT} leaf.json --out file/leaf"), "file is no folder"),
        (format!("{GENCERT} -hostname '[fd00::1]' leaf.json"), "the command line: host `[fd00::1]` has brackets"),
    ] {
        let refused = folder.refused(&line);
        assert!(refused.contains(said), "{line}: {refused}");
        assert!(!refused.contains("errors"), "{line}: one error is enough: {refused}");
    }
    // cfssl's face signs the brackets, as cfssl does, and warns.
    let ran = folder.ok("cfssl gencert -ca ca.pem -ca-key ca-key.pem -hostname [fd00::1] leaf.json");
    assert!(ran.stderr.contains("[fd00::1]"), "{ran:#?}");
}
