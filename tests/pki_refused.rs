//! What the program refuses, and how it says so.

use kbootstrap::pki::{Authority, CsrSpec, Key, KeyKind, Lifetime, Profile, Request, Serial, self_signed};
use time::macros::datetime;

use crate::pki_tools::{CONFIG, Folder, GENCERT, with_leaf};

fn gencert(folder: &Folder, rest: &str) -> String {
    folder.refused(&format!("gencert -config config.json {rest} leaf.json"))
}

#[test]
fn a_spec_that_names_nobody_or_hides_something() {
    let folder = with_leaf();
    let spec = |text: &[u8]| {
        folder.write("leaf.json", text);
        folder.refused(&format!("{GENCERT} leaf.json --out leaf"))
    };
    insta::assert_snapshot!(spec(b"{}"), @r#"
    error: leaf.json: it names nobody: neither a subject nor hosts
    hint: give it a "CN", "names" or "hosts"
    exit code 3
    "#);
    insta::assert_snapshot!(spec(br#"{"CN":"a\nCN=b","names":[{"O":"x\u0000"}],"hosts":["a"]}"#), @r#"
    error: leaf.json: the subject has `x\u{0}`: characters that are not seen deceive whoever reads it
    hint: take them out
    exit code 3
    "#);
    insta::assert_snapshot!(spec(b"{\"hosts\":[\"a\"],\n\"CN\":\"M\xfcller\"}"), @r"
    error: leaf.json: line 2 is not UTF-8 text
    hint: save it as UTF-8: a name would not be the one that is meant
    exit code 3
    ");
}

#[test]
fn cas_that_cannot_issue() {
    let folder = with_leaf();
    let with =
        |ca: &str, key: &str, profile: &str| gencert(&folder, &format!("-ca {ca} -ca-key {key} -profile {profile}"));
    folder.ok(&format!("{GENCERT} leaf.json --out leaf"));
    insta::assert_snapshot!(with("leaf.pem", "leaf-key.pem", "server"), @r"
    error: leaf.pem: the certificate is not a CA (its basic constraints do not say CA:TRUE)
    exit code 4
    ");
    insta::assert_snapshot!(with("ca.pem", "leaf-key.pem", "server"), @r"
    error: leaf-key.pem: the private key does not belong to the CA certificate
    exit code 4
    ");
    insta::assert_snapshot!(with("ca-key.pem", "ca-key.pem", "server"), @r"
    error: ca-key.pem: there is no certificate in it, only EC PRIVATE KEY
    exit code 4
    ");
    insta::assert_snapshot!(with("ca.pem", "ca.pem", "server"), @r"
    error: ca.pem: there is no private key in it, only CERTIFICATE
    exit code 4
    ");
    insta::assert_snapshot!(with("none.pem", "ca-key.pem", "server"), @r"
    error: cannot read none.pem: No such file or directory (os error 2)
    exit code 3
    ");
    folder.write("two.pem", folder.read("ca.pem") + &folder.read("leaf.pem"));
    insta::assert_snapshot!(with("two.pem", "ca-key.pem", "server"), @r"
    error: two.pem: there are 2 certificates in it, expected one
    hint: leave that one in it; `kbootstrap certinfo FILE` shows them
    exit code 4
    ");
    folder.write("cut.pem", &folder.read("ca.pem")[..300]);
    insta::assert_snapshot!(with("cut.pem", "ca-key.pem", "server"), @r"
    error: cut.pem: line 1: BEGIN CERTIFICATE has no END: the file is cut off
    exit code 4
    ");
    folder.openssl("pkey -in ca-key.pem -aes128 -passout pass:x -out locked.pem");
    insta::assert_snapshot!(with("ca.pem", "locked.pem", "server"), @r"
    error: locked.pem: the private key is encrypted
    hint: give its password: --ca-key-password-file FILE (its first line), or the variable KBOOTSTRAP_CA_KEY_PASSWORD or CFSSL_CA_PK_PASSWORD
    hint: decrypt it: openssl pkey -in KEY -out PLAIN
    exit code 4
    ");
    // A path length of 0 leaves no room for another CA.
    folder.ok("gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile intermediate leaf.json --out sub");
    insta::assert_snapshot!(with("sub.pem", "sub-key.pem", "intermediate"), @r#"
    error: sub.pem: the CA may not issue CA certificates (its path length is 0)
    hint: issue the intermediate CA from another CA, or make a new CA with a greater "pathlen"
    exit code 4
    "#);
    // A CA by its basic constraints, but its key usage does not let it sign.
    folder.openssl(
        "req -x509 -new -key ca-key.pem -subj /CN=root -addext keyUsage=critical,cRLSign -days 3650 -out mute.pem",
    );
    insta::assert_snapshot!(with("mute.pem", "ca-key.pem", "server"), @r"
    error: mute.pem: the CA may not sign certificates (its key usage lacks `cert sign`)
    exit code 4
    ");
}

#[test]
fn cas_outside_their_time() {
    let folder = with_leaf();
    let ca = |name: &str, now, expiry: &str| {
        folder.root(name, now, expiry);
        gencert(&folder, &format!("-ca {name}.pem -ca-key {name}-key.pem -profile server"))
    };
    insta::assert_snapshot!(ca("expired", datetime!(2020-01-01 0:00 UTC), "1y"), @r"
    error: expired.pem: the CA has expired on 2020-12-30 23:55 UTC
    exit code 4
    ");
    insta::assert_snapshot!(ca("future", datetime!(2199-01-01 0:00 UTC), "1y"), @r"
    error: future.pem: the CA is not valid before 2198-12-31 23:55 UTC
    hint: is the clock of this machine right?
    exit code 4
    ");
    let short = ca("short", time::OffsetDateTime::now_utc(), "10d");
    assert!(
        short.starts_with("error: short.pem: the certificate would end ") && short.ends_with("exit code 4"),
        "{short}"
    );
}

#[test]
fn a_leaf_is_cut_to_the_end_of_a_ca_of_the_same_life() {
    let now = datetime!(2026-11-21 10:00 UTC);
    let key = Key::generate(KeyKind::EcdsaP256).unwrap();
    let spec = CsrSpec::from_json(br#"{"CN":"x","ca":{"expiry":"10y"}}"#, "x").unwrap();
    let root = self_signed(&spec, &key, now, Serial::from_random([1; 20])).unwrap();
    let authority = Authority::new(root.certificate, key, now).unwrap();
    let leaf = Key::generate(KeyKind::EcdsaP256).unwrap();
    let request = Request::from_spec(&CsrSpec { cn: "leaf".into(), ..CsrSpec::default() }, leaf.public()).unwrap();
    let profile = Profile::new(&["client auth"], Lifetime::hours(87_600)).unwrap();
    let issue = |now| authority.issue(&request, &profile, now, Serial::from_random([2; 20]));
    let same = issue(datetime!(2026-11-22 10:00 UTC)).unwrap();
    assert_eq!(same.certificate.validity().not_after, datetime!(2036-11-18 09:55 UTC));
    assert_eq!(same.warnings, ["the certificate ends with its CA, 2036-11-18 09:55 UTC, and not 2036-11-19 09:55 UTC"]);
    insta::assert_snapshot!(issue(datetime!(2027-03-01 10:00 UTC)).unwrap_err(), @"the certificate would end 2037-02-26 09:55 UTC, after its CA, which ends 2036-11-18 09:55 UTC");
    insta::assert_snapshot!(issue(datetime!(2037-03-01 10:00 UTC)).unwrap_err(), @"the CA has expired on 2036-11-18 09:55 UTC");
}

#[test]
fn profiles_and_specs() {
    let folder = with_leaf();
    let ca = "-ca ca.pem -ca-key ca-key.pem";
    insta::assert_snapshot!(gencert(&folder, &format!("{ca} -profile sever")), @r"
    error: config.json: there is no profile `sever` in the signing configuration
    hint: did you mean `server`?
    exit code 2
    ");
    insta::assert_snapshot!(gencert(&folder, ca), @r#"
    error: config.json: profile default: the profile has no usages
    hint: for example "usages": ["signing", "key encipherment", "server auth"]
    exit code 3
    "#);
    folder.write("config.json", CONFIG.replace("server auth", "Server Auth"));
    insta::assert_snapshot!(gencert(&folder, &format!("{ca} -profile server")), @r"
    error: config.json: signing.profiles.everything.usages[8]: unknown usage `Server Auth`
    hint: did you mean `server auth`?

    error: config.json: signing.profiles.peer.usages[2]: unknown usage `Server Auth`
    hint: did you mean `server auth`?

    error: config.json: signing.profiles.server.usages[2]: unknown usage `Server Auth`
    hint: did you mean `server auth`?

    3 errors
    exit code 3
    ");
    folder.write("config.json", CONFIG);
    let spec = |text: &str| {
        folder.write("leaf.json", text);
        gencert(&folder, &format!("{ca} -profile server"))
    };
    insta::assert_snapshot!(spec(r#"{"CN":"x","ca":{"expiry":"1y"}}"#), @r#"
    error: leaf.json: a "ca" is for -initca only
    hint: an intermediate CA is made by a profile with "ca_constraint": {"is_ca": true}
    exit code 3
    "#);
    insta::assert_snapshot!(spec(r#"{"CN":"x","host":["a"],"key":{"algo":"rsa","size":1024}}"#), @r"
    error: leaf.json: key.size: RSA key of 1024 bits is too weak
    hint: use 2048 to 8192 bits

    error: leaf.json: host: unknown key
    hint: did you mean `hosts`?

    2 errors
    exit code 3
    ");
    insta::assert_snapshot!(spec(r#"{"CN":"x","hosts":["ü@b.de","10.0.0.1，10.0.0.2"]}"#), @r"
    error: leaf.json: host `ü@b.de` has the character 'ü', which no certificate can hold
    hint: write an internationalised name in its ASCII form (xn--…)

    error: leaf.json: host `10.0.0.1，10.0.0.2` has the character '，', which no certificate can hold
    hint: it is a full-width character: type it again with an ASCII keyboard

    2 errors
    exit code 3
    ");
    insta::assert_snapshot!(spec("{\"CN\":\"x\",}"), @r#"
    error: leaf.json: not valid JSON: trailing comma at line 1 column 11
      {"CN":"x",}
    exit code 3
    "#);
    insta::assert_snapshot!(folder.refused("gencert -initca none.json"), @r"
    error: cannot read none.json: No such file or directory (os error 2)
    exit code 3
    ");
    folder.write("ca.json", r#"{"names":[{"C":"CN"},{}]}"#);
    insta::assert_snapshot!(folder.refused("gencert -initca ca.json"), @r#"
    error: ca.json: a CA needs a subject
    hint: give it a "CN", or "names" with something in each entry
    exit code 3
    "#);
    insta::assert_snapshot!(folder.refused("gencert -initca config.json --out none/x"), @r"
    error: there is no folder none
    hint: make it first
    exit code 3
    ");
}

#[test]
fn nothing_done_is_never_success() {
    let folder = with_leaf();
    insta::assert_snapshot!(folder.refused("gencert leaf.json"), @r"
    error: a CA certificate (-ca) is needed
    hint: name both with -ca FILE -ca-key FILE; a self-signed CA is made by gencert -initca
    exit code 2
    ");
    insta::assert_snapshot!(folder.refused("gencert -ca ca.pem leaf.json"), @r"
    error: a CA key (-ca-key) is needed
    hint: name both with -ca FILE -ca-key FILE; a self-signed CA is made by gencert -initca
    exit code 2
    ");
    insta::assert_snapshot!(folder.refused("sign leaf.csr"), @r"
    error: a CA certificate (-ca) is needed
    hint: name both with -ca FILE -ca-key FILE; a self-signed CA is made by gencert -initca
    exit code 2
    ");
    insta::assert_snapshot!(folder.refused("certinfo"), @r"
    error: no certificate is named
    hint: certinfo FILE…, certinfo -cert FILE or certinfo -csr FILE
    exit code 2
    ");
    insta::assert_snapshot!(folder.refused("certinfo ca.json"), @r"
    error: ca.json: it is neither PEM nor DER
    exit code 4
    ");
    insta::assert_snapshot!(folder.refused("cfssljson -bare x"), @r"
    the input is empty: the command before the pipe failed, and says why above
    Failed to parse input: unexpected end of JSON input
    exit code 1
    ");
    assert!(folder.refused("print-defaults nothing").ends_with("exit code 2"));
    let full = folder.kbootstrap("cfssljson -bare none/x", r#"{"cert":"a"}"#);
    insta::assert_snapshot!(full.stderr, @"open none/x.pem: no such file or directory");
}

#[test]
fn csrs_that_cannot_be_signed() {
    let folder = with_leaf();
    let sign = |file: &str| {
        folder.refused(&format!("sign -ca ca.pem -ca-key ca-key.pem -config config.json -profile server {file}"))
    };
    insta::assert_snapshot!(sign("ca.pem"), @r"
    error: ca.pem: there is no CSR in it, only CERTIFICATE
    exit code 4
    ");
    folder.openssl("req -new -newkey rsa:1024 -nodes -keyout k.pem -subj /CN=x -out weak.csr");
    insta::assert_snapshot!(sign("weak.csr"), @r"
    error: weak.csr: RSA key of 1024 bits is refused
    hint: use 2048 to 8192 bits
    exit code 4
    ");
    folder.openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:secp256k1 -nodes -keyout k.pem -subj /CN=x -out odd.csr",
    );
    insta::assert_snapshot!(sign("odd.csr"), @r"
    error: odd.csr: EC curve 1.3.132.0.10 is not supported
    hint: use a key on P-256, P-384 or P-521
    exit code 4
    ");
    folder.openssl(
        "req -new -newkey rsa:2048 -nodes -keyout k.pem -subj /CN=x -addext basicConstraints=CA:TRUE -out ca.csr",
    );
    insta::assert_snapshot!(sign("ca.csr"), @r#"
    error: the CSR asks for a CA certificate, which the profile does not allow
    hint: use a profile with "ca_constraint": {"is_ca": true}
    exit code 4
    "#);
}
