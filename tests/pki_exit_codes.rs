//! Which exit code a mistake has: docs/exit-codes.md says what decides. What is alike has the same code, whichever command
//! meets it.

use crate::pki_tools::{Folder, GENCERT, with_leaf};

/// The command line is wrong, by itself or for what is in the files that it names.
const COMMAND_LINE: i32 = 2;
/// A file cannot be read, or what a person has written in it is wrong.
const FILE: i32 = 3;
/// A key, certificate, CSR or CA is refused.
const REFUSED: i32 = 4;

/// What people name by mistake.
fn folder() -> Folder {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out leaf"));
    folder.ok("gencert -initca leaf.json --out other");
    folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret1 -out locked.pem");
    folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak-key.pem");
    folder.openssl("req -new -key weak-key.pem -subj /CN=weak -out weak.csr");
    folder.openssl("pkcs12 -export -in leaf.pem -inkey leaf-key.pem -passout pass:secret1 -out leaf.p12");
    let ca = folder.read("ca.pem");
    for (name, text) in [
        ("junk", "hello\n"),
        ("empty", ""),
        ("cut.pem", &ca[..ca.len() / 2]),
        ("wrong.pw", "another\n"),
        ("empty.pw", "\n"),
        ("short.pw", "abc\n"),
        ("list", "17\n"),
        ("bad-list", "xyz\n"),
        ("host.json", r#"{"CN": "a", "hosts": ["DNS:a"]}"#),
        ("control.json", r#"{"CN": "a\u0007b"}"#),
        ("turned.json", r#"{"CN": "a\u202eb"}"#),
        ("weak.json", r#"{"CN": "a", "key": {"algo": "rsa", "size": 1024}}"#),
        ("dsa.json", r#"{"CN": "a", "key": {"algo": "dsa", "size": 2048}}"#),
        ("nobody.json", r#"{"hosts": ["a"]}"#),
        ("url.json", r#"{"CN": "a", "crl_url": "http://ü/"}"#),
        ("endless.json", r#"{"CN": "a", "ca": {"expiry": "250y", "backdate": "200y"}}"#),
        ("intermediate.json", r#"{"CN": "a", "ca": {"expiry": "1y"}}"#),
        ("usage.json", r#"{"signing": {"default": {"usages": ["Server Auth"], "expiry": "1h"}}}"#),
        ("no-usage.json", r#"{"signing": {"default": {"expiry": "1h"}}}"#),
        ("no-expiry.json", r#"{"signing": {"default": {"usages": ["signing"]}}}"#),
        ("no-default.json", r#"{"signing": {"profiles": {"a": {"usages": ["signing"], "expiry": "1h"}}}}"#),
        ("before.json", r#"{"signing": {"default": {"usages": ["signing"], "not_after": "2020-01-01T00:00:00Z"}}}"#),
        (
            "no-sign.json",
            r#"{"signing": {"default": {"usages": ["signing"], "expiry": "1h", "ca_constraint": {"is_ca": true}}}}"#,
        ),
        (
            "remote.json",
            r#"{"signing": {"default": {"usages": ["signing"], "expiry": "1h", "remote": "r"}}, "remotes": {"r": "h:1"}}"#,
        ),
        (
            "allowed.json",
            r#"{"signing": {"default": {"usages": ["signing"], "expiry": "1h", "name_whitelist": "^z$"}}}"#,
        ),
        (
            "host.yaml",
            "authorities: [{name: r, CN: r, certificates: [{name: a, CN: a, hosts: ['DNS:a'], profile: server}]}]\n",
        ),
        ("profile.yaml", "authorities: [{name: r, CN: r, certificates: [{name: a, CN: a, hosts: [a], profile: x}]}]\n"),
        ("weak.yaml", "authorities: [{name: r, CN: r, key: {algo: rsa, size: 1024}}]\n"),
        (
            "good.yaml",
            "folder: tree\nauthorities: [{name: r, CN: r, certificates: [{name: a, CN: a, hosts: [a], profile: server}]}]\n",
        ),
    ] {
        folder.write(name, text);
    }
    folder.ok("pki apply good.yaml");
    folder
}

fn have(folder: &Folder, mistakes: &[(&str, i32)]) {
    let judged = |(line, code): &(&str, i32)| {
        let ran = folder.kbootstrap(line, "");
        (ran.code != *code).then(|| format!("{line}: {} and not {code}\n{}", ran.code, ran.stderr))
    };
    let wrong: Vec<String> = mistakes.iter().filter_map(judged).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const WITH_CA: &str = "-ca ca.pem -ca-key ca-key.pem";

#[test]
fn files_that_are_not_what_they_should_be() {
    let folder = folder();
    let mut mistakes = Vec::new();
    // Who writes a file mends it; a key or certificate nobody writes.
    for (file, code) in [("none", FILE), (".", FILE), ("junk", REFUSED), ("empty", REFUSED), ("cut.pem", REFUSED)] {
        mistakes.push((format!("gencert -ca {file} -ca-key ca-key.pem leaf.json"), code));
        mistakes.push((format!("gencert -ca ca.pem -ca-key {file} leaf.json"), code));
        mistakes.push((format!("gencert -renewca -ca {file} -ca-key ca-key.pem"), code));
        mistakes.push((format!("{GENCERT} leaf.json --out x --chain --intermediates {file}"), code));
        mistakes.push((format!("sign {WITH_CA} {file}"), code));
        mistakes.push((format!("gencsr -key {file} leaf.json"), code));
        mistakes.push((format!("gencrl list {file} ca-key.pem"), code));
        mistakes.push((format!("gencrl list ca.pem {file}"), code));
        mistakes.push((format!("bundle leaf.pem --ca-bundle {file}"), code));
        mistakes.push((format!("certinfo leaf.pem --ca {file}"), code));
        if file != "." {
            mistakes.push((format!("bundle {file} --ca-bundle ca.pem"), code));
            mistakes.push((format!("certinfo {file}"), code));
            mistakes.push((format!("certlint {file}"), code));
        }
    }
    for file in ["none", ".", "junk", "empty", "leaf.csr", "leaf.pem", "config.json"] {
        mistakes.push((format!("{GENCERT} {file}"), FILE));
        mistakes.push((format!("gencert -initca {file}"), FILE));
        mistakes.push((format!("genkey {file}"), FILE));
        mistakes.push((format!("gencsr -key leaf-key.pem {file}"), FILE));
        mistakes.push((format!("selfsign a {file}"), FILE));
        mistakes.push((format!("pki apply {file}"), FILE));
        mistakes.push((format!("pki check {file}"), FILE));
        mistakes.push((format!("sign {WITH_CA} leaf.csr {file}"), FILE));
    }
    for file in ["none", ".", "junk", "empty", "leaf.json", "leaf.pem"] {
        mistakes.push((format!("gencert {WITH_CA} -config {file} leaf.json"), FILE));
    }
    let borrowed: Vec<(&str, i32)> = mistakes.iter().map(|(line, code)| (line.as_str(), *code)).collect();
    have(&folder, &borrowed);
}

#[test]
fn what_is_written_wrong_is_a_mistake_of_the_place_where_it_is_written() {
    let folder = folder();
    have(
        &folder,
        &[
            (&format!("{GENCERT} host.json"), FILE),
            ("genkey host.json", FILE),
            ("gencsr -key leaf-key.pem host.json", FILE),
            ("selfsign a host.json", FILE),
            ("pki apply host.yaml", FILE),
            (&format!("{GENCERT} -hostname DNS:a leaf.json"), COMMAND_LINE),
            (&format!("sign {WITH_CA} -hostname DNS:a leaf.csr"), COMMAND_LINE),
            ("gencsr -key leaf-key.pem -hostname DNS:a leaf.json", COMMAND_LINE),
            ("selfsign DNS:a leaf.json", COMMAND_LINE),
            (&format!("{GENCERT} -cn 'a\u{7}b' leaf.json"), COMMAND_LINE),
            (&format!("{GENCERT} control.json"), FILE),
            (&format!("{GENCERT} turned.json"), FILE),
            ("gencert -initca control.json", FILE),
            ("genkey turned.json", FILE),
            (&format!("sign {WITH_CA} leaf.csr control.json"), FILE),
            (&format!("sign {WITH_CA} leaf.csr turned.json"), FILE),
            (&format!("{GENCERT} weak.json"), FILE),
            (&format!("{GENCERT} dsa.json"), FILE),
            ("genkey weak.json", FILE),
            ("pki apply weak.yaml", FILE),
            ("gencert -initca nobody.json", FILE),
            ("genkey -initca nobody.json", FILE),
            ("gencert -initca url.json", FILE),
            ("gencert -initca endless.json", FILE),
            (&format!("{GENCERT} intermediate.json"), FILE),
            (&format!("gencert {WITH_CA} -config usage.json leaf.json"), FILE),
            (&format!("gencert {WITH_CA} -config no-usage.json leaf.json"), FILE),
            (&format!("gencert {WITH_CA} -config no-expiry.json leaf.json"), FILE),
            (&format!("gencert {WITH_CA} -config before.json leaf.json"), FILE),
            (&format!("gencert {WITH_CA} -config no-sign.json leaf.json"), FILE),
            (&format!("gencert {WITH_CA} -config remote.json leaf.json"), FILE),
            (&format!("gencert {WITH_CA} -config no-default.json leaf.json"), COMMAND_LINE),
            (&format!("gencert {WITH_CA} -config config.json -profile none leaf.json"), COMMAND_LINE),
            (&format!("sign {WITH_CA} -config config.json -profile none leaf.csr"), COMMAND_LINE),
            ("selfsign a leaf.json -config config.json -profile none", COMMAND_LINE),
            (&format!("gencert {WITH_CA} -profile server leaf.json"), COMMAND_LINE),
            ("pki apply profile.yaml", FILE),
            ("pki apply good.yaml --renew-ca none", COMMAND_LINE),
            ("certlint leaf.pem --ignore none", COMMAND_LINE),
            ("gencert -initca -serial x leaf.json", COMMAND_LINE),
            (&format!("{GENCERT} -serial 5 leaf.json"), COMMAND_LINE),
            ("gencrl bad-list ca.pem ca-key.pem", FILE),
            ("gencert -ca ca.pem -ca-key env:KBOOTSTRAP_NOT_SET leaf.json", FILE),
        ],
    );
}

#[test]
fn keys_certificates_and_csrs_that_are_refused() {
    let folder = folder();
    have(
        &folder,
        &[
            ("gencert -ca ca-key.pem -ca-key ca.pem leaf.json", REFUSED),
            ("gencert -ca ca.pem -ca-key leaf-key.pem leaf.json", REFUSED),
            ("gencert -ca leaf.pem -ca-key leaf-key.pem leaf.json", REFUSED),
            ("gencert -renewca -ca ca.pem -ca-key leaf-key.pem", REFUSED),
            ("gencrl list ca.pem leaf-key.pem", REFUSED),
            ("gencrl list leaf.pem leaf-key.pem", REFUSED),
            ("gencsr -key leaf.pem leaf.json", REFUSED),
            ("gencsr -key weak-key.pem leaf.json", REFUSED),
            (&format!("sign {WITH_CA} weak.csr"), REFUSED),
            (&format!("sign {WITH_CA} leaf.pem"), REFUSED),
            (&format!("sign {WITH_CA} leaf.json"), REFUSED),
            (&format!("gencert {WITH_CA} -config allowed.json leaf.json"), REFUSED),
            (&format!("{GENCERT} leaf.json --out x --chain --intermediates leaf.pem"), REFUSED),
            ("bundle leaf.pem --ca-bundle other.pem", REFUSED),
            ("certinfo leaf-key.pem", REFUSED),
            ("certinfo -csr leaf.pem", REFUSED),
            ("certlint leaf.csr", REFUSED),
            // A password that is missing or wrong.
            ("gencsr -key locked.pem leaf.json", REFUSED),
            ("gencsr -key locked.pem --key-password-file wrong.pw leaf.json", REFUSED),
            ("gencert -ca ca.pem -ca-key locked.pem leaf.json", REFUSED),
            ("certinfo leaf.p12", REFUSED),
            ("certinfo leaf.p12 --password-file wrong.pw", REFUSED),
            ("certlint leaf.p12", REFUSED),
        ],
    );
}

#[test]
fn where_it_is_to_be_written_and_passwords_for_it() {
    let folder = folder();
    folder.write("file", "");
    have(
        &folder,
        &[
            (&format!("{GENCERT} leaf.json --out none/leaf"), FILE),
            (&format!("{GENCERT} leaf.json --out ./"), FILE),
            (&format!("{GENCERT} leaf.json --out file/leaf"), FILE),
            ("gencrl list ca.pem ca-key.pem --out none/crl", FILE),
            ("gencrl list ca.pem ca-key.pem --out .", FILE),
            ("bundle leaf.pem --ca-bundle ca.pem --out none/x", FILE),
            ("bundle leaf.pem --ca-bundle ca.pem --out .", FILE),
            (&format!("{GENCERT} leaf.json --out ca"), COMMAND_LINE),
            ("gencert -initca leaf.json --out ca", COMMAND_LINE),
            ("genkey leaf.json --out ca", COMMAND_LINE),
            ("selfsign a leaf.json --out ca", COMMAND_LINE),
            ("gencrl list ca.pem ca-key.pem --out ca-key.pem", COMMAND_LINE),
            (&format!("{GENCERT} leaf.json --encrypt-key"), COMMAND_LINE),
            (&format!("{GENCERT} leaf.json --out x --pkcs12"), COMMAND_LINE),
            (&format!("{GENCERT} leaf.json --encrypt-key --key-format sec1"), COMMAND_LINE),
            (&format!("{GENCERT} leaf.json --key-format pkcs1"), COMMAND_LINE),
            (&format!("{GENCERT} leaf.json --key-password-file none"), FILE),
            (&format!("{GENCERT} leaf.json --key-password-file empty.pw"), FILE),
            (&format!("{GENCERT} leaf.json --out x --pkcs12 --store-password-file short.pw"), FILE),
            ("gencsr -key locked.pem --key-password-file none leaf.json", FILE),
            ("gencsr -key locked.pem --key-password-file empty.pw leaf.json", FILE),
        ],
    );
}
