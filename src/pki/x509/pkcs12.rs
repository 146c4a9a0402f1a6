//! PKCS#12 (RFC 7292): a key with its chain, or certificates that Java trusts, in one file under one password.

use p12_keystore::{
    Certificate as Bag, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive, PrivateKey,
    PrivateKeyChain,
};

use openssl::pkcs12::Pkcs12;
use openssl::provider::Provider;

use super::certificate::Certificate;
use crate::error::{Error, Result};
use crate::pki::encoding::pem;
use crate::pki::key::encrypted::{MOST_WORK, work, work_of_all};
use crate::pki::key::private_key::Key;
use crate::pki::key::scheme;
use crate::secret::Secret;

/// Rounds of key derivation, for the contents and for the integrity check: ten times Java's and fifty times OpenSSL's
/// own, and still a fraction of a second.
const ROUNDS: u32 = 100_000;

/// All certificates of a PKCS#12 file, in its order. `what` names the file in errors.
pub fn certificates(bytes: &[u8], what: &str, password: &Secret) -> Result<Vec<Certificate>> {
    let password = text(password, what)?;
    if work_of_all(bytes) > MOST_WORK {
        return Err(too_long(what));
    }
    match Pkcs12Archive::from_pkcs12(bytes, password) {
        Ok(archive) => archive.certs.iter().map(|bag| Certificate::from_der(bag.cert.as_der(), what)).collect(),
        Err(p12_keystore::error::Error::MacError(_) | p12_keystore::error::Error::Pkcs5Error(_)) => {
            Err(pem::wrong_password(what))
        }
        Err(other) => by_openssl(bytes, what, password, &other),
    }
}

fn too_long(what: &str) -> Error {
    Error::pki(format!("{what}: deriving the store's keys from its password would take too long"))
}

/// Of a store under older or rarer ciphers, which OpenSSL knows.
fn by_openssl(
    bytes: &[u8],
    what: &str,
    password: &str,
    first: &p12_keystore::error::Error,
) -> Result<Vec<Certificate>> {
    if work(bytes) > MOST_WORK {
        return Err(too_long(what));
    }
    if password.contains('\0') {
        return Err(pem::wrong_password(what));
    }
    let _old = Provider::try_load(None, "legacy", true);
    let read = Pkcs12::from_der(bytes).and_then(|store| store.parse2(password));
    let Ok(read) = read else {
        let ciphers = scheme::names_within(bytes);
        let why = match ciphers.is_empty() {
            // Its words tell of structures, not of contents.
            true => format!("the PKCS#12 file cannot be read: {first}"),
            false => format!(
                "the PKCS#12 file cannot be read: the password is not the right one, or its encryption ({}) is not \
                 supported",
                ciphers.join(", ")
            ),
        };
        return Err(Error::pki(format!("{what}: {why}"))
            .hint("write it again: openssl pkcs12 -legacy -in FILE -out x.pem, then openssl pkcs12 -export -in x.pem -out NEW"));
    };
    let leaf = read.cert.into_iter().map(|leaf| leaf.to_der());
    let others = read.ca.iter().flatten().map(|other| other.to_der());
    let all = leaf.chain(others).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|_| Error::internal("write a certificate of a PKCS#12 store"))?;
    all.iter().map(|der| Certificate::from_der(der, what)).collect()
}

/// A key with its chain (the leaf first), encrypted with AES-256 and PBKDF2-SHA256, as OpenSSL 3 and Java do.
pub fn key_store(alias: &str, key: &Key, chain: &[Certificate], password: &Secret) -> Result<Secret> {
    let plain = key.to_pkcs8_pem();
    let blocks = pem::decode(plain.expose(), "the key")?;
    let private = PrivateKey::from_der(&blocks[0].der).map_err(failed)?;
    let bags = chain.iter().map(bag).collect::<Result<Vec<_>>>()?;
    let entry = PrivateKeyChain::new(key.public().key_id(), private, bags);
    let mut store = KeyStore::new();
    store.add_entry(alias, KeyStoreEntry::PrivateKeyChain(entry));
    write(&store, password)
}

/// Certificates that a JVM trusts: each has Oracle's trusted-key-usage attribute, without which Java ignores it.
pub fn trust_store(alias: &str, authorities: &[Certificate], password: &Secret) -> Result<Secret> {
    let mut store = KeyStore::new();
    for (i, authority) in authorities.iter().enumerate() {
        let alias = if i == 0 { alias.to_owned() } else { format!("{alias}-{}", i + 1) };
        store.add_entry(&alias, KeyStoreEntry::Certificate(bag(authority)?));
    }
    write(&store, password)
}

/// Refuses what Java would not take as a store's password.
pub fn check_password(password: &Secret) -> Result<()> {
    match text(password, "the store")?.chars().count() {
        ..6 => Err(Error::input("the store's password has fewer than 6 characters")
            .hint("Java takes no shorter ones for a PKCS#12 store")),
        _ => Ok(()),
    }
}

fn write(store: &KeyStore, password: &Secret) -> Result<Secret> {
    check_password(password)?;
    let writer = store
        .writer(text(password, "the store")?)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ROUNDS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ROUNDS);
    writer.write().map(Secret::new).map_err(failed)
}

fn bag(certificate: &Certificate) -> Result<Bag> {
    Bag::from_der(certificate.der()).map_err(failed)
}

fn failed(error: p12_keystore::error::Error) -> Error {
    Error::internal(format!("write PKCS#12: {error}"))
}

fn text<'a>(password: &'a Secret, what: &str) -> Result<&'a str> {
    std::str::from_utf8(password.expose()).map_err(|_| Error::input(format!("{what}: the password is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures;
    use proptest::prelude::*;

    #[test]
    fn stores_are_read_back_with_their_password_only() {
        let key = fixtures::key();
        let root = fixtures::root(&fixtures::named("根 ca"), &key);
        let password = Secret::new("pässword".as_bytes());
        for file in [
            key_store("a", &key, std::slice::from_ref(&root), &password).unwrap(),
            trust_store("a", std::slice::from_ref(&root), &password).unwrap(),
        ] {
            assert!(pem::is_pkcs12(file.expose()) && !pem::is_pkcs12(root.der()));
            assert_eq!(certificates(file.expose(), "x", &password).unwrap(), std::slice::from_ref(&root));
            let error = certificates(file.expose(), "a.p12", &Secret::new(*b"wrong one")).unwrap_err();
            assert_eq!(error.message, "a.p12: the password is not the right one, or the file is damaged");
        }
        assert!(trust_store("a", &[root], &Secret::new(*b"short")).is_err());
    }

    /// Each of them alone would be read.
    #[test]
    fn many_parts_of_much_work_are_refused() {
        let wrap = |tag: u8, inner: &[u8]| {
            let length = u32::try_from(inner.len()).unwrap().to_be_bytes();
            [&[tag, 0x84], &length[..], inner].concat()
        };
        // PBES2 (RFC 8018 A.4): a salt, and a million rounds.
        let oid = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
        let parameters = wrap(0x30, &[4, 1, 0, 2, 3, 0x0f, 0x42, 0x40]);
        let scheme = wrap(0x30, &[&oid[..], &parameters].concat());
        let store = |parts: usize| wrap(0x30, &scheme.repeat(parts));
        let said = |parts| certificates(&store(parts), "x", &Secret::new(*b"p")).unwrap_err().message;
        assert!(!said(20).contains("too long"), "{}", said(20));
        assert_eq!(said(21), "x: deriving the store's keys from its password would take too long");
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = certificates(&bytes, "x", &Secret::new(*b"p"));
            let _ = pem::is_pkcs12(&bytes);
        }
    }
}
