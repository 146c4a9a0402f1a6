//! What a thing must look like, whichever way it came: a program for the architecture, or the very image.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::lock::Locked;
use super::requirements::Requirement;
use super::{elf, image};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::state::PACKAGE_PREFIX;

/// How the file of a package begins: an archive of `ar`, with this member first.
const PACKAGE: &[u8] = b"!<arch>\ndebian-binary";

/// What the bytes of a thing have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A Linux program.
    Program,
    /// A tar that holds one image: of that name, where it is known.
    Image(Option<String>),
    /// A package of Debian or its kin.
    Package,
}

impl Shape {
    /// Of what is wanted.
    pub fn of(wanted: &Requirement) -> Self {
        wanted.image.clone().map_or(Shape::Program, |reference| Shape::Image(Some(reference)))
    }

    /// Of what a list names; artifacts that are images say so in their names.
    pub fn named(locked: &Locked, catalogue: &Catalogue) -> Self {
        match catalogue.image(&locked.name) {
            Some(image) => Shape::Image(Some(image.reference(&locked.version))),
            None if locked.name.starts_with("image-") => Shape::Image(None),
            None if locked.name.starts_with(PACKAGE_PREFIX) => Shape::Package,
            None => Shape::Program,
        }
    }

    /// Refuses bytes that are something else, or for another architecture. `what` is for messages.
    pub fn check(&self, mut raw: impl Read, arch: &str, what: &str) -> Result<()> {
        match self {
            Shape::Program => {
                let mut header = Vec::new();
                raw.take(elf::HEADER as u64)
                    .read_to_end(&mut header)
                    .map_err(|e| Error::io(format!("read {what}"), &e))?;
                elf::check(&header, arch, what)
            }
            Shape::Package => {
                let mut begins = Vec::new();
                raw.take(PACKAGE.len() as u64)
                    .read_to_end(&mut begins)
                    .map_err(|e| Error::io(format!("read {what}"), &e))?;
                if begins == PACKAGE {
                    Ok(())
                } else {
                    Err(Error::artifact(format!("{what} is no package of Debian's")))
                }
            }
            Shape::Image(reference) => image::check(&mut raw, reference.as_deref(), arch)
                .map_err(|why| Error::artifact(format!("{what} {why}"))),
        }
    }

    /// The same for a file.
    pub fn check_file(&self, path: &Path, arch: &str, what: &str) -> Result<()> {
        let file = File::open(path).map_err(|e| Error::io(format!("open {}", path.display()), &e))?;
        self.check(BufReader::with_capacity(1 << 18, file), arch, what)
    }
}
