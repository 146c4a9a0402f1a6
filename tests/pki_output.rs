//! The forms in which keys, chains and stores are written, read by openssl and, where it is there, Java.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::pki_tools::{Folder, GENCERT, with_leaf};

fn folder() -> Folder {
    let folder = with_leaf();
    folder.write("rsa.json", r#"{"CN":"rsa","hosts":["leaf.example"],"key":{"algo":"rsa","size":2048}}"#);
    folder.write("ed.json", r#"{"CN":"ed","hosts":["leaf.example"],"key":{"algo":"ed25519"}}"#);
    folder.write("password.txt", "päßwort-1\n");
    folder
}

/// An intermediate CA below the root, as `int.pem` and `int-key.pem`.
fn with_intermediate() -> Folder {
    let folder = folder();
    folder.write("int.json", r#"{"CN":"intermediate"}"#);
    folder.ok(&format!("{} int.json --out int", GENCERT.replace("server", "intermediate")));
    folder
}

fn label(folder: &Folder, name: &str) -> String {
    folder.read(name).lines().next().unwrap().trim_matches('-').replace("BEGIN ", "")
}

/// The certificate's key is the one in the key file, as openssl reads it.
fn belongs(folder: &Folder, certificate: &str, key: &str, options: &str) {
    let public = folder.openssl(&format!("x509 -in {certificate} -pubkey -noout"));
    assert_eq!(folder.openssl(&format!("pkey -in {key} -pubout {options}")), public, "{key}");
}

#[test]
fn names_and_formats_of_keys() {
    let folder = folder();
    for (spec, format, expected) in [
        ("leaf", "", "EC PRIVATE KEY"),
        ("leaf", "--key-format sec1", "EC PRIVATE KEY"),
        ("leaf", "--key-format pkcs8", "PRIVATE KEY"),
        ("rsa", "", "RSA PRIVATE KEY"),
        ("rsa", "--key-format pkcs1", "RSA PRIVATE KEY"),
        ("rsa", "--key-format pkcs8", "PRIVATE KEY"),
        ("ed", "", "PRIVATE KEY"),
        ("ed", "--key-format pkcs8", "PRIVATE KEY"),
    ] {
        folder.ok(&format!("{GENCERT} {spec}.json --out x --names crt {format}"));
        assert_eq!(label(&folder, "x.key"), expected, "{spec} {format}");
        assert_eq!((folder.mode("x.key"), folder.mode("x.crt")), (0o600, 0o644));
        belongs(&folder, "x.crt", "x.key", "");
        folder.openssl("verify -CAfile ca.pem x.crt");
    }
    assert!(!folder.path("x.pem").exists() && folder.path("x.csr").exists());
    folder.ok("genkey rsa.json --out y --key-format pkcs8");
    assert_eq!(label(&folder, "y-key.pem"), "PRIVATE KEY");
    let json = folder.ok(&format!("{GENCERT} leaf.json --key-format pkcs8")).stdout;
    assert!(json.contains(r#""key":"-----BEGIN PRIVATE KEY"#), "{json}");
    insta::assert_snapshot!(folder.refused(&format!("{GENCERT} ed.json --out z --key-format sec1")), @r"
    error: a key of kind ed25519 cannot be written in this format
    hint: pkcs1 is for RSA, sec1 for ECDSA; pkcs8 is for all
    exit code 2
    ");
    assert!(!folder.path("z.pem").exists());
}

#[test]
fn encrypted_keys_out_and_in() {
    let folder = folder();
    for spec in ["leaf", "rsa", "ed"] {
        folder.ok(&format!("{GENCERT} {spec}.json --out {spec} --key-password-file password.txt"));
        let key = format!("{spec}-key.pem");
        assert_eq!((label(&folder, &key).as_str(), folder.mode(&key)), ("ENCRYPTED PRIVATE KEY", 0o600));
        belongs(&folder, &format!("{spec}.pem"), &key, "-passin file:password.txt");
    }
    let structure = folder.openssl("asn1parse -in leaf-key.pem");
    for part in ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", ":0927C0"] {
        assert!(structure.contains(part), "{part} is not in {structure}");
    }
    // An encrypted CA key signs with its password, and not without.
    folder.ok("gencert -initca ca.json --out locked --key-password-file password.txt");
    let line =
        "gencert -ca locked.pem -ca-key locked-key.pem -config config.json -profile server leaf.json --out below";
    folder.ok(&format!("{line} --ca-key-password-file password.txt"));
    folder.openssl("verify -CAfile locked.pem below.pem");
    insta::assert_snapshot!(folder.refused(line), @r"
    error: locked-key.pem: the private key is encrypted
    hint: give its password: --ca-key-password-file FILE (its first line), or the variable KBOOTSTRAP_CA_KEY_PASSWORD or CFSSL_CA_PK_PASSWORD
    hint: decrypt it: openssl pkey -in KEY -out PLAIN
    exit code 4
    ");
    folder.write("wrong.txt", "wrong");
    insta::assert_snapshot!(folder.refused(&format!("{line} --ca-key-password-file wrong.txt")), @r"
    error: locked-key.pem: the password is not the right one, or the file is damaged
    exit code 4
    ");
    folder.write("empty.txt", "\n");
    insta::assert_snapshot!(folder.refused(&format!("{GENCERT} leaf.json --out e --key-password-file empty.txt")), @r"
    error: empty.txt: the first line, which is the password, is empty
    exit code 3
    ");
}

#[test]
fn ca_keys_that_openssl_has_encrypted_in_every_way() {
    let folder = folder();
    folder.openssl("ec -in ca-key.pem -out plain.pem");
    let ways = [
        "pkcs8 -topk8 -in plain.pem -v2 aes-256-cbc",
        "pkcs8 -topk8 -in plain.pem -v2 aes-128-cbc -v2prf hmacWithSHA1",
        "pkcs8 -topk8 -in plain.pem -v2 des3",
        "pkcs8 -topk8 -in plain.pem -scrypt",
        "ec -in plain.pem -aes256",
        "ec -in plain.pem -aes192",
        "ec -in plain.pem -aes128",
        "ec -in plain.pem -des3",
    ];
    for way in ways {
        folder.openssl(&format!("{way} -passout file:password.txt -out locked.pem"));
        assert!(
            label(&folder, "locked.pem").contains("ENCRYPTED") || folder.read("locked.pem").contains("4,ENCRYPTED")
        );
        let line = "sign -ca ca.pem -ca-key locked.pem -config config.json -profile server leaf.csr --out leaf";
        folder.ok("genkey leaf.json --out leaf");
        folder.ok(&format!("{line} --ca-key-password-file password.txt"));
        folder.openssl("verify -CAfile ca.pem leaf.pem");
        folder.write("wrong.txt", "wrong");
        let refused = folder.refused(&format!("{line} --ca-key-password-file wrong.txt"));
        assert!(refused.contains("the password is not the right one"), "{way}: {refused}");
    }
    folder.openssl("ec -in plain.pem -camellia256 -passout file:password.txt -out odd.pem");
    let refused = folder.refused("gencert -initca -ca-key odd.pem ca.json --ca-key-password-file password.txt");
    assert!(refused.contains("CAMELLIA-256-CBC, which is not supported"), "{refused}");
}

#[test]
fn chains_hold_the_intermediates_and_not_the_root() {
    let folder = with_intermediate();
    let line =
        "gencert -ca int.pem -ca-key int-key.pem -config config.json -profile server leaf.json --out leaf --chain";
    folder.ok(line);
    let chain = folder.read("leaf-chain.pem");
    assert_eq!(chain, folder.read("leaf.pem") + &folder.read("int.pem"));
    folder.ok(&format!("{line} --intermediates ca.pem"));
    assert_eq!(folder.read("leaf-chain.pem").matches("BEGIN").count(), 2, "no root");
    folder.openssl("verify -CAfile ca.pem -untrusted leaf-chain.pem leaf-chain.pem");
    folder.ok(&format!("{GENCERT} leaf.json --out direct --chain --names crt"));
    assert_eq!(folder.read("direct-chain.crt"), folder.read("direct.crt"), "the root alone is above it");
    folder.ok("genkey leaf.json --out signed");
    folder
        .ok("sign -ca int.pem -ca-key int-key.pem -config config.json -profile server signed.csr --out signed --chain");
    assert_eq!(folder.read("signed-chain.pem"), folder.read("signed.pem") + &folder.read("int.pem"));
    insta::assert_snapshot!(folder.refused("genkey leaf.json --out none --chain"), @r"
    error: --chain, --pkcs12 and --truststore are for certificates, and none is made here
    hint: genkey makes one with -initca only
    exit code 2
    ");
}

#[test]
fn stores_are_read_by_openssl() {
    let folder = with_intermediate();
    folder.ok("gencert -ca int.pem -ca-key int-key.pem -config config.json -profile server leaf.json --out leaf --pkcs12 --truststore --intermediates ca.pem --store-password-file password.txt");
    assert_eq!((folder.mode("leaf.p12"), folder.mode("leaf-truststore.p12")), (0o600, 0o644));
    let text = folder.openssl("pkcs12 -in leaf.p12 -passin file:password.txt -info -nodes");
    for part in [
        "MAC: sha256, Iteration 100000",
        "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256",
        "friendlyName: leaf",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 3);
    folder.write("all.pem", &text);
    belongs(&folder, "leaf.pem", "all.pem", "");
    // Oracle's attribute.
    folder.openssl("pkcs12 -in leaf-truststore.p12 -passin file:password.txt -nokeys -out trust.pem");
    let trust = folder.read("trust.pem");
    assert!(trust.contains("2.16.840.1.113894.746875.1.1"), "{trust}");
    folder.openssl("x509 -in trust.pem -out root.pem");
    assert_eq!(folder.read("root.pem"), folder.read("ca.pem"));
    folder.write("short.txt", "short");
    insta::assert_snapshot!(folder.refused(&format!("{GENCERT} leaf.json --out s --pkcs12 --store-password-file short.txt")), @r"
    error: the store's password has fewer than 6 characters
    hint: Java takes no shorter ones for a PKCS#12 store
    exit code 3
    ");
    insta::assert_snapshot!(folder.refused(&format!("{GENCERT} leaf.json --out s --pkcs12")), @r"
    error: a password for the PKCS#12 store is needed, and nobody is there to ask
    hint: --store-password-file FILE (its first line), or the variable KBOOTSTRAP_STORE_PASSWORD
    exit code 2
    ");
    insta::assert_snapshot!(folder.refused("gencert -initca -ca-key ca-key.pem ca.json --out s --pkcs12 --store-password-file password.txt"), @r"
    error: --pkcs12 holds the key, and no key is made here
    hint: openssl pkcs12 -export makes a store of files that are there
    exit code 2
    ");
    assert!(!folder.path("s-key.pem").exists());
}

#[test]
fn java_reads_our_stores_and_we_read_javas() {
    let folder = with_intermediate();
    folder.write("plain.txt", "password-1");
    folder.ok("gencert -ca int.pem -ca-key int-key.pem -config config.json -profile server leaf.json --out leaf --pkcs12 --intermediates ca.pem --store-password-file plain.txt");
    folder.ok("gencert -initca ca.json --out own --truststore");
    let keytool = |line: &str| {
        let output = Command::new("keytool").args(line.split(' ')).current_dir(folder.path("")).output();
        let output = output.unwrap_or_else(|e| panic!("keytool: {e}: tools/setup.sh test installs it"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "keytool {line}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let listed = keytool("-list -v -keystore leaf.p12 -storetype pkcs12 -storepass:file plain.txt");
    for part in ["PrivateKeyEntry", "Alias name: leaf", "Certificate chain length: 3", "DNSName: leaf.example"] {
        assert!(listed.contains(part), "{part} is not in {listed}");
    }
    let listed = keytool("-list -keystore own-truststore.p12 -storepass changeit");
    assert!(listed.contains("trustedCertEntry") && listed.contains("own,"), "{listed}");
    keytool(
        "-genkeypair -alias j -keyalg EC -groupname secp256r1 -dname CN=java -validity 30 -keystore j.p12 -storepass:file plain.txt",
    );
    keytool(
        "-importcert -noprompt -alias root -file ca.pem -keystore trust.p12 -storetype pkcs12 -storepass:file plain.txt",
    );
    let text = folder.ok("certinfo j.p12 trust.p12 own-truststore.p12 --password-file plain.txt").stdout;
    assert!(text.contains("java") && text.contains("root"), "{text}");
}

#[test]
fn what_is_replaced_is_kept_on_demand_and_keys_stay_closed() {
    let folder = folder();
    let line = format!("{GENCERT} leaf.json --out leaf --backup");
    folder.ok(&line);
    assert!(!folder.path("leaf.pem.1").exists(), "there was nothing to keep");
    let (first, first_key) = (folder.read("leaf.pem"), folder.read("leaf-key.pem"));
    std::fs::set_permissions(folder.path("leaf-key.pem"), std::fs::Permissions::from_mode(0o644)).unwrap();
    folder.ok(&line);
    let second = folder.read("leaf.pem");
    assert_eq!((folder.read("leaf.pem.1"), folder.read("leaf-key.pem.1")), (first, first_key));
    assert_eq!((folder.mode("leaf-key.pem"), folder.mode("leaf-key.pem.1")), (0o600, 0o600));
    folder.ok(&line);
    assert_eq!(folder.read("leaf.pem.2"), second);
    // What links lead to is kept where it lies.
    std::fs::create_dir(folder.path("away")).unwrap();
    for name in ["leaf.pem", "leaf-key.pem"] {
        std::fs::rename(folder.path(name), folder.path(&format!("away/{name}"))).unwrap();
        symlink(format!("away/{name}"), folder.path(name)).unwrap();
    }
    let third = folder.read("leaf-key.pem");
    folder.ok(&format!("{line} --pkcs12 --store-password-file password.txt"));
    assert_eq!((folder.read("away/leaf-key.pem.1"), folder.mode("away/leaf-key.pem.1")), (third, 0o600));
    assert_eq!((folder.mode("away/leaf-key.pem"), folder.mode("leaf.p12")), (0o600, 0o600));
}
