//! Columns for people.

use super::Printer;
use super::fit::{self, Shrinks};
use crate::text::{shown_line, width};

/// Rows with a header; columns are as wide as their widest cell. One that is [`fitted`](Self::fitted) is no wider than the
/// terminal: the widest columns give way, and what is cut ends in `…`.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
    fitted: bool,
}

/// A cell and the ANSI colour that it wants.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    color: &'static str,
    shrinks: Shrinks,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::colored(text, "")
    }
}

impl Cell {
    /// A cell in an ANSI colour (`32` green, `33` yellow, `31` red).
    pub fn colored(text: impl Into<String>, color: &'static str) -> Self {
        Cell { text: shown_line(&text.into()).into_owned(), color, shrinks: Shrinks::AtEnd }
    }
    /// A cell whose end says most, such as a path.
    pub fn path(text: impl Into<String>) -> Self {
        Cell { shrinks: Shrinks::AtStart, ..Cell::colored(text, "") }
    }
    /// A list with commas; where there is no room for all of it, the number of those that are left out.
    pub fn list(items: Vec<String>) -> Self {
        let items: Vec<_> = items.iter().map(|item| shown_line(item).into_owned()).collect();
        Cell { text: items.join(","), color: "", shrinks: Shrinks::ByItems(items) }
    }
}

impl Table {
    /// A table with these headings.
    pub fn new(header: &[&str]) -> Self {
        Table { rows: vec![header.iter().map(|h| Cell::colored(*h, "2")).collect()], fitted: false }
    }
    /// The same, cut to the terminal: for what can be had whole in another form.
    #[must_use]
    pub fn fitted(self) -> Self {
        Table { fitted: true, ..self }
    }
    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }
    /// The text for this printer, a line per row.
    pub fn render(&self, out: &Printer) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |c: usize| self.rows.iter().filter_map(|r| r.get(c)).map(|c| width(&c.text)).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..columns).map(widest).collect();
        if let Some(room) = out.columns().filter(|_| self.fitted) {
            let headings: Vec<usize> = self.rows[0].iter().map(|cell| width(&cell.text)).collect();
            fit::narrow(&mut widths, &headings, room);
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, columns) in row.iter().zip(&widths) {
                let shown = fit::cut(&cell.text, &cell.shrinks, *columns);
                let pad = columns - width(&shown);
                match cell.color {
                    "" => line.push_str(&shown),
                    color => line.push_str(&out.paint(color, &shown)),
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
    fn a_narrow_terminal_gets_narrow_columns_and_no_line_wraps() {
        let mut table = Table::new(&["DAYS", "NAMES", "WHERE"]).fitted();
        let names = |n: usize| (0..n).map(|i| format!("host{i}.example")).collect::<Vec<_>>();
        table.row(vec!["12".into(), Cell::list(names(9)), Cell::path("/etc/kubernetes/pki/some/where/apiserver.crt")]);
        table.row(vec!["3".into(), "主机主机主机主机主机主机主机主机主机主机".into(), Cell::path("a.pem")]);
        let shown = table.render(&Printer::of_width(60));
        assert!(shown.lines().all(|line| width(line) <= 60), "{shown}");
        insta::assert_snapshot!(shown, @r"
        DAYS  NAMES                       WHERE
        12    host0.example,+8            …/some/where/apiserver.crt
        3     主机主机主机主机主机主机…   a.pem
        ");
        let whole = Table { fitted: false, ..table.clone() };
        assert!(whole.render(&Printer::of_width(60)).contains("host8.example"));
        assert!(table.render(&Printer::of_width(500)).contains("host8.example"));
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
