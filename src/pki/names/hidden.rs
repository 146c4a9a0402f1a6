//! What people cannot see in a name, and what turns it around: whoever reads it is deceived.

use super::name::Name;
use crate::error::Error;
use crate::text::is_harmful;

/// A subject with such characters. Go writes line breaks and NUL into subjects as they are.
pub(crate) fn deceptive(subject: &Name) -> Option<Error> {
    let bad = subject.attributes().into_iter().map(|attribute| attribute.value).find(|value| hides(value))?;
    let shown = escaped(&bad);
    Some(
        Error::pki(format!("the subject has {shown}: characters that are not seen deceive whoever reads it"))
            .hint("take them out"),
    )
}

/// In backquotes, with such characters as what they are.
pub(crate) fn escaped(text: &str) -> String {
    let one = |c: char| if is_hidden(c) { c.escape_unicode().to_string() } else { c.to_string() };
    format!("`{}`", text.chars().map(one).collect::<String>())
}

/// It has such characters.
pub(crate) fn hides(text: &str) -> bool {
    text.contains(is_hidden)
}

/// What is not seen as it is: as in everything else that is shown, but for the joiners that Persian and Indic names need.
fn is_hidden(c: char) -> bool {
    !matches!(c, '\u{200c}' | '\u{200d}') && is_harmful(c)
}
