//! The folder source: programs by name in a folder, or a bundle made by `kbootstrap artifacts bundle`.

use std::path::{Path, PathBuf};

use super::bundle;
use super::{Job, Supplied, Supplier};
use crate::artifacts::requirements::Requirement;
use crate::artifacts::store::{Origin, OriginKind};
use crate::error::{Error, Result};

/// A folder or bundle.
pub struct FolderSource {
    path: PathBuf,
}

impl FolderSource {
    /// At that path.
    pub fn new(path: &Path) -> Self {
        FolderSource { path: path.to_owned() }
    }

    fn one(&self, thing: &Requirement, job: &Job<'_>) -> Result<Supplied> {
        let found = candidates(thing).into_iter().map(|c| self.path.join(c)).find(|path| path.is_file());
        let Some(path) = found else {
            let why =
                if self.path.is_dir() { "is not in the folder" } else { "cannot be in the folder, which is not there" };
            return Err(Error::artifact(why).hint(NAMES));
        };
        job.accept(thing, &path, Origin { kind: OriginKind::Folder, from: path.display().to_string() })
    }
}

impl Supplier for FolderSource {
    fn title(&self) -> String {
        format!("folder {}", self.path.display())
    }
    fn kind(&self) -> OriginKind {
        OriginKind::Folder
    }

    fn supply(&self, wanted: &[Requirement], job: &Job<'_>) -> Vec<(Requirement, Result<Supplied>)> {
        if self.path.is_file() {
            return bundle::supply(&self.path, wanted, job);
        }
        wanted.iter().map(|thing| (thing.clone(), self.one(thing, job))).collect()
    }
}

const NAMES: &str = "a folder has programs by name, images as image-NAME.tar: flat, in bin/, or in bin/VERSION/ and \
                     bin/VERSION/ARCH/, which are looked at first";

/// Where in a folder a thing may lie, the most exact first: with its version, then without; CNI plugins also by their
/// plain names in `cni/`.
fn candidates(thing: &Requirement) -> Vec<String> {
    let file = if thing.is_image() { format!("{}.tar", thing.name) } else { thing.name.clone() };
    let mut files = vec![file];
    if let Some(plain) = thing.name.strip_prefix("cni-") {
        files.push(format!("cni/{plain}"));
    }
    let version = &thing.version;
    let dirs = [
        format!("bin/{version}/{}/", thing.arch),
        format!("bin/{version}/"),
        format!("{version}/"),
        format!("{}/", thing.arch),
        "bin/".to_owned(),
        String::new(),
    ];
    dirs.iter().flat_map(|dir| files.iter().map(move |file| format!("{dir}{file}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::requirements::tests::everything;

    #[test]
    fn a_versioned_place_is_looked_at_first() {
        let all = everything();
        let of = |name: &str| candidates(all.iter().find(|w| w.name == name).unwrap()).join(" ");
        insta::assert_snapshot!(of("kubelet"), @"bin/1.36.3/amd64/kubelet bin/1.36.3/kubelet 1.36.3/kubelet amd64/kubelet bin/kubelet kubelet");
        insta::assert_snapshot!(of("cni-bridge"), @"bin/1.9.1/amd64/cni-bridge bin/1.9.1/amd64/cni/bridge bin/1.9.1/cni-bridge bin/1.9.1/cni/bridge 1.9.1/cni-bridge 1.9.1/cni/bridge amd64/cni-bridge amd64/cni/bridge bin/cni-bridge bin/cni/bridge cni-bridge cni/bridge");
        assert!(of("image-pause").ends_with(" image-pause.tar"));
    }
}
