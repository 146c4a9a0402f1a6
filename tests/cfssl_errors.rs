//! cfssl's error catalogue: the last line on standard error and the exit code, ours and the real cfssl's.

use crate::cfssl_both::{Whose, ok, sh};
use crate::cfssl_error_rows::{CA, FILES, NOT_THERE, ROWS};
use crate::pki_tools::Folder;

/// The folder in which every line runs.
fn folder() -> Folder {
    let folder = Folder::new();
    FILES.iter().for_each(|(name, text)| folder.write(name, text));
    folder.write("ca.json", r#"{"CN":"ca","key":{"algo":"rsa","size":2048}}"#);
    folder.write("zero.json", r#"{"CN":"zero","ca":{"pathlenzero":true}}"#);
    ok(
        &folder,
        "set -e
        cfssl gencert -initca ca.json | cfssljson -bare ca
        cfssl gencert -initca ca.json | cfssljson -bare other
        cfssl gencert -initca zero.json | cfssljson -bare zero
        cfssl gencert -initca zero.json | cfssljson -bare inter
        cfssl gencert -ca ca.pem -ca-key ca-key.pem leaf.json | cfssljson -bare leaf
        cat ca.pem other.pem > two.pem
        openssl rsa -in ca-key.pem -traditional -aes128 -passout pass:secret -out locked.pem
        openssl pkcs8 -topk8 -in ca-key.pem -passout pass:secret -out locked8.pem
        openssl ecparam -name secp256k1 -genkey -noout -out k1.pem",
    );
    folder
}

/// Without the time of a log line, and without the level of those that stand alone.
fn last_line(stderr: &str) -> String {
    let line = stderr.lines().last().unwrap_or_default();
    let is_log = line.len() > 20 && line.as_bytes()[4] == b'/' && line.as_bytes()[19] == b' ';
    let line = if is_log { &line[20..] } else { line };
    line.strip_prefix("[ERROR] need").map_or_else(|| line.to_owned(), |rest| format!("need{rest}"))
}

#[test]
fn the_last_line_and_the_exit_code_are_those_of_cfssl() {
    let folder = folder();
    let mut wrong = Vec::new();
    for row in ROWS {
        let line = row.line.replace(" CA ", &format!(" {CA} "));
        let expected = row.ours.map_or(row.theirs, |(last, code, _)| (last, code));
        for (whose, (last, code)) in [(Whose::Ours, expected), (Whose::Theirs, row.theirs)] {
            let ran = sh(&folder, whose, &line);
            // Of what is not there, only our own words count.
            let not_there = whose == Whose::Theirs && expected.0 == NOT_THERE;
            let said = last_line(&ran.stderr);
            if !not_there && (said != last || ran.code != code) {
                wrong.push(format!("{whose:?} {line}\n  expected {code} {last}\n  got      {} {said}", ran.code));
            }
            let silent = ran.code == 0 || ran.stdout.is_empty();
            assert!(silent || whose == Whose::Theirs, "{line} prints on standard output: {}", ran.stdout);
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
}

#[test]
fn every_difference_has_a_reason() {
    let reasons: Vec<_> = ROWS.iter().filter_map(|row| row.ours.map(|(_, _, why)| why)).collect();
    assert!(reasons.iter().all(|why| !why.is_empty()));
    assert!(reasons.len() * 5 < ROWS.len(), "{} of {} rows differ", reasons.len(), ROWS.len());
}

#[test]
fn what_is_skipped_of_profiles_that_point_to_a_server_is_said_as_cfssl_says_it() {
    let folder = folder();
    for (config, profile) in [("auth-remote.json", ""), ("some-remote.json", "-profile r"), ("some-remote.json", "")] {
        let line = format!("cfssl gencert {CA} -config {config} {profile} leaf.json");
        let said = |whose| {
            let ran = sh(&folder, whose, &line);
            let lines = ran.stderr.lines().filter_map(|line| line.split("[WARNING] ").nth(1).map(str::to_owned));
            let pointing = |line: &String| line.contains("points to a remote signer: ");
            (ran.code, lines.filter(pointing).collect::<std::collections::BTreeSet<_>>(), ran.stderr)
        };
        let (ours, theirs) = (said(Whose::Ours), said(Whose::Theirs));
        assert_eq!((ours.0, &ours.1), (theirs.0, &theirs.1), "{line}: {}\n{}", ours.2, theirs.2);
        assert_eq!(ours.1.len(), 1, "{line}");
        if ours.0 != 0 {
            assert!(
                ours.2.contains("points to the remote signer `r` (127.0.0.1:1), and kbootstrap asks none"),
                "{}",
                ours.2
            );
        }
    }
}
