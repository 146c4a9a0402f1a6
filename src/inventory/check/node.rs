//! Node labels and taints, by the rules of Kubernetes (`apimachinery/pkg/util/validation`).

use super::{host, names};
use crate::document::Mistake;
use crate::document::Path;
use crate::inventory::model::{Host, Inventory, Role};
use crate::text::nearest;

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Labels by which a kubelet says what its host is, again whenever it starts.
const OF_KUBELETS: [&str; 5] = [
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
];

/// Whether the label is the kubelet's to set, and says something else there.
fn is_of_kubelet(one: &Host, key: &str, value: &str) -> bool {
    let same = match key {
        "kubernetes.io/hostname" => value == one.name,
        "kubernetes.io/os" | "beta.kubernetes.io/os" => value == "linux",
        _ => false,
    };
    OF_KUBELETS.contains(&key) && !same
}

/// Mistakes in labels and taints.
pub fn check(inventory: &Inventory) -> Vec<Mistake> {
    let hosts = inventory.hosts.iter().enumerate();
    hosts
        .flat_map(|(i, one)| [nothing_hit(&host(i), one), labels(&host(i), one), taints(&host(i), one)].concat())
        .collect()
}

/// Labels and taints are properties of nodes; elsewhere they hit nothing.
fn nothing_hit(at: &Path, one: &Host) -> Vec<Mistake> {
    let wanting = [("labels", !one.labels.is_empty()), ("taints", !one.taints.is_empty())];
    let lost = wanting.iter().filter(|(_, given)| *given && !one.roles.is_empty() && !one.roles.contains(&Role::Node));
    lost.map(|(field, _)| {
        let message = format!("host {} is not a node, so its {field} hit nothing", one.name);
        Mistake::key(at.key(*field), message).hint(format!("add the role `node`, or remove the {field}"))
    })
    .collect()
}

fn labels(at: &Path, one: &Host) -> Vec<Mistake> {
    let mut mistakes = vec![];
    for (key, value) in &one.labels {
        let path = at.key("labels").key(key);
        if let Err(why) = label_key(key) {
            mistakes.push(Mistake::key(path, format!("label key `{key}` {why}")));
        } else if is_of_kubelet(one, key, value) {
            let message = format!("the label `{key}` is the kubelet's: it sets it again whenever it starts");
            mistakes.push(Mistake::key(path, message).hint("remove it, or give the label another name"));
        } else if let Some(mistake) = names::not_ascii(&path, value, "label value") {
            mistakes.push(mistake);
        } else if let Err(why) = label_value(value) {
            mistakes.push(Mistake::at(path, format!("label value `{value}` {why}")));
        }
    }
    mistakes
}

fn taints(at: &Path, one: &Host) -> Vec<Mistake> {
    let mut mistakes = vec![];
    let mut seen: Vec<(&str, &str)> = vec![];
    for (i, text) in one.taints.iter().enumerate() {
        let path = at.key("taints").index(i);
        if let Some(mistake) = names::not_ascii(&path, text, "taint") {
            mistakes.push(mistake);
            continue;
        }
        match taint(text) {
            Err(why) => {
                let effect = text.rsplit_once(':').map_or("", |(_, effect)| effect);
                let known = EFFECTS.contains(&effect);
                let meant = if known { None } else { nearest(effect, EFFECTS) };
                mistakes.push(
                    Mistake::at(path, format!("taint `{text}` {why}"))
                        .meant(meant)
                        .hint("write `key=value:Effect` or `key:Effect`"),
                );
            }
            Ok((key, _, effect)) if seen.contains(&(key, effect)) => {
                mistakes.push(Mistake::at(path, format!("taint `{key}` with effect {effect} is there twice")));
            }
            Ok((key, _, effect)) => seen.push((key, effect)),
        }
    }
    mistakes
}

/// Key, value and effect of `key[=value]:Effect`.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn taint(text: &str) -> Result<(&str, &str, &str), String> {
    let (left, effect) = text.rsplit_once(':').ok_or("has no effect")?;
    let (key, value) = left.split_once('=').unwrap_or((left, ""));
    if !EFFECTS.contains(&effect) {
        return Err(format!("has the unknown effect `{effect}`: {} are known", EFFECTS.join(", ")));
    }
    label_key(key).map_err(|why| format!("has a key that {why}"))?;
    label_value(value).map_err(|why| format!("has a value that {why}"))?;
    Ok((key, value, effect))
}

fn label_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix {
        names::subdomain(prefix).map_err(|why| format!("has a prefix that {why}"))?;
    }
    if name.is_empty() {
        return Err("has no name".into());
    }
    label_value(name)
}

fn label_value(value: &str) -> Result<(), String> {
    if value.len() > 63 {
        return Err(format!("has {} characters, 63 are allowed", value.len()));
    }
    if let Some(bad) = value.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
        return Err(format!("holds `{bad}`: letters, digits, `-`, `_` and `.` are allowed"));
    }
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    if !edge(value.chars().next()) || !edge(value.chars().last()) {
        return Err("must begin and end with a letter or digit".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_read_as_kubectl_reads_them() {
        assert_eq!(taint("a/b=c:NoSchedule"), Ok(("a/b", "c", "NoSchedule")));
        assert_eq!(
            taint("node-role.kubernetes.io/control-plane:NoSchedule"),
            Ok(("node-role.kubernetes.io/control-plane", "", "NoSchedule"))
        );
        assert_eq!(taint("a").unwrap_err(), "has no effect");
        assert!(taint("a:noschedule").unwrap_err().contains("unknown effect `noschedule`"));
        assert_eq!(taint("=x:NoExecute").unwrap_err(), "has a key that has no name");
        assert!(taint("a=b c:NoExecute").unwrap_err().starts_with("has a value that holds ` `"));
    }

    #[test]
    fn label_keys_and_values() {
        for key in ["a", "topology.kubernetes.io/zone", "a_b.c-d"] {
            assert_eq!(label_key(key), Ok(()), "{key}");
        }
        assert!(label_key("a/b/c").is_err());
        assert!(label_key("UP.case/x").is_err());
        assert!(label_key("-a").is_err());
        assert_eq!(label_value(""), Ok(()));
    }

    #[test]
    fn labels_by_which_a_kubelet_says_what_its_host_is_are_its_own() {
        let said = |key: &str, value: &str| {
            let labels = [(key.to_owned(), value.to_owned())].into();
            labels_of(Host { name: "n1".into(), labels, ..Host::default() })
        };
        let labels_of_kubelets =
            [("kubernetes.io/hostname", "n2"), ("kubernetes.io/arch", "arm64"), ("kubernetes.io/os", "w")];
        for (key, value) in labels_of_kubelets {
            assert_eq!(said(key, value), 1, "{key}");
        }
        for (key, value) in
            [("kubernetes.io/hostname", "n1"), ("kubernetes.io/os", "linux"), ("kubernetes.io/rack", "a")]
        {
            assert_eq!(said(key, value), 0, "{key}");
        }
    }

    fn labels_of(one: Host) -> usize {
        labels(&host(0), &one).len()
    }
}
