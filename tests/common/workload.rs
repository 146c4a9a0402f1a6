//! What people run on a cluster before it is changed: pods behind a Service with a node port, and somebody outside who
//! never stops asking it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use serde_json::json;

use super::cluster::Cluster;

/// The Service's port on every node.
pub const NODE_PORT: u16 = 30080;
/// Between two requests.
const EVERY: Duration = Duration::from_millis(20);
/// After this a request has failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Brings the cluster up with pods on it from before what comes.
pub fn populate(cluster: &Cluster) {
    cluster.up();
    cluster.run(&["verify"]).ok();
    let images = cluster.on("n1", "ctr -n k8s.io images ls -q");
    let image = images.lines().find(|image| image.contains("/agnhost:")).expect("verify brings agnhost");
    start(cluster, image);
}

/// Starts the pods, one on each node, and waits until they answer. The image must be on the nodes.
pub fn start(cluster: &Cluster, image: &str) {
    let labels = json!({"app": "before"});
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "before"}, "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "web", "image": image, "imagePullPolicy": "Never", "args": ["netexec", "--http-port=8080"]}],
            }},
        }},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "before"}, "spec": {
            "type": "NodePort", "selector": labels, "ports": [{"port": 80, "targetPort": 8080, "nodePort": NODE_PORT}],
        }},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "before"}, "stringData": {"key": "value"}},
    ]});
    let file = cluster.state().join("before.json");
    fs::write(&file, objects.to_string()).unwrap();
    cluster.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    fs::remove_file(file).unwrap();
    cluster.kubectl(&["rollout", "status", "daemonset/before", "--timeout=120s"]);
}

/// From inside a pod that ran before: the name resolves, and the Service answers; and its Secret is still what it was.
pub fn goes_on(cluster: &Cluster) {
    let name = "before.default.svc.cluster.local:80";
    cluster.kubectl(&["exec", "daemonset/before", "--", "/agnhost", "connect", name, "--timeout=5s"]);
    let secret = cluster.get(&["secret", "before"]);
    assert_eq!(secret["data"]["key"], "dmFsdWU=");
}

/// Restarts of containers of the pods that ran before, and their addresses: nothing of it may change.
pub fn lives(cluster: &Cluster) -> Vec<String> {
    let pods = cluster.get(&["pods", "-l", "app=before"]);
    let life = |pod: &serde_json::Value| {
        let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
        format!("{} {} {restarts}", pod["metadata"]["uid"], pod["status"]["podIP"])
    };
    let mut lives: Vec<String> = pods["items"].as_array().unwrap().iter().map(life).collect();
    lives.sort();
    lives
}

/// Somebody who asks the Service through each node, again and again.
pub struct Visitor {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Visitor {
    /// Begins.
    pub fn start(cluster: &Cluster) -> Visitor {
        let hosts = cluster.hosts();
        Visitor::through(cluster, &hosts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Begins, through these nodes.
    pub fn through(cluster: &Cluster, hosts: &[&str]) -> Visitor {
        let (over, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let failed = Arc::<Mutex<Vec<String>>>::default();
        let ask_all = |host: String| {
            let address: SocketAddr = format!("{}:{NODE_PORT}", cluster.address(&host)).parse().unwrap();
            let (over, answered, failed) = (over.clone(), answered.clone(), failed.clone());
            spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    match ask(address) {
                        Ok(()) => drop(answered.fetch_add(1, Ordering::SeqCst)),
                        Err(error) => failed.lock().unwrap().push(format!("{host}: {error}")),
                    }
                    sleep(EVERY);
                }
            })
        };
        let threads = hosts.iter().map(|host| (*host).to_owned()).map(ask_all).collect();
        Visitor { over, answered, failed, threads }
    }

    /// Ends; how many were answered, and what failed.
    pub fn end(mut self) -> (usize, Vec<String>) {
        self.over.store(true, Ordering::SeqCst);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        (self.answered.load(Ordering::SeqCst), std::mem::take(&mut self.failed.lock().unwrap()))
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

fn ask(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /hostname HTTP/1.0\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    match answer.windows(4).any(|four| four == b" 200") {
        true => Ok(()),
        false => Err(std::io::Error::other("it did not answer with 200")),
    }
}
