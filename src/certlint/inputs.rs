//! Reading what is to be looked at, with all its defects: PEM and DER files byte for byte, the rest as `certinfo` reads
//! it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::view::KeyFile;
use super::view::View;
use crate::certs::{self, Asked, LARGEST, Settings, Sort, Source, was_certificate};
use crate::error::Error;
use crate::files;
use crate::pki::{Certificate, Key, forms, is_certificate, is_pkcs12};

/// Certificates and keys.
#[derive(Default)]
pub struct Inputs {
    pub(super) certificates: Vec<Raw>,
    pub(super) keys: Vec<KeyFile>,
    /// What could not be read at all.
    pub errors: Vec<Error>,
    /// Files and folders within folders that could not be read.
    pub locked: Vec<Error>,
}

/// By its bytes, or its name where they are broken.
fn is_bare_certificate(path: &Path, bytes: &[u8]) -> bool {
    let called = path.extension().is_some_and(|end| end == "der" || end == "crt" || end == "cer");
    called || View::of(bytes).is_some()
}

/// A certificate's bytes, whatever they are.
#[derive(Default)]
pub(super) struct Raw {
    pub(super) place: String,
    /// Empty where not even the PEM block can be read.
    pub(super) der: Vec<u8>,
    /// What is wrong with the PEM block.
    pub(super) damage: Option<String>,
    /// It is from a store or a kubeconfig, whose order means nothing.
    pub(super) unordered: bool,
    /// What the server was asked by that showed it.
    pub(super) asked: Option<String>,
}

impl Inputs {
    /// One certificate that is at hand, in no place, and the CAs above it.
    pub fn of(certificate: &Certificate, above: &[Certificate]) -> Self {
        let raw = |certificate: &Certificate, place: &str| {
            let der = certificate.der().to_vec();
            Raw { place: place.to_owned(), der, ..Raw::default() }
        };
        let cas = above.iter().map(|ca| raw(ca, "a CA above it"));
        Inputs { certificates: std::iter::once(raw(certificate, "")).chain(cas).collect(), ..Inputs::default() }
    }

    /// Reads all sources. Among several files, one that holds neither certificate nor key is passed over.
    pub fn read(sources: &[Source], settings: Settings<'_>) -> Self {
        let mut inputs = Inputs::default();
        for source in sources {
            match source {
                Source::Path(path) if path.is_dir() => match certs::files(path, &mut inputs.locked) {
                    Ok(files) => files.iter().for_each(|file| inputs.file(file, Asked::InFolder, settings)),
                    Err(error) => inputs.errors.push(error),
                },
                Source::Path(path) => inputs.file(path, Asked::among(sources.len()), settings),
                Source::StandardInput | Source::Server(_) => inputs.other(source, true, settings),
            }
        }
        inputs
    }

    /// How many certificates and keys there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.certificates.len(), self.keys.len())
    }

    /// The certificate that a key lies beside (`a.pem` of `a-key.pem`, `a.crt` of `a.key`) or in one file with.
    pub(super) fn certificate_of(&self, key: &KeyFile) -> Option<usize> {
        let path = Path::new(&key.place);
        let stem = path.file_stem()?.to_str()?;
        let stem = stem.strip_suffix("-key").unwrap_or(stem);
        let beside = |end: &str| path.with_file_name(format!("{stem}.{end}"));
        let places: [PathBuf; 4] = [path.to_owned(), beside("pem"), beside("crt"), beside("cer")];
        places.iter().find_map(|place| self.certificates.iter().position(|raw| Path::new(&raw.place) == place))
    }

    fn file(&mut self, path: &Path, asked: Asked, settings: Settings<'_>) {
        if asked != Asked::Alone && path.metadata().is_ok_and(|metadata| metadata.len() > LARGEST) {
            return;
        }
        match files::read(path) {
            Ok(bytes) if self.blocks(path, &bytes, asked) => {}
            Ok(_) => {
                let before = self.certificates.len();
                self.other(&Source::Path(path.to_owned()), asked == Asked::Alone, settings);
                self.certificates[before..].iter_mut().for_each(|raw| raw.unordered = true);
            }
            Err(error) if asked == Asked::InFolder => self.locked.push(error),
            Err(error) => self.errors.push(certs::missing(path, error)),
        }
    }

    /// Whether the file was PEM or DER, and is done.
    fn blocks(&mut self, path: &Path, bytes: &[u8], asked: Asked) -> bool {
        let place = path.display().to_string();
        let form = forms::label(bytes).filter(|_| !is_pkcs12(bytes));
        if let Some(label) = form.filter(|label| label.ends_with("PRIVATE KEY")) {
            self.key(path, label, false, bytes, Key::from_der(bytes, &place).ok());
            return true;
        }
        if matches!(form, Some("CERTIFICATE REQUEST" | "X509 CRL" | "PUBLIC KEY")) {
            return false;
        }
        if bytes.starts_with(&[0x30]) && !is_pkcs12(bytes) && form != Some("PKCS7") {
            if asked == Asked::Alone || is_bare_certificate(path, bytes) {
                self.certificate(place, bytes, None);
            }
            return true;
        }
        let begins = |label: &[u8]| bytes.windows(label.len()).any(|window| window == label);
        let bag = form == Some("PKCS7") || begins(b"PKCS7-----") || begins(b"CMS-----");
        if !begins(b"CERTIFICATE-----") && !begins(b"PRIVATE KEY-----") && !bag {
            return false;
        }
        let was = |base64: &[u8]| asked == Asked::Alone || was_certificate(path, base64);
        for block in forms::each(bytes, &place) {
            match block {
                Ok(block) if is_certificate(&block.label) && (View::of(&block.der).is_some() || was(&block.base64)) => {
                    self.certificate(place.clone(), &block.der, None);
                }
                Err(block) if is_certificate(&block.label) && was(&block.base64) => {
                    self.certificate(place.clone(), &[], Some(block.error.message));
                }
                Ok(block) if block.label.ends_with("PRIVATE KEY") => {
                    let key = Key::from_der(&block.der, &place).ok();
                    self.key(path, &block.label, block.encrypted, &block.der, key);
                }
                Err(block) if block.label.ends_with("PRIVATE KEY") => self.errors.push(*block.error),
                _ => {}
            }
        }
        true
    }

    fn certificate(&mut self, place: String, der: &[u8], damage: Option<String>) {
        self.certificates.push(Raw { place, der: der.to_vec(), damage, ..Raw::default() });
    }

    fn key(&mut self, path: &Path, label: &str, legacy_encryption: bool, der: &[u8], key: Option<Key>) {
        self.keys.push(KeyFile {
            place: path.display().to_string(),
            mode: path.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o777),
            label: label.to_owned(),
            legacy_encryption,
            der: der.to_vec().into(),
            public: key.map(|key| key.public().spki().to_vec()),
        });
    }

    fn other(&mut self, source: &Source, named: bool, settings: Settings<'_>) {
        let gathered = certs::gather(std::slice::from_ref(source), settings);
        for found in gathered.found {
            let der = found.certificate.der().to_vec();
            self.certificates.push(Raw { place: found.place, der, asked: found.host, ..Raw::default() });
        }
        if named {
            self.errors.extend(gathered.errors);
            self.errors.extend(gathered.related.iter().map(|related| {
                let what = if related.sort == Sort::Request { "a CSR" } else { "a CRL" };
                Error::pki(format!("{}: it is {what}, which no rule looks at", related.place))
                    .hint("certinfo -o details shows what is in it")
            }));
        }
    }
}
