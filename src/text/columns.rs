//! How wide a text is on a terminal.

use unicode_width::UnicodeWidthChar;

/// Columns that a terminal gives a character: two for the wide ones of Chinese, Japanese and Korean text and for emoji, none
/// for what stands on the one before it (Unicode's UAX #11).
pub fn columns(c: char) -> usize {
    c.width().unwrap_or(1)
}

/// The columns of a whole text.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}
