//! CSRs in PEM and DER: refused, or shown, and issued as a certificate with their subject and key.
#![no_main]

use std::sync::OnceLock;

use kbootstrap::pki::{
    Authority, BasicConstraints, CertificateInfo, Csr, CsrInfo, CsrSpec, Key, KeyKind, Lifetime, Profile,
    Serial, self_signed,
};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;

fn authority() -> &'static (Authority, Profile) {
    static AUTHORITY: OnceLock<(Authority, Profile)> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let spec = CsrSpec { cn: "fuzz".into(), ..CsrSpec::default() };
        let root = self_signed(&spec, &key, OffsetDateTime::UNIX_EPOCH, Serial::from_random([1; 20])).unwrap();
        let profile = Profile::new(&["signing", "client auth"], Lifetime::hours(24)).unwrap();
        let authority = Authority::new(root.certificate, key, OffsetDateTime::UNIX_EPOCH).unwrap();
        (authority, Profile { copy_extensions: true, ..profile })
    })
}

fuzz_target!(|data: &[u8]| {
    for csr in [Csr::from_pem(data, "fuzz"), Csr::from_der(data, "fuzz")].into_iter().flatten() {
        let _ = CsrInfo::of(&csr);
        assert_eq!(Csr::from_pem(csr.to_pem().as_bytes(), "again").unwrap(), csr);
        let mut request = csr.request().clone();
        request.ca = BasicConstraints::EndEntity;
        let (authority, profile) = authority();
        let issued = authority.issue(&request, profile, OffsetDateTime::UNIX_EPOCH, Serial::from_random([2; 20]));
        if let Ok(issued) = issued {
            assert_eq!(issued.certificate.subject(), &request.subject);
            assert_eq!(issued.certificate.public_key().unwrap(), &request.public_key);
            let _ = CertificateInfo::of(&issued.certificate);
        }
    }
});
