//! `certinfo -o details` says all that `openssl x509 -text`, `req -text` and `crl -text` say: field by field.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use regex::Regex;

use crate::pki_tools::{Folder, with_ca};

/// How openssl prints what we print otherwise; longer ones first.
const WORDS: &[(&str, &str)] = &[
    ("Non Repudiation", "content commitment"),
    ("Certificate Sign", "cert sign"),
    ("IP Address:", "IP:"),
    ("Registered ID:", "RID:"),
    ("othername: UPN", "otherName:Microsoft User Principal Name"),
    ("CA:TRUE", "CA: yes"),
    ("CA:FALSE", "CA: no"),
    ("pathlen:", "path length "),
    ("keyid:", "key identifier "),
    ("serial:", "serial "),
    ("Full Name:", ""),
    ("Relative Name:", "relative to the issuer "),
    ("Policy:", ""),
    ("CPS:", "practice statement "),
    ("User Notice:", "notice "),
    ("Explicit Text:", "text "),
    ("Public-Key:", ""),
    ("Salt Length: 0x20", "salt length 32"),
    ("Salt Length: 0x30", "salt length 48"),
    ("Salt Length: 0x14", "salt length 20"),
    ("Trailer Field: 0xBC", "trailer 1"),
    ("Trailer Field: 0x01", "trailer 1"),
    ("Hash Algorithm:", "hash "),
    ("Mask Algorithm:", "mask "),
    ("ASN1 OID:", "curve "),
    ("NIST CURVE:", "NIST "),
    ("Log ID    :", "log "),
    ("Timestamp :", "time "),
    ("Extensions: none", ""),
    ("Signed Certificate Timestamp:", "timestamp"),
    ("Version   : v1 (0x0)", "version 1"),
    ("pub:", ""),
    ("Modulus:", "modulus"),
    ("Last Update:", "this update "),
    ("Serial Number:", "serial "),
    ("Number:", "numbers "),
    ("Revocation Date:", "since "),
    ("Signature Algorithm:", "signature "),
    ("Signature Value:", ""),
    ("Signature :", "signature "),
    ("Public Key Algorithm:", "algorithm "),
    ("No PSS parameter restrictions", "any parameters of RSASSA-PSS"),
    ("PSS parameter restrictions:", "only for signatures with"),
    ("Minimum Salt Length:", "salt length"),
    ("Field Type:", "field "),
    ("Generator (uncompressed):", "generator"),
    ("X509v3 CRL Reason Code:", "reason "),
    ("Invalidity Date:", "invalid since "),
    ("Hold Instruction Code:", "hold instruction "),
    ("X509v3 Certificate Issuer:", "certificate issuer "),
];

/// Lines that only say what follows.
const HEADINGS: &[&str] = &[
    "Certificate:",
    "Certificate Request:",
    "Certificate Revocation List (CRL):",
    "Data:",
    "Validity",
    "Subject Public Key Info:",
    "X509v3 extensions:",
    "CRL extensions:",
    "CRL entry extensions:",
    "Requested Extensions:",
    "Attributes:",
    "(none)",
    "Revoked Certificates:",
    "No Revoked Certificates.",
    "ED25519 Public-Key:",
    "ED448 Public-Key:",
];

/// Our label of an extension, by openssl's.
const EXTENSIONS: &[(&str, &str)] = &[
    ("X509v3 Subject Key Identifier", "subject key identifier"),
    ("X509v3 Authority Key Identifier", "authority key identifier"),
    ("X509v3 Key Usage", "key usage"),
    ("X509v3 Extended Key Usage", "extended key usage"),
    ("X509v3 Basic Constraints", "basic constraints"),
    ("X509v3 Subject Alternative Name", "subject alternative names"),
    ("X509v3 Issuer Alternative Name", "issuer alternative names"),
    ("X509v3 Name Constraints", "name constraints"),
    ("X509v3 Certificate Policies", "certificate policies"),
    ("X509v3 Policy Mappings", "policy mappings"),
    ("X509v3 Policy Constraints", "policy constraints"),
    ("X509v3 Inhibit Any Policy", "inhibit any policy"),
    ("X509v3 CRL Distribution Points", "CRL distribution points"),
    ("X509v3 Freshest CRL", "freshest CRL"),
    ("X509v3 Issuing Distribution Point", "issuing distribution point"),
    ("Authority Information Access", "authority information access"),
    ("Subject Information Access", "subject information access"),
    ("TLS Feature", "TLS feature"),
    ("CT Precertificate SCTs", "certificate transparency timestamps"),
    ("X509v3 CRL Number", "CRL number"),
    ("X509v3 Delta CRL Indicator", "delta CRL indicator"),
    ("X509v3 Private Key Usage Period", "private key usage period"),
    ("Netscape Cert Type", "Netscape certificate type"),
];

/// Lower case, without white space, colons, quotes and escapes: hexadecimal over many lines becomes one word.
fn flat(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !":\"\\".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// Times as we write them.
fn times(text: &str) -> String {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let time = Regex::new(r"([A-Z][a-z]{2}) +(\d+) (\d\d:\d\d:\d\d(?:\.\d+)?) (\d{4}) GMT").unwrap();
    time.replace_all(text, |found: &regex::Captures<'_>| {
        let month = months.iter().position(|month| *month == &found[1]).unwrap() + 1;
        format!("{}-{month:02}-{:0>2} {} UTC", &found[4], &found[2], &found[3])
    })
    .into_owned()
}

/// Text for `\xC5\x81`, which openssl writes within extensions.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend(rest[..at].bytes());
        bytes.push(u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap());
        rest = &rest[at + 4..];
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes).unwrap()
}

/// The parts of our block, and those of its extensions by their labels with `, critical`.
fn sections(block: &str) -> (String, BTreeMap<String, String>) {
    let mut extensions: BTreeMap<String, String> = BTreeMap::new();
    let (mut inside, mut last) = (false, String::new());
    for line in block.lines().skip(1) {
        let indent = line.len() - line.trim_start().len();
        match indent {
            2 => inside = line.trim_start().starts_with("extensions"),
            4 if inside => {
                last = line.trim().split("  ").next().unwrap().to_owned();
                extensions.insert(last.clone(), line.trim().to_owned());
            }
            _ if inside => extensions.get_mut(&last).unwrap().push_str(line.trim()),
            _ => {}
        }
    }
    (flat(block), extensions.into_iter().map(|(label, text)| (flat(&label), flat(&text))).collect())
}

/// All values in openssl's text that ours has not.
fn missing(openssl: &str, ours: &str) -> Vec<String> {
    let (all, extensions) = sections(ours);
    let heading = Regex::new(r"^(.+?): ?(critical)?$").unwrap();
    let dump = Regex::new(r"^[0-9a-f]{4} - ((?:[0-9a-f]{2}[ -]){1,16})").unwrap();
    let hex = Regex::new(r"^(?:[0-9A-Fa-f]{2}:)*[0-9A-Fa-f]{2}:?$").unwrap();
    let (mut lost, mut within, mut depth, mut bytes) = (Vec::new(), None::<String>, 0, String::new());
    let mut compared = 0;
    for line in openssl.lines().chain(["end"]) {
        let indent = line.len() - line.trim_start().len();
        let text = line.trim();
        let here = |within: &Option<String>| {
            match within {
                Some(label) => extensions.iter().find(|(name, _)| name.starts_with(label)).map_or("", |(_, text)| text),
                None => all.as_str(),
            }
            .to_owned()
        };
        if hex.is_match(text) && text.contains(':') {
            bytes.push_str(text);
            continue;
        }
        if let Some(found) = dump.captures(text) {
            bytes.push_str(&found[1].replace([' ', '-'], ""));
            continue;
        }
        if !bytes.is_empty() {
            compared += 1;
            // Numbers have a zero before them only where they need one.
            let word = flat(&bytes);
            if !here(&within).contains(word.strip_prefix("00").unwrap_or(&word)) {
                lost.push(format!("{within:?}: {bytes}"));
            }
            bytes.clear();
        }
        if within.is_some() && indent <= depth {
            within = None;
        }
        if text == "end" || text.is_empty() || HEADINGS.contains(&text) {
            continue;
        }
        // In an extension's place: at the depth at which extensions of certificates, CSRs and CRLs stand.
        if let Some(found) = heading.captures(text).filter(|_| [12, 16].contains(&indent) && within.is_none()) {
            let name = EXTENSIONS.iter().find(|(name, _)| *name == &found[1]).map(|(_, ours)| (*ours).to_owned());
            let named = name.clone().or_else(|| {
                let label = flat(&found[1]);
                let is_it = |known: &&String| [",", "("].iter().any(|end| known.starts_with(&format!("{label}{end}")));
                extensions.keys().find(|known| **known == label || is_it(known)).cloned()
            });
            if let Some(name) = named {
                let label = flat(&name);
                let has = extensions.keys().find(|known| known.starts_with(&label));
                let critical = found.get(2).is_some();
                if has.is_none_or(|known| known.ends_with(",critical") != critical) {
                    lost.push(format!("{text}: {has:?}"));
                }
                (within, depth, compared) = (Some(label), indent, compared + 1);
                continue;
            }
        }
        let mut said = unescaped(&times(text));
        if within.as_deref() == Some("policymappings") {
            said = said.replace(':', " ");
        }
        for (theirs, own) in WORDS {
            said = said.replace(theirs, &format!(" {own} "));
        }
        let place = here(&within);
        for word in said.split(|c: char| c.is_whitespace() || ",()<>/+;".contains(c)) {
            let address = word.trim_start_matches("IP:").parse::<Ipv6Addr>().map(|address| address.to_string());
            let address = address.ok().filter(|_| said.contains("IP:"));
            // Numbers in hexadecimal have an even number of digits with us.
            let word = flat(address.as_deref().unwrap_or(word.trim_start_matches("0x")));
            compared += 1;
            if word.contains(char::is_alphanumeric) && !place.contains(&word) {
                lost.push(format!("{within:?}: {text}: {word}"));
            }
        }
    }
    assert!(compared > 15, "{openssl}");
    lost
}

fn compare(folder: &Folder, kind: &str, file: &str) {
    let options = match kind {
        "x509" => "-noout -certopt ext_dump -nameopt oneline,-esc_msb,utf8,-space_eq",
        "req" => "-noout -reqopt ext_dump -nameopt oneline,-esc_msb,utf8,-space_eq",
        _ => "-noout -nameopt oneline,-esc_msb,utf8,-space_eq",
    };
    let theirs = folder.openssl(&format!("{kind} -in {file} -text {options}"));
    let ours = folder.ok(&format!("certinfo {file} -o details")).stdout;
    let lost = missing(&theirs, &ours);
    assert!(lost.is_empty(), "{file}: {lost:#?}\n{theirs}\n{ours}");
}

/// Every extension that openssl can write.
const ODD: &str = "[req]\ndistinguished_name=dn\nprompt=no\nutf8=yes\nstring_mask=utf8only\nx509_extensions=all\nattributes=att\nreq_extensions=asked\n\
    [dn]\nC=DE\nST=Łódź\nL=here\nO=a, b\nOU=one\n1.OU=two\nCN=odd 中文\nemailAddress=a@b.example\nserialNumber=42\ntitle=Dr\nGN=Given\nSN=Sur\nDC=example\nUID=u1\nstreet=street 1\npostalCode=12345\norganizationIdentifier=VAT-1\n\
    [att]\nchallengePassword=challenge\nunstructuredName=unstructured\n\
    [asked]\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectAltName=DNS:a.example,IP:10.0.0.1\nextendedKeyUsage=serverAuth,1.2.3.4.5\n1.2.3.4=ASN1:UTF8String:asked\n\
    [all]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always,issuer:always\nbasicConstraints=critical,CA:TRUE,pathlen:3\n\
    keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyAgreement,keyCertSign,cRLSign,encipherOnly,decipherOnly\n\
    extendedKeyUsage=critical,serverAuth,clientAuth,codeSigning,emailProtection,timeStamping,OCSPSigning,msSGC,nsSGC,anyExtendedKeyUsage,ipsecUser,1.2.3.4.5\n\
    subjectAltName=DNS:a.example,DNS:*.b.example,IP:10.0.0.1,IP:fd00::1,email:u@a.example,URI:spiffe://d/w,RID:1.2.3.4,otherName:msUPN;UTF8:u@d.example,otherName:1.3.6.1.4.1.99;IA5STRING:other,dirName:dir\n\
    issuerAltName=URI:http://issuer.example/\n\
    nameConstraints=critical,permitted;DNS:.example,permitted;IP:10.0.0.0/255.0.0.0,permitted;email:.example,excluded;URI:.bad.example,excluded;dirName:dir,excluded;IP:fd00::/ffff::\n\
    certificatePolicies=1.2.3.4,anyPolicy,@policy\npolicyMappings=1.2.3.4:1.2.3.5\npolicyConstraints=critical,requireExplicitPolicy:1,inhibitPolicyMapping:2\ninhibitAnyPolicy=critical,4\n\
    crlDistributionPoints=point1,point2\nfreshestCRL=URI:http://delta.example/d.crl\n\
    authorityInfoAccess=OCSP;URI:http://ocsp.example/,caIssuers;URI:http://ca.example/ca.crt\nsubjectInfoAccess=caRepository;URI:http://repo.example/\n\
    tlsfeature=status_request,status_request_v2,99\nnsCertType=client,server,email,objsign,sslCA,emailCA,objCA\nnsComment=a comment\nnsBaseUrl=http://base.example/\n\
    noCheck=ignored\n1.3.6.1.4.1.11129.2.4.2=DER:04:3b:00:39:00:37:00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f:20:00:00:01:a2:1c:b2:4d:e3:00:00:04:03:00:08:a0:a1:a2:a3:a4:a5:a6:a7\n1.2.3.4=ASN1:UTF8String:unknown\n1.2.3.5=critical,DER:30:03:02:01:05\n2.5.29.16=DER:30:22:80:0f:32:30:32:36:31:31:32:31:30:39:35:35:30:30:5a:81:0f:32:30:32:37:31:31:32:31:30:39:35:35:30:30:5a\n\
    [dir]\nC=DE\nO=dir\nCN=dir name\n[policy]\npolicyIdentifier=1.2.3.6\nCPS.1=http://cps.example/\nuserNotice.1=@notice\n[notice]\nexplicitText=UTF8:höflich\norganization=org\nnoticeNumbers=1,2\n\
    [point1]\nfullname=URI:http://crl.example/1.crl,URI:ldap://crl.example/cn=1\nCRLissuer=dirName:dir\nreasons=keyCompromise,CACompromise\n[point2]\nrelativename=relative\n[relative]\nCN=relative point\n";

#[test]
fn details_of_odd_certificates_and_csrs_hold_all_that_openssl_says() {
    let folder = Folder::new();
    folder.write("odd.cnf", ODD);
    for (name, key) in [
        ("rsa", "rsa:2048"),
        ("p256", "ec -pkeyopt ec_paramgen_curve:P-256"),
        ("p521", "ec -pkeyopt ec_paramgen_curve:P-521"),
        ("k1", "ec -pkeyopt ec_paramgen_curve:secp256k1"),
        ("spelled", "ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit"),
        ("ed25519", "ed25519"),
        ("ed448", "ed448"),
        ("rsa-pss", "rsa-pss -pkeyopt rsa_keygen_bits:2048"),
    ] {
        folder.openssl(&format!(
            "req -x509 -new -newkey {key} -nodes -keyout {name}.key -out {name}.pem -days 30 -config odd.cnf"
        ));
        compare(&folder, "x509", &format!("{name}.pem"));
        folder.openssl(&format!("req -new -key {name}.key -out {name}.csr -config odd.cnf"));
        compare(&folder, "req", &format!("{name}.csr"));
    }
    for (name, options) in [
        ("pss", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sha256"),
        ("pss384", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48 -sigopt rsa_mgf1_md:sha256 -sha384"),
        ("sha1", "-sha1"),
        ("serial", "-set_serial 0x7fffffffffffffffffffffffffffffffffffffff"),
        ("small", "-set_serial 1"),
    ] {
        let end = if name == "small" { "-days 40000" } else { "-days 30" };
        folder.openssl(&format!("req -x509 -new -key rsa.key -out {name}.pem {end} -config odd.cnf {options}"));
        compare(&folder, "x509", &format!("{name}.pem"));
    }
}

#[test]
fn details_of_what_we_issue_hold_all_that_openssl_says() {
    let folder = with_ca(r#"{"algo":"rsa","size":3072}"#);
    folder.write("leaf.json", r#"{"CN":"leaf","hosts":["leaf","10.0.0.1","u@leaf.example","spiffe://d/w"]}"#);
    compare(&folder, "x509", "ca.pem");
    for profile in ["server", "client", "peer", "everything", "intermediate"] {
        let ca = "-ca ca.pem -ca-key ca-key.pem -config config.json";
        folder.ok(&format!("gencert {ca} -profile {profile} leaf.json --out {profile}"));
        compare(&folder, "x509", &format!("{profile}.pem"));
        compare(&folder, "req", &format!("{profile}.csr"));
    }
    folder.write("revoked.txt", "42\n0x2b superseded 2026-01-31\n0x7fffffffffffffffffffff keyCompromise\n");
    folder.ok("gencrl revoked.txt ca.pem ca-key.pem --out ca.crl");
    compare(&folder, "crl", "ca.crl");
}

#[test]
fn details_of_odd_crls_hold_all_that_openssl_says() {
    let folder = Folder::new();
    folder.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 10 -subj /CN=ca",
    );
    folder.write("index", "R\t301231235959Z\t260101000000Z,keyCompromise\t01\tunknown\t/CN=a\nR\t301231235959Z\t260102000000Z,holdInstruction,holdInstructionReject\t0A\tunknown\t/CN=b\nR\t301231235959Z\t260103000000Z,CAkeyTime,20251231000000Z\t0B\tunknown\t/CN=c\nR\t301231235959Z\t260104000000Z\tFF00FF00FF00FF00FF00\tunknown\t/CN=d\n");
    folder.write("number", "1000\n");
    folder.write("ca.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ncrl_extensions=ext\n[ext]\nauthorityKeyIdentifier=keyid,issuer:always\nissuingDistributionPoint=critical,@idp\nissuerAltName=DNS:crl.example\ndeltaCRL=critical,ASN1:INTEGER:77\n[idp]\nfullname=URI:http://crl.example/1.crl\nonlyCA=TRUE\nindirectCRL=TRUE\nonlysomereasons=keyCompromise,CACompromise\n");
    let cnf = folder.read("ca.cnf").replace("deltaCRL=critical,ASN1:INTEGER:77", "2.5.29.27=critical,ASN1:INTEGER:77");
    folder.write("ca.cnf", cnf);
    folder.openssl("ca -gencrl -config ca.cnf -keyfile ca.key -cert ca.pem -crldays 7 -out ca.crl");
    compare(&folder, "crl", "ca.crl");
    let shown = folder.ok("certinfo ca.crl");
    assert!(shown.stdout.starts_with("CRL OF"), "{}", shown.stdout);
    assert_eq!(folder.json("certinfo ca.crl -o json")[0]["crl"]["revoked"], 4);
    // An empty list, in DER.
    folder.write("index", "");
    folder.openssl("ca -gencrl -config ca.cnf -keyfile ca.key -cert ca.pem -crldays 7 -out none.pem");
    folder.openssl("crl -in none.pem -outform DER -out none.crl");
    assert!(folder.ok("certinfo none.crl -o details").stdout.contains("revoked          0"));
}
