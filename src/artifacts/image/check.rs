//! Whether a tar is just the image that it should be: containerd gives every name in it to what the name leads to, so
//! that a tar with a second image would bring that one along.
//!
//! Both forms that `ctr images import` takes are read: OCI image layouts (image-layout v1.1), and what `docker save`
//! writes (`manifest.json`).

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use tar::{EntryType, Header};

use super::exact;
use crate::digest::{Hashing, is_sha256};

/// Manifests and configurations are smaller; layers that are smaller are kept for a moment, and do no harm.
const SMALL: u64 = 4 << 20;
/// Kept in all: a tar of thousands of small files fills no memory.
const KEPT: u64 = 64 << 20;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Option<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
}

/// What makes containerd read a tar as an OCI layout.
#[derive(Deserialize)]
struct Layout {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

/// What says which images are in a tar.
const LAYOUT: &str = "oci-layout";
/// The only version of it.
const VERSION: &str = "1.0.0";
const INDEX: &str = "index.json";
const MANIFEST: &str = "manifest.json";

/// Small files of the tar by their paths.
type Files = BTreeMap<String, Vec<u8>>;

/// Says what is wrong with the tar, as the end of a sentence about it.
pub fn check(raw: impl Read, reference: Option<&str>, arch: &str) -> Result<(), String> {
    let files = read(raw)?;
    // As containerd decides which of the two it reads.
    let version =
        files.get(LAYOUT).map(|bytes| parse::<Layout>(bytes, LAYOUT)).transpose()?.map(|layout| layout.version);
    let (names, configs) = match (version.as_deref(), files.get(INDEX), files.get(MANIFEST)) {
        (Some(VERSION), Some(index), _) => layout(&files, &parse::<Index>(index, INDEX)?)?,
        (Some(other), _, _) if other != VERSION => {
            return Err(format!("has an oci-layout of version {other:?}, and should have {VERSION}"));
        }
        (_, Some(_), _) => return Err("has an index.json, and no oci-layout that says what it is".into()),
        (_, None, Some(list)) => saved(&files, parse(list, MANIFEST)?)?,
        (_, None, None) => return Err("is not an image: neither index.json nor manifest.json is in it".into()),
    };
    let expected = reference.or(names.first().map(String::as_str)).unwrap_or_default();
    if names.is_empty() || names.iter().any(|name| name != expected) {
        let found = if names.is_empty() { "nothing".into() } else { names.join(", ") };
        return Err(format!("names {found}, and should name {}", reference.unwrap_or("one image")));
    }
    let built = configs.iter().map(|c| format!("{}/{}", c.os, c.architecture)).collect::<Vec<_>>();
    if built.contains(&format!("linux/{arch}")) {
        return Ok(());
    }
    Err(format!(
        "is built for {}, wanted is linux/{arch}",
        if built.is_empty() { "nothing".into() } else { built.join(", ") }
    ))
}

/// Reads all of the tar; blobs that are not what they are named after are refused.
fn read(raw: impl Read) -> Result<Files, String> {
    let broken = |e: std::io::Error| format!("is not an image: {e}");
    let (mut files, mut kept) = (Files::new(), 0);
    for entry in tar::Archive::new(raw).entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.display().to_string().trim_start_matches("./").to_owned();
        plain(entry.header(), &path)?;
        if entry.header().entry_type() != EntryType::Regular {
            continue;
        }
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(format!("holds {path}, which is another name for something else"));
        }
        let says = [LAYOUT, INDEX, MANIFEST].contains(&&*path);
        if says && files.contains_key(&path) {
            return Err(format!("holds {path} twice"));
        }
        let mut bytes = Vec::new();
        let mut hashing = Hashing::new(&mut entry);
        (&mut hashing).take(SMALL).read_to_end(&mut bytes).map_err(broken)?;
        std::io::copy(&mut hashing, &mut std::io::sink()).map_err(broken)?;
        let (_, sha256, size) = hashing.finish();
        let named = path.rsplit_once("blobs/sha256/").map(|(_, hash)| hash);
        if named.is_some_and(|hash| hash != sha256) {
            return Err(format!("holds {path} with the SHA-256 {sha256}"));
        }
        kept += bytes.len() as u64;
        if says && (size >= SMALL || kept >= KEPT) {
            return Err(format!("holds {path} of {size} bytes, or behind too much else"));
        }
        let is_json = bytes.first() == Some(&b'{') || says;
        if size < SMALL && is_json && kept < KEPT {
            files.insert(path, bytes);
        }
    }
    Ok(files)
}

/// Whether every program reads the header in the same way: nothing in it that only some know, or that is also the beginning
/// of something else, as of a compressed file. No image needs more.
fn plain(header: &Header, path: &str) -> Result<(), String> {
    let kind = header.entry_type();
    let size = &header.as_bytes()[124..136];
    let (digits, end) = size.split_at(11);
    let is_plain = digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) && matches!(end, [0 | b' ']);
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) || !is_plain {
        return Err("has a header that programs read in different ways".into());
    }
    match kind {
        EntryType::Regular => Ok(()),
        EntryType::Directory | EntryType::Symlink | EntryType::Link if digits.iter().all(|digit| *digit == b'0') => {
            Ok(())
        }
        _ => Err(format!(
            "holds {path} of the kind {:?}, which programs read in different ways; `docker save` and `ctr images export` write none",
            kind.as_byte() as char
        )),
    }
}

/// Names and configurations of an OCI layout, through indexes where there are some.
fn layout(files: &Files, index: &Index) -> Result<(Vec<String>, Vec<Config>), String> {
    let names = index.manifests.iter().map(|descriptor| {
        let name = descriptor.annotations.get("io.containerd.image.name");
        name.cloned().unwrap_or_else(|| "an image without the annotation io.containerd.image.name".into())
    });
    let mut configs = Vec::new();
    for descriptor in &index.manifests {
        let manifest: Manifest = parse(blob(files, &descriptor.digest)?, &descriptor.digest)?;
        configs.extend(manifest.config.iter().map(|c| config(files, c)).collect::<Result<Vec<_>, _>>()?);
        // Of an image for several architectures the tar may hold one alone.
        for platform in &manifest.manifests {
            let Ok(bytes) = blob(files, &platform.digest) else { continue };
            let manifest: Manifest = parse(bytes, &platform.digest)?;
            configs.extend(manifest.config.iter().filter_map(|c| config(files, c).ok()));
        }
    }
    Ok((names.collect(), configs))
}

fn saved(files: &Files, list: Vec<Saved>) -> Result<(Vec<String>, Vec<Config>), String> {
    let (mut names, mut configs) = (Vec::new(), Vec::new());
    for image in list {
        names.extend(image.repo_tags.unwrap_or_default());
        let bytes = files.get(&image.config).ok_or_else(|| format!("lacks its configuration {}", image.config))?;
        configs.push(parse(bytes, &image.config)?);
    }
    Ok((names, configs))
}

fn config(files: &Files, descriptor: &Descriptor) -> Result<Config, String> {
    parse(blob(files, &descriptor.digest)?, &descriptor.digest)
}

fn blob<'f>(files: &'f Files, digest: &str) -> Result<&'f [u8], String> {
    let hash = digest.strip_prefix("sha256:").filter(|hash| is_sha256(hash));
    let found = hash.and_then(|hash| files.get(&format!("blobs/sha256/{hash}")));
    found.map(Vec::as_slice).ok_or_else(|| format!("lacks the blob {digest:?}"))
}

fn parse<'b, T: Deserialize<'b>>(bytes: &'b [u8], what: &str) -> Result<T, String> {
    let broken = |e: serde_json::Error| format!("is not an image: {what}: {e}");
    exact::names(bytes).map_err(broken)?;
    serde_json::from_slice(bytes).map_err(broken)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::digest::sha256;

    const NAME: &str = "registry.k8s.io/pause:3.10.1";

    fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, bytes) in files {
            tar.append_data(
                &mut super::super::oci_tar::header(EntryType::Regular, bytes.len() as u64, 0o644),
                path,
                &bytes[..],
            )
            .unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn image(names: &[&str], arch: &str) -> Vec<u8> {
        let files = image_files(names, arch);
        tar(&files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect::<Vec<_>>())
    }

    fn image_files(names: &[&str], arch: &str) -> Vec<(String, Vec<u8>)> {
        let config = json!({"architecture": arch, "os": "linux"}).to_string();
        let manifest = json!({"config": {"digest": format!("sha256:{}", sha256(config.as_bytes()))}}).to_string();
        let entry = |name: &&str| {
            json!({"digest": format!("sha256:{}", sha256(manifest.as_bytes())),
                   "annotations": {"io.containerd.image.name": name}})
        };
        let index = json!({"manifests": names.iter().map(entry).collect::<Vec<Value>>()}).to_string();
        let path = |text: &str| format!("blobs/sha256/{}", sha256(text.as_bytes()));
        vec![
            (LAYOUT.into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            (INDEX.into(), index.into_bytes()),
            (path(&config), config.clone().into_bytes()),
            (path(&manifest), manifest.clone().into_bytes()),
            (path("layer"), b"layer".to_vec()),
        ]
    }

    /// What containerd would read otherwise than we: it goes by oci-layout, takes the last of two files of a name, of any
    /// size, and cleans paths.
    #[test]
    fn nothing_says_one_thing_here_and_another_to_containerd() {
        let good = || image_files(&[NAME], "amd64");
        let other = image_files(&["docker.io/library/nginx:latest"], "amd64").remove(1).1;
        let said_of = |files: &[(String, Vec<u8>)]| {
            said(
                &tar(&files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect::<Vec<_>>()),
                Some(NAME),
            )
        };
        assert_eq!(said_of(&good()), "");
        let without: Vec<_> = good().into_iter().filter(|(path, _)| path != LAYOUT).collect();
        assert_eq!(said_of(&without), "has an index.json, and no oci-layout that says what it is");
        let second = |path: &str, bytes: Vec<u8>| [good(), vec![(path.to_owned(), bytes)]].concat();
        assert_eq!(said_of(&second(INDEX, [b"\n".to_vec(), other.clone()].concat())), "holds index.json twice");
        let large = [other.clone(), vec![b' '; SMALL as usize]].concat();
        assert_eq!(said_of(&second(INDEX, large.clone())), "holds index.json twice");
        let mut first = second("x", Vec::new());
        first[1].1 = large;
        assert!(said_of(&first).starts_with("holds index.json of "), "{}", said_of(&first));
        let mut header = super::super::oci_tar::header(EntryType::Regular, other.len() as u64, 0o644);
        let way = b"x/../index.json";
        header.as_mut_bytes()[..way.len()].copy_from_slice(way);
        header.set_cksum();
        let mut archive = tar::Builder::new(Vec::new());
        archive.append(&header, &other[..]).unwrap();
        let said = said(&archive.into_inner().unwrap(), Some(NAME));
        assert_eq!(said, "holds x/../index.json, which is another name for something else");
    }

    #[test]
    fn no_header_and_no_name_is_read_in_two_ways() {
        let good = image_files(&[NAME], "amd64");
        let plain: Vec<(&str, Vec<u8>)> = good.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
        let behind = |kind: u8, path: &[u8], size: &str, bytes: &[u8]| {
            let mut tar = tar(&plain);
            tar.truncate(tar.len() - 1024);
            let mut header = super::super::oci_tar::header(EntryType::new(kind), 0, 0o644);
            header.as_mut_bytes()[..path.len()].copy_from_slice(path);
            header.as_mut_bytes()[124..136].copy_from_slice(size.as_bytes());
            header.set_cksum();
            tar.extend(header.as_bytes());
            tar.extend(bytes);
            tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
            said(&tar, Some(NAME))
        };
        let pax = b"19 path=index.json\n";
        insta::assert_snapshot!(behind(b'x', b"PaxHeaders/x", "00000000023\0", pax), @"holds PaxHeaders/x of the kind 'x', which programs read in different ways; `docker save` and `ctr images export` write none");
        insta::assert_snapshot!(behind(b'L', b"././@LongLink", "00000000023\0", pax), @"holds @LongLink of the kind 'L', which programs read in different ways; `docker save` and `ctr images export` write none");
        insta::assert_snapshot!(behind(b'S', b"sparse", "00000000000\0", b""), @"holds sparse of the kind 'S', which programs read in different ways; `docker save` and `ctr images export` write none");
        insta::assert_snapshot!(behind(b'5', b"folder", "00000001000\0", &[0; 512]), @"holds folder of the kind '5', which programs read in different ways; `docker save` and `ctr images export` write none");
        let spaces = behind(b'0', b"x", "          0\0", b"");
        assert_eq!(spaces, "has a header that programs read in different ways");
        assert_eq!(
            behind(b'0', b"\x1f\x8b\x08\x04", "00000000000\0", b""),
            "has a header that programs read in different ways"
        );
        let other = |at: usize, bytes: &[u8]| {
            let mut files = good.clone();
            files[at].1 = bytes.to_vec();
            said(
                &tar(&files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect::<Vec<_>>()),
                Some(NAME),
            )
        };
        insta::assert_snapshot!(other(0, b"{}"), @"is not an image: oci-layout: missing field `imageLayoutVersion` at line 1 column 2");
        insta::assert_snapshot!(other(0, br#"{"imageLayoutVersion":""}"#), @r#"has an oci-layout of version "", and should have 1.0.0"#);
        let index = String::from_utf8(good[1].1.clone()).unwrap();
        let both = format!("{},\"Manifests\":[]}}", index.strip_suffix('}').unwrap());
        assert!(other(1, both.as_bytes()).contains(r#""Manifests" is almost the name of a field"#));
    }

    fn said(bytes: &[u8], reference: Option<&str>) -> String {
        check(bytes, reference, "amd64").err().unwrap_or_default()
    }

    #[test]
    fn the_very_image_is_taken_and_nothing_beside_it() {
        assert_eq!(said(&image(&[NAME], "amd64"), Some(NAME)), "");
        assert_eq!(said(&image(&[NAME], "amd64"), None), "");
        insta::assert_snapshot!(said(&image(&[NAME, "registry.k8s.io/coredns/coredns:v1.14.7"], "amd64"), Some(NAME)), @"names registry.k8s.io/pause:3.10.1, registry.k8s.io/coredns/coredns:v1.14.7, and should name registry.k8s.io/pause:3.10.1");
        insta::assert_snapshot!(said(&image(&["a:1", "b:1"], "amd64"), None), @"names a:1, b:1, and should name one image");
        insta::assert_snapshot!(said(&image(&["docker.io/library/pause:1"], "amd64"), Some(NAME)), @"names docker.io/library/pause:1, and should name registry.k8s.io/pause:3.10.1");
        insta::assert_snapshot!(said(&image(&[NAME], "arm64"), Some(NAME)), @"is built for linux/arm64, wanted is linux/amd64");
    }

    #[test]
    fn what_docker_saves_is_taken_too() {
        let list = |tag: &str| json!([{"Config": "c.json", "RepoTags": [tag], "Layers": []}]).to_string().into_bytes();
        let config = json!({"architecture": "amd64", "os": "linux"}).to_string().into_bytes();
        assert_eq!(said(&tar(&[("manifest.json", list(NAME)), ("c.json", config.clone())]), Some(NAME)), "");
        insta::assert_snapshot!(said(&tar(&[("manifest.json", list("x:1")), ("c.json", config)]), Some(NAME)), @"names x:1, and should name registry.k8s.io/pause:3.10.1");
    }

    #[test]
    fn a_blob_under_a_foreign_name_and_other_files_are_refused() {
        let mut bytes = image(&[NAME], "amd64");
        let place = bytes.windows(5).position(|window| window == b"layer").unwrap();
        bytes[place] = b'L';
        assert!(said(&bytes, Some(NAME)).starts_with("holds blobs/sha256/"), "{}", said(&bytes, Some(NAME)));
        insta::assert_snapshot!(said(b"\x7fELF", Some(NAME)), @"is not an image: failed to read entire block");
        insta::assert_snapshot!(said(&tar(&[("x", Vec::new())]), Some(NAME)), @"is not an image: neither index.json nor manifest.json is in it");
    }
}
