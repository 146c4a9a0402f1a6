//! An image pulled from a registry without a container engine, as an OCI tar.
//!
//! The registry's own manifest, configuration and layers are kept byte for byte (OCI distribution-spec v1.1), so the
//! image has the digest that the project published.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::http::Client;
use super::verified::verified;
use crate::artifacts::image::OciTar;
use crate::artifacts::lock::LARGEST;
use crate::digest::{is_sha256, sha256};
use crate::error::{Error, Result};
use crate::ui::step::Step;

const INDEXES: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    size: u64,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// Pulls the image for an architecture into the tar `out`; blobs pass through `dir`.
pub fn pull(
    client: &Client<'_>,
    (base, manifest_url, known): (&str, &str, Option<&str>),
    (reference, arch): (&str, &str),
    (dir, out): (&Path, &Path),
    step: &Step<'_>,
) -> Result<()> {
    let text = manifest(client, (base, manifest_url, known), arch)?;
    let document = parse(&text, manifest_url)?;
    let config =
        document.config.as_ref().ok_or_else(|| Error::artifact(format!("{manifest_url}: no image for {arch}")))?;
    let sizes = [config].into_iter().chain(&document.layers).map(|blob| blob.size);
    if sizes.fold(0, u64::saturating_add) > LARGEST {
        return Err(Error::artifact(format!("{manifest_url}: its layers are larger than {LARGEST} bytes")));
    }
    let write = |e: std::io::Error| Error::io(format!("write {}", out.display()), &e);
    let mut tar = OciTar::create(out).map_err(write)?;
    let mut seen = Vec::new();
    for blob in [config].into_iter().chain(&document.layers) {
        let hash = hash(&blob.digest)?;
        if seen.contains(&hash) {
            continue;
        }
        let url = format!("{base}/blobs/{}", blob.digest);
        let file = verified(client, &url, Some(hash), (dir, blob.size), &|done, total| step.progress(done, total))?;
        let size = length(&file)?;
        if size != blob.size {
            return Err(Error::artifact(format!("{url}: {size} bytes, the manifest says {}", blob.size)));
        }
        let open = File::open(&file).map_err(|e| Error::io(format!("open {}", file.display()), &e))?;
        tar.blob_from(hash, size, open).map_err(write)?;
        let _ = fs::remove_file(&file);
        seen.push(hash);
    }
    let media_type = match document.media_type.as_str() {
        "" => "application/vnd.oci.image.manifest.v1+json",
        given => given,
    };
    tar.finish(reference, arch, media_type, &text).map_err(write)
}

/// The SHA-256 of the manifest or index behind a tag: the image's digest.
pub fn digest(client: &Client<'_>, url: &str) -> Result<String> {
    Ok(sha256(&client.small(url, INDEXES)?))
}

/// The manifest's own text, through the index where there is one. The first of them is held to what is known.
fn manifest(client: &Client<'_>, (base, url, known): (&str, &str, Option<&str>), arch: &str) -> Result<String> {
    let text = utf8(client.small(url, INDEXES)?, url)?;
    if known.is_some_and(|known| known != sha256(text.as_bytes())) {
        return Err(Error::artifact(format!("{} is not what the project published", client.address(url)))
            .hint("if it stays so, a proxy or mirror in between changes it"));
    }
    let document = parse(&text, url)?;
    if document.manifests.is_empty() {
        return Ok(text);
    }
    let fits = |d: &&Descriptor| d.platform.as_ref().is_some_and(|p| p.os == "linux" && p.architecture == arch);
    let chosen = document
        .manifests
        .iter()
        .find(fits)
        .ok_or_else(|| Error::artifact(format!("{url}: no image for linux/{arch}")))?;
    let url = format!("{base}/manifests/{}", chosen.digest);
    let text = utf8(client.small(&url, INDEXES)?, &url)?;
    if sha256(text.as_bytes()) != hash(&chosen.digest)? {
        return Err(Error::artifact(format!("{url} does not have the digest it is named by")));
    }
    Ok(text)
}

fn parse(text: &str, url: &str) -> Result<Document> {
    serde_json::from_str(text).map_err(|e| Error::artifact(format!("{url}: not a manifest: {e}")))
}

fn utf8(bytes: Vec<u8>, url: &str) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::artifact(format!("{url}: not a manifest: not UTF-8")))
}

fn hash(digest: &str) -> Result<&str> {
    digest
        .strip_prefix("sha256:")
        .filter(|hash| is_sha256(hash))
        .ok_or_else(|| Error::artifact(format!("the registry's manifest has the digest {digest:?}, not a SHA-256")))
}

fn length(file: &PathBuf) -> Result<u64> {
    fs::metadata(file).map(|m| m.len()).map_err(|e| Error::io(format!("look at {}", file.display()), &e))
}
