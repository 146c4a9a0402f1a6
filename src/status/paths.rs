//! Paths between hosts that are shut.

use super::{Check, State};
use crate::error::Result;
use crate::preflight::Finding;

/// A line for each finding; none where all are open. That they could not be tried is no trouble of the cluster.
pub(super) fn judge(shut: Result<Vec<Finding>>) -> Vec<Check> {
    let check = |state, word: &str, detail: String, remedy| {
        let (name, word) = ("paths".to_owned(), word.to_owned());
        Check { name, state, word, detail, remedy }
    };
    match shut {
        Ok(findings) => findings
            .into_iter()
            .map(|f| check(State::Bad, "shut", format!("{}: {}", f.host, f.finding), vec![f.remedy]))
            .collect(),
        Err(error) => vec![check(State::Warning, "not known", error.message, Vec::new())],
    }
}
