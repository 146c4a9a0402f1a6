//! Signs archives as their owners do, for tests: an Ed25519 key of OpenPGP, and texts signed with it. The same seed is the same
//! key.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA512, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A key that signs.
pub struct Signer {
    pair: Ed25519KeyPair,
    /// When it was made, seconds since 1970.
    made: u32,
    /// Seconds that it lives; 0: for ever.
    lives: u32,
}

const OID: [u8; 9] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
const CERTIFIES_AND_SIGNS: u8 = 3;
const SIGNS: u8 = 2;

#[allow(dead_code)]
impl Signer {
    /// The key of a seed.
    pub fn new(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        Signer { pair, made: 1_600_000_000, lives: 0 }
    }
    /// One that lives so many seconds from 2020 on.
    pub fn living(seed: u8, lives: u32) -> Self {
        Signer { lives, ..Self::new(seed) }
    }

    fn body(&self) -> Vec<u8> {
        let point = [&[0x40], self.pair.public_key().as_ref()].concat();
        let made = self.made.to_be_bytes();
        [&[4], &made[..], &[22, OID.len() as u8], &OID, &number(&point)].concat()
    }
    fn framed(&self) -> Vec<u8> {
        let body = self.body();
        [&[0x99], &(body.len() as u16).to_be_bytes()[..], &body].concat()
    }
    /// Upper-case hex.
    pub fn fingerprint(&self) -> String {
        self.fingerprint_bytes().iter().map(|byte| format!("{byte:02X}")).collect()
    }
    fn fingerprint_bytes(&self) -> Vec<u8> {
        digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.framed()).as_ref().to_vec()
    }

    /// A keyring of it, as bytes.
    pub fn keyring(&self) -> Vec<u8> {
        let name = b"An archive <archive@example.com>";
        let mut more = vec![(27, vec![CERTIFIES_AND_SIGNS])];
        if self.lives > 0 {
            more.push((9, self.lives.to_be_bytes().to_vec()));
        }
        let named = [&[0xb4], &(name.len() as u32).to_be_bytes()[..], name].concat();
        let own = self.signature(0x13, &[self.framed(), named].concat(), self.made, &more);
        [packet(6, &self.body()), packet(13, name), packet(2, &own)].concat()
    }
    /// The same with a subkey that signs, which says itself that it belongs to the key, or does not.
    pub fn keyring_with(&self, subkey: &Signer, agrees: bool) -> Vec<u8> {
        let both = [self.framed(), subkey.framed()].concat();
        let mut more = vec![(27, vec![SIGNS])];
        if agrees {
            more.push((32, subkey.signature(0x19, &both, subkey.made, &[])));
        }
        let binding = self.signature(0x18, &both, self.made, &more);
        [self.keyring(), packet(14, &subkey.body()), packet(2, &binding)].concat()
    }
    /// A text with its signature below, made at that time.
    pub fn sign(&self, text: &str, made: u64) -> String {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let signature = self.signature(1, lines.join("\r\n").as_bytes(), made as u32, &[]);
        let escaped: String = lines
            .iter()
            .map(|line| if line.starts_with('-') { format!("- {line}\n") } else { format!("{line}\n") })
            .collect();
        let armor = STANDARD.encode(packet(2, &signature));
        let armor: Vec<&str> = armor.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{escaped}-----BEGIN PGP SIGNATURE-----\n\n{}\n-----END PGP SIGNATURE-----\n",
            armor.join("\n")
        )
    }

    /// A signature's body.
    fn signature(&self, kind: u8, over: &[u8], made: u32, more: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut subpackets = subpacket(2, &made.to_be_bytes());
        subpackets.extend(subpacket(33, &[&[4], &self.fingerprint_bytes()[..]].concat()));
        more.iter().for_each(|(kind, data)| subpackets.extend(subpacket(*kind, data)));
        let hashed = [&[4, kind, 22, 10], &(subpackets.len() as u16).to_be_bytes()[..], &subpackets].concat();
        let trailer = [&[4, 0xff], &(hashed.len() as u32).to_be_bytes()[..]].concat();
        let digest = digest(&SHA512, &[over, &hashed, &trailer].concat());
        let value = self.pair.sign(digest.as_ref());
        let (r, s) = value.as_ref().split_at(32);
        // gpgv finds the key by its number.
        let unhashed = subpacket(16, &self.fingerprint_bytes()[12..]);
        let unhashed = [&(unhashed.len() as u16).to_be_bytes()[..], &unhashed].concat();
        [&hashed, &unhashed, &digest.as_ref()[..2], &number(r), &number(s)].concat()
    }
}

fn number(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())..];
    let bits = bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize);
    [&(bits as u16).to_be_bytes()[..], bytes].concat()
}

fn subpacket(kind: u8, data: &[u8]) -> Vec<u8> {
    [&length(data.len() + 1)[..], &[kind], data].concat()
}

fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[0xc0 | tag], &length(body.len())[..], body].concat()
}

fn length(length: usize) -> Vec<u8> {
    match length {
        ..192 => vec![length as u8],
        _ => [&[255], &(length as u32).to_be_bytes()[..]].concat(),
    }
}
