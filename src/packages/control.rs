//! Paragraphs of fields, as Debian writes them (deb822(5)).

use std::collections::BTreeMap;

/// The fields of a paragraph by their names in lower case; what continues a field is in lines of its own.
pub type Fields<'a> = BTreeMap<String, Vec<&'a str>>;

/// The paragraphs of a text.
pub fn paragraphs(text: &str) -> impl Iterator<Item = Fields<'_>> {
    text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).map(fields)
}

/// The fields of one paragraph.
pub fn fields(paragraph: &str) -> Fields<'_> {
    let mut fields = Fields::new();
    let mut last: Option<&mut Vec<&str>> = None;
    for line in paragraph.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            if let Some(values) = &mut last {
                values.push(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let values = fields.entry(name.trim().to_ascii_lowercase()).or_default();
            values.push(value.trim());
            last = Some(values);
        }
    }
    fields
}

/// A field of one line.
pub fn value<'a>(fields: &Fields<'a>, name: &str) -> &'a str {
    fields.get(name).and_then(|values| values.first()).copied().unwrap_or_default()
}

/// A field that may go on over several lines, as one.
pub fn joined(fields: &Fields<'_>, name: &str) -> String {
    fields.get(name).map(|values| values.join(" ").trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_go_on_over_lines() {
        let text = "Package: a\nDepends: b,\n c (>= 1)\nSHA256:\n aa 1 x\n bb 2 y\n\nPackage: b\n# no: field\n";
        let all: Vec<_> = paragraphs(text).collect();
        assert_eq!(all.len(), 2);
        assert_eq!((value(&all[0], "package"), joined(&all[0], "depends").as_str()), ("a", "b, c (>= 1)"));
        assert_eq!(all[0]["sha256"], ["", "aa 1 x", "bb 2 y"]);
        assert_eq!((value(&all[1], "package"), value(&all[1], "no")), ("b", ""));
    }
}
