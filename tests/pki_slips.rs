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
