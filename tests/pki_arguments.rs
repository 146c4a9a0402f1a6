//! Files that are named by mistake, or by somebody who means harm: what is shown of their names and of what is in them,
//! how much of them is read, and what is said of them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use crate::cfssl_both::{Whose, sh};
use crate::pki_tools::{Folder, GENCERT, Ran, with_leaf};

/// A name that would write the clipboard, go up a line, turn the text around, and make a line of its own.
const NASTY: &str =
    "x\u{1b}]52;c;eA==\u{7}\u{1b}[1A\u{9b}2J\u{202e}\n[INFO] signed certificate with serial number 666\r";

fn run<S: AsRef<OsStr>>(folder: &Folder, args: &[S]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kbootstrap"));
    command.args(args).current_dir(folder.path("")).env("NO_COLOR", "1").stdin(std::process::Stdio::null());
    command.output().unwrap().into()
}

/// Nothing that a terminal obeys, and no line that a name has made.
fn is_clean(what: &str, ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let bad = |c: &char| (c.is_control() && *c != '\n' && *c != '\t') || *c == '\u{202e}';
        assert!(!text.chars().any(|c| bad(&c)), "{what}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("[INFO]")), "{what}: {text}");
    }
}

#[test]
fn nothing_in_a_name_reaches_the_terminal_raw() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out leaf"));
    folder.openssl("req -new -key leaf-key.pem -subj /CN=x -out leaf.csr");
    // First a file that is not there, then one that holds nothing good, then one that is right.
    for round in 0..3 {
        match round {
            0 => {}
            1 => folder.write(NASTY, "{"),
            _ => folder.write(NASTY, folder.read("leaf.pem") + &folder.read("ca.pem")),
        }
        let ca = ["-ca", "ca.pem", "-ca-key", "ca-key.pem"];
        let with_ca = |args: &[&'static str]| [args, &ca, &[NASTY]].concat();
        let calls: Vec<Vec<&str>> = vec![
            with_ca(&["gencert"]),
            vec!["gencert", "-ca", NASTY, "-ca-key", "ca-key.pem", "leaf.json"],
            vec!["gencert", "-ca", "ca.pem", "-ca-key", NASTY, "leaf.json"],
            vec!["gencert", "-config", NASTY, "-ca", "ca.pem", "-ca-key", "ca-key.pem", "leaf.json"],
            vec!["gencert", "-profile", NASTY, "-ca", "ca.pem", "-ca-key", "ca-key.pem", "leaf.json"],
            vec!["gencert", "-hostname", NASTY, "-ca", "ca.pem", "-ca-key", "ca-key.pem", "leaf.json"],
            vec!["gencert", "leaf.json", NASTY],
            vec!["gencert", "leaf.json", "--out", "x", &NASTY[1..]],
            vec!["genkey", NASTY],
            vec!["gencsr", "-key", NASTY, "leaf.json"],
            vec!["gencsr", "-key", "ca-key.pem", "-cert", NASTY],
            with_ca(&["sign"]),
            vec!["sign", "-ca", "ca.pem", "-ca-key", "ca-key.pem", "leaf.csr", NASTY],
            vec!["selfsign", NASTY, "leaf.json"],
            vec!["gencrl", NASTY, "ca.pem", "ca-key.pem"],
            vec!["bundle", NASTY, "--ca-bundle", "ca.pem"],
            vec!["certlint", NASTY],
            vec!["certlint", "ca.pem", "--ignore", NASTY],
            vec!["certinfo", NASTY],
            vec!["pki", "apply", NASTY],
            vec!["pki", "check", NASTY],
            vec!["cfssl", "gencert", "-ca", "ca.pem", "-ca-key", "ca-key.pem", NASTY],
            vec!["cfssl", "gencert", "-ca", NASTY, "-ca-key", "ca-key.pem", "leaf.json"],
            vec!["cfssl", "gencert", "-config", NASTY, "leaf.json"],
            vec!["cfssl", "gencert", "-hostname", NASTY, "-ca", "ca.pem", "-ca-key", "ca-key.pem", "leaf.json"],
            vec!["cfssl", "sign", "-ca", "ca.pem", "-ca-key", "ca-key.pem", NASTY],
            vec!["cfssl", "certinfo", "-cert", NASTY],
            vec!["cfssl", NASTY],
            vec!["cfssljson", "-f", NASTY],
        ];
        for call in calls {
            is_clean(&format!("round {round}: {call:?}"), &run(&folder, &call));
        }
    }
}

#[test]
fn nothing_in_a_file_reaches_the_terminal_raw() {
    let folder = with_leaf();
    let nasty = serde_json::to_string(NASTY).unwrap();
    let value = |text: String| folder.write("odd.json", text);
    let calls = [
        "gencert -ca ca.pem -ca-key ca-key.pem odd.json",
        "genkey odd.json",
        "cfssl gencert -ca ca.pem -ca-key ca-key.pem odd.json",
        "cfssl genkey odd.json",
        "cfssl gencert -ca ca.pem -ca-key ca-key.pem -config odd.json leaf.json",
        "gencert -ca ca.pem -ca-key ca-key.pem -config odd.json leaf.json",
        "pki apply odd.json --dry-run",
    ];
    for text in [
        format!(r#"{{{nasty}: 1, "CN": "x"}}"#),
        format!(r#"{{"CN": {nasty}}}"#),
        format!(r#"{{"CN": "x", "hosts": [{nasty}]}}"#),
        format!(r#"{{"CN": "x", "key": {{"algo": {nasty}}}}}"#),
        format!(r#"{{"CN": "x", "names": [{{"O": {nasty}, {nasty}: 1}}]}}"#),
        format!(r#"{{"CN": "x", "names": [{{"OID": {{{nasty}: "x"}}}}]}}"#),
        format!(r#"{{"signing": {{"default": {{"expiry": {nasty}, "usages": ["any"]}}}}}}"#),
        format!(r#"{{"signing": {{"default": {{"expiry": "1h", "usages": [{nasty}, "any"]}}}}}}"#),
        format!(
            r#"{{"signing": {{"default": {{"expiry": "1h", "usages": ["any"], {nasty}: 1}}, "profiles": {{{nasty}: {{"remote": "r", "expiry": "1h"}}}}}}, "remotes": {{"r": {nasty}}}}}"#
        ),
        format!(
            r#"{{"authorities": [{{"name": "a", "CN": {nasty}, "folder": {nasty}, "certificates": [{{"name": "b", "hosts": [{nasty}]}}]}}]}}"#
        ),
        format!(r#"{{"authorities": [{{"name": {nasty}, "CN": "x", {nasty}: 1}}]}}"#),
        format!(r#"{{"CN": "x", {nasty}"#),
        NASTY.to_owned(),
    ] {
        value(text.clone());
        for call in calls {
            is_clean(&format!("{call}: {text:?}"), &folder.kbootstrap(call, ""));
        }
    }
}

#[test]
fn a_file_s_name_may_be_any_bytes() {
    let folder = with_leaf();
    let odd = |name: &str| [b"caf\xe9-".as_slice(), name.as_bytes()].concat();
    let put = |from: &str, to: &str| {
        std::fs::copy(folder.path(from), folder.path("").join(OsStr::from_bytes(&odd(to)))).unwrap();
    };
    folder.write("revoked", "17\n");
    folder.ok(&format!("{GENCERT} leaf.json --out leaf"));
    folder.write("pki.yaml", "authorities: [{name: c, CN: c}]\n");
    folder.write("plain.json", r#"{"signing":{"default":{"expiry":"1h","usages":["any"]}}}"#);
    for name in [
        "plain.json",
        "ca.pem",
        "ca-key.pem",
        "leaf.json",
        "config.json",
        "revoked",
        "leaf.csr",
        "leaf.pem",
        "pki.yaml",
    ] {
        put(name, name);
    }
    let line = |line: &str| -> Vec<Vec<u8>> {
        let word = |word: &str| word.strip_prefix('@').map_or_else(|| word.as_bytes().to_vec(), odd);
        line.split(' ').map(word).collect()
    };
    for call in [
        "gencert -ca @ca.pem -ca-key @ca-key.pem -config @config.json -profile server @leaf.json --out @new",
        "gencert -initca @leaf.json --out @root",
        "gencert -renewca -ca @ca.pem -ca-key @ca-key.pem --out @renewed",
        "genkey @leaf.json --out @key",
        "gencsr -key @ca-key.pem @leaf.json --out @csr",
        "gencsr -key @ca-key.pem -cert @leaf.pem --out @csr",
        "sign -ca @ca.pem -ca-key @ca-key.pem @leaf.csr --out @signed",
        "selfsign x @leaf.json --out @self",
        "gencrl @revoked @ca.pem @ca-key.pem --out @list",
        "bundle @leaf.pem --ca-bundle @ca.pem --out @bundle",
        "certlint @leaf.pem @ca.pem --ignore san-lacks-cn",
        "certinfo @leaf.pem",
        "pki apply @pki.yaml",
        "cfssl gencert -ca @ca.pem -ca-key @ca-key.pem -config @plain.json @leaf.json",
        "cfssl certinfo -cert @leaf.pem",
    ] {
        let args: Vec<_> = line(call).into_iter().map(|word| OsStr::from_bytes(&word).to_owned()).collect();
        let ran = run(&folder, &args);
        assert_eq!(ran.code, 0, "{call}: {ran:?}");
    }
    // One that is not there is named as far as it can be shown.
    let args: Vec<_> = line("genkey @none.json").into_iter().map(|word| OsStr::from_bytes(&word).to_owned()).collect();
    let ran = run(&folder, &args);
    assert!(ran.code == 3 && ran.stderr.contains("caf\u{fffd}-none.json"), "{ran:?}");
}

#[test]
fn a_large_file_is_not_read_whole() {
    let folder = with_leaf();
    let huge = std::fs::File::create(folder.path("huge")).unwrap();
    huge.set_len(3 << 30).unwrap();
    folder.openssl("req -new -key ca-key.pem -subj /CN=x -out leaf.csr");
    for (call, code) in [
        ("gencert -ca ca.pem -ca-key ca-key.pem huge", 3),
        ("gencert -ca huge -ca-key ca-key.pem leaf.json", 3),
        ("gencert -ca ca.pem -ca-key huge leaf.json", 3),
        ("gencert -ca ca.pem -ca-key ca-key.pem -config huge leaf.json", 3),
        ("gencert -ca ca.pem -ca-key ca-key.pem - < huge", 3),
        ("gencert -ca ca.pem -ca-key ca-key.pem - < /dev/zero", 3),
        ("genkey /dev/zero", 3),
        ("gencsr -key huge leaf.json", 3),
        ("gencsr -key ca-key.pem -cert huge", 3),
        ("sign -ca ca.pem -ca-key ca-key.pem huge", 3),
        ("sign -ca ca.pem -ca-key ca-key.pem leaf.csr huge", 3),
        ("gencrl huge ca.pem ca-key.pem", 3),
        ("bundle huge --ca-bundle ca.pem", 3),
        ("certlint huge", 3),
        ("certinfo huge", 3),
        ("pki apply huge", 3),
        ("pki apply - < /dev/zero", 3),
        ("cfssl gencert -ca ca.pem -ca-key ca-key.pem huge", 1),
        ("cfssl gencert -ca ca.pem -ca-key ca-key.pem - < /dev/zero", 1),
        ("cfssl certinfo -cert huge", 1),
        ("check -i huge", 3),
    ] {
        // In memory for a tenth of it.
        let line = format!("ulimit -v 1200000; exec {} {call}", env!("CARGO_BIN_EXE_kbootstrap"));
        let ran = Command::new("sh").args(["-c", &line]).current_dir(folder.path("")).env("NO_COLOR", "1").output();
        let ran: Ran = ran.unwrap().into();
        assert!(ran.stderr.contains("larger than 64 MiB"), "{call}: {ran:?}");
        assert_eq!(ran.code, code, "{call}: {ran:?}");
    }
}

#[test]
fn slips_get_a_tip_that_fits() {
    let folder = with_leaf();
    for (line, tip) in [
        ("gencert a.json b.json", "tip: it takes one CSR spec: each has a call of its own"),
        ("--no-color genkey a.json b.json", "tip: it takes one CSR spec"),
        ("gencert --days 30 a.json", "tip: how long it lives is the `expiry` of the profile"),
        ("gencert -expiry 30d a.json", "tip: how long it lives"),
        ("gencert -key k.pem a.json", "tip: a new key is made; for a key that is there: gencsr"),
        ("genkey --san a.b a.json", "tip: names and addresses are the spec's `hosts`"),
        ("gencert -initca -subj /CN=x", "tip: the subject is the spec's `CN`"),
        ("check prod.yaml", "tip: the inventory is named with `-i prod.yaml`"),
        ("--no-color check prod.yaml", "tip: the inventory is named with `-i prod.yaml`"),
    ] {
        let ran = folder.kbootstrap(line, "");
        assert!(ran.code == 2 && ran.stderr.contains(tip), "{line}: {ran:?}");
        assert!(tip.contains("-i") || !ran.stderr.contains("`-i"), "{line}: {ran:?}");
    }
}

#[test]
fn a_specification_is_not_one_of_its_own_files() {
    for files in
        ["certificate: p.yaml", "key: ./p.yaml", "chain: ../in/p.yaml", "ca: p.yaml", "certificate: link/p.yaml"]
    {
        let folder = Folder::new();
        std::fs::create_dir(folder.path("in")).unwrap();
        std::os::unix::fs::symlink(".", folder.path("in/link")).unwrap();
        let spec =
            format!("authorities:\n- name: c\n  CN: c\n  certificates: [{{name: a, CN: a, files: {{{files}}}}}]\n");
        folder.write("in/p.yaml", &spec);
        for line in [
            "pki apply in/p.yaml",
            "pki apply in/p.yaml --dry-run",
            "pki check in/p.yaml",
            "pki apply in/p.yaml --dir in",
        ] {
            let error = folder.refused(line);
            assert!(
                error.contains("certificate a: in/p.yaml is this specification, and cannot be one of its files"),
                "{files}: {error}"
            );
            assert!(error.contains("hint: give it other `files`") && !error.contains("delete"), "{files}: {error}");
        }
        assert_eq!(folder.read("in/p.yaml"), spec);
    }
}

#[test]
fn our_own_names_are_those_of_the_links_too() {
    let folder = with_leaf();
    let ran = sh(&folder, Whose::Ours, "cfssl gencert 'no\tsuch.json'");
    assert!(ran.code == 1 && ran.stderr.contains("open no\tsuch.json: no such file or directory"), "{ran:?}");
}
