//! What becomes of a doubt: of something that cfssl signs without a word and that verifiers refuse.

use crate::error::{Error, Result};

/// How careful a command is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rules {
    /// A doubt is an error.
    #[default]
    Strict,
    /// A doubt is a warning: scripts written for cfssl go on working.
    Lenient,
}

impl Rules {
    /// Refuses, or warns and goes on.
    pub(crate) fn doubt(self, doubt: Error, warnings: &mut Vec<String>) -> Result<()> {
        let done = as_warning(&doubt);
        self.doubt_or(doubt, done, warnings)
    }

    /// As [`Rules::doubt`]; the warning, which is read when it is done, has words of its own.
    pub(crate) fn doubt_or(self, doubt: Error, done: String, warnings: &mut Vec<String>) -> Result<()> {
        match self {
            Rules::Strict => Err(doubt),
            Rules::Lenient => {
                warnings.push(done);
                Ok(())
            }
        }
    }
}

/// One line: the message, and its hints in brackets.
pub(crate) fn as_warning(doubt: &Error) -> String {
    if doubt.hints.is_empty() {
        return doubt.message.clone();
    }
    format!("{} ({})", doubt.message, doubt.hints.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_is_an_error_or_a_warning() {
        let doubt = || Error::pki("the CA has expired").hint("renew it");
        let mut warnings = Vec::new();
        assert_eq!(Rules::Strict.doubt(doubt(), &mut warnings), Err(doubt()));
        assert!(warnings.is_empty());
        Rules::Lenient.doubt(doubt(), &mut warnings).unwrap();
        assert_eq!(warnings, ["the CA has expired (renew it)"]);
    }
}
