//! Distinguished names as they are compared (RFC 5280 §7.1, as openssl does it): case and repeated blanks do not count,
//! nor does the type of a string.

use super::name::{Attribute, Name};

/// One relative distinguished name, sorted.
pub(super) type Rdn = Vec<(Vec<u64>, String)>;

/// What a name is compared by.
pub(super) fn rdns(name: &Name) -> Vec<Rdn> {
    let one = |rdn: Vec<Attribute>| {
        let mut rdn: Rdn = rdn.into_iter().map(|attribute| (attribute.oid, folded(&attribute.value))).collect();
        rdn.sort();
        rdn
    };
    name.rdns().into_iter().map(one).collect()
}

/// Whether a name begins with all of the base's parts.
pub(super) fn is_below(name: &[Rdn], base: &[Rdn]) -> bool {
    name.starts_with(base)
}

fn folded(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}
