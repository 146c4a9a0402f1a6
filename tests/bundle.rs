//! `bundle`: which chains it finds, which it refuses, and that openssl is of the same opinion.

use crate::pki_tools::Folder;

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";

/// A folder in which certificates are issued.
struct Place(Folder);

impl Place {
    fn new() -> Self {
        Place(Folder::new())
    }

    fn root(&self, name: &str, more: &str) {
        self.0.openssl(&format!("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem -days 90 -subj /CN={name} -config /dev/null -addext keyUsage=critical,keyCertSign {more}"));
    }

    fn join(&self, file: &str, names: &[&str]) {
        self.0.write(file, names.iter().map(|name| self.0.read(&format!("{name}.pem"))).collect::<String>());
    }

    /// What openssl has against the leaf.
    fn openssl(&self, line: &str) -> String {
        self.0.try_openssl(&format!("verify {line}")).stderr
    }

    /// What bundle has against it, without its hints.
    fn refused(&self, line: &str) -> String {
        let text = self.0.refused(&format!("bundle {line}"));
        assert!(text.ends_with("exit code 4"), "{text}");
        text.lines().next().unwrap().to_owned()
    }
}

#[test]
fn a_path_length_holds_for_the_whole_chain() {
    let place = Place::new();
    place.root("root", "-addext basicConstraints=critical,CA:TRUE,pathlen:1");
    place.0.issue("i1", "root", CA);
    place.0.issue("i2", "i1", CA);
    place.0.issue("leaf", "i2", "subjectAltName=DNS:a.example\n");
    place.0.issue("near", "i1", "subjectAltName=DNS:a.example\n");
    place.join("both.pem", &["i1", "i2"]);
    assert!(place.openssl("-CAfile root.pem -untrusted both.pem leaf.pem").contains("path length constraint exceeded"));
    insta::assert_snapshot!(place.refused("leaf.pem --ca-bundle root.pem --int-bundle both.pem"), @"error: leaf.pem: no chain leads from the certificate to a root: the CA `CN=root` has path length 1, and 2 CAs stand below it");
    assert_eq!(place.openssl("-CAfile root.pem -untrusted both.pem near.pem"), "");
    place.0.ok("bundle near.pem --ca-bundle root.pem --int-bundle both.pem");
    // The last one is not counted, though it is a CA.
    assert_eq!(place.openssl("-CAfile root.pem -untrusted i1.pem i2.pem"), "");
    place.0.ok("bundle i2.pem --ca-bundle root.pem --int-bundle i1.pem");
    let found = place.0.kbootstrap("certlint leaf.pem both.pem root.pem -o json", "").stdout;
    assert!(found.contains("\"path-length-exceeded\""), "{found}");
}

#[test]
fn cas_that_issued_to_themselves_do_not_count() {
    let place = Place::new();
    place.root("root", "-addext basicConstraints=critical,CA:TRUE,pathlen:1");
    // The root's name and a new key, signed with the old one.
    place.0.write("ext", CA);
    place.0.openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -subj /CN=root -out new.csr",
    );
    place.0.openssl(
        "x509 -req -in new.csr -CA root.pem -CAkey root.key -CAcreateserial -days 5 -extfile ext -out new.pem",
    );
    place.0.issue("i1", "new", CA);
    place.0.issue("leaf", "i1", "subjectAltName=DNS:a.example\n");
    place.join("both.pem", &["i1", "new"]);
    place.0.ok("bundle leaf.pem --ca-bundle root.pem --int-bundle both.pem");
    let found = place.0.kbootstrap("certlint leaf.pem both.pem root.pem -o json", "").stdout;
    assert!(!found.contains("\"path-length-exceeded\""), "{found}");
}

#[test]
fn names_that_a_ca_may_not_issue_for_are_refused() {
    let place = Place::new();
    place.root(
        "root",
        "-addext nameConstraints=critical,permitted;DNS:example.net -addext basicConstraints=critical,CA:TRUE",
    );
    place.0.issue("i1", "root", CA);
    place.0.issue("leaf", "i1", "subjectAltName=DNS:a.example.org\n");
    place.0.issue("good", "i1", "subjectAltName=DNS:a.example.net\n");
    assert!(place.openssl("-CAfile root.pem -untrusted i1.pem leaf.pem").contains("permitted subtree violation"));
    insta::assert_snapshot!(place.refused("leaf.pem --ca-bundle root.pem --int-bundle i1.pem"), @"error: leaf.pem: no chain leads from the certificate to a root: the CA `CN=root` may not issue for DNS:a.example.org (name constraints)");
    place.0.ok("bundle good.pem --ca-bundle root.pem --int-bundle i1.pem");
}

#[test]
fn the_certificate_of_a_file_is_found_wherever_it_stands() {
    let place = Place::new();
    place.root("root", "-addext basicConstraints=critical,CA:TRUE");
    place.0.issue("i1", "root", CA);
    place.0.issue("i2", "i1", CA);
    place.0.issue("w", "i2", "subjectAltName=DNS:a.example\n");
    place.0.issue("other", "i2", "subjectAltName=DNS:b.example\n");
    place.join("all.pem", &["root", "i1", "w", "i2"]);
    place.join("expected.pem", &["w", "i2", "i1"]);
    assert_eq!(place.0.ok("bundle all.pem --ca-bundle root.pem").stdout, place.0.read("expected.pem"));
    assert!(place.0.kbootstrap("certlint all.pem -o json", "").stdout.contains("\"chain-order\""));
    // A CA that has nothing to do with it.
    place.root("stranger", "-addext basicConstraints=critical,CA:TRUE");
    place.join("all.pem", &["stranger", "i1", "w", "i2"]);
    assert_eq!(place.0.ok("bundle all.pem --ca-bundle root.pem").stdout, place.0.read("expected.pem"));
    place.join("two.pem", &["w", "other"]);
    insta::assert_snapshot!(place.refused("two.pem --ca-bundle root.pem"), @"error: two.pem: the chain could be that of `CN=w` and `CN=other`");
}

#[test]
fn the_reason_is_told() {
    let place = Place::new();
    for root in ["root", "wrong"] {
        place.root(root, "-addext basicConstraints=critical,CA:TRUE");
    }
    place.0.issue("i1", "root", CA);
    place.0.issue("leaf", "i1", "subjectAltName=DNS:a.example\n");
    let said = |line: &str| place.refused(&format!("leaf.pem {line}"));
    insta::assert_snapshot!(said("--ca-bundle root.pem"), @"error: leaf.pem: no chain leads from the certificate to a root: the issuer `CN=i1` of `CN=leaf` is not at hand");
    insta::assert_snapshot!(said("--ca-bundle wrong.pem --int-bundle i1.pem"), @"error: leaf.pem: no chain leads from the certificate to a root: the issuer `CN=root` of `CN=i1` is not at hand");
    insta::assert_snapshot!(said("--ca-bundle wrong.pem --int-bundle root.pem"), @"error: leaf.pem: no chain leads from the certificate to a root: the issuer `CN=i1` of `CN=leaf` is not at hand");
    place.join("both.pem", &["i1", "root"]);
    insta::assert_snapshot!(said("--ca-bundle wrong.pem --int-bundle both.pem"), @"error: leaf.pem: no chain leads from the certificate to a root: `CN=root` is its own issuer, and is not one of the roots");
    // The root's name, and another key.
    place.0.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout same.key -out same.pem -days 9 -subj /CN=root");
    insta::assert_snapshot!(said("--ca-bundle same.pem --int-bundle i1.pem"), @"error: leaf.pem: no chain leads from the certificate to a root: `CN=i1` was not signed with the key of this `CN=root`: another CA has the same name");
    // An intermediate and a leaf that have ended; `openssl x509` of before 3.4 makes none in the past.
    place.0.write("index.txt", "");
    place.0.write(
        "ca.cnf",
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\npolicy=p\ndefault_md=sha256\n\
         unique_subject=no\n[p]\ncommonName=supplied\n",
    );
    let ended = |name: &str, ca: &str, extensions: &str| {
        place.0.write("ext", extensions);
        place.0.openssl(&format!(
            "ca -config ca.cnf -batch -notext -preserveDN -in {name}.csr -cert {ca}.pem -keyfile {ca}.key \
             -startdate 20200101000000Z -enddate 20200102000000Z -extfile ext -out ended.pem"
        ));
    };
    ended("i1", "root", CA);
    let text = said("--ca-bundle root.pem --int-bundle ended.pem");
    assert!(text.contains("to a root: `CN=i1` has expired on 2020-01-02"), "{text}");
    ended("leaf", "i1", "subjectAltName=DNS:a.example\n");
    let text = place.refused("ended.pem --ca-bundle root.pem --int-bundle i1.pem");
    assert!(text.contains("to a root: `CN=leaf` has expired on 2020-01-02"), "{text}");
}

#[test]
fn names_of_certificates_do_not_write_on_the_terminal() {
    let place = Place::new();
    place.root("root", "-addext basicConstraints=critical,CA:TRUE");
    place.0.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout odd.key -out odd.pem -days 9 -utf8 -subj '/CN=a\u{1b}[31m\u{202e}b'");
    let said = place.refused("odd.pem --ca-bundle root.pem");
    assert!(said.contains("CN=a\u{fffd}[31m\u{fffd}b"), "{said:?}");
    let shown = place.0.ok("certinfo odd.pem").stdout;
    assert!(shown.contains("a\u{fffd}[31m\u{fffd}b"), "{shown:?}");
}
