//! How wide a text is on a terminal.

/// Columns that a terminal gives a character: two for the wide ones of Chinese, Japanese and Korean text and for emoji,
/// none for what stands on the one before it.
pub fn columns(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f | 0xfeff => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The columns of a whole text.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}
