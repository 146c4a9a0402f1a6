//! Text of others on a screen or in a log: nothing in it that a terminal obeys, that turns the direction of what follows,
//! or that cannot be seen.

use std::borrow::Cow;

/// Several lines: newlines and tabs stay, every other control character and what hides becomes U+FFFD.
pub fn shown(text: &str) -> Cow<'_, str> {
    clean(text, |c| matches!(c, '\n' | '\t'))
}

/// One line: a newline in it would be another line, which nobody of ours has said.
pub fn shown_line(text: &str) -> Cow<'_, str> {
    clean(text, |c| c == '\t')
}

/// What a host said, in one line that is not endless: its first `most` characters.
pub fn told(text: &str, most: usize) -> String {
    shown_line(text).chars().take(most).collect()
}

/// A JSON document: what JSON itself lets through in strings is escaped, so that its value stays.
pub fn shown_json(document: &str) -> Cow<'_, str> {
    let harmful = |c: char| !c.is_ascii() && is_harmful(c) || c == '\u{7f}';
    if !document.contains(harmful) {
        return document.into();
    }
    let mut escaped = String::with_capacity(document.len() + 64);
    for c in document.chars() {
        match c {
            c if harmful(c) => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
            }
            c => escaped.push(c),
        }
    }
    escaped.into()
}

fn clean(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harmful = |c: char| is_harmful(c) && !stays(c);
    if !text.contains(harmful) {
        return text.into();
    }
    text.chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect::<String>().into()
}

/// Control characters of ASCII and of ISO 6429 (C1), Unicode's bidirectional controls, separators of lines and paragraphs,
/// and what is not seen: all of Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt), Braille without dots,
/// marks of annotations.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_or_hides_is_shown() {
        for unseen in
            "\u{3164}\u{115f}\u{ffa0}\u{2800}\u{fe0f}\u{e0101}\u{1d173}\u{34f}\u{17b4}\u{180b}\u{1bca0}\u{fff0}".chars()
        {
            assert_eq!(shown_line(&unseen.to_string()), "\u{fffd}", "{unseen:?}");
        }
        assert_eq!(shown("a\u{202e}b\u{1b}[31m\u{2066}\u{200b}"), "a\u{fffd}b\u{fffd}[31m\u{fffd}\u{fffd}");
        assert_eq!(shown("\u{9b}2J\u{7f}\r\n\tx"), "\u{fffd}2J\u{fffd}\u{fffd}\n\tx");
        assert_eq!(shown_line("m1\nm2: all is well"), "m1\u{fffd}m2: all is well");
        assert_eq!((told("a\u{1b}\nb", 3).as_str(), told("", 3).as_str()), ("a\u{fffd}\u{fffd}", ""));
        let names = "Müller, 株式会社, שלום";
        assert!(matches!(shown(names), Cow::Borrowed(same) if same == names));
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({ "os": "a\u{1b}]52;c;\u{9b}\u{7f}\u{202e}\u{e0041}\n", "name": "Müller" });
        let document = serde_json::to_string(&value).unwrap();
        let escaped = shown_json(&document);
        assert!(!escaped.contains(is_harmful), "{escaped}");
        assert!(escaped.contains(r"\u009b\u007f\u202e\udb40\udc41") && escaped.contains("Müller"), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
