//! Long texts, cut: a message is to be read, and the line that it is about stands below it.

/// Words and quotations with more characters are cut.
const LONGEST: usize = 100;
/// So many of them are left.
const KEPT: usize = 60;
/// So many are left of a value of which only the beginning matters.
const GLIMPSE: usize = 40;

/// A message in which every long word, and everything long between backquotes, is cut.
pub fn shortened(message: &str) -> String {
    let mut out = String::with_capacity(message.len().min(4 * LONGEST));
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        let (piece, quote) = match rest.strip_prefix('`').and_then(|inside| inside.split_once('`')) {
            Some((inside, _)) => (inside, "`"),
            None if first == '`' || first.is_whitespace() => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            None => (&rest[..rest.find(|c: char| c == '`' || c.is_whitespace()).unwrap_or(rest.len())], ""),
        };
        out.push_str(quote);
        out.push_str(&cut(piece, LONGEST, KEPT));
        out.push_str(quote);
        rest = &rest[piece.len() + 2 * quote.len()..];
    }
    out
}

/// Enough of a value to recognise it: the beginning of its first line.
pub fn glimpse(value: &str) -> String {
    let line = value.lines().next().unwrap_or("");
    match line.len() < value.len() && line.chars().count() <= GLIMPSE {
        true => format!("{line}…"),
        false => cut(line, GLIMPSE, GLIMPSE),
    }
}

fn cut(text: &str, longest: usize, kept: usize) -> String {
    match text.chars().nth(longest) {
        Some(_) => text.chars().take(kept).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_and_quotations_are_cut_and_the_rest_stays() {
        let long = "x".repeat(300);
        let kept = format!("{}…", "x".repeat(60));
        assert_eq!(
            shortened(&format!("host name `{long}` has 300 characters, 253 are allowed")),
            format!("host name `{kept}` has 300 characters, 253 are allowed")
        );
        assert_eq!(shortened(&format!("host {long} is not a node")), format!("host {kept} is not a node"));
        let words = format!("`{}`", "word ".repeat(60));
        assert_eq!(shortened(&words).chars().count(), 63);
        for short in ["", "write `- {name: m1}`", "a ` alone", "``", "two  spaces\nand a line", &"y".repeat(100)] {
            assert_eq!(shortened(short), short);
        }
        assert_eq!(shortened(&"主".repeat(101)), format!("{}…", "主".repeat(60)));
    }

    #[test]
    fn of_a_value_its_beginning_is_shown() {
        assert_eq!(glimpse("short"), "short");
        assert_eq!(glimpse("first\nsecond"), "first…");
        assert_eq!(glimpse(&"z".repeat(41)), format!("{}…", "z".repeat(40)));
    }
}
