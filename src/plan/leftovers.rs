//! What should not be there and stays, with what would take it away.

use crate::changes::Leftover;
use crate::ui::Printer;

/// As a person reads it; empty where there is nothing.
pub fn leftovers_text(leftovers: &[Leftover], out: &Printer) -> String {
    if leftovers.is_empty() {
        return String::new();
    }
    let mut text = "What should not be there:\n".to_owned();
    for leftover in leftovers {
        text.push_str(&format!("  {} {}\n      {}\n", out.paint("33", "!"), leftover.said, leftover.remedy));
    }
    text
}
