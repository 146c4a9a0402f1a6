//! Images as OCI tars, made here and the same every time: no clock, no names, no registry.
//!
//! The layout is the OCI image-layout and image-spec v1.1; the annotation `io.containerd.image.name` is what
//! `ctr images import` takes the image's full name from.

mod check;
mod exact;
mod oci_tar;
mod spec;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};
use tar::EntryType;

use crate::digest::{sha256, sha256_of};
use crate::error::{Error, Result};
use oci_tar::header;

pub use check::check;
pub use oci_tar::OciTar;
pub use spec::{ImageSpec, spec};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Writes the OCI tar of one program to `out`.
pub fn write(spec: &ImageSpec, program: &Path, out: &Path) -> Result<()> {
    let layer = tempfile::NamedTempFile::new_in(out.parent().unwrap_or(Path::new(".")))
        .map_err(|e| Error::io(format!("write beside {}", out.display()), &e))?;
    write_layer(spec, program, layer.path())
        .and_then(|()| write_tar(spec, layer.path(), out))
        .map_err(|e| Error::io(format!("make the image {} in {}", spec.reference, out.display()), &e))
}

fn write_layer(spec: &ImageSpec, program: &Path, out: &Path) -> io::Result<()> {
    let mut tar = tar::Builder::new(File::create(out)?);
    for (dir, mode) in spec.dirs {
        tar.append_data(&mut header(EntryType::Directory, 0, *mode), format!("{dir}/"), io::empty())?;
    }
    if spec.low_ports {
        tar.append_pax_extensions([("SCHILY.xattr.security.capability", &NET_BIND_SERVICE[..])])?;
    }
    let file = File::open(program)?;
    let size = file.metadata()?.len();
    tar.append_data(&mut header(EntryType::Regular, size, 0o755), spec.program, file)?;
    for link in spec.links {
        tar.append_link(&mut header(EntryType::Symlink, 0, 0o777), link, spec.program)?;
    }
    tar.into_inner()?.flush()
}

/// `vfs_cap_data` revision 2 with CAP_NET_BIND_SERVICE permitted and effective (linux/capability.h).
const NET_BIND_SERVICE: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn write_tar(spec: &ImageSpec, layer: &Path, out: &Path) -> io::Result<()> {
    let (layer_sha256, layer_size) = sha256_of(File::open(layer)?)?;
    let config = config(spec, &layer_sha256).to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": format!("sha256:{}", sha256(config.as_bytes())),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": format!("sha256:{layer_sha256}"),
            "size": layer_size,
        }],
    })
    .to_string();
    let mut tar = OciTar::create(out)?;
    tar.blob(&config)?;
    tar.blob_from(&layer_sha256, layer_size, File::open(layer)?)?;
    tar.finish(&spec.reference, &spec.arch, MANIFEST, &manifest)
}

fn config(spec: &ImageSpec, layer_sha256: &str) -> Value {
    let mut run = json!({ "Entrypoint": [format!("/{}", spec.program)], "Env": ["PATH=/"], "WorkingDir": "/" });
    if !spec.cmd.is_empty() {
        run["Cmd"] = json!(spec.cmd);
    }
    if !spec.user.is_empty() {
        run["User"] = json!(spec.user);
    }
    json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": spec.arch,
        "os": "linux",
        "config": run,
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_sha256}")] },
        "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": format!("kbootstrap: {}", spec.program) }],
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Read;

    use super::*;
    use crate::artifacts::requirements::Requirement;
    use crate::artifacts::requirements::tests::everything;

    fn image(name: &str) -> Requirement {
        everything().into_iter().find(|thing| thing.name == name).unwrap()
    }

    fn make(dir: &Path, name: &str) -> Vec<u8> {
        fs::write(dir.join("program"), "#!program").unwrap();
        write(&spec(&image(name)).unwrap(), &dir.join("program"), &dir.join("out.tar")).unwrap();
        fs::read(dir.join("out.tar")).unwrap()
    }

    fn unpack(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut tar = tar::Archive::new(bytes);
        let entry = |entry: io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        };
        tar.entries().unwrap().map(entry).collect()
    }

    #[test]
    fn the_same_program_gives_the_same_bytes() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(make(a.path(), "image-coredns"), make(b.path(), "image-coredns"));
    }

    #[test]
    fn every_digest_leads_to_its_blob() {
        let dir = tempfile::tempdir().unwrap();
        let files = unpack(&make(dir.path(), "image-coredns"));
        let blob = |digest: &Value| {
            let hash = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
            let bytes = files.get(&format!("blobs/sha256/{hash}")).expect("blob");
            assert_eq!(sha256(bytes), hash);
            bytes
        };
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let entry = &index["manifests"][0];
        assert_eq!(entry["annotations"]["io.containerd.image.name"], "registry.k8s.io/coredns/coredns:v1.14.7");
        let manifest: Value = serde_json::from_slice(blob(&entry["digest"])).unwrap();
        let config: Value = serde_json::from_slice(blob(&manifest["config"]["digest"])).unwrap();
        assert_eq!(config["config"]["Entrypoint"], json!(["/coredns"]));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
        let layer = unpack(blob(&manifest["layers"][0]["digest"]));
        assert_eq!(layer["coredns"], b"#!program");
    }

    #[test]
    fn coredns_may_bind_port_53_without_root() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("program"), "x").unwrap();
        let layer = dir.path().join("layer");
        write_layer(&spec(&image("image-coredns")).unwrap(), &dir.path().join("program"), &layer).unwrap();
        let mut tar = tar::Archive::new(File::open(layer).unwrap());
        let mut entry = tar.entries().unwrap().next().unwrap().unwrap();
        let extensions: Vec<_> = entry.pax_extensions().unwrap().unwrap().map(|e| e.unwrap()).collect();
        assert_eq!(extensions[0].key().unwrap(), "SCHILY.xattr.security.capability");
        assert_eq!(extensions[0].value_bytes(), NET_BIND_SERVICE);
    }
}
