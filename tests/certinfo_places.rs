//! `certinfo` on everything that holds certificates: files of every form, folders, kubeconfigs, stores.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::pki_tools::{Folder, P256, with_ca};

/// A root, an intermediate CA of it, a leaf of each, and a client of a Kubernetes group.
fn pki() -> Folder {
    let folder = with_ca(P256);
    folder.write("int.json", r#"{"CN":"intermediate"}"#);
    folder.write("leaf.json", r#"{"CN":"leaf","hosts":["leaf","10.0.0.1","u@leaf.example","spiffe://d/w"]}"#);
    folder.write("admin.json", r#"{"CN":"admin","names":[{"O":"system:masters"}]}"#);
    let ca = "-ca ca.pem -ca-key ca-key.pem -config config.json";
    folder.ok(&format!("gencert {ca} -profile intermediate int.json --out int"));
    folder.ok(&format!("gencert {ca} -profile client admin.json --out admin"));
    folder.ok(&format!("gencert {ca} -profile peer leaf.json --out leaf"));
    let below = "-ca int.pem -ca-key int-key.pem -config config.json -profile server";
    folder.ok(&format!("gencert {below} leaf.json --out below"));
    folder
}

fn entries(folder: &Folder, line: &str) -> Vec<Value> {
    folder.json(&format!("{line} -o json")).as_array().unwrap().clone()
}

fn entry(folder: &Folder, line: &str, cn: &str) -> Value {
    let all = entries(folder, line);
    let found = all.iter().find(|e| e["certificate"]["subject"]["common_name"] == cn);
    found.unwrap_or_else(|| panic!("{line}: no {cn} in {all:#?}")).clone()
}

#[test]
fn a_folder_is_a_table_sorted_by_days_left_in_which_keys_and_texts_are_passed_over() {
    let folder = pki();
    std::fs::create_dir_all(folder.path("pki/deep")).unwrap();
    for name in ["ca.pem", "ca-key.pem", "int.pem", "config.json", "admin.pem"] {
        folder.copy(name, &format!("pki/{name}"));
    }
    folder.openssl("x509 -in below.pem -outform DER -out pki/deep/below.der");
    symlink(folder.path("leaf.pem"), folder.path("pki/current.pem")).unwrap();
    symlink(folder.path("pki"), folder.path("pki/deep/round")).unwrap();
    let ran = folder.ok("certinfo pki");
    let rows: Vec<Vec<&str>> =
        ran.stdout.lines().map(|line| line.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect()).collect();
    assert_eq!(rows[0], ["DAYS", "SUBJECT", "NAMES", "KEY", "FOR", "CA", "ISSUER", "CHAIN", "WHERE"]);
    assert_eq!(rows.len(), 6, "{}", ran.stdout);
    let subjects: Vec<_> = rows[1..].iter().map(|row| (row[0], row[1], row[row.len() - 2])).collect();
    let ends: Vec<i64> = subjects.iter().map(|(days, ..)| days.parse().unwrap()).collect();
    assert!(ends.is_sorted(), "{}", ran.stdout);
    assert_eq!(subjects[3..], [("3284", "intermediate", "ok"), ("3649", "root", "root")]);
    assert!(ran.stdout.contains("leaf,email:u@leaf.example,10.0.0.1,URI:spiffe://d/w"), "{}", ran.stdout);
    assert!(ran.stdout.contains("admin (system:masters)"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "no colour without a terminal");
    assert_eq!(ran.stderr, "note: 2 other files hold no certificate\n");
    let wide = folder.ok("certinfo pki -o wide").stdout;
    assert!(wide.contains("DNS:leaf,email:u@leaf.example,IP:10.0.0.1,URI:spiffe://d/w"), "{wide}");
    assert!(wide.contains("digital signature, key encipherment, server auth, client auth"), "{wide}");
    let yaml = folder.ok("certinfo pki/ca.pem -o yaml").stdout;
    assert!(yaml.contains("common_name: root") && yaml.contains("verified: true"), "{yaml}");
}

#[test]
fn chains_verify_against_the_cas_that_are_there_or_are_named() {
    let folder = pki();
    let path = |line: &str, cn: &str| {
        let entry = entry(&folder, line, cn);
        (
            entry["chain"]["verified"].as_bool().unwrap(),
            entry["chain"]["path"].to_string(),
            entry["chain"]["why"].as_str().unwrap_or("").to_owned(),
        )
    };
    let (verified, path_of_leaf, _) = path("certinfo ca.pem int.pem below.pem", "leaf");
    assert!(verified);
    assert_eq!(
        path_of_leaf,
        "[\"CN=intermediate\",\"C=CN, ST=Beijing, L=Beijing, O=k8s + O=second, OU=System, CN=root\"]"
    );
    assert!(path("certinfo int.pem below.pem --ca ca.pem", "leaf").0);
    assert_eq!(path("certinfo below.pem", "leaf").2, "its issuer `CN=intermediate` is not at hand");
    assert_eq!(
        path("certinfo below.pem int.pem", "leaf").2,
        "the issuer `C=CN, ST=Beijing, L=Beijing, O=k8s + O=second, OU=System, CN=root` of its CA is not at hand"
    );
    // An intermediate CA that is named is trusted as it is.
    assert!(path("certinfo below.pem --ca int.pem", "leaf").0);
    // Another CA of the same name.
    let other = with_ca(P256);
    std::fs::copy(other.path("ca.pem"), folder.path("other.pem")).unwrap();
    assert_eq!(
        path("certinfo leaf.pem --ca other.pem", "leaf").2,
        "it was not signed with the key of `C=CN, ST=Beijing, L=Beijing, O=k8s + O=second, OU=System, CN=root` that is at hand: another CA of the same name"
    );
    assert_eq!(
        path("certinfo ca.pem --ca other.pem", "root").2,
        "it is self-signed, and not one of the CAs to be trusted"
    );
    // Both at hand: the right one is found whichever comes first.
    assert!(path("certinfo other.pem ca.pem leaf.pem", "leaf").0);
    assert!(path("certinfo ca.pem other.pem leaf.pem", "leaf").0);
}

#[test]
fn cas_that_sign_each_other_do_not_go_in_circles() {
    let folder = Folder::new();
    folder.write("ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
    for name in ["a", "b", "leaf"] {
        folder.openssl(&format!("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -subj /CN={name} -out {name}.csr"));
        folder.openssl(&format!(
            "x509 -req -in {name}.csr -signkey {name}.key -days 5 -extfile ext -out {name}-self.pem"
        ));
    }
    let cross = |of: &str, by: &str| {
        folder.openssl(&format!("x509 -req -in {of}.csr -CA {by}-self.pem -CAkey {by}.key -CAcreateserial -days 5 -extfile ext -out {of}-by-{by}.pem"));
    };
    cross("a", "b");
    cross("b", "a");
    cross("leaf", "a");
    let leaf = |files: &str| entry(&folder, &format!("certinfo leaf-by-a.pem {files}"), "leaf")["chain"].clone();
    let lost = leaf("a-by-b.pem b-by-a.pem");
    assert_eq!(lost["why"], "the CAs above it lead to no root", "{lost}");
    let found = leaf("a-by-b.pem b-by-a.pem b-self.pem");
    assert_eq!(found["path"], serde_json::json!(["CN=a", "CN=b"]), "{found}");
}

#[test]
fn reasons_are_those_of_openssl() {
    let folder = Folder::new();
    folder.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 10 -subj /CN=ca -addext nameConstraints=permitted;DNS:example.net -addext extendedKeyUsage=clientAuth");
    folder.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout nc.key -out nc.pem -days 10 -subj /CN=nc -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext nameConstraints=permitted;DNS:example.net");
    folder.issue("server", "ca", "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:a.example.net\n");
    folder.issue("outside", "nc", "subjectAltName=DNS:a.example.org\n");
    folder.issue("inside", "nc", "subjectAltName=DNS:a.example.net\n");
    folder.issue("sub", "nc", "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n");
    folder.issue("deep", "sub", "subjectAltName=DNS:a.example.net\n");
    folder.issue("nosign", "nc", "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\n");
    folder.issue("forged", "nosign", "subjectAltName=DNS:a.example.net\n");
    let why = |files: &str, cn: &str| {
        let entry = entry(&folder, &format!("certinfo {files}"), cn);
        entry["chain"]["why"].as_str().unwrap_or("").to_owned()
    };
    assert_eq!(why("ca.pem server.pem", "server"), "the CA `CN=ca` is not for server auth");
    assert_eq!(
        why("nc.pem outside.pem", "outside"),
        "the CA `CN=nc` may not issue for DNS:a.example.org (name constraints)"
    );
    assert_eq!(why("nc.pem inside.pem", "inside"), "");
    assert_eq!(why("nc.pem sub.pem", "sub"), "the CA `CN=nc` allows no CA below it (path length)");
    assert_eq!(why("nc.pem sub.pem deep.pem", "deep"), "the CA `CN=nc` allows no CA below it (path length)");
    assert_eq!(why("nc.pem nosign.pem forged.pem", "forged"), "its issuer `CN=nosign` is not at hand");
    // openssl is of the same opinion on each.
    for (line, error) in [
        ("verify -purpose sslserver -CAfile ca.pem server.pem", "unsuitable certificate purpose"),
        ("verify -CAfile nc.pem outside.pem", "permitted subtree violation"),
        ("verify -CAfile nc.pem -untrusted sub.pem deep.pem", "path length constraint exceeded"),
        ("verify -CAfile nc.pem -untrusted nosign.pem forged.pem", "invalid CA certificate"),
    ] {
        let ran = folder.try_openssl(line);
        assert!(ran.code != 0 && ran.stderr.contains(error), "{line}: {ran:?}");
    }
    folder.openssl("verify -CAfile nc.pem inside.pem");
}

#[test]
fn a_kubeconfig_gives_its_cas_and_users_from_data_and_from_files() {
    let folder = pki();
    let base64 = |file: &str| folder.openssl(&format!("base64 -A -in {file}")).trim().to_owned();
    std::fs::create_dir(folder.path("pki")).unwrap();
    folder.copy("admin.pem", "pki/admin.pem");
    folder.write(
        "admin.conf",
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: prod\n  cluster:\n    server: https://10.0.0.1:6443\n    certificate-authority-data: {}\nusers:\n- name: joe\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n- name: jane\n  user:\n    client-certificate: pki/admin.pem\n    client-key: none.pem\n- name: token\n  user: {{token: abc}}\ncontexts: []\n",
            base64("ca.pem"), base64("admin.pem"), base64("admin-key.pem"),
        ),
    );
    let all = entries(&folder, "certinfo admin.conf");
    let places: Vec<_> =
        all.iter().map(|e| (e["place"].as_str().unwrap(), e["chain"]["verified"].as_bool().unwrap())).collect();
    assert_eq!(
        places,
        [("admin.conf (user jane)", true), ("admin.conf (user joe)", true), ("admin.conf (CA of prod)", true)]
    );
    folder.write("broken.conf", "clusters: []\nusers: [\nclient-key-data: topsecret\n");
    let refused = folder.refused("certinfo broken.conf");
    insta::assert_snapshot!(refused, @r"
    error: broken.conf: it looks like a kubeconfig, and is not one
    exit code 3
    ");
}

#[test]
fn stores_of_openssl_and_java_open_with_their_password() {
    let folder = pki();
    folder.write("password.txt", "geheim-1\n");
    folder.openssl(
        "pkcs12 -export -in leaf.pem -inkey leaf-key.pem -certfile ca.pem -out modern.p12 -passout file:password.txt",
    );
    folder.openssl("pkcs12 -export -legacy -in leaf.pem -inkey leaf-key.pem -certfile ca.pem -out legacy.p12 -passout file:password.txt");
    folder.openssl("pkcs12 -export -in leaf.pem -inkey leaf-key.pem -out open.p12 -passout pass:");
    for store in ["modern.p12", "legacy.p12"] {
        let all = entries(&folder, &format!("certinfo {store} --password-file password.txt"));
        let names: Vec<_> = all.iter().map(|e| e["certificate"]["subject"]["common_name"].as_str().unwrap()).collect();
        assert_eq!(names, ["leaf", "root"], "{store}");
        assert!(all.iter().all(|e| e["chain"]["verified"] == true), "{store}");
    }
    assert_eq!(entries(&folder, "certinfo open.p12").len(), 1);
    insta::assert_snapshot!(folder.refused("certinfo modern.p12"), @r"
    error: modern.p12: the PKCS#12 store has a password
    hint: give it: --password-file FILE (its first line), or the variable KBOOTSTRAP_PASSWORD
    exit code 4
    ");
    folder.write("wrong.txt", "wrong\n");
    insta::assert_snapshot!(folder.refused("certinfo modern.p12 --password-file wrong.txt"), @r"
    error: modern.p12: the password is not the right one, or the file is damaged
    exit code 4
    ");
    // In a folder, a closed store is reported and skipped.
    std::fs::create_dir(folder.path("stores")).unwrap();
    folder.copy("modern.p12", "stores/modern.p12");
    folder.copy("ca.pem", "stores/ca.pem");
    let ran = folder.ok("certinfo stores");
    assert_eq!(ran.stderr, "note: passed over: stores/modern.p12: the PKCS#12 store has a password\n");
    std::fs::remove_file(folder.path("stores/ca.pem")).unwrap();
    assert!(folder.refused("certinfo stores").ends_with("exit code 4"), "nothing shown is no success");
    std::fs::remove_file(folder.path("stores/modern.p12")).unwrap();
    insta::assert_snapshot!(folder.refused("certinfo stores"), @r"
    error: there is no certificate in any of these files
    exit code 4
    ");
}

#[test]
fn monitoring_gets_an_exit_code() {
    let folder = pki();
    let code = |line: &str| folder.kbootstrap(&format!("certinfo {line}"), "").code;
    assert_eq!(code("ca.pem leaf.pem"), 0);
    assert_eq!(code("ca.pem leaf.pem --warn-days 30"), 0);
    assert_eq!(code("ca.pem leaf.pem --warn-days 364"), 11);
    assert_eq!(code("leaf.pem --warn-days 30"), 0, "the root is not at hand, which is no alarm");
    let other = with_ca(P256);
    std::fs::copy(other.path("ca.pem"), folder.path("other.pem")).unwrap();
    assert_eq!(code("leaf.pem --warn-days 30 --ca ca.pem"), 0);
    assert_eq!(code("leaf.pem --warn-days 30 --ca other.pem"), 12);
    folder.openssl("genpkey -algorithm ed25519 -out k");
    folder.openssl("req -new -key k -subj /CN=old -out old.csr");
    folder.openssl("x509 -req -in old.csr -signkey k -days 0 -out now.pem");
    folder.openssl("x509 -in now.pem -outform DER -out old.der");
    let mut der = std::fs::read(folder.path("old.der")).unwrap();
    // Both times lie twenty years earlier; the signature no longer fits, which is another matter.
    for at in 0..der.len() - 15 {
        if der[at..at + 3] == [0x17, 13, b'2'] {
            der[at + 2] = b'0';
        }
    }
    folder.write("old.pem", &der);
    assert_eq!(code("old.pem ca.pem"), 0, "nobody asked");
    assert_eq!(code("old.pem ca.pem --warn-days 30"), 12);
    assert_eq!(code("ca.pem none.pem --warn-days 30"), 3);
    folder.write("broken.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    let ran = folder.kbootstrap("certinfo ca.pem broken.pem", "");
    assert!(
        ran.code == 4
            && ran.stdout.contains("root")
            && ran.stderr.contains("broken.pem: the certificate cannot be parsed"),
        "{ran:?}"
    );
}

#[test]
fn signatures_of_every_algorithm_verify_or_are_said_not_to_be_checked() {
    let folder = Folder::new();
    let verdict = |name: &str, files: &str| {
        let chain = entry(&folder, &format!("certinfo {files}"), name)["chain"].clone();
        chain["why"].as_str().unwrap_or("ok").to_owned()
    };
    folder.write("ext", "subjectAltName=DNS:a.example\n");
    for (kind, key) in [("rsa", "rsa:2048"), ("ec", "ec -pkeyopt ec_paramgen_curve:P-384")] {
        folder.openssl(&format!(
            "req -x509 -newkey {key} -nodes -keyout {kind}.key -out {kind}.pem -days 9 -subj /CN=ca-{kind}"
        ));
        folder.openssl(&format!("req -new -newkey {key} -nodes -keyout leaf.key -subj /CN=leaf -out {kind}.csr"));
        // Another CA of that name.
        folder.openssl(&format!(
            "req -x509 -newkey {key} -nodes -keyout other.key -out {kind}-other.pem -days 9 -subj /CN=ca-{kind}"
        ));
    }
    for (kind, options) in [
        ("rsa", "-sha224"),
        ("rsa", "-sha3-256"),
        ("rsa", "-sha3-512"),
        ("rsa", "-sha256 -sigopt rsa_padding_mode:pss"),
        ("rsa", "-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"),
        ("rsa", "-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha256"),
        ("ec", "-sha1"),
        ("ec", "-sha224"),
        ("ec", "-sha3-384"),
    ] {
        folder.openssl(&format!(
            "x509 -req -in {kind}.csr -CA {kind}.pem -CAkey {kind}.key -CAcreateserial -days 5 {options} -extfile ext -out leaf.pem"
        ));
        // It writes ECDSA with SHA-3 and does not read it.
        if (kind, options) != ("ec", "-sha3-384") {
            folder.openssl(&format!("verify -CAfile {kind}.pem leaf.pem"));
        }
        assert_eq!(verdict("leaf", &format!("leaf.pem --ca {kind}.pem")), "ok", "{kind} {options}");
        let other = verdict("leaf", &format!("leaf.pem --ca {kind}-other.pem"));
        assert!(other.contains("another CA of the same name"), "{kind} {options}: {other}");
    }
    folder.openssl(
        "x509 -req -in rsa.csr -CA rsa.pem -CAkey rsa.key -days 5 -md5 -extfile ext -out leaf.pem -set_serial 5",
    );
    let unknown = "signature algorithm MD5WithRSA cannot be checked here";
    assert_eq!(verdict("leaf", "leaf.pem --ca rsa.pem"), unknown);
    folder.openssl("req -x509 -key rsa.key -md5 -out root.pem -days 9 -subj /CN=ca-rsa");
    folder.openssl("x509 -req -in rsa.csr -CA rsa.pem -CAkey rsa.key -days 5 -extfile ext -out leaf.pem -set_serial 6");
    assert_eq!(verdict("leaf", "leaf.pem --ca root.pem"), "ok", "nobody asks for a root's own signature");
    assert_eq!(verdict("leaf", "leaf.pem root.pem"), format!("its root `CN=ca-rsa`: {unknown}"));
    assert_eq!(verdict("ca-rsa", "root.pem"), unknown);
}

#[test]
fn a_damaged_certificate_in_a_folder_is_an_alarm_and_a_text_is_not() {
    let folder = pki();
    std::fs::create_dir(folder.path("pki")).unwrap();
    let leaf = folder.read("leaf.pem");
    folder.write("pki/ca.pem", folder.read("ca.pem"));
    folder.write("pki/README.md", "Put it here:\n-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n");
    folder.write("pki/notes.txt", "-----BEGIN CERTIFICATE-----\nand so on\n");
    folder.write("pki/.kbootstrap-Ab12Cd", &leaf);
    let ran = folder.ok("certinfo pki --warn-days 30");
    assert_eq!(ran.stderr, "note: 2 other files hold no certificate\n");
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    let lint = folder.kbootstrap("certlint pki", "");
    assert!(lint.stdout.contains("1 certificate and 0 keys") && lint.code == 0, "{lint:?}");
    // One character is lost, and the rest of the file is as it was.
    let damaged = leaf.replacen("\nMII", "\nMI", 1);
    for (text, problem) in [
        (damaged, "line 1: the CERTIFICATE block is not valid base64"),
        (leaf.lines().take(5).map(|line| line.to_owned() + "\n").collect(), "line 1: BEGIN CERTIFICATE has no END"),
        (leaf.replacen("\nMII", "\nMIJ", 1), "the certificate cannot be parsed"),
    ] {
        folder.write("pki/chain", text + &folder.read("int.pem"));
        let ran = folder.kbootstrap("certinfo pki --warn-days 30", "");
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stderr.contains(&format!("pki/chain: {problem}")), "{ran:?}");
        assert!(ran.stdout.contains("intermediate") && !ran.stdout.contains("Ab12Cd"), "{}", ran.stdout);
        let lint = folder.kbootstrap("certlint pki", "");
        assert!(lint.code == 4 && lint.stdout.contains("[unreadable]"), "{lint:?}");
        assert!(lint.stdout.contains("3 certificates and 0 keys"), "{lint:?}");
    }
}

#[test]
fn what_cannot_be_read_in_a_folder_is_passed_over_and_told() {
    let folder = pki();
    std::fs::create_dir(folder.path("pki")).unwrap();
    folder.write("pki/ca.pem", folder.read("ca.pem"));
    // Nobody can read it from its beginning, not even root, who may read everything.
    symlink("/proc/self/mem", folder.path("pki/ca-key.pem")).unwrap();
    let ran = folder.ok("certinfo pki");
    assert!(ran.stderr.starts_with("note: passed over: cannot read pki/ca-key.pem"), "{ran:?}");
    let ran = folder.ok("certlint pki");
    assert_eq!(ran.stderr, "note: passed over: 1 file or folder that cannot be read\n");
    for command in ["certinfo", "certlint"] {
        let named = folder.kbootstrap(&format!("{command} pki/ca.pem pki/ca-key.pem"), "");
        assert!(named.code == 3 && named.stderr.contains("cannot read pki/ca-key.pem"), "{named:?}");
        let server = folder.kbootstrap(&format!("{command} www.example.net"), "");
        assert!(
            server.code == 3 && server.stderr.contains("hint: a server is HOST:PORT: www.example.net:443"),
            "{server:?}"
        );
    }
}

#[test]
fn files_of_another_form_get_a_remedy() {
    let folder = pki();
    let hint = |line: &str| {
        let text = folder.refused(line);
        text.lines().find(|line| line.starts_with("hint: ")).unwrap_or_else(|| panic!("{line}: {text}")).to_owned()
    };
    folder.openssl("x509 -in ca.pem -outform DER -out ca.der");
    folder.openssl("pkcs12 -export -in leaf.pem -inkey leaf-key.pem -out leaf.p12 -passout pass:");
    folder.write("bom.pem", "\u{feff}".to_owned() + &folder.read("ca.pem"));
    let utf16 = folder.read("ca.pem").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    folder.write("utf16.pem", [&[0xff, 0xfe], utf16.as_slice()].concat());
    for (file, remedy) in [("leaf.p12", "openssl pkcs12 -in"), ("utf16.pem", "iconv -f UTF-16")] {
        let said = hint(&format!("certinfo leaf.pem --ca {file}"));
        assert!(said.contains(remedy), "{file}: {said}");
    }
    for file in ["ca.der", "bom.pem"] {
        folder.ok(&format!("certinfo {file} --ca {file}"));
    }
    assert!(hint("certinfo utf16.pem").contains("iconv -f UTF-16"));
}

#[test]
fn what_has_ended_ten_days_ago_says_so() {
    let folder = Folder::new();
    let now = OffsetDateTime::now_utc();
    // A certificate begins five minutes before it is made.
    folder.root("old", now - Duration::days(20), "240h");
    folder.root("today", now - Duration::days(10), "239h");
    let ran = folder.ok("certinfo old.pem today.pem");
    let days: Vec<_> = ran.stdout.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(days, ["-10", "-0"], "{}", ran.stdout);
    let all = entries(&folder, "certinfo old.pem today.pem");
    assert_eq!((&all[0]["days_left"], &all[1]["days_left"]), (&(-10).into(), &0.into()));
    assert!(all.iter().all(|entry| entry["ended"] == true), "{all:#?}");
    let details = folder.ok("certinfo old.pem today.pem -o details").stdout;
    assert!(details.contains("ended 10 days ago") && details.contains("ended today"), "{details}");
    assert_eq!(folder.kbootstrap("certinfo today.pem --warn-days 0", "").code, 12);
}

#[test]
fn a_table_is_as_wide_as_the_terminal_and_whole_elsewhere() {
    let folder = pki();
    let names: Vec<_> = (0..30).map(|i| format!("\"host-{i}.example\"")).collect();
    folder.write("many.json", format!(r#"{{"CN":"many","hosts":[{}]}}"#, names.join(",")));
    folder.ok("gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile server many.json --out many");
    let whole = folder.ok("certinfo many.pem leaf.pem").stdout;
    assert!(whole.contains("host-29.example") && !whole.contains('…'), "{whole}");
    for columns in [80, 100] {
        let line = format!("stty cols {columns}; {} certinfo many.pem leaf.pem", env!("CARGO_BIN_EXE_kbootstrap"));
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(folder.path("")).env("NO_COLOR", "1");
        let shown = String::from_utf8(script.output().unwrap().stdout).unwrap();
        assert!(shown.contains(",+2"), "{shown}");
        let wide = shown.lines().find(|line| line.trim_end().chars().count() > columns);
        assert_eq!(wide, None, "{shown}");
    }
}
