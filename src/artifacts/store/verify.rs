//! Looks through the store for what is damaged.

use std::path::PathBuf;

use serde::Serialize;

use super::Store;
use super::frame::{check_contents, damaged};
use super::record::Stored;
use crate::digest::sha256_of;
use crate::error::{Error, Result};
use crate::ui::Reporter;
use crate::ui::step;

/// One thing in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `kubelet 1.36.3 (amd64)`, or the file when no record says what it is.
    pub what: String,
    /// The compressed file.
    pub file: PathBuf,
    /// What is wrong with it; none: nothing.
    pub problem: Option<String>,
}

/// Checks every file in the store: its length and hash, and with `deep` also what it unpacks to.
pub fn verify(store: &Store, deep: bool, reporter: &dyn Reporter) -> Result<Vec<Finding>> {
    let hashes = store.hashes()?;
    step::run(reporter, "", "verify the store", |step| {
        let mut findings = Vec::new();
        for (index, sha256) in hashes.iter().enumerate() {
            findings.push(one(store, sha256, deep));
            step.progress(index as u64 + 1, hashes.len() as u64);
        }
        let bad = findings.iter().filter(|f| f.problem.is_some()).count();
        Ok((findings, format!("{} files, {bad} damaged", hashes.len())))
    })
}

fn one(store: &Store, sha256: &str, deep: bool) -> Finding {
    let file = store.file(sha256);
    match store.record(sha256) {
        Ok(record) => {
            let checked = store.check_length(&record).and_then(|()| contents(store, &record, deep));
            Finding { what: title(&record), file, problem: checked.err().map(|e| e.message) }
        }
        Err(error) => {
            let what = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            Finding { what, file, problem: Some(error.message) }
        }
    }
}

fn contents(store: &Store, record: &Stored, deep: bool) -> Result<()> {
    let path = store.file(&record.sha256);
    if deep {
        return check_contents(&path, record);
    }
    let file = std::fs::File::open(&path).map_err(|e| Error::io(format!("open {}", path.display()), &e))?;
    let (sha256, _) = sha256_of(file).map_err(|e| damaged(&path, &e.to_string()))?;
    if sha256 == record.compressed_sha256 {
        return Ok(());
    }
    Err(damaged(&path, "its bytes are not those that were written"))
}

fn title(record: &Stored) -> String {
    match record.labels.last() {
        Some(l) => format!("{} {} ({})", l.name, l.version, l.arch),
        None => record.sha256.clone(),
    }
}
