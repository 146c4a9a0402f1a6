//! Which logs of earlier commands stay.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Older ones go.
const AGE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Bytes of all that stay together.
const BYTES: u64 = 64 << 20;
/// So many stay whatever they are: what went wrong last can be read.
const NEWEST: usize = 10;

/// A log of an earlier command.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Log {
    path: PathBuf,
    age: Duration,
    bytes: u64,
}

/// Removes logs that are old, or more than fit. Nothing depends on it: what cannot be removed stays.
pub(super) fn prune(dir: &Path, now: SystemTime) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let logs = entries.filter_map(|entry| {
        let (path, data) = (entry.path(), entry.metadata().ok()?);
        let age = now.duration_since(data.modified().ok()?).unwrap_or_default();
        (data.is_file() && path.extension()? == "log").then_some(Log { path, age, bytes: data.len() })
    });
    for log in to_remove(logs.collect()) {
        let _ = fs::remove_file(log.path);
    }
}

fn to_remove(mut logs: Vec<Log>) -> Vec<Log> {
    logs.sort_by_key(|log| log.age);
    let mut bytes = 0;
    let goes = |(at, log): &(usize, Log)| {
        bytes += log.bytes;
        *at >= NEWEST && (log.age > AGE || bytes > BYTES)
    };
    logs.into_iter().enumerate().filter(goes).map(|(_, log)| log).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(days: u64, megabytes: u64) -> Log {
        let age = Duration::from_secs(days * 24 * 60 * 60);
        Log { path: format!("{days}.log").into(), age, bytes: megabytes << 20 }
    }

    #[test]
    fn old_ones_go_and_those_that_are_too_much_but_never_the_last_ten() {
        let days = |logs: Vec<Log>| to_remove(logs).iter().map(|l| l.age.as_secs() / 86_400).collect::<Vec<_>>();
        assert_eq!(days((100..110).map(|day| log(day, 100)).collect()), [0; 0], "the newest ten stay");
        let young = (1..=10).map(|day| log(day, 0));
        assert_eq!(days(young.clone().chain([log(91, 0), log(90, 0)]).collect()), [91]);
        assert_eq!(days(young.chain([log(20, 40), log(30, 40), log(40, 1)]).collect()), [30, 40]);
    }

    #[test]
    fn only_logs_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        for name in (0..12).map(|n| format!("{n}.log")).chain(["notes.txt".to_owned()]) {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        prune(dir.path(), SystemTime::now() + AGE + Duration::from_secs(3_600));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), NEWEST + 1);
        assert!(dir.path().join("notes.txt").exists());
    }
}
