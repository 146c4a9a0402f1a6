//! Command lines as Go's `flag` package reads them: one dash or two, `-x v` or `-x=v`, switches only alone or with `=`,
//! flags before the first other argument.

use std::collections::BTreeMap;

use crate::cfssl::go;

/// One flag.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Without its dashes.
    pub name: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// As the help shows it.
    pub default: &'static str,
    /// For the help.
    pub usage: &'static str,
}

/// What a flag's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Text,
    /// `true` or `false`; alone it is `true`.
    Switch,
    /// A whole number.
    Number,
    /// A Go duration.
    Duration,
}

/// A command line that was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    values: BTreeMap<&'static str, String>,
    /// What comes after the flags.
    pub args: Vec<String>,
}

/// Why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// `-h` or `-help`.
    Help,
    /// In Go's words.
    Wrong(String),
}

impl Parsed {
    /// A flag's value; empty where it was not given.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
    /// Whether a switch is on.
    pub fn on(&self, name: &str) -> bool {
        boolean(self.text(name)) == Some(true)
    }
    /// Takes a flag back.
    pub fn unset(&mut self, name: &str) {
        self.values.remove(name);
    }
    /// A number; none where it was not given.
    pub fn number(&self, name: &str) -> Option<i64> {
        number(self.text(name))
    }
}

/// Reads the flags and leaves the rest. Of a flag given twice the last counts.
pub fn parse(flags: &[Flag], args: &[String]) -> Result<Parsed, Stop> {
    let mut parsed = Parsed::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.as_slice().first() {
        let Some(name) = arg.strip_prefix('-').filter(|name| !name.is_empty()) else { break };
        rest.next();
        if name == "-" {
            break;
        }
        let name = name.strip_prefix('-').unwrap_or(name);
        if name.is_empty() || name.starts_with(['-', '=']) {
            return Err(Stop::Wrong(format!("bad flag syntax: {arg}")));
        }
        let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        let Some(flag) = flags.iter().find(|flag| flag.name == name) else {
            return Err(match name {
                "h" | "help" => Stop::Help,
                _ => Stop::Wrong(format!("flag provided but not defined: -{name}")),
            });
        };
        let value = match (value, flag.kind) {
            (Some(value), _) => value.to_owned(),
            (None, Kind::Switch) => "true".to_owned(),
            (None, _) => match rest.next() {
                Some(value) => value.clone(),
                None => return Err(Stop::Wrong(format!("flag needs an argument: -{name}"))),
            },
        };
        check(flag, &value)?;
        parsed.values.insert(flag.name, value);
    }
    parsed.args = rest.cloned().collect();
    Ok(parsed)
}

fn check(flag: &Flag, value: &str) -> Result<(), Stop> {
    let name = flag.name;
    let good = match flag.kind {
        Kind::Text => true,
        Kind::Switch => boolean(value).is_some(),
        Kind::Number => number(value).is_some(),
        Kind::Duration => go::duration::check(value).is_ok(),
    };
    match flag.kind {
        _ if good => Ok(()),
        Kind::Switch => Err(Stop::Wrong(format!("invalid boolean value {value:?} for -{name}: parse error"))),
        _ => Err(Stop::Wrong(format!("invalid value {value:?} for flag -{name}: parse error"))),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let lower = digits.to_ascii_lowercase();
    let value = match lower.split_at_checked(2) {
        Some(("0x", hex)) => i64::from_str_radix(hex, 16),
        Some(("0o", octal)) => i64::from_str_radix(octal, 8),
        Some(("0b", binary)) => i64::from_str_radix(binary, 2),
        _ if lower.starts_with('+') => return None,
        _ => lower.parse(),
    };
    value.ok().map(|value| sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FLAGS: [Flag; 4] = [
        Flag { name: "ca", kind: Kind::Text, default: "", usage: "" },
        Flag { name: "initca", kind: Kind::Switch, default: "false", usage: "" },
        Flag { name: "loglevel", kind: Kind::Number, default: "1", usage: "" },
        Flag { name: "expiry", kind: Kind::Duration, default: "168h", usage: "" },
    ];

    fn read(line: &str) -> String {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        match parse(&FLAGS, &args) {
            Ok(parsed) => format!("{:?} {:?}", parsed.values, parsed.args),
            Err(Stop::Help) => "help".to_owned(),
            Err(Stop::Wrong(text)) => text,
        }
    }

    #[test]
    fn reads_as_go_does() {
        for line in ["-ca a x", "--ca a x", "-ca=a x", "--ca=a x", "-ca b -ca a x", "-ca a -- x"] {
            assert_eq!(read(line), r#"{"ca": "a"} ["x"]"#, "{line}");
        }
        assert_eq!(read("-initca x -ca a"), r#"{"initca": "true"} ["x", "-ca", "a"]"#);
        assert_eq!(read("-initca=F -"), r#"{"initca": "F"} ["-"]"#);
        assert_eq!(read("-ca -x"), r#"{"ca": "-x"} []"#);
        assert_eq!(read("-ca= x"), r#"{"ca": ""} ["x"]"#);
        assert_eq!(read("-loglevel 0x2 -expiry 1h30m"), r#"{"expiry": "1h30m", "loglevel": "0x2"} []"#);
    }

    #[test]
    fn refuses_in_gos_words() {
        insta::assert_snapshot!(read("-foo"), @"flag provided but not defined: -foo");
        insta::assert_snapshot!(read("-ca"), @"flag needs an argument: -ca");
        insta::assert_snapshot!(read("-initca=maybe"), @r#"invalid boolean value "maybe" for -initca: parse error"#);
        insta::assert_snapshot!(read("-loglevel=x"), @r#"invalid value "x" for flag -loglevel: parse error"#);
        insta::assert_snapshot!(read("-expiry=7d"), @r#"invalid value "7d" for flag -expiry: parse error"#);
        insta::assert_snapshot!(read("---ca"), @"bad flag syntax: ---ca");
        insta::assert_snapshot!(read("-=x"), @"bad flag syntax: -=x");
        assert_eq!((read("-h"), read("--help")), ("help".to_owned(), "help".to_owned()));
    }

    proptest! {
        #[test]
        fn never_panics(args in proptest::collection::vec("[-=a-zé0-9]{0,8}", 0..6)) {
            let _ = parse(&FLAGS, &args);
        }
    }
}
