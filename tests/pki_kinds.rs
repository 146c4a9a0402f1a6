//! Every key algorithm × every kind of certificate, made by the real program and judged by openssl.

use crate::pki_tools::{Folder, P256, with_ca};

const KEYS: [(&str, &str, &str); 8] = [
    (r#"{"algo":"ecdsa","size":256}"#, "ecdsa-with-SHA256", "EC PRIVATE KEY"),
    (r#"{"algo":"ecdsa","size":384}"#, "ecdsa-with-SHA384", "EC PRIVATE KEY"),
    (r#"{"algo":"ecdsa","size":521}"#, "ecdsa-with-SHA512", "EC PRIVATE KEY"),
    (r#"{"algo":"ed25519"}"#, "ED25519", "PRIVATE KEY"),
    (r#"{"algo":"rsa","size":2048}"#, "sha256WithRSAEncryption", "RSA PRIVATE KEY"),
    (r#"{"algo":"rsa","size":2500}"#, "sha256WithRSAEncryption", "RSA PRIVATE KEY"),
    (r#"{"algo":"rsa","size":3072}"#, "sha384WithRSAEncryption", "RSA PRIVATE KEY"),
    (r#"{"algo":"rsa","size":4096}"#, "sha512WithRSAEncryption", "RSA PRIVATE KEY"),
];

#[test]
fn openssl_accepts_every_kind_of_certificate_of_every_key() {
    std::thread::scope(|scope| {
        for (key, signature, label) in KEYS {
            scope.spawn(move || check(key, signature, label));
        }
    });
}

#[test]
#[ignore = "finding the primes takes up to a minute: make test-long"]
fn openssl_accepts_rsa_8192() {
    check(r#"{"algo":"rsa","size":8192}"#, "sha512WithRSAEncryption", "RSA PRIVATE KEY");
}

fn check(key: &str, signature: &str, label: &str) {
    let folder = with_ca(key);
    // The leaves' keys need not be slow to make: what varies is who signs.
    let leaf_key = if key.contains("rsa") { r#"{"algo":"rsa","size":2048}"# } else { key };
    folder.write("sub.json", format!(r#"{{"CN":"sub","key":{key}}}"#));
    issue(&folder, "ca", "intermediate", "sub");
    for profile in ["server", "client", "peer"] {
        let hosts = r#"["127.0.0.1","::1","localhost","*.svc.cluster.local","admin@example.org","spiffe://cluster/x"]"#;
        folder.write(
            &format!("{profile}.json"),
            format!(r#"{{"CN":"{profile}","hosts":{hosts},"key":{leaf_key},"names":[{{"O":"system:masters"}},{{"O":"b"}}]}}"#),
        );
        issue(&folder, "ca", profile, profile);
    }
    check_files(&folder, "ca", signature, label);
    check_files(&folder, "sub", signature, label);
    check_purposes(&folder);
    // And one level further down.
    folder.write("below.json", r#"{"CN":"below","hosts":["below"]}"#);
    issue(&folder, "sub", "server", "below");
    folder.openssl(
        "verify -x509_strict -CAfile ca.pem -untrusted sub.pem -purpose sslserver -verify_hostname below below.pem",
    );
}

fn issue(folder: &Folder, ca: &str, profile: &str, name: &str) {
    folder.ok(&format!(
        "gencert -ca={ca}.pem -ca-key={ca}-key.pem -config=config.json -profile={profile} {name}.json --out {name}"
    ));
    folder.openssl(&format!("pkey -in {name}-key.pem -check -noout"));
    folder.openssl(&format!("req -in {name}.csr -verify -noout"));
    let key = folder.openssl(&format!("pkey -in {name}-key.pem -pubout"));
    assert_eq!(key, folder.openssl(&format!("x509 -in {name}.pem -pubkey -noout")), "{name}: it is for the key");
}

fn check_files(folder: &Folder, name: &str, signature: &str, label: &str) {
    assert!(folder.read(&format!("{name}-key.pem")).starts_with(&format!("-----BEGIN {label}-----\n")));
    assert_eq!(folder.mode(&format!("{name}-key.pem")), 0o600);
    assert_eq!(folder.mode(&format!("{name}.pem")), 0o644);
    let text = folder.openssl(&format!("x509 -in {name}.pem -noout -text"));
    assert!(text.contains(&format!("Signature Algorithm: {signature}")), "{text}");
    assert!(text.contains("Certificate Sign, CRL Sign"), "{text}");
    folder.openssl(&format!("verify -x509_strict -CAfile ca.pem {name}.pem"));
}

fn check_purposes(folder: &Folder) {
    let verify = |purpose: &str, options: &str, name: &str| {
        folder.openssl(&format!("verify -x509_strict -CAfile ca.pem -purpose {purpose} {options} {name}.pem"));
    };
    for options in [
        "-verify_hostname localhost",
        "-verify_hostname a.svc.cluster.local",
        "-verify_ip 127.0.0.1",
        "-verify_ip ::1",
        "-verify_email admin@example.org",
    ] {
        verify("sslserver", options, "server");
        verify("sslserver", options, "peer");
    }
    verify("sslclient", "", "client");
    verify("sslclient", "", "peer");
    let text = folder.openssl("x509 -in server.pem -noout -ext subjectAltName,authorityKeyIdentifier,basicConstraints,extendedKeyUsage,keyUsage");
    assert!(text.contains("URI:spiffe://cluster/x"), "{text}");
    assert!(text.contains("CA:FALSE"), "{text}");
    assert!(text.contains("Digital Signature, Key Encipherment"), "{text}");
    assert!(text.contains("TLS Web Server Authentication\n"), "{text}");
    let ca = folder.openssl("x509 -in ca.pem -noout -ext subjectKeyIdentifier");
    let subject_key = ca.lines().nth(1).expect("the CA has a key identifier").trim();
    assert!(text.contains(subject_key), "the AKI is the CA's SKI: {text}");
}

#[test]
fn extensions_stand_in_cfssls_order_with_its_criticality() {
    let folder = with_ca(P256);
    folder.write(
        "all.json",
        r#"{"CN":"all","hosts":["a"],"delegation_enabled":true,"extensions":[{"Id":[1,2,3,4],"Critical":false,"Value":"BQA="}]}"#,
    );
    issue(&folder, "ca", "everything", "all");
    let text = folder.openssl("x509 -in all.pem -noout -text -certopt no_header,no_version,no_serial,no_signame,no_validity,no_subject,no_issuer,no_pubkey,no_sigdump,no_aux");
    let filtered: Vec<_> = text.lines().map(str::trim_end).filter(|line| !is_hex(line)).collect();
    insta::assert_snapshot!(filtered.join("\n"), @r"
    X509v3 extensions:
        X509v3 Key Usage: critical
            Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment, Key Agreement, Encipher Only, Decipher Only
        X509v3 Extended Key Usage:
            Any Extended Key Usage, TLS Web Server Authentication, TLS Web Client Authentication, Code Signing, E-mail Protection, IPSec End System, IPSec Tunnel, IPSec User, Time Stamping, OCSP Signing, Microsoft Server Gated Crypto, Netscape Server Gated Crypto
        X509v3 Basic Constraints: critical
            CA:FALSE
        X509v3 Subject Key Identifier:
        X509v3 Authority Key Identifier:
        Authority Information Access:
            OCSP - URI:http://ocsp.example
            CA Issuers - URI:http://ca.example/a
            CA Issuers - URI:http://ca.example/b
        X509v3 CRL Distribution Points:
            Full Name:
              URI:http://crl.example/ca.crl
        X509v3 Subject Alternative Name:
            DNS:a
        1.3.6.1.4.1.44363.44:
            ..
        1.2.3.4:
            ..
        X509v3 Certificate Policies:
            Policy: 1.2.3.4
              CPS: http://cps.example
              User Notice:
                Explicit Text: höflich
        OCSP No Check:
    ");
}

fn is_hex(line: &str) -> bool {
    line.matches(':').count() > 10
}

#[test]
fn an_empty_subject_makes_the_names_critical() {
    let folder = with_ca(P256);
    folder.write("empty.json", r#"{"hosts":["only.name"]}"#);
    issue(&folder, "ca", "server", "empty");
    let text = folder.openssl("x509 -in empty.pem -noout -ext subjectAltName");
    assert!(text.contains("Subject Alternative Name: critical"), "{text}");
    folder.openssl("verify -x509_strict -CAfile ca.pem -verify_hostname only.name empty.pem");
}

#[test]
fn a_leaf_named_like_its_ca_still_verifies() {
    let folder = with_ca(P256);
    folder.write("twin.json", folder.read("ca.json").replace(r#","ca":{"expiry":"10y"}"#, r#","hosts":["twin"]"#));
    issue(&folder, "ca", "server", "twin");
    folder.openssl("verify -x509_strict -CAfile ca.pem -verify_hostname twin twin.pem");
    let ran = folder.ok("gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile server twin.json");
    assert!(ran.stderr.contains("[WARNING] the certificate and its CA have the same subject"), "{}", ran.stderr);
}
