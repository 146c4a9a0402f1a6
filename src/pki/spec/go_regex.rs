//! Go's regular expressions (RE2 syntax, as Go 1.24 reads it) written anew for the `regex` crate, which reads some of them
//! differently: its `\w` is Unicode's, `[a&&b]` is an intersection, `a**` and `(?x)` are allowed, `a{` is not.
//!
//! Every literal is written as an escape and every class as ranges, so that nothing is left for the other syntax to
//! interpret. What Go refuses is refused; what cannot be said (a surrogate, flags before a repetition) is refused too: a
//! whitelist must not match other names than its author meant. Which group captures is lost: only whether it matches
//! counts here.

use std::fmt::Write;

use super::go_regex_names::{CATEGORIES, SCRIPTS};

/// The most that a repetition, and repetitions in repetitions together, may ask for.
const MOST: u32 = 1000;

const PERL: [(char, &str); 6] = [
    ('d', "[0-9]"),
    ('D', "[^0-9]"),
    ('s', r"[\t\n\x0C\r ]"),
    ('S', r"[^\t\n\x0C\r ]"),
    ('w', "[0-9A-Za-z_]"),
    ('W', "[^0-9A-Za-z_]"),
];

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// The same pattern for the `regex` crate; or what is wrong with it.
pub(crate) fn translate(pattern: &str) -> Result<String, String> {
    let mut translation =
        Translation { rest: pattern, out: String::new(), groups: vec![Group::default()], names: Vec::new() };
    translation.run()?;
    Ok(translation.out)
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
    /// Those that are open; the first is the whole pattern.
    groups: Vec<Group>,
    names: Vec<&'a str>,
}

#[derive(Clone, Copy, Default)]
struct Group {
    flags: Flags,
    before: Before,
    /// What repetitions in it multiply to at most.
    weight: u32,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    lines: bool,
    dot_all: bool,
}

/// What stands before the next item of a group.
#[derive(Clone, Copy, Default)]
enum Before {
    /// Nothing that can be repeated.
    #[default]
    Nothing,
    /// Something, with what the repetitions in it multiply to.
    Atom(u32),
    /// A repetition, which is not repeated again.
    Repeated(u32),
    /// Flags after something: Go repeats what is before them, the other syntax has no way to.
    Flags,
}

impl<'a> Translation<'a> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.chars().next() {
            match c {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.skip(1);
                    self.out.push('|');
                    self.group().before = Before::Nothing;
                }
                '*' | '+' | '?' => {
                    self.skip(1);
                    self.repeat(&c.to_string(), 1)?;
                }
                '{' => self.brace()?,
                '^' | '$' | '.' => {
                    self.skip(1);
                    self.atom(&c.to_string());
                }
                '[' => {
                    let class = self.class()?;
                    self.atom(&class);
                }
                '\\' => self.backslash()?,
                c => {
                    self.skip(c.len_utf8());
                    self.atom(&literal(c));
                }
            }
        }
        if self.groups.len() > 1 { Err("a `(` has no `)`".into()) } else { Ok(()) }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn group(&mut self) -> &mut Group {
        // The first one is never taken away.
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.group().before = Before::Atom(1);
    }

    fn open(&mut self) -> Result<(), String> {
        let mut flags = self.group().flags;
        if let Some(after) = self.rest.strip_prefix("(?P<").or_else(|| self.rest.strip_prefix("(?<")) {
            let (name, after) = after.split_once('>').ok_or("a group's name has no end")?;
            let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            if name.is_empty() || !name.bytes().all(word) || self.names.contains(&name) {
                return Err(format!("`{name}` is no name for a group, or the name of two"));
            }
            self.names.push(name);
            self.rest = after;
        } else if let Some(after) = self.rest.strip_prefix("(?") {
            let (new, end, after) = read_flags(flags, after)?;
            (flags, self.rest) = (new, after);
            if end == ')' {
                let _ = write!(self.out, "(?{flags})");
                let group = self.group();
                group.flags = flags;
                group.before = if matches!(group.before, Before::Nothing) { Before::Nothing } else { Before::Flags };
                return Ok(());
            }
        } else {
            self.skip(1);
        }
        let _ = write!(self.out, "(?{flags}:");
        self.groups.push(Group { flags, ..Group::default() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        self.skip(1);
        let Some(group) = self.groups.pop().filter(|_| !self.groups.is_empty()) else {
            return Err("a `)` has no `(`".into());
        };
        self.out.push(')');
        let weight = group.weight.max(1);
        self.group().weight = self.group().weight.max(weight);
        self.group().before = Before::Atom(weight);
        Ok(())
    }

    fn brace(&mut self) -> Result<(), String> {
        let Some((least, most, length)) = counts(self.rest) else {
            // Not a repetition: a brace.
            self.skip(1);
            self.atom(r"\{");
            return Ok(());
        };
        let text = &self.rest[..length];
        let too_much = least > MOST || most.is_some_and(|most| most > MOST || least > most);
        if too_much {
            return Err(format!("`{text}` repeats too often, or ends before it begins"));
        }
        self.skip(length);
        self.repeat(text, most.unwrap_or(least.max(1)))
    }

    /// `times` is what it counts for in repetitions of repetitions.
    fn repeat(&mut self, text: &str, times: u32) -> Result<(), String> {
        let lazy = self.rest.starts_with('?');
        self.skip(usize::from(lazy));
        let inner = match self.group().before {
            Before::Atom(inner) => inner,
            Before::Nothing => return Err(format!("there is nothing for `{text}` to repeat")),
            Before::Repeated(_) => return Err(format!("`{text}` stands after another repetition")),
            Before::Flags => return Err(format!("`{text}` stands after flags: write the flags further to the left")),
        };
        // What is repeated no times counts for nothing.
        let weight = if times == 0 { 1 } else { inner.saturating_mul(times) };
        if weight > MOST && times > 1 {
            return Err(format!("`{text}` and the repetitions in it ask for more than {MOST}"));
        }
        self.out.push_str(text);
        let group = self.group();
        group.weight = group.weight.max(weight);
        group.before = Before::Repeated(weight);
        Ok(())
    }

    fn backslash(&mut self) -> Result<(), String> {
        let next = self.rest[1..].chars().next();
        let simple = match next {
            Some('A') => r"\A",
            Some('z') => r"\z",
            Some('b') => r"(?-u:\b)",
            Some('B') => r"(?-u:\B)",
            Some('Q') => {
                let (quoted, after) = self.rest[2..].split_once(r"\E").unwrap_or((&self.rest[2..], ""));
                self.rest = after;
                // Even an empty one ends a repetition.
                if let Before::Repeated(weight) = self.group().before {
                    self.group().before = Before::Atom(weight);
                }
                quoted.chars().for_each(|c| self.atom(&literal(c)));
                return Ok(());
            }
            _ => {
                let text = match class_escape(&mut self.rest)? {
                    Some(class) => class,
                    None => literal(escape(&mut self.rest)?),
                };
                self.atom(&text);
                return Ok(());
            }
        };
        self.skip(2);
        self.atom(simple);
        Ok(())
    }

    /// `[…]`. A bracket, `&&`, `--` and `~~` in it are characters.
    fn class(&mut self) -> Result<String, String> {
        self.skip(1);
        let negated = self.rest.starts_with('^');
        self.skip(usize::from(negated));
        let mut out = String::from(if negated { "[^" } else { "[" });
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some((name, after)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
                if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return Err(format!("there is no class `[:{name}:]`"));
                }
                let _ = write!(out, "[:{name}:]");
                self.rest = after;
            } else if let Some(class) = class_escape(&mut self.rest)? {
                out.push_str(&class);
            } else {
                let low = class_char(&mut self.rest)?;
                let mut high = low;
                if self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]") {
                    self.skip(1);
                    high = class_char(&mut self.rest)?;
                }
                if high < low {
                    return Err(format!("the range `{low}-{high}` ends before it begins"));
                }
                let _ = write!(out, r"\x{{{:X}}}-\x{{{:X}}}", u32::from(low), u32::from(high));
            }
        }
        self.skip(1);
        out.push(']');
        Ok(out)
    }
}

impl std::fmt::Display for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [('i', self.fold), ('m', self.lines), ('s', self.dot_all)];
        let chosen = |on| all.iter().filter(move |(_, is)| *is == on).map(|(c, _)| *c).collect::<String>();
        let off = chosen(false);
        write!(f, "{}{}{off}", chosen(true), if off.is_empty() { "" } else { "-" })
    }
}

/// The flags after `(?`, the character that ends them, and what follows.
fn read_flags(mut flags: Flags, text: &str) -> Result<(Flags, char, &str), String> {
    let (mut on, mut seen) = (true, false);
    for (at, c) in text.char_indices() {
        match c {
            'i' => flags.fold = on,
            'm' => flags.lines = on,
            's' => flags.dot_all = on,
            // Which of several matches is found does not matter here.
            'U' => {}
            '-' if on => {
                (on, seen) = (false, false);
                continue;
            }
            ':' | ')' if on || seen => return Ok((flags, c, &text[at + 1..])),
            _ => break,
        }
        seen = true;
    }
    Err("`(?` is followed by what is no flag of i, m, s and U".into())
}

/// `{2}`, `{2,}` or `{2,3}`: least, most, and how long it is. Leading zeros make it text.
fn counts(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let (inner, _) = text.strip_prefix('{')?.split_once('}')?;
    let number = |text: &str| {
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty();
        (plain && (text.len() == 1 || !text.starts_with('0'))).then(|| text.parse().unwrap_or(u32::MAX))
    };
    let (least, most) = match inner.split_once(',') {
        None => (number(inner)?, Some(number(inner)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((least, most, inner.len() + 2))
}

/// `\d`, `\pL` and the like, if one stands here.
fn class_escape(rest: &mut &str) -> Result<Option<String>, String> {
    let mut chars = rest.chars();
    let (Some('\\'), Some(letter)) = (chars.next(), chars.next()) else { return Ok(None) };
    if let Some((_, class)) = PERL.iter().find(|(c, _)| *c == letter) {
        *rest = chars.as_str();
        return Ok(Some((*class).to_owned()));
    }
    if !matches!(letter, 'p' | 'P') {
        return Ok(None);
    }
    let text = chars.as_str();
    let (name, after) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or(r"a `\p{` has no `}`")?,
        None => text.split_at(text.chars().next().map_or(0, char::len_utf8)),
    };
    *rest = after;
    let (name, turned) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    let not = if (letter == 'P') == turned { "" } else { "^" };
    match name {
        "Any" => Ok(Some(format!(r"[{not}\p{{Any}}]"))),
        // Go's has no characters that are not assigned. Surrogates are in no text.
        "C" => Ok(Some(format!(r"[{not}\p{{Cc}}\p{{Cf}}\p{{Co}}]"))),
        "Cs" => Ok(Some(format!(r"[{}\p{{Any}}]", if not.is_empty() { "^" } else { "" }))),
        name if CATEGORIES.contains(&name) => Ok(Some(format!(r"[{not}\p{{gc={name}}}]"))),
        name if SCRIPTS.contains(&name) => Ok(Some(format!(r"[{not}\p{{sc={name}}}]"))),
        name => Err(format!(r"there is no class `\p{{{name}}}`")),
    }
}

fn class_char(rest: &mut &str) -> Result<char, String> {
    if rest.starts_with('\\') {
        return escape(rest);
    }
    let c = rest.chars().next().ok_or("a `[` has no `]`")?;
    *rest = &rest[c.len_utf8()..];
    Ok(c)
}

/// The character of `\n`, `\x41`, `\.` and the like.
fn escape(rest: &mut &str) -> Result<char, String> {
    let mut chars = rest.chars();
    chars.next();
    let c = chars.next().ok_or("it ends with a backslash")?;
    let after = chars.as_str();
    let octal = after.bytes().take_while(|b| (b'0'..=b'7').contains(b)).take(2).count();
    let unknown = || format!(r"there is no escape `\{c}`");
    let (value, after) = match c {
        '0' => (u32::from_str_radix(after.get(..octal).unwrap_or_default(), 8).unwrap_or(0), &after[octal..]),
        '1'..='7' if octal > 0 => {
            let digits = &rest[1..2 + octal];
            (u32::from_str_radix(digits, 8).map_err(|_| unknown())?, &after[octal..])
        }
        'x' => {
            let (digits, after) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}').ok_or_else(unknown)?,
                None => (after.get(..2).ok_or_else(unknown)?, after.get(2..).unwrap_or_default()),
            };
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(unknown());
            }
            let digits = digits.trim_start_matches('0');
            (u32::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16).map_err(|_| unknown())?, after)
        }
        'a' => (7, after),
        'f' => (12, after),
        'n' => (10, after),
        'r' => (13, after),
        't' => (9, after),
        'v' => (11, after),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => (u32::from(c), after),
        _ => return Err(unknown()),
    };
    *rest = after;
    char::from_u32(value).ok_or_else(|| format!(r"`\x{{{value:X}}}` is no character"))
}

fn literal(c: char) -> String {
    if c.is_ascii_alphanumeric() { c.to_string() } else { format!(r"\x{{{:X}}}", u32::from(c)) }
}

#[cfg(test)]
#[path = "go_regex_tests.rs"]
mod tests;
