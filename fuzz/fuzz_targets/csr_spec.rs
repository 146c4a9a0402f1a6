//! CSR specs (JSON): refused, or issued as a certificate that reads back; what is written reads the same.
#![no_main]

use std::sync::OnceLock;

use kbootstrap::pki::{
    Authority, BasicConstraints, CertificateInfo, Csr, CsrInfo, CsrSpec, Key, KeyKind, Lifetime, Profile, Request,
    Serial, self_signed,
};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;

struct Fixture {
    authority: Authority,
    key: Key,
    profile: Profile,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let ca_key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let spec = CsrSpec { cn: "fuzz".into(), ..CsrSpec::default() };
        let root = self_signed(&spec, &ca_key, OffsetDateTime::UNIX_EPOCH, Serial::from_random([1; 20])).unwrap();
        let profile = Profile::new(&["signing", "server auth"], Lifetime::hours(24)).unwrap();
        Fixture {
            authority: Authority::new(root.certificate, ca_key, OffsetDateTime::UNIX_EPOCH).unwrap(),
            key: Key::generate(KeyKind::EcdsaP256).unwrap(),
            profile: Profile { copy_extensions: true, ..profile },
        }
    })
}

fuzz_target!(|data: &[u8]| {
    let Ok(spec) = CsrSpec::from_json(data, "fuzz") else { return };
    assert_eq!(CsrSpec::from_json(spec.to_json().as_bytes(), "again").unwrap(), spec);
    let _ = (spec.check("fuzz"), spec.key_kind());
    let Fixture { authority, key, profile } = fixture();
    let Ok(mut request) = Request::from_spec(&spec, key.public()) else { return };
    if let Ok(csr) = Csr::create(&request, key) {
        let _ = CsrInfo::of(&csr);
    }
    let _ = self_signed(&spec, key, OffsetDateTime::UNIX_EPOCH, Serial::from_random([2; 20]));
    request.ca = BasicConstraints::EndEntity;
    if let Ok(issued) = authority.issue(&request, profile, OffsetDateTime::UNIX_EPOCH, Serial::from_random([3; 20])) {
        assert_eq!(issued.certificate.subject(), &request.subject);
        let _ = CertificateInfo::of(&issued.certificate);
    }
});
