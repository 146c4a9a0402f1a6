//! Every rule finds a certificate that has exactly its defect, and those who are said to refuse it do.

use std::collections::BTreeSet;

use rcgen::KeyPair;
use serde_json::Value;
use time::OffsetDateTime;

use crate::certlint_recipe::*;
use crate::cfssl_both;
use crate::pki_tools::{Folder, GENCERT, with_leaf};

/// Who refuses it, with which words.
enum By {
    /// `openssl verify` with these options.
    OpenSsl(&'static str, &'static str),
    /// Go, for this host.
    Go(&'static str, &'static str),
    /// Nobody that is here; or it is only a warning.
    Nobody,
}
use By::{Go, Nobody, OpenSsl};

const HOST: &str = "leaf.example";
const STRICT: &str = "-x509_strict -purpose sslserver";

/// Leaf and CA, to be spoilt; and the leaf's key.
struct Kitchen {
    leaf: Recipe,
    ca: Recipe,
    leaf_key: KeyPair,
    ca_key: KeyPair,
}

impl Kitchen {
    fn new() -> Self {
        let (ca_key, leaf_key) = (p256(), p256());
        Kitchen { leaf: Recipe::leaf(&leaf_key), ca: Recipe::ca(&ca_key), leaf_key, ca_key }
    }

    fn folder(&self) -> Folder {
        folder(&self.ca.der(&self.ca_key), &self.leaf.der(&self.ca_key))
    }
}

fn findings(folder: &Folder, line: &str) -> Vec<Value> {
    let ran = folder.kbootstrap(&format!("certlint {line} -o json"), "");
    assert!(ran.code == 0 || ran.code == 4, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let all = report["findings"].as_array().unwrap().clone();
    assert_eq!(ran.code == 4, all.iter().any(|f| f["severity"] == "error"), "{ran:?}");
    all
}

fn rules(found: &[Value]) -> BTreeSet<&str> {
    found.iter().map(|f| f["rule"].as_str().unwrap()).collect()
}

fn check(folder: &Folder, expected: &[&str], refused: &[By]) {
    let found = findings(folder, "leaf.pem ca.pem");
    assert_eq!(rules(&found), expected.iter().copied().collect(), "{found:#?}");
    for by in refused {
        match by {
            OpenSsl(options, words) => {
                let said = openssl(folder, options);
                assert!(said.contains(words), "openssl {options}: {said}");
                assert!(!said.contains("leaf.pem: OK"), "openssl {options}: {said}");
            }
            Go(host, words) => {
                let said = go(folder, host);
                assert!(said.contains(words) && said != "ok", "Go for {host}: {said}");
            }
            Nobody => {}
        }
    }
}

/// One test per row: its name, the rules that must be found, how leaf and CA are spoilt, who refuses it.
macro_rules! defects {
    ($($test:ident: [$($rule:literal),+], $spoil:expr, [$($by:expr),+];)*) => {
        $(#[test]
        fn $test() {
            let mut kitchen = Kitchen::new();
            let spoil: fn(&mut Kitchen) = $spoil;
            spoil(&mut kitchen);
            check(&kitchen.folder(), &[$($rule),+], &[$($by),+]);
        })*
        const SPOILT: &[&str] = &[$($($rule),+),*];
    };
}

defects! {
    san_missing: ["san-missing"], |k| { k.leaf.without(SAN); k.leaf.subject = name(HOST); }, [Go(HOST, "legacy Common Name")];
    san_empty: ["san-empty"], |k| k.leaf.names(&[]), [Go(HOST, "not valid for any names")];
    san_lacks_cn: ["san-lacks-cn"], |k| k.leaf.subject = name("www.example.net"), [Go("www.example.net", "not www.example.net")];
    dns_empty: ["san-dns-empty"], |k| k.leaf.names(&[dns("")]), [Go(HOST, "not valid for any names")];
    dns_non_ascii: ["san-dns-non-ascii"], |k| k.leaf.names(&[dns("bücher.example")]), [Go("bücher.example", "malformed")];
    ip_as_dns: ["san-ip-as-dns"], |k| k.leaf.names(&[dns("10.0.0.1")]), [Go("10.0.0.1", "doesn't contain any IP SANs"), OpenSsl("-verify_ip 10.0.0.1", "IP address mismatch")];
    network_as_dns: ["san-ip-as-dns"], |k| k.leaf.names(&[dns("10.0.0.0/8")]), [Nobody];
    address_in_brackets_as_dns: ["san-ip-as-dns"], |k| k.leaf.names(&[dns("[::1]")]), [OpenSsl("-verify_ip ::1", "IP address mismatch")];
    address_with_a_zone_as_dns: ["san-ip-as-dns"], |k| k.leaf.names(&[dns("fe80::1%eth0")]), [OpenSsl("-verify_ip fe80::1", "IP address mismatch")];
    address_out_of_range: ["san-dns-number"], |k| k.leaf.names(&[dns("256.1.1.1")]), [Nobody];
    address_in_octal: ["san-dns-number"], |k| k.leaf.names(&[dns("010.0.0.1")]), [OpenSsl("-verify_ip 10.0.0.1", "IP address mismatch"), OpenSsl("-verify_ip 8.0.0.1", "IP address mismatch")];
    wildcard_of_an_address: ["san-dns-number"], |k| k.leaf.names(&[dns("*.10.0.0.1")]), [OpenSsl("-verify_ip 10.0.0.1", "IP address mismatch")];
    dns_colon: ["san-dns-syntax"], |k| k.leaf.names(&[dns("leaf:example")]), [Nobody];
    wildcard_of_no_host: ["san-dns-syntax"], |k| k.leaf.names(&[dns("*.a,b.example")]), [Nobody];
    uri_of_an_address: ["san-uri-host-port"], |k| k.leaf.names(&[tlv(0x86, b"fe80::1%eth0")]), [Go(HOST, "not valid for any names")];
    dns_port: ["san-dns-port"], |k| k.leaf.names(&[dns("leaf.example:443")]), [Go(HOST, "not leaf.example"), OpenSsl("-verify_hostname leaf.example", "hostname mismatch")];
    dns_space: ["san-dns-space"], |k| k.leaf.names(&[dns(" leaf.example")]), [Go(HOST, "not leaf.example"), OpenSsl("-verify_hostname leaf.example", "hostname mismatch")];
    dns_trailing_dot: ["san-dns-trailing-dot"], |k| k.leaf.names(&[dns("leaf.example.")]), [Go(HOST, "not leaf.example")];
    dns_underscore: ["san-dns-underscore"], |k| k.leaf.names(&[dns("leaf_1.example")]), [Nobody];
    dns_syntax: ["san-dns-syntax"], |k| k.leaf.names(&[dns("leaf.example,other.example")]), [Go(HOST, "not leaf.example")];
    dns_label_too_long: ["san-dns-syntax"], |k| k.leaf.names(&[dns(&format!("{}.example", "a".repeat(64)))]), [Nobody];
    wildcard_in_the_middle: ["wildcard-position"], |k| k.leaf.names(&[dns("a.*.example")]), [Go("a.b.example", "not a.b.example"), OpenSsl("-verify_hostname a.b.example", "hostname mismatch")];
    wildcard_part_of_a_label: ["wildcard-position"], |k| k.leaf.names(&[dns("w*.b.example")]), [Go("www.b.example", "not www.b.example")];
    wildcard_twice: ["wildcard-position"], |k| k.leaf.names(&[dns("*.*.example")]), [Go("a.b.example", "not a.b.example")];
    wildcard_broad: ["wildcard-broad"], |k| k.leaf.names(&[dns("*.example")]), [OpenSsl("-verify_hostname leaf.example", "hostname mismatch")];
    wildcard_alone: ["wildcard-broad"], |k| k.leaf.names(&[dns("*")]), [OpenSsl("-verify_hostname leaf", "hostname mismatch")];
    ip_length: ["san-ip-length"], |k| k.leaf.names(&[tlv(0x87, &[10, 0, 0, 0, 255, 0, 0, 0])]), [Go(HOST, "cannot parse IP address")];
    uri_of_a_port: ["san-uri-host-port"], |k| k.leaf.names(&[tlv(0x86, b"localhost:443")]), [Go("localhost", "not valid for any names")];
    word_before_a_name: ["san-type-word"], |k| k.leaf.names(&[tlv(0x86, b"dns:leaf.example")]), [Go(HOST, "not valid for any names"), OpenSsl("-verify_hostname leaf.example", "hostname mismatch")];
    word_before_an_address: ["san-type-word"], |k| k.leaf.names(&[dns("IP Address:10.0.0.1")]), [OpenSsl("-verify_ip 10.0.0.1", "IP address mismatch")];
    san_duplicate: ["san-duplicate"], |k| k.leaf.names(&[dns(HOST), dns(HOST)]), [Nobody];
    san_not_critical: ["san-not-critical"], |k| k.leaf.subject = sequence(&[]), [OpenSsl(STRICT, "Subject empty and Subject Alt Name extension not critical")];

    version_1: ["version-old", "san-missing", "aki-missing"], |k| { k.leaf.version = None; k.leaf.extensions.clear(); k.leaf.subject = name(HOST); }, [Go(HOST, "legacy Common Name")];
    version_2_with_extensions: ["version-old"], |k| k.leaf.version = Some(1), [Go(HOST, "not valid for any names"), OpenSsl(STRICT, "Using cert extension requires at least X509v3")];
    serial_negative: ["serial-negative"], |k| k.leaf.serial = vec![0x85; 16], [Go(HOST, "negative serial number")];
    serial_zero: ["serial-zero"], |k| k.leaf.serial = vec![0], [Nobody];
    serial_long: ["serial-long"], |k| k.leaf.serial = vec![0x5a; 21], [Nobody];
    serial_short: ["serial-short"], |k| k.leaf.serial = vec![42], [Nobody];
    issuer_empty: ["issuer-empty", "subject-empty-ca"], |k| { k.leaf.issuer = sequence(&[]); k.ca.issuer = sequence(&[]); k.ca.subject = sequence(&[]); }, [OpenSsl(STRICT, "ssuer name empty")];
    printable_string: ["dn-printable-string"], |k| k.leaf.subject = tlv(0x30, &attribute(&[2, 5, 4, 3], 0x13, b"a_b@c")), [Go(HOST, "invalid PrintableString")];
    teletex_string: ["dn-legacy-string"], |k| k.leaf.subject = tlv(0x30, &attribute(&[2, 5, 4, 3], 0x14, b"leaf")), [Nobody];
    country: ["dn-country"], |k| k.leaf.subject = tlv(0x30, &attribute(&[2, 5, 4, 6], 0x13, b"China")), [Nobody];
    common_name_too_long: ["dn-too-long"], |k| k.leaf.subject = name(&"a".repeat(65)), [Nobody];
    validity_reversed: ["validity-reversed"], |k| k.leaf.lives(10, -10), [Go(HOST, "expired or is not yet valid"), OpenSsl("", "certificate is not yet valid")];
    expired: ["expired"], |k| k.leaf.lives(-10, -1), [Go(HOST, "expired"), OpenSsl("", "certificate has expired")];
    not_yet_valid: ["not-yet-valid"], |k| k.leaf.lives(1, 10), [Go(HOST, "not yet valid"), OpenSsl("", "certificate is not yet valid")];
    time_without_seconds: ["time-format"], |k| k.leaf.begin = tlv(0x17, b"2601010000Z"), [OpenSsl("", "notBefore field")];
    time_with_an_offset: ["time-format"], |k| k.leaf.end = tlv(0x18, b"20490101000000+0100"), [OpenSsl("", "notAfter field")];
    time_generalized: ["time-generalized-early"], |k| k.leaf.end = generalized(OffsetDateTime::now_utc() + time::Duration::days(90)), [Nobody];
    validity_825: ["validity-825-days"], |k| k.leaf.lives(0, 826), [Nobody];
    validity_398: ["validity-398-days"], |k| k.leaf.lives(0, 398), [Nobody];
    signature_mismatch: ["signature-mismatch"], |k| k.leaf.inner = sequence(&[&oid(&[1, 2, 840, 10045, 4, 3, 3])]), [Go(HOST, "inner and outer signature algorithm"), OpenSsl("", "signature failure")];

    extension_twice: ["extension-duplicate"], |k| k.leaf.extensions.push((SKI, false, tlv(4, &[2; 20]))), [Go(HOST, "duplicate extension"), OpenSsl("", "invalid")];
    unknown_critical: ["extension-unknown-critical"], |k| k.leaf.extensions.push((&[1, 2, 3, 4], true, vec![5, 0])), [Go(HOST, "unhandled critical extension"), OpenSsl("", "unhandled critical extension")];
    ski_of_another_type: ["extension-malformed"], |k| k.leaf.set(SKI, false, tlv(3, &[0, 2])), [Go(HOST, "invalid subject key identifier")];
    ski_cut_off: ["extension-malformed"], |k| k.leaf.set(SKI, false, vec![4, 20, 2]), [Go(HOST, "invalid subject key identifier"), OpenSsl(STRICT, "")];
    aki_of_another_type: ["extension-malformed"], |k| k.leaf.set(AKI, false, tlv(4, &[1; 20])), [Go(HOST, "invalid authority key identifier")];
    aia_of_another_type: ["extension-malformed"], |k| k.leaf.set(AIA, false, sequence(&[&dns("ca.example")])), [Go(HOST, "invalid authority info access")];
    bc_of_another_type: ["extension-malformed"], |k| k.leaf.set(BC, true, tlv(4, &[0])), [Go(HOST, "invalid basic constraints")];
    bc_that_is_no_boolean: ["extension-malformed"], |k| k.leaf.set(BC, true, sequence(&[&tlv(4, &[1])])), [OpenSsl("", "")];
    san_of_another_type: ["extension-malformed"], |k| k.leaf.set(SAN, false, tlv(0x31, &dns(HOST))), [Go(HOST, "invalid subject alternative name")];
    san_with_a_text: ["extension-malformed"], |k| k.leaf.names(&[dns(HOST), tlv(0x0c, b"leaf")]), [Nobody];
    eku_empty: ["extension-malformed", "eku-not-server"], |k| k.leaf.set(EKU, false, sequence(&[])), [Nobody];
    crl_of_another_type: ["extension-malformed"], |k| k.leaf.set(CRL, false, tlv(4, &[0])), [Go(HOST, "invalid CRL distribution point")];
    policies_of_another_type: ["extension-malformed"], |k| k.leaf.set(POLICIES, false, tlv(4, &[0])), [Go(HOST, "invalid certificate policies")];
    bytes_after_a_key_id: ["extension-trailing"], |k| k.leaf.set(SKI, false, [tlv(4, &[2; 20]), vec![5, 0]].concat()), [Nobody];
    bytes_after_the_names: ["extension-trailing"], |k| k.leaf.set(SAN, false, [sequence(&[&dns(HOST)]), vec![5, 0]].concat()), [Nobody];
    bc_not_critical: ["bc-not-critical"], |k| k.ca.set(BC, false, sequence(&[&tlv(1, &[0xff])])), [OpenSsl(STRICT, "Basic Constraints of CA cert not marked critical")];
    path_length_of_a_leaf: ["bc-path-length"], |k| k.leaf.set(BC, true, sequence(&[&tlv(2, &[0])])), [OpenSsl(STRICT, "Path length")];
    ca_without_cert_sign: ["ca-without-cert-sign"], |k| k.ca.set(KU, true, vec![3, 2, 1, 0b10]), [Go(HOST, "cannot sign this kind of certificate"), OpenSsl("", "invalid CA certificate")];
    ca_without_key_usage: ["ca-without-key-usage"], |k| k.ca.without(KU), [OpenSsl(STRICT, "CA cert does not include key usage extension")];
    cert_sign_without_ca: ["cert-sign-without-ca"], |k| k.leaf.set(KU, true, vec![3, 2, 2, 0x84]), [OpenSsl(STRICT, "Key usage keyCertSign invalid for non-CA cert")];
    ku_empty: ["ku-empty"], |k| k.leaf.set(KU, true, vec![3, 1, 0]), [OpenSsl(STRICT, "invalid certificate")];
    ku_no_signature: ["ku-no-signature"], |k| k.leaf.set(KU, true, vec![3, 2, 3, 0x08]), [Nobody];
    ku_ec_encipherment: ["ku-ec-encipherment"], |k| k.leaf.set(KU, true, vec![3, 2, 5, 0xa0]), [Nobody];
    eku_missing: ["eku-missing"], |k| k.leaf.without(EKU), [Nobody];
    eku_not_server: ["eku-not-server"], |k| k.leaf.set(EKU, false, sequence(&[&oid(CLIENT_AUTH)])), [Go(HOST, "incompatible key usage"), OpenSsl(STRICT, "unsuitable certificate purpose")];
    aki_missing: ["aki-missing"], |k| k.leaf.without(AKI), [OpenSsl(STRICT, "Missing Authority Key Identifier")];
    ski_missing: ["ski-missing"], |k| { k.ca.without(SKI); }, [OpenSsl(STRICT, "Missing Subject Key Identifier")];
    key_id_critical: ["key-id-critical"], |k| k.leaf.set(SKI, true, tlv(4, &[2; 20])), [Go(HOST, "incorrectly marked critical"), OpenSsl("", "unhandled critical extension")];
    name_constraints_of_a_leaf: ["name-constraints-leaf"], |k| k.leaf.set(NC, true, sequence(&[&tlv(0xa0, &sequence(&[&dns("example")]))])), [Nobody];

    names_outside_what_is_permitted: ["name-constraints-violated"], |k| k.ca.set(NC, true, sequence(&[&tlv(0xa0, &sequence(&[&dns("example.net")]))])), [OpenSsl("", "permitted subtree violation"), Go(HOST, "not permitted by any constraint")];
    names_inside_what_is_excluded: ["name-constraints-violated"], |k| k.ca.set(NC, true, sequence(&[&tlv(0xa1, &sequence(&[&dns("leaf.example")]))])), [OpenSsl("", "excluded subtree violation"), Go(HOST, "is excluded by constraint")];
    names_below_what_is_permitted: ["name-constraints-violated"], |k| k.ca.set(NC, true, sequence(&[&tlv(0xa0, &sequence(&[&dns(".leaf.example")]))])), [OpenSsl("", "permitted subtree violation"), Go(HOST, "not permitted by any constraint")];

    constraints_on_directory_names: ["name-constraints-directory"], |k| k.ca.set(NC, true, sequence(&[&tlv(0xa1, &sequence(&[&tlv(0xa4, &name("evil"))]))])), [Go(HOST, "unhandled critical extension")];
    directory_names_outside: ["name-constraints-directory", "name-constraints-violated"], |k| k.ca.set(NC, true, sequence(&[&tlv(0xa0, &sequence(&[&tlv(0xa4, &name("other"))]))])), [Go(HOST, "unhandled critical extension"), OpenSsl("", "permitted subtree violation")];
    constraints_of_a_kind_that_is_not_judged: ["name-constraints-unjudged"], |k| k.ca.set(NC, true, sequence(&[&tlv(0xa1, &sequence(&[&tlv(0x88, &[0x2a, 3])]))])), [Go(HOST, "unhandled critical extension")];
    constraints_that_cannot_be_read: ["name-constraints-unjudged", "extension-malformed"], |k| k.ca.set(NC, true, vec![5, 0]), [Go(HOST, ""), OpenSsl("", "")];

    same_dn_no_aki: ["same-dn-no-aki"], |k| { k.leaf.subject = name("lint ca"); k.leaf.without(AKI); }, [OpenSsl("", "self-signed certificate")];
    same_dn: ["same-dn"], |k| k.leaf.subject = name("lint ca"), [Nobody];
    aki_mismatch: ["aki-mismatch"], |k| k.leaf.set(AKI, false, sequence(&[&tlv(0x80, &[9; 20])])), [OpenSsl("", "unable to get local issuer certificate")];
    aki_serial: ["aki-serial"], |k| k.leaf.set(AKI, false, sequence(&[&tlv(0x80, &[1; 20]), &tlv(0x82, &[9])])), [OpenSsl("", "unable to get local issuer certificate")];
    key_of_ca: ["key-of-ca"], |k| k.leaf.spki = k.ca.spki.clone(), [Nobody];
    outlives_ca: ["outlives-ca"], |k| { k.ca.lives(-1, 30); }, [Nobody];
    eku_not_of_ca: ["eku-not-of-ca"], |k| k.ca.set(EKU, false, sequence(&[&oid(CLIENT_AUTH)])), [Go(HOST, "incompatible key usage"), OpenSsl(STRICT, "unsuitable certificate purpose")];
}

#[test]
fn nobody_has_anything_against_a_certificate_without_a_fault() {
    let folder = Kitchen::new().folder();
    check(&folder, &[], &[]);
    assert_eq!(go(&folder, HOST), "ok");
    assert_eq!(openssl(&folder, STRICT), "leaf.pem: OK\n");
    assert_eq!(openssl(&folder, "-x509_strict -verify_hostname leaf.example"), "leaf.pem: OK\n");
    let ran = folder.ok("certlint leaf.pem ca.pem");
    assert_eq!(ran.stdout, "2 certificates and 0 keys: 0 errors, 0 warnings, 0 notices\n");
}

#[test]
fn a_forged_certificate() {
    let kitchen = Kitchen::new();
    let folder = folder(&kitchen.ca.der(&kitchen.ca_key), &kitchen.leaf.der(&kitchen.leaf_key));
    check(&folder, &["signature-wrong"], &[OpenSsl("", "signature failure"), Go(HOST, "ECDSA verification failure")]);
}

#[test]
fn a_root_whose_own_signature_is_broken() {
    let kitchen = Kitchen::new();
    let folder = folder(&kitchen.ca.der(&kitchen.leaf_key), &kitchen.leaf.der(&kitchen.leaf_key));
    assert_eq!(rules(&findings(&folder, "ca.pem")), ["signature-wrong"].into());
    assert!(folder.kbootstrap("certlint ca.pem", "").stdout.contains("its own key has not signed it"));
}

/// `ca.pem`, `middle.pem` below it, and `leaf.pem` below that.
fn three_levels(kitchen: &Kitchen) -> Folder {
    let mut middle = Recipe { issuer: name("lint ca"), subject: name("middle"), ..Recipe::ca(&kitchen.leaf_key) };
    middle.set(AKI, false, sequence(&[&tlv(0x80, &[1; 20])]));
    middle.set(SKI, false, tlv(4, &[3; 20]));
    let end = p256();
    let mut leaf = Recipe { issuer: name("middle"), ..Recipe::leaf(&end) };
    leaf.set(AKI, false, sequence(&[&tlv(0x80, &[3; 20])]));
    let folder = folder(&kitchen.ca.der(&kitchen.ca_key), &leaf.der(&kitchen.leaf_key));
    folder.write("middle.der", middle.der(&kitchen.ca_key));
    folder.openssl("x509 -inform DER -in middle.der -out middle.pem");
    folder
}

#[test]
fn a_ca_below_one_that_allows_none() {
    let mut kitchen = Kitchen::new();
    kitchen.ca.set(BC, true, sequence(&[&tlv(1, &[0xff]), &tlv(2, &[0])]));
    let folder = three_levels(&kitchen);
    let found = findings(&folder, "leaf.pem middle.pem ca.pem");
    assert_eq!(rules(&found), ["path-length-exceeded"].into());
    assert_eq!(found[0]["place"], "middle.pem");
    let said = openssl(&folder, "-untrusted middle.pem");
    assert!(said.contains("path length constraint exceeded"), "{said}");
}

/// Certificates that openssl must sign: a CA with RSA, and leaves of odd keys.
fn by_openssl(key: &str, digest: &str) -> Folder {
    let folder = Folder::new();
    folder.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=ca -addext keyUsage=critical,keyCertSign");
    folder.openssl(&key.replacen(' ', " -out leaf.key ", 1));
    folder.openssl("req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
    folder.write("ext", "subjectAltName=DNS:leaf.example\nextendedKeyUsage=serverAuth\nkeyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n");
    folder.openssl(&format!(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -{digest} -extfile ext -out leaf.pem"
    ));
    for name in ["ca", "leaf"] {
        folder.openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
    }
    folder
}

#[test]
fn weak_hashes_and_keys() {
    let p256 = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    check(
        &by_openssl(p256, "sha1"),
        &["signature-sha1"],
        &[Go(HOST, "insecure algorithm SHA1"), OpenSsl("-auth_level 1", "too weak")],
    );
    check(
        &by_openssl(p256, "md5"),
        &["signature-md5"],
        &[Go(HOST, "insecure algorithm MD5"), OpenSsl("-auth_level 1", "too weak")],
    );
    check(&by_openssl("genrsa 1024", "sha256"), &["rsa-short"], &[OpenSsl("-auth_level 2", "too weak")]);
    check(&by_openssl("genrsa -3 2048", "sha256"), &["rsa-exponent"], &[Nobody]);
    let k1 = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1";
    check(&by_openssl(k1, "sha256"), &["key-kind"], &[Go(HOST, "unsupported elliptic curve")]);
    let spelled = format!("{p256} -pkeyopt ec_param_enc:explicit");
    check(&by_openssl(&spelled, "sha256"), &["key-kind"], &[Go(HOST, "invalid ECDSA parameters")]);
    check(&by_openssl("genpkey -algorithm ED448", "sha256"), &["key-kind"], &[Nobody]);
    check(&by_openssl("genpkey -algorithm ED25519", "sha256"), &["ed25519-server"], &[Nobody]);
}

#[test]
fn chains_out_of_order_and_what_is_no_certificate() {
    let kitchen = Kitchen::new();
    let folder = three_levels(&kitchen);
    let chain = |names: &[&str]| {
        folder.write("chain.pem", names.iter().map(|name| folder.read(name)).collect::<String>());
        findings(&folder, "chain.pem").iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(chain(&["leaf.pem", "middle.pem", "ca.pem"]).is_empty());
    assert_eq!(chain(&["leaf.pem", "ca.pem", "middle.pem"]), ["chain-unsorted"]);
    assert_eq!(chain(&["ca.pem", "middle.pem", "leaf.pem"]), ["chain-order"]);
    assert_eq!(chain(&["ca.pem", "leaf.pem", "middle.pem"]), ["chain-order"]);
    assert!(chain(&["ca.pem", "middle.pem"]).is_empty(), "a bundle has no order");
    folder.write("broken.pem", "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n");
    assert_eq!(rules(&findings(&folder, "broken.pem")), ["unreadable"].into());
    // In a folder, DER that is something else is passed over; what is called a certificate is not.
    std::fs::create_dir(folder.path("der")).unwrap();
    folder.write("der/x.crl", [0x30, 3, 2, 1, 0]);
    std::fs::copy(folder.path("ca.der"), folder.path("der/ca")).unwrap();
    assert!(findings(&folder, "der").is_empty());
    folder.write("der/x.crt", [0x30, 3, 2, 1, 0]);
    assert_eq!(rules(&findings(&folder, "der")), ["unreadable"].into());
}

#[test]
fn a_chain_that_begins_with_a_ca_is_refused_by_servers() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out leaf"));
    folder.write("chain.pem", folder.read("ca.pem") + &folder.read("leaf.pem"));
    let found = findings(&folder, "chain.pem leaf-key.pem");
    let order = found.iter().find(|f| f["rule"] == "chain-order").unwrap();
    assert_eq!(order["severity"], "error");
    assert!(order["what"].as_str().unwrap().contains("`CN=leaf`, which is to come first, is number 2"), "{order}");
    let loaded = cfssl_both::go(&folder, "pair chain.pem leaf-key.pem").unwrap_err();
    assert!(loaded.contains("private key does not match public key"), "{loaded}");
    let serve = "timeout 20 openssl s_server -accept 127.0.0.1:0 -cert chain.pem -key leaf-key.pem";
    let served = cfssl_both::sh(&folder, cfssl_both::Whose::Ours, serve);
    assert!(served.code == 1 && served.stderr.contains("key values mismatch"), "{served:?}");
    // In a store the order means nothing.
    folder.openssl("pkcs12 -export -inkey leaf-key.pem -in leaf.pem -certfile ca.pem -out store.p12 -passout pass:");
    let found = findings(&folder, "store.p12");
    assert!(!rules(&found).contains("chain-order"), "{found:?}");
}

#[test]
fn keys_that_others_can_read_or_cannot_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let mode =
        |name: &str, mode| std::fs::set_permissions(folder.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    let found = |name: &str| {
        let found = findings(&folder, name);
        found.iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out a-key.pem");
    for (bits, expected) in
        [(0o600, vec![]), (0o400, vec![]), (0o640, vec!["key-group-readable"]), (0o644, vec!["key-world-readable"])]
    {
        mode("a-key.pem", bits);
        assert_eq!(found("a-key.pem"), expected, "{bits:o}");
    }
    // As cfssl labels it.
    folder.openssl("genpkey -algorithm ED25519 -out ed.pem");
    let labelled = folder.read("ed.pem").replace("PRIVATE KEY", "Ed25519 PRIVATE KEY");
    folder.write("ed.pem", labelled);
    mode("ed.pem", 0o600);
    assert_eq!(found("ed.pem"), ["key-label"]);
    let unreadable = |name: &str| {
        assert_ne!(folder.try_openssl(&format!("pkey -noout -in {name}")).code, 0, "openssl reads {name}");
    };
    unreadable("ed.pem");
    // As ring and many Rust programs write it.
    let v2 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    folder.write("v2.pem", v2.serialize_pem());
    mode("v2.pem", 0o600);
    assert_eq!(found("v2.pem"), ["key-pkcs8-version"]);
    unreadable("v2.pem");
    folder.openssl("genrsa -traditional -aes256 -passout pass:secret -out old.pem 2048");
    mode("old.pem", 0o600);
    assert_eq!(found("old.pem"), ["key-legacy-encryption"]);
    // The key beside a certificate.
    folder.openssl("req -x509 -key a-key.pem -subj /CN=a -days 5 -out a.pem -addext keyUsage=critical,keyCertSign");
    mode("a-key.pem", 0o600);
    assert!(found("a.pem a-key.pem").is_empty());
    folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out a-key.pem");
    assert_eq!(found("a.pem a-key.pem"), ["key-mismatch"]);
}

/// Rules that have tests of their own, above and beside the judging of names.
const ALONE: &str = "unreadable signature-md5 signature-sha1 rsa-short rsa-exponent key-kind ed25519-server signature-wrong \
    path-length-exceeded too-much-to-judge san-not-asked chain-order chain-unsorted key-world-readable key-group-readable key-label key-pkcs8-version key-legacy-encryption key-mismatch subject-empty-ca san-missing";

fn all_rules() -> Vec<Value> {
    Folder::new().json("certlint --rules -o json").as_array().unwrap().clone()
}

#[test]
fn every_rule_has_a_certificate_that_it_finds() {
    let all = all_rules();
    let all: BTreeSet<_> = all.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(SPOILT.iter().copied().chain(ALONE.split_whitespace()).collect::<BTreeSet<_>>(), all);
}

#[test]
fn the_rules_are_those_of_the_documentation() {
    let all = all_rules();
    let row = |rule: &Value| {
        let cells = ["severity", "title", "rejected_by", "reference"].map(|key| rule[key].as_str().unwrap());
        format!("| `{}` | {} |", rule["id"].as_str().unwrap(), cells.join(" | "))
    };
    let expected: Vec<_> = all.iter().map(row).collect();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/certlint.md")).unwrap();
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows, expected, "docs/certlint.md should have:\n{}", expected.join("\n"));
}

#[test]
fn a_rule_can_be_ignored_and_a_mistyped_one_is_told() {
    let mut kitchen = Kitchen::new();
    kitchen.leaf.without(SAN);
    let folder = kitchen.folder();
    assert_eq!(folder.kbootstrap("certlint leaf.pem", "").code, 4);
    assert_eq!(folder.kbootstrap("certlint leaf.pem --ignore san-missing", "").code, 0);
    insta::assert_snapshot!(folder.refused("certlint leaf.pem --ignore san-mising"), @r"
    error: there is no rule `san-mising`
    hint: did you mean `san-missing`?
    exit code 2
    ");
    let text = folder.kbootstrap("certlint leaf.pem", "").stdout;
    insta::assert_snapshot!(text, @r#"
    leaf.pem: CN=leaf
      error    it has no subject alternative name  [san-missing]
               refused by: Go ("certificate relies on legacy Common Name field"), browsers, rustls
               see: RFC 9525 §2, BR §7.1.2.7.12

    1 certificate and 0 keys: 1 error, 0 warnings, 0 notices
    "#);
}
