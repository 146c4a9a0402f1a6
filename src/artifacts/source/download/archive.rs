//! Members of a tar.gz.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use tempfile::NamedTempFile;

use crate::artifacts::lock::LARGEST;
use crate::error::{Error, Result};

/// Unpacks just these members into temporary files in `dir`. Members that are not there are left out of the answer.
pub fn members(archive: &Path, wanted: &BTreeSet<&str>, dir: &Path) -> Result<BTreeMap<String, NamedTempFile>> {
    unpack(archive, wanted, dir).map_err(|e| Error::artifact(format!("cannot unpack {}: {e}", archive.display())))
}

fn unpack(archive: &Path, wanted: &BTreeSet<&str>, dir: &Path) -> io::Result<BTreeMap<String, NamedTempFile>> {
    // What a few bytes unpack to may have no end.
    let gzip = MultiGzDecoder::new(BufReader::with_capacity(1 << 18, File::open(archive)?)).take(4 * LARGEST);
    let mut found = BTreeMap::new();
    // Headers that say more of a member, as a longer name, have any length and would be read whole; no name that is wanted
    // needs one.
    for entry in tar::Archive::new(gzip).entries()?.raw(true) {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let path = path.trim_start_matches("./");
        if !entry.header().entry_type().is_file() || !wanted.contains(path) {
            continue;
        }
        if entry.size() > LARGEST {
            return Err(io::Error::other(format!("{path} has {} bytes, more than any program", entry.size())));
        }
        let mut file = NamedTempFile::new_in(dir)?;
        io::copy(&mut entry, file.as_file_mut())?;
        found.insert(path.to_owned(), file);
        if found.len() == wanted.len() {
            break;
        }
    }
    Ok(found)
}
