//! The name that a person most likely meant.

/// Names from other tools, and ours for the same thing.
const SYNONYMS: &[(&str, &str)] = &[
    ("name", "cluster"),
    ("clustername", "cluster"),
    ("version", "kubernetes"),
    ("kubernetesversion", "kubernetes"),
    ("k8s", "kubernetes"),
    ("nodes", "hosts"),
    ("machines", "hosts"),
    ("ip", "address"),
    ("host", "address"),
    ("hostname", "name"),
    ("role", "roles"),
    ("worker", "node"),
    ("workers", "node"),
    ("agent", "node"),
    ("controlplane", "master"),
    ("controller", "master"),
    ("server", "master"),
    ("podcidr", "pods"),
    ("podsubnet", "pods"),
    ("clustercidr", "pods"),
    ("servicecidr", "services"),
    ("servicesubnet", "services"),
    ("clusterdomain", "dnsDomain"),
    ("cni", "plugin"),
    ("apiserver", "kube-apiserver"),
    ("controllermanager", "kube-controller-manager"),
    ("scheduler", "kube-scheduler"),
    ("proxy", "kube-proxy"),
    ("flannel", "flanneld"),
    ("args", "flags"),
    ("extraargs", "flags"),
    ("sans", "extraSans"),
    ("certsans", "extraSans"),
    ("validity", "expiry"),
    ("username", "user"),
    ("identityfile", "keys"),
    ("mirrorurl", "mirror"),
    ("path", "folder"),
    ("algorithm", "algo"),
    ("bits", "size"),
];

/// The candidate that `word` was meant to be, when one is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = squeeze(word);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let synonym = SYNONYMS.iter().filter(|(theirs, _)| *theirs == plain).map(|(_, ours)| *ours);
    if let Some(found) = synonym.filter_map(|ours| candidates.iter().find(|c| **c == ours)).next() {
        return Some(found);
    }
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&plain, &squeeze(candidate)), candidate))
        // In names of one letter a slip leaves nothing of them.
        .filter(|(distance, candidate)| {
            let shorter = candidate.len().min(plain.len());
            *distance <= (shorter / 3).max(1) && *distance < shorter
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case, dashes and underscores are not what people mean to differ in.
fn squeeze(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_case_and_other_tools_names_are_understood() {
        let keys = ["cluster", "controlPlaneEndpoint", "hosts", "kubernetes", "networks"];
        assert_eq!(nearest("hsots", keys), Some("hosts"));
        assert_eq!(nearest("control_plane_endpoint", keys), Some("controlPlaneEndpoint"));
        assert_eq!(nearest("version", keys), Some("kubernetes"));
        assert_eq!(nearest("worker", ["etcd", "master", "node"]), Some("node"));
        assert_eq!(nearest("control-plane", ["etcd", "master", "node"]), Some("master"));
        assert_eq!(nearest("balloon", keys), None);
        assert_eq!(nearest("b", ["a"]), None);
    }
}
