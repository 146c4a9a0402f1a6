//! What units of a node miss in the kernel and in /run, asked of the script that looks after it.

use std::io::empty;

use crate::error::{Error, Result};
use crate::remote::{ONLY_ROOT, Transport};
use crate::text::{sh_quote, told};

/// More than this of a host's words is not shown to people, characters.
const WORDS: usize = 400;

/// What is missing now and can be brought back, in the host's words.
///
/// # Errors
/// `Remote`: the script does not work.
pub fn lost(transport: &mut dyn Transport, script: &str) -> Result<Vec<String>> {
    let script_of_ours = sh_quote(script);
    let text = format!(
        "{ONLY_ROOT}kb_roots {script_of_ours} || {{ echo 'it is not there, or others than root can change it' >&2; exit 1; }}\n\
         timeout 10 sh -- {script_of_ours} look"
    );
    let output = transport.run(&text, &mut empty())?;
    if output.status != 0 {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::remote(format!("{}: {script} does not work", transport.host())).detail(words));
    }
    let told = String::from_utf8_lossy(&output.stdout);
    Ok(told.lines().filter_map(line).filter(|(unit, _)| *unit != "-").map(|(_, words)| words).collect())
}

/// A line `UNIT<tab>WORDS`; what nobody can bring back has `-` for a unit.
pub(super) fn line(text: &str) -> Option<(&str, String)> {
    let (unit, words) = text.split_once('\t')?;
    Some((unit, told(words, WORDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_unit_and_words() {
        assert_eq!(
            line("a.service\tthe device x is missing").unwrap(),
            ("a.service", "the device x is missing".to_owned())
        );
        assert_eq!(line("-\tport 80\u{1b}[31m").unwrap(), ("-", "port 80\u{fffd}[31m".to_owned()));
        assert_eq!(line("noise"), None);
    }
}
