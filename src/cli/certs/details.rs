//! A block of text with everything in it: labels on the left, what belongs to one below it.

use std::fmt::Write;

use crate::pki::Field;
use crate::text::width;
use crate::ui::Printer;

/// Labels are padded to the longest beside them, but not beyond this.
const LABEL: usize = 28;
/// Bytes of hexadecimal in a line.
const BYTES: usize = 24;
const INDENT: usize = 2;

/// What stands in one place.
pub(super) fn block(place: &str, fields: &[Field], printer: &Printer) -> String {
    let mut text = format!("{}\n", printer.paint("1", place));
    write(&mut text, fields, INDENT);
    text
}

fn write(text: &mut String, fields: &[Field], indent: usize) {
    let longest = fields.iter().filter(|field| !field.value.is_empty()).map(|field| width(&field.label)).max();
    let column = longest.unwrap_or(0).min(LABEL);
    for field in fields {
        let Field { label, value, inner } = field;
        // A line break in a name must not look like a line of ours.
        let value = &value.replace(['\n', '\r'], "\u{fffd}");
        let pad = column.saturating_sub(width(label));
        let gap = if label.is_empty() && column == 0 { "" } else { "  " };
        for (at, line) in lines(value).enumerate() {
            // Writing to a String cannot fail.
            let _ = match at {
                _ if line.is_empty() => writeln!(text, "{:indent$}{label}", ""),
                0 => writeln!(text, "{:indent$}{label}{:pad$}{gap}{line}", "", ""),
                _ => writeln!(text, "{:indent$}{:column$}{gap}{line}", "", ""),
            };
        }
        write(text, inner, indent + INDENT);
    }
}

/// Long hexadecimal in lines of whole bytes; all else is one line.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    let is_hex = |(at, b): (usize, u8)| if at % 3 == 2 { b == b':' } else { b.is_ascii_hexdigit() };
    let hex = value.len() > BYTES * 3 && value.bytes().enumerate().all(is_hex);
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let all = rest.take()?;
        if !hex || all.len() <= BYTES * 3 {
            return Some(all);
        }
        let (line, more) = all.split_at(BYTES * 3);
        rest = Some(more);
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_line_up_and_hexadecimal_is_folded() {
        let field = |label: &str, value: &str| Field { label: label.into(), value: value.into(), inner: Vec::new() };
        let inner = vec![field("", "digital signature"), field("", "cert sign")];
        let fields = [
            field("serial", "1 (0x01)"),
            field("modulus", &["AB"; 30].join(":")),
            Field { inner, ..field("extensions", "") },
        ];
        insta::assert_snapshot!(block("a.pem", &fields, &Printer::of_width(80)), @r"
        a.pem
          serial   1 (0x01)
          modulus  AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:
                   AB:AB:AB:AB:AB:AB
          extensions
            digital signature
            cert sign
        ");
    }
}
