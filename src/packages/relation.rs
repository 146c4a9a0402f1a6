//! What a package says of others: `libc6 (>= 2.34), adduser | sysuser-helper:any` (Debian policy, 7.1).

use std::cmp::Ordering;
use std::fmt;

use super::version::compare;

/// One of several packages that would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Name.
    pub name: String,
    /// Architecture that it must be of: `any`, or one that is named.
    pub arch: Option<String>,
    /// How its version must be, if anyhow.
    pub version: Option<(Operator, String)>,
}

/// How versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>>`
    Greater,
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "<<" => Operator::Less,
            // What `<` and `>` meant once.
            "<=" | "<" => Operator::AtMost,
            "=" => Operator::Equal,
            ">=" | ">" => Operator::AtLeast,
            ">>" => Operator::Greater,
            _ => return None,
        })
    }
}

impl Relation {
    fn parse(text: &str) -> Option<Self> {
        // Restrictions to architectures and build profiles are for sources only.
        let text = text.split(['[', '<']).next().filter(|_| !text.contains('(')).unwrap_or(text).trim();
        let (name, version) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => {
                let inside = rest.split(')').next()?.trim();
                let end = inside.find(|c: char| !"<>=".contains(c))?;
                let (operator, version) = inside.split_at(end);
                (name.trim(), Some((Operator::parse(operator)?, version.trim().to_owned())))
            }
        };
        let (name, arch) = match name.split_once(':') {
            Some((name, arch)) => (name, Some(arch.to_owned())),
            None => (name, None),
        };
        (!name.is_empty()).then(|| Relation { name: name.to_owned(), arch, version })
    }

    /// Whether a package of that version would do.
    pub fn fits(&self, version: &str) -> bool {
        let Some((operator, wanted)) = &self.version else { return true };
        let order = compare(version, wanted);
        match operator {
            Operator::Less => order == Ordering::Less,
            Operator::AtMost => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::AtLeast => order != Ordering::Less,
            Operator::Greater => order == Ordering::Greater,
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let Some((operator, version)) = &self.version else { return Ok(()) };
        let operator = match operator {
            Operator::Less => "<<",
            Operator::AtMost => "<=",
            Operator::Equal => "=",
            Operator::AtLeast => ">=",
            Operator::Greater => ">>",
        };
        write!(f, " ({operator} {version})")
    }
}

/// All of these must be, each in one of several ways.
pub fn all(text: &str) -> Vec<Vec<Relation>> {
    let groups = text.split(',').map(|group| group.split('|').filter_map(Relation::parse).collect::<Vec<_>>());
    groups.filter(|group| !group.is_empty()).collect()
}

/// Names that a package goes by, too, each with its version where it has one.
pub fn provided(text: &str) -> Vec<(String, Option<String>)> {
    let version = |relation: Relation| match relation.version {
        Some((Operator::Equal, version)) => (relation.name, Some(version)),
        _ => (relation.name, None),
    };
    all(text).into_iter().flatten().map(version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_read_and_fit_or_not() {
        let text = "libc6 (>= 2.34), adduser | sysusers:any, perl:any, x(<<1:2~), init-system-helpers (>= 1.54~), , y [amd64] <!nocheck>";
        let groups: Vec<String> = all(text)
            .iter()
            .map(|group| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "))
            .collect();
        assert_eq!(
            groups,
            ["libc6 (>= 2.34)", "adduser | sysusers", "perl", "x (<< 1:2~)", "init-system-helpers (>= 1.54~)", "y"]
        );
        let first = |text: &str| all(text).remove(0).remove(0);
        assert!(first("a (>= 2.34)").fits("2.36-9+deb12u13") && !first("a (>= 2.34)").fits("2.31-13"));
        assert!(first("a (= 1)").fits("1") && !first("a (<< 1)").fits("1") && first("a (<= 1)").fits("1"));
        assert!(first("a (>> 1)").fits("1.1") && first("a").fits("0"));
        assert_eq!(first("a:any").arch.as_deref(), Some("any"));
    }

    #[test]
    fn what_is_provided_may_have_a_version() {
        let expected = vec![("a".to_owned(), None), ("b".to_owned(), Some("1:2".to_owned()))];
        assert_eq!(provided("a, b (= 1:2)"), expected);
        assert_eq!(provided(""), []);
    }
}
