//! What Go's `time.ParseDuration` says against a length of time; it knows no days and years.

const UNITS: [&str; 8] = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];

/// `Err` with Go's words.
pub fn check(text: &str) -> Result<(), String> {
    let invalid = || Err(format!("time: invalid duration {text:?}"));
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(());
    }
    if rest.is_empty() {
        return invalid();
    }
    while !rest.is_empty() {
        let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
        let whole = digits(rest);
        let after = &rest[whole..];
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => (digits(after), &after[digits(after)..]),
            None => (0, after),
        };
        if whole + fraction == 0 {
            return invalid();
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        if !UNITS.contains(&unit) {
            return Err(format!("time: unknown unit {unit:?} in duration {text:?}"));
        }
        rest = after;
    }
    // 64 bits of nanoseconds are some 292 years.
    const MOST: time::Duration = time::Duration::nanoseconds(i64::MAX);
    match text.parse::<crate::pki::Lifetime>() {
        Ok(lifetime) if lifetime.duration().abs() <= MOST => Ok(()),
        _ => invalid(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn speaks_as_go_does() {
        for good in ["8760h", "1h30m15s", "1.5h", ".5s", "-5m", "+1us", "0", "2562047h"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let error = |text| check(text).unwrap_err();
        insta::assert_snapshot!(error("1y"), @r#"time: unknown unit "y" in duration "1y""#);
        insta::assert_snapshot!(error("365d"), @r#"time: unknown unit "d" in duration "365d""#);
        insta::assert_snapshot!(error("8760"), @r#"time: missing unit in duration "8760""#);
        insta::assert_snapshot!(error("x"), @r#"time: invalid duration "x""#);
        insta::assert_snapshot!(error(""), @r#"time: invalid duration """#);
        insta::assert_snapshot!(error("2562048h"), @r#"time: invalid duration "2562048h""#);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+]?[0-9.]{0,30}[a-zµ]{0,3}[0-9.]{0,5}.{0,3}") {
            let _ = check(&text);
        }
    }
}
