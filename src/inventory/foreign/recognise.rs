//! Which tool a file was written for.

use serde_json::Value;

use super::{Import, ansible, ini, machines, yaml};
use crate::error::{Error, Result};

/// A file of another tool.
#[derive(Debug)]
pub struct Foreign {
    /// What it is, with its article.
    pub title: &'static str,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Ini(String),
    Ansible(Value),
    K0sctl(Value),
    Rke(Value),
    /// It names no hosts that could be taken; what `init` can be given of it instead.
    Other(String),
}

/// What a text was written for, where that is another tool.
pub fn recognise(text: &str) -> Option<Foreign> {
    let found = |title, content| Some(Foreign { title, content });
    if ini::is_ini(text) {
        let kubespray = ini::read(text).is_ok_and(|groups| ansible::is_kubespray(&groups));
        let title = if kubespray { "a kubespray inventory (INI)" } else { "an Ansible inventory (INI)" };
        return found(title, Content::Ini(text.to_owned()));
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).ok()?;
    let first = documents.iter().find(|document| !document.is_null())?;
    if ours(first) {
        return None;
    }
    if let Some(title) = documents.iter().find_map(of_version) {
        return match title {
            K0SCTL => found(title, Content::K0sctl(first.clone())),
            KUBEADM => found(title, Content::Other(machines::kubeadm(&documents))),
            _ => found(title, Content::Other(String::new())),
        };
    }
    if machines::is_rke(first) {
        return found("a configuration of RKE", Content::Rke(first.clone()));
    }
    if yaml::is_ansible(first) {
        let kubespray = yaml::read(first).is_ok_and(|groups| ansible::is_kubespray(&groups));
        let title = if kubespray { "a kubespray inventory (YAML)" } else { "an Ansible inventory (YAML)" };
        return found(title, Content::Ansible(first.clone()));
    }
    machines::is_k3s(first)
        .then(|| Foreign { title: "a configuration of k3s or RKE2", content: Content::Other(machines::k3s(first)) })
}

/// Whether a text is an inventory of kbootstrap, be it right or not.
pub(super) fn is_ours(text: &str) -> bool {
    serde_saphyr::from_str(text).is_ok_and(|document| ours(&document))
}

fn ours(document: &Value) -> bool {
    document["cluster"].is_string() && document["hosts"].is_array()
}

const KUBEADM: &str = "a kubeadm configuration";
const K0SCTL: &str = "a k0sctl configuration";

/// What a document's `apiVersion` says.
fn of_version(document: &Value) -> Option<&'static str> {
    const TITLES: [(&str, &str); 10] = [
        ("kubeadm.k8s.io/", KUBEADM),
        ("k0sctl.k0sproject.io/", K0SCTL),
        ("k0s.k0sproject.io/", "a k0s configuration"),
        ("kubekey.kubesphere.io/", "a KubeKey configuration"),
        ("kubeone.k8c.io/", "a KubeOne configuration"),
        ("kubeone.io/", "a KubeOne configuration"),
        ("kind.x-k8s.io/", "a kind configuration"),
        ("k3d.io/", "a k3d configuration"),
        ("kops.k8s.io/", "a kOps configuration"),
        ("cluster.x-k8s.io/", "an object of Cluster API"),
    ];
    let version = document["apiVersion"].as_str()?;
    if version == "v1" && document["kind"] == "Config" {
        return Some("a kubeconfig");
    }
    let named = TITLES.iter().find(|(prefix, _)| version.starts_with(prefix)).map(|(_, title)| *title);
    named.or_else(|| document["kind"].is_string().then_some("an object of Kubernetes"))
}

impl Foreign {
    /// The refusal where it is given as an inventory; `name` is what errors call the file.
    pub fn refusal(&self, name: &str) -> Error {
        let error = Error::input(format!("{name}: this is {}, not an inventory of kbootstrap", self.title));
        match &self.content {
            Content::Other(options) => error.hint(command(options)),
            _ => error.hint(format!("`kbootstrap init --from {name}` makes one of it, in kbootstrap.yaml")),
        }
    }

    /// Its hosts.
    pub(super) fn read(&self, name: &str) -> Result<Import> {
        let at_line = |(line, why): (usize, String)| Error::input(format!("{name}:{line}: {why}"));
        let somewhere = |why: String| Error::input(format!("{name}: {why}"));
        let all = |errors: Vec<Error>| Error::all(errors).err().unwrap_or_else(|| Error::internal("no mistake"));
        let read = match &self.content {
            Content::Ini(text) => {
                let groups = ini::read(text).map_err(|found| all(found.into_iter().map(at_line).collect()))?;
                ansible::import(&groups)
            }
            Content::Ansible(document) => {
                let groups = yaml::read(document).map_err(|found| all(found.into_iter().map(somewhere).collect()))?;
                ansible::import(&groups)
            }
            Content::K0sctl(document) => machines::k0sctl(document),
            Content::Rke(document) => machines::rke(document),
            Content::Other(options) => {
                let error = Error::input(format!("{name}: this is {}, which names no hosts", self.title));
                return Err(error.hint(command(options)));
            }
        };
        read.map_err(|found| all(found.into_iter().map(|error| error.context(name)).collect()))
    }
}

fn command(options: &str) -> String {
    let options = if options.is_empty() { "--master ADDRESS --node ADDRESS" } else { options };
    format!("`kbootstrap init {options}` writes an inventory, in kbootstrap.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_what_only_they_have() {
        let title = |text: &str| recognise(text).map(|foreign| foreign.title);
        for (text, is) in [
            ("[kube_control_plane]\nn1\n[kube_node]\nn2\n", "a kubespray inventory (INI)"),
            ("[web]\nn1 ansible_host=10.0.0.1\n", "an Ansible inventory (INI)"),
            ("all:\n  children:\n    kube_node: {hosts: {n1: {}}}\n", "a kubespray inventory (YAML)"),
            ("workers:\n  hosts:\n    n1:\n", "an Ansible inventory (YAML)"),
            ("apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n", "a kubeadm configuration"),
            ("---\napiVersion: v1\nkind: X\n---\napiVersion: kubeadm.k8s.io/v1beta3\n", "an object of Kubernetes"),
            ("apiVersion: k0sctl.k0sproject.io/v1beta1\nkind: Cluster\n", "a k0sctl configuration"),
            ("nodes:\n- {address: 10.0.0.1, user: u, role: [etcd]}\n", "a configuration of RKE"),
            ("tls-san: [a]\nwrite-kubeconfig-mode: \"0644\"\n", "a configuration of k3s or RKE2"),
            ("apiVersion: v1\nkind: Config\nclusters: []\n", "a kubeconfig"),
        ] {
            assert_eq!(title(text), Some(is), "{text}");
        }
        for ours in
            ["cluster: prod\nhosts: []\n", "hsots: []\n", "", "a\n", "- n1\n", "cluster: \"open\nx", "nodes: 3\n"]
        {
            assert_eq!(title(ours), None, "{ours}");
        }
    }
}
