//! cfssl's log lines on standard error; scripts cut the serial number out of one of them.

use time::OffsetDateTime;
use time::macros::format_description;

use crate::secret::quoted;
use crate::text::shown_line;
use crate::ui::stderr;

/// Writes log lines from a level on.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    level: u8,
}

impl Log {
    /// cfssl's levels: 0 debug, 1 information, 2 warnings, 3 errors, 4 and above nothing.
    pub fn new(level: u8) -> Self {
        Log { level }
    }
    /// What is being done.
    pub fn info(&self, text: &str) {
        self.write(1, "INFO", text);
    }
    /// Something that a person should look at.
    pub fn warning(&self, text: &str) {
        self.write(2, "WARNING", text);
    }
    /// A warning of several lines, all of them our own.
    pub fn warning_lines(&self, text: &'static str) {
        self.lines(2, "WARNING", text);
    }
    /// Why something was not done, where the last line on standard error does not say it.
    pub fn error(&self, text: &str) {
        self.write(3, "ERROR", text);
    }

    /// A name with a newline in it would make a line that nobody of ours has said; scripts cut serial numbers out of them.
    fn write(&self, level: u8, name: &str, text: &str) {
        self.lines(level, name, &quoted::masked(&shown_line(text), quoted::is_in(text)));
    }

    fn lines(&self, level: u8, name: &str, text: &str) {
        if level >= self.level {
            // Where the system's time zone cannot be had, it is UTC.
            let now = OffsetDateTime::now_local().unwrap_or_else(|_| OffsetDateTime::now_utc());
            stderr::text(&line(now, name, text));
        }
    }
}

/// `2026/11/21 09:57:31 [INFO] text`, in the time zone of `now`.
fn line(now: OffsetDateTime, level: &str, text: &str) -> String {
    let form = format_description!("[year]/[month]/[day] [hour]:[minute]:[second]");
    format!("{} [{level}] {text}\n", now.format(form).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_serial_number_in_its_ninth_field() {
        let now = time::macros::datetime!(2026-11-21 09:57:31 +8);
        let line = line(now, "INFO", "signed certificate with serial number 42");
        assert_eq!(line, "2026/11/21 09:57:31 [INFO] signed certificate with serial number 42\n");
        assert_eq!(line.split_whitespace().nth(8), Some("42"));
    }
}
