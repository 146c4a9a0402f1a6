//! What is printed arrives, or the exit code says that it did not: standard output full, or read in part. That it was closed
//! is not known: Rust opens the null device in its place before `main`.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};

use crate::pki_tools::{Folder, GENCERT, with_leaf};

/// A command line, by a shell in the folder.
fn sh(folder: &Folder, line: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder.path("")).env("NO_COLOR", "1").env("HOME", folder.path(""));
    command.env("kbootstrap", env!("CARGO_BIN_EXE_kbootstrap")).stdin(Stdio::null()).output().unwrap()
}

/// Every command that does something, as its words.
fn commands() -> BTreeSet<String> {
    fn below(command: &clap::Command, words: &str, all: &mut BTreeSet<String>) {
        let mut subs = command.get_subcommands().filter(|sub| sub.get_name() != "help").peekable();
        if subs.peek().is_none() {
            all.insert(words.trim().to_owned());
        }
        subs.for_each(|sub| below(sub, &format!("{words} {}", sub.get_name()), all));
    }
    let mut all = BTreeSet::new();
    below(&kbootstrap::cli::command(), "", &mut all);
    all
}

/// One call per command that prints something without a host to ask.
fn calls() -> Vec<(&'static str, String)> {
    let sign = "-ca ca.pem -ca-key ca-key.pem";
    let plain = [
        ("init", "-o - --master 10.0.0.11"),
        ("artifacts list", ""),
        ("render", "-i prod.yaml --offline --output-dir rendered"),
        ("lab list", ""),
        ("pki apply", "pki.yaml"),
        ("pki check", "pki.yaml"),
        ("pki spec", "-i prod.yaml"),
        ("genkey", "leaf.json"),
        ("gencsr", "--key leaf-key.pem leaf.json"),
        ("selfsign", "web.example leaf.json"),
        ("gencrl", "serials ca.pem ca-key.pem"),
        ("bundle", "leaf.pem --ca-bundle ca.pem --with-root"),
        ("certinfo", "leaf.pem"),
        ("certinfo", "leaf.pem -o json"),
        ("certinfo", "leaf.pem -o details"),
        ("certinfo", "-cert leaf.pem"),
        ("certinfo", "-csr leaf.csr"),
        ("certlint", "leaf.pem"),
        ("certlint", "--rules"),
        ("print-defaults", "csr"),
        ("cfssl", "version"),
        ("cfssl", "genkey leaf.json"),
        ("cfssl", "gencert -initca leaf.json"),
        ("cfssl", "certinfo -cert leaf.pem"),
        ("cfssl", "print-defaults csr"),
        ("cfssl", "bundle -cert leaf.pem -ca-bundle ca.pem -int-bundle ca.pem"),
        ("cfssl", "gencrl serials ca.pem ca-key.pem"),
        ("cfssl", "gencsr -key leaf-key.pem leaf.json"),
        ("cfssl", "selfsign web.example leaf.json"),
        ("cfssljson", "-stdout -bare -f leaf.out"),
        ("cfssljson", "-version"),
        ("cfssl-certinfo", "-cert leaf.pem"),
        ("install-links", "links"),
        ("completions", "bash"),
        ("completions", "zsh"),
        ("completions", "fish"),
        ("man", ""),
        ("man", "pages"),
    ];
    let with_ca = [("gencert", "leaf.json"), ("sign", "leaf.csr")];
    let with_ca = with_ca.into_iter().map(|(command, rest)| (command, format!("{sign} {rest}")));
    plain.into_iter().map(|(command, rest)| (command, rest.to_owned())).chain(with_ca).collect()
}

/// What they print goes through the same door, but there is nothing to print without hosts, a lab or downloads.
const WITH_HOSTS: [&str; 21] = [
    "artifacts bundle",
    "artifacts checksums",
    "artifacts fetch",
    "artifacts import",
    "artifacts sbom",
    "artifacts verify",
    "check",
    "kubeconfig",
    "lab down",
    "lab inventory",
    "lab poweroff",
    "lab ssh",
    "lab start",
    "lab up",
    "node revoke",
    "plan",
    "recover",
    "reset",
    "status",
    "up",
    "verify",
];

fn folder() -> Folder {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out leaf"));
    folder.write("leaf.out", folder.ok(&format!("{GENCERT} leaf.json")).stdout);
    folder.write("serials", "17\n");
    folder.write("pki.yaml", "authorities: [{name: top, CN: a, certificates: [{name: one, CN: b}]}]");
    folder.ok("pki apply pki.yaml");
    folder.ok("init -o prod.yaml --master 10.0.0.11");
    for name in ["links", "pages"] {
        std::fs::create_dir(folder.path(name)).unwrap();
    }
    folder
}

#[test]
fn what_cannot_be_printed_is_no_success() {
    let folder = folder();
    let mut tried: BTreeSet<String> = WITH_HOSTS.map(str::to_owned).into();
    for (command, rest) in calls() {
        tried.insert(command.to_owned());
        let line = format!("$kbootstrap {command} {rest}");
        let heard = sh(&folder, &line);
        assert!(heard.status.success() && !heard.stdout.is_empty(), "{line}: {heard:?}");
        let ran = sh(&folder, &format!("{line} >/dev/full"));
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{line}: {said}");
        assert!(said.contains("standard output"), "{line}: {said}");
        // What nobody wants to hear is no error: a pipe whose reader went away, a null device opened in any way.
        let ran = sh(&folder, &format!("{{ {line}; echo $? >&2; }} 2>code | true; tail -n 1 code"));
        assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "0", "{line}: {}", folder.read("code"));
        assert!(sh(&folder, &format!("{line} >/dev/null")).status.success(), "{line}");
    }
    assert_eq!(tried, commands());
}

#[test]
fn help_that_cannot_be_printed_is_no_success() {
    let folder = Folder::new();
    let lines = commands().into_iter().map(|command| format!("{command} --help"));
    for line in lines.chain(["--help", "--version", "help", "help gencert"].map(str::to_owned)) {
        let ran = sh(&folder, &format!("$kbootstrap {line} >/dev/full"));
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{line}: {said}");
        assert!(said.contains("standard output"), "{line}: {said}");
    }
    let ran = sh(&folder, "{ $kbootstrap --help; echo $? >&2; } 2>code | true; cat code");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "0\n");
}
