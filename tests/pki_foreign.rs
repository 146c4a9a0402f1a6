//! CAs, keys and CSRs that openssl made.

use crate::pki_tools::{CONFIG, Folder, with_leaf};

const LEAF: &str = "gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile server leaf.json --out leaf";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("config.json", CONFIG);
    folder.write("leaf.json", r#"{"CN":"leaf","hosts":["leaf.example"]}"#);
    folder
}

/// A CA of openssl with an unusual name: CN first, UTF8String, a multi-valued RDN, repeated OUs, an e-mail address.
fn openssl_ca(folder: &Folder, key: &str) {
    folder.write(
        "ca.cnf",
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\nutf8=yes\nstring_mask=utf8only\n\
         [dn]\nCN=root 中文\n0.OU=u1\n1.OU=u2\nO=k8s\n+DC=x\nemailAddress=a@b.c\n[ext]\nbasicConstraints=critical,CA:TRUE\n\
         keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n",
    );
    folder.openssl(&format!(
        "req -x509 -new -newkey {key} -nodes -keyout ca-key.pem -out ca.pem -days 3650 -config ca.cnf"
    ));
}

/// Subject or issuer, as openssl's dump shows every byte of it.
fn name_bytes(folder: &Folder, file: &str, which: &str) -> String {
    let form = "-nameopt dump_all,dump_der,use_quote,sep_multiline,oid";
    let text = folder.openssl(&format!("x509 -in {file} -noout -{which} {form}"));
    text.lines().skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_issuer_is_the_cas_subject_byte_for_byte() {
    for key in ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-384", "ed25519"] {
        let folder = folder();
        openssl_ca(&folder, key);
        folder.ok(LEAF);
        let issuer = name_bytes(&folder, "leaf.pem", "issuer");
        assert!(issuer.lines().count() >= 5, "{issuer}");
        assert_eq!(issuer, name_bytes(&folder, "ca.pem", "subject"), "{key}");
        folder.openssl("verify -x509_strict -CAfile ca.pem -purpose sslserver -verify_hostname leaf.example leaf.pem");
    }
}

#[test]
fn keys_load_in_every_format_that_people_have() {
    for (make, count) in [
        ("genrsa -traditional -out ca-key.pem 2048", "RSA PRIVATE KEY"),
        ("genrsa -out ca-key.pem 2048", "PRIVATE KEY"),
        ("ecparam -name prime256v1 -genkey -out ca-key.pem", "EC PARAMETERS"),
        ("ecparam -name secp521r1 -genkey -noout -out ca-key.pem", "EC PRIVATE KEY"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out ca-key.pem", "PRIVATE KEY"),
        ("genpkey -algorithm ed25519 -out ca-key.pem", "PRIVATE KEY"),
    ] {
        let folder = folder();
        folder.openssl(make);
        assert!(folder.read("ca-key.pem").contains(&format!("BEGIN {count}-----")), "{make}");
        folder.openssl("req -x509 -new -key ca-key.pem -subj /CN=root -addext keyUsage=critical,keyCertSign -days 3650 -out ca.pem");
        folder.ok(LEAF);
        folder.openssl("verify -CAfile ca.pem -verify_hostname leaf.example leaf.pem");
    }
}

#[test]
fn an_ed25519_key_with_cfssls_label_loads() {
    let folder = folder();
    openssl_ca(&folder, "ed25519");
    folder.write("ca-key.pem", folder.read("ca-key.pem").replace("PRIVATE KEY", "Ed25519 PRIVATE KEY"));
    folder.ok(LEAF);
    folder.openssl("verify -CAfile ca.pem leaf.pem");
}

#[test]
fn a_ca_without_a_key_identifier_still_gives_one_to_its_leaves() {
    let folder = folder();
    openssl_ca(&folder, "rsa:2048");
    folder.write("ca.cnf", folder.read("ca.cnf").replace("subjectKeyIdentifier=hash", "subjectKeyIdentifier=none"));
    folder.openssl("req -x509 -new -key ca-key.pem -out ca.pem -days 3650 -config ca.cnf");
    folder.ok(LEAF);
    assert!(
        folder.openssl("x509 -in leaf.pem -noout -ext authorityKeyIdentifier").contains("Authority Key Identifier")
    );
    folder.openssl("verify -CAfile ca.pem leaf.pem");
}

#[test]
fn a_csr_is_signed_for_its_own_key_whatever_hash_it_was_signed_with() {
    let folder = folder();
    openssl_ca(&folder, "rsa:2048");
    let ext = "-addext subjectAltName=DNS:csr.example,IP:10.1.2.3 -addext subjectKeyIdentifier=hash -addext tlsfeature=status_request";
    for curve in ["P-256", "P-384", "P-521"] {
        for hash in ["sha256", "sha384", "sha512"] {
            folder.openssl(&format!("req -new -newkey ec -pkeyopt ec_paramgen_curve:{curve} -{hash} -nodes -keyout k.pem -subj /CN=csr -out x.csr {ext}"));
            folder.ok("sign -ca ca.pem -ca-key ca-key.pem -config config.json -profile server -csr x.csr --out x");
            folder.openssl("verify -x509_strict -CAfile ca.pem -verify_hostname csr.example -verify_ip 10.1.2.3 x.pem");
            let key = folder.openssl("pkey -in k.pem -pubout");
            assert_eq!(key, folder.openssl("x509 -in x.pem -pubkey -noout"), "{curve} {hash}");
        }
    }
    let text = folder.openssl("x509 -in x.pem -noout -text");
    assert!(!text.contains("status_request"), "not copied without copy_extensions: {text}");
    folder.ok("sign -ca ca.pem -ca-key ca-key.pem -config config.json -profile everything x.csr --out x");
    let text = folder.openssl("x509 -in x.pem -noout -text");
    assert!(text.contains("status_request"), "{text}");
}

#[test]
fn sign_takes_hosts_and_a_subject_in_place_of_the_csrs() {
    let folder = folder();
    openssl_ca(&folder, "rsa:2048");
    folder.openssl("req -new -newkey rsa:2048 -nodes -keyout k.pem -subj /C=CN/O=old/O=older/CN=csr -addext subjectAltName=DNS:old -out x.csr");
    folder.write("subject.json", r#"{"CN":"new"}"#);
    folder.ok("sign -ca ca.pem -ca-key ca-key.pem -config config.json -profile server -hostname a.b,10.0.0.1 x.csr subject.json --out x");
    let subject = folder.openssl("x509 -in x.pem -noout -subject -ext subjectAltName");
    assert!(subject.contains("subject=C = CN, O = old + O = older, CN = new"), "{subject}");
    assert!(subject.contains("DNS:a.b, IP Address:10.0.0.1"), "{subject}");
}

#[test]
fn a_csr_that_is_signed_with_rsa_pss_is_read_and_signed() {
    let folder = with_leaf();
    for (digest, salt) in [("sha256", "digest"), ("sha384", "20"), ("sha512", "max")] {
        folder.openssl(&format!(
            "req -new -newkey rsa:2048 -nodes -keyout k.pem -subj /CN=pss -{digest} -sigopt rsa_padding_mode:pss \
             -sigopt rsa_pss_saltlen:{salt} -out pss.csr"
        ));
        folder.ok("sign -ca ca.pem -ca-key ca-key.pem pss.csr --out pss");
        folder.openssl("verify -CAfile ca.pem pss.pem");
        folder.ok("cfssl sign -ca ca.pem -ca-key ca-key.pem pss.csr");
    }
    // Of another key: the last bytes are of the signature.
    let pem = folder.openssl("req -in pss.csr -outform DER -out pss.der");
    assert_eq!(pem, "");
    let mut der = std::fs::read(folder.path("pss.der")).unwrap();
    *der.last_mut().unwrap() ^= 1;
    folder.write("pss.der", der);
    folder.openssl("req -inform DER -in pss.der -out bad.csr");
    assert!(
        folder.refused("sign -ca ca.pem -ca-key ca-key.pem bad.csr --out bad").contains("not signed with its own key")
    );
}
