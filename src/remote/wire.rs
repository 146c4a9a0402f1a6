//! SSH's binary data types (RFC 4251 §5).

/// Takes values from the front of some bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire<'a>(pub(super) &'a [u8]);

impl<'a> Wire<'a> {
    /// So many bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
    /// `uint32`.
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.bytes(4)?.try_into().ok().map(u32::from_be_bytes)
    }
    /// `uint64`.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.bytes(8)?.try_into().ok().map(u64::from_be_bytes)
    }
    /// `string`.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        self.bytes(length)
    }
    /// `string` that is text.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.string()?).ok()
    }
    /// `name-list`.
    pub(super) fn names(&mut self) -> Option<Vec<&'a str>> {
        Some(self.text()?.split(',').filter(|name| !name.is_empty()).collect())
    }
    /// All strings up to the end.
    pub(super) fn strings(mut self) -> Option<Vec<&'a [u8]>> {
        let mut strings = Vec::new();
        while !self.0.is_empty() {
            strings.push(self.string()?);
        }
        Some(strings)
    }
}

/// An `mpint` that is positive, without leading zeros.
pub(super) fn number(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    &bytes[zeros..]
}
