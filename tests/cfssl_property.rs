//! What comes out of odd input is read by Go and openssl, and is what the real cfssl makes of it; or it is refused.

use kbootstrap::pki::Usage;
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
fn names(folder: &Folder, whose: Whose, line: &str) -> Option<String> {
    let ran = sh(folder, whose, line);
    if ran.code != 0 {
        return None;
    }
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    folder.write("made.pem", json["cert"].as_str().expect("a certificate"));
    let dump = go_ok(folder, "dump made.pem ca.pem");
    folder.openssl("x509 -in made.pem -noout -text");
    dump.lines().find(|line| line.starts_with("extension 2.5.29.17 ")).map(str::to_owned)
}

#[test]
fn odd_hosts_are_read_by_everybody_or_refused() {
    let folder = with_ca();
    let hosts = "([a-z]{1,5}|[0-9.]{1,9}|[0-9a-f:]{1,8}|[-_*.,:;/@%?#&=+<>()\\[\\]\"' ]|://|http|%2f|xn--|\\\\){1,5}";
    let mut wrong = Vec::new();
    let mut refused = 0;
    for host in cases(hosts, 150) {
        folder.write("x.json", serde_json::json!({"CN": "x", "hosts": [host]}).to_string());
        let line = "cfssl gencert -ca ca.pem -ca-key ca-key.pem x.json";
        let ours = names(&folder, Whose::Ours, line);
        refused += usize::from(ours.is_none());
        let theirs = names(&folder, Whose::Theirs, line);
        if ours != theirs {
            wrong.push(format!("{host:?}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty() && refused < 30, "{refused} refused; {} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn odd_profiles_and_specs_make_the_same_certificates() {
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};
    use serde_json::{Value, json};

    let usages = subsequence(Usage::names().collect::<Vec<_>>(), 1..8).prop_shuffle();
    let text = select(vec!["", "http://x.test/a", "http://y.test/b?c=d"]);
    let expiry = select(vec!["1h", "8760h", "1h30m15s", "90m", "200000h"]);
    let constraint = select(vec![
        json!(null),
        json!({}),
        json!({"is_ca": true}),
        json!({"is_ca": true, "max_path_len": 2}),
        json!({"max_path_len": 1}),
        json!({"is_ca": true, "max_path_len": 0, "max_path_len_zero": true}),
        json!({"is_ca": true, "max_path_len": -1}),
    ]);
    let times = select(vec![
        json!({}),
        json!({"backdate": "0h"}),
        json!({"backdate": "2h"}),
        json!({"not_after": "2055-01-01T00:00:00Z"}),
        json!({"not_before": "2026-01-01T01:02:03+02:00"}),
    ]);
    let more = select(vec![
        json!({}),
        json!({"ocsp_no_check": true}),
        json!({"policies": [{"id": "1.2.3"}, {"ID": "2.5.29.32.0", "qualifiers": [{"type": "id-qt-cps", "value": "http://c"}]}]}),
        json!({"CSRWhitelist": {"Subject": true, "PublicKey": true, "PublicKeyAlgorithm": true, "IPAddresses": true, "URIs": true}}),
    ]);
    let profile = (
        usages,
        expiry,
        constraint,
        times,
        more,
        (text.clone(), text.clone(), proptest::collection::vec(text, 0..3)),
        any::<bool>(),
    );
    let profile = profile.prop_map(|(usages, expiry, constraint, times, more, (ocsp, crl, issuers), copy)| {
        let mut profile = json!({"usages": usages, "expiry": expiry, "ca_constraint": constraint, "ocsp_url": ocsp, "crl_url": crl, "copy_extensions": copy});
        let issuers: Vec<_> = issuers.into_iter().filter(|url| !url.is_empty()).collect();
        profile["issuer_urls"] = if issuers.is_empty() { Value::Null } else { json!(issuers) };
        for part in [times, more] {
            part.as_object().unwrap().iter().for_each(|(key, value)| profile[key] = value.clone());
        }
        profile
    });
    let name = select(vec![
        json!({"O": "a"}),
        json!({"C": "CN", "ST": "x_y"}),
        json!({"OU": "z", "O": "b"}),
        json!({"E": "a@b"}),
        json!({"L": "", "OID": {"1.2.3": "v"}}),
        json!({}),
    ]);
    let hosts =
        proptest::collection::vec(select(vec!["a.test", "10.0.0.1", "::1", "u@h", "https://h/", "*.b", ""]), 0..5);
    let key = select(vec![
        json!(null),
        json!({"algo": "ecdsa", "size": 384}),
        json!({"algo": "ecdsa", "size": 521}),
        json!({"algo": "ed25519"}),
    ]);
    let extra = select(vec![
        json!({}),
        json!({"delegation_enabled": true}),
        json!({"extensions": [{"Id": [1, 2, 3, 4], "Critical": false, "Value": "BQA="}]}),
        json!({"serialnumber": "9"}),
    ]);
    let spec = (select(vec!["", "x", "Жук"]), proptest::collection::vec(name, 0..4), hosts, key, extra).prop_map(
        |(cn, names, hosts, key, extra)| {
            let mut spec = json!({"CN": cn, "names": names, "hosts": hosts, "key": key});
            extra.as_object().unwrap().iter().for_each(|(key, value)| spec[key] = value.clone());
            spec
        },
    );
    let folder = with_ca();
    let mut wrong = Vec::new();
    for (profile, spec) in cases((profile, spec), 80) {
        let default = json!({"expiry": "24h", "crl_url": "http://default.test/crl"});
        folder.write("config.json", json!({"signing": {"default": default, "profiles": {"p": profile}}}).to_string());
        folder.write("spec.json", spec.to_string());
        let fields = |whose| {
            let ran = sh(
                &folder,
                whose,
                "cfssl gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile p spec.json",
            );
            let json: Value =
                serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{profile} {spec}: {}", ran.stderr));
            folder.write("made.pem", json["cert"].as_str().expect("a certificate"));
            let dump = go_ok(&folder, "dump made.pem ca.pem");
            dump.split("begins").next().unwrap_or_default().to_owned()
        };
        let mut ours = fields(Whose::Ours);
        folder.openssl("verify -partial_chain -no_check_time -CAfile ca.pem made.pem");
        let mut theirs = fields(Whose::Theirs);
        if ours != theirs {
            // A minute may have gone by between the two, and an end that is fixed makes a life shorter.
            (ours, theirs) = (fields(Whose::Ours), fields(Whose::Theirs));
        }
        // Without a subject the names must be critical (RFC 5280 §4.2.1.6); those that cfssl copies are not.
        let nameless = profile["copy_extensions"] == true && ours.contains("subject 3000\n");
        let ours = if nameless { ours.replace("2.5.29.17 true", "2.5.29.17 false") } else { ours };
        let theirs = if nameless { theirs.replace("2.5.29.17 true", "2.5.29.17 false") } else { theirs };
        if ours != theirs {
            wrong.push(format!("{profile}\n{spec}\n  ours\n{ours}\n  theirs\n{theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn damaged_json_is_refused_in_the_same_words() {
    const SPEC: &str = r#"{"CN":"a","hosts":["b",null],"key":{"algo":"ecdsa","size":256},"names":[{"C":"x","OID":{"1.2.3":"v"}}],"delegation_enabled":true,"extensions":[{"Id":[1,2,3],"Critical":false,"Value":"BQA="}],"serialnumber":"1"}"#;
    const CONFIG: &str = r#"{"signing":{"default":{"expiry":"1h","usages":["any"],"ca_constraint":{"is_ca":false,"max_path_len":0}},"profiles":{"p":{"usages":["any"],"expiry":"2h","policies":[{"ID":"1.2.3"}]}}},"auth_keys":{"k":{"type":"standard","key":"00"}}}"#;
    let damage = (0..10_000usize, "[\\[\\]{}\",:01.eE+\\-tfn \\\\]", 0..3u8);
    let folder = with_ca();
    folder.write("leaf.json", r#"{"CN":"leaf","hosts":["a"]}"#);
    let mut wrong = Vec::new();
    for (i, (at, put, how)) in cases(damage, 240).into_iter().enumerate() {
        let (text, line) = match i % 2 {
            0 => (SPEC, "cfssl genkey x.json"),
            _ => (CONFIG, "cfssl gencert -ca ca.pem -ca-key ca-key.pem -config x.json leaf.json"),
        };
        let (before, after) = text.split_at(at % text.len());
        let damaged = match how {
            0 => format!("{before}{put}{after}"),
            1 => format!("{before}{put}{}", &after[1..]),
            _ => format!("{before}{}", &after[1..]),
        };
        folder.write("x.json", &damaged);
        let said = |whose| {
            let ran = sh(&folder, whose, line);
            let last = ran.stderr.lines().last().unwrap_or_default().to_owned();
            (ran.code, if ran.code == 0 { String::new() } else { last })
        };
        let ours = said(Whose::Ours);
        let theirs = said(Whose::Theirs);
        // A panic of cfssl's, and a policy whose identifier is none, which it looks at when it signs.
        let on_purpose = ours.0 == 1 && (theirs.0 == 2 || ours.1.contains("identifier"));
        if ours != theirs && !on_purpose {
            wrong.push(format!("{damaged}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn command_lines_are_understood_in_the_same_way() {
    use proptest::prelude::any;
    use proptest::sample::select;

    const WORDS: &str = "leaf.json leaf.json leaf.json ca.json - -- -initca --initca -initca=false -initca=T -initca=yes -ca \
        -ca=ca.pem --ca-key=ca-key.pem -ca-key ca.pem ca-key.pem -config= -config no.json -loglevel=0x3 \
        -loglevel -port 9 -port=x -timeout=1h -timeout=1d -hostname=a,b -cn= -cn ---x -=x -bogus -renewca";
    let folder = with_ca();
    folder.write("leaf.json", r#"{"CN":"leaf","hosts":["a"]}"#);
    let command =
        select(vec!["genkey", "gencert", "sign", "certinfo", "gencsr", "selfsign", "print-defaults", "version"]);
    let lines =
        (command, proptest::collection::vec(select(WORDS.split_whitespace().collect::<Vec<_>>()), 0..6), any::<bool>());
    let mut wrong = Vec::new();
    let mut codes = std::collections::BTreeSet::new();
    for (command, words, whole) in cases(lines, 250) {
        let ca = if whole { "-ca ca.pem -ca-key ca-key.pem" } else { "" };
        let line = format!("cfssl {command} {ca} {} < leaf.json", words.join(" "));
        let said = |whose| {
            let ran = sh(&folder, whose, &line);
            let words = match ran.code {
                0 => String::new(),
                // The help that follows is in words of our own.
                2 => ran.stderr.lines().next().unwrap_or_default().to_owned(),
                _ => ran.stderr.lines().last().unwrap_or_default().to_owned(),
            };
            let panicked = words.starts_with("panic");
            let words = if words.contains("[ERROR] need") { words[20..].to_owned() } else { words };
            (ran.code, words, panicked)
        };
        let ours = said(Whose::Ours);
        let theirs = said(Whose::Theirs);
        codes.insert(ours.0);
        let nothing_done = theirs.0 == 0 && ours.0 == 1 && ours.1.starts_with("[ERROR] need");
        if ours != theirs && !nothing_done && !theirs.2 {
            wrong.push(format!("{line}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn csrs_of_openssl_are_signed_alike() {
    use proptest::prelude::any;
    use proptest::sample::select;

    const NAMES: [&str; 16] = [
        "/CN=a",
        "/CN=b c",
        "/O=x",
        "/O=ü_",
        "/C=US",
        "/ST=s",
        "/L=l",
        "/DC=test",
        "/emailAddress=u@h",
        "/OU=1+OU=2",
        "/OU=z",
        "/serialNumber=5",
        "/street=s*",
        "/postalCode=1",
        "/UID=u",
        "/title=t",
    ];
    const EXTENSIONS: [&str; 8] = [
        "subjectAltName=DNS:a.test,IP:10.0.0.1,email:u@h,URI:https://h/p",
        "subjectAltName=otherName:1.2.3;UTF8:x,DNS:b.test",
        "subjectAltName=dirName:dir",
        "keyUsage=critical,digitalSignature",
        "basicConstraints=critical,CA:FALSE",
        "subjectKeyIdentifier=hash",
        "tlsfeature=status_request",
        "1.2.3.4=DER:0500",
    ];
    let folder = with_ca();
    folder.write("req.cnf", "[req]\ndistinguished_name=dn\n[dn]\n[dir]\nCN=inner\n");
    folder.write("subject.json", r#"{"CN":"over","names":[{"O":"ridden"}]}"#);
    folder.openssl("ecparam -name prime256v1 -genkey -noout -out key.pem");
    let request = (
        proptest::collection::vec(select(NAMES.to_vec()), 1..7),
        proptest::option::of(select(EXTENSIONS.to_vec())),
        any::<bool>(),
        any::<bool>(),
    );
    let mut wrong = Vec::new();
    for (names, extension, utf8, over) in cases(request, 100) {
        let subject = names.concat();
        let extension = extension.map(|text| format!("-addext '{text}'")).unwrap_or_default();
        let utf8 = if utf8 { "-utf8" } else { "" };
        folder.openssl(&format!(
            "req -new -config req.cnf -key key.pem {utf8} -multivalue-rdn -subj '{subject}' {extension} -out x.csr"
        ));
        let over = if over { "subject.json" } else { "" };
        let fields = |whose| {
            let ran = sh(&folder, whose, &format!("cfssl sign -ca ca.pem -ca-key ca-key.pem x.csr {over}"));
            if ran.code != 0 {
                return format!("{} {}", ran.code, ran.stderr.lines().last().unwrap_or_default());
            }
            let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
            assert_eq!(json["csr"], folder.read("x.csr"));
            folder.write("made.pem", json["cert"].as_str().expect("a certificate"));
            let dump = go_ok(&folder, "dump made.pem ca.pem");
            dump.split("begins").next().unwrap_or_default().to_owned()
        };
        let ours = fields(Whose::Ours);
        folder.openssl("verify -CAfile ca.pem made.pem");
        let theirs = fields(Whose::Theirs);
        if ours != theirs {
            wrong.push(format!("{subject} {extension} {utf8} {over}\n{ours}\n{theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
