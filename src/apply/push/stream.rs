//! The bytes of one push: one archive of the small files, then each program by itself.
//!
//! Programs lie compressed in the store, so a push reads bytes and sends them as they are: nothing is compressed but
//! the archive. The receiver is given every length, so nothing separates the parts.

use std::io::{self, Cursor, Read};

use zeroize::Zeroizing;

use crate::artifacts::Store;
use crate::error::{Error, Result};
use crate::state::{ArtifactRef, Content};

/// How the parts are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Each is one zstd frame (RFC 8878 §3).
    Zstd,
    /// As they are.
    None,
}

/// Files arrive under this suffix beside their place, so that the rename is atomic.
pub const STAGED: &str = ".kbootstrap-new";

/// One file of a push.
#[derive(Debug, Clone)]
pub struct Item {
    /// Where it ends on the host.
    pub path: String,
    /// Who owns it there.
    pub owner: String,
    /// Permission bits.
    pub mode: u32,
    /// Its bytes.
    pub content: Content,
}

/// A program or an image as it travels, and what must come out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Bytes that travel.
    pub length: u64,
    /// Bytes that they unpack to, as the lock pins them.
    pub size: u64,
    /// SHA-256 of what they unpack to, as the lock pins it, lower-case hex.
    pub sha256: String,
}

/// The parts as one reader.
pub struct PushStream<'a> {
    archive: u64,
    sent: Vec<Sent>,
    waiting: std::vec::IntoIter<ArtifactRef>,
    current: Box<dyn Read + Send + 'a>,
    store: &'a Store,
    compression: Compression,
}

impl<'a> PushStream<'a> {
    /// The small items as an archive, then the others, each in their order.
    pub fn new(items: &[Item], compression: Compression, store: &'a Store) -> Result<Self> {
        let artifacts: Vec<ArtifactRef> = items.iter().filter_map(|item| item.artifact().cloned()).collect();
        let sent: Result<Vec<Sent>> = artifacts.iter().map(|artifact| sent(artifact, compression, store)).collect();
        let archive = pack(archive(items)?, compression)?;
        Ok(PushStream {
            archive: archive.len() as u64,
            sent: sent?,
            waiting: artifacts.into_iter(),
            current: Box::new(WipedCursor(Cursor::new(archive))),
            store,
            compression,
        })
    }

    /// Bytes of the archive; 0: there is none.
    pub fn archive(&self) -> u64 {
        self.archive
    }

    /// What follows the archive.
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// Bytes that will be sent.
    pub fn total(&self) -> u64 {
        self.archive + self.sent.iter().map(|sent| sent.length).sum::<u64>()
    }

    fn open(&self, artifact: &ArtifactRef) -> Result<Box<dyn Read + Send + 'a>> {
        Ok(match self.compression {
            Compression::Zstd => {
                let (file, length) = self.store.compressed(artifact)?;
                Box::new(file.take(length))
            }
            Compression::None => Box::new(self.store.raw_reader(artifact)?.take(artifact.size)),
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
            match self.waiting.next() {
                None => return Ok(0),
                Some(artifact) => self.current = self.open(&artifact).map_err(|e| io::Error::other(e.message))?,
            }
        }
    }
}

impl Item {
    /// Where it arrives on the host.
    pub fn staged(&self) -> String {
        format!("{}{STAGED}", self.path)
    }

    /// What it is of the store, if anything.
    pub fn artifact(&self) -> Option<&ArtifactRef> {
        match &self.content {
            Content::Artifact(artifact) => Some(artifact),
            Content::Text(_) | Content::Secret(_) | Content::ToIssue => None,
        }
    }
}

fn sent(artifact: &ArtifactRef, compression: Compression, store: &Store) -> Result<Sent> {
    let length = match compression {
        Compression::Zstd => store.usable(artifact)?.compressed_size,
        Compression::None => artifact.size,
    };
    Ok(Sent { length, size: artifact.size, sha256: artifact.sha256.clone() })
}

fn pack(archive: Zeroizing<Vec<u8>>, compression: Compression) -> Result<Zeroizing<Vec<u8>>> {
    if archive.is_empty() || compression == Compression::None {
        return Ok(archive);
    }
    let frame = zstd::bulk::compress(&archive, 1).map_err(|e| Error::io("compress a push", &e))?;
    Ok(Zeroizing::new(frame))
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

/// A tar archive of what is no artifact; nothing where everything is.
fn archive(items: &[Item]) -> Result<Zeroizing<Vec<u8>>> {
    // All of it at once: a vector that grows leaves copies of secrets behind.
    let size = |item: &Item| match &item.content {
        Content::Text(text) => 512 + text.len().next_multiple_of(512),
        Content::Secret(secret) => 512 + secret.expose().len().next_multiple_of(512),
        Content::Artifact(_) | Content::ToIssue => 0,
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(items.iter().map(size).sum::<usize>() + 1024));
    for item in items {
        match &item.content {
            Content::Text(text) => small(&mut bytes, item, text.as_bytes())?,
            Content::Secret(secret) => small(&mut bytes, item, secret.expose())?,
            Content::Artifact(_) => {}
            // What is applied was made from a folder in which everything is issued.
            Content::ToIssue => return Err(Error::internal(format!("{} is not issued yet", item.path))),
        }
    }
    if !bytes.is_empty() {
        // Two empty blocks end a tar archive.
        bytes.extend_from_slice(&[0; 1024]);
    }
    Ok(bytes)
}

fn small(bytes: &mut Vec<u8>, item: &Item, content: &[u8]) -> Result<()> {
    bytes.extend_from_slice(&header(item, content.len() as u64)?);
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    Ok(())
}

fn header(item: &Item, size: u64) -> Result<[u8; 512]> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header
        .set_path(item.staged().trim_start_matches('/'))
        .map_err(|e| Error::io(format!("put {} into a push", item.path), &e))?;
    header.set_size(size);
    header.set_mode(item.mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(*header.as_bytes())
}
