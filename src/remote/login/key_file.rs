//! Private key files: which there are, and whether they need a passphrase.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::files::bounded;
use crate::remote::host_keys::certificate::Certificate;
use crate::remote::host_keys::known_hosts::{decode_key, key_type};

/// The keys that OpenSSH would try, in its order.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// A key file, read.
#[derive(Debug)]
pub struct KeyFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The file's text; wiped.
    pub text: Zeroizing<String>,
    /// Whether a passphrase is needed to use it.
    pub encrypted: bool,
}

/// Why a key file is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    Missing,
    /// It holds the public half, in wire format.
    Public(Vec<u8>),
    NotAKey,
    Unreadable(String),
}

impl KeyFile {
    /// Reads a key file. libssh2 answers a missing passphrase with "unsupported private key format", so whether one
    /// is needed is found out here.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let bytes = bounded::bytes(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unusable::Missing,
            _ => Unusable::Unreadable(error.to_string()),
        })?;
        let text = std::str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0')).ok_or(Unusable::NotAKey)?;
        if !text.contains("PRIVATE KEY-----") {
            return Err(public_key(text).map_or(Unusable::NotAKey, Unusable::Public));
        }
        Ok(KeyFile { path: path.to_owned(), text: Zeroizing::new(text.to_owned()), encrypted: is_encrypted(text) })
    }
}

impl Unusable {
    /// What is wrong with the file, in a few words.
    pub fn words(&self) -> String {
        match self {
            Unusable::Missing => "there is no such file".to_owned(),
            Unusable::Public(_) => "this is the public half of a key".to_owned(),
            Unusable::NotAKey => "not a private key".to_owned(),
            Unusable::Unreadable(why) => why.clone(),
        }
    }
    /// What to do about it.
    pub fn remedy(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Unusable::Missing => format!("correct the path {path}: a relative one starts at the inventory's folder"),
            Unusable::Public(_) => {
                format!("name the private key, the file without `.pub`, instead of {path}, or load it into the agent")
            }
            Unusable::NotAKey => format!("{path} must be a private key in OpenSSH's format or PEM"),
            Unusable::Unreadable(_) => format!("let {path} be read by the user who runs this"),
        }
    }
}

/// A certificate of a user's key.
#[derive(Debug, Clone)]
pub struct CertificateFile {
    pub path: PathBuf,
    /// The file's text, one line.
    pub text: String,
    /// In wire format.
    pub blob: Vec<u8>,
    /// The key that it is for.
    pub key: Vec<u8>,
}

impl CertificateFile {
    /// Reads one; none when there is none.
    pub fn read(path: &Path) -> Option<Self> {
        let text = bounded::text(path).ok()?;
        let blob = public_key(&text)?;
        let key = Certificate::parse(&blob)?.key;
        Some(CertificateFile { path: path.to_owned(), text, blob, key })
    }
}

/// The certificate's usual place beside its key.
pub fn certificate_beside(path: &Path) -> PathBuf {
    beside(path, "-cert.pub")
}

/// The key files to try: those that were named, else the usual ones that exist.
pub fn candidates(named: &[PathBuf], home: Option<&Path>) -> Vec<PathBuf> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let usual =
        |home: &Path| USUAL.map(|name| home.join(".ssh").join(name)).into_iter().filter(|path| path.exists()).collect();
    home.map(usual).unwrap_or_default()
}

/// The public key that lies beside a private one as `<name>.pub`.
pub fn public_half(path: &Path) -> Option<Vec<u8>> {
    public_key(&bounded::text(&beside(path, ".pub")).ok()?)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The key of a public key file: its type, the key, a comment.
fn public_key(text: &str) -> Option<Vec<u8>> {
    let mut words = text.split_ascii_whitespace();
    let kind = words.next()?;
    decode_key(words.next()?).filter(|key| key_type(key) == kind)
}

/// Whether a private key in PEM needs a passphrase: PKCS#8 and RFC 1421 say so in their headers, OpenSSH's own format
/// (PROTOCOL.key) names its cipher behind the magic.
fn is_encrypted(text: &str) -> bool {
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return true;
    }
    openssh_cipher(text).is_some_and(|cipher| cipher != b"none")
}

fn openssh_cipher(text: &str) -> Option<Vec<u8>> {
    let (_, body) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?;
    let (body, _) = body.split_once("-----END")?;
    let body: Zeroizing<Vec<u8>> = Zeroizing::new(body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    let key = Zeroizing::new(STANDARD.decode(body.as_slice()).ok()?);
    let rest = key.strip_prefix(b"openssh-key-v1\0")?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*length) as usize).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use std::fs;

    use super::*;

    fn made(folder: &Path, name: &str, arguments: &[&str]) -> KeyFile {
        let path = folder.join(name);
        let status = Command::new("ssh-keygen").args(["-q", "-f"]).arg(&path).args(arguments).status().unwrap();
        assert!(status.success());
        KeyFile::read(&path).unwrap()
    }

    #[test]
    fn what_has_no_end_is_no_key() {
        let endless = Path::new("/dev/zero");
        let why = KeyFile::read(endless).err().map(|unusable| unusable.words()).unwrap_or_default();
        assert!(why.starts_with("it is larger than 64 MiB"), "{why}");
        assert!(CertificateFile::read(endless).is_none());
    }

    #[test]
    fn encryption_is_seen_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, arguments: &[&str]| made(folder.path(), name, arguments).encrypted;
        assert!(!at("plain", &["-t", "ed25519", "-N", ""]));
        assert!(at("locked", &["-t", "ed25519", "-N", "secret"]));
        assert!(!at("pem", &["-t", "ecdsa", "-m", "PEM", "-N", ""]));
        assert!(at("pem-locked", &["-t", "ecdsa", "-m", "PEM", "-N", "secret"]));
        assert!(at("pkcs8-locked", &["-t", "ecdsa", "-m", "PKCS8", "-N", "secret"]));
    }

    #[test]
    fn what_is_no_key_file_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        made(folder.path(), "key", &["-t", "ed25519", "-N", ""]);
        let at = |name: &str| folder.path().join(name);
        let why = |name: &str| KeyFile::read(&at(name)).unwrap_err();
        assert!(matches!(why("key.pub"), Unusable::Public(key) if Some(&key) == public_half(&at("key")).as_ref()));
        fs::write(at("text"), "ssh-ed25519 AAAA").unwrap();
        assert_eq!((why("text"), why("missing")), (Unusable::NotAKey, Unusable::Missing));
    }

    #[test]
    fn named_keys_replace_the_usual_ones() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".ssh")).unwrap();
        fs::write(folder.path().join(".ssh/id_rsa"), "").unwrap();
        assert_eq!(candidates(&["/k".into()], Some(folder.path())), [PathBuf::from("/k")]);
        assert_eq!(candidates(&[], Some(folder.path())), [folder.path().join(".ssh/id_rsa")]);
        assert!(candidates(&[], None).is_empty());
    }
}
