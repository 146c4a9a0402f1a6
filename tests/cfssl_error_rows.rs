//! cfssl's error catalogue: mistakes, and what cfssl says of them last.

/// One mistake.
pub struct Row {
    pub line: &'static str,
    /// What cfssl 1.6.5 says last, and its exit code.
    pub theirs: (&'static str, i32),
    /// What ours says where it is not the same, and why.
    pub ours: Option<(&'static str, i32, &'static str)>,
}

const fn row(line: &'static str, last: &'static str) -> Row {
    Row { line, theirs: (last, 1), ours: None }
}

const fn coded(line: &'static str, last: &'static str, code: i32) -> Row {
    Row { line, theirs: (last, code), ours: None }
}

/// Where we differ on purpose.
const fn differs(line: &'static str, theirs: (&'static str, i32), ours: (&'static str, i32), why: &'static str) -> Row {
    Row { line, theirs, ours: Some((ours.0, ours.1, why)) }
}

/// The same words; cfssl takes them for a success.
const fn nothing_done(line: &'static str, last: &'static str) -> Row {
    differs(line, (last, 0), (last, 1), DONE_NOTHING)
}

/// An error with a number.
macro_rules! failed {
    ($line:expr, $code:literal, $message:literal) => {
        row($line, concat!(r#"{"code":"#, $code, r#","message":""#, $message, r#""}"#))
    };
}

/// A CSR spec with a value of another type.
macro_rules! mistyped {
    ($spec:literal, $what:literal) => {
        row(concat!("cfssl genkey ", $spec), concat!("json: cannot unmarshal ", $what))
    };
}

/// A signing configuration that cannot be loaded.
macro_rules! bad_config {
    ($config:literal, $why:literal) => {
        row(
            concat!("cfssl gencert CA -config ", $config, " leaf.json"),
            concat!(r#"Failed to load config file: {"code":5200,"message":""#, $why, r#""}"#),
        )
    };
}

pub const FILES: &[(&str, &str)] = &[
    ("leaf.json", r#"{"CN":"leaf","hosts":["leaf.test"]}"#),
    ("cut.json", r#"{"CN":"leaf""#),
    ("empty.json", ""),
    ("comma.json", r#"{"CN":"leaf",}"#),
    ("after.json", r#"{"CN":"leaf"} x"#),
    ("array.json", "[]"),
    ("cn.json", r#"{"CN":1}"#),
    ("hosts.json", r#"{"hosts":"a"}"#),
    ("size.json", r#"{"key":{"algo":"rsa","size":"2048"}}"#),
    ("float.json", r#"{"key":{"algo":"rsa","size":2048.0}}"#),
    ("names.json", r#"{"names":{"C":"x"}}"#),
    ("inner.json", r#"{"names":[{"C":1}]}"#),
    ("weak.json", r#"{"key":{"algo":"rsa","size":1024}}"#),
    ("large.json", r#"{"key":{"algo":"rsa","size":16384}}"#),
    ("rsa.json", r#"{"key":{"algo":"rsa"}}"#),
    ("p224.json", r#"{"key":{"algo":"ecdsa","size":224}}"#),
    ("p512.json", r#"{"key":{"algo":"ecdsa","size":512}}"#),
    ("dsa.json", r#"{"key":{"algo":"dsa","size":2048}}"#),
    ("upper.json", r#"{"key":{"algo":"RSA","size":2048}}"#),
    ("ca-section.json", r#"{"CN":"x","ca":{"expiry":"1h"}}"#),
    ("oid.json", r#"{"CN":"x","names":[{"OID":{"x":"v"}}]}"#),
    ("nobody.json", r#"{"names":[{"C":"x"},{}]}"#),
    ("10y.json", r#"{"CN":"x","ca":{"expiry":"10y"}}"#),
    ("0h.json", r#"{"CN":"x","ca":{"expiry":"0h"}}"#),
    ("idn.json", r#"{"CN":"x","hosts":["bücher.de"]}"#),
    (
        "config.json",
        r#"{"signing":{"default":{"expiry":"1h","usages":["server auth"]},"profiles":{"white":{"usages":["any"],"expiry":"1h","name_whitelist":"^x$"},
        "serial":{"usages":["any"],"expiry":"1h","ClientProvidesSerialNumbers":true},"ca":{"usages":["cert sign"],"expiry":"1h","ca_constraint":{"is_ca":true}}}}}"#,
    ),
    ("no-usages.json", r#"{"signing":{"default":{"expiry":"1h"}}}"#),
    ("no-signing.json", "{}"),
    ("bad-config.json", "{"),
    ("no-expiry.json", r#"{"signing":{"default":{"usages":["any"]}}}"#),
    ("1y.json", r#"{"signing":{"default":{"expiry":"1y"}}}"#),
    ("365d.json", r#"{"signing":{"default":{"expiry":"365d"}}}"#),
    ("8760.json", r#"{"signing":{"default":{"expiry":"8760"}}}"#),
    ("8760n.json", r#"{"signing":{"default":{"expiry":8760}}}"#),
    ("profile-no-usages.json", r#"{"signing":{"profiles":{"a":{"expiry":"1h"}}}}"#),
    ("profile-unknown-usages.json", r#"{"signing":{"profiles":{"a":{"expiry":"1h","usages":["Server Auth"]}}}}"#),
    ("default-0h.json", r#"{"signing":{"default":{"expiry":"0h"}}}"#),
    ("bad-whitelist.json", r#"{"signing":{"default":{"expiry":"1h","name_whitelist":"("}}}"#),
    ("auth-missing.json", r#"{"signing":{"default":{"expiry":"1h","auth_key":"k"}}}"#),
    (
        "auth-hex.json",
        r#"{"signing":{"default":{"expiry":"1h","auth_key":"k"}},"auth_keys":{"k":{"type":"standard","key":"xyz"}}}"#,
    ),
    (
        "auth-type.json",
        r#"{"signing":{"default":{"expiry":"1h","auth_key":"k"}},"auth_keys":{"k":{"type":"other","key":"00"}}}"#,
    ),
    ("remote-missing.json", r#"{"signing":{"default":{"expiry":"1h","remote":"r"}}}"#),
    (
        "auth-remote.json",
        r#"{"signing":{"default":{"expiry":"1h","usages":["any"],"auth_remote":{"remote":"r","auth_key":"k"}}},
        "auth_keys":{"k":{"type":"standard","key":"00ff"}},"remotes":{"r":"127.0.0.1:1"}}"#,
    ),
    (
        "some-remote.json",
        r#"{"signing":{"default":{"expiry":"1h","usages":["any"]},"profiles":{"r":{"remote":"r"},"a":{"expiry":"1h","auth_remote":{"remote":"r","auth_key":"k"}}}},
        "auth_keys":{"k":{"type":"standard","key":"00ff"}},"remotes":{"r":"127.0.0.1:1"}}"#,
    ),
    (
        "auth-remote-key.json",
        r#"{"signing":{"default":{"expiry":"1h","auth_remote":{"remote":"r","auth_key":"q"}}},"remotes":{"r":"h:1"}}"#,
    ),
    (
        "auth-remote-no-key.json",
        r#"{"signing":{"default":{"expiry":"1h","auth_remote":{"remote":"r"}}},"remotes":{"r":"h:1"}}"#,
    ),
    (
        "auth-remote-missing.json",
        r#"{"signing":{"default":{"expiry":"1h","auth_remote":{"remote":"q"}}},"remotes":{"r":"h:1"}}"#,
    ),
    (
        "key-without-remote.json",
        r#"{"signing":{"default":{"expiry":"1h","auth_remote":{"auth_key":"k"}}},"auth_keys":{"k":{"type":"standard","key":"00ff"}}}"#,
    ),
    (
        "both-remotes.json",
        r#"{"signing":{"default":{"expiry":"1h","remote":"r","auth_remote":{"remote":"r","auth_key":"k"}}},
        "auth_keys":{"k":{"type":"standard","key":"00ff"}},"remotes":{"r":"h:1"}}"#,
    ),
    (
        "policy-type.json",
        r#"{"signing":{"default":{"expiry":"1h","policies":[{"ID":"1.2.3","Qualifiers":[{"Type":"x"}]}]}}}"#,
    ),
    ("policy-oid.json", r#"{"signing":{"default":{"expiry":"1h","policies":[{"ID":1}]}}}"#),
    ("junk.csr", "junk"),
    ("broken.csr", "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"),
    ("broken.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
    ("serials", "1\nabc\n"),
];

pub const CA: &str = "-ca ca.pem -ca-key ca-key.pem";
const DONE_NOTHING: &str = "nothing done is never exit 0";
const USAGE: &str = "not enough arguments are supplied --- please refer to the usage";
const BAD_CERT: &str = r#"{"code":1003,"message":"Failed to parse certificate"}"#;
const NO_CERT: &str = r#"{"code":1002,"message":"Failed to decode certificate"}"#;
const BAD_KEY: &str = r#"{"code":2003,"message":"Failed to parse private key"}"#;
pub const NOT_THERE: &str =
    "kbootstrap has no cfssl server, no OCSP, no database of certificates and no scanner: this command is not there";

/// `CA` in a line stands for the CA's two flags.
pub const ROWS: &[Row] = &[
    row("cfssl gencert", USAGE),
    row("cfssl genkey", USAGE),
    row("cfssl sign", USAGE),
    row("cfssl selfsign", USAGE),
    row("cfssl gencrl", USAGE),
    row("cfssl print-defaults", USAGE),
    row("cfssl gencert a b", "only one argument is accepted, please check with usage"),
    row("cfssl genkey a b", "only one argument is accepted, please check with usage"),
    row("cfssl sign a b c", "too many arguments are provided, please check with usage"),
    row("cfssl selfsign a b c", "too many arguments are provided, please check with usage"),
    row("cfssl gencsr leaf.json", "private key file is required through '-key', please check with usage"),
    row("cfssl gencsr -key ca-key.pem -cert ca.pem x", "no argument is accepted with '-cert', please check with usage"),
    row("cfssl certinfo", "Must specify certinfo target through -cert, -csr, -domain or -serial + -aki"),
    row("cfssl bundle", "Must specify bundle target through -cert or -domain"),
    coded(
        "cfssl gencert -initca=maybe x 2>&1 | head -1 >&2; exit 2",
        "invalid boolean value \"maybe\" for -initca: parse error",
        2,
    ),
    coded("cfssl gencert -ca 2>&1 | head -1 >&2; exit 2", "flag needs an argument: -ca", 2),
    coded("cfssl gencert -bogus 2>&1 | head -1 >&2; exit 2", "flag provided but not defined: -bogus", 2),
    coded("cfssl gencert -bogus 2> /dev/null", "", 2),
    coded("cfssl -version 2> /dev/null", "", 2),
    coded("cfssl gencert -h 2> /dev/null", "", 0),
    coded("cfssl 2>&1 | head -1 >&2; exit 1", "No command is given.", 1),
    coded("cfssl bogus 2>&1 | head -1 >&2; exit 1", "Command bogus is not defined.", 1),
    coded("cfssl help 2> /dev/null", "", 1),
    // The CSR spec.
    row("cfssl genkey nofile.json", "open nofile.json: no such file or directory"),
    row("cfssl genkey /", "read /: is a directory"),
    row("cfssl genkey cut.json", "unexpected end of JSON input"),
    row("cfssl genkey empty.json", "unexpected end of JSON input"),
    row("cfssl genkey - < /dev/null", "unexpected end of JSON input"),
    row("cfssl genkey comma.json", "invalid character '}' looking for beginning of object key string"),
    row("cfssl genkey after.json", "invalid character 'x' after top-level value"),
    mistyped!("array.json", "array into Go value of type csr.CertificateRequest"),
    mistyped!("cn.json", "number into Go struct field CertificateRequest.CN of type string"),
    mistyped!("hosts.json", "string into Go struct field CertificateRequest.hosts of type []string"),
    mistyped!("size.json", "string into Go struct field KeyRequest.key.size of type int"),
    mistyped!("float.json", "number 2048.0 into Go struct field KeyRequest.key.size of type int"),
    mistyped!("names.json", "object into Go struct field CertificateRequest.names of type []csr.Name"),
    mistyped!("inner.json", "number into Go struct field Name.names.C of type string"),
    failed!("cfssl genkey weak.json", 2400, "RSA key is too weak"),
    failed!("cfssl gencert CA weak.json", 2400, "RSA key is too weak"),
    failed!("cfssl genkey large.json", 2400, "RSA key size too large"),
    failed!("cfssl genkey rsa.json", 2400, "RSA key is too weak"),
    failed!("cfssl genkey p224.json", 2400, "invalid curve"),
    failed!("cfssl genkey p512.json", 2400, "invalid curve"),
    failed!("cfssl genkey dsa.json", 2400, "invalid algorithm"),
    failed!("cfssl genkey upper.json", 2400, "invalid algorithm"),
    row("cfssl genkey ca-section.json", "ca section only permitted in initca"),
    row("cfssl gencert CA ca-section.json", "ca section only permitted in initca"),
    failed!("cfssl genkey oid.json", 9300, "invalid OID part x"),
    failed!("cfssl gencert -initca nobody.json", 5300, "missing subject information"),
    row("cfssl gencert -initca 10y.json", "time: unknown unit \"y\" in duration \"10y\""),
    failed!("cfssl gencert -initca 0h.json", 5200, "Invalid or unknown policy"),
    differs("cfssl genkey idn.json 2> /dev/null", ("", 2), ("", 0), "Punycode in place of a panic"),
    // The CA.
    nothing_done("cfssl gencert leaf.json", "need a CA certificate (provide one with -ca)"),
    nothing_done("cfssl gencert -ca ca.pem leaf.json", "need a CA key (provide one with -ca-key)"),
    nothing_done("cfssl sign leaf.csr", "need CA certificate (provide one with -ca)"),
    nothing_done("cfssl sign -ca ca.pem leaf.csr", "need CA key (provide one with -ca-key)"),
    failed!("cfssl gencert -config config.json -ca ca.pem leaf.json", 2000, "Unknown private key error"),
    row("cfssl gencert -ca no.pem -ca-key ca-key.pem leaf.json", "open no.pem: no such file or directory"),
    failed!("cfssl gencert -ca ca.pem -ca-key no.pem leaf.json", 1001, "open no.pem: no such file or directory"),
    row("cfssl gencert -ca foo:x -ca-key ca-key.pem leaf.json", "unknown prefix: foo"),
    row("cfssl gencert -ca env:NO_SUCH -ca-key ca-key.pem leaf.json", NO_CERT),
    row("cfssl gencert -ca ca-key.pem -ca-key ca-key.pem leaf.json", BAD_CERT),
    row("cfssl gencert -ca broken.pem -ca-key ca-key.pem leaf.json", BAD_CERT),
    row("cfssl gencert -ca empty.json -ca-key ca-key.pem leaf.json", NO_CERT),
    failed!(
        "cfssl gencert -ca two.pem -ca-key ca-key.pem leaf.json",
        1003,
        "the PEM file should contain only one object"
    ),
    row("cfssl gencert -ca ca.pem -ca-key ca.pem leaf.json", BAD_KEY),
    failed!("cfssl gencert -ca ca.pem -ca-key empty.json leaf.json", 2002, "Failed to decode private key"),
    failed!("cfssl gencert -ca ca.pem -ca-key locked.pem leaf.json", 2100, "Private key is encrypted."),
    row(
        "CFSSL_CA_PK_PASSWORD=wrong cfssl gencert -ca ca.pem -ca-key locked.pem leaf.json",
        "x509: decryption password incorrect",
    ),
    row("cfssl gencert -ca ca.pem -ca-key locked8.pem leaf.json", BAD_KEY),
    row("cfssl gencert -ca ca.pem -ca-key k1.pem leaf.json", BAD_KEY),
    failed!(
        "cfssl gencert -ca ca.pem -ca-key other-key.pem leaf.json",
        1000,
        "x509: provided PrivateKey doesn't match parent's PublicKey"
    ),
    failed!("cfssl gencert -renewca -ca ca.pem -ca-key other-key.pem", 2300, "Private key does not match public key"),
    row("cfssl gencert -renewca -ca leaf.pem -ca-key leaf-key.pem", "input certificate is not a CA cert"),
    // The configuration.
    bad_config!("nofile.json", "could not read configuration file"),
    bad_config!("bad-config.json", "failed to unmarshal configuration: unexpected end of JSON input"),
    row(
        "cfssl gencert CA -config no-signing.json leaf.json",
        r#"Failed to load config file: No "signing" field present"#,
    ),
    bad_config!("no-expiry.json", "empty expiry string"),
    bad_config!("1y.json", r#"time: unknown unit \"y\" in duration \"1y\""#),
    bad_config!("365d.json", r#"time: unknown unit \"d\" in duration \"365d\""#),
    bad_config!("8760.json", r#"time: missing unit in duration \"8760\""#),
    bad_config!(
        "8760n.json",
        "failed to unmarshal configuration: json: cannot unmarshal number into Go struct field SigningProfile.signing.default.expiry of type string"
    ),
    bad_config!("profile-no-usages.json", "invalid configuration"),
    bad_config!("profile-unknown-usages.json", "invalid configuration"),
    bad_config!("default-0h.json", "invalid configuration"),
    failed!("cfssl gencert CA -config no-usages.json leaf.json", 5100, "Invalid policy: no key usage available"),
    failed!(
        "cfssl gencert CA -config no-usages.json -profile unknown leaf.json",
        5100,
        "Invalid policy: no key usage available"
    ),
    bad_config!("bad-whitelist.json", "failed to compile name whitelist section"),
    bad_config!("auth-missing.json", "failed to find auth_key in auth_keys section"),
    bad_config!("auth-hex.json", "failed to create new standard auth provider"),
    bad_config!("auth-type.json", "unknown authentication type"),
    bad_config!("remote-missing.json", "failed to find remote in remotes section"),
    bad_config!("auth-remote-missing.json", "failed to find remote in remotes section"),
    bad_config!("auth-remote-key.json", "failed to find auth_remote's auth_key in auth_keys section"),
    bad_config!("auth-remote-no-key.json", "invalid configuration"),
    bad_config!("key-without-remote.json", "invalid configuration"),
    bad_config!("both-remotes.json", "Invalid or unknown policy"),
    failed!("cfssl gencert CA -config auth-remote.json leaf.json", 5300, "failed to connect to remote"),
    failed!("cfssl gencert -config auth-remote.json leaf.json", 5300, "failed to connect to remote"),
    failed!("cfssl gencert CA -config auth-remote.json -profile nix leaf.json", 5300, "failed to connect to remote"),
    failed!("cfssl gencert CA -config some-remote.json -profile r leaf.json", 5300, "failed to connect to remote"),
    failed!("cfssl gencert CA -config some-remote.json -profile a leaf.json", 5300, "failed to connect to remote"),
    failed!("cfssl gencert CA -config some-remote.json -profile nix leaf.json", 5400, "Unknown policy profile"),
    failed!("cfssl gencert -config some-remote.json leaf.json", 2000, "Unknown private key error"),
    bad_config!("policy-type.json", "invalid policy qualifier type"),
    bad_config!("policy-oid.json", "failed to unmarshal configuration: OID JSON string not wrapped in quotes.1"),
    failed!(
        "cfssl gencert CA -config config.json -profile white leaf.json",
        5500,
        "Request does not match policy whitelist"
    ),
    failed!("cfssl gencert CA -config config.json -profile serial leaf.json", 1400, "Missing serial number in request"),
    // CSRs.
    row("cfssl sign CA no.csr", "open no.csr: no such file or directory"),
    failed!("cfssl sign CA ca.pem", 9300, "not a csr"),
    failed!("cfssl sign CA junk.csr", 9002, "CSR Decode failed"),
    differs(
        "cfssl sign CA broken.csr",
        (r#"{"code":9003,"message":"asn1: syntax error: sequence truncated"}"#, 1),
        (r#"{"code":9003,"message":"the CSR: not a CSR: it cannot be parsed"}"#, 1),
        "the words of another parser",
    ),
    row("cfssl sign CA leaf.csr array.json", "json: cannot unmarshal array into Go value of type signer.Subject"),
    failed!("cfssl sign CA inter.csr", 5300, "Policy violation request"),
    failed!(
        "cfssl sign -ca zero.pem -ca-key zero-key.pem -config config.json -profile ca inter.csr",
        5300,
        "Policy violation request"
    ),
    // certinfo, bundle, gencrl.
    row("cfssl certinfo -cert no.pem", "open no.pem: no such file or directory"),
    row("cfssl certinfo -cert ca-key.pem", BAD_CERT),
    failed!("cfssl certinfo -cert two.pem", 1003, "the PEM file should contain only one object"),
    failed!("cfssl bundle -ca-bundle zero.pem -cert leaf.pem", 1220, "x509: certificate signed by unknown authority"),
    failed!(
        "cfssl bundle -ca-bundle ca.pem -cert leaf.pem -key other-key.pem",
        2300,
        "Private key does not match public key"
    ),
    failed!("cfssl bundle -ca-bundle no.pem -cert leaf.pem", 4001, "open no.pem: no such file or directory"),
    failed!("cfssl bundle -ca-bundle ca.pem -cert ca.pem", 1100, "Certificate is self signed"),
    row("cfssl gencrl no ca.pem ca-key.pem", "open no: no such file or directory"),
    row("cfssl gencrl serials ca-key.pem ca-key.pem", BAD_CERT),
    differs(
        "cfssl gencrl serials ca.pem ca-key.pem > /dev/null",
        ("", 0),
        (
            "line 2: `abc` is no serial number: it has other characters than digits (write it in decimal digits, or in hexadecimal ones after 0x)",
            1,
        ),
        "cfssl revokes number 0",
    ),
    // cfssljson.
    row("cfssljson -bare x < /dev/null", "Failed to parse input: unexpected end of JSON input"),
    row(
        "echo '[]' | cfssljson -bare x",
        "Failed to parse input: json: cannot unmarshal array into Go value of type map[string]interface {}",
    ),
    row(r#"echo '{"cert":"a"}' | cfssljson x"#, "Request failed:"),
    row(r#"echo '{"errors":[{"message":"no"}]}' | cfssljson x"#, "\tno"),
    row(r#"echo '{"cert":"a"}' | cfssljson -bare none/x"#, "open none/x.pem: no such file or directory"),
    row("cfssljson -f no.json", "Failed to read input: open no.json: no such file or directory"),
    differs(
        "echo '{}' | cfssljson -bare x",
        ("", 0),
        (
            "there is no certificate, key or CSR in the input (the output of a command needs -bare, that of the API must not have it)",
            1,
        ),
        DONE_NOTHING,
    ),
    differs(r#"echo '{"cert":1}' | cfssljson -bare x 2> /dev/null"#, ("", 2), ("", 1), "no panic"),
    coded("cfssljson -bogus 2> /dev/null", "", 2),
    // What is not there.
    differs("cfssl serve -db-config none", ("Failed to load DB", 1), (NOT_THERE, 1), "a later matter"),
    differs(
        "cfssl crl -ca ca.pem -ca-key ca-key.pem",
        ("need DB config file (provide with -db-config)", 0),
        (NOT_THERE, 1),
        "a later matter",
    ),
];
