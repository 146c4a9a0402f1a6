//! Name constraints of CAs, judged by every command and compared with `openssl verify` and Go; and made by ours.

use std::fs;

use serde_json::Value;

use crate::cfssl_both::{go, ok};
use crate::pki_tools::{CONFIG, Folder, with_leaf};

/// The constraint of a CA that openssl makes; the CSR spec of a leaf; whether openssl, and whether Go, takes the leaf.
struct Row(&'static str, &'static str, bool, bool);

const ROWS: &[Row] = &[
    Row("permitted;email:example.com", r#"{"CN":"a","hosts":["a@example.com","x.y"]}"#, true, true),
    Row("permitted;email:example.com", r#"{"CN":"a","hosts":["a@EXAMPLE.com","x.y"]}"#, true, true),
    Row("permitted;email:example.com", r#"{"CN":"a","hosts":["a@b.example.com","x.y"]}"#, false, true),
    Row("permitted;email:example.com", r#"{"CN":"a","hosts":["a@evil.org","x.y"]}"#, false, false),
    Row("permitted;email:.example.com", r#"{"CN":"a","hosts":["a@b.example.com","x.y"]}"#, true, true),
    Row("permitted;email:.example.com", r#"{"CN":"a","hosts":["a@example.com","x.y"]}"#, false, false),
    Row("permitted;email:root@example.com", r#"{"CN":"a","hosts":["root@example.com","x.y"]}"#, true, true),
    Row("permitted;email:root@example.com", r#"{"CN":"a","hosts":["toor@example.com","x.y"]}"#, false, false),
    Row("excluded;email:example.com", r#"{"CN":"a","hosts":["a@example.com","x.y"]}"#, false, false),
    Row("excluded;email:example.com", r#"{"CN":"a","hosts":["a@evil.org","x.y"]}"#, true, true),
    Row("permitted;email:example.com", r#"{"CN":"a","hosts":["x.y"],"names":[{"E":"a@evil.org"}]}"#, false, true),
    Row("permitted;URI:.example.com", r#"{"CN":"a","hosts":["https://a.example.com:8443/p","x.y"]}"#, true, true),
    Row("permitted;URI:.example.com", r#"{"CN":"a","hosts":["https://example.com/","x.y"]}"#, false, false),
    Row("permitted;URI:example.com", r#"{"CN":"a","hosts":["https://example.com/p","x.y"]}"#, true, true),
    Row("permitted;URI:example.com", r#"{"CN":"a","hosts":["spiffe://evil.org/w","x.y"]}"#, false, false),
    Row("permitted;URI:example.com", r#"{"CN":"a","hosts":["urn:a:b","x.y"]}"#, false, false),
    Row("excluded;URI:example.com", r#"{"CN":"a","hosts":["https://example.com/","x.y"]}"#, false, false),
    Row("excluded;URI:example.com", r#"{"CN":"a","hosts":["https://evil.org/","x.y"]}"#, true, true),
    Row("excluded;URI:example.com", r#"{"CN":"a","hosts":["urn:a:b","x.y"]}"#, false, false),
    Row("permitted;DNS:example.com", r#"{"CN":"www.evil.org","hosts":["a@b"]}"#, false, true),
    Row("permitted;DNS:example.com", r#"{"CN":"admin","hosts":["a@b"]}"#, true, true),
    Row("permitted;DNS:example.com", r#"{"CN":"www.evil.org","hosts":["a.example.com"]}"#, true, true),
    Row("excluded;DNS:secret.example.com", r#"{"CN":"a","hosts":["b.example.com"]}"#, true, true),
    Row("permitted;IP:10.0.0.0/255.0.0.0", r#"{"CN":"a","hosts":["11.0.0.1"]}"#, false, false),
    Row("permitted;IP:10.0.0.0/255.0.0.0", r#"{"CN":"a","hosts":["fd00::1"]}"#, false, false),
    Row("permitted;IP:10.0.0.0/255.0.0.0", r#"{"CN":"a","hosts":["10.1.2.3"]}"#, true, true),
    // Go refuses every chain with a critical constraint on directory names.
    Row("permitted;dirName:dir", r#"{"CN":"a","hosts":["x.y"],"names":[{"C":"CN","O":"example  ORG"}]}"#, true, false),
    Row("permitted;dirName:dir", r#"{"CN":"a","hosts":["x.y"],"names":[{"C":"CN","O":"Evil"}]}"#, false, false),
    Row("permitted;dirName:dir", r#"{"CN":"a","hosts":["x.y"],"names":[{"O":"Example Org"}]}"#, false, false),
    Row("excluded;dirName:dir", r#"{"CN":"a","hosts":["x.y"],"names":[{"C":"CN","O":"Example Org"}]}"#, false, false),
    Row("excluded;dirName:dir", r#"{"CN":"a","hosts":["x.y"],"names":[{"C":"CN","O":"Other"}]}"#, true, false),
];

/// A CA of openssl's with a name constraint, as `NAME.pem` and `NAME-key.pem`.
fn constrained(folder: &Folder, name: &str, constraint: &str) {
    let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash";
    folder.write(
        "ca.cnf",
        format!("[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[dir]\nC=CN\nO=Example Org\n[ext]\n{ca}\nnameConstraints=critical,{constraint}\n"),
    );
    folder.openssl(&format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}-key.pem -out {name}.pem -days 3650 -config ca.cnf -subj /CN={name}"
    ));
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("config.json", CONFIG);
    folder.write("none.pem", "");
    folder
}

fn findings(folder: &Folder, line: &str) -> Vec<String> {
    let ran = folder.kbootstrap(&format!("certlint {line} -o json"), "");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{line}: {e}: {ran:?}"));
    report["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect()
}

fn verified(folder: &Folder, line: &str) -> Value {
    let ran = folder.kbootstrap(&format!("certinfo {line} -o json"), "");
    let all: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{line}: {e}: {ran:?}"));
    let all = all.as_array().or_else(|| all["certificates"].as_array()).unwrap().clone();
    all.last().unwrap()["chain"].clone()
}

#[test]
fn every_kind_is_judged_as_openssl_and_go_judge_it() {
    let folder = folder();
    for Row(constraint, spec, openssl, in_go) in ROWS {
        let row = format!("{constraint} {spec}");
        constrained(&folder, "ca", constraint);
        folder.write("leaf.json", spec);
        // cfssl's face signs it all the same, with a word; so that the others can be asked.
        let signed = ok(&folder, "cfssl gencert -ca ca.pem -ca-key ca-key.pem leaf.json | cfssljson -bare leaf");
        let said = folder.try_openssl("verify -CAfile ca.pem leaf.pem");
        assert_eq!(said.code == 0, *openssl, "{row}: {said:?}");
        let said = go(&folder, "chain any ca.pem none.pem leaf.pem");
        assert_eq!(said.is_ok(), *in_go, "{row}: {said:?}");
        // On directory names Go has no opinion of its own.
        let good = *openssl && (*in_go || constraint.contains("dirName"));
        let words = "its name constraints do not allow it";
        assert_eq!(signed.stderr.contains(words), !good, "{row}: {signed:?}");
        let ran = folder.kbootstrap(
            "gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile peer leaf.json --out own",
            "",
        );
        assert_eq!(ran.code, if good { 0 } else { 4 }, "{row}: {ran:?}");
        let found = findings(&folder, "leaf.pem ca.pem");
        assert_eq!(found.iter().any(|rule| rule == "name-constraints-violated"), !good, "{row}: {found:?}");
        assert_eq!(
            found.iter().any(|rule| rule == "name-constraints-directory"),
            constraint.contains("dirName"),
            "{row}: {found:?}"
        );
        let verdict = verified(&folder, "--ca ca.pem leaf.pem");
        assert_eq!(verdict["verified"], good, "{row}: {verdict}");
    }
}

#[test]
fn a_wildcard_does_not_reach_around_what_is_excluded() {
    let folder = folder();
    constrained(&folder, "ca", "excluded;DNS:secret.example.com");
    folder.write("leaf.json", r#"{"CN":"a","hosts":["*.example.com"]}"#);
    let error = folder.refused("gencert -ca ca.pem -ca-key ca-key.pem leaf.json --out own");
    let words =
        "may not issue for DNS:*.example.com (the wildcard stands for `secret.example.com` too, which is excluded)";
    assert!(error.contains(words), "{error}");
}

#[test]
fn what_is_not_judged_is_said_each_time() {
    let folder = folder();
    constrained(&folder, "ca", "permitted;otherName:1.2.3.4;UTF8:x");
    folder.write("leaf.json", r#"{"CN":"a","hosts":["x.y"]}"#);
    let words = "name constraints are on names of the type otherName 1.2.3.4, too: that was not judged";
    for _ in 0..2 {
        let ran =
            folder.ok("gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile peer leaf.json --out leaf");
        assert!(ran.stderr.contains(words), "{ran:?}");
        let ran = ok(&folder, "cfssl gencert -ca ca.pem -ca-key ca-key.pem leaf.json");
        assert!(ran.stderr.contains(words), "{ran:?}");
    }
    assert!(findings(&folder, "leaf.pem ca.pem").contains(&"name-constraints-unjudged".to_owned()));
    assert_eq!(folder.try_openssl("verify -CAfile ca.pem leaf.pem").code, 0, "it has no such name");
    assert_eq!(verified(&folder, "--ca ca.pem leaf.pem")["verified"], true);
    // One with such a name, which openssl does not judge either.
    folder.issue_by("named", "ca", "subjectAltName=DNS:x.y,otherName:1.2.3.4;UTF8:x");
    assert_ne!(folder.try_openssl("verify -CAfile ca.pem named.pem").code, 0);
    let verdict = verified(&folder, "--ca ca.pem named.pem");
    assert_eq!(verdict["verified"], false, "{verdict}");
    assert!(verdict["why"].as_str().unwrap().contains("not judged here"), "{verdict}");
    let spec = "authorities:\n- name: ca\n  external: true\n  certificates: [{name: l, CN: l, hosts: [x.y]}]\n";
    folder.write("pki.yaml", spec);
    let ran = folder.ok("pki apply pki.yaml");
    assert!(ran.stderr.contains(words), "{ran:?}");
}

/// Below a constrained root an intermediate CA without constraints of its own.
#[test]
fn constraints_further_up_count() {
    let folder = folder();
    constrained(&folder, "root", "permitted;DNS:example.com");
    folder.write("middle.json", r#"{"CN":"middle"}"#);
    folder.ok(
        "gencert -ca root.pem -ca-key root-key.pem -config config.json -profile intermediate middle.json --out middle",
    );
    folder.write("leaf.json", r#"{"CN":"a","hosts":["a.evil.org"]}"#);
    folder.ok("gencert -ca middle.pem -ca-key middle-key.pem -config config.json -profile server leaf.json --out leaf");
    assert!(findings(&folder, "leaf.pem middle.pem root.pem").contains(&"name-constraints-violated".to_owned()));
    assert_ne!(folder.try_openssl("verify -CAfile root.pem -untrusted middle.pem leaf.pem").code, 0);
    // In one file, or as a tree: the plan knows them all.
    folder.write("chain.pem", folder.read("root.pem") + &folder.read("middle.pem"));
    for (above, below) in [
        ("name: middle\n  external: true\n  files: {certificate: chain.pem, key: middle-key.pem}", "  "),
        ("name: root\n  external: true\n  authorities:\n  - name: middle\n    external: true", "    "),
    ] {
        let certificates = "certificates: [{name: l, CN: l, hosts: [a.evil.org], profile: server}]";
        folder.write("pki.yaml", format!("authorities:\n- {above}\n{below}{certificates}\n"));
        let error = folder.refused("pki apply pki.yaml");
        assert!(error.contains("may not issue for DNS:a.evil.org: its name constraints do not allow it"), "{error}");
        assert!(!folder.path("l-key.pem").exists());
        folder.write(
            "pki.yaml",
            format!("authorities:\n- {above}\n{below}{}\n", certificates.replace("evil.org", "example.com")),
        );
        folder.ok("pki apply pki.yaml");
        folder.openssl("verify -x509_strict -CAfile root.pem -untrusted middle.pem l.pem");
        fs::remove_file(folder.path("l.pem")).unwrap();
        fs::remove_file(folder.path("l-key.pem")).unwrap();
    }
}

const SUBTREES: &str = r#""permitted":{"dns":["example.com","bücher.de"],"ip":["10.0.0.0/8"],"email":["example.com"],"uri":[".example.com"]},
    "excluded":{"dns":["secret.example.com"],"ip":["10.9.0.0/16","::/0"]}"#;

#[test]
fn constraints_of_a_spec_are_made_and_hold() {
    let folder = folder();
    folder.write("ca.json", format!(r#"{{"CN":"ca","ca":{{"expiry":"87600h",{SUBTREES}}}}}"#));
    folder.ok("gencert -initca ca.json --out ca");
    let text = folder.openssl("x509 -in ca.pem -noout -text");
    for part in [
        "X509v3 Name Constraints: critical",
        "DNS:example.com",
        "DNS:xn--bcher-kva.de",
        "IP:10.0.0.0/255.0.0.0",
        "email:example.com",
        "URI:.example.com",
        "IP:10.9.0.0/255.255.0.0",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The same by a profile, for an intermediate CA below a root without any.
    folder.write("root.json", r#"{"CN":"root","ca":{"expiry":"20y"}}"#);
    folder.ok("gencert -initca root.json --out root");
    folder.write(
        "profiles.json",
        format!(r#"{{"signing":{{"default":{{"expiry":"1y","usages":["cert sign","crl sign"],"ca_constraint":{{"is_ca":true,{SUBTREES}}}}}}}}}"#),
    );
    folder.write("middle.json", r#"{"CN":"middle"}"#);
    folder.ok("gencert -ca root.pem -ca-key root-key.pem -config profiles.json middle.json --out middle");
    let constraints = |name: &str| folder.openssl(&format!("x509 -in {name}.pem -noout -ext nameConstraints"));
    assert_eq!(constraints("middle"), constraints("ca"));
    for (host, good) in [
        ("a.example.com", true),
        ("bücher.de", true),
        ("10.1.2.3", true),
        ("a@example.com", true),
        ("https://a.example.com/", true),
        ("secret.example.com", false),
        ("10.9.1.1", false),
        ("fd00::1", false),
        ("evil.org", false),
        ("a@evil.org", false),
        ("https://evil.org/", false),
    ] {
        folder.write("leaf.json", format!(r#"{{"CN":"leaf","hosts":["{host}"]}}"#));
        for ca in ["ca", "middle"] {
            ok(&folder, &format!("cfssl gencert -ca {ca}.pem -ca-key {ca}-key.pem leaf.json | cfssljson -bare leaf"));
            let said = folder.try_openssl("verify -CAfile ca.pem -CAfile root.pem -untrusted middle.pem leaf.pem");
            let said = if ca == "ca" { folder.try_openssl("verify -CAfile ca.pem leaf.pem") } else { said };
            assert_eq!(said.code == 0, good, "{ca} {host}: {said:?}");
            let roots = if ca == "ca" { "ca.pem none.pem" } else { "root.pem middle.pem" };
            assert_eq!(go(&folder, &format!("chain any {roots} leaf.pem")).is_ok(), good, "{ca} {host}");
            let ran = folder.kbootstrap(&format!("gencert -ca {ca}.pem -ca-key {ca}-key.pem leaf.json --out own"), "");
            assert_eq!(ran.code == 0, good, "{ca} {host}: {ran:?}");
        }
    }
    // A renewed CA keeps them.
    folder.ok("gencert -renewca -ca ca.pem -ca-key ca-key.pem --out renewed");
    assert_eq!(constraints("renewed"), constraints("ca"));
    // cfssl knows none of it, and so says its face.
    let face = ok(&folder, "cfssl gencert -initca ca.json");
    assert!(face.stderr.contains("ca.json: ca.permitted: unknown key"), "{face:?}");
}

#[test]
fn mistakes_in_constraints_are_named_all_at_once() {
    let folder = folder();
    let wrong = r#""permitted":{"dns":["*.example.com"],"ip":["10.0.0.1/8"],"uri":["https://a.b/"],"mail":[]}"#;
    folder.write("ca.json", format!(r#"{{"CN":"ca","ca":{{{wrong}}}}}"#));
    insta::assert_snapshot!(folder.refused("gencert -initca ca.json --out ca"), @r"
    error: ca.json: ca.permitted.dns[0]: `*.example.com` is no domain: there are no wildcards here
    hint: `example.com` has all names below it

    error: ca.json: ca.permitted.ip[0]: `10.0.0.1/8` has an address in it that is not the network's
    hint: write `10.0.0.0/8`

    error: ca.json: ca.permitted.uri[0]: `https://a.b/` is no host
    hint: a constraint on URIs is on their hosts: `a.b`

    error: ca.json: ca.permitted.mail: unknown key
    hint: did you mean `email`?

    4 errors
    exit code 3
    ");
    folder.write(
        "pki.yaml",
        "authorities:\n- name: ca\n  CN: ca\n  permitted: {dns: ['*.example.com'], ip: [10.0.0.1/8]}\n  excluded: {email: ['@b']}\n- name: own\n  external: true\n  excluded: {dns: [a]}\n",
    );
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: pki.yaml:4:21: `*.example.com` is no domain: there are no wildcards here
      4 |   permitted: {dns: ['*.example.com'], ip: [10.0.0.1/8]}
        |                     ^^^^^^^^^^^^^^^
    hint: `example.com` has all names below it

    error: pki.yaml:4:44: `10.0.0.1/8` has an address in it that is not the network's
      4 |   permitted: {dns: ['*.example.com'], ip: [10.0.0.1/8]}
        |                                            ^^^^^^^^^^
    hint: write `10.0.0.0/8`

    error: pki.yaml:5:22: `@b` is no address
      5 |   excluded: {email: ['@b']}
        |                      ^^^^
    hint: `b` has all addresses of that host

    error: pki.yaml:8:3: CA `own` is `external`: its certificate says which names it may issue for
      8 |   excluded: {dns: [a]}
        |   ^^^^^^^^
    hint: leave it out

    4 errors
    exit code 3
    ");
    folder.write(
        "profiles.json",
        r#"{"signing":{"default":{"expiry":"1y","usages":["server auth"],"ca_constraint":{"permitted":{"dns":["a"]}}}}}"#,
    );
    folder.root("root", time::OffsetDateTime::now_utc(), "10y");
    folder.write("leaf.json", r#"{"CN":"a"}"#);
    let error = folder.refused("gencert -ca root.pem -ca-key root-key.pem -config profiles.json leaf.json --out leaf");
    assert!(error.contains("has name constraints (permitted, excluded), and makes no CAs"), "{error}");
}

const TREE: &str = "
authorities:
- name: root
  CN: Root
  permitted: {dns: [example.com], ip: [10.0.0.0/8]}
  authorities:
  - name: inner
    CN: Inner
    excluded: {dns: [secret.example.com]}
    certificates:
    - {name: web, CN: web, hosts: [web.example.com, 10.0.0.1], profile: server}
";

#[test]
fn a_hierarchy_has_constraints_and_is_held_to_them() {
    let folder = folder();
    folder.write("pki.yaml", TREE);
    folder.ok("pki apply pki.yaml");
    folder.openssl("verify -x509_strict -CAfile root.pem -untrusted inner.pem web.pem");
    assert!(folder.ok("pki apply pki.yaml").stdout.starts_with("nothing to do"));
    for bad in ["a.evil.org", "secret.example.com", "11.0.0.1"] {
        folder.write("pki.yaml", TREE.replace("web.example.com, 10.0.0.1", bad));
        for line in ["pki apply pki.yaml", "pki apply pki.yaml --dry-run"] {
            let error = folder.refused(line);
            assert!(error.contains(&format!("{bad}: its name constraints do not allow it")), "{error}");
        }
    }
    // A change is reported, and made when it is asked for: key and what was issued stay.
    let (key, web) = (folder.read("root-key.pem"), folder.read("web.pem"));
    folder.write("pki.yaml", TREE.replace("dns: [example.com]", "dns: [example.com, example.org]"));
    let ran = folder.ok("pki apply pki.yaml");
    assert!(
        ran.stdout.contains("its name constraints are others: `--renew-ca root` applies the specification"),
        "{ran:?}"
    );
    folder.ok("pki apply pki.yaml --renew-ca root");
    assert!(folder.openssl("x509 -in root.pem -noout -ext nameConstraints").contains("DNS:example.org"));
    assert_eq!((folder.read("root-key.pem"), folder.read("web.pem")), (key, web));
    folder.openssl("verify -x509_strict -CAfile root.pem -untrusted inner.pem web.pem");
    // What is there and is not allowed any more is named.
    folder.write("pki.yaml", TREE.replace("dns: [example.com]", "dns: [example.org]"));
    let ran = folder.ok("pki apply pki.yaml --renew-ca root");
    assert!(
        ran.stdout.contains("CA root may not issue for DNS:web.example.com (name constraints): verifiers refuse it"),
        "{ran:?}"
    );
    assert_ne!(folder.try_openssl("verify -CAfile root.pem -untrusted inner.pem web.pem").code, 0);
    assert_eq!(folder.kbootstrap("pki check pki.yaml", "").code, 4);
    // Where the specification says nothing of them, they stay.
    folder.write("pki.yaml", TREE.replace("  permitted: {dns: [example.com], ip: [10.0.0.0/8]}\n", ""));
    folder.ok("pki apply pki.yaml --renew-ca root");
    assert!(folder.openssl("x509 -in root.pem -noout -ext nameConstraints").contains("DNS:example.org"));
}

/// openssl refuses an e-mail address in a subject that is no IA5String (error 53).
#[test]
fn an_email_address_in_a_subject_holds_under_constraints() {
    let folder = with_leaf();
    folder.write("top.json", r#"{"CN":"top","ca":{"permitted":{"email":["a.example"]}}}"#);
    folder.write("leaf.json", r#"{"CN":"leaf","names":[{"E":"kim@a.example"}],"hosts":["kim@a.example"]}"#);
    folder.ok("gencert -initca top.json --out top");
    folder.ok("gencert -ca top.pem -ca-key top-key.pem leaf.json --out below");
    assert_eq!(folder.openssl("verify -CAfile top.pem below.pem").trim(), "below.pem: OK");
    folder.write("made.json", folder.ok("cfssl gencert -ca top.pem -ca-key top-key.pem leaf.json").stdout);
    folder.ok("cfssljson -f made.json -bare face");
    assert!(folder.try_openssl("verify -CAfile top.pem face.pem").stderr.contains("error 53"), "as cfssl's own");
    // A CSR too, and a subject in its place.
    let csr = folder.openssl("asn1parse -in below.csr");
    assert!(csr.contains("IA5STRING         :kim@a.example"), "{csr}");
    folder.write("subject.json", r#"{"CN":"leaf","names":[{"E":"kim@a.example"}]}"#);
    folder.ok("sign -ca top.pem -ca-key top-key.pem face.csr subject.json --out again");
    assert_eq!(folder.openssl("verify -CAfile top.pem again.pem").trim(), "again.pem: OK");
    // What older versions and cfssl have made is not made again for its string type.
    folder.write("pki.yaml", "authorities: [{name: own, CN: own, names: [{E: a@b.example}]}]");
    folder.ok("cfssl selfsign a.example leaf.json");
    folder.write("own.json", r#"{"CN":"own","names":[{"E":"a@b.example"}],"ca":{"expiry":"87600h"}}"#);
    folder.write("made.json", folder.ok("cfssl gencert -initca own.json").stdout);
    folder.ok("cfssljson -f made.json -bare own");
    folder.ok("pki check pki.yaml");
}

/// Go gives up, too ("too many constraint comparisons").
#[test]
fn certificates_that_cost_without_end_are_not_judged() {
    let folder = folder();
    let list = |count: usize, key: &str, name: &str| -> String {
        (0..count).map(|i| format!("{key}.{i}={name}{i}.example\n")).collect()
    };
    constrained(&folder, "ca", &format!("@subtrees\n[subtrees]\n{}", list(6_000, "permitted;DNS", "h")));
    let leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth";
    let names = list(2_000, "DNS", "a.h");
    folder.write(
        "leaf.cnf",
        format!("[req]\ndistinguished_name=dn\n[dn]\n[ext]\n{leaf}\nsubjectAltName=@names\n[names]\n{names}"),
    );
    folder.openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf-key.pem -out leaf.csr -config leaf.cnf -subj /CN=h1.example");
    folder.openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -extfile leaf.cnf -extensions ext -out leaf.pem");
    let began = std::time::Instant::now();
    assert!(findings(&folder, "leaf.pem ca.pem").contains(&"too-much-to-judge".to_owned()));
    let verdict = verified(&folder, "--ca ca.pem leaf.pem");
    let why = "too much to judge: too many names for too many name constraints";
    assert_eq!((&verdict["verified"], &verdict["why"]), (&false.into(), &why.into()));
    let error = folder.refused("bundle --ca-bundle ca.pem leaf.pem");
    assert!(error.contains(why), "{error}");
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}
