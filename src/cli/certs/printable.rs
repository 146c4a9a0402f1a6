//! Text of others on a terminal.

/// Names come from whoever made the certificate: no control character of theirs reaches the terminal, and none that
/// turns the direction of what follows or cannot be seen.
pub(super) fn printable(value: &str) -> String {
    value.chars().map(|c| if c.is_control() || is_hidden(c) { '\u{fffd}' } else { c }).collect()
}

/// Directions (Unicode's bidirectional controls), what has no width, line and paragraph separators, tags.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_or_hides_is_printed() {
        assert_eq!(printable("a\u{202e}b\u{1b}[31m\u{2066}\u{200b}"), "a\u{fffd}b\u{fffd}[31m\u{fffd}\u{fffd}");
        assert_eq!(printable("Müller, 株式会社, שלום"), "Müller, 株式会社, שלום");
    }
}
