//! Java's own keystore (JKS): its certificates, which are not encrypted. Its keys are Java's secret.

use openssl::memcmp;
use openssl::sha::Sha1;

const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
/// JCEKS, whose secret keys are serialized objects of Java.
const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];
/// At the end stands SHA-1 of the password, this text and all before it.
const DIGEST: usize = 20;
const WHITENER: &[u8] = b"Mighty Aphrodite";
const KEY: u32 = 1;
const CERTIFICATE: u32 = 2;

/// Whether a file is a keystore of Java's own, of either kind.
pub(crate) fn is_keystore(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) || bytes.starts_with(&JCEKS)
}

/// Whether it is one that should be readable here, and is not.
pub(super) fn is_damaged(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) && certificates(bytes).is_none()
}

/// The DER of all certificates, in the order of the store; none where it cannot be read to its end.
pub(crate) fn certificates(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut store = Store(bytes);
    let magic = store.take(4)?;
    let version = store.number()?;
    if (magic != MAGIC && magic != JCEKS) || !(1..=2).contains(&version) {
        return None;
    }
    let mut all = Vec::new();
    for _ in 0..store.number()? {
        let kind = store.number()?;
        store.text()?;
        // When it was put there.
        store.take(8)?;
        match kind {
            KEY => {
                store.data()?;
                for _ in 0..store.number()? {
                    all.push(store.certificate(version)?);
                }
            }
            CERTIFICATE => all.push(store.certificate(version)?),
            _ => return None,
        }
    }
    (store.0.len() == DIGEST).then_some(all)
}

/// Whether nobody has changed the store who did not know its password: the digest at its end is of password and contents.
pub(crate) fn is_intact(bytes: &[u8], password: &str) -> bool {
    let Some((contents, digest)) = bytes.len().checked_sub(DIGEST).map(|at| bytes.split_at(at)) else { return false };
    let mut sha = Sha1::new();
    for unit in password.encode_utf16() {
        sha.update(&unit.to_be_bytes());
    }
    sha.update(WHITENER);
    sha.update(contents);
    memcmp::eq(&sha.finish(), digest)
}

/// What is left of a store; numbers are big-endian.
struct Store<'a>(&'a [u8]);

impl<'a> Store<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
    fn data(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(length.into())
    }
    fn certificate(&mut self, version: u32) -> Option<&'a [u8]> {
        // The type, which is X.509.
        if version == 2 {
            self.text()?;
        }
        self.data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn certificates_of_both_kinds_of_entries_are_read() {
        let number = |n: u32| n.to_be_bytes().to_vec();
        let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
        let certificate = |der: &[u8]| [text("X.509"), number(der.len() as u32), der.to_vec()].concat();
        let store = [
            MAGIC.to_vec(),
            number(2),
            number(2),
            [number(KEY), text("a"), vec![0; 8], number(3), vec![1, 2, 3], number(2)].concat(),
            certificate(b"leaf"),
            certificate(b"root"),
            [number(CERTIFICATE), text("b"), vec![0; 8]].concat(),
            certificate(b"other"),
            vec![0; 20],
        ]
        .concat();
        assert_eq!(certificates(&store).unwrap(), [b"leaf".as_slice(), b"root", b"other"]);
        for cut in [1, 20, 22] {
            assert_eq!(certificates(&store[..store.len() - cut]), None);
        }
    }

    #[test]
    fn the_digest_tells_a_changed_store() {
        let mut store = [&MAGIC[..], &[0, 0, 0, 2, 0, 0, 0, 0]].concat();
        let digest = openssl::sha::sha1(&[b"\0s\0e\0c\0r\0e\0t".as_slice(), WHITENER, &store].concat());
        store.extend(digest);
        assert!(is_intact(&store, "secret") && !is_intact(&store, "changeit"));
        store[11] = 1;
        assert!(!is_intact(&store, "secret") && !is_intact(b"short", "secret"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            certificates(&[MAGIC.as_slice(), &[0, 0, 0, 2, 0, 0], bytes.as_slice()].concat());
        }
    }
}
