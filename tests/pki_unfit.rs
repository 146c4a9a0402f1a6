//! CAs whose certificates verifiers refuse, and with them whatever they issue; and requests that name nobody.

use serde_json::json;

use crate::cfssl_both;
use crate::pki_tools::{Folder, with_leaf};

/// A CA by openssl.
fn folder(extensions: &str) -> Folder {
    let folder = with_leaf();
    folder.write(
        "own.cnf",
        format!("[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=v3\n[dn]\nCN=own\n[v3]\n{extensions}"),
    );
    folder.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own-key.pem -out own.pem -days 3000 -config own.cnf");
    folder
}

/// What openssl has such a CA sign for a server.
const SERVER: &str = "subjectAltName=DNS:below.example\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n";

const SIGN: &str = "-ca own.pem -ca-key own-key.pem";
const GOOD: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";

fn go(folder: &Folder) -> String {
    folder.write("none.pem", "");
    cfssl_both::go(folder, "chain server own.pem none.pem below.pem below.example").unwrap_or_else(|said| said)
}

/// Whatever openssl and Go refuse is refused by all that use a CA; cfssl's face signs as cfssl, and says so.
#[test]
fn a_ca_with_a_critical_extension_that_nobody_knows_is_not_used() {
    for extension in ["1.2.3.4=critical,DER:0500", "nsComment=critical,hello"] {
        let folder = folder(&format!("{GOOD}{extension}\n"));
        folder.issue_by("below", "own", SERVER);
        let said = folder.try_openssl("verify -CAfile own.pem below.pem");
        assert!(said.stderr.contains("unhandled critical extension"), "{said:?}");
        assert!(go(&folder).contains("unhandled critical extension"), "{}", go(&folder));
        folder.ok("genkey leaf.json --out asked");
        folder.write("pki.yaml", "authorities: [{name: own, external: true, certificates: [{name: x, CN: x}]}]");
        for line in [
            &format!("gencert {SIGN} leaf.json"),
            &format!("sign {SIGN} asked.csr"),
            "bundle below.pem --ca-bundle own.pem",
            "pki apply pki.yaml",
            "pki apply pki.yaml --dry-run",
            "pki check pki.yaml",
            "certlint own.pem",
        ] {
            let ran = folder.kbootstrap(line, "");
            assert_eq!(ran.code, 4, "{line}: {ran:#?}");
            assert!((ran.stdout + &ran.stderr).contains("critical extension"), "{line}");
        }
        let shown = folder.json("certinfo below.pem --ca own.pem -o json");
        assert_eq!(shown[0]["chain"]["verified"], false, "{shown}");
        assert_eq!(folder.kbootstrap("certinfo below.pem --ca own.pem --warn-days 1", "").code, 12);
        let ran = folder.ok(&format!("cfssl gencert {SIGN} leaf.json"));
        assert!(ran.stderr.contains("[WARNING] the CA has the critical extension"), "{ran:#?}");
    }
    // A leaf with one is not verified either.
    let folder = folder(GOOD);
    folder.issue_by("odd", "own", "1.2.3.4=critical,DER:0500\nauthorityKeyIdentifier=keyid");
    assert!(folder.try_openssl("verify -CAfile own.pem odd.pem").stderr.contains("unhandled critical extension"));
    assert_eq!(folder.json("certinfo odd.pem --ca own.pem -o json")[0]["chain"]["verified"], false);
    assert_eq!(folder.kbootstrap("bundle odd.pem --ca-bundle own.pem", "").code, 4);
}

/// What only strict verifiers refuse is said each time.
#[test]
fn a_ca_that_strict_verifiers_refuse_is_used_with_a_warning() {
    let plain = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    for (extensions, words, rule) in [
        (format!("{plain}subjectKeyIdentifier=none\n"), "Missing Subject Key Identifier", "ski-missing"),
        (GOOD.replace("critical,CA", "CA"), "Basic Constraints of CA cert not marked critical", "bc-not-critical"),
        (
            GOOD.replace("keyUsage=critical,keyCertSign,cRLSign\n", ""),
            "CA cert does not include key usage",
            "ca-without-key-usage",
        ),
    ] {
        let folder = folder(&extensions);
        folder.ok(&format!("gencert {SIGN} leaf.json --out below"));
        let said = folder.try_openssl("verify -x509_strict -CAfile own.pem below.pem");
        assert!(said.stderr.contains(words), "{rule}: {said:?}");
        assert_eq!(folder.openssl("verify -CAfile own.pem below.pem").trim(), "below.pem: OK", "{rule}");
        folder.ok("genkey leaf.json --out asked");
        folder.write("pki.yaml", "authorities: [{name: own, external: true, certificates: [{name: x, CN: x}]}]");
        for line in [
            &format!("gencert {SIGN} leaf.json"),
            &format!("sign {SIGN} asked.csr"),
            "pki apply pki.yaml --dry-run",
            "pki apply pki.yaml",
        ] {
            let ran = folder.ok(line);
            assert!((ran.stdout.clone() + &ran.stderr).contains(rule), "{line}: {ran:#?}");
        }
    }
}

/// Neither a CSR nor a subject in its place.
#[test]
fn a_request_that_names_nobody_is_refused() {
    let folder = with_leaf();
    folder.openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout nobody.key -subj / -out nobody.csr",
    );
    let sign = "sign -ca ca.pem -ca-key ca-key.pem nobody.csr";
    assert!(folder.refused(sign).contains("the certificate would name nobody"), "{}", folder.refused(sign));
    folder.ok(&format!("{sign} -hostname a.example"));
    folder.write("subject.json", r#"{"CN":"somebody"}"#);
    folder.ok(&format!("{sign} subject.json"));
    let ran = folder.ok("cfssl sign -ca ca.pem -ca-key ca-key.pem nobody.csr");
    assert!(ran.stderr.contains("would name nobody"), "{ran:#?}");
}

/// RFC 5280's upper bounds, said where the subject can still be changed.
#[test]
fn parts_of_a_subject_that_are_too_long_are_warned_of_when_it_is_issued() {
    let folder = with_leaf();
    let long = "a".repeat(65);
    let longer = "a".repeat(130);
    for (field, value, words) in [
        ("CN", &*long, "the common name has 65 characters, more than 64"),
        ("O", &long, "the organization has 65 characters"),
        ("OU", &long, "the organizational unit has 65 characters"),
        ("L", &longer, "the locality has 130 characters, more than 128"),
        ("ST", &longer, "the province has 130 characters, more than 128"),
        ("C", "China", "the country `China` is not a code of two letters"),
    ] {
        let subject = match field {
            "CN" => json!({"CN": value}),
            field => json!({"CN": "a", "names": [{field: value}]}),
        };
        folder.write("x.json", subject.to_string());
        let leaf = json!({"name": "x", "CN": subject["CN"], "names": subject["names"].as_array().cloned().unwrap_or_default()});
        folder.write(
            "pki.yaml",
            json!({"authorities": [{"name": "top", "CN": "t", "certificates": [leaf]}]}).to_string(),
        );
        for line in [
            "gencert -ca ca.pem -ca-key ca-key.pem x.json",
            "gencert -initca x.json",
            "selfsign a.example x.json",
            "genkey -initca x.json",
            "pki apply pki.yaml --dry-run",
            "pki apply pki.yaml",
        ] {
            let ran = folder.ok(line);
            assert!((ran.stdout.clone() + &ran.stderr).contains(words), "{line} {field}: {ran:#?}");
        }
        for made in ["top.pem", "top-key.pem", "x.pem", "x-key.pem"] {
            std::fs::remove_file(folder.path(made)).unwrap();
        }
    }
}

/// A plan says all that doing it would say, and its JSON too; and nothing is written, no password asked.
#[test]
fn a_dry_run_warns_as_the_run_does() {
    let folder = Folder::new();
    folder.write(
        "pki.yaml",
        "authorities:\n- {name: top, CN: t, key: {algo: rsa}, authorities: [{name: below, CN: b, certificates: [\
         {name: x, CN: x, hosts: ['a..b', '*'], profile: server}, {name: y, CN: y, key: {algo: ed25519}}]}]}\n",
    );
    let warnings = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.split_once("warning: ").map(|(_, rest)| rest.to_owned()));
        let mut all: Vec<String> = lines.collect();
        all.sort();
        all
    };
    let dry = folder.ok("pki apply pki.yaml --dry-run");
    let json = folder.json("pki apply pki.yaml --dry-run -o json");
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 1, "nothing is written");
    let of = |json: &serde_json::Value| {
        let steps = json["steps"].as_array().unwrap().iter();
        let all = steps.flat_map(|step| step["warnings"].as_array().cloned().unwrap_or_default());
        all.map(|warning| warning.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let ran = folder.ok("pki apply pki.yaml -o json");
    let said = warnings(&ran.stderr);
    assert!(said.iter().any(|warning| warning.contains("`a..b`")), "{said:?}");
    assert!(said.iter().any(|warning| warning.contains("`*`")), "{said:?}");
    assert_eq!(warnings(&dry.stdout), said);
    assert_eq!(of(&json), of(&serde_json::from_str(&ran.stdout).unwrap()));
    assert_eq!(of(&json).len(), said.len());
    // Renewals, below CAs that are there.
    for line in ["--renew-ca top --renew-ca below", "--replace-ca top"] {
        folder.ok(&format!("pki apply pki.yaml --dry-run {line}"));
        folder.ok(&format!("pki apply pki.yaml {line}"));
    }
}
