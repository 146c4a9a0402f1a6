//! The bytes of one push: a tar stream of files, as zstd frames where the host can unpack them.
//!
//! Programs lie compressed in the store, and zstd frames may follow one another in a stream
//! (RFC 8878 §3), so a push reads bytes and sends them: nothing is compressed but tar headers and small files.

use std::io::{self, Cursor, Read};

use zeroize::Zeroizing;

use crate::artifacts::Store;
use crate::error::{Error, Result};
use crate::render::{ArtifactRef, Content};

/// How the stream is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Concatenated zstd frames.
    Zstd,
    /// Plain tar.
    None,
}

/// One file of a push.
#[derive(Debug, Clone)]
pub struct Item {
    /// Path in the archive, without a leading slash.
    pub path: String,
    /// Permission bits that the file is born with.
    pub mode: u32,
    /// Its bytes.
    pub content: Content,
}

/// The archive as a reader.
pub struct PushStream<'a> {
    parts: std::vec::IntoIter<Part>,
    current: Box<dyn Read + Send + 'a>,
    store: &'a Store,
    packing: Packing,
    total: u64,
}

enum Part {
    Bytes(Zeroizing<Vec<u8>>),
    Artifact(ArtifactRef),
}

impl<'a> PushStream<'a> {
    /// An archive of the items, in their order.
    pub fn new(items: &[Item], packing: Packing, store: &'a Store) -> Result<Self> {
        let mut total = 0;
        let mut parts = Vec::new();
        for part in plan_parts(items)? {
            match part {
                Part::Bytes(bytes) if packing == Packing::Zstd => {
                    let frame = zstd::bulk::compress(&bytes, 1).map_err(|e| Error::io("compress a push", &e))?;
                    total += frame.len() as u64;
                    parts.push(Part::Bytes(Zeroizing::new(frame)));
                }
                Part::Bytes(bytes) => {
                    total += bytes.len() as u64;
                    parts.push(Part::Bytes(bytes));
                }
                Part::Artifact(artifact) => {
                    total += match packing {
                        Packing::Zstd => store.compressed(&artifact)?.1,
                        Packing::None => artifact.size,
                    };
                    parts.push(Part::Artifact(artifact));
                }
            }
        }
        Ok(PushStream { parts: parts.into_iter(), current: Box::new(io::empty()), store, packing, total })
    }

    /// Bytes that will be sent.
    pub fn total(&self) -> u64 {
        self.total
    }

    fn open(&self, part: Part) -> Result<Box<dyn Read + Send + 'a>> {
        Ok(match (part, self.packing) {
            (Part::Bytes(bytes), _) => Box::new(WipedCursor(Cursor::new(bytes))),
            (Part::Artifact(artifact), Packing::Zstd) => Box::new(self.store.compressed(&artifact)?.0),
            (Part::Artifact(artifact), Packing::None) => Box::new(self.store.raw_reader(&artifact)?),
        })
    }
}

impl Read for PushStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.current.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            match self.parts.next() {
                None => return Ok(0),
                Some(part) => self.current = self.open(part).map_err(|e| io::Error::other(e.message))?,
            }
        }
    }
}

struct WipedCursor(Cursor<Zeroizing<Vec<u8>>>);

impl Read for WipedCursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = &self.0.get_ref()[usize::try_from(self.0.position()).unwrap_or(usize::MAX)..];
        let n = bytes.len().min(buffer.len());
        buffer[..n].copy_from_slice(&bytes[..n]);
        self.0.set_position(self.0.position() + n as u64);
        Ok(n)
    }
}

/// The archive as runs of bytes between artifacts.
fn plan_parts(items: &[Item]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut bytes = Zeroizing::new(Vec::new());
    for item in items {
        match &item.content {
            Content::Text(text) => small(&mut bytes, item, text.as_bytes())?,
            Content::Secret(secret) => small(&mut bytes, item, secret.expose())?,
            Content::Artifact(artifact) => {
                bytes.extend_from_slice(&header(item, artifact.size)?);
                parts.push(Part::Bytes(std::mem::take(&mut bytes)));
                parts.push(Part::Artifact(artifact.clone()));
                pad(&mut bytes, artifact.size);
            }
        }
    }
    // Two empty blocks end a tar archive.
    bytes.extend_from_slice(&[0; 1024]);
    parts.push(Part::Bytes(bytes));
    Ok(parts)
}

fn small(bytes: &mut Vec<u8>, item: &Item, content: &[u8]) -> Result<()> {
    bytes.extend_from_slice(&header(item, content.len() as u64)?);
    bytes.extend_from_slice(content);
    pad(bytes, content.len() as u64);
    Ok(())
}

fn pad(bytes: &mut Vec<u8>, size: u64) {
    let rest = usize::try_from(size % 512).unwrap_or(0);
    if rest > 0 {
        bytes.extend(std::iter::repeat_n(0, 512 - rest));
    }
}

fn header(item: &Item, size: u64) -> Result<[u8; 512]> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_path(&item.path).map_err(|e| Error::io(format!("put {} into a push", item.path), &e))?;
    header.set_size(size);
    header.set_mode(item.mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(*header.as_bytes())
}
