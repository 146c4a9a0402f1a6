//! A cluster on lab hosts of a test's own, worked on with the real program.
//!
//! One at a time, over all threads and processes: two clusters on one small machine starve each other. The hosts go
//! away with the value, also when the test panics; what a killed test left is removed by the next of that name.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kbootstrap::clients::http::{Identity, Tls};
use kbootstrap::inventory::{Inventory, Role};
use kbootstrap::lab::{self, Folders, Guard, Lab, LabSpec};
use kbootstrap::secret::Secret;
use kbootstrap::ui::Silent;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::run::{Background, Run, finish};

/// Longer than any command takes, even on a machine that is very busy.
const LIMIT: Duration = Duration::from_secs(420);

/// Within this a cluster is healthy whose host was away, or a server of it.
pub const HEALTHY: Duration = Duration::from_secs(90);

pub struct Cluster {
    // Dropped in this order: hosts, files, turn.
    lab: Guard,
    folder: TempDir,
    _turn: File,
}

impl Cluster {
    /// So many hosts `n1`, `n2`, …: the first is etcd member, master and node, the others are nodes.
    pub fn new(name: &str, hosts: u32) -> Cluster {
        Self::with(LabSpec::new(name, hosts))
    }

    /// The hosts of the lab that is asked for; nothing runs on them yet.
    pub fn with(spec: LabSpec) -> Cluster {
        let turn = turn();
        let folders = Folders::from_env().unwrap();
        lab::down(&folders, &spec.name, &Silent).unwrap();
        let lab = lab::up(&folders, &spec, &Silent).unwrap_or_else(|e| panic!("lab {}: {e:#?}", spec.name)).guard();
        let folder = tempfile::tempdir().unwrap();
        let cluster = Cluster { lab, folder, _turn: turn };
        fs::copy(cluster.lab.inventory_path(), cluster.inventory()).unwrap();
        cluster
    }

    /// The hosts.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }
    /// The hosts, for switching one off or on.
    pub fn lab_mut(&mut self) -> &mut Lab {
        &mut self.lab
    }
    /// Names of the hosts.
    pub fn hosts(&self) -> Vec<String> {
        self.lab.hosts().iter().map(|host| host.name.clone()).collect()
    }
    /// A host's address.
    pub fn address(&self, host: &str) -> String {
        self.lab.address(host).unwrap().to_string()
    }
    /// A host's file as this machine sees it. Not for what lies under a mount inside the host.
    pub fn file(&self, host: &str, path: &str) -> PathBuf {
        let root = Folders::from_env().unwrap().lab(self.lab.name()).unwrap().host(host).root();
        root.join(path.trim_start_matches('/'))
    }

    /// The inventory, `kbootstrap.yaml` in the folder that commands run in.
    pub fn inventory(&self) -> PathBuf {
        self.folder.path().join("kbootstrap.yaml")
    }
    /// The cluster's folder: `pki/`, `log/`, `admin.kubeconfig`.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("clusters").join(self.lab.name())
    }
    /// Who asks the cluster: a certificate of the cluster's folder, which trusts that CA.
    pub fn identity(&self, authority: &str, name: &str) -> Tls {
        let read = |file: String| fs::read(self.state().join("pki").join(file)).unwrap();
        Tls::new(&Identity {
            ca_pem: read(format!("{authority}.pem")),
            cert_pem: read(format!("{name}.pem")),
            key_pem: Secret::new(read(format!("{name}-key.pem"))),
        })
        .unwrap()
    }
    /// Changes the inventory.
    pub fn edit(&self, change: impl FnOnce(&mut Inventory)) {
        let mut inventory = self.parsed();
        change(&mut inventory);
        // JSON is YAML.
        fs::write(self.inventory(), serde_json::to_string_pretty(&inventory).unwrap()).unwrap();
    }

    /// Hosts with the role.
    pub fn with_role(&self, role: Role) -> Vec<String> {
        self.parsed().hosts.into_iter().filter(|host| host.roles.contains(&role)).map(|host| host.name).collect()
    }
    fn parsed(&self) -> Inventory {
        serde_saphyr::from_str(&fs::read_to_string(self.inventory()).unwrap()).unwrap()
    }

    /// Runs `kbootstrap` in the folder of the inventory, to its end.
    pub fn run(&self, args: &[&str]) -> Run<'_> {
        self.start(args).wait()
    }
    /// The same with another program.
    pub fn run_as(&self, program: &Path, args: &[&str]) -> Run<'_> {
        self.start_as(program, args).wait()
    }
    /// `up`, which must succeed; how many things it changed.
    pub fn up(&self) -> u64 {
        self.run(&["up", "--yes", "-o", "json"]).ok().json()["changes"].as_u64().unwrap()
    }
    /// `up`, which must find nothing to change.
    #[track_caller]
    pub fn up_finds_nothing(&self, when: &str) {
        let plan = self.plan();
        let run = self.run(&["up", "--yes", "-o", "json"]).ok();
        let changes = run.json()["changes"].as_u64().unwrap();
        run.check(changes == 0, &format!("{when}: nothing should be left to change; a plan said before: {plan:#}"));
    }
    /// Waits until `status` calls it healthy, and gives that back. A controller whose API server was away for ten seconds has
    /// given up its lease, and another one takes it within some more.
    #[track_caller]
    pub fn becomes_healthy(&self, within: Duration) -> Value {
        let limit = Instant::now() + within;
        loop {
            let status = self.run(&["status", "-o", "json"]);
            if status.code == 0 {
                return status.json();
            }
            status.check(Instant::now() < limit, &format!("the cluster should be healthy within {within:.0?}"));
            sleep(Duration::from_millis(500));
        }
    }
    /// `plan` as data.
    pub fn plan(&self) -> Value {
        self.run(&["plan", "-o", "json"]).ok().json()
    }
    /// Starts `kbootstrap` in the folder of the inventory; its events can be waited for.
    pub fn start(&self, args: &[&str]) -> Background<'_> {
        self.start_as(Path::new(env!("CARGO_BIN_EXE_kbootstrap")), args)
    }
    fn start_as(&self, program: &Path, args: &[&str]) -> Background<'_> {
        let mut command = Command::new(program);
        command.args(args).args(["--progress", "json"]).current_dir(self.folder.path());
        command.env("NO_COLOR", "1").env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        Background::spawn(self, command, args, LIMIT)
    }

    /// Runs a script on a host as root; its output, whatever its status.
    pub fn try_on(&self, host: &str, script: &str) -> (i32, String) {
        let mut command = self.lab.ssh(host, "root").unwrap();
        command.arg("sh -s").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text).unwrap_or_default()
        });
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        let code = finish(&mut child, LIMIT).code().unwrap_or(-1);
        let words = errors.join().unwrap();
        (code, String::from_utf8_lossy(&bytes).into_owned() + &words)
    }
    /// The same; it must succeed.
    pub fn on(&self, host: &str, script: &str) -> String {
        let (code, text) = self.try_on(host, script);
        assert_eq!(code, 0, "{host}: {script}\n{text}{}", self.evidence());
        text
    }

    /// kubectl, the one that was brought to the master, with the operator's kubeconfig.
    pub fn kubectl(&self, args: &[&str]) -> String {
        let output = self.kubectl_output(args);
        assert!(output.status.success(), "kubectl {args:?}: {output:?}{}", self.evidence());
        String::from_utf8(output.stdout).unwrap()
    }
    /// The same, whatever its status.
    pub fn try_kubectl(&self, args: &[&str]) -> String {
        String::from_utf8(self.kubectl_output(args).stdout).unwrap()
    }
    fn kubectl_output(&self, args: &[&str]) -> Output {
        let kubeconfig = self.state().join("admin.kubeconfig");
        let mut command = Command::new(self.file("n1", "/usr/local/bin/kubectl"));
        command.arg("--kubeconfig").arg(kubeconfig).args(args).env("HOME", self.folder.path());
        command.output().unwrap()
    }
    /// The same, as JSON.
    pub fn get(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.kubectl(&[&["get", "-o", "json"], args].concat())).unwrap()
    }

    /// Whether the API server takes a service account's token.
    pub fn takes_token(&self, token: &str) -> bool {
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": { "token": token.trim() },
        });
        let file = self.inventory().with_file_name("review.json");
        fs::write(&file, review.to_string()).unwrap();
        let review = self.kubectl(&["create", "-o", "json", "-f", file.to_str().unwrap()]);
        let review: Value = serde_json::from_str(&review).unwrap();
        review["status"]["authenticated"] == true
    }

    /// What explains a failure: the newest log, and what the hosts' services say.
    pub fn evidence(&self) -> String {
        let mut text = String::new();
        if let Some(log) = newest(&self.state().join("log")) {
            let lines = fs::read_to_string(&log).unwrap_or_default();
            text.push_str(&format!("\n--- {}\n{}", log.display(), tail(&lines, 60)));
        }
        for host in self.hosts() {
            if !self.lab.is_on(&host) {
                text.push_str(&format!("\n--- {host} is off"));
                continue;
            }
            let script = "systemctl --no-pager --no-legend list-units --state=failed,activating,auto-restart\n\
                          journalctl --no-pager -q -o short-monotonic -n 200 -p warning |\
                          grep -Ev 'world-inaccessible|CPUShares|MemoryLimit' | tail -n 20";
            let mut command = self.lab.ssh(&host, "root").unwrap();
            command.args(["-o", "ConnectTimeout=5"]).arg(script).stdin(Stdio::null());
            let said = command.output().map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
            text.push_str(&format!("\n--- {host}\n{}", said.unwrap_or_else(|e| e.to_string())));
        }
        text
    }
}

/// Waits until no other cluster runs. The lock is this open file's, so that it holds between threads, too, and it goes
/// away with the process however that ends.
fn turn() -> File {
    let path = std::env::temp_dir().join("kbootstrap-end-to-end.lock");
    let file = File::options().create(true).append(true).open(&path).unwrap();
    file.lock().unwrap();
    file
}

fn newest(folder: &Path) -> Option<PathBuf> {
    let mut logs: Vec<PathBuf> = fs::read_dir(folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    // Their names begin with the time.
    logs.sort();
    logs.pop()
}

/// The last lines.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
