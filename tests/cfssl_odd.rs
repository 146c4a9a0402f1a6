//! Odd files and specs, with the real cfssl and with ours: what comes out is the same, and openssl accepts what ours makes.

use serde_json::Value;

use crate::cfssl_both::{Whose, go_ok, ok, sh};
use crate::pki_tools::Folder;

const CONFIG: &str = r#"{"signing":{"default":{"expiry":"1h","usages":["any"]},"profiles":{
    "twice":{"expiry":"2h","usages":["server auth"],"crl_url":"http://first.test/"},
    "copy":{"expiry":"1h","usages":["any"],"copy_extensions":true,"crl_url":"http://c.test/"},
    "ca":{"expiry":"1h","usages":["any","cert sign"],"ca_constraint":{"is_ca":true,"max_path_len":3}},
    "twice":{"expiry":"3h","usages":["client auth"]}}}}"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("config.json", CONFIG);
    folder.write("ca.json", r#"{"CN":"ca"}"#);
    folder.write("x.json", r#"{"CN":"x","hosts":["x.test"],"names":[{"C":"c","O":"o"}]}"#);
    ok(&folder, "cfssl gencert -initca ca.json | cfssljson -bare ca; cfssl genkey x.json | cfssljson -bare x");
    folder
}

/// The fields of the certificate that the steps leave in `out.pem`, without its times; with both.
fn same_certificate(folder: &Folder, steps: &str) -> String {
    let fields = |whose| {
        let ran = sh(folder, whose, &format!("set -e; rm -f out.pem; {steps} | cfssljson -bare out"));
        assert_eq!(ran.code, 0, "{whose:?} {steps}: {ran:#?}");
        let text = go_ok(folder, "dump out.pem ca.pem");
        // Of those who sign themselves the times are not rounded, and in every sixtieth case they are whole minutes.
        let by_chance = if steps.contains("selfsign") { "whole minutes" } else { "begins" };
        let fields = text.lines().filter(|line| ["begins", "key", by_chance].iter().all(|word| !line.contains(word)));
        fields.collect::<Vec<_>>().join("\n")
    };
    let theirs = fields(Whose::Theirs);
    let ours = fields(Whose::Ours);
    assert_eq!(theirs, ours, "{steps}");
    ours
}

#[test]
fn a_renewed_root_of_openssl_still_leads_to_its_leaves() {
    let folder = folder();
    folder.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root-key.pem -subj /O=x/CN=root -days 100 -out root.pem -addext authorityKeyIdentifier=keyid:always,issuer:always");
    assert!(folder.openssl("x509 -in root.pem -noout -text").contains("DirName"), "the root names its serial number");
    folder.write(
        "issuer.json",
        r#"{"signing":{"default":{"expiry":"9h","usages":["cert sign"],"crl_url":"http://root.test/crl",
        "issuer_urls":["http://root.test/"],"ca_constraint":{"is_ca":true}}}}"#,
    );
    ok(
        &folder,
        "set -e
        cfssl gencert -ca root.pem -ca-key root-key.pem -config issuer.json ca.json | cfssljson -bare inter
        cfssl gencert -ca root.pem -ca-key root-key.pem x.json | cfssljson -bare leaf
        cfssl gencert -ca inter.pem -ca-key inter-key.pem x.json | cfssljson -bare below
        cfssl gencert -renewca -ca root.pem -ca-key root-key.pem | cfssljson -bare new-root
        cfssl gencert -renewca -ca inter.pem -ca-key inter-key.pem | cfssljson -bare new-inter",
    );
    folder.openssl("verify -CAfile new-root.pem leaf.pem");
    folder.openssl("verify -CAfile new-root.pem -untrusted inter.pem below.pem");
    folder.openssl("verify -CAfile new-inter.pem below.pem");
    let text = folder.openssl("x509 -in new-inter.pem -noout -text");
    assert!(!text.contains("root.test") && !text.contains("Authority Key"), "{text}");
    go_ok(&folder, "chain any new-root.pem - leaf.pem x.test");
}

#[test]
fn of_two_profiles_of_one_name_the_last_counts_alone() {
    let folder = folder();
    same_certificate(&folder, "cfssl gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile twice x.json");
}

#[test]
fn an_empty_expiry_is_the_default_and_does_not_count_for_a_csr() {
    let folder = folder();
    folder.write("empty.json", r#"{"CN":"c","ca":{"expiry":"","backdate":""}}"#);
    folder.write("odd.json", r#"{"CN":"c","ca":{"expiry":"1y","backdate":"zz"}}"#);
    folder.write("half.json", r#"{"CN":"c","ca":{"expiry":"1h","backdate":"zz"}}"#);
    for (line, good) in [
        ("cfssl gencert -initca empty.json", true),
        ("cfssl gencert -initca -ca-key ca-key.pem empty.json", true),
        ("cfssl gencert -initca -ca-key ca-key.pem half.json", true),
        ("cfssl gencert -initca half.json", false),
        ("cfssl gencsr -key ca-key.pem odd.json", true),
        ("cfssl selfsign h odd.json", true),
    ] {
        for whose in [Whose::Ours, Whose::Theirs] {
            let ran = sh(&folder, whose, line);
            assert_eq!(ran.code == 0, good, "{whose:?} {line}: {ran:#?}");
        }
    }
}

#[test]
fn pem_is_read_as_go_reads_it() {
    let folder = folder();
    ok(
        &folder,
        r"sed 's/^\(-----BEGIN.*\)$/\1  \t/' x.csr > begin.csr
        sed 's/^\(-----END.*\)$/\1 \t/' x.csr > end.csr
        sed 's/^\(-----BEGIN.*\)$/\1 x/' x.csr > junk.csr
        (echo '-----BEGIN FOO-----'; cat x.csr) > unclosed.csr
        (echo '-----BEGIN CERTIFICATE REQUEST-----'; cat x.csr) > twice.csr
        sed 's/CERTIFICATE/FOO/' x.csr > label.csr
        (echo '-----BEGIN CERTIFICATE-----'; cat ca.pem) > unclosed.pem
        (echo '-----BEGIN X-----'; cat ca-key.pem) > unclosed-key.pem
        sed 's/ CERTIFICATE/ ANYTHING/' ca.pem > label.pem
        cfssl gencert -ca ca.pem -ca-key ca-key.pem x.json | cfssljson -bare leaf",
    );
    let sign = |files: &str| format!("cfssl sign {files}");
    let plain = "-ca ca.pem -ca-key ca-key.pem";
    for line in [
        sign(&format!("{plain} begin.csr")),
        sign(&format!("{plain} end.csr")),
        sign(&format!("{plain} junk.csr")),
        sign(&format!("{plain} unclosed.csr")),
        sign(&format!("{plain} twice.csr")),
        sign(&format!("{plain} label.csr")),
        sign("-ca unclosed.pem -ca-key unclosed-key.pem x.csr"),
        sign("-ca label.pem -ca-key ca-key.pem x.csr"),
        "cfssl bundle -ca-bundle unclosed.pem -cert leaf.pem".to_owned(),
        "cfssl certinfo -csr label.csr".to_owned(),
        "cfssl certinfo -cert unclosed.pem".to_owned(),
    ] {
        let ours = sh(&folder, Whose::Ours, &line);
        let theirs = sh(&folder, Whose::Theirs, &line);
        assert_eq!(ours.code, theirs.code, "{line}: {ours:#?} {theirs:#?}");
        if ours.code != 0 {
            assert_eq!(ours.stderr.lines().last(), theirs.stderr.lines().last(), "{line}");
        }
    }
}

#[test]
fn a_subject_file_has_no_say_on_other_attributes() {
    let folder = folder();
    let line = "cfssl sign -ca ca.pem -ca-key ca-key.pem x.csr subject.json";
    for (subject, warned) in [
        (r#"{"CN":"s","names":[{"O":"n","E":"a@b","OID":{"1.2.3":"v"}}]}"#, true),
        (r#"{"names":[{"OID":{"no oid":"v"}}]}"#, true),
        (r#"{"CN":"s","names":[{"O":"n","E":""}]}"#, false),
    ] {
        folder.write("subject.json", subject);
        same_certificate(&folder, line);
        let said = ok(&folder, line).stderr;
        assert_eq!(said.contains("in \"names\" changes nothing here, as with cfssl"), warned, "{said}");
    }
}

#[test]
fn certinfo_shows_foreign_certificates_and_csrs_likewise() {
    let folder = folder();
    folder.openssl("genrsa -out rsa.pem 2048");
    folder.openssl("ecparam -genkey -name prime256v1 -noout -out ec.pem");
    folder.openssl("ecparam -genkey -name secp256k1 -noout -out k1.pem");
    folder.openssl("genpkey -algorithm ed448 -out ed448.pem");
    folder.openssl("req -x509 -key rsa.pem -md5 -subj /CN=a -set_serial -5 -addext subjectAltName=IP:::ffff:1.2.3.4,IP:::1,DNS:a -out md5.pem");
    folder.openssl("req -x509 -key ec.pem -sha1 -subj /CN=a -set_serial -0x80 -out sha1.pem");
    folder.openssl("req -x509 -key rsa.pem -sigopt rsa_padding_mode:pss -subj /CN=a -out pss.pem");
    folder.openssl("req -x509 -key ed448.pem -subj /CN=a -out ed448-cert.pem");
    for name in ["md5", "sha1", "pss", "ed448-cert"] {
        let line = format!("cfssl certinfo -cert {name}.pem");
        let ours = ok(&folder, &line).stdout;
        let theirs = sh(&folder, Whose::Theirs, &line);
        assert_eq!(ours, theirs.stdout, "{name}");
    }
    folder.openssl("req -new -key ed448.pem -subj /CN=a -out ed448.csr");
    folder.openssl("req -new -key k1.pem -subj /CN=a -out k1.csr");
    folder.openssl(
        "req -new -key rsa.pem -md5 -subj /CN=a -out md5.csr -addext subjectAltName=IP:::ffff:1.2.3.4,URI:x:y",
    );
    folder.openssl(
        "req -new -key rsa.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1 -subj /CN=a -out pss.csr",
    );
    folder.openssl("req -in x.csr -outform der -out bad.der");
    let mut bad = std::fs::read(folder.path("bad.der")).expect("a CSR");
    *bad.last_mut().expect("not empty") ^= 1;
    folder.write("bad.der", bad);
    folder.openssl("req -in bad.der -inform der -out bad.csr");
    for name in ["ed448", "k1", "md5", "pss", "bad"] {
        let line = format!("cfssl certinfo -csr {name}.csr");
        let ours = sh(&folder, Whose::Ours, &line);
        assert_eq!(ours.code == 0, name != "k1", "{name}: {ours:#?}");
        let theirs = sh(&folder, Whose::Theirs, &line);
        assert_eq!(ours.code, theirs.code, "{name}");
        let parsed = |text: &str| {
            // The modulus is longer than any number that can be read here.
            let text: String = text.lines().filter(|line| !line.trim_start().starts_with("\"N\":")).collect();
            let mut json: Value = serde_json::from_str(&text).unwrap_or_default();
            let map = json.as_object_mut().into_iter();
            map.for_each(|map| ["PublicKey", "Attributes"].iter().for_each(|field| drop(map.remove(*field))));
            json
        };
        assert_eq!(parsed(&ours.stdout), parsed(&theirs.stdout), "{name}");
    }
}

#[test]
fn names_of_every_type_are_copied_with_the_extensions() {
    let folder = folder();
    folder.write(
        "req.cnf",
        "[req]\ndistinguished_name=dn\nreq_extensions=e\nprompt=no\n[dn]\nCN=x\n[e]\n1.2.3.4=DER:0500\n\
        subjectAltName=critical,@a\n1.2.3.5=DER:0500\n[a]\nIP.1=10.0.0.1\notherName.1=1.2.3.4;UTF8:hi\nRID.1=1.2.3\n\
        dirName.1=dn\nDNS.1=x.test\nemail.1=u@h\nDNS.2=b.test\n",
    );
    folder.openssl("req -new -key ca-key.pem -config req.cnf -out all.csr");
    let sign = "cfssl sign -ca ca.pem -ca-key ca-key.pem -config config.json";
    let copied = same_certificate(&folder, &format!("{sign} -profile copy all.csr"));
    assert!(copied.contains("2.5.29.17"), "{copied}");
    let said = ok(&folder, &format!("{sign} -profile copy all.csr")).stderr;
    assert!(!said.contains("left out"), "{said}");
    // Not copied, they are left out, which is said.
    same_certificate(&folder, &format!("{sign} all.csr"));
    let said = ok(&folder, &format!("{sign} all.csr")).stderr;
    assert_eq!(said.matches("of a type that is not supported, and left out").count(), 3, "{said}");
    // cfssl passes over -hostname here; ours does not.
    ok(&folder, &format!("{sign} -profile copy -hostname other.test all.csr | cfssljson -bare out"));
    let names = folder.openssl("x509 -in out.pem -noout -ext subjectAltName");
    assert!(names.contains("DNS:other.test") && !names.contains("x.test,"), "{names}");
}

#[test]
fn who_signs_itself_may_be_a_ca_with_names() {
    let folder = folder();
    let specs = [
        r#"{"CN":"s","hosts":["a.b","10.0.0.1","u@h"]}"#,
        r#"{"CN":"s","hosts":["a.b"],"ca":{}}"#,
        r#"{"CN":"s","hosts":["a.b"],"ca":{"pathlen":2,"pathlenzero":true}}"#,
        r#"{"CN":"s","hosts":["a.b"],"ca":{"pathlenzero":true}}"#,
        r#"{"CN":"s","hosts":["a.b"],"delegation_enabled":true,"extensions":[{"Id":[1,2,3,4],"Value":"BQA="}]}"#,
    ];
    for spec in specs {
        folder.write("s.json", spec);
        same_certificate(&folder, "cfssl selfsign h s.json");
        same_certificate(&folder, "cfssl selfsign -config config.json -profile ca h s.json");
    }
}

#[test]
fn a_missing_folder_is_told_of_in_the_same_words() {
    let folder = folder();
    for (json, file) in [
        (r#"{"key":"k","cert":"c","csr":"r"}"#, "no/x.pem"),
        (r#"{"key":"k","csr":"r"}"#, "no/x-key.pem"),
        (r#"{"csr":"r","encrypted_key":"AAAA"}"#, "no/x-key.enc"),
    ] {
        for whose in [Whose::Ours, Whose::Theirs] {
            let ran = sh(&folder, whose, &format!("echo '{json}' | cfssljson -bare no/x"));
            assert_eq!((ran.code, ran.stderr.trim()), (1, format!("open {file}: no such file or directory").as_str()));
        }
    }
}
