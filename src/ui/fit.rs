//! Fitting columns into a terminal.

use crate::text::{columns, width};

/// Between columns.
const GAP: usize = 2;
/// What a column keeps that must give way, though it were narrower than the rest.
const LEAST: usize = 8;

/// How a cell gives way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shrinks {
    /// Its end is cut off.
    AtEnd,
    /// Its beginning is cut off.
    AtStart,
    /// The last of its items are left out.
    ByItems(Vec<String>),
}

/// Makes the widest columns narrower until all fit, as far as their headings and a few characters allow.
pub(super) fn narrow(widths: &mut [usize], headings: &[usize], room: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    let least = |at: usize| headings.get(at).copied().unwrap_or(0).max(LEAST);
    while widths.iter().sum::<usize>() + gaps > room {
        let widest = (0..widths.len()).filter(|&at| widths[at] > least(at)).max_by_key(|&at| widths[at]);
        let Some(widest) = widest else { return };
        widths[widest] -= 1;
    }
}

/// A text in that many columns.
pub(super) fn cut(text: &str, shrinks: &Shrinks, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    match shrinks {
        Shrinks::AtEnd => format!("{}…", beginning(text.chars(), room.saturating_sub(1))),
        Shrinks::AtStart => {
            let end = beginning(text.chars().rev(), room.saturating_sub(1));
            format!("…{}", end.chars().rev().collect::<String>())
        }
        Shrinks::ByItems(items) => some(items, room),
    }
}

/// As many characters as fit.
fn beginning(text: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    text.take_while(|c| {
        used += columns(*c);
        used <= room
    })
    .collect()
}

/// As many items as fit with the number of the others; at least a piece of the first.
fn some(items: &[String], room: usize) -> String {
    for shown in (1..items.len()).rev() {
        let text = format!("{},+{}", items[..shown].join(","), items.len() - shown);
        if width(&text) <= room {
            return text;
        }
    }
    let more = if items.len() > 1 { format!(",+{}", items.len() - 1) } else { String::new() };
    let first = items.first().map_or("", String::as_str);
    let left = room.saturating_sub(more.len());
    cut(first, &Shrinks::AtEnd, left) + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_give_way_and_headings_stay() {
        let mut widths = [4, 40, 20, 12];
        narrow(&mut widths, &[4, 7, 5, 12], 60);
        assert_eq!((widths, widths.iter().sum::<usize>() + 6), ([4, 19, 19, 12], 60));
        narrow(&mut widths, &[4, 7, 5, 12], 10);
        assert_eq!(widths, [4, 8, 8, 12]);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("abcdef", &Shrinks::AtEnd, 6), "abcdef");
        assert_eq!(cut("abcdef", &Shrinks::AtEnd, 4), "abc…");
        assert_eq!(cut("/a/b/c.pem", &Shrinks::AtStart, 6), "…c.pem");
        assert_eq!(cut("主机主机", &Shrinks::AtEnd, 6), "主机…");
        let items = ["one", "two", "three"].map(str::to_owned).to_vec();
        let all = Shrinks::ByItems(items);
        let shown = |room| cut("one,two,three", &all, room);
        assert_eq!([shown(13), shown(12), shown(9), shown(5)], ["one,two,three", "one,two,+1", "one,+2", "o…,+2"]);
    }
}
