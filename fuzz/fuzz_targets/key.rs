//! Private and public keys in PEM and DER: refused, or written and read back as the same key.
#![no_main]

use kbootstrap::pki::{Key, PublicKey};
use libfuzzer_sys::fuzz_target;

fn same(key: &Key) {
    for pem in [key.to_pem(), key.to_pkcs8_pem()] {
        let again = Key::from_pem(pem.expose(), "again").unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(again.to_pkcs8_pem(), key.to_pkcs8_pem());
    }
    assert_eq!(&PublicKey::from_spki(key.public().spki()).unwrap(), key.public());
}

fuzz_target!(|data: &[u8]| {
    for key in [Key::from_pem(data, "fuzz"), Key::from_der(data, "fuzz")].into_iter().flatten() {
        same(&key);
    }
    for key in [PublicKey::from_pem(data, "fuzz"), PublicKey::from_spki(data)].into_iter().flatten() {
        assert_eq!(PublicKey::from_pem(key.to_pem().as_bytes(), "again").unwrap(), key);
    }
});
