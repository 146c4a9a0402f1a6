//! Packets, and the numbers in them.

/// A packet's tag and body.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    pub tag: u8,
    pub body: &'a [u8],
}

pub const SIGNATURE: u8 = 2;
pub const PUBLIC_KEY: u8 = 6;
pub const USER_ID: u8 = 13;
pub const PUBLIC_SUBKEY: u8 = 14;
pub const USER_ATTRIBUTE: u8 = 17;

/// Cuts bytes into packets (RFC 9580, section 4.2). Lengths in parts are for streams, and no key or signature has them.
pub fn split(bytes: &[u8]) -> Result<Vec<Packet<'_>>, String> {
    let mut reader = Reader::new(bytes);
    let mut packets = Vec::new();
    while !reader.is_empty() {
        let cut = || "a packet is cut short".to_owned();
        let header = reader.u8().ok_or_else(cut)?;
        let (tag, length) = match header {
            0b1100_0000.. => (header & 0b11_1111, reader.length()),
            0b1000_0000.. => {
                let length = match header & 0b11 {
                    0 => reader.u8().map(u32::from),
                    1 => reader.u16().map(u32::from),
                    2 => reader.u32(),
                    _ => None,
                };
                ((header >> 2) & 0b1111, length)
            }
            _ => return Err("it is not made of OpenPGP packets".into()),
        };
        let body = length.and_then(|length| reader.take(usize::try_from(length).ok()?)).ok_or_else(cut)?;
        packets.push(Packet { tag, body });
    }
    Ok(packets)
}

/// Reads from the front; nothing where there is too little.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }
    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(|bytes| Some(u16::from_be_bytes(bytes.try_into().ok()?)))
    }
    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)))
    }
    /// A length of one, two or five bytes.
    pub fn length(&mut self) -> Option<u32> {
        match self.u8()? {
            first @ ..192 => Some(u32::from(first)),
            first @ 192..224 => Some(((u32::from(first) - 192) << 8) + u32::from(self.u8()?) + 192),
            255 => self.u32(),
            _ => None,
        }
    }
    /// A number: how many bits, then its bytes.
    pub fn number(&mut self) -> Option<&'a [u8]> {
        let bits = usize::from(self.u16()?);
        self.take(bits.div_ceil(8))
    }
}
