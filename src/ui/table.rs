//! Columns for people.

use super::Printer;
use crate::text::{shown_line, width};

/// Rows with a header; columns are as wide as their widest cell.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

/// A cell and the ANSI colour that it wants.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    color: &'static str,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::colored(text, "")
    }
}

impl Cell {
    /// A cell in an ANSI colour (`32` green, `33` yellow, `31` red).
    pub fn colored(text: impl Into<String>, color: &'static str) -> Self {
        Cell { text: shown_line(&text.into()).into_owned(), color }
    }
}

impl Table {
    /// A table with these headings.
    pub fn new(header: &[&str]) -> Self {
        Table { rows: vec![header.iter().map(|h| Cell::colored(*h, "2")).collect()] }
    }
    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }
    /// The text for this printer, a line per row.
    pub fn render(&self, out: &Printer) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |c: usize| self.rows.iter().filter_map(|r| r.get(c)).map(|c| width(&c.text)).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, columns) in row.iter().zip(&widths) {
                let pad = columns - width(&cell.text);
                match cell.color {
                    "" => line.push_str(&cell.text),
                    color => line.push_str(&out.paint(color, &cell.text)),
                }
                line.push_str(&" ".repeat(pad + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        let mut table = Table::new(&["NAME", "READY"]);
        table.row(vec!["主机".into(), "yes".into()]);
        table.row(vec!["e\u{301}t\u{e9}".into(), "no".into()]);
        table.row(vec!["🚀".into(), "no".into()]);
        assert_eq!(table.render(&Printer::new(true)), "NAME  READY\n主机  yes\ne\u{301}t\u{e9}   no\n🚀    no\n");
    }

    #[test]
    fn columns_line_up_and_rows_stay_rows() {
        let mut table = Table::new(&["NAME", "READY"]);
        table.row(vec!["n1".into(), Cell::colored("yes", "32")]);
        table.row(vec!["node-two".into(), "no".into()]);
        table.row(vec!["n3\nn4".into(), "\x1b[8m".into()]);
        let out = Printer::new(true);
        assert_eq!(table.render(&out), "NAME      READY\nn1        yes\nnode-two  no\nn3\u{fffd}n4     \u{fffd}[8m\n");
    }
}
