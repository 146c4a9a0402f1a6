//! Certificates, CSRs and keys in every form that people have are read by every command that takes a file of them, or
//! named with the command that converts them: and that command does.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::pki_tools::{CONFIG, Folder};

/// A CA, a certificate of it, its key and a CSR, in many forms.
fn forms() -> Folder {
    let folder = Folder::new();
    folder.write("config.json", CONFIG);
    folder.write("leaf.json", r#"{"CN":"leaf","hosts":["leaf.example"]}"#);
    folder.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca-key.pem -out ca.pem -days 3650 -subj /CN=ca -addext keyUsage=critical,keyCertSign,cRLSign");
    folder.copy("ca-key.pem", "ca.key");
    folder.issue("leaf", "ca", "subjectAltName=DNS:leaf.example\n");
    folder.openssl("req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
    folder.openssl("x509 -in ca.pem -outform DER -out ca.der");
    folder.openssl("x509 -in ca.pem -addtrust serverAuth -trustout -out ca.trusted");
    folder.openssl("crl2pkcs7 -nocrl -certfile ca.pem -out ca.p7b");
    folder.openssl("crl2pkcs7 -nocrl -certfile ca.pem -outform DER -out ca.p7c");
    folder.openssl("req -in leaf.csr -outform DER -out leaf-csr.der");
    folder.openssl("pkcs8 -topk8 -nocrypt -in ca-key.pem -outform DER -out key-pkcs8.der");
    folder.openssl("ec -in ca-key.pem -outform DER -out key-sec1.der");
    folder.openssl("pkcs8 -topk8 -in ca-key.pem -passout pass:secret -outform DER -out key-encrypted.der");
    for (from, to) in [("ca.pem", "ca-marked.pem"), ("ca-key.pem", "key-marked.pem"), ("leaf.csr", "marked.csr")] {
        folder.write(to, [b"\xef\xbb\xbf", folder.read(from).as_bytes()].concat());
    }
    folder.write("password", "\u{feff}secret\r\n");
    sh(&folder, "chmod 600 *key*");
    folder
}

/// Runs a line of a shell here.
fn sh(folder: &Folder, line: &str) {
    let ran = Command::new("bash").args(["-ec", line]).current_dir(folder.path("")).output().unwrap();
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn certificates_are_read_in_every_form_by_every_command() {
    let folder = forms();
    sh(
        &folder,
        "keytool -importcert -noprompt -alias ca -file ca.pem -keystore ca.jks -storetype JKS -storepass changeit",
    );
    for form in ["ca.pem", "ca-marked.pem", "ca.der", "ca.trusted", "ca.p7b", "ca.p7c", "ca.jks"] {
        let shown = folder.json(&format!("certinfo {form} -o json"));
        assert_eq!(shown[0]["certificate"]["subject"]["common_name"], "ca", "{form}: {shown}");
        let shown = folder.json(&format!("certinfo leaf.pem --ca {form} -o json"));
        assert_eq!(shown[0]["chain"]["verified"], true, "{form}: {shown}");
        folder.ok(&format!("gencert -ca {form} -ca-key ca-key.pem -config config.json -profile server leaf.json"));
        folder.ok(&format!("sign -ca {form} -ca-key ca-key.pem -config config.json -profile server leaf.csr"));
        folder.ok(&format!("bundle leaf.pem --ca-bundle {form}"));
        folder.ok(&format!("gencsr -key ca-key.pem -cert {form}"));
        folder.ok(&format!("certinfo -cert {form}"));
        folder.write("serials", "\u{feff}42\n");
        folder.ok(&format!("gencrl serials {form} ca-key.pem"));
        let linted = folder.json(&format!("certlint {form} -o json"));
        assert_eq!((&linted["certificates"], &linted["errors"]), (&1.into(), &0.into()), "{form}: {linted}");
    }
}

/// Java's own store can be read without its password; who gives one is told whether somebody has changed it.
#[test]
fn a_store_of_java_s_that_was_changed_is_noticed_with_its_password() {
    let folder = forms();
    sh(
        &folder,
        "keytool -importcert -noprompt -alias ca -file ca.pem -keystore ca.jks -storetype JKS -storepass changeit",
    );
    folder.write("right", "changeit\n");
    folder.write("wrong", "other\n");
    folder.ok("certinfo ca.jks --password-file right");
    let mut bytes = std::fs::read(folder.path("ca.jks")).unwrap();
    let words = "the password is not the right one, or the keystore was changed";
    assert!(folder.refused("certinfo ca.jks --password-file wrong").contains(words));
    // The day on which it was put there.
    bytes[20] ^= 1;
    folder.write("ca.jks", &bytes);
    folder.ok("certinfo ca.jks");
    assert!(folder.refused("certinfo ca.jks --password-file right").contains(words));
    folder.write("ca.jks", &bytes[..bytes.len() - 1]);
    assert!(folder.refused("certinfo ca.jks").contains("cut off or damaged"));
}

#[test]
fn keys_are_read_in_every_form_by_every_command() {
    let folder = forms();
    for form in ["ca-key.pem", "key-marked.pem", "key-pkcs8.der", "key-sec1.der", "key-encrypted.der"] {
        folder.ok(&format!("gencsr -key {form} -cert ca.pem --key-password-file password"));
        let ca = format!("-ca ca.pem -ca-key {form} --ca-key-password-file password");
        folder.ok(&format!("gencert {ca} -config config.json -profile server leaf.json"));
        folder.ok(&format!("sign {ca} -config config.json -profile server leaf.csr"));
        let linted = folder.json(&format!("certlint {form} -o json"));
        assert_eq!(linted["keys"], 1, "{form}: {linted}");
    }
    for (kind, options) in
        [("ed25519", ""), ("ecdsa", "-b 256"), ("ecdsa", "-b 384"), ("ecdsa", "-b 521"), ("rsa", "-b 2048")]
    {
        sh(
            &folder,
            &format!(
                "rm -f ssh ssh.pub && ssh-keygen -q -t {kind} {options} -N '' -f ssh && ssh-keygen -y -f ssh > public"
            ),
        );
        let printed = folder.json("gencsr -key ssh leaf.json");
        folder.write("key.pem", printed["key"].as_str().unwrap());
        folder.write("out.csr", printed["csr"].as_str().unwrap());
        folder.openssl("req -in out.csr -noout -verify");
        // The key that was read is the one of the file: both public halves end alike.
        let public = pem::parse(folder.openssl("req -in out.csr -noout -pubkey")).unwrap().into_contents();
        let blob = STANDARD.decode(folder.read("public").split(' ').nth(1).unwrap().trim()).unwrap();
        let end = &blob[blob.len() - 32..];
        assert!(public.windows(32).any(|window| window == end), "{kind} {options}");
    }
}

#[test]
fn csrs_are_read_in_every_form_by_every_command() {
    let folder = forms();
    for form in ["leaf.csr", "marked.csr", "leaf-csr.der"] {
        folder.ok(&format!("sign -ca ca.pem -ca-key ca-key.pem -config config.json -profile server {form}"));
        folder.ok(&format!("certinfo -csr {form}"));
        let shown = folder.json(&format!("certinfo {form} -o json"));
        assert_eq!(shown[0]["request"]["subject"]["common_name"], "leaf", "{shown}");
        let table = folder.ok(&format!("certinfo {form} leaf.pem")).stdout;
        assert!(table.starts_with("DAYS  ") && table.contains("\n\nCSR OF  "), "{table}");
    }
    // In a folder they are passed over, as all that has no certificate.
    std::fs::create_dir(folder.path("pki")).unwrap();
    folder.copy("leaf.csr", "pki/leaf.csr");
    folder.copy("leaf.pem", "pki/leaf.pem");
    assert_eq!(folder.ok("certinfo pki").stderr, "note: 1 other file holds no certificate\n");
    // One whose signature was made by another key is shown with what is wrong.
    let der = pem::parse(folder.read("leaf.csr")).unwrap().into_contents();
    let mut changed = der.clone();
    let at = der.windows(4).position(|w| w == b"leaf").unwrap();
    changed[at] = b'x';
    folder.write("broken.csr", &changed);
    let shown = folder.json("certinfo broken.csr -o json");
    assert_eq!(shown[0]["request"]["problem"], "the CSR is not signed with its own key: the signature does not match");
}

#[test]
fn a_ca_that_is_brought_to_a_hierarchy_may_be_of_any_form() {
    let folder = forms();
    folder.write("pki.yaml", "authorities:\n- {name: company, external: true, files: {certificate: in.crt, key: in.key}, certificates: [{name: web, CN: web, hosts: [w.example]}]}\n");
    for (certificate, key) in [
        ("ca.der", "key-pkcs8.der"),
        ("ca.p7b", "key-sec1.der"),
        ("ca-marked.pem", "key-marked.pem"),
        ("ca.p7c", "key-encrypted.der"),
    ] {
        folder.copy(certificate, "in.crt");
        folder.copy(key, "in.key");
        let _ = std::fs::remove_file(folder.path("web.pem"));
        folder.ok("pki apply pki.yaml --ca-key-password-file password --progress none");
        folder.openssl("verify -CAfile ca.pem web.pem");
    }
}

/// What is not read: made by a line of a shell, and read by a command. The hint's command is run, and its result read.
#[test]
fn other_forms_are_named_with_the_command_that_converts_them() {
    let folder = forms();
    let cert = "certinfo -cert FILE";
    let key = "gencsr -key FILE -cert ca.pem";
    let sign = "sign -ca ca.pem -ca-key ca-key.pem -config config.json -profile server FILE";
    for (make, command, is) in [
        ("iconv -t UTF-16 ca.pem > in", cert, "it is UTF-16, and not UTF-8"),
        ("iconv -t UTF-16LE ca.pem > in", cert, "it is UTF-16, and not UTF-8"),
        ("iconv -t UTF-16 ca-key.pem > in", key, "it is UTF-16, and not UTF-8"),
        ("iconv -t UTF-16 leaf.csr > in", sign, "it is UTF-16, and not UTF-8"),
        ("iconv -t UTF-16 leaf.json > in", "genkey FILE", "it is UTF-16, and not UTF-8"),
        ("openssl x509 -in ca.pem -outform DER | base64 > in", cert, "it is base64 without the lines of PEM"),
        ("base64 -w0 ca.pem > in", cert, "it is base64 without the lines of PEM"),
        ("base64 -w0 ca-key.pem > in", key, "it is base64 without the lines of PEM"),
        (
            "(echo 'kind: Secret'; echo 'data:'; echo \"  tls.crt: $(base64 -w0 ca.pem)\") > in",
            cert,
            "it is a Secret of Kubernetes",
        ),
        ("openssl pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass: -out in", key, "it is PKCS#12"),
        ("openssl pkcs12 -export -nokeys -in ca.pem -passout pass: -out in", cert, "it is PKCS#12"),
    ] {
        sh(&folder, &format!("rm -f in NEW && {make}"));
        let line = command.replace("FILE", "in");
        let ran = folder.kbootstrap(&line, "");
        assert!(ran.code != 0 && ran.stderr.contains(is), "{make}: {line}: {ran:#?}");
        let hint =
            ran.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_else(|| panic!("{ran:#?}"));
        let how = hint.split_once(": ").unwrap().1.split(" (").next().unwrap();
        let how = if how.starts_with("openssl pkcs12") { format!("{how} -passin pass:") } else { how.to_owned() };
        sh(&folder, &how);
        folder.ok(&command.replace("FILE", "NEW"));
    }
}

/// Forms whose converters are not everywhere: what they are is said, and the command is the right one's.
#[test]
fn what_other_programs_wrote_is_named() {
    let folder = forms();
    let said = |bytes: &[u8], command: &str| {
        folder.write("in", bytes);
        let ran = folder.kbootstrap(&command.replace("FILE", "in"), "");
        assert_eq!(ran.code, 4, "{ran:#?}");
        ran.stderr
    };
    let key = "gencsr -key FILE -cert ca.pem";
    for (bytes, is, program) in [
        (
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
            "a key of PuTTY's",
            "puttygen in -O private-openssh",
        ),
        (
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ==\n-----END PGP PRIVATE KEY BLOCK-----\n",
            "OpenPGP",
            "kbootstrap genkey",
        ),
        (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me\n",
            "the public half of an SSH key",
            "ssh-keygen -e -m PKCS8 -f in",
        ),
        ("{\"cert\":\"-----BEGIN CERTIFICATE-----\\n\"}", "JSON with PEM in it", "kbootstrap cfssljson -bare NEW < in"),
        ("apiVersion: v1\nkind: Secret\ndata:\n  tls.crt: LS0t\n", "a Secret of Kubernetes", "base64 -d > NEW"),
        ("<!DOCTYPE html>\n", "a page of HTML", "fetch the file itself"),
    ] {
        for command in [key, "certinfo FILE", "certinfo -cert FILE", "gencert -ca FILE -ca-key ca-key.pem leaf.json"] {
            let text = said(bytes.as_bytes(), command);
            assert!(text.contains(is) && text.contains(program), "{command}: {text}");
        }
    }
    sh(
        &folder,
        "rm -f in && keytool -genkeypair -alias a -keyalg EC -dname CN=a -keystore in -storetype JKS -storepass changeit -keypass changeit",
    );
    let text = folder.kbootstrap("gencsr -key in -cert ca.pem", "").stderr;
    assert!(
        text.contains("a keystore of Java's own format") && text.contains("keytool -importkeystore -srckeystore in"),
        "{text}"
    );
    assert_eq!(folder.json("certinfo in -o json")[0]["certificate"]["subject"]["common_name"], "a");
    // The public half alone, and keys under a password that nobody gives: with the options of the command.
    folder.openssl("pkey -in ca-key.pem -pubout -out public.pem");
    let text = folder.kbootstrap("gencsr -key public.pem -cert ca.pem", "").stderr;
    assert!(text.contains("only PUBLIC KEY") && text.contains("the public half of a key"), "{text}");
    let text = folder.kbootstrap("gencsr -key key-encrypted.der -cert ca.pem", "").stderr;
    assert!(text.contains("--key-password-file FILE") && text.contains("KBOOTSTRAP_KEY_PASSWORD"), "{text}");
    let text = folder.kbootstrap("gencert -ca ca.pem -ca-key key-encrypted.der leaf.json", "").stderr;
    assert!(text.contains("--ca-key-password-file FILE") && text.contains("KBOOTSTRAP_CA_KEY_PASSWORD"), "{text}");
    sh(&folder, "openssl pkcs12 -export -nokeys -in ca.pem -passout pass:secret -out store.p12");
    let text = folder.kbootstrap("certinfo store.p12", "").stderr;
    assert!(text.contains("--password-file FILE") && text.contains("KBOOTSTRAP_PASSWORD"), "{text}");
}

/// Every old encryption that openssl still writes: read with the right password, or named with the command that
/// writes the key again.
#[test]
fn old_encryptions_are_read_or_named() {
    let folder = forms();
    let (mut read, mut named) = (0, 0);
    let legacy = "-provider legacy -provider default";
    let mut judge = |how: &str, options: &str| {
        let ran = folder.kbootstrap(&format!("gencsr -key in -cert ca.pem {options}"), "");
        if ran.code == 0 {
            read += 1;
            return;
        }
        assert!(
            ran.stderr.contains("the key is encrypted with ") && ran.stderr.contains("which is not supported"),
            "{how}: {ran:#?}"
        );
        let hint = ran.stderr.lines().find_map(|line| line.strip_prefix("hint: write it again: ")).unwrap();
        let line = hint.replace("KEY", "in").replace("NEW", "out") + " -passin pass:secret -passout pass:secret";
        sh(&folder, &line);
        folder.ok("gencsr -key out -cert ca.pem --key-password-file password");
        named += 1;
    };
    for scheme in [
        "PBE-MD5-DES",
        "PBE-MD5-RC2-64",
        "PBE-SHA1-DES",
        "PBE-SHA1-RC2-64",
        "PBE-SHA1-RC4-128",
        "PBE-SHA1-RC4-40",
        "PBE-SHA1-3DES",
        "PBE-SHA1-2DES",
        "PBE-SHA1-RC2-128",
        "PBE-SHA1-RC2-40",
    ] {
        sh(&folder, &format!("openssl pkcs8 -topk8 -in ca-key.pem -v1 {scheme} -passout pass:secret {legacy} -out in"));
        judge(scheme, "--key-password-file password");
    }
    for cipher in [
        "des",
        "des3",
        "rc2",
        "rc2-40-cbc",
        "rc4",
        "bf-cbc",
        "cast5-cbc",
        "seed-cbc",
        "camellia-256-cbc",
        "aria-256-cbc",
        "aes-256-cfb",
    ] {
        sh(&folder, &format!("openssl pkcs8 -topk8 -in ca-key.pem -v2 {cipher} -passout pass:secret {legacy} -out in"));
        judge(cipher, "--key-password-file password");
    }
    for cipher in ["des", "des3", "rc2", "bf", "seed", "camellia256", "aria256", "aes256"] {
        sh(&folder, &format!("openssl ec -in ca-key.pem -{cipher} -passout pass:secret {legacy} -out in"));
        judge(cipher, "--key-password-file password");
    }
    assert_eq!((read, named), (25, 4));
    for scheme in [
        "NONE",
        "PBE-MD5-DES",
        "PBE-SHA1-RC4-128",
        "PBE-SHA1-3DES",
        "PBE-SHA1-2DES",
        "PBE-SHA1-RC2-128",
        "PBE-SHA1-RC2-40",
        "des-cbc",
        "des-ede3-cbc",
        "rc2-cbc",
        "aes-256-cbc",
        "camellia-256-cbc",
    ] {
        sh(
            &folder,
            &format!(
                "openssl pkcs12 -export -in ca.pem -inkey ca-key.pem -certpbe {scheme} -keypbe {scheme} -passout pass:secret {legacy} -out in"
            ),
        );
        let ran = folder.kbootstrap("certinfo in --password-file password -o json", "");
        match ran.code {
            0 => assert!(ran.stdout.contains("\"common_name\": \"ca\""), "{scheme}: {ran:#?}"),
            _ => {
                assert!(["PBE-MD5-DES", "camellia-256-cbc"].contains(&scheme), "{scheme}: {ran:#?}");
                assert!(
                    ran.stderr.contains("its encryption (") && ran.stderr.contains("openssl pkcs12 -legacy"),
                    "{ran:#?}"
                );
            }
        }
    }
}
