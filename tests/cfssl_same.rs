//! The steps of scripts that people have, run with the real cfssl and with ours: the certificates mean the same, field
//! by field as Go reads them, and openssl and Go accept ours.

use crate::cfssl_both::{Whose, go_ok, ok, sh};
use crate::pki_tools::Folder;

/// A recipe: its files, its steps, and the certificates that come out, each with its issuer.
struct Recipe {
    files: &'static [(&'static str, &'static str)],
    steps: &'static str,
    certificates: &'static [(&'static str, &'static str)],
}

const CONFIG: &str = r#"{"signing":{"default":{"expiry":"8760h"},"profiles":{
    "server":{"usages":["signing","key encipherment","server auth"],"expiry":"8760h"},
    "client":{"usages":["signing","key encipherment","client auth"],"expiry":"8760h"},
    "peer":{"usages":["signing","digital signature","key encipherment","server auth","client auth"],"expiry":"43800h"},
    "intermediate":{"usages":["signing","digital signature","key encipherment","cert sign","crl sign","server auth","client auth"],"expiry":"26280h",
        "ca_constraint":{"is_ca":true,"max_path_len":0,"max_path_len_zero":true}}}}}"#;

/// Runs the recipe with both and compares all certificates.
fn compare(recipe: &Recipe) -> Folder {
    let run = |whose| {
        let folder = Folder::new();
        recipe.files.iter().for_each(|(name, text)| folder.write(name, text));
        let ran = sh(&folder, whose, &format!("set -e\n{}", recipe.steps));
        assert_eq!(ran.code, 0, "{whose:?}: {ran:#?}");
        folder
    };
    let ours = run(Whose::Ours);
    let theirs = run(Whose::Theirs);
    for (name, issuer) in recipe.certificates {
        let dumped = |folder: &Folder| {
            let line = format!("dump {name}.pem {issuer}.pem");
            let text = go_ok(folder, &line);
            let (fields, begins) = text.split_once("begins ").expect("a last line");
            (fields.to_owned(), begins.trim().parse::<i64>().expect("a time"))
        };
        go_ok(&ours, &format!("pair {name}.pem {name}-key.pem"));
        let (fields, begins) = dumped(&ours);
        assert!(!fields.contains("wrong"), "{name}: {fields}");
        let (expected, began) = dumped(&theirs);
        // The two ran a moment apart, and times are rounded to minutes.
        assert!((begins - began).abs() <= 120, "{name}: {begins} {began}");
        assert_eq!(fields, expected, "{name}");
    }
    ours
}

#[test]
fn a_single_ca_with_a_server_and_a_client() {
    let folder = compare(&Recipe {
        files: &[
            ("ca-config.json", CONFIG),
            (
                "ca-csr.json",
                r#"{"CN":"My own CA","key":{"algo":"rsa","size":2048},"names":[{"C":"US","L":"CA","O":"My Company Name","ST":"San Francisco","OU":"Org Unit 1"},{"OU":"Org Unit 2"}]}"#,
            ),
            (
                "server.json",
                r#"{"CN":"example.net","hosts":["example.net","www.example.net","192.168.1.1","::1","ops@example.net","https://example.net/x"],"key":{"algo":"ecdsa","size":256},"names":[{"C":"US","L":"CA","ST":"San Francisco","O":"a_b","OID":{"1.2.3.4":"own"},"E":"x@y.z"}],"serialnumber":"77"}"#,
            ),
            ("client.json", r#"{"CN":"client","hosts":[""],"key":{"algo":"rsa","size":2048}}"#),
            ("hostless.json", r#"{"cn":"Жук","Key":{"Algo":"ecdsa","Size":384},"names":[{"o":"system:masters"},{"O":"b & c"}]}"#),
        ],
        steps: "cfssl gencert -initca ca-csr.json | cfssljson -bare ca -
            cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=server server.json | cfssljson -bare server
            cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=client client.json | cfssljson -bare client
            cfssl gencert -ca file:ca.pem -ca-key file:ca-key.pem --config=ca-config.json -profile client -cn other hostless.json | cfssljson -bare hostless
            cat hostless.json | cfssl gencert -ca ca.pem -ca-key ca-key.pem -hostname a.b,10.0.0.7 - | cfssljson -bare default",
        certificates: &[("ca", "ca"), ("server", "ca"), ("client", "ca"), ("hostless", "ca"), ("default", "ca")],
    });
    for name in ["example.net", "192.168.1.1", "::1"] {
        go_ok(&folder, &format!("chain server ca.pem - server.pem {name}"));
    }
    go_ok(&folder, "chain client ca.pem - client.pem");
    go_ok(&folder, "chain client ca.pem - hostless.pem");
    go_ok(&folder, "chain server ca.pem - default.pem a.b 10.0.0.7");
    folder.openssl("verify -x509_strict -CAfile ca.pem -purpose sslserver -verify_hostname example.net server.pem");
    folder.openssl("verify -CAfile ca.pem -purpose sslclient client.pem hostless.pem");
}

#[test]
fn an_etcd_ca_with_peer_certificates() {
    let folder = compare(&Recipe {
        files: &[
            ("ca-config.json", CONFIG),
            (
                "etcd-ca-csr.json",
                r#"{"CN":"etcd CA","key":{"algo":"ecdsa","size":384},"names":[{"C":"CN","ST":"Beijing","L":"Beijing","O":"etcd","OU":"etcd Security"}],"ca":{"expiry":"876000h","pathlen":1}}"#,
            ),
            (
                "etcd-csr.json",
                r#"{"CN":"etcd","hosts":["127.0.0.1","localhost","10.0.0.11","10.0.0.12","10.0.0.13"],"key":{"algo":"ecdsa","size":256},"names":[{"C":"CN","ST":"Beijing","L":"Beijing","O":"etcd","OU":"etcd Security"}]}"#,
            ),
        ],
        steps: "cfssl gencert -initca etcd-ca-csr.json | cfssljson -bare etcd-ca
            for i in 1 2 3; do
              cfssl gencert -ca=etcd-ca.pem -ca-key=etcd-ca-key.pem -config=ca-config.json -profile=peer -hostname=infra$i,10.0.0.1$i,127.0.0.1 etcd-csr.json 2> log$i | cfssljson -bare peer$i
              grep 'serial' log$i | awk '{print $9}' > serial$i
            done
            cfssl gencert -ca=etcd-ca.pem -ca-key=etcd-ca-key.pem -config=ca-config.json -profile=peer etcd-csr.json | cfssljson -bare etcd",
        certificates: &[("etcd-ca", "etcd-ca"), ("peer1", "etcd-ca"), ("peer3", "etcd-ca"), ("etcd", "etcd-ca")],
    });
    go_ok(&folder, "chain server etcd-ca.pem - peer2.pem infra2 10.0.0.12 127.0.0.1");
    go_ok(&folder, "chain client etcd-ca.pem - peer2.pem");
    folder.openssl("verify -x509_strict -CAfile etcd-ca.pem -purpose sslserver -verify_ip 10.0.0.13 etcd.pem");
    let serial = folder.openssl("x509 -in peer1.pem -noout -serial");
    let decimal =
        kbootstrap::pki::Serial::parse(&format!("0x{}", serial.trim().trim_start_matches("serial="))).unwrap();
    assert_eq!(folder.read("serial1").trim(), decimal.to_string());
}

#[test]
fn an_intermediate_ca_by_sign() {
    let folder = compare(&Recipe {
        files: &[
            ("ca-config.json", CONFIG),
            ("root.json", r#"{"CN":"Root","key":{"algo":"rsa","size":4096},"names":[{"O":"Acme"}],"ca":{"expiry":"87600h"}}"#),
            ("inter.json", r#"{"CN":"Intermediate","key":{"algo":"rsa","size":3072},"names":[{"O":"Acme","OU":"zeta"},{"OU":"alpha"},{"OU":"Mid"}],"ca":{"expiry":"42720h","pathlenzero":true}}"#),
            ("host.json", r#"{"CN":"host","hosts":["host.acme.test"],"names":[{"O":"Acme"}]}"#),
            ("subject.json", r#"{"CN":"renamed","names":[{"O":"Other"}]}"#),
        ],
        steps: "cfssl gencert -initca root.json | cfssljson -bare root
            cfssl gencert -initca inter.json | cfssljson -bare inter
            cfssl sign -ca root.pem -ca-key root-key.pem -config ca-config.json -profile intermediate inter.csr | cfssljson -bare inter
            cfssl gencert -ca inter.pem -ca-key inter-key.pem -config ca-config.json -profile server host.json | cfssljson -bare host
            cfssl genkey host.json | cfssljson -bare signed
            cfssl sign -ca inter.pem -ca-key inter-key.pem -config ca-config.json -profile peer -hostname x.test,10.1.1.1 signed.csr subject.json | cfssljson -bare signed
            openssl req -new -newkey rsa:2048 -nodes -keyout foreign-key.pem -subj '/CN=a/O=k8s/CN=b/C=CN/DC=test/emailAddress=u@h' -out foreign.csr -addext subjectAltName=DNS:foreign.test
            cfssl sign -ca inter.pem -ca-key inter-key.pem -config ca-config.json -profile client foreign.csr | cfssljson -bare foreign
            cat inter.pem root.pem > chain.pem",
        certificates: &[("root", "root"), ("inter", "root"), ("host", "inter"), ("signed", "inter"), ("foreign", "inter")],
    });
    go_ok(&folder, "chain ca root.pem - inter.pem");
    go_ok(&folder, "chain server root.pem inter.pem host.pem host.acme.test");
    go_ok(&folder, "chain server root.pem inter.pem signed.pem x.test 10.1.1.1");
    folder.openssl("verify -x509_strict -CAfile root.pem -untrusted inter.pem -purpose sslserver -verify_hostname host.acme.test host.pem");
    folder.openssl("verify -CAfile root.pem -untrusted inter.pem -purpose sslclient foreign.pem");
    // And one bundle, in which the chain is found.
    let bundled =
        ok(&folder, "cfssl bundle -ca-bundle root.pem -int-bundle inter.pem -cert host.pem -key host-key.pem");
    let json: serde_json::Value = serde_json::from_str(&bundled.stdout).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert!(keys.is_sorted() && keys.len() == 16, "{keys:?}");
    assert_eq!(
        json["issuer"],
        "/Organization=Acme/OrganizationalUnit=Mid/OrganizationalUnit=zeta/OrganizationalUnit=alpha/CommonName=Intermediate"
    );
    assert_eq!(json["key_type"], "256-bit ECDSA");
    assert_eq!(json["bundle"].as_str().unwrap().matches("BEGIN CERTIFICATE").count(), 2);
    ok(&folder, "cfssl bundle -ca-bundle root.pem -int-bundle inter.pem -cert host.pem | cfssljson -bare bundled");
    folder.openssl("verify -CAfile bundled-root.pem -untrusted bundled-bundle.pem host.pem");
    let line = "cfssl bundle -ca-bundle root.pem -int-bundle inter.pem -cert host.pem -key host-key.pem";
    let mut theirs: serde_json::Value = serde_json::from_str(&sh(&folder, Whose::Theirs, line).stdout).unwrap();
    let mut ours = json;
    // What cfssl has to say of root stores that it has no table of, and names in an order that changes.
    for json in [&mut ours, &mut theirs] {
        json["status"] = serde_json::Value::Null;
        json["hostnames"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    assert_eq!(ours, theirs);
}

#[test]
fn token_and_host_lists_of_a_cluster_with_three_masters() {
    let folder = compare(&Recipe {
        files: &[
            (
                "ca-config.json",
                r#"{"signing":{"default":{"expiry":"87600h"},"profiles":{"kubernetes":{"expiry":"87600h","usages":["signing","key encipherment","server auth","client auth"],
                    "issuer_urls":["http://ca.test/a","http://ca.test/b"],"ocsp_url":"http://ocsp.test","crl_url":"http://crl.test/ca.crl","backdate":"1h"},
                    "copy":{"usages":["signing","content commitment","key agreement","data encipherment","encipher only","decipher only","any","code signing","email protection","s/mime","ipsec end system","ipsec tunnel","ipsec user","timestamping","ocsp signing","microsoft sgc","netscape sgc"],
                        "expiry":"1h30m15s","copy_extensions":true,"ocsp_no_check":true,"not_after":"2031-01-02T03:04:05Z","not_before":"2026-01-02T03:04:05Z",
                        "policies":[{"ID":"1.2.3.4","Qualifiers":[{"Type":"id-qt-cps","Value":"http://cps.test"},{"Type":"id-qt-unotice","Value":"höflich"}]}]},
                    "listed":{"usages":["server auth"],"expiry":"24h","name_whitelist":"^[a-z.]+\\.test$","CSRWhitelist":{"Subject":false,"PublicKey":true,"PublicKeyAlgorithm":true,"DNSNames":true}}}}}"#,
            ),
            ("ca-csr.json", r#"{"CN":"kubernetes","key":{"algo":"rsa","size":2048},"names":[{"C":"CN","ST":"BeiJing","L":"BeiJing","O":"k8s","OU":"System"}],"ca":{"expiry":"876000h"}}"#),
            (
                "kubernetes-csr.json",
                r#"{"CN":"kubernetes-master","hosts":["127.0.0.1","10.254.0.1","10.0.0.11","10.0.0.12","10.0.0.13","10.0.0.100","kubernetes","kubernetes.default","kubernetes.default.svc","kubernetes.default.svc.cluster","kubernetes.default.svc.cluster.local."],
                    "key":{"algo":"rsa","size":2048},"names":[{"C":"CN","ST":"BeiJing","L":"BeiJing","O":"k8s","OU":"System"}]}"#,
            ),
            ("admin-csr.json", r#"{"CN":"admin","hosts":[],"key":{"algo":"rsa","size":2048},"names":[{"C":"CN","O":"system:masters","OU":"System"}]}"#),
            ("extra.json", r#"{"CN":"extra","hosts":["extra.test","10.0.0.9"],"key":{"algo":"ed25519"},"delegation_enabled":true,"extensions":[{"Id":[1,2,3,4],"Critical":false,"Value":"BQA="}]}"#),
            ("listed.json", r#"{"hosts":["b.test","a.test","10.0.0.1"],"key":{"algo":"ecdsa","size":521}}"#),
        ],
        steps: "head -c 16 /dev/urandom | od -An -t x | tr -d ' ' > token
            cfssl gencert -initca ca-csr.json | cfssljson -bare ca
            for name in kubernetes admin; do
              cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=kubernetes $name-csr.json | cfssljson -bare $name
            done
            cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=copy extra.json | cfssljson -bare extra
            cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=listed listed.json | cfssljson -bare listed
            cfssl gencert -initca -ca-key ca-key.pem ca-csr.json | cfssljson -bare again
            cp ca-key.pem again-key.pem",
        certificates: &[("ca", "ca"), ("kubernetes", "ca"), ("admin", "ca"), ("extra", "ca"), ("listed", "ca"), ("again", "again")],
    });
    for name in ["10.0.0.11", "10.254.0.1", "kubernetes.default.svc"] {
        go_ok(&folder, &format!("chain server ca.pem - kubernetes.pem {name}"));
    }
    go_ok(&folder, "chain client ca.pem - admin.pem");
    folder.openssl("verify -x509_strict -CAfile ca.pem -purpose sslclient admin.pem");
    folder.openssl("verify -CAfile ca.pem extra.pem listed.pem");
}

#[test]
fn hosts_of_every_kind_become_the_same_names() {
    const HOSTS: [&str; 26] = [
        "010.0.0.1",
        "10.0.0.0/8",
        "10.0.0.1:443",
        "localhost:443",
        "/etc/passwd",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "1.2.3",
        "0x7f.1",
        "",
        "a b",
        " 10.0.0.1",
        "a,b",
        "UPPER.Example",
        "*.a.b",
        "x.svc.cluster.local.",
        "fd00::1",
        "u@h",
        "Bob <b@x.y>",
        "https://h/p?q=a&b#f",
        "spiffe://d/w",
        "urn:a:b",
        "a_b",
        "-",
        "a.b",
        "a.b",
    ];
    let folder = Folder::new();
    folder.write("ca.json", r#"{"CN":"ca"}"#);
    folder.write("all.json", serde_json::json!({"CN": "x", "hosts": HOSTS}).to_string());
    for (i, host) in HOSTS.iter().enumerate() {
        folder.write(&format!("{i}.json"), serde_json::json!({"CN": "x", "hosts": [host]}).to_string());
    }
    ok(&folder, "cfssl gencert -initca ca.json | cfssljson -bare ca");
    let names = |whose, name: &str| {
        let line = format!("cfssl gencert -ca ca.pem -ca-key ca-key.pem {name}.json | cfssljson -bare {name}");
        let ran = sh(&folder, whose, &line);
        assert_eq!(ran.code, 0, "{whose:?} {name}: {ran:#?}");
        let dump = go_ok(&folder, &format!("dump {name}.pem ca.pem"));
        dump.lines().find(|line| line.starts_with("extension 2.5.29.17 ")).expect("names").to_owned()
    };
    let mut wrong = Vec::new();
    for name in (0..HOSTS.len()).map(|i| i.to_string()).chain(["all".to_owned()]) {
        let ours = names(Whose::Ours, &name);
        let theirs = names(Whose::Theirs, &name);
        if ours != theirs {
            wrong.push(format!("{name} {}\n  {ours}\n  {theirs}", folder.read(&format!("{name}.json"))));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn subjects_of_every_kind_become_the_same_bytes() {
    const SUBJECTS: [&str; 12] = [
        r#"{"CN":"system:kube-proxy (a) 'b' +,-./:=?"}"#,
        r#"{"CN":"a*b","names":[{"O":"a@b"},{"O":"a_b"},{"O":"a&b"}]}"#,
        r#"{"CN":"中文","names":[{"C":"USA","ST":"ü","L":"x","O":"y","OU":"z"}]}"#,
        r#"{"CN":" ","names":[{"C":""},{"C":" "}]}"#,
        r#"{"CN":"x","names":[{"C":"US","O":"b"},{"C":"US","O":"aa"},{"O":"a"}]}"#,
        r#"{"CN":"x","names":[{"OID":{"2.5.4.3":"y"}}]}"#,
        r#"{"CN":"x","names":[{"OID":{"2.5.4.10":"y"},"O":"z"},{"OU":"w"}]}"#,
        r#"{"CN":"x","names":[{"E":"a@b.c","OID":{"0.9.2342.19200300.100.1.25":"dc"}}]}"#,
        r#"{"CN":"x","serialnumber":"12","names":[{"SerialNumber":"no","CN":"no"}]}"#,
        r#"{"cn":"a","CN":"b","names":[{"o":"c"}],"Names":[{"O":"d"}]}"#,
        r#"{"CN":null,"names":null}"#,
        r#"{"CN":"0123456789012345678901234567890123456789012345678901234567890123456789","hosts":["x"]}"#,
    ];
    let folder = Folder::new();
    folder.write("ca.json", r#"{"CN":"ca"}"#);
    ok(&folder, "cfssl gencert -initca ca.json | cfssljson -bare ca");
    for (i, subject) in SUBJECTS.iter().enumerate() {
        folder.write(&format!("{i}.json"), subject);
        let fields = |whose| {
            let line = format!(
                "cfssl gencert -ca ca.pem -ca-key ca-key.pem {i}.json | cfssljson -bare {i} && cfssl sign -ca ca.pem -ca-key ca-key.pem {i}.csr | cfssljson -bare {i}s"
            );
            let ran = sh(&folder, whose, &line);
            assert_eq!(ran.code, 0, "{whose:?} {subject}: {ran:#?}");
            let dumps =
                [format!("dump {i}.pem ca.pem"), format!("dump {i}s.pem ca.pem")].map(|line| go_ok(&folder, &line));
            dumps.map(|dump| dump.split("begins").next().unwrap_or_default().to_owned())
        };
        let ours = fields(Whose::Ours);
        assert_eq!(fields(Whose::Theirs), ours, "{subject}");
    }
}

#[test]
fn the_real_one_renews_and_signs_itself_likewise() {
    let steps = "cfssl gencert -initca ca.json | cfssljson -bare ca
        cfssl gencert -renewca -ca ca.pem -ca-key ca-key.pem | cfssljson -bare renewed
        cp ca-key.pem renewed-key.pem
        cfssl selfsign web.test web.json | cfssljson -bare web";
    let folder = Folder::new();
    let files: &[(&str, &str)] = &[
        ("ca.json", r#"{"CN":"ca","names":[{"O":"x"}],"ca":{"expiry":"1000h","pathlen":2,"pathlenzero":true}}"#),
        ("web.json", r#"{"CN":"web","hosts":["web.test"],"names":[{"O":"x"}]}"#),
    ];
    files.iter().for_each(|(name, text)| folder.write(name, text));
    let run = |whose| {
        let theirs = Folder::new();
        files.iter().for_each(|(name, text)| theirs.write(name, text));
        let folder = if whose == Whose::Ours { &folder } else { &theirs };
        let ran = sh(folder, whose, steps);
        assert_eq!(ran.code, 0, "{ran:#?}");
        let dumps = ["renewed", "web"].map(|name| go_ok(folder, &format!("dump {name}.pem")));
        dumps.map(|text| {
            text.split("begins")
                .next()
                .unwrap_or_default()
                .replace("whole minutes true", "")
                .replace("whole minutes false", "")
        })
    };
    let ours = run(Whose::Ours);
    assert_eq!(run(Whose::Theirs), ours);
    go_ok(&folder, "chain server web.pem - web.pem web.test");
    go_ok(&folder, "chain ca renewed.pem - renewed.pem");
    folder.openssl("verify -CAfile web.pem web.pem");
}
