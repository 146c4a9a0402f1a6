//! Keys of archives: where they lie, and which of them count.

use std::fs;
use std::path::Path;

use super::known::FINGERPRINTS;
use super::openpgp::Keyring;
use crate::error::{Error, Result};
use crate::facts::Os;
use crate::files;

/// Folders of keyrings on Debian and its kin.
const FOLDERS: [&str; 3] = ["/usr/share/keyrings", "/etc/apt/keyrings", "/etc/apt/trusted.gpg.d"];
/// A keyring of Debian has 60 kB.
const LARGEST: u64 = 1 << 20;

/// Keys that an archive may be signed with.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    keyring: Keyring,
    /// They are those of a file that the inventory names, and no others count.
    named: bool,
}

impl Keys {
    /// Those of the file that the inventory names; or those of this machine that this program knows by their fingerprints.
    ///
    /// # Errors
    /// Input: the file cannot be read, or is no keyring.
    pub fn here(named: Option<&Path>) -> Result<Self> {
        let mut keys = Keys { keyring: Keyring::default(), named: named.is_some() };
        if let Some(path) = named {
            let refused = |why: String| {
                Error::input(format!("the keyring {} cannot be read: {why}", path.display()))
                    .hint("a file as `gpg --export` writes it, in ASCII armor or not")
            };
            let bytes = files::bounded::bytes(path).map_err(|e| refused(e.to_string()))?;
            keys.keyring.add(Keyring::read(&bytes).map_err(refused)?, |_| true);
            return Ok(keys);
        }
        for folder in FOLDERS {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
            paths.sort();
            let is_keyring = |path: &&std::path::PathBuf| {
                path.extension().is_some_and(|extension| ["gpg", "pgp", "asc"].iter().any(|known| extension == *known))
                    && fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() <= LARGEST)
            };
            for path in paths.iter().filter(is_keyring) {
                // What cannot be read has no key of ours.
                if let Ok(bytes) = files::bounded::bytes(path) {
                    keys.add(&bytes);
                }
            }
        }
        Ok(keys)
    }

    /// Takes those of a file in that this program knows by their fingerprints, whoever gave it.
    pub fn add(&mut self, bytes: &[u8]) {
        if let (false, Ok(keyring)) = (self.named, Keyring::read(bytes)) {
            self.keyring.add(keyring, |fingerprint| FINGERPRINTS.iter().any(|(known, _)| *known == fingerprint));
        }
    }

    /// Whether the inventory names them.
    pub fn are_named(&self) -> bool {
        self.named
    }

    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }
}

/// Files on a host that may have keys of its distribution.
pub(super) fn of_host(os: &Os) -> Vec<String> {
    let is_word = os.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let names = ["gpg", "pgp"].iter().filter(|_| is_word && !os.id.is_empty());
    names.map(|extension| format!("{}/{}-archive-keyring.{extension}", FOLDERS[0], os.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::openpgp::tests::Signer;

    #[test]
    fn only_keys_that_are_known_or_named_count() {
        let stranger = Signer::new(7);
        let mut keys = Keys::default();
        keys.add(&stranger.keyring());
        assert!(keys.keyring().is_empty());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.gpg");
        fs::write(&path, stranger.keyring()).unwrap();
        let keys = Keys::here(Some(&path)).unwrap();
        assert!(keys.are_named() && !keys.keyring().is_empty());
        fs::write(&path, "no key").unwrap();
        let error = Keys::here(Some(&path)).unwrap_err();
        assert!(error.message.contains("site.gpg cannot be read: "), "{error}");
    }

    #[test]
    fn a_host_is_asked_for_files_of_its_own_distribution_only() {
        let os = |id: &str| Os { id: id.into(), ..Os::default() };
        let expected =
            ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];
        assert_eq!(of_host(&os("debian")), expected);
        assert_eq!(of_host(&os("../x")), [""; 0]);
    }
}
