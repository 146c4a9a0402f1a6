//! What is missing in yasna. Its string writers panic on characters outside their alphabet; ours leave the choice to the caller. Its
//! reader adds up lengths without care, and panics at one near 2^64; ours looks at all of them before.

use yasna::models::TaggedDerValue;
use yasna::tags::{TAG_IA5STRING, TAG_PRINTABLESTRING};
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, DERWriter, DERWriterSeq, Tag};

use super::tlv;

/// Reads bytes that may be anything.
pub(crate) fn read<'a, T>(
    der: &'a [u8],
    read: impl for<'b> FnOnce(BERReader<'a, 'b>) -> ASN1Result<T>,
) -> ASN1Result<T> {
    if tlv::is_whole(der) { yasna::parse_der(der, read) } else { Err(ASN1Error::new(ASN1ErrorKind::Eof)) }
}

/// The bytes of a SEQUENCE.
pub(crate) fn sequence(write: impl FnOnce(&mut DERWriterSeq<'_>)) -> Vec<u8> {
    yasna::construct_der(|writer| writer.write_sequence(write))
}

/// PrintableString, whose alphabet is Go's.
pub(crate) fn printable(writer: DERWriter<'_>, text: &str) {
    writer.write_tagged_der(&TaggedDerValue::from_tag_and_bytes(TAG_PRINTABLESTRING, text.as_bytes().to_vec()));
}

/// IA5String.
pub(crate) fn ia5(writer: DERWriter<'_>, text: &str) {
    writer.write_tagged_der(&TaggedDerValue::from_tag_and_bytes(TAG_IA5STRING, text.as_bytes().to_vec()));
}

/// `[tag] IMPLICIT IA5String`, as in GeneralName.
pub(crate) fn tagged_ia5(writer: DERWriter<'_>, tag: u64, text: &str) {
    writer.write_tagged_implicit(Tag::context(tag), |w| w.write_bytes(text.as_bytes()));
}
