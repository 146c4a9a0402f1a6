//! Certificates with exactly the parts that a test wants, however wrong, properly signed all the same.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use rcgen::{KeyPair, PublicKeyData, SigningKey};
use time::OffsetDateTime;

use crate::pki_tools::Folder;

/// An extension: type, criticality, DER.
pub type Extension = (&'static [u64], bool, Vec<u8>);

pub const SKI: &[u64] = &[2, 5, 29, 14];
pub const KU: &[u64] = &[2, 5, 29, 15];
pub const SAN: &[u64] = &[2, 5, 29, 17];
pub const BC: &[u64] = &[2, 5, 29, 19];
pub const NC: &[u64] = &[2, 5, 29, 30];
pub const AKI: &[u64] = &[2, 5, 29, 35];
pub const AIA: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
pub const CRL: &[u64] = &[2, 5, 29, 31];
pub const POLICIES: &[u64] = &[2, 5, 29, 32];
pub const EKU: &[u64] = &[2, 5, 29, 37];
pub const SERVER_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
pub const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];

/// The parts of a certificate.
#[derive(Clone)]
pub struct Recipe {
    pub version: Option<u8>,
    pub serial: Vec<u8>,
    pub inner: Vec<u8>,
    pub outer: Vec<u8>,
    pub issuer: Vec<u8>,
    pub begin: Vec<u8>,
    pub end: Vec<u8>,
    pub subject: Vec<u8>,
    pub spki: Vec<u8>,
    pub extensions: Vec<Extension>,
}

impl Recipe {
    /// A root CA without a fault.
    pub fn ca(key: &KeyPair) -> Self {
        let extensions = vec![
            (KU, true, vec![3, 2, 1, 0b110]),
            (BC, true, sequence(&[&tlv(1, &[0xff])])),
            (SKI, false, tlv(4, &[1; 20])),
        ];
        Recipe { extensions, ..Self::plain(key, name("lint ca"), name("lint ca"), 1000) }
    }

    /// A server's certificate of that CA without a fault.
    pub fn leaf(key: &KeyPair) -> Self {
        let extensions = vec![
            (KU, true, vec![3, 2, 7, 0x80]),
            (EKU, false, sequence(&[&oid(SERVER_AUTH)])),
            (BC, true, sequence(&[])),
            (SKI, false, tlv(4, &[2; 20])),
            (AKI, false, sequence(&[&tlv(0x80, &[1; 20])])),
            (SAN, false, sequence(&[&dns("leaf.example")])),
        ];
        Recipe { extensions, ..Self::plain(key, name("lint ca"), name("leaf"), 90) }
    }

    fn plain(key: &KeyPair, issuer: Vec<u8>, subject: Vec<u8>, days: i64) -> Self {
        let ecdsa_sha256 = sequence(&[&oid(&[1, 2, 840, 10045, 4, 3, 2])]);
        let now = OffsetDateTime::now_utc();
        Recipe {
            version: Some(2),
            serial: vec![0x5a; 16],
            inner: ecdsa_sha256.clone(),
            outer: ecdsa_sha256,
            issuer,
            begin: utc(now - time::Duration::HOUR),
            end: utc(now + time::Duration::days(days)),
            subject,
            spki: key.subject_public_key_info(),
            extensions: Vec::new(),
        }
    }

    /// Replaces the value of an extension, or adds it.
    pub fn set(&mut self, oid: &'static [u64], critical: bool, value: Vec<u8>) {
        match self.extensions.iter_mut().find(|e| e.0 == oid) {
            Some(extension) => *extension = (oid, critical, value),
            None => self.extensions.push((oid, critical, value)),
        }
    }

    pub fn without(&mut self, oid: &'static [u64]) {
        self.extensions.retain(|e| e.0 != oid);
    }

    /// Its only names.
    pub fn names(&mut self, names: &[Vec<u8>]) {
        self.set(SAN, false, sequence(&names.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    }

    pub fn lives(&mut self, from: i64, to: i64) {
        let now = OffsetDateTime::now_utc();
        self.begin = utc(now + time::Duration::days(from));
        self.end = utc(now + time::Duration::days(to));
    }

    /// Signed with the key.
    pub fn der(&self, key: &KeyPair) -> Vec<u8> {
        let extension = |(id, critical, value): &Extension| {
            let flag = if *critical { tlv(1, &[0xff]) } else { Vec::new() };
            sequence(&[&oid(id), &flag, &tlv(4, value)])
        };
        let extensions: Vec<u8> = self.extensions.iter().flat_map(extension).collect();
        let tbs = sequence(&[
            &self.version.map(|v| tlv(0xa0, &tlv(2, &[v]))).unwrap_or_default(),
            &tlv(2, &self.serial),
            &self.inner,
            &self.issuer,
            &sequence(&[&self.begin, &self.end]),
            &self.subject,
            &self.spki,
            &if extensions.is_empty() { Vec::new() } else { tlv(0xa3, &tlv(0x30, &extensions)) },
        ]);
        let signature = key.sign(&tbs).unwrap();
        sequence(&[&tbs, &self.outer, &tlv(3, &[&[0], signature.as_slice()].concat())])
    }
}

/// One value.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        n @ 0..=0x7f => vec![n as u8],
        n @ 0x80..=0xff => vec![0x81, n as u8],
        n => vec![0x82, (n >> 8) as u8, n as u8],
    };
    [&[tag], length.as_slice(), content].concat()
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut content = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for &arc in &arcs[2..] {
        let mut digits = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            digits.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        content.extend(digits.iter().rev());
    }
    tlv(6, &content)
}

pub fn dns(name: &str) -> Vec<u8> {
    tlv(0x82, name.as_bytes())
}

/// A distinguished name of one attribute.
pub fn attribute(kind: &[u64], tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x31, &sequence(&[&oid(kind), &tlv(tag, value)]))
}

/// `CN=…`, as UTF8String.
pub fn name(cn: &str) -> Vec<u8> {
    tlv(0x30, &attribute(&[2, 5, 4, 3], 0x0c, cn.as_bytes()))
}

pub fn utc(time: OffsetDateTime) -> Vec<u8> {
    tlv(0x17, &digits(time).as_bytes()[2..])
}

pub fn generalized(time: OffsetDateTime) -> Vec<u8> {
    tlv(0x18, digits(time).as_bytes())
}

fn digits(time: OffsetDateTime) -> String {
    let (date, month) = (time.date(), u8::from(time.month()));
    let clock = (time.hour(), time.minute(), time.second());
    format!("{}{month:02}{:02}{:02}{:02}{:02}Z", date.year(), date.day(), clock.0, clock.1, clock.2)
}

pub fn p256() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

/// A folder with `ca.der`, `ca.pem`, `leaf.der` and `leaf.pem`.
pub fn folder(ca: &[u8], leaf: &[u8]) -> Folder {
    let folder = Folder::new();
    for (name, der) in [("ca", ca), ("leaf", leaf)] {
        folder.write(&format!("{name}.der"), der);
        folder.write(&format!("{name}.pem"), pem::encode(&pem::Pem::new("CERTIFICATE", der)));
    }
    folder
}

/// What Go says of `leaf.der` below `ca.der`, asked for as that host: `ok`, or its error.
pub fn go(folder: &Folder, host: &str) -> String {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("golint");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go-lint");
        let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(source).output();
        let built = built.expect("Go is needed for this test");
        assert!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr));
        program
    });
    let ran = Command::new(program).args(["ca.der", "leaf.der", host]).current_dir(folder.path("")).output().unwrap();
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

/// What `openssl verify` says of `leaf.pem` below `ca.pem`.
pub fn openssl(folder: &Folder, options: &str) -> String {
    let ran = folder.try_openssl(&format!("verify {options} -CAfile ca.pem leaf.pem"));
    ran.stdout + &ran.stderr
}
