//! Lengths of time as Go writes them (`8760h`, `1h30m`), and with `d` and `y` as people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use time::Duration;

use crate::error::{Error, Result};

/// A length of time, in whole nanoseconds, possibly negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(Duration);

const NANO: i128 = 1;
const SECOND: i128 = 1_000_000_000 * NANO;
const HOUR: i128 = 3600 * SECOND;
const DAY: i128 = 24 * HOUR;

/// `y` is 365 days, so that `10y` is the `87600h` that everybody writes for it. The longest first, where one begins another.
const UNITS: [(&str, i128); 10] = [
    ("ns", NANO),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", HOUR),
    ("d", DAY),
    ("y", 365 * DAY),
];

impl Lifetime {
    /// What Go's `time.Duration` can hold, whole hours: about 292 years.
    pub const MOST_IN_GO: Lifetime = Lifetime::hours(2_562_047);

    /// That many hours.
    pub const fn hours(hours: i64) -> Self {
        Lifetime(Duration::hours(hours))
    }
    /// For arithmetic on time.
    pub fn duration(self) -> Duration {
        self.0
    }
    /// No time at all, which configurations use for "default".
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
    /// Less than none.
    pub fn is_negative(self) -> bool {
        self.0.is_negative()
    }
}

impl FromStr for Lifetime {
    type Err = Error;

    /// `[+-]number unit …`; a number may have a fraction; `0` needs no unit.
    fn from_str(text: &str) -> Result<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let nanos = if unsigned == "0" { 0 } else { parse(text, unsigned)? };
        let nanos = if text.starts_with('-') { -nanos } else { nanos };
        let seconds = i64::try_from(nanos / SECOND).map_err(|_| too_long(text))?;
        Ok(Lifetime(Duration::new(seconds, i32::try_from(nanos % SECOND).unwrap_or(0))))
    }
}

fn parse(text: &str, unsigned: &str) -> Result<i128> {
    let mut rest = unsigned;
    let mut total = 0i128;
    if rest.is_empty() {
        return Err(wrong(text, "it is empty"));
    }
    while !rest.is_empty() {
        let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(digits(rest));
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(digits(after)),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(wrong(text, "a number is missing"));
        }
        let unit_length = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        let scale = match UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, scale)) => *scale,
            None if unit.is_empty() => return Err(wrong(text, "a unit is missing")),
            None => return Err(wrong(text, &format!("there is no unit `{unit}`"))),
        };
        total = add(total, whole, fraction, scale).ok_or_else(|| too_long(text))?;
        rest = after;
    }
    Ok(total)
}

fn add(total: i128, whole: &str, fraction: &str, scale: i128) -> Option<i128> {
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Digits below a nanosecond of the largest unit do not matter.
    let digits = &fraction[..fraction.len().min(17)];
    let fraction: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let part = fraction * scale / 10i128.pow(digits.len() as u32);
    total.checked_add(whole.checked_mul(scale)?)?.checked_add(part)
}

fn wrong(text: &str, why: &str) -> Error {
    Error::input(format!("`{text}` is not a length of time: {why}")).hint("write for example 8760h, 1h30m, 90d or 10y")
}

fn too_long(text: &str) -> Error {
    Error::input(format!("`{text}` is too long a time"))
}

impl fmt::Display for Lifetime {
    /// Whole hours as `8760h`, whole minutes as `1h30m`, whole seconds as `1h30m15s`, else in seconds with a fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_negative() {
            f.write_str("-")?;
        }
        let (seconds, nanos) = (self.0.whole_seconds().unsigned_abs(), self.0.subsec_nanoseconds().unsigned_abs());
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        match nanos {
            0 if seconds > 0 || (hours == 0 && minutes == 0) => write!(f, "{seconds}s"),
            0 => Ok(()),
            _ => write!(f, "{seconds}.{nanos:09}s"),
        }
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> String {
        text.parse::<Lifetime>().map_or_else(|e| e.message, |l| l.to_string())
    }

    #[test]
    fn reads_go_durations_days_and_years() {
        for (text, expected) in [
            ("8760h", "8760h"),
            ("1h30m", "1h30m"),
            ("1.5h", "1h30m"),
            (".5h", "30m"),
            ("1h30m15s", "1h30m15s"),
            ("1500ms", "1.500000000s"),
            ("-5m", "-5m"),
            ("+5m", "5m"),
            ("0", "0s"),
            ("0h", "0s"),
            ("1d", "24h"),
            ("1y", "8760h"),
            ("10y", "87600h"),
            ("1y6h", "8766h"),
            ("876000h", "876000h"),
            ("1us1µs", "0.000002000s"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        insta::assert_snapshot!(parsed(""), @"`` is not a length of time: it is empty");
        insta::assert_snapshot!(parsed("8760"), @"`8760` is not a length of time: a unit is missing");
        insta::assert_snapshot!(parsed("1w"), @"`1w` is not a length of time: there is no unit `w`");
        insta::assert_snapshot!(parsed("h"), @"`h` is not a length of time: a number is missing");
        insta::assert_snapshot!(parsed("1 h"), @"`1 h` is not a length of time: there is no unit ` h`");
        insta::assert_snapshot!(parsed("--1h"), @"`--1h` is not a length of time: a number is missing");
        insta::assert_snapshot!(parsed("99999999999999999999999999999999999999h"), @"`99999999999999999999999999999999999999h` is too long a time");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+]?[0-9.]{0,40}[a-zµ]{0,3}[0-9.]{0,25}.{0,4}") {
            let _ = text.parse::<Lifetime>();
        }

        #[test]
        fn what_is_shown_reads_back(seconds in -10_000_000_000i64..10_000_000_000, nanos in 0i32..1_000_000_000) {
            let nanos = if seconds < 0 { -nanos } else { nanos };
            let lifetime = Lifetime(Duration::new(seconds, nanos));
            prop_assert_eq!(lifetime.to_string().parse::<Lifetime>().unwrap(), lifetime);
        }
    }
}
