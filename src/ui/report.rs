//! How an error looks on standard error: what, the evidence, what to do.

use super::stderr::{self, paint};
use crate::error::{Error, Kind};
use crate::secret::quoted;
use crate::text::shown;

/// Where something is wrong everywhere, the first of them say it.
const SHOWN: usize = 50;

/// Prints the error and all that were found with it.
pub fn print(error: &Error, color: bool) {
    stderr::painted(&render(error, color));
}

/// Prints what a person should know although nothing failed.
pub fn warn(text: &str, color: bool) {
    stderr::painted(&format!("{} {}\n", paint(color, "1;33", "warning:"), block(text)));
}

/// The text of [`print`].
pub fn render(error: &Error, color: bool) -> String {
    let mut text = String::new();
    one(&mut text, error, color);
    for other in error.others.iter().take(SHOWN - 1) {
        text.push('\n');
        one(&mut text, other, color);
    }
    match 1 + error.others.len() {
        1 => {}
        all if all <= SHOWN => text.push_str(&format!("\n{all} errors\n")),
        all => text.push_str(&format!("\n{all} errors, of which {} are not shown\n", all - SHOWN)),
    }
    text
}

fn one(text: &mut String, error: &Error, color: bool) {
    let hidden = |text: &str| without_keys(error, text);
    text.push_str(&format!("{} {}\n", paint(color, "1;31", "error:"), block(&hidden(&error.message))));
    for detail in &error.details {
        for line in hidden(detail).lines() {
            text.push_str(&format!("  {}\n", shown(line)));
        }
    }
    for hint in &error.hints {
        text.push_str(&format!("{} {}\n", paint(color, "36", "hint:"), block(&hidden(hint))));
    }
}

/// What people give to a command is quoted in errors, and may be a key that was put into the wrong place. What hosts say
/// is theirs, and has long names.
fn without_keys(error: &Error, text: &str) -> String {
    match error.kind {
        Kind::Usage | Kind::Input | Kind::Pki => {
            let beside = std::iter::once(&error.message).chain(&error.details).any(|part| quoted::is_in(part));
            quoted::masked(text, beside)
        }
        _ => text.to_owned(),
    }
}

/// Words of a host may hold newlines; what follows one is indented, so that it cannot be taken for a line of ours.
fn block(text: &str) -> String {
    shown(text).replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_wrong_place_is_not_quoted() {
        let pem = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBlkX0v3rYqkJ2mXbq1g3v0aP8b+Zt/0Vf9C3S1oDQsgoAoGCCqGSM49\nAwEHoUQDQgAE\n";
        let error = Error::pki(format!("unknown key algorithm `{pem}`")).hint(format!("not `{pem}`"));
        let said = render(&error, false);
        for piece in ["MHcC", "AwEHoUQDQgAE", "CCqGSM49"] {
            assert!(!said.contains(piece), "{said}");
        }
        let path = "clusters/production/log/20261127T093412.575Z-up.log";
        assert!(render(&Error::usage("no").hint(path), false).contains(path));
        let host = Error::remote("n1: PersistentVolumeClaimFileSystemResizePending is said by the host");
        assert!(render(&host, false).contains("PersistentVolumeClaim"));
    }

    #[test]
    fn every_error_is_shown_with_its_evidence_and_hints() {
        let mut error =
            Error::input("prod.yaml:3:1: unknown key `host`").detail("3 | host:\n  | ^").hint("did you mean `hosts`?");
        error.others.push(Error::input("prod.yaml:9:3: no name"));
        assert_eq!(
            render(&error, false),
            "error: prod.yaml:3:1: unknown key `host`\n  3 | host:\n    | ^\nhint: did you mean `hosts`?\n\nerror: prod.yaml:9:3: no name\n\n2 errors\n"
        );
        error.others.extend((0..60).map(|n| Error::input(format!("mistake {n}"))));
        let text = render(&error, false);
        assert!(text.contains("mistake 47\n") && !text.contains("mistake 48\n"), "{text}");
        assert!(text.ends_with("\n62 errors, of which 12 are not shown\n"), "{text}");
    }
}
