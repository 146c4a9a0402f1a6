//! Hosts as people write them, and what a CSR of a stranger asks for: refused, or named, before anything is handed out.

use crate::cfssl_both::{Whose, ok, sh};
use crate::pki_apply;
use crate::pki_tools::{Folder, GENCERT, with_leaf};

/// OpenSSL's words and those of other programs, with what each was meant to be.
const WORDS: [(&str, &str); 13] = [
    ("DNS:foo", "`foo`"),
    ("dns:foo.example", "`foo.example`"),
    ("DNS.1:foo", "`foo`"),
    ("DNS=foo", "`foo`"),
    ("DNS Name=foo", "`foo`"),
    ("IP:10.0.0.1", "`10.0.0.1`"),
    ("IP Address:10.0.0.1", "`10.0.0.1`"),
    ("email:a@b", "`a@b`"),
    ("URI:https://a/b", "`https://a/b`"),
    ("DNS:a,DNS:b", "`a`, `b`, each as a host of its own"),
    ("otherName:1.2.3;UTF8:x", "copy_extensions"),
    ("dirName:section", "copy_extensions"),
    ("RID:1.2.3.4", "copy_extensions"),
];

fn warnings(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| line.split("[WARNING] ").nth(1)).collect()
}

fn names(folder: &Folder, certificate: &str) -> String {
    folder.openssl(&format!("x509 -in {certificate} -noout -ext subjectAltName"))
}

#[test]
fn the_word_of_a_type_is_refused_in_our_own_face() {
    let folder = with_leaf();
    for (host, meant) in WORDS {
        folder.write("odd.json", format!(r#"{{"CN":"x","hosts":["{host}"]}}"#));
        for line in [
            format!("{GENCERT} odd.json --out odd"),
            format!("{GENCERT} -hostname '{}' leaf.json --out odd", host.split(',').next().unwrap()),
            "genkey odd.json --out odd".to_owned(),
            "gencsr -key ca-key.pem odd.json --out odd".to_owned(),
            "selfsign x odd.json --out odd".to_owned(),
        ] {
            let error = folder.refused(&line);
            let meant = if line.contains("-hostname") { meant.split(',').next().unwrap() } else { meant };
            assert!(error.contains("has the word for its type before it") && error.contains(meant), "{line}: {error}");
        }
        folder.write(
            "pki.yaml",
            format!("authorities:\n- name: c\n  CN: c\n  certificates:\n  - {{name: x, hosts: ['{host}']}}\n"),
        );
        let error = folder.refused("pki apply pki.yaml");
        assert!(error.contains("pki.yaml:5:") && error.contains(meant), "{host}: {error}");
        assert!(!folder.path("odd-key.pem").exists() && !folder.path("c.pem").exists(), "{host}");
    }
}

#[test]
fn the_word_of_a_type_is_warned_of_in_cfssl_s_face_and_found_by_the_linter() {
    let folder = with_leaf();
    for (host, meant) in WORDS {
        folder.write("odd.json", format!(r#"{{"CN":"x","hosts":["{host}"]}}"#));
        let line = "cfssl gencert -ca ca.pem -ca-key ca-key.pem odd.json | cfssljson -bare";
        let ran = ok(&folder, &format!("{line} ours"));
        let said = warnings(&ran.stderr);
        assert_eq!(said.len(), 1, "{host}: {said:?}");
        assert!(said[0].contains(host) && said[0].contains(meant), "{host}: {said:?}");
        assert_eq!(sh(&folder, Whose::Theirs, &format!("{line} theirs")).code, 0);
        assert_eq!(names(&folder, "ours.pem"), names(&folder, "theirs.pem"), "{host}: as cfssl has it");
        let strict = sh(&folder, Whose::Ours, "cfssl gencert -strict -ca ca.pem -ca-key ca-key.pem odd.json");
        assert!(strict.code == 1 && strict.stderr.contains(meant), "{strict:?}");
        let linted = folder.kbootstrap("certlint ours.pem -o json --ignore san-lacks-cn", "");
        assert_eq!(linted.code, 4, "{host}: {linted:?}");
        let report: serde_json::Value = serde_json::from_str(&linted.stdout).unwrap();
        let rules: Vec<_> =
            report["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect();
        assert_eq!(
            rules.iter().filter(|rule| rule.starts_with("san-")).collect::<Vec<_>>(),
            [&"san-type-word"],
            "{host}"
        );
    }
}

#[test]
fn uris_and_names_that_only_look_so_are_taken() {
    let folder = with_leaf();
    folder.write("fine.json", r#"{"CN":"x","hosts":["spiffe://d/w","urn:uuid:1","dns","email.example","fd00::1"]}"#);
    let ran = folder.ok(&format!("{GENCERT} fine.json --out fine"));
    assert_eq!(warnings(&ran.stderr), [""; 0]);
}

#[test]
fn a_bad_host_is_warned_of_once() {
    let folder = with_leaf();
    let bad =
        ["localhost:443", "/etc/passwd", "010.0.0.1", "10.0.0.1:443", "a b", "a,b", "10.0.0.0/8", "*", "a..b", "*.com"];
    for host in bad {
        folder.write("odd.json", format!(r#"{{"CN":"x","hosts":["{host}"]}}"#));
        for line in [format!("{GENCERT} odd.json --out odd"), "selfsign x odd.json --out odd".to_owned()] {
            let ran = folder.ok(&line);
            let said = warnings(&ran.stderr);
            let of_host = said.iter().filter(|warning| warning.contains(&format!("`{host}`"))).count();
            assert_eq!(of_host, 1, "{line} {host}: {said:?}");
        }
        // Where there is no certificate to lint, at least what looks wrong.
        let said = folder.ok("genkey odd.json --out odd").stderr;
        assert!(warnings(&said).len() <= 1, "{host}: {said}");
    }
    folder.write("odd.json", r#"{"CN":"x","hosts":["*"]}"#);
    let ran = folder.ok(&format!("{GENCERT} odd.json --out odd"));
    assert!(ran.stderr.contains("no wildcard: write the domain after it, such as `*.example.com`"), "{ran:?}");
    let ran = ok(&folder, "cfssl gencert -ca ca.pem -ca-key ca-key.pem odd.json");
    assert!(ran.stderr.contains("no wildcard: write the domain after it, such as `*.example.com`"), "{ran:?}");
}

#[test]
fn blanks_in_a_list_of_hosts_are_left_out() {
    let folder = with_leaf();
    let ran = folder.ok(&format!("{GENCERT} -hostname 'a.example, b.example ,10.0.0.1' leaf.json --out list"));
    assert_eq!(warnings(&ran.stderr), [""; 0]);
    assert!(names(&folder, "list.pem").contains("DNS:a.example, DNS:b.example, IP Address:10.0.0.1"));
    folder.write("blank.json", r#"{"CN":"x","hosts":[" b.example"]}"#);
    let ran = folder.ok(&format!("{GENCERT} blank.json --out blank"));
    assert!(ran.stderr.contains("without the blanks around it"), "{ran:?}");
    assert!(names(&folder, "blank.pem").contains("DNS:b.example"));
    // A CSR of others, in cfssl's face.
    asked(&folder, "/CN=x", "subjectAltName=URI:dns:x.example", NEW);
    let ran = ok(&folder, "cfssl sign -ca ca.pem -ca-key ca-key.pem asked.csr");
    assert!(ran.stderr.contains("(write `x.example`)"), "{ran:?}");
    let line = "cfssl gencert -strict -ca ca.pem -ca-key ca-key.pem -hostname localhost:443 leaf.json";
    let strict = sh(&folder, Whose::Ours, line);
    assert_eq!(warnings(&strict.stderr).len(), 1, "{strict:?}");
    let strict = sh(
        &folder,
        Whose::Ours,
        "cfssl gencert -strict -ca ca.pem -ca-key ca-key.pem -hostname 'a, b' leaf.json | cfssljson -bare strict",
    );
    assert_eq!(strict.code, 0, "{strict:?}");
    assert!(names(&folder, "strict.pem").contains("DNS:a, DNS:b"));
    let lists = pki_apply::folder("authorities: [{name: c, CN: c, certificates: [{name: x, hosts: [' b']}]}]");
    assert!(lists.refused("pki apply pki.yaml").contains("host ` b` has blanks around it"));
}

/// A CSR that openssl makes, as `asked.csr`, with a key of its own.
fn asked(folder: &Folder, subject: &str, names: &str, key: &str) {
    folder.write("req.cnf", format!("[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\n{names}\n"));
    folder.openssl(&format!("req -new {key} -config req.cnf -subj '{subject}' -utf8 -out asked.csr"));
}

const NEW: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout asked.key";
const SIGN: &str = "sign -ca ca.pem -ca-key ca-key.pem -config whitelist.json -profile any asked.csr --out signed";

fn whitelisting() -> Folder {
    let folder = with_leaf();
    folder.write(
        "whitelist.json",
        r#"{"signing":{"default":{"expiry":"1h","usages":["server auth"]},"profiles":{
            "any":{"expiry":"1h","usages":["server auth"],"copy_extensions":true},
            "listed":{"expiry":"1h","usages":["server auth"],"name_whitelist":"^ok(\\.example)?$"}}}}"#,
    );
    folder
}

#[test]
fn a_whitelist_judges_every_common_name_and_says_what_it_does_not_judge() {
    let folder = whitelisting();
    let sign = SIGN.replace("any", "listed");
    asked(&folder, "/CN=evil.example/CN=ok", "subjectAltName=DNS:ok.example", NEW);
    let error = folder.refused(&sign);
    assert!(error.contains("does not allow `evil.example`"), "{error}");
    asked(&folder, "/CN=ok/emailAddress=root@evil.example", "subjectAltName=DNS:ok.example", NEW);
    assert!(folder.refused(&sign).contains("does not allow `root@evil.example`"));
    asked(&folder, "/O=system:masters/CN=ok", "subjectAltName=DNS:ok.example,IP:10.0.0.1", NEW);
    let ran = folder.ok(&sign);
    assert!(ran.stderr.contains("name_whitelist does not judge IP:10.0.0.1, O=system:masters"), "{ran:?}");
    asked(&folder, "/CN=ok", "subjectAltName=DNS:ok.example", NEW);
    assert_eq!(warnings(&folder.ok(&sign).stderr), [""; 0]);
    // cfssl keeps the last of several, and so does its face.
    asked(&folder, "/CN=evil.example/CN=ok", "subjectAltName=DNS:ok.example", NEW);
    let line = "cfssl sign -ca ca.pem -ca-key ca-key.pem -config whitelist.json -profile listed asked.csr | cfssljson -bare face";
    ok(&folder, line);
    assert!(folder.openssl("x509 -in face.pem -noout -subject").trim_end().ends_with("CN = ok"));
}

#[test]
fn control_characters_of_a_csr_are_not_signed() {
    let folder = whitelisting();
    // SEQUENCE of one dNSName, e-mail address or URI.
    let names = [
        ("good.example\\x00.evil.example", "82", "676f6f642e6578616d706c65002e6576696c2e6578616d706c65"),
        ("a\\nb.example", "82", "610a622e6578616d706c65"),
        ("a\\x1b@b", "81", "611b4062"),
        ("a\\xff", "82", "61ff"),
    ];
    for (what, tag, hex) in names {
        let length = hex.len() / 2;
        let der = format!("30{:02x}{tag}{length:02x}{hex}", length + 2);
        asked(&folder, "/CN=x", &format!("2.5.29.17=DER:{der}"), NEW);
        let error = folder.refused(SIGN);
        assert!(error.contains("verifiers refuse it, or read another name"), "{what}: {error}");
        assert!(!folder.path("signed.pem").exists(), "{what}");
    }
    asked(&folder, "/CN=a\u{202e}b", "subjectAltName=DNS:x.example", NEW);
    assert!(folder.refused(SIGN).contains("`CN=a\\u{202e}b`") || folder.refused(SIGN).contains("\\u{202e}"));
    asked(&folder, "/CN=good\u{200f}evil", "subjectAltName=DNS:x.example", NEW);
    assert!(
        folder.refused(SIGN).contains("`good\\u{200f}evil`: characters that are not seen deceive whoever reads it")
    );
    // An address of five bytes, which makes Go refuse the whole certificate.
    asked(&folder, "/CN=x", "2.5.29.17=DER:300787050a00000001", NEW);
    assert!(folder.refused(SIGN).contains("an IP address among the names has 5 bytes"));
    // cfssl's face signs what Go would sign, and says so.
    asked(&folder, "/CN=x", "2.5.29.17=DER:300d820b610a622e6578616d706c65", NEW);
    let ran = ok(&folder, "cfssl sign -ca ca.pem -ca-key ca-key.pem asked.csr");
    assert!(ran.stderr.contains("[WARNING] the name `DNS:a\\u{a}b.example` has control characters"), "{ran:?}");
}

#[test]
fn weak_and_foreign_keys_are_not_signed_without_a_word() {
    let folder = whitelisting();
    asked(&folder, "/CN=x", "subjectAltName=DNS:x.example", "-key ca-key.pem");
    let error = folder.refused(SIGN);
    assert!(error.contains("the key is the CA's own"), "{error}");
    let ran = ok(&folder, "cfssl sign -ca ca.pem -ca-key ca-key.pem asked.csr");
    assert!(ran.stderr.contains("[WARNING] the key is the CA's own"), "{ran:?}");
    for (exponent, small) in [("3", true), ("17", true), ("65537", false)] {
        folder.openssl(&format!(
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:{exponent} -out rsa.key"
        ));
        asked(&folder, "/CN=x", "subjectAltName=DNS:x.example", "-key rsa.key");
        let ran = folder.ok(SIGN);
        assert_eq!(ran.stderr.contains(&format!("exponent is {exponent}, below 65537")), small, "{ran:?}");
    }
}

/// RFC 9345's: whoever has the certificate's key may give others credentials of its own.
#[test]
fn the_right_to_delegate_is_an_extension_like_any_other_but_to_cfssl() {
    const DELEGATION: &str = "1.3.6.1.4.1.44363.44";
    let folder = whitelisting();
    folder.write(
        "copied.json",
        r#"{"signing":{"default":{"expiry":"1h","usages":["server auth"],"copy_extensions":true,"name_whitelist":"^ok"}}}"#,
    );
    asked(&folder, "/CN=ok", &format!("subjectAltName=DNS:ok.example\n{DELEGATION}=DER:0500"), NEW);
    let has = |name: &str| folder.openssl(&format!("x509 -in {name}.pem -noout -text")).contains(DELEGATION);
    let ran = folder.ok(&SIGN.replace("any", "listed"));
    let left_out = format!("the CSR's extension {DELEGATION} is left out: the profile has no copy_extensions");
    assert!(ran.stderr.contains(&left_out) && !has("signed"), "{ran:?}");
    let ran = folder.ok("sign -ca ca.pem -ca-key ca-key.pem -config copied.json asked.csr --out copied");
    let named = format!("name_whitelist does not judge the extension {DELEGATION}");
    assert!(ran.stderr.contains(&named) && has("copied"), "{ran:?}");
    ok(
        &folder,
        "cfssl sign -ca ca.pem -ca-key ca-key.pem -config whitelist.json -profile listed asked.csr | cfssljson -bare face",
    );
    assert!(has("face"));
    // Who writes the specification may ask for what he likes.
    folder.write("own.json", r#"{"CN":"ok","hosts":["ok.example"],"delegation_enabled":true}"#);
    folder.ok("gencert -ca ca.pem -ca-key ca-key.pem -config whitelist.json -profile listed own.json --out own");
    assert!(has("own"));
}
