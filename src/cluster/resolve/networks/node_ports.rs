//! The port range of NodePort services.

use crate::cluster::Known;
use crate::inventory::{Mistake, Path};

const DEFAULT: (u16, u16) = (30000, 32767);
/// First and last port; mistakes are added to `mistakes`.
pub fn resolve(path: &Path, text: Option<&str>, known: &Known<'_>, mistakes: &mut Vec<Mistake>) -> Option<(u16, u16)> {
    let Some(text) = text else { return Some(DEFAULT) };
    let mistake = match parse(text) {
        None => Mistake::at(path.clone(), format!("`{text}` is not a port range")).hint("for example 30000-32767"),
        Some((first, last)) => match taken(known).find(|(port, _)| (first..=last).contains(port)) {
            None => return Some((first, last)),
            Some((port, program)) => {
                Mistake::at(path.clone(), format!("port range {text} holds {port}, where {program} listens"))
                    .hint("30000-32767 is usual")
            }
        },
    };
    mistakes.push(mistake);
    None
}

/// Ports that something listens on already.
fn taken<'a>(known: &'a Known<'_>) -> impl Iterator<Item = (u16, &'a str)> {
    let ours = known.components.iter().flat_map(|component| component.ports.iter().map(|port| (*port, component.name)));
    std::iter::once((22, "sshd")).chain(ours)
}

fn parse(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(parse("30000-32767"), Some((30000, 32767)));
        assert_eq!(parse("20000 - 20010"), Some((20000, 20010)));
        for bad in ["", "30000", "32767-30000", "0-10", "1-70000", "a-b"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
