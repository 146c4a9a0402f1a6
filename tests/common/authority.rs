//! Certificates made by openssl, so that what we read was not written by ourselves.

use std::path::{Path, PathBuf};
use std::process::Command;

use kbootstrap::clients::http::Identity;
use kbootstrap::secret::Secret;

/// A certificate authority in a folder.
pub struct Authority {
    dir: PathBuf,
}

/// The files of a certificate.
pub struct Issued {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    /// Makes a P-256 CA with the common name in a folder of its own below `dir`.
    pub fn new(dir: &Path, name: &str) -> Authority {
        let dir = dir.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        let authority = Authority { dir };
        authority.key("ca", "ec:P-256");
        authority.openssl(&format!(
            "req -x509 -new -key ca.key -out ca.crt -days 30 -subj /CN={name} -addext keyUsage=critical,keyCertSign,cRLSign"
        ));
        authority
    }

    pub fn cert(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// Issues a certificate for servers and clients. `key` is `ec:P-256` (PKCS#8), `sec1:P-521`, `pkcs1:2048`…;
    /// `names` is a list such as `IP:127.0.0.1,DNS:localhost`, or empty.
    pub fn issue(&self, file: &str, key: &str, subject: &str, names: &str, days: i32) -> Issued {
        self.key(file, key);
        let mut extensions = "extendedKeyUsage=serverAuth,clientAuth\n".to_owned();
        if !names.is_empty() {
            extensions.push_str(&format!("subjectAltName={names}\n"));
        }
        std::fs::write(self.dir.join(format!("{file}.ext")), extensions).unwrap();
        self.openssl(&format!("req -new -key {file}.key -subj {subject} -out {file}.csr"));
        self.openssl(&format!(
            "x509 -req -in {file}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days {days} -extfile {file}.ext -out {file}.crt"
        ));
        let path = |end: &str| self.dir.join(format!("{file}.{end}"));
        Issued { cert: path("crt"), key: path("key") }
    }

    /// As [`Authority::issue`], for use by the client: this CA is the one that it trusts.
    pub fn identity(&self, file: &str, key: &str, subject: &str) -> Identity {
        self.identity_of(&self.issue(file, key, subject, "", 10))
    }

    /// An identity from files, which trusts this CA.
    pub fn identity_of(&self, issued: &Issued) -> Identity {
        let read = |path: &Path| std::fs::read(path).unwrap();
        Identity { ca_pem: read(&self.cert()), cert_pem: read(&issued.cert), key_pem: Secret::new(read(&issued.key)) }
    }

    fn key(&self, file: &str, key: &str) {
        let (form, size) = key.split_once(':').unwrap();
        let make = match form {
            "ec" => format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{size}"),
            "ed" => "genpkey -algorithm ED25519".to_owned(),
            "sec1" => format!("ecparam -name {size} -genkey -noout"),
            "pkcs1" => return self.openssl(&format!("genrsa -traditional -out {file}.key {size}")),
            other => panic!("no such key: {other}"),
        };
        self.openssl(&format!("{make} -out {file}.key"));
    }

    fn openssl(&self, line: &str) {
        let output = Command::new("openssl").args(line.split(' ')).current_dir(&self.dir).output().unwrap();
        assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
