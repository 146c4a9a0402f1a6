//! What people cannot see in a name, and what turns it around: whoever reads it is deceived.

use super::name::Name;
use crate::error::Error;

/// A subject with such characters. Go writes line breaks and NUL into subjects as they are.
pub(crate) fn deceptive(subject: &Name) -> Option<Error> {
    let bad = subject.attributes().into_iter().map(|attribute| attribute.value).find(|value| hides(value))?;
    let shown = escaped(&bad);
    Some(
        Error::pki(format!("the subject has {shown}: control characters deceive whoever reads it"))
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

/// Control characters, and those that turn the direction of a text.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
