//! PKCS#7 (RFC 2315) as a bag of certificates and CRLs: what `openssl crl2pkcs7` and Windows' `.p7b` make.

use super::oid;
use super::tlv;

const SIGNED_DATA: &[u64] = &[1, 2, 840, 113549, 1, 7, 2];
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// The DER of what is in a bag.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bag<'a> {
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) crls: Vec<&'a [u8]>,
}

/// Whether DER begins as PKCS#7 of any sort does.
pub(super) fn is_pkcs7(der: &[u8]) -> bool {
    let inside = tlv::only(der, SEQUENCE).and_then(tlv::first);
    inside.is_some_and(|(kind, _)| {
        kind.tag == OBJECT && oid::arcs(kind.content).is_some_and(|arcs| arcs.starts_with(&[1, 2, 840, 113549, 1, 7]))
    })
}

/// What signed data holds beside its signatures; none where it is not signed data in DER.
pub(super) fn read(der: &[u8]) -> Option<Bag<'_>> {
    let parts = tlv::all(tlv::only(der, SEQUENCE)?)?;
    let [kind, content] = parts[..] else { return None };
    if kind.tag != OBJECT || oid::arcs(kind.content)? != SIGNED_DATA {
        return None;
    }
    let mut bag = Bag::default();
    for part in tlv::all(tlv::only(content.content, SEQUENCE)?)? {
        let all = || tlv::all(part.content).map(|all| all.into_iter().map(|value| value.raw));
        match part.tag {
            0xa0 => bag.certificates.extend(all()?),
            0xa1 => bag.crls.extend(all()?),
            _ => {}
        }
    }
    Some(bag)
}
