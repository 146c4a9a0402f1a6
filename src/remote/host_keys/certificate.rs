//! OpenSSH's host certificates (PROTOCOL.certkeys): who signed which key for which names, and until when.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::remote::host_keys::known_hosts::glob_matches;
use crate::remote::wire::{Wire, number};

/// What the type of a certified key ends in.
const SUFFIX: &str = "-cert-v01@openssh.com";
/// The kind of certificate that a host has; 1 is a user's.
const HOST: u32 = 2;

/// The algorithms that ask a server for its certificate, in order of preference.
pub const ALGORITHMS: [&str; 6] = [
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
];

/// A certificate, read and not judged yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// The certified key, as it is without a certificate.
    pub key: Vec<u8>,
    kind: u32,
    /// What its authority calls it.
    id: String,
    principals: Vec<&'a [u8]>,
    after: u64,
    before: u64,
    critical: &'a [u8],
    /// The authority's public key.
    pub authority: &'a [u8],
    signature: &'a [u8],
    signed: &'a [u8],
}

/// Whether a key in wire format comes with a certificate.
pub fn is_certified(key: &[u8]) -> bool {
    Wire(key).text().is_some_and(|kind| kind.ends_with(SUFFIX))
}

impl<'a> Certificate<'a> {
    /// Reads one from its wire format; none when it is not in it.
    pub fn parse(blob: &'a [u8]) -> Option<Self> {
        let mut wire = Wire(blob);
        let kind = wire.text()?.strip_suffix(SUFFIX)?;
        wire.string()?;
        let fields = match kind {
            "ssh-ed25519" => 1,
            "ssh-rsa" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => 2,
            _ => return None,
        };
        let mut key = Vec::new();
        put(&mut key, kind.as_bytes());
        for _ in 0..fields {
            put(&mut key, wire.string()?);
        }
        wire.u64()?;
        let kind = wire.u32()?;
        let id = String::from_utf8_lossy(wire.string()?).into_owned();
        let principals = Wire(wire.string()?).strings()?;
        let (after, before) = (wire.u64()?, wire.u64()?);
        let critical = wire.string()?;
        wire.string()?;
        wire.string()?;
        let authority = wire.string()?;
        let signed = &blob[..blob.len() - wire.0.len()];
        let signature = wire.string()?;
        let whole = wire.0.is_empty();
        whole.then_some(Certificate {
            key,
            kind,
            id,
            principals,
            after,
            before,
            critical,
            authority,
            signature,
            signed,
        })
    }

    /// Whether it proves that its key is that of the host `name`, at `now` (seconds since 1970); else why not.
    pub fn proves(&self, name: &str, now: u64) -> Result<(), String> {
        let named = |principal: &&[u8]| glob_matches(&principal.to_ascii_lowercase(), name.as_bytes());
        let id = &self.id;
        if self.is_signed() != Some(true) {
            Err(format!("the signature of the host certificate `{id}` is wrong, or of a kind that is not understood"))
        } else if self.kind != HOST {
            Err(format!("the certificate `{id}` is no host's"))
        } else if now < self.after {
            Err(format!("the host certificate `{id}` is not valid yet: look at the clocks"))
        } else if now >= self.before {
            Err(format!("the host certificate `{id}` has expired"))
        } else if !self.critical.is_empty() {
            Err(format!("the host certificate `{id}` has conditions that are not understood"))
        } else if !self.principals.is_empty() && !self.principals.iter().any(named) {
            let names: Vec<_> = self.principals.iter().map(|name| String::from_utf8_lossy(name)).collect();
            Err(format!("the host certificate `{id}` is for {}, not for {name}", names.join(", ")))
        } else {
            Ok(())
        }
    }

    fn is_signed(&self) -> Option<bool> {
        let mut key = Wire(self.authority);
        let mut signature = Wire(self.signature);
        let (kind, algorithm, signature) = (key.text()?, signature.text()?, signature.string()?);
        let verify = |verifier: &'static dyn VerificationAlgorithm, key: &[u8], signature: &[u8]| {
            UnparsedPublicKey::new(verifier, key).verify(self.signed, signature).is_ok()
        };
        Some(match (kind, algorithm) {
            ("ssh-ed25519", "ssh-ed25519") => verify(&ED25519, key.string()?, signature),
            ("ssh-rsa", "rsa-sha2-256" | "rsa-sha2-512") => {
                let (e, n) = (number(key.string()?), number(key.string()?));
                let verifier =
                    if algorithm == "rsa-sha2-256" { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PKCS1_2048_8192_SHA512 };
                RsaPublicKeyComponents { n, e }.verify(verifier, self.signed, signature).is_ok()
            }
            (curve, same) if curve == same => {
                let (verifier, size): (&'static dyn VerificationAlgorithm, usize) = match curve {
                    "ecdsa-sha2-nistp256" => (&ECDSA_P256_SHA256_FIXED, 32),
                    "ecdsa-sha2-nistp384" => (&ECDSA_P384_SHA384_FIXED, 48),
                    "ecdsa-sha2-nistp521" => (&ECDSA_P521_SHA512_FIXED, 66),
                    _ => return None,
                };
                key.string()?;
                verify(verifier, key.string()?, &fixed(signature, size)?)
            }
            _ => return None,
        })
    }
}

/// Both numbers of an ECDSA signature, each of `size` bytes.
fn fixed(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut wire = Wire(signature);
    let mut both = Vec::with_capacity(2 * size);
    for _ in 0..2 {
        let digits = number(wire.string()?);
        both.extend(std::iter::repeat_n(0, size.checked_sub(digits.len())?));
        both.extend_from_slice(digits);
    }
    Some(both)
}

/// Adds a `string`.
fn put(wire: &mut Vec<u8>, bytes: &[u8]) {
    wire.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    wire.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::remote::host_keys::known_hosts::decode_key;

    fn keygen(folder: &Path, arguments: &[&str]) {
        let status = Command::new("ssh-keygen").arg("-q").args(arguments).current_dir(folder).status().unwrap();
        assert!(status.success(), "{arguments:?}");
    }

    fn blob(file: &Path) -> Vec<u8> {
        decode_key(fs::read_to_string(file).unwrap().split_whitespace().nth(1).unwrap()).unwrap()
    }

    /// Every kind of authority signs every kind of key.
    #[test]
    fn what_ssh_keygen_signs_is_accepted_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let kinds = [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")];
        for (kind, bits) in kinds {
            keygen(at, &["-t", kind, "-b", bits, "-N", "", "-f", &format!("{kind}{bits}")]);
        }
        for (ca, ca_bits) in kinds {
            for (kind, bits) in kinds {
                let (ca, key) = (format!("{ca}{ca_bits}"), format!("{kind}{bits}"));
                let valid = ["-V", "20200101000000Z:20300101000000Z"];
                keygen(
                    at,
                    &[&["-s", &ca, "-h", "-I", "web", "-n", "web1,*.example.com"], &valid[..], &[&key]].concat(),
                );
                let blob_of_it = blob(&at.join(format!("{key}-cert.pub")));
                assert!(is_certified(&blob_of_it));
                let certificate = Certificate::parse(&blob_of_it).unwrap();
                assert_eq!(certificate.key, blob(&at.join(format!("{key}.pub"))));
                assert_eq!(certificate.authority, blob(&at.join(format!("{ca}.pub"))));
                let now = 1_700_000_000;
                assert_eq!(certificate.proves("web1", now), Ok(()), "{ca} signs {key}");
                assert_eq!(certificate.proves("a.example.com", now), Ok(()));
                let why = |name, now| certificate.proves(name, now).unwrap_err();
                assert_eq!(why("web2", now), "the host certificate `web` is for web1, *.example.com, not for web2");
                assert_eq!(why("web1", 1_900_000_000), "the host certificate `web` has expired");
                assert!(why("web1", 1_500_000_000).contains("not valid yet"));
                let mut changed = blob_of_it.clone();
                let at = changed.windows(4).position(|four| four == b"web1").unwrap();
                changed[at + 3] = b'2';
                let changed = Certificate::parse(&changed).unwrap();
                assert!(changed.proves("web2", now).unwrap_err().contains("signature"), "{ca} signs {key}");
                assert_eq!(Certificate::parse(&blob_of_it[..blob_of_it.len() - 1]), None);
            }
        }
    }

    #[test]
    fn a_users_certificate_is_no_hosts() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["ca", "key"] {
            keygen(folder.path(), &["-t", "ed25519", "-N", "", "-f", name]);
        }
        keygen(folder.path(), &["-s", "ca", "-I", "kim", "-n", "web1", "key"]);
        let blob = blob(&folder.path().join("key-cert.pub"));
        let why = Certificate::parse(&blob).unwrap().proves("web1", 1_900_000_000).unwrap_err();
        assert_eq!(why, "the certificate `kim` is no host's");
    }
}
