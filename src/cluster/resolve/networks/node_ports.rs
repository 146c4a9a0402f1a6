//! The port range of NodePort services.

use crate::inventory::{Mistake, Path};

const DEFAULT: (u16, u16) = (30000, 32767);
/// Ports that our own programs listen on.
const OURS: [(u16, &str); 10] = [
    (22, "sshd"),
    (2379, "etcd"),
    (2380, "etcd"),
    (6443, "kube-apiserver"),
    (10248, "kubelet"),
    (10249, "kube-proxy"),
    (10250, "kubelet"),
    (10256, "kube-proxy"),
    (10257, "kube-controller-manager"),
    (10259, "kube-scheduler"),
];

/// First and last port; mistakes are added to `mistakes`.
pub fn resolve(path: &Path, text: Option<&str>, mistakes: &mut Vec<Mistake>) -> Option<(u16, u16)> {
    let Some(text) = text else { return Some(DEFAULT) };
    let mistake = match parse(text) {
        None => Mistake::at(path.clone(), format!("`{text}` is not a port range")).hint("for example 30000-32767"),
        Some((first, last)) => match OURS.iter().find(|(port, _)| (first..=last).contains(port)) {
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
