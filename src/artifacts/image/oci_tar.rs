//! An OCI image layout, written as one tar.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::json;
use tar::{EntryType, Header};

use crate::digest::sha256;

/// An image layout being written as a tar.
pub struct OciTar {
    tar: tar::Builder<File>,
}

impl OciTar {
    /// Begins the file.
    pub fn create(out: &Path) -> io::Result<Self> {
        let mut tar = tar::Builder::new(File::create(out)?);
        append(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(OciTar { tar })
    }
    /// Adds a small blob.
    pub fn blob(&mut self, text: &str) -> io::Result<()> {
        append(&mut self.tar, &format!("blobs/sha256/{}", sha256(text.as_bytes())), text.as_bytes())
    }
    /// Adds a blob of that hash and size.
    pub fn blob_from(&mut self, sha256: &str, size: u64, from: impl Read) -> io::Result<()> {
        let path = format!("blobs/sha256/{sha256}");
        self.tar.append_data(&mut header(EntryType::Regular, size, 0o644), path, from)
    }
    /// Adds the manifest and the index with the image's name.
    pub fn finish(mut self, reference: &str, arch: &str, media_type: &str, manifest: &str) -> io::Result<()> {
        self.blob(manifest)?;
        let tag = reference.rsplit_once(':').map_or(reference, |(_, tag)| tag);
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": media_type,
                "digest": format!("sha256:{}", sha256(manifest.as_bytes())),
                "size": manifest.len(),
                "platform": { "architecture": arch, "os": "linux" },
                "annotations": {
                    "io.containerd.image.name": reference,
                    "org.opencontainers.image.ref.name": tag,
                },
            }],
        })
        .to_string();
        append(&mut self.tar, "index.json", index.as_bytes())?;
        self.tar.into_inner()?.flush()
    }
}

fn append(tar: &mut tar::Builder<File>, path: &str, bytes: &[u8]) -> io::Result<()> {
    tar.append_data(&mut header(EntryType::Regular, bytes.len() as u64, 0o644), path, bytes)
}

/// The header of an entry: no clock, no user.
pub fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
