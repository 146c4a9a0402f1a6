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
        (data.is_file() && is_ours(path.file_name()?.to_str()?)).then_some(Log { path, age, bytes: data.len() })
    });
    for log in to_remove(logs.collect()) {
        let _ = fs::remove_file(log.path);
    }
}

/// `20260102T030405.678Z-up.log`: other files that are called logs are not for us to remove.
fn is_ours(name: &str) -> bool {
    const STAMP: &str = "00000000T000000.000Z-";
    let Some((stamp, command)) = name.strip_suffix(".log").and_then(|name| name.split_at_checked(STAMP.len())) else {
        return false;
    };
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    stamp.bytes().zip(STAMP.bytes()).all(fits)
        && !command.is_empty()
        && command.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
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
    fn only_logs_of_ours_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let others =
            ["notes.txt", "syslog.log", "20260102.log", "20260102T030405.678Z-.log", "20260102T030405.678Z-Up.log"];
        let ours = (10..22).map(|n| format!("20260102T0304{n}.678Z-node-revoke.log"));
        for name in ours.chain(others.map(str::to_owned)) {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        prune(dir.path(), SystemTime::now() + AGE + Duration::from_secs(3_600));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), NEWEST + others.len());
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
    }
}
