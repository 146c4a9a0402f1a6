//! GeneralNames of all kinds as text (RFC 5280 §4.2.1.6).

use super::field::colons;
use super::values::{object, shown};
use crate::pki::encoding::tlv::{self, Tlv};
use crate::pki::names::name::Name;
use crate::pki::names::within;

/// One name: `DNS:a`, `IP:10.0.0.1`, `dirName:CN=a`, `otherName:1.2.3:text`.
pub(crate) fn text(name: Tlv<'_>) -> String {
    named(name, address)
}

/// One name of a name constraint, where addresses have a mask.
pub(super) fn constraint(name: Tlv<'_>) -> String {
    named(name, |bytes| {
        let (address, mask) = bytes.split_at(bytes.len() / 2);
        match bytes.len() {
            8 | 32 => format!("{}/{}", self::address(address), self::address(mask)),
            _ => colons(bytes),
        }
    })
}

/// All names of a SEQUENCE's content.
pub(crate) fn texts(content: &[u8]) -> Option<Vec<String>> {
    Some(tlv::all(content)?.into_iter().map(text).collect())
}

fn named(name: Tlv<'_>, address: impl Fn(&[u8]) -> String) -> String {
    let plain = || String::from_utf8_lossy(name.content).into_owned();
    match name.tag {
        0xa0 => other(name.content).unwrap_or_else(|| format!("otherName:{}", colons(name.content))),
        0x81 => format!("email:{}", plain()),
        0x82 => format!("DNS:{}", plain()),
        0xa3 => format!("x400:{}", colons(name.content)),
        0xa4 => format!("dirName:{}", Name::from_raw(name.content)),
        0xa5 => format!("ediParty:{}", colons(name.content)),
        0x86 => format!("URI:{}", plain()),
        0x87 => format!("IP:{}", address(name.content)),
        0x88 => format!("RID:{}", object(name.content)),
        _ => format!("unknown:{}", colons(name.raw)),
    }
}

/// Its type, and its value in `[0]`.
fn other(content: &[u8]) -> Option<String> {
    let [kind, value] = tlv::all(content)?[..] else { return None };
    let inside = tlv::first(value.content)?.0;
    Some(format!("otherName:{}:{}", object(kind.content), shown(inside)))
}

fn address(bytes: &[u8]) -> String {
    within::address(bytes).map_or_else(|| colons(bytes), |ip| ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_kind() {
        let of = |der: &[u8]| text(tlv::first(der).unwrap().0);
        assert_eq!(of(b"\x82\x01a"), "DNS:a");
        assert_eq!(of(&[0x87, 4, 10, 0, 0, 1]), "IP:10.0.0.1");
        assert_eq!(of(&[0x87, 3, 10, 0, 0]), "IP:0A:00:00");
        assert_eq!(of(&[0x88, 3, 0x2a, 3, 4]), "RID:1.2.3.4");
        assert_eq!(of(b"\xa0\x09\x06\x03\x2a\x03\x04\xa0\x02\x0c\x00"), "otherName:1.2.3.4:");
        assert_eq!(of(b"\xa0\x0a\x06\x03\x2a\x03\x04\xa0\x03\x0c\x01u"), "otherName:1.2.3.4:u");
        let constrained = |der: &[u8]| constraint(tlv::first(der).unwrap().0);
        assert_eq!(constrained(&[0x87, 8, 10, 0, 0, 0, 255, 0, 0, 0]), "IP:10.0.0.0/255.0.0.0");
    }
}
