//! Looks through the store for what is damaged.

use std::path::PathBuf;

use serde::Serialize;

use super::Store;
use super::frame::check_contents;
use super::record::Stored;
use crate::error::Result;
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

/// Reads every file in the store: whether what it unpacks to has the hash that it is named by. Nothing that lies beside
/// it is believed.
pub fn verify(store: &Store, reporter: &dyn Reporter) -> Result<Vec<Finding>> {
    let hashes = store.hashes()?;
    step::run(reporter, "", "verify the store", |step| {
        let mut findings = Vec::new();
        for (index, sha256) in hashes.iter().enumerate() {
            findings.push(one(store, sha256));
            step.progress(index as u64 + 1, hashes.len() as u64);
        }
        let bad = findings.iter().filter(|f| f.problem.is_some()).count();
        Ok((findings, format!("{} files, {bad} damaged", hashes.len())))
    })
}

fn one(store: &Store, sha256: &str) -> Finding {
    let file = store.file(sha256);
    match store.record(sha256) {
        Ok(record) => {
            let checked = store.check_length(&record).and_then(|()| check_contents(&file, sha256, record.size));
            Finding { what: title(&record), file, problem: checked.err().map(|e| e.message) }
        }
        Err(error) => {
            let what = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            Finding { what, file, problem: Some(error.message) }
        }
    }
}

fn title(record: &Stored) -> String {
    match record.labels.last() {
        Some(label) => label.title(),
        None => record.sha256.clone(),
    }
}
