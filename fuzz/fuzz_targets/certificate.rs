//! Certificates in PEM and DER: refused, or shown; a CA among them checks nothing else into validity.
#![no_main]

use std::sync::OnceLock;

use kbootstrap::cfssl::answers::certinfo;
use kbootstrap::pki::{Authority, Certificate, CertificateInfo, Expected, Key, KeyKind, San, verify};
use libfuzzer_sys::fuzz_target;

fn stranger() -> &'static [u8] {
    static PEM: OnceLock<Vec<u8>> = OnceLock::new();
    PEM.get_or_init(|| Key::generate(KeyKind::EcdsaP256).unwrap().to_pem().expose().to_vec())
}

fn look(certificate: &Certificate) {
    let info = CertificateInfo::of(certificate);
    let _ = certinfo::json(certificate);
    let again = Certificate::from_pem(certificate.to_pem().as_bytes(), "again").unwrap();
    assert_eq!(&again, certificate);
    assert_eq!(info, CertificateInfo::of(&again));
    let sans = [San::classify("a.example").unwrap(), San::classify("10.0.0.1").unwrap()];
    let now = certificate.validity().not_before;
    let key = certificate.public_key().ok();
    let expected = Expected { authority: certificate, key, sans: &sans, now };
    let _ = verify(certificate, &expected);
    let key = Key::from_pem(stranger(), "a stranger's key").unwrap();
    assert!(Authority::new(again, key, now).is_err(), "a stranger's key makes no CA");
}

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(data, "fuzz") {
        look(&certificate);
    }
    for certificate in Certificate::all_from_pem(data, "fuzz").into_iter().flatten() {
        look(&certificate);
    }
});
