//! cfssl's flags: one set for all commands, each of which mentions its own in its help.

use crate::cfssl::go::flag::{Flag, Kind};

const fn text(name: &'static str, usage: &'static str) -> Flag {
    Flag { name, kind: Kind::Text, default: "", usage }
}

const fn set(name: &'static str, default: &'static str, usage: &'static str) -> Flag {
    Flag { name, kind: Kind::Text, default, usage }
}

const fn switch(name: &'static str, usage: &'static str) -> Flag {
    Flag { name, kind: Kind::Switch, default: "false", usage }
}

const fn number(name: &'static str, default: &'static str, usage: &'static str) -> Flag {
    Flag { name, kind: Kind::Number, default, usage }
}

const fn duration(name: &'static str, default: &'static str, usage: &'static str) -> Flag {
    Flag { name, kind: Kind::Duration, default, usage }
}

/// Those of cfssl 1.6.5, and `strict`.
pub const CFSSL: [Flag; 59] = [
    text("hostname", "names and addresses in place of the CSR's, with commas"),
    text("cert", "certificate (PEM); - for standard input"),
    text("csr", "certificate signing request (PEM); - for standard input"),
    text("ca", "CA certificate: [file:]NAME or env:VARIABLE"),
    text("ca-key", "CA private key: [file:]NAME or env:VARIABLE"),
    text("tls-cert", "for serve: its certificate"),
    text("tls-key", "for serve: its private key"),
    text("mutual-tls-ca", "for serve: the CA of its clients"),
    text("mutual-tls-cn", "for serve: the CNs of its clients"),
    text("tls-remote-ca", "for -remote: the CA of the server"),
    text("mutual-tls-client-cert", "for -remote: the client's certificate"),
    text("mutual-tls-client-key", "for -remote: the client's private key"),
    text("key", "private key of the certificate"),
    text("intermediates", "of no effect"),
    text("ca-bundle", "root certificates (PEM)"),
    text("int-bundle", "intermediate certificates (PEM)"),
    set("address", "127.0.0.1", "for serve: where it listens"),
    number("port", "8888", "for serve: where it listens"),
    text("min-tls-version", "for serve: the lowest version of TLS"),
    text("config", "signing configuration (JSON)"),
    text("profile", "profile of the signing configuration"),
    switch("initca", "make a self-signed CA"),
    switch("renewca", "renew the CA certificate -ca with its key -ca-key"),
    text("int-dir", "of no effect: no intermediate certificates are fetched"),
    set(
        "flavor",
        "ubiquitous",
        "kind of bundle: ubiquitous and optimal are the shortest chain, force is the file as it is",
    ),
    text("metadata", "of no effect: there is no table of root stores"),
    text("domain", "name of a server whose certificate is shown"),
    text("ip", "address of that server"),
    text("remote", "server that signs"),
    text("label", "for -remote: name of the key"),
    text("authkey", "for -remote: key of the request"),
    text("responder", "for ocspsign: the responder's certificate"),
    text("responder-key", "for ocspsign: the responder's private key"),
    set("status", "good", "for ocspsign: good, revoked or unknown"),
    set("reason", "0", "for revoke and ocspsign: the reason"),
    set("revoked-at", "now", "for ocspsign: YYYY-MM-DD"),
    duration("interval", "96h0m0s", "for ocspsign: time between updates"),
    switch("list", "for scan: its scanners"),
    text("family", "for scan"),
    text("scanner", "for scan"),
    duration("timeout", "5m0s", "for scan"),
    text("csv", "for scan"),
    number("num-workers", "10", "for scan"),
    number("max-hosts", "100", "for scan"),
    text("responses", "for ocspserve"),
    set("path", "/", "for ocspserve"),
    text("crl", "URL of the revocation list in place of the profile's"),
    set("password", "0", "for bundle: password of a PKCS #12 file"),
    text("usage", "of no effect"),
    text("pgp-private", "of no effect"),
    text("pgp-name", "of no effect"),
    text("serial", "serial number, for certinfo from a database"),
    text("cn", "common name in place of the CSR's"),
    text("aki", "issuer's key identifier, for certinfo from a database"),
    text("db-config", "configuration of a database"),
    text("disable", "for serve: what it does not offer"),
    duration("expiry", "168h0m0s", "for crl: its life"),
    number("loglevel", "1", "0 debug, 1 information, 2 warnings, 3 errors, 4 and 5 nothing"),
    switch("strict", "refuse what is only warned of (not in cfssl)"),
];

/// Those of cfssljson.
pub const CFSSLJSON: [Flag; 4] = [
    switch("bare", "the input is a command's output, not an answer of the API"),
    Flag { name: "f", kind: Kind::Text, default: "-", usage: "file to read; - for standard input" },
    switch("stdout", "print in place of writing files"),
    switch("version", "print the version"),
];

/// `  -ca="": …`, as cfssl shows a flag.
pub fn help(flag: &Flag) -> String {
    let default = if flag.default.is_empty() { "\"\"" } else { flag.default };
    format!("  -{}={default}: {}\n", flag.name, flag.usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = CFSSL.iter().map(|flag| flag.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn defaults_are_shown() {
        assert_eq!(help(&CFSSL[3]), "  -ca=\"\": CA certificate: [file:]NAME or env:VARIABLE\n");
        assert_eq!(help(&CFSSLJSON[0]), "  -bare=false: the input is a command's output, not an answer of the API\n");
    }
}
