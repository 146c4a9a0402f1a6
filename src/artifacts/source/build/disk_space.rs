//! Free disk space, asked before a build that would fill the disk after minutes.

use std::path::Path;

use rustix::fs::statvfs;

use crate::error::{Error, Result};

/// Bytes that a build may take in all: Kubernetes fills Go's caches with about 5 GB, the others with less than 1 GB.
pub fn needed(recipe: &str) -> u64 {
    if recipe == "kubernetes" { 6_000_000_000 } else { 1_500_000_000 }
}

/// Refuses when the file system of one of the folders has less than `needed` bytes free.
pub fn check<'a>(folders: impl IntoIterator<Item = &'a Path>, needed: u64) -> Result<()> {
    for folder in folders {
        let existing = folder.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
        // A file system that does not say is not refused.
        let Ok(stat) = statvfs(existing) else { continue };
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free < needed {
            return Err(short(folder, free, needed));
        }
    }
    Ok(())
}

fn short(folder: &Path, free: u64, needed: u64) -> Error {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    Error::artifact(format!(
        "too little room to build: {:.1} GB free at {}, {:.1} GB needed",
        gigabytes(free),
        folder.display(),
        gigabytes(needed)
    ))
    .hint("make room, or set KBOOTSTRAP_CACHE, GOCACHE and GOMODCACHE to folders on a larger disk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_numbers() {
        insta::assert_snapshot!(short(Path::new("/var/cache"), 1_250_000_000, needed("kubernetes")), @"too little room to build: 1.2 GB free at /var/cache, 6.0 GB needed");
        assert!(check([Path::new("/nonexistent/below/root")], 1).is_ok());
        assert!(check([Path::new("/")], u64::MAX).is_err());
    }
}
