//! Public keys with their subkeys, and which of them may sign.

use super::packet::{PUBLIC_KEY, PUBLIC_SUBKEY, Packet, Reader, SIGNATURE, USER_ATTRIBUTE, USER_ID};
use super::signature::{Facts, Over, Signature};
use crate::digest::{hex, sha1};

/// The numbers of a key.
#[derive(Debug, Clone)]
pub enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ed25519(Vec<u8>),
}

/// One key.
#[derive(Debug, Clone)]
pub struct Key {
    /// Upper-case hex.
    pub fingerprint: String,
    /// Seconds since 1970.
    made: u64,
    pub material: Material,
    /// As signatures over it are made.
    framed: Vec<u8>,
}

impl Key {
    /// The body of a packet; nothing where it is of a kind that is not known here.
    fn read(body: &[u8]) -> Option<Self> {
        /// 1.3.6.1.4.1.11591.15.1
        const ED25519: [u8; 9] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
        let mut reader = Reader::new(body);
        if reader.u8()? != 4 {
            return None;
        }
        let made = u64::from(reader.u32()?);
        let material = match reader.u8()? {
            1 | 3 => Material::Rsa { modulus: reader.number()?.to_vec(), exponent: reader.number()?.to_vec() },
            22 => {
                let length = usize::from(reader.u8()?);
                let curve = reader.take(length)?;
                let point = reader.number()?;
                match (curve == ED25519, point.split_first()?) {
                    (true, (0x40, public)) if public.len() == 32 => Material::Ed25519(public.to_vec()),
                    _ => return None,
                }
            }
            27 => Material::Ed25519(reader.take(32)?.to_vec()),
            _ => return None,
        };
        let length = u16::try_from(body.len()).ok()?.to_be_bytes();
        let framed = [&[0x99], &length[..], body].concat();
        // By definition of the format; nobody can make another key with the fingerprint of one that is there.
        let fingerprint = hex(&sha1(&framed)).to_uppercase();
        Some(Key { fingerprint, made, material, framed })
    }
}

/// A key with its subkeys.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub primary: Key,
    /// What the newest of its signatures over itself says. One that is trusted by its fingerprint needs none.
    own: Facts,
    revoked: bool,
    subkeys: Vec<Subkey>,
}

#[derive(Debug, Clone)]
struct Subkey {
    key: Key,
    facts: Facts,
    revoked: bool,
}

impl Certificate {
    /// Keys that may sign texts.
    pub fn signing(&self) -> impl Iterator<Item = &Key> {
        let primary = Some(&self.primary).filter(|_| self.own.may_sign());
        primary.into_iter().chain(self.subkeys.iter().map(|subkey| &subkey.key))
    }

    /// Whether a key of it could make the signature when it was made, and whether that counts now.
    pub fn usable(&self, key: &Key, signature: &Signature, now: u64) -> Result<(), String> {
        /// Clocks differ.
        const AHEAD: u64 = 24 * 3600;
        let fingerprint = &self.primary.fingerprint;
        let subkey = self.subkeys.iter().find(|subkey| subkey.key.fingerprint == key.fingerprint);
        if self.revoked || subkey.is_some_and(|subkey| subkey.revoked) {
            return Err(format!("the key {} is revoked", key.fingerprint));
        }
        let lives = [(&self.primary, &self.own)].into_iter().chain(subkey.map(|subkey| (&subkey.key, &subkey.facts)));
        for (of, facts) in lives {
            if facts.key_lives > 0 && now > of.made.saturating_add(facts.key_lives) {
                return Err(format!(
                    "the key {fingerprint} has expired: a newer keyring of the distribution may have it with a longer life"
                ));
            }
        }
        let facts = signature.facts();
        if facts.made < key.made {
            return Err(format!("the signature is older than its key {fingerprint}"));
        }
        if facts.made > now.saturating_add(AHEAD) {
            return Err("it was signed in the future: is the clock of this machine right?".into());
        }
        if facts.lives > 0 && now > facts.made.saturating_add(facts.lives) {
            return Err("its signature has expired".into());
        }
        Ok(())
    }
}

/// All certificates among packets. What belongs to none, and what is of a kind that is not known here, is passed by.
pub fn certificates(packets: &[Packet<'_>]) -> Vec<Certificate> {
    let mut starts: Vec<usize> = (0..packets.len()).filter(|at| packets[*at].tag == PUBLIC_KEY).collect();
    starts.push(packets.len());
    starts.windows(2).filter_map(|ends| certificate(&packets[ends[0]..ends[1]])).collect()
}

/// What the signatures that follow are about.
enum About<'a> {
    Primary,
    Name(Vec<u8>),
    Subkey(&'a [u8]),
}

fn certificate(packets: &[Packet<'_>]) -> Option<Certificate> {
    let (first, rest) = packets.split_first()?;
    let primary = Key::read(first.body)?;
    let mut certificate = Certificate { own: Facts::default(), revoked: false, subkeys: Vec::new(), primary };
    let mut about = About::Primary;
    for packet in rest {
        match packet.tag {
            USER_ID => about = About::Name(named(0xb4, packet.body)),
            USER_ATTRIBUTE => about = About::Name(named(0xd1, packet.body)),
            PUBLIC_SUBKEY => about = About::Subkey(packet.body),
            SIGNATURE => {
                if let Some(signature) = Signature::of_packet(packet) {
                    certificate.take(&about, &signature);
                }
            }
            _ => {}
        }
    }
    Some(certificate)
}

fn named(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[kind], &length[..], body].concat()
}

impl Certificate {
    /// A signature of the key itself says something of it; those of others do not.
    fn take(&mut self, about: &About<'_>, signature: &Signature) {
        let framed = self.primary.framed.clone();
        let is_own = |more: &[u8]| signature.verifies(&self.primary, &[framed.as_slice(), more].concat());
        match (about, signature.over) {
            (_, Over::KeyRevoked) => self.revoked |= is_own(&[]),
            (About::Primary, Over::Key) if is_own(&[]) => self.own_says(signature.facts()),
            (About::Name(name), Over::Name) if is_own(name) => self.own_says(signature.facts()),
            (About::Subkey(body), Over::Subkey | Over::SubkeyRevoked) => {
                let Some(key) = Key::read(body) else { return };
                let both = [framed.as_slice(), &key.framed].concat();
                if !signature.verifies(&self.primary, &both) {
                    return;
                }
                self.subkey_says(key, signature, &both);
            }
            _ => {}
        }
    }

    fn own_says(&mut self, facts: &Facts) {
        if facts.made >= self.own.made {
            self.own = facts.clone();
        }
    }

    /// One that signs must say itself that it belongs to the key: else the subkey of another could be taken in.
    fn subkey_says(&mut self, key: Key, signature: &Signature, both: &[u8]) {
        let known = self.subkeys.iter_mut().find(|known| known.key.fingerprint == key.fingerprint);
        if signature.over == Over::SubkeyRevoked {
            match known {
                Some(known) => known.revoked = true,
                None => self.subkeys.push(Subkey { key, facts: Facts::default(), revoked: true }),
            }
            return;
        }
        let facts = signature.facts();
        let back = facts.embedded.as_deref().and_then(Signature::read);
        let agrees = back.is_some_and(|back| back.over == Over::Primary && back.verifies(&key, both));
        if facts.flags.is_none_or(|_| !facts.may_sign()) || !agrees {
            return;
        }
        match known {
            Some(known) if facts.made >= known.facts.made => known.facts = facts.clone(),
            Some(_) => {}
            None => self.subkeys.push(Subkey { key, facts: facts.clone(), revoked: false }),
        }
    }
}
