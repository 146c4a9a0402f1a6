//! Reading what is to be looked at, with all its defects: PEM and DER files byte for byte, the rest as `certinfo` reads
//! it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::key_file::KeyFile;
use super::view::View;
use crate::certs::{self, Settings, Source};
use crate::error::{Error, Result};
use crate::pki::{Key, is_pkcs12, pem, store};

/// Certificates and keys.
#[derive(Default)]
pub struct Inputs {
    pub(super) certificates: Vec<Raw>,
    pub(super) keys: Vec<KeyFile>,
    /// What could not be read at all.
    pub errors: Vec<Error>,
}

/// By its bytes, or its name where they are broken.
fn is_certificate(path: &Path, bytes: &[u8]) -> bool {
    let called = path.extension().is_some_and(|end| end == "der" || end == "crt" || end == "cer");
    called || View::of(bytes).is_some()
}

/// A certificate's bytes, whatever they are.
pub(super) struct Raw {
    pub(super) place: String,
    pub(super) der: Vec<u8>,
}

impl Inputs {
    /// Reads all sources. Among several files, one that holds neither certificate nor key is passed over.
    pub fn read(sources: &[Source], settings: Settings<'_>) -> Self {
        let mut inputs = Inputs::default();
        for source in sources {
            match source {
                Source::Path(path) if path.is_dir() => match certs::files(path, &mut inputs.errors) {
                    Ok(files) => files.iter().for_each(|file| inputs.file(file, false, settings)),
                    Err(error) => inputs.errors.push(error),
                },
                Source::Path(path) => inputs.file(path, sources.len() == 1, settings),
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

    fn file(&mut self, path: &Path, named: bool, settings: Settings<'_>) {
        match self.blocks(path, named) {
            Ok(true) => {}
            Ok(false) => self.other(&Source::Path(path.to_owned()), named, settings),
            Err(error) => self.errors.push(error),
        }
    }

    /// Whether the file was PEM or DER, and is done.
    fn blocks(&mut self, path: &Path, named: bool) -> Result<bool> {
        let place = path.display().to_string();
        let bytes = store::read(path)?;
        if bytes.starts_with(&[0x30]) && !is_pkcs12(&bytes) {
            match Key::from_der(&bytes, &place) {
                Ok(key) => self.key(path, "DER", false, &bytes, Some(key)),
                Err(_) if named || is_certificate(path, &bytes) => {
                    self.certificates.push(Raw { place, der: bytes.to_vec() });
                }
                // A CRL or CSR.
                Err(_) => {}
            }
            return Ok(true);
        }
        let begins = |label: &[u8]| bytes.windows(label.len()).any(|window| window == label);
        if !begins(b"CERTIFICATE-----") && !begins(b"PRIVATE KEY-----") {
            return Ok(false);
        }
        for block in pem::decode(&bytes, &place)? {
            match block.label.as_str() {
                "CERTIFICATE" | "X509 CERTIFICATE" => {
                    self.certificates.push(Raw { place: place.clone(), der: block.der.to_vec() });
                }
                label if label.ends_with("PRIVATE KEY") => {
                    let key = Key::from_der(&block.der, &place).ok();
                    self.key(path, label, block.encrypted, &block.der, key);
                }
                _ => {}
            }
        }
        Ok(true)
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
        let found = gathered.found.into_iter();
        self.certificates.extend(found.map(|f| Raw { place: f.place, der: f.certificate.der().to_vec() }));
        if named {
            self.errors.extend(gathered.errors);
        }
    }
}
