//! A CA that is renewed, and what it has issued: openssl is asked whether it still verifies.

use crate::pki_tools::{Folder, with_leaf};

/// A CA as easy-rsa makes it: its key identifier, its name and its serial number stand in what it issues.
fn with_serials(own: &str) -> Folder {
    let folder = with_leaf();
    folder.openssl(&format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout old.key -out old.pem -days 3650 \
         -subj /CN=vpn -addext keyUsage=critical,keyCertSign,cRLSign -addext authorityKeyIdentifier={own}"
    ));
    folder.issue("client", "old", "authorityKeyIdentifier=keyid,issuer:always\nextendedKeyUsage=clientAuth\n");
    folder.openssl("verify -CAfile old.pem client.pem");
    folder
}

const RENEW: &str = "gencert -renewca -ca old.pem -ca-key old.key --out new";

#[test]
fn a_root_that_names_its_serial_number_keeps_it() {
    let folder = with_serials("keyid,issuer:always");
    let ran = folder.ok(RENEW);
    assert!(!ran.stderr.contains("WARNING"), "{ran:#?}");
    folder.openssl("verify -x509_strict -CAfile new.pem client.pem");
    let serial = |name: &str| folder.openssl(&format!("x509 -in {name}.pem -noout -serial"));
    assert_eq!(serial("new"), serial("old"));
    assert!(folder.ok("certlint client.pem new.pem -o json").stdout.find("aki-serial").is_none());

    // Under another one, everybody says so.
    let ran = folder.ok(&format!("{RENEW} --serial 0x2a"));
    assert!(ran.stderr.contains("[WARNING] the serial number is new: "), "{ran:#?}");
    assert_eq!(serial("new"), "serial=2A\n");
    assert_ne!(folder.try_openssl("verify -CAfile new.pem client.pem").code, 0);
    assert!(folder.kbootstrap("certlint client.pem new.pem", "").stdout.contains("aki-serial"));
    let info = folder.kbootstrap("certinfo client.pem --ca new.pem --warn-days 1", "");
    assert!(info.code == 12 && (info.stdout.clone() + &info.stderr).contains("another serial number"), "{info:#?}");
}

#[test]
fn where_nothing_shows_whether_serial_numbers_are_named_it_is_said() {
    let folder = with_serials("none");
    let ran = folder.ok(RENEW);
    let keep = ran.stderr.lines().find_map(|line| line.split_once("; --serial ")).expect("a warning").1;
    let serial = keep.trim_end_matches(" keeps it");
    folder.ok(&format!("{RENEW} --serial {serial}"));
    folder.openssl("verify -CAfile new.pem client.pem");

    // The key's own identifier shows that none are named.
    let folder = with_serials("keyid:always");
    let ran = folder.ok(RENEW);
    assert!(!ran.stderr.contains("WARNING"), "{ran:#?}");
}

#[test]
fn what_a_renewal_cannot_honour_is_refused() {
    let folder = with_serials("keyid:always");
    for flag in ["-cn other", "-hostname other.example"] {
        assert!(folder.refused(&format!("{RENEW} {flag}")).ends_with("exit code 2"));
    }
    folder.ok("gencert -initca ca.json -cn other -hostname 10.0.0.1 --serial 42 --out given");
    let shown = folder.openssl("x509 -in given.pem -noout -serial -subject -ext subjectAltName");
    for said in ["serial=2A", "CN = other", "IP Address:10.0.0.1"] {
        assert!(shown.replace("CN=", "CN = ").contains(said), "{said}: {shown}");
    }
}
