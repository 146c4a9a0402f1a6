//! Lifetimes as people write them: Go durations (`8760h`, `1h30m`), and days and years (`365d`, `10y`).

/// What Go's `time.Duration` can hold, whole hours: about 292 years.
pub const MAX_HOURS: u64 = 2_562_047;

/// A length of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(u64);

impl Lifetime {
    /// Reads one. A day is 24 hours, a year 365 days.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mut seconds = 0.0_f64;
        if rest.is_empty() {
            return Err("is empty".into());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let number: f64 = rest[..digits].parse().map_err(|_| format!("has no number before `{rest}`"))?;
            let unit_len = rest[digits..].find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len() - digits);
            let unit = &rest[digits..digits + unit_len];
            let scale = scale(unit).ok_or_else(|| match unit {
                "" => format!("has no unit after {number}"),
                _ => format!("has the unknown unit `{unit}`"),
            })?;
            seconds += number * scale;
            rest = &rest[digits + unit_len..];
        }
        if seconds > (MAX_HOURS * 3600) as f64 {
            return Err(format!("is longer than {MAX_HOURS}h, the longest that Go programs can hold"));
        }
        // Non-negative and below MAX_HOURS, so the cast loses the fraction only.
        Ok(Lifetime(seconds as u64))
    }
    /// Whole seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
    /// As a Go duration: `8760h`, or with minutes and seconds where it is not whole hours.
    pub fn to_go(self) -> String {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        match (minutes, seconds) {
            (0, 0) => format!("{hours}h"),
            (_, 0) => format!("{hours}h{minutes}m"),
            _ => format!("{hours}h{minutes}m{seconds}s"),
        }
    }
}

fn scale(unit: &str) -> Option<f64> {
    Some(match unit {
        "y" => 365.0 * 86400.0,
        "d" => 86400.0,
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_become_go_durations() {
        let go = |text: &str| Lifetime::parse(text).map(Lifetime::to_go);
        assert_eq!(go("8760h").unwrap(), "8760h");
        assert_eq!(go("1y").unwrap(), "8760h");
        assert_eq!(go("90d").unwrap(), "2160h");
        assert_eq!(go("1d12h").unwrap(), "36h");
        assert_eq!(go("1.5h").unwrap(), "1h30m");
        assert_eq!(go("90m1s").unwrap(), "1h30m1s");
        assert_eq!(go("100y").unwrap(), "876000h");
    }

    #[test]
    fn what_is_none_is_explained() {
        let why = |text: &str| Lifetime::parse(text).unwrap_err();
        assert_eq!(why(""), "is empty");
        assert_eq!(why("365"), "has no unit after 365");
        assert_eq!(why("1 year"), "has the unknown unit ` year`");
        assert_eq!(why("-1h"), "has no number before `-1h`");
        assert_eq!(why("1w"), "has the unknown unit `w`");
        assert_eq!(why("1000y"), "is longer than 2562047h, the longest that Go programs can hold");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_lifetime_or_a_reason(text in "\\PC{0,20}") {
            let _ = Lifetime::parse(&text);
        }
        #[test]
        fn what_we_write_reads_back(seconds in 0..MAX_HOURS * 3600) {
            let written = Lifetime(seconds).to_go();
            proptest::prop_assert_eq!(Lifetime::parse(&written).unwrap().seconds(), seconds);
        }
    }
}
