//! Where events go besides a person's screen: JSON lines, a log file; and how an event reads as a line.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::OFlags;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::event::{Event, Level, Reporter};
use super::{old_logs, stderr};
use crate::error::{Error, Result};
use crate::text::{shown_json, shown_line};

/// One JSON object per event on standard error.
#[derive(Debug, Default)]
pub struct Json;

impl Reporter for Json {
    fn report(&self, event: &Event) {
        if let Ok(text) = serde_json::to_string(event) {
            stderr::painted(&format!("{}\n", shown_json(&text)));
        }
    }
}

/// Everything that was done, with times, in a file of the cluster's folder.
pub struct LogFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl LogFile {
    /// Begins `<dir>/<UTC time>-<command>.log`, 0600; the folder is made if need be. Logs of more than 90 days, and what is
    /// more than 64 MiB together, go.
    pub fn begin(dir: &Path, command: &str, now: OffsetDateTime) -> Result<Self> {
        fs::create_dir_all(dir).map_err(|e| Error::io(format!("make the log folder {}", dir.display()), &e))?;
        let stamp = now
            .format(format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:3]Z"))
            .map_err(|e| Error::internal(format!("format a time: {e}")))?;
        let path = dir.join(format!("{stamp}-{command}.log"));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(|e| Error::io(format!("open the log {}", path.display()), &e))?;
        old_logs::prune(dir, now.into());
        Ok(LogFile { path, file: Mutex::new(file) })
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// A line of its own, for what is no event (the error at the end).
    pub fn write(&self, text: &str) {
        let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let mut file = self.file.lock().unwrap_or_else(|e| e.into_inner());
        for part in text.lines() {
            // A full disk must not end the run that the log is about.
            let _ = writeln!(file, "{now} {}", shown_line(part));
        }
    }
}

impl Reporter for LogFile {
    fn report(&self, event: &Event) {
        let text = match event {
            Event::Started { host, step } => format!("{} begins: {step}", place(host)),
            Event::Waiting { host, step, seen } => format!("{} {step}: waits: {seen}", place(host)),
            Event::Message { level: Level::Debug, host, text } => format!("{} debug: {text}", place(host)),
            other => match line(other) {
                Some(line) => line,
                None => return,
            },
        };
        self.write(&text);
    }
}

/// The event as a line for people; none for what only a live display shows.
pub(super) fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Stage { title } => format!("== {title}"),
        Event::Started { .. } | Event::Progress { .. } | Event::Waiting { .. } => return None,
        Event::Message { level: Level::Debug, .. } => return None,
        Event::Done { host, step, millis, note } if note.is_empty() => {
            format!("{} {step} ({})", place(host), duration(*millis))
        }
        Event::Done { host, step, millis, note } => {
            format!("{} {step}: {note} ({})", place(host), duration(*millis))
        }
        Event::Failed { host, step, message } => format!("{} {step}: FAILED: {message}", place(host)),
        Event::Message { level, host, text } => {
            let mark = if *level == Level::Warning { "warning: " } else { "" };
            if host.is_empty() { format!("{mark}{text}") } else { format!("{host}: {mark}{text}") }
        }
    })
}

pub(super) fn place(host: &str) -> String {
    format!("{}:", if host.is_empty() { "here" } else { host })
}

/// `340 ms`, `2.1 s`, `3 min 20 s`.
pub fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(340), "340 ms");
        assert_eq!(duration(2_150), "2.1 s");
        assert_eq!(duration(200_000), "3 min 20 s");
    }

    #[test]
    fn the_log_is_private_and_keeps_beginnings_and_ends() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let log = LogFile::begin(&dir.path().join("log"), "up", OffsetDateTime::UNIX_EPOCH).unwrap();
        log.report(&Event::Started { host: "m1".into(), step: "start etcd".into() });
        log.report(&Event::Done { host: "m1".into(), step: "start etcd".into(), millis: 12, note: String::new() });
        let text = fs::read_to_string(log.path()).unwrap();
        assert!(text.contains("m1: begins: start etcd\n") && text.contains("m1: start etcd (12 ms)\n"), "{text}");
        assert_eq!(fs::metadata(log.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(log.path().ends_with("19700101T000000.000Z-up.log"));

        let elsewhere = dir.path().join("elsewhere");
        fs::rename(log.path(), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, log.path()).unwrap();
        let begun = LogFile::begin(&dir.path().join("log"), "up", OffsetDateTime::UNIX_EPOCH);
        assert!(begun.is_err_and(|e| e.message.starts_with("open the log ")), "a link is not followed");
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), text);
    }
}
