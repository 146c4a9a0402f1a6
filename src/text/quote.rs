//! Quoting for POSIX shells.

use std::path::Path;

/// One shell word that stands for exactly `text`, whatever it holds.
///
/// Single quotes switch off every special character in a POSIX shell (POSIX XCU 2.2.2) but the single quote itself.
/// A NUL byte cannot be in a shell word at all; scripts are checked for it before they are sent.
pub fn sh_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for (index, piece) in text.split('\'').enumerate() {
        if index > 0 {
            quoted.push_str("'\\''");
        }
        quoted.push_str(piece);
    }
    quoted.push('\'');
    quoted
}

/// The same for a command that a person is shown: a plain word stays as it is.
pub fn sh_word(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._/-+:@%".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) { text.to_owned() } else { sh_quote(text) }
}

/// The same for a path.
pub fn sh_path(path: &Path) -> String {
    sh_word(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_what_a_shell_would_touch() {
        insta::assert_snapshot!(sh_quote("it's $HOME `x` \\ \"y\"\n*"), @r#"
        'it'\''s $HOME `x` \ "y"
        *'
        "#);
        assert_eq!(sh_quote(""), "''");
        assert_eq!(sh_quote("''"), r"''\'''\'''");
    }

    fn echoed(shell: &str, text: &str) -> Vec<u8> {
        let script = format!("printf %s {}", sh_quote(text));
        Command::new(shell).arg("-c").arg(script).output().unwrap().stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_gives_back_what_was_quoted(text in "[^\u{0}]*") {
            prop_assert_eq!(echoed("sh", &text), text.as_bytes());
        }

        #[test]
        fn also_when_it_is_full_of_special_characters(text in r#"['"\\$`!*?~#&|;<>(){}\[\] \n\t=%-]{0,40}"#) {
            prop_assert_eq!(echoed("sh", &text), text.as_bytes());
            prop_assert_eq!(echoed("bash", &text), text.as_bytes());
        }
    }
}
