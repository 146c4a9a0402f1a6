//! A program's machine, from its ELF header: a program of the wrong architecture is refused when it arrives, not when
//! a host cannot run it.

use crate::error::{Error, Result};

/// Bytes of the header that [`check`] needs.
pub const HEADER: usize = 20;

/// Refuses bytes that are not a 64-bit little-endian ELF program for `arch` (ELF-64 Object File Format, §3).
pub fn check(header: &[u8], arch: &str, what: &str) -> Result<()> {
    if header.len() < HEADER || !header.starts_with(b"\x7fELF") {
        return Err(Error::artifact(format!("{what} is not a Linux program (no ELF header)")));
    }
    let machine = u16::from_le_bytes([header[18], header[19]]);
    let found = match machine {
        62 => "amd64",
        183 => "arm64",
        _ => "another architecture",
    };
    if found == arch {
        return Ok(());
    }
    Err(Error::artifact(format!("{what} is built for {found}, wanted is {arch}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_read_from_the_header() {
        let mut header = [0u8; HEADER];
        header[..4].copy_from_slice(b"\x7fELF");
        header[18] = 183;
        assert!(check(&header, "arm64", "kubelet").is_ok());
        insta::assert_snapshot!(check(&header, "amd64", "kubelet").unwrap_err(), @"kubelet is built for arm64, wanted is amd64");
        insta::assert_snapshot!(check(b"<html>", "amd64", "kubelet").unwrap_err(), @"kubelet is not a Linux program (no ELF header)");
    }
}
