//! What somebody tries who has taken a worker's keys, and what of it works: the table of docs/security.md.

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The API server.
    Api,
    /// The kubelet of another node.
    Kubelet,
}

/// One request. `OWN` is the worker's node, `OTHER` another one; pods `own` and `other` run there, each with the Secret
/// of its name. `UID_OWN` and `UID_OTHER` are theirs, `UID_NODE` is the worker's, `MAC_OWN` and `MAC_OTHER` are the nodes' MACs
/// by flannel's annotations, `LONG` is a text of 5,000 characters, `KEY` is the name of the key (what is there already is no change,
/// and always works), `CSR` is a request for a certificate as the other node.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    /// In words.
    pub what: &'static str,
    pub at: At,
    pub method: &'static str,
    pub path: &'static str,
    /// Empty where nothing is sent.
    pub body: &'static str,
    /// Whether it works with the key of kubelet, kube-proxy, flanneld.
    pub works: [bool; 3],
}

/// Whose keys a worker has: name in the folder of certificates, and in the table.
pub const KEYS: [(&str, &str); 3] =
    [("kubelet-client", "kubelet"), ("kube-proxy", "kube-proxy"), ("flannel", "flanneld")];

const NOBODY: [bool; 3] = [false; 3];
const KUBELET: [bool; 3] = [true, false, false];
const FLANNELD: [bool; 3] = [false, false, true];

const fn get(what: &'static str, path: &'static str, works: [bool; 3]) -> Try {
    Try { what, at: At::Api, method: "GET", path, body: "", works }
}

const fn send(
    what: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    works: [bool; 3],
) -> Try {
    Try { what, at: At::Api, method, path, body, works }
}

pub const TRIES: &[Try] = &[
    get("read its own Node", "/api/v1/nodes/OWN", [true; 3]),
    get("read another Node", "/api/v1/nodes/OTHER", [false, true, true]),
    send(
        "say how its pods are reached (flannel's annotations)",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"annotations":{"flannel.alpha.coreos.com/note":"KEY"}}}"#,
        FLANNELD,
    ),
    send(
        "say how another node's pods are reached",
        "PATCH",
        "/api/v1/nodes/OTHER/status",
        r#"{"metadata":{"annotations":{"flannel.alpha.coreos.com/public-ip":"10.9.9.9"}}}"#,
        NOBODY,
    ),
    send(
        "be sent another node's traffic (by the MAC of its VXLAN)",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"annotations":{"flannel.alpha.coreos.com/backend-data":"{\"VNI\":1,\"VtepMAC\":\"0a:00:00:00:00:01\"}"}}}"#,
        NOBODY,
    ),
    send(
        "be sent it by a second MAC behind its own",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"annotations":{"flannel.alpha.coreos.com/backend-data":"{\"VNI\":1,\"VtepMAC\":\"MAC_OWN\",\"VtepMAC\":\"MAC_OTHER\"}"}}}"#,
        NOBODY,
    ),
    send(
        "be sent it by a MAC under another spelling of its field",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"annotations":{"flannel.alpha.coreos.com/backend-data":"{\"VNI\":1,\"VtepMAC\":\"MAC_OWN\",\"vtepmac\":\"MAC_OTHER\"}"}}}"#,
        NOBODY,
    ),
    send(
        "be sent it by a MAC for IPv6 that is written in a way of its own",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"annotations":{"flannel.alpha.coreos.com/backend-v6-data":"{\"VNI\":1, \"VtepM\\u0041C\":\"MAC_OTHER\"}"}}}"#,
        NOBODY,
    ),
    send(
        "register its node with a MAC, when it was deleted",
        "POST",
        "/api/v1/nodes?dryRun=All",
        r#"{"metadata":{"name":"OWN","annotations":{"flannel.alpha.coreos.com/backend-data":"{\"VNI\":1,\"VtepMAC\":\"MAC_OTHER\"}"}}}"#,
        NOBODY,
    ),
    send(
        "say again what flanneld has said of its VXLAN",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"annotations":{"flannel.alpha.coreos.com/backend-data":"{\"VNI\":1,\"VtepMAC\":\"MAC_OWN\"}","flannel.alpha.coreos.com/note":"KEY again"}}}"#,
        FLANNELD,
    ),
    send(
        "take away the MAC of its VXLAN",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"annotations":{"flannel.alpha.coreos.com/backend-data":null}}}"#,
        NOBODY,
    ),
    send(
        "say that its network is there (the condition NetworkUnavailable)",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"status":{"conditions":[{"type":"NetworkUnavailable","status":"False","reason":"FlannelIsUp","message":"KEY"}]}}"#,
        [true, false, true],
    ),
    send(
        "set other conditions of its node",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"status":{"conditions":[{"type":"Example","status":"True","reason":"Example","message":"KEY"}]}}"#,
        KUBELET,
    ),
    send(
        "set other fields of its node's status",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"status":{"phase":"Running","runtimeHandlers":[{"name":"KEY"}]}}"#,
        KUBELET,
    ),
    send(
        "say which address its node has, and which port its kubelet",
        "PATCH",
        "/api/v1/nodes/OWN/status?dryRun=All",
        r#"{"status":{"addresses":[{"type":"InternalIP","address":"198.51.100.7"}],"daemonEndpoints":{"kubeletEndpoint":{"Port":22}}}}"#,
        KUBELET,
    ),
    send(
        "say which volumes' drivers it has (an annotation)",
        "PATCH",
        "/api/v1/nodes/OWN/status?dryRun=All",
        r#"{"metadata":{"annotations":{"csi.volume.kubernetes.io/nodeid":"{}"}}}"#,
        KUBELET,
    ),
    send(
        "set other annotations of its node",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"annotations":{"example":"KEY"}}}"#,
        NOBODY,
    ),
    send(
        "say which labels and taints the inventory gives its node, so that `up` takes others away",
        "PATCH",
        "/api/v1/nodes/OWN",
        r#"{"metadata":{"annotations":{"kbootstrap/labels":"node-restriction.kubernetes.io/tenant","kbootstrap/taints":"quarantine:NoSchedule"}}}"#,
        NOBODY,
    ),
    send(
        "add labels to its node that nobody has set, of those that NodeRestriction leaves to kubelets",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"labels":{"KEY":"KEY"}}}"#,
        KUBELET,
    ),
    send(
        "change a label of its node that is there",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"labels":{"topology.kubernetes.io/zone":"KEY"}}}"#,
        NOBODY,
    ),
    send(
        "take away a label of its node",
        "PATCH",
        "/api/v1/nodes/OWN",
        r#"{"metadata":{"labels":{"topology.kubernetes.io/zone":null}}}"#,
        NOBODY,
    ),
    send(
        "be taken for another node by its label kubernetes.io/hostname",
        "PATCH",
        "/api/v1/nodes/OWN/status",
        r#"{"metadata":{"labels":{"kubernetes.io/hostname":"OTHER"}}}"#,
        NOBODY,
    ),
    send(
        "register its node under another's label kubernetes.io/hostname",
        "POST",
        "/api/v1/nodes?dryRun=All",
        r#"{"metadata":{"name":"OWN","labels":{"kubernetes.io/hostname":"OTHER"}}}"#,
        NOBODY,
    ),
    send(
        "set labels under node-restriction.kubernetes.io",
        "PATCH",
        "/api/v1/nodes/OWN",
        r#"{"metadata":{"labels":{"node-restriction.kubernetes.io/example":"x"}}}"#,
        NOBODY,
    ),
    send(
        "make its node one of the control plane by its label",
        "PATCH",
        "/api/v1/nodes/OWN",
        r#"{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":""}}}"#,
        NOBODY,
    ),
    send(
        "change taints of its node",
        "PATCH",
        "/api/v1/nodes/OWN",
        r#"{"spec":{"taints":[{"key":"example","effect":"NoSchedule"}]}}"#,
        NOBODY,
    ),
    send("cordon its node, or lift that", "PATCH", "/api/v1/nodes/OWN", r#"{"spec":{"unschedulable":true}}"#, NOBODY),
    send(
        "say which machine of a cloud its node is (providerID)",
        "PATCH",
        "/api/v1/nodes/OWN",
        r#"{"spec":{"providerID":"example://KEY"}}"#,
        NOBODY,
    ),
    send(
        "keep its Node from being deleted (a finalizer)",
        "PATCH",
        "/api/v1/nodes/OWN",
        r#"{"metadata":{"finalizers":["example.com/stay"]}}"#,
        NOBODY,
    ),
    send(
        "keep its Lease from being deleted",
        "PATCH",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/OWN",
        r#"{"metadata":{"finalizers":["example.com/stay"]}}"#,
        NOBODY,
    ),
    send(
        "keep a pod of its node from being deleted",
        "PATCH",
        "/api/v1/namespaces/rights/pods/own/status",
        r#"{"metadata":{"finalizers":["example.com/stay"]}}"#,
        NOBODY,
    ),
    send(
        "choose its node's piece of the pod network, to which all hosts have a route",
        "POST",
        "/api/v1/nodes?dryRun=All",
        r#"{"metadata":{"name":"OWN"},"spec":{"podCIDR":"198.51.100.7/32"}}"#,
        NOBODY,
    ),
    send("change another Node", "PATCH", "/api/v1/nodes/OTHER", r#"{"metadata":{"labels":{"example":"x"}}}"#, NOBODY),
    send("delete its own Node", "DELETE", "/api/v1/nodes/OWN?dryRun=All", "", NOBODY),
    send("delete another Node", "DELETE", "/api/v1/nodes/OTHER?dryRun=All", "", NOBODY),
    send(
        "keep another node alive (its Lease)",
        "PATCH",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/OTHER",
        "{}",
        NOBODY,
    ),
    get("read a Secret of a pod on its node", "/api/v1/namespaces/rights/secrets/own", KUBELET),
    get("read a Secret of a pod on another node", "/api/v1/namespaces/rights/secrets/other", NOBODY),
    get("list Secrets", "/api/v1/secrets", NOBODY),
    get("read kbootstrap's record of the cluster", "/api/v1/namespaces/kube-system/configmaps/kbootstrap", NOBODY),
    get("list pods of its node", "/api/v1/pods?fieldSelector=spec.nodeName%3DOWN", KUBELET),
    get("list pods of another node", "/api/v1/pods?fieldSelector=spec.nodeName%3DOTHER", NOBODY),
    get("list Services", "/api/v1/services", [true, true, false]),
    get(
        "list EndpointSlices, the addresses of pods behind Services",
        "/apis/discovery.k8s.io/v1/endpointslices",
        [false, true, false],
    ),
    send(
        "create a pod on its node",
        "POST",
        "/api/v1/namespaces/rights/pods?dryRun=All",
        r#"{"metadata":{"name":"new"},"spec":{"nodeName":"OWN","containers":[{"name":"a","image":"a"}]}}"#,
        NOBODY,
    ),
    send(
        "create a mirror pod, with labels that a Service selects",
        "POST",
        "/api/v1/namespaces/kube-system/pods?dryRun=All",
        r#"{"metadata":{"name":"new","labels":{"k8s-app":"kube-dns"},"annotations":{"kubernetes.io/config.mirror":"x"},"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"OWN","uid":"UID_NODE","controller":true}]},"spec":{"nodeName":"OWN","containers":[{"name":"a","image":"a"}]}}"#,
        NOBODY,
    ),
    send(
        "say how pods of its node are, and which addresses they have",
        "PATCH",
        "/api/v1/namespaces/rights/pods/own/status?dryRun=All",
        r#"{"status":{"podIP":"198.51.100.7","podIPs":[{"$patch":"replace"},{"ip":"198.51.100.7"}]}}"#,
        KUBELET,
    ),
    send(
        "change annotations of pods of its node",
        "PATCH",
        "/api/v1/namespaces/rights/pods/own/status",
        r#"{"metadata":{"annotations":{"example":"KEY"}}}"#,
        NOBODY,
    ),
    send(
        "create a pod on another node",
        "POST",
        "/api/v1/namespaces/rights/pods?dryRun=All",
        r#"{"metadata":{"name":"new"},"spec":{"nodeName":"OTHER","containers":[{"name":"a","image":"a"}]}}"#,
        NOBODY,
    ),
    send("delete a pod of its node", "DELETE", "/api/v1/namespaces/rights/pods/own?dryRun=All", "", KUBELET),
    send("delete a pod of another node", "DELETE", "/api/v1/namespaces/rights/pods/other?dryRun=All", "", NOBODY),
    send("run a command in a pod", "POST", "/api/v1/namespaces/rights/pods/other/exec?command=id", "", NOBODY),
    get("reach another kubelet through the API", "/api/v1/nodes/OTHER/proxy/runningpods/", NOBODY),
    Try {
        what: "ask another kubelet itself",
        at: At::Kubelet,
        method: "GET",
        path: "/runningpods/",
        body: "",
        works: NOBODY,
    },
    send(
        "get a token of a pod on its node",
        "POST",
        "/api/v1/namespaces/rights/serviceaccounts/default/token",
        r#"{"spec":{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"own","uid":"UID_OWN"}}}"#,
        KUBELET,
    ),
    send(
        "get a token of a pod on another node",
        "POST",
        "/api/v1/namespaces/rights/serviceaccounts/default/token",
        r#"{"spec":{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"other","uid":"UID_OTHER"}}}"#,
        NOBODY,
    ),
    send(
        "get a token of any service account",
        "POST",
        "/api/v1/namespaces/kube-system/serviceaccounts/node-controller/token",
        r#"{"spec":{}}"#,
        NOBODY,
    ),
    send(
        "ask for a certificate as another node",
        "POST",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        r#"{"metadata":{"name":"rights"},"spec":{"request":"CSR","signerName":"kubernetes.io/kube-apiserver-client-kubelet","usages":["digital signature","client auth"]}}"#,
        NOBODY,
    ),
    send(
        "approve a request for a certificate",
        "PATCH",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests/rights/approval",
        "{}",
        NOBODY,
    ),
    send(
        "write events",
        "POST",
        "/api/v1/namespaces/default/events?dryRun=All",
        r#"{"metadata":{"name":"rights"},"involvedObject":{"kind":"Node","name":"OWN"},"reason":"Example","message":"x","type":"Normal"}"#,
        KUBELET,
    ),
    send(
        "write events of more than 4,096 characters",
        "POST",
        "/api/v1/namespaces/default/events?dryRun=All",
        r#"{"metadata":{"name":"rights"},"involvedObject":{"kind":"Node","name":"OWN"},"reason":"Example","message":"LONG","type":"Normal"}"#,
        NOBODY,
    ),
    send(
        "hide long texts in other fields of events",
        "POST",
        "/api/v1/namespaces/default/events?dryRun=All",
        r#"{"metadata":{"name":"rights"},"involvedObject":{"kind":"Node","name":"OWN","fieldPath":"LONG"},"reason":"Example","message":"x","type":"Normal"}"#,
        NOBODY,
    ),
    send(
        "create a Service",
        "POST",
        "/api/v1/namespaces/rights/services?dryRun=All",
        r#"{"metadata":{"name":"new"},"spec":{"ports":[{"port":80}]}}"#,
        NOBODY,
    ),
    send(
        "give itself rights",
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings?dryRun=All",
        r#"{"metadata":{"name":"new"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},"subjects":[]}"#,
        NOBODY,
    ),
    send(
        "take away the policy that binds kubelets",
        "DELETE",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/kbootstrap-kubelet?dryRun=All",
        "",
        NOBODY,
    ),
    send(
        "take away the policy that binds flanneld",
        "DELETE",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/kbootstrap-flannel?dryRun=All",
        "",
        NOBODY,
    ),
];

/// What a kubelet does to keep its certificate: `RENEWAL_REQUEST` is a request for one of its own.
pub const RENEWAL: Try = send(
    "have its own certificate renewed",
    "POST",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests?dryRun=All",
    r#"{"metadata":{"name":"renewal"},"spec":{"request":"RENEWAL_REQUEST","signerName":"kubernetes.io/kube-apiserver-client-kubelet","usages":["digital signature","client auth"]}}"#,
    KUBELET,
);

/// The table as docs/security.md has it.
pub fn table() -> String {
    let word = |works: bool| if works { "**yes**" } else { "no" };
    let names: Vec<&str> = KEYS.iter().map(|(_, name)| *name).collect();
    let mut text = format!("| with the key of | {} |\n|---|---|---|---|\n", names.join(" | "));
    for row in TRIES {
        let words: Vec<&str> = row.works.into_iter().map(word).collect();
        text.push_str(&format!("| {} | {} |\n", row.what, words.join(" | ")));
    }
    text
}
