//! A host that was lost and is shut out: what becomes worth nothing, and what goes from the API with it.

use serde::Serialize;

use crate::ui::Printer;

/// What it takes to shut a lost host out. That its users are refused is a setting of the API servers, and so a change of their
/// hosts; what is here comes after that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// The host.
    pub host: String,
    /// Nobody has written down yet that it is revoked.
    pub new: bool,
    /// Users of the API that its keys make.
    pub users: Vec<String>,
    /// Whether it has a Node.
    pub node: bool,
    /// Pods that were given to its node, `NAMESPACE/NAME`; their tokens end with them.
    pub pods: Vec<String>,
    /// Secrets that these pods name, `NAMESPACE/NAME`: whoever has the host has read them.
    pub secrets: Vec<String>,
}

/// How many names are written out before the others are counted.
const NAMED: usize = 8;

impl Revocation {
    /// The command that begins it; none where it has begun, and any `up` resumes it.
    pub(super) fn asked_by(&self) -> Option<String> {
        self.new.then(|| format!("kbootstrap node revoke {}", self.host))
    }

    /// In words, a line and what belongs to it.
    pub(super) fn text(&self, out: &Printer) -> String {
        let mut text = format!("  {} {} is shut out\n", out.paint("31", "-"), self.host);
        text.push_str(&format!("      refused everything: {}\n", self.users.join(", ")));
        if self.node {
            text.push_str(&format!("      API: Node {}\n", self.host));
        }
        if !self.pods.is_empty() {
            text.push_str(&format!("      API: its pods, without waiting for it: {}\n", some(&self.pods)));
        }
        text
    }

    /// What it means, in a line.
    pub(super) fn meaning(&self) -> String {
        let host = &self.host;
        match self.pods.len() {
            0 => format!("{host}: whoever has its keys"),
            1 => format!("{host}: whoever has its keys; its pod starts elsewhere, if a controller wants it"),
            n => format!("{host}: whoever has its keys; its {n} pods start elsewhere, where controllers want them"),
        }
    }
}

/// The first of many, and how many more there are.
fn some(names: &[String]) -> String {
    match names.split_at_checked(NAMED) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_and_what_goes_is_named() {
        let revocation = Revocation {
            host: "n1".into(),
            new: true,
            users: vec!["system:node:n1".into(), "kube-proxy:n1".into()],
            node: true,
            pods: (0..10).map(|n| format!("web/web-{n}")).collect(),
            secrets: vec!["web/tls".into()],
        };
        insta::assert_snapshot!(revocation.text(&Printer::new(true)), @r"
        - n1 is shut out
            refused everything: system:node:n1, kube-proxy:n1
            API: Node n1
            API: its pods, without waiting for it: web/web-0, web/web-1, web/web-2, web/web-3, web/web-4, web/web-5, web/web-6, web/web-7 and 2 more
        ");
        assert_eq!(revocation.asked_by().as_deref(), Some("kbootstrap node revoke n1"));
        let again = Revocation { new: false, pods: Vec::new(), ..revocation };
        assert_eq!((again.asked_by(), again.meaning()), (None, "n1: whoever has its keys".to_owned()));
    }
}
