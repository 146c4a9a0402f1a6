//! What scripts written for cfssl rely on: JSON on standard output, file names and modes, log lines.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::pki_tools::with_leaf;

const GENCERT: &str = "gencert -ca=ca.pem -ca-key=ca-key.pem --config=config.json -profile=server leaf.json";

#[test]
fn standard_output_is_one_line_of_json_with_cfssls_keys_in_order() {
    let folder = with_leaf();
    let keys = |line: &str| {
        let out = folder.ok(line).stdout;
        assert_eq!(out.matches('\n').count(), 1, "{out}");
        let names = ["cert", "csr", "key"].into_iter().filter(|k| out.contains(&format!("\"{k}\":\"-----BEGIN ")));
        let names: Vec<_> = names.collect();
        let positions: Vec<_> = names.iter().map(|k| out.find(&format!("\"{k}\":")).unwrap()).collect();
        assert!(positions.is_sorted(), "{out}");
        names.join(" ")
    };
    assert_eq!(keys(GENCERT), "cert csr key");
    assert_eq!(keys("gencert -initca ca.json"), "cert csr key");
    assert_eq!(keys("gencert -initca -ca-key ca-key.pem ca.json"), "cert csr");
    assert_eq!(keys("genkey leaf.json"), "csr key");
    assert_eq!(keys("genkey -initca ca.json"), "cert csr key");
    folder.ok("genkey leaf.json --out leaf");
    assert_eq!(keys("sign -ca ca.pem -ca-key ca-key.pem leaf.csr"), "cert csr");
}

#[test]
fn a_script_can_cut_the_serial_number_out_of_the_log() {
    let folder = with_leaf();
    let log = folder.ok(&format!("{GENCERT} --out leaf")).stderr;
    let line = log.lines().find(|line| line.contains("serial")).expect("a line with the serial number");
    let serial = line.split_whitespace().nth(8).expect("nine fields");
    let info = folder.ok("certinfo -cert leaf.pem").stdout;
    assert!(info.contains(&format!("\"serial_number\": \"{serial}\"")), "{line}\n{info}");
    let steps: Vec<_> = log.lines().filter_map(|line| line.split_once("] ")).map(|(_, text)| text).collect();
    assert_eq!(steps[..4], ["generate received request", "received CSR", "generating key: ecdsa-256", "encoded CSR"]);
    assert_eq!(folder.ok(&format!("{GENCERT} -loglevel 2")).stderr, "");
}

#[test]
fn cfssljson_writes_keys_0600_over_anything_and_where_links_lead() {
    let folder = with_leaf();
    let json = folder.ok(GENCERT).stdout;
    folder.write("a-key.pem", "old");
    std::fs::set_permissions(folder.path("a-key.pem"), std::fs::Permissions::from_mode(0o644)).unwrap();
    folder.write("target", "old");
    symlink(folder.path("target"), folder.path("b-key.pem")).unwrap();
    for (name, key) in [("a", "a-key.pem"), ("b", "target")] {
        let ran = folder.kbootstrap(&format!("cfssljson -bare {name}"), &json);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
        assert_eq!(folder.mode(key), 0o600);
        assert_eq!(folder.mode(&format!("{name}.pem")), 0o644);
        assert_eq!(folder.mode(&format!("{name}.csr")), 0o644);
        folder.openssl(&format!("verify -CAfile ca.pem {name}.pem"));
    }
    assert!(std::fs::symlink_metadata(folder.path("b-key.pem")).unwrap().is_symlink());
    let ran = folder.kbootstrap("cfssljson -stdout -bare", &json);
    assert!(ran.stdout.contains("BEGIN CERTIFICATE-----") && ran.stdout.contains("BEGIN EC PRIVATE KEY"), "{ran:?}");
}

#[test]
fn hostname_and_cn_replace_those_of_the_spec() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} -hostname=a.b,10.0.0.1 -cn other --out leaf"));
    let text = folder.openssl("x509 -in leaf.pem -noout -subject -ext subjectAltName");
    assert!(text.contains("subject=CN = other") && text.contains("DNS:a.b, IP Address:10.0.0.1"), "{text}");
}

#[test]
fn a_ca_comes_from_the_environment_and_a_spec_from_standard_input() {
    let folder = with_leaf();
    let spec = folder.read("leaf.json");
    let ran = folder
        .kbootstrap("gencert -ca=file:ca.pem -ca-key=file:ca-key.pem -config=config.json -profile=server -", &spec);
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!(folder.refused("gencert -ca=env:KBOOTSTRAP_NO_SUCH_CA -ca-key=ca-key.pem leaf.json"), @r"
    error: the environment variable KBOOTSTRAP_NO_SUCH_CA is not set
    exit code 3
    ");
}

#[test]
fn certinfo_shows_certificates_to_people_and_programs() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} --out leaf"));
    folder.write("chain.pem", folder.read("leaf.pem") + &folder.read("ca.pem"));
    let text = folder.ok("certinfo chain.pem -o details").stdout;
    assert_eq!(text.matches("chain.pem\n").count(), 2, "{text}");
    assert!(
        text.contains("  names            DNS:leaf.example\n") && text.contains("36") && text.contains("days left"),
        "{text}"
    );
    assert!(
        text.contains("  subject          C=CN, ST=Beijing, L=Beijing, O=k8s + O=second, OU=System, CN=root\n"),
        "{text}"
    );
    let json = folder.json("certinfo -o json chain.pem");
    assert_eq!(
        json[0]["certificate"]["usages"],
        serde_json::json!(["digital signature", "key encipherment", "server auth"])
    );
    assert_eq!(json[0]["days_left"], 364);
    assert_eq!(json[1]["certificate"]["is_ca"], true);
    folder.ok("genkey leaf.json --out leaf");
    let csr = folder.json("certinfo -csr leaf.csr");
    assert_eq!(csr["sans"], serde_json::json!(["DNS:leaf.example"]));
}

#[test]
fn certinfo_passes_over_keys_among_several_files() {
    let folder = with_leaf();
    let text = folder.ok("certinfo ca.pem ca-key.pem").stdout;
    assert!(text.contains("ca.pem\n") && !text.contains("ca-key.pem"), "{text}");
    assert!(folder.refused("certinfo ca-key.pem").contains("there is no certificate in it"));
}

#[test]
fn certinfo_cert_prints_cfssls_fields() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} --out leaf"));
    let text = folder.ok("certinfo -cert leaf.pem").stdout;
    let fields: Vec<_> =
        text.lines().filter(|line| line.starts_with("  \"")).filter_map(|line| line.split('"').nth(1)).collect();
    insta::assert_snapshot!(fields.join(" "), @"subject issuer serial_number sans not_before not_after sigalg authority_key_id subject_key_id pem");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["issuer"]["organization"], "k8s,second");
    assert_eq!(json["sigalg"], "ECDSAWithSHA256");
    assert_eq!(json["pem"], folder.read("leaf.pem"));
}

#[test]
fn the_templates_can_be_used() {
    let folder = with_leaf();
    folder.write("config.json", folder.ok("print-defaults config").stdout);
    folder.write("leaf.json", folder.ok("print-defaults csr").stdout);
    folder.ok("gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile www leaf.json --out leaf");
    folder.openssl("verify -x509_strict -CAfile ca.pem -verify_hostname www.example.net leaf.pem");
}
