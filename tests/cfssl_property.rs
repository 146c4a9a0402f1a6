//! What comes out of odd input is read by Go and openssl, and is what the real cfssl makes of it; or it is refused.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::cfssl_both::{Whose, go_ok, ok, sh};
use crate::pki_tools::Folder;

/// Cases; always the same ones, so that what fails once fails again.
fn cases<T>(strategy: impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

fn with_ca() -> Folder {
    let folder = Folder::new();
    folder.write("ca.json", r#"{"CN":"ca"}"#);
    ok(&folder, "cfssl gencert -initca ca.json | cfssljson -bare ca");
    folder
}

/// The extension with the names, or none where the command failed.
fn names(folder: &Folder, whose: Whose, line: &str) -> Option<Option<String>> {
    let ran = sh(folder, whose, line)?;
    if ran.code != 0 {
        return Some(None);
    }
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    folder.write("made.pem", json["cert"].as_str().expect("a certificate"));
    let dump = go_ok(folder, "dump made.pem ca.pem");
    folder.openssl("x509 -in made.pem -noout -text");
    Some(dump.lines().find(|line| line.starts_with("extension 2.5.29.17 ")).map(str::to_owned))
}

#[test]
fn odd_hosts_are_read_by_everybody_or_refused() {
    let folder = with_ca();
    let hosts = "([a-z]{1,5}|[0-9.]{1,9}|[0-9a-f:]{1,8}|[-_*.,:;/@%?#&=+<>()\\[\\]\"' ]|://|http|%2f|xn--|\\\\){1,5}";
    let mut wrong = Vec::new();
    let mut refused = 0;
    for host in cases(hosts, 600) {
        folder.write("x.json", serde_json::json!({"CN": "x", "hosts": [host]}).to_string());
        let line = "cfssl gencert -ca ca.pem -ca-key ca-key.pem x.json";
        let ours = names(&folder, Whose::Ours, line).expect("our own programs are there");
        refused += usize::from(ours.is_none());
        if let Some(theirs) = names(&folder, Whose::Theirs, line)
            && ours != theirs
        {
            wrong.push(format!("{host:?}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty() && refused < 30, "{refused} refused; {} differ:\n{}", wrong.len(), wrong.join("\n"));
}
