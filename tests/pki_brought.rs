//! `kbootstrap pki apply` with keys and CAs that are brought, and what it tells scripts.

use std::fs;

use crate::pki_apply::folder;

#[test]
fn scripts_are_told_whether_something_would_be_written() {
    let spec = "authorities: [{name: ca, CN: CA, certificates: [{name: a, CN: a}]}]";
    let folder = folder(spec);
    let code = |line: &str| folder.kbootstrap(line, "").code;
    let dry = "pki apply pki.yaml --dry-run --exit-code";
    assert_eq!((code(dry), code("pki apply pki.yaml --dry-run")), (10, 0));
    assert_eq!(folder.json("pki apply pki.yaml -o json --dry-run")["changes"], 2);
    assert_eq!(code(&format!("{dry} -o json")), 10);
    assert!(!folder.path("ca.pem").exists());
    folder.ok("pki apply pki.yaml");
    assert_eq!(code(dry), 0);
    // What is only reported is nothing that would be written.
    folder.write("pki.yaml", spec.replace("CN: CA", "CN: CA, pathLength: 3"));
    assert_eq!((code(dry), code("pki check pki.yaml")), (0, 4));
    assert_eq!(code(&format!("{dry} --renew-ca ca")), 10);
    fs::remove_file(folder.path("ca-key.pem")).unwrap();
    folder.write("pki.yaml", spec.replace("{name: a, CN: a}", "{name: a, CN: a}, {name: b, CN: b}"));
    assert_eq!(code(dry), 4, "it could not be done");
    folder.write("pki.yaml", "authorities: [{name: ca}]");
    assert_eq!(code(dry), 3);
    assert_eq!(code("pki apply pki.yaml --exit-code"), 2, "without --dry-run it would be written");
}

#[test]
fn the_key_of_a_ca_is_not_that_of_a_certificate() {
    let spec = "authorities: [{name: root, CN: R, authorities: [{name: inner, CN: I, certificates: [{name: web, CN: web, hosts: [w.example]}]}]}]";
    let folder = folder(spec);
    folder.ok("pki apply pki.yaml");
    for ca in ["root", "inner"] {
        fs::remove_file(folder.path("web.pem")).unwrap();
        folder.copy(&format!("{ca}-key.pem"), "web-key.pem");
        for line in ["pki apply pki.yaml --dry-run", "pki apply pki.yaml"] {
            let error = folder.refused(line);
            assert!(error.contains(&format!("its key web-key.pem is that of CA {ca}")), "{error}");
            assert!(error.contains("hint: remove web-key.pem"), "{error}");
        }
        fs::remove_file(folder.path("web-key.pem")).unwrap();
        folder.ok("pki apply pki.yaml");
    }
    // One that was issued so, by another program.
    folder.openssl("req -new -key root-key.pem -subj /CN=web -out web.csr");
    folder.write(
        "ext",
        "subjectAltName=DNS:w.example\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=critical,CA:FALSE\n",
    );
    folder.openssl("x509 -req -in web.csr -CA inner.pem -CAkey inner-key.pem -days 300 -extfile ext -out web.pem");
    folder.copy("root-key.pem", "web-key.pem");
    let check = folder.kbootstrap("pki check pki.yaml", "");
    let said = format!("{check:?}");
    assert!(check.code == 4 && said.contains("is that of CA root"), "{said}");
}

#[test]
fn an_external_ca_may_be_a_chain() {
    let folder = folder(
        "authorities:\n- name: r\n  CN: R\n  authorities:\n  - {name: m, CN: M, authorities: [{name: i, CN: I}, {name: other, CN: O}]}\n",
    );
    folder.ok("pki apply pki.yaml");
    let (r, m, i) = (folder.read("r.pem"), folder.read("m.pem"), folder.read("i.pem"));
    let chains = [format!("{i}{m}{r}"), format!("{i}{m}"), format!("{r}{i}{m}"), format!("{m}{r}{i}"), i.clone()];
    for (n, chain) in chains.iter().enumerate() {
        folder.write("company.pem", chain);
        folder.copy("i-key.pem", "company-key.pem");
        folder.write(
            "pki.yaml",
            format!("defaults: {{files: {{chain: '{{name}}-chain.pem', ca: '{{name}}-ca.pem'}}}}\nauthorities:\n- name: company\n  external: true\n  files: {{chain: cc.pem, ca: ca.pem}}\n  certificates: [{{name: 'web{n}', CN: web, hosts: [w.example]}}]\n"),
        );
        folder.ok("pki apply pki.yaml --progress none");
        let has_middle = chain.contains(&m);
        let served = folder.read(&format!("web{n}-chain.pem"));
        let expected = folder.read(&format!("web{n}.pem")) + &i + if has_middle { &m } else { "" };
        assert_eq!(served, expected, "what servers send: {n}");
        let trusted = folder.read(&format!("web{n}-ca.pem"));
        let root = if chain.contains(&r) { r.as_str() } else { "" };
        assert_eq!(trusted, format!("{i}{}{root}", if has_middle { &m } else { "" }), "{n}");
        if has_middle {
            folder.openssl(&format!("verify -x509_strict -CAfile r.pem -untrusted web{n}-chain.pem web{n}.pem"));
        }
        assert_eq!(&folder.read("company.pem"), chain, "it is brought, and not written");
        let again = folder.ok("pki apply pki.yaml");
        assert!(again.stdout.starts_with("nothing to do"), "{n}: {}", again.stdout);
        folder.ok("pki check pki.yaml");
    }
    // A chain that is renewed is written again.
    folder.write("company.pem", format!("{i}{m}{r}"));
    let ran = folder.ok("pki apply pki.yaml");
    assert!(ran.stdout.contains("wrote the chain of certificate web4: web4-chain.pem is out of date"), "{ran:?}");
    folder.write("company.pem", format!("{i}{m}{}", folder.read("other.pem")));
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: CA company: company.pem: the chain could be that of `CN=I` and `CN=O`
    hint: leave one of them in the file
    hint: bring the right one: it is `external`, kbootstrap makes none in its place
    exit code 4
    ");
    folder.write("company.pem", format!("{i}{}", folder.read("r.pem")));
    insta::assert_snapshot!(folder.refused("pki apply pki.yaml"), @r"
    error: CA company: company.pem: the chain could be that of `CN=I` and `CN=R`
    hint: leave one of them in the file
    hint: bring the right one: it is `external`, kbootstrap makes none in its place
    exit code 4
    ");
    // Only what is brought may have several.
    folder.write("pki.yaml", "authorities: [{name: own, CN: own}]");
    folder.write("own.pem", format!("{i}{m}"));
    assert!(folder.refused("pki apply pki.yaml").contains("there are 2 certificates in it, expected one"));
}
