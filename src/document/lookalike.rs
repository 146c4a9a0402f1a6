//! Characters that look like ASCII but are not: the full-width comma in a name costs people an afternoon.

/// The first character outside printable ASCII in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd {
    /// The character.
    pub char: char,
    /// Characters before it.
    pub offset: usize,
}

/// Finds the first one.
pub fn find(text: &str) -> Option<Odd> {
    text.chars().enumerate().find(|(_, c)| !matches!(c, ' '..='~' | '\t')).map(|(offset, char)| Odd { char, offset })
}

impl Odd {
    /// For example ``full-width comma `，` (U+FF0C)``.
    pub fn describe(&self) -> String {
        let code = format!("U+{:04X}", self.char as u32);
        let shown = if self.char.is_control() || self.char.is_whitespace() || invisible(self.char) {
            String::new()
        } else {
            format!(" `{}`", self.char)
        };
        match name(self.char) {
            Some(name) => format!("{name}{shown} ({code})"),
            None => format!("character{shown} ({code})"),
        }
    }
    /// What to write instead.
    pub fn remedy(&self) -> String {
        match ascii(self.char) {
            Some(' ') => "write an ordinary space, or none".into(),
            Some(c) => format!("write the ASCII `{c}`"),
            None if invisible(self.char) => "delete it: it cannot be seen".into(),
            None => "write ASCII letters, digits and `-`".into(),
        }
    }
    /// Both in one sentence.
    pub fn explain(&self, line: usize) -> String {
        format!("there is a {} in line {line}: {}", self.describe(), self.remedy())
    }
}

/// The text with ASCII in the place of what looks like it.
pub fn to_ascii(text: &str) -> String {
    text.chars().filter(|c| !invisible(*c)).map(|c| ascii(c).unwrap_or(c)).collect()
}

/// The ASCII character that it is taken for.
fn ascii(c: char) -> Option<char> {
    match c {
        // Full-width forms stand in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
        '\u{3000}' | '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' => Some(' '),
        '、' => Some(','),
        '。' => Some('.'),
        '‘' | '’' => Some('\''),
        '“' | '”' => Some('"'),
        '‐' | '‑' | '‒' | '–' | '—' | '−' => Some('-'),
        _ => None,
    }
}

fn name(c: char) -> Option<&'static str> {
    Some(match c {
        '，' => "full-width comma",
        '：' => "full-width colon",
        '．' => "full-width full stop",
        '；' => "full-width semicolon",
        '－' => "full-width hyphen",
        '／' => "full-width slash",
        '（' | '）' => "full-width parenthesis",
        '０'..='９' => "full-width digit",
        '\u{ff01}'..='\u{ff5e}' => "full-width character",
        '\u{3000}' => "full-width space",
        '、' => "ideographic comma",
        '。' => "ideographic full stop",
        '\u{a0}' => "no-break space",
        '\u{feff}' => "byte-order mark",
        '\u{200b}' => "zero-width space",
        '‘' | '’' | '“' | '”' => "typographic quote",
        '‐' | '‑' | '‒' | '–' | '—' | '−' => "typographic dash",
        c if c.is_control() => "control character",
        _ => return None,
    })
}

fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookalikes_are_named_with_what_to_write() {
        let say = |text: &str| find(text).map(|odd| format!("{} at {}: {}", odd.describe(), odd.offset, odd.remedy()));
        assert_eq!(say("plain ASCII\tonly"), None);
        assert_eq!(say("a，b").unwrap(), "full-width comma `，` (U+FF0C) at 1: write the ASCII `,`");
        assert_eq!(say("api。example").unwrap(), "ideographic full stop `。` (U+3002) at 3: write the ASCII `.`");
        assert_eq!(say("ab\u{200b}").unwrap(), "zero-width space (U+200B) at 2: delete it: it cannot be seen");
        assert_eq!(say("\u{a0}x").unwrap(), "no-break space (U+00A0) at 0: write an ordinary space, or none");
        assert_eq!(say("主机").unwrap(), "character `主` (U+4E3B) at 0: write ASCII letters, digits and `-`");
        assert_eq!(say("１").unwrap(), "full-width digit `１` (U+FF11) at 0: write the ASCII `1`");
    }
}
