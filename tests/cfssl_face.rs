//! cfssl's face beyond certificates and errors: log lines, warnings and `-strict`, what is printed, links; and the native
//! commands that came with it.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::cfssl_both::{Whose, go, go_ok, ok, sh};
use crate::pki_tools::{Folder, Ran};

const CONFIG: &str = r#"{"signing":{"default":{"expiry":"1h","usages":["server auth"]},"profiles":{
    "long":{"usages":["signing","Server Auth","server auth"],"expiry":"99999h","whitelist":1},
    "ca":{"usages":["cert sign","crl sign"],"expiry":"1h","ca_constraint":{"is_ca":true}},
    "serial":{"usages":["any"],"expiry":"1h","ClientProvidesSerialNumbers":true}}}}"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("config.json", CONFIG);
    folder.write("ca.json", r#"{"CN":"ca","ca":{"expiry":"20000h","pathlenzero":true}}"#);
    folder.write("leaf.json", r#"{"CN":"leaf","hosts":["leaf.test"]}"#);
    ok(
        &folder,
        "set -e
        cfssl gencert -initca ca.json | cfssljson -bare ca
        cfssl gencert -ca ca.pem -ca-key ca-key.pem leaf.json | cfssljson -bare leaf",
    );
    folder
}

/// Log lines without their times.
fn logged(ran: &Ran) -> Vec<String> {
    let lines = ran.stderr.lines().filter(|line| line.get(19..21) == Some(" ["));
    let lines = lines.map(|line| line[20..].to_owned());
    lines
        .map(|line| match line.split_once("serial number ") {
            Some((before, _)) => format!("{before}serial number N"),
            None => line,
        })
        .collect()
}

#[test]
fn log_lines_are_those_of_cfssl_in_local_time() {
    let folder = folder();
    for line in [
        "cfssl gencert -initca ca.json",
        "cfssl gencert -initca -ca-key ca-key.pem ca.json",
        "cfssl gencert -renewca -ca ca.pem -ca-key ca-key.pem",
        "cfssl gencert -ca ca.pem -ca-key ca-key.pem leaf.json",
        "cfssl gencert -loglevel=2 -ca ca.pem -ca-key ca-key.pem leaf.json",
        "cfssl genkey leaf.json",
        "cfssl gencsr -key leaf-key.pem leaf.json",
        "cfssl sign -ca ca.pem -ca-key ca-key.pem leaf.csr",
    ] {
        let ours = logged(&ok(&folder, line));
        assert!(ours.is_empty() == line.contains("loglevel"), "{line}: {ours:?}");
        assert_eq!(ours, logged(&sh(&folder, Whose::Theirs, line)), "{line}");
    }
    let hour = |zone: &str| {
        let ran = sh(&folder, Whose::Ours, &format!("TZ={zone} cfssl genkey leaf.json"));
        ran.stderr[11..13].parse::<i32>().unwrap()
    };
    assert_eq!((hour("Etc/GMT-8") - hour("Etc/GMT-2")).rem_euclid(24), 6, "in the time zone of TZ");
}

#[test]
fn the_warning_about_hosts_is_given_where_cfssl_gives_it() {
    let folder = folder();
    folder.write("none.json", r#"{"CN":"x","hosts":[]}"#);
    folder.write("empty.json", r#"{"CN":"x","hosts":[""]}"#);
    for (spec, warned) in [("none.json", true), ("empty.json", false), ("leaf.json", false)] {
        let line = format!("cfssl gencert -ca ca.pem -ca-key ca-key.pem {spec}");
        for whose in [Whose::Ours, Whose::Theirs] {
            let ran = sh(&folder, whose, &line);
            assert_eq!(ran.stderr.contains("This certificate lacks a \"hosts\" field."), warned, "{whose:?} {spec}");
        }
    }
}

#[test]
fn doubts_are_warnings_and_strict_refuses_them() {
    let folder = folder();
    folder.write("inter.json", r#"{"CN":"inter"}"#);
    folder.write("twin.json", r#"{"CN":"ca","hosts":["twin.test"]}"#);
    folder.write("odd.json", r#"{"CN":"x","hosts":["a"],"host":["b"]}"#);
    folder.root("old", time::OffsetDateTime::now_utc() - time::Duration::days(730), "1y");
    let ca = "-ca ca.pem -ca-key ca-key.pem -config config.json";
    for (line, warning) in [
        (format!("{ca} -profile missing leaf.json"), "there is no profile `missing`"),
        (format!("{ca} -profile long leaf.json"), "after its CA, which ends"),
        (format!("{ca} leaf.json"), "unknown usage `Server Auth` (did you mean `server auth`?)"),
        (format!("{ca} leaf.json"), "config.json: signing.profiles.long.whitelist: unknown key"),
        (format!("{ca} odd.json"), "odd.json: host: unknown key (did you mean `hosts`?)"),
        (format!("{ca} -profile ca inter.json"), "the CA may not issue CA certificates (its path length is 0)"),
        ("-ca leaf.pem -ca-key leaf-key.pem leaf.json".to_owned(), "the certificate is not a CA"),
        ("-ca old.pem -ca-key old-key.pem leaf.json".to_owned(), "the CA has expired"),
    ] {
        let ran = ok(&folder, &format!("cfssl gencert {line}"));
        let warned = logged(&ran).iter().any(|l| l.starts_with("[WARNING] ") && l.contains(warning));
        assert!(warned, "{line}: {warning}\n{}", ran.stderr);
        let strict = sh(&folder, Whose::Ours, &format!("cfssl gencert -strict {line}"));
        assert_eq!((strict.code, strict.stdout.as_str()), (1, ""), "{line}: {}", strict.stderr);
        let theirs = sh(&folder, Whose::Theirs, &format!("cfssl gencert {line}"));
        assert_eq!(theirs.code, 0, "cfssl signs {line}: {}", theirs.stderr);
    }
    // A leaf with its CA's name is no error, and openssl accepts ours.
    let ran = ok(
        &folder,
        &format!("cfssl gencert -strict {} twin.json | cfssljson -bare twin", ca.replace("-config config.json", "")),
    );
    assert!(ran.stderr.contains("[WARNING] the certificate and its CA have the same subject"), "{}", ran.stderr);
    folder.openssl("verify -CAfile ca.pem -verify_hostname twin.test twin.pem");
}

#[test]
fn a_ca_is_looked_at_before_a_key_is_made() {
    let folder = folder();
    folder.write("slow.json", r#"{"CN":"x","key":{"algo":"rsa","size":8192}}"#);
    let begun = std::time::Instant::now();
    let ran = sh(&folder, Whose::Ours, "cfssl gencert -ca none.pem -ca-key ca-key.pem slow.json");
    assert_eq!(ran.code, 1);
    assert!(!ran.stderr.contains("encoded CSR") && begun.elapsed().as_secs() < 3, "{}", ran.stderr);
}

#[test]
fn a_ca_key_may_be_encrypted_or_come_from_the_environment() {
    let folder = folder();
    folder.write("rsa.json", r#"{"CN":"rsa ca","key":{"algo":"rsa","size":2048}}"#);
    ok(&folder, "cfssl gencert -initca rsa.json | cfssljson -bare rsa");
    for cipher in ["aes128", "aes192", "aes256", "des3", "des"] {
        let legacy = if cipher == "des" { "-provider default -provider legacy" } else { "" };
        folder.openssl(&format!(
            "rsa -in rsa-key.pem -traditional -{cipher} {legacy} -passout pass:secret -out locked.pem"
        ));
        assert!(folder.read("locked.pem").contains("DEK-Info"), "{cipher}");
        let line = "CFSSL_CA_PK_PASSWORD=secret cfssl gencert -ca rsa.pem -ca-key locked.pem leaf.json";
        ok(&folder, &format!("{line} | cfssljson -bare unlocked"));
        folder.openssl("verify -CAfile rsa.pem unlocked.pem");
        assert_eq!(sh(&folder, Whose::Theirs, line).code, 0, "{cipher}");
    }
    ok(
        &folder,
        "CA=$(cat ca.pem) KEY=$(cat ca-key.pem) cfssl gencert -ca env:CA -ca-key env:KEY leaf.json | cfssljson -bare env",
    );
    folder.openssl("verify -CAfile ca.pem env.pem");
}

#[test]
fn certinfo_prints_what_cfssl_prints() {
    let folder = folder();
    folder.write("full.json", r#"{"CN":"Жук","serialnumber":"7","hosts":["b.test","10.0.0.1","u@h","https://h/p?q=1#f","a.test"],"names":[{"C":"US","ST":"x&y","O":"a"},{"O":"b","OU":"c"}]}"#);
    ok(&folder, "cfssl gencert -ca ca.pem -ca-key ca-key.pem full.json | cfssljson -bare full");
    for line in ["cfssl certinfo -cert full.pem", "cfssl certinfo -cert - < ca.pem", "cfssl certinfo -cert leaf.pem"] {
        let ours = ok(&folder, line).stdout;
        assert_eq!(ours, sh(&folder, Whose::Theirs, line).stdout, "{line}");
    }
    assert_eq!(
        ok(&folder, "cfssl-certinfo -cert full.pem").stdout,
        ok(&folder, "cfssl certinfo -cert full.pem").stdout
    );
    for file in ["full.csr", "ca.csr"] {
        let ours = ok(&folder, &format!("cfssl certinfo -csr {file}")).stdout;
        let mut json: Value = serde_json::from_str(&ours).unwrap();
        assert!(json["Raw"].is_string());
        let theirs = sh(&folder, Whose::Theirs, &format!("cfssl certinfo -csr {file}"));
        let mut theirs: Value = serde_json::from_str(&theirs.stdout).unwrap();
        // Numbers of the key, and attributes as Go cannot quite read them.
        for left_out in ["PublicKey", "Attributes"] {
            theirs.as_object_mut().unwrap().remove(left_out);
            assert!(json.as_object_mut().unwrap().remove(left_out).is_none());
        }
        assert_eq!(json, theirs, "{file}");
    }
}

#[test]
fn certinfo_shows_the_certificate_of_a_server() {
    let folder = folder();
    ok(&folder, "cat leaf.pem ca.pem > chain.pem");
    // It takes a port of its own choice and says which.
    let mut server = std::process::Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "leaf.pem", "-key", "leaf-key.pem", "-www"])
        .current_dir(folder.path("."))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(server.stdout.take().unwrap()));
    let port =
        lines.find_map(|line| line.ok()?.strip_prefix("ACCEPT ")?.rsplit(':').next().map(str::to_owned)).unwrap();
    let ran = sh(&folder, Whose::Ours, &format!("cfssl certinfo -domain 127.0.0.1:{port}"));
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(ran.stdout, ok(&folder, "cfssl certinfo -cert leaf.pem").stdout, "{}", ran.stderr);
}

#[test]
fn templates_and_version_can_be_used_by_scripts() {
    let folder = folder();
    for name in ["config", "csr"] {
        let line = format!("cfssl print-defaults {name}");
        let ours = ok(&folder, &line).stdout;
        assert_eq!(sh(&folder, Whose::Theirs, &line).stdout, ours);
    }
    assert!(
        ok(&folder, "cfssl print-defaults list").stdout.starts_with("Default configurations are available for:\n\t")
    );
    assert!(ok(&folder, "cfssl version").stdout.starts_with("Version: 1.6.5\nRuntime: "));
    assert_eq!(ok(&folder, "cfssljson -version").stdout, ok(&folder, "cfssl version").stdout);
}

#[test]
fn standard_output_and_files_are_those_of_cfssl() {
    let folder = folder();
    let keys = |line: &str| {
        let out = ok(&folder, line).stdout;
        assert_eq!((out.matches('\n').count(), out.ends_with("}\n")), (1, true), "{line}");
        let json: Value = serde_json::from_str(&out).unwrap();
        json.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(keys("cfssl gencert -initca ca.json"), "cert csr key");
    assert_eq!(keys("cfssl gencert -initca -ca-key ca-key.pem ca.json"), "cert csr");
    assert_eq!(keys("cfssl gencert -renewca -ca ca.pem -ca-key ca-key.pem"), "cert");
    assert_eq!(keys("cfssl genkey leaf.json"), "csr key");
    assert_eq!(keys("cfssl gencsr -key leaf-key.pem -cert leaf.pem"), "csr key");
    assert_eq!(keys("cfssl sign -ca ca.pem -ca-key ca-key.pem -csr leaf.csr"), "cert csr");
    assert_eq!(keys("cfssl selfsign x leaf.json"), "cert csr key");
    // cfssljson: the API's envelope, and what is printed in place of files.
    folder.write("api.json", r#"{"success":true,"result":{"certificate":"C","private_key":"K","certificate_request":"R","encrypted_key":"E","ocspResponse":"AAEC","bundle":{"bundle":"B","root":"T"}},"errors":[],"messages":[]}"#);
    let ran = ok(&folder, "cfssljson -f api.json api");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let files = [
        ("api.pem", "C"),
        ("api-key.pem", "K"),
        ("api.csr", "R"),
        ("api-key.enc", "E"),
        ("api-response.der", "\0\u{1}\u{2}"),
    ];
    for (name, content) in files {
        assert_eq!(folder.read(name), content, "{name}");
        assert_eq!(folder.mode(name), if name.contains("-key") { 0o600 } else { 0o644 }, "{name}");
    }
    assert_eq!(folder.read("api-bundle.pem"), "B\nT");
    folder.write("bare.json", r#"{"cert":"C\n","key":"K\n","encrypted_key":"E","ocspResponse":"AAEC"}"#);
    let ours = ok(&folder, "cfssljson -stdout -bare -f bare.json").stdout;
    assert_eq!(sh(&folder, Whose::Theirs, "cfssljson -stdout -bare -f bare.json").stdout, ours);
    // A key goes where a link leads, as with cfssl; closed, which it is not with cfssl.
    for whose in [Whose::Theirs, Whose::Ours] {
        folder.write("target", "old");
        let _ = std::fs::remove_file(folder.path("link-key.pem"));
        symlink(folder.path("target"), folder.path("link-key.pem")).unwrap();
        sh(&folder, whose, "cfssl gencert -initca ca.json | cfssljson -bare link");
        assert!(folder.read("target").contains("PRIVATE KEY-----"));
    }
    assert_eq!(folder.mode("target"), 0o600);
}

#[test]
fn revocation_lists_are_good_for_openssl_and_go() {
    let folder = folder();
    folder.write("serials", "42\n\n0xff\n");
    ok(&folder, "cfssl gencrl serials ca.pem ca-key.pem 3600 | base64 -d > face.crl");
    assert!(go_ok(&folder, "crl face.crl ca.pem").ends_with("revoked 42 0\nrevoked 255 0\n"));
    folder.write("revoked.txt", "# lost\n42 keyCompromise 2026-01-31\n0xff superseded\n");
    folder.ok("gencrl revoked.txt ca.pem ca-key.pem --number 7 --out ca.crl");
    assert_eq!(go_ok(&folder, "crl ca.crl ca.pem"), "number 7\nrevoked 42 1\nrevoked 255 4\n");
    let text = folder.openssl("crl -in ca.crl -CAfile ca.pem -noout -text");
    assert!(
        text.contains("verify OK") && text.contains("Key Compromise") && text.contains("X509v3 CRL Number"),
        "{text}"
    );
    let serial = ok(&folder, "cfssl certinfo -cert leaf.pem | grep serial_number | cut -d '\"' -f 4").stdout;
    folder.write("leaf.txt", serial);
    folder.ok("gencrl leaf.txt ca.pem ca-key.pem --der --expiry 1y --out leaf.crl");
    folder.openssl("crl -inform DER -in leaf.crl -out leaf.crl.pem");
    let refused = sh(&folder, Whose::Ours, "openssl verify -crl_check -CAfile ca.pem -CRLfile leaf.crl.pem leaf.pem");
    assert!(refused.code != 0 && refused.stderr.contains("certificate revoked"), "{refused:?}");
    folder.openssl("verify -crl_check -CAfile ca.pem -CRLfile ca.crl leaf.pem");
    insta::assert_snapshot!(folder.refused("gencrl leaf.txt leaf.pem leaf-key.pem"), @r"
    error: leaf.pem: the certificate is not a CA (its basic constraints do not say CA:TRUE)
    exit code 4
    ");
}

#[test]
fn a_foreign_ca_keeps_its_name_when_it_is_renewed() {
    let folder = folder();
    folder.write(
        "ca.cnf",
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\nutf8=yes\nstring_mask=utf8only\n\
         [dn]\nCN=root 中文\nO=k8s\nemailAddress=a@b.c\n[ext]\nbasicConstraints=critical,CA:TRUE\n\
         keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nnameConstraints=permitted;DNS:test\n",
    );
    folder.openssl("req -x509 -newkey rsa:2048 -nodes -keyout root-key.pem -out root.pem -days 30 -config ca.cnf");
    ok(&folder, "cfssl gencert -ca root.pem -ca-key root-key.pem leaf.json | cfssljson -bare below");
    let dump = |file: &str| {
        let text = go_ok(&folder, &format!("dump {file}"));
        text.lines()
            .filter(|l| ["subject", "issuer", "extension"].iter().any(|w| l.starts_with(w)))
            .collect::<Vec<_>>()
            .join("\n")
    };
    ok(&folder, "cfssl gencert -renewca -ca root.pem -ca-key root-key.pem | cfssljson -bare face");
    folder.ok("gencert -renewca -ca root.pem -ca-key root-key.pem --out native");
    for name in ["face.pem", "native.pem"] {
        assert_eq!(dump(name), dump("root.pem"));
        folder.openssl(&format!("verify -CAfile {name} -verify_hostname leaf.test below.pem"));
        go_ok(&folder, &format!("chain server {name} - below.pem leaf.test"));
    }
    insta::assert_snapshot!(folder.refused("gencert -renewca -ca leaf.pem -ca-key leaf-key.pem"), @r"
    error: leaf.pem: the certificate was issued by another CA: renewed here, it would be a root
    hint: have the other CA sign it again
    exit code 4
    ");
}

#[test]
fn native_commands_make_csrs_bundles_and_self_signed_certificates() {
    let folder = folder();
    folder.ok("gencsr -key leaf-key.pem leaf.json --out spec");
    folder.ok("gencsr -key leaf-key.pem -cert leaf.pem -hostname b.test --out copy");
    for (name, host) in [("spec", "leaf.test"), ("copy", "b.test")] {
        let text = folder.openssl(&format!("req -in {name}.csr -noout -verify -text"));
        assert!(text.contains("CN = leaf") && text.contains(&format!("DNS:{host}")), "{text}");
    }
    folder.ok("selfsign web.test leaf.json --expiry 30d --out web");
    go_ok(&folder, "chain server web.pem - web.pem web.test leaf.test");
    go_ok(&folder, "pair web.pem web-key.pem");
    // One of a chain.
    folder.write("open.json", r#"{"CN":"open"}"#);
    folder.write("sub.json", r#"{"CN":"sub"}"#);
    folder
        .write("config.json", CONFIG.replace(r#""99999h","whitelist":1"#, r#""1h""#).replace(r#""Server Auth","#, ""));
    folder.ok("gencert -initca open.json --out open");
    folder.ok("gencert -ca open.pem -ca-key open-key.pem -config config.json -profile ca sub.json --out sub");
    folder.ok("gencert -ca sub.pem -ca-key sub-key.pem -config config.json leaf.json --out below");
    folder.ok("bundle below.pem --ca-bundle open.pem --int-bundle sub.pem --out full.pem");
    assert_eq!(folder.read("full.pem"), folder.read("below.pem") + &folder.read("sub.pem"));
    assert_eq!(
        folder.ok("bundle full.pem --ca-bundle open.pem --with-root").stdout,
        folder.read("full.pem") + &folder.read("open.pem")
    );
    assert!(folder.refused("bundle below.pem --ca-bundle open.pem").contains("no chain leads"));
    // A serial number of one's own.
    let ca = "-ca open.pem -ca-key open-key.pem -config config.json";
    folder.ok(&format!("gencert {ca} -profile serial -serial 0x2a leaf.json --out numbered"));
    assert_eq!(folder.openssl("x509 -in numbered.pem -noout -serial").trim(), "serial=2A");
    assert!(folder.refused(&format!("gencert {ca} -profile serial leaf.json")).ends_with("exit code 2"));
    assert!(folder.refused(&format!("gencert {ca} -serial 5 leaf.json")).ends_with("exit code 2"));
}

#[test]
fn whitelists_hold_in_both_faces() {
    let folder = folder();
    folder.write(
        "config.json",
        r#"{"signing":{"profiles":{"white":{"usages":["any"],"expiry":"1h","name_whitelist":"\\.test$|^leaf$"}}}}"#,
    );
    folder.write("evil.json", r#"{"CN":"leaf","hosts":["leaf.test","evil.example","10.0.0.1"]}"#);
    let ca = "-ca ca.pem -ca-key ca-key.pem -config config.json -profile white";
    folder.ok(&format!("gencert {ca} leaf.json --out white"));
    insta::assert_snapshot!(folder.refused(&format!("gencert {ca} evil.json")), @r"
    error: the profile's name_whitelist `\.test$|^leaf$` does not allow `evil.example`
    exit code 4
    ");
    for whose in [Whose::Ours, Whose::Theirs] {
        let ran = sh(&folder, whose, &format!("cfssl gencert {ca} evil.json"));
        assert!(ran.code == 1 && ran.stderr.contains(r#"{"code":5500,"#), "{ran:?}");
    }
}

#[test]
fn links_are_made_and_other_programs_are_left_alone() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("bin")).unwrap();
    assert_eq!(folder.ok("install-links bin").stdout, "bin/cfssl\nbin/cfssljson\nbin/cfssl-certinfo\n");
    folder.ok("install-links bin");
    assert!(std::fs::symlink_metadata(folder.path("bin/cfssl")).unwrap().is_symlink());
    folder.ok("install-links --copy bin");
    assert!(std::fs::symlink_metadata(folder.path("bin/cfssl")).unwrap().is_file());
    let ran = sh(&folder, Whose::Ours, "bin/cfssl version && bin/cfssljson -version");
    assert_eq!(ran.stdout.matches("Version: 1.6.5").count(), 2, "{ran:?}");
    folder.write("bin/cfssl", "#!/bin/sh\n");
    insta::assert_snapshot!(folder.refused("install-links bin"), @r"
    error: bin/cfssl is another program
    hint: --force replaces it
    exit code 3
    ");
    assert_eq!(folder.read("bin/cfssl"), "#!/bin/sh\n");
    folder.ok("install-links --force bin");
    assert_eq!(std::fs::read_dir(folder.path("bin")).unwrap().count(), 3);
    insta::assert_snapshot!(folder.refused("install-links none"), @r"
    error: there is no folder none
    hint: make it first
    exit code 3
    ");
}

#[test]
fn what_go_refuses_is_noticed() {
    let folder = folder();
    // The verifier itself: a certificate of another CA, and another name.
    ok(&folder, "cfssl gencert -initca ca.json | cfssljson -bare other");
    assert!(go(&folder, "chain server other.pem - leaf.pem leaf.test").is_err());
    assert!(go(&folder, "chain server ca.pem - leaf.pem wrong.test").is_err());
    assert!(go(&folder, "pair leaf.pem ca-key.pem").is_err());
}
