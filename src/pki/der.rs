//! Strings in DER. yasna's own writers panic on characters outside their alphabet; ours leave the choice to the caller.

use yasna::models::TaggedDerValue;
use yasna::tags::{TAG_IA5STRING, TAG_PRINTABLESTRING};
use yasna::{DERWriter, Tag};

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
