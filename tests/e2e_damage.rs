//! Each managed thing of a running cluster taken away, stopped, switched off, masked, damaged or replaced, one at a time on
//! a master and on a node: `plan` names it, `up` mends it, and then all units run what was rendered.
//!
//! What there is to damage is enumerated from the desired state, not listed by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use kbootstrap::components::Catalogue;
use kbootstrap::engine::{self, Access, Options, PlanOptions, Session};
use kbootstrap::plan::Desired;
use kbootstrap::remote::SshConfig;
use kbootstrap::state::{Content, HostState, Unit};
use kbootstrap::ui::Silent;
use serde_json::{Value, json};

use crate::common::cluster::Cluster;

/// A thing and what is done to it.
struct Damage {
    /// What it is one of: `file gone`, `unit masked`.
    kind: &'static str,
    host: String,
    /// Its name as the plan has it: a path, a unit, a setting, an image, an object.
    name: String,
    /// Run on the host as root.
    script: String,
}

/// One thing of each kind, on a cluster that runs.
pub fn what_is_damaged_is_named_and_mended(cluster: &Cluster) {
    let desired = desired(cluster);
    each_is_mended(cluster, &desired, one_of_each_kind(all(&desired)));
    a_foreign_drop_in_stops_up_and_is_named(cluster);
    a_sick_host_holds_back_no_other(cluster);
    containerd_of_the_distribution_gives_way_to_ours(cluster);
}

#[test]
#[ignore = "every managed thing: make test-long"]
fn every_managed_thing_is_named_and_mended() {
    let cluster = Cluster::new("e2e-damage-all", 2);
    cluster.up();
    let desired = desired(&cluster);
    let all = all(&desired);
    assert!(all.len() > 300, "{}", all.len());
    each_is_mended(&cluster, &desired, all);
    each_object_is_made_again(&cluster, &desired);
}

fn containerd_of_the_distribution_gives_way_to_ours(cluster: &Cluster) {
    // A service of Debian's name, in its place and on its socket, from the very programs that `up` brings.
    let programs =
        "/usr/local/bin/containerd /usr/local/bin/containerd-shim-runc-v2 /usr/local/bin/runc /usr/local/bin/ctr";
    cluster.on("n2", &format!("mkdir /opt/debian && cp {programs} /opt/debian/"));
    cluster.run(&["reset", "--yes", "--host", "n2"]).ok();
    let unit = "[Unit]\nDescription=of the distribution\n[Service]\nExecStart=/opt/debian/containerd\nType=notify\nKillMode=process\n\
                Delegate=yes\nEnvironment=PATH=/opt/debian:/usr/sbin:/usr/bin:/sbin:/bin\n[Install]\nWantedBy=multi-user.target\n";
    cluster.on(
        "n2",
        &format!(
            "cat > /usr/lib/systemd/system/containerd.service <<'EOF'\n{unit}EOF\n\
             systemctl daemon-reload && systemctl enable --now containerd && systemctl is-active containerd"
        ),
    );
    let warned = cluster.run(&["check"]).ok();
    warned.check(warned.stdout.contains("ours will take its place"), "check should say so");
    let plan = cluster.run(&["plan"]);
    plan.check(plan.stdout.contains("containerd.service: it takes the place of /"), "the plan should say so");
    cluster.up();
    cluster.run(&["plan", "--exit-code"]).ok();
    runs_what_was_rendered(cluster, &desired(cluster));
    cluster.run(&["status"]).ok();
}

/// What every host must hold, as the program decides it.
fn desired(cluster: &Cluster) -> Desired {
    let session = Session::open(Options {
        catalogue: Catalogue::standard(),
        inventory: Some(&cluster.inventory()),
        state: Some(&cluster.state()),
        trust_inventory: false,
        accept_new_host_keys: false,
        at_once: 4,
        command: "plan",
        ssh_config: SshConfig::Off,
        access: Access::Read,
        asked: None,
        reporter: Box::new(Silent),
        interrupt: Arc::new(AtomicBool::new(false)),
    })
    .unwrap();
    engine::preview(&session, PlanOptions::default()).unwrap().desired
}

/// One of each kind, on the hosts in turn, and not always the same thing.
fn one_of_each_kind(all: Vec<Damage>) -> Vec<Damage> {
    let hosts: Vec<String> =
        all.iter().map(|damage| damage.host.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut kinds: BTreeMap<&str, Vec<Damage>> = BTreeMap::new();
    for damage in all {
        kinds.entry(damage.kind).or_default().push(damage);
    }
    let pick = |(n, mut those): (usize, Vec<Damage>)| {
        let wanted = &hosts[n % hosts.len()];
        let on_host = those.iter().enumerate().filter(|(_, damage)| damage.host == *wanted).map(|(at, _)| at);
        let on_host: Vec<usize> = on_host.collect();
        let at = if on_host.is_empty() { n % those.len() } else { on_host[(n + 1) % on_host.len()] };
        those.swap_remove(at)
    };
    kinds.into_values().enumerate().map(pick).collect()
}

/// Everything that can be done to each thing of each host.
fn all(desired: &Desired) -> Vec<Damage> {
    desired.hosts.iter().flat_map(|(host, state)| of_host(host, state)).collect()
}

fn of_host(host: &str, state: &HostState) -> Vec<Damage> {
    let mut all = Vec::new();
    let mut add = |kind, name: &str, script: String| {
        all.push(Damage { kind, host: host.to_owned(), name: name.to_owned(), script });
    };
    for unit in &state.units {
        of_unit(unit, &mut add);
    }
    for (path, file) in &state.files {
        add("file gone", path, format!("rm {path}"));
        // A program that runs cannot be written to.
        add("file damaged", path, format!("cp -p {path} {path}.x && printf x >>{path}.x && mv {path}.x {path}"));
        let mode = if file.mode == 0o666 { "600" } else { "666" };
        add("file's mode", path, format!("chmod {mode} {path}"));
        add("file's owner", path, format!("chown daemon:daemon {path}"));
        if matches!(file.content, Content::Artifact(_))
            && let Some(unit) = state.units.iter().find(|unit| unit.restart_on.contains(path))
        {
            add("program put back", &unit.name, format!("cp -p {path} {path}.x && mv {path}.x {path}"));
        }
    }
    for path in state.dirs.keys() {
        add("folder's mode", path, format!("chmod 777 {path}"));
        add("folder's owner", path, format!("chown daemon:daemon {path}"));
    }
    // Others belong to the machine that all hosts of a lab share, and so do modules: tests/catalogue.rs has them.
    let own =
        |(name, value): &(&String, &String)| name.starts_with("net.") && !name.contains("conntrack") && *value != "0";
    for (name, _) in state.sysctls.iter().filter(own) {
        add("kernel setting", name, format!("echo 0 >/proc/sys/{}", name.replace('.', "/")));
    }
    for image in &state.images {
        add("image gone", &image.name, format!("/usr/local/bin/ctr -n k8s.io images rm --sync {}", image.name));
    }
    for user in &state.users {
        add("user gone", user, format!("userdel --force {user} 2>/dev/null; ! id {user} 2>/dev/null"));
    }
    all
}

fn of_unit(unit: &Unit, add: &mut impl FnMut(&'static str, &str, String)) {
    let Unit { name, file, .. } = unit;
    let elsewhere = format!("/usr/lib/systemd/system/{name}");
    let mask = format!("ln -sf /dev/null {file} && systemctl daemon-reload");
    add("unit stopped", name, format!("systemctl stop {name}"));
    add("unit disabled", name, format!("systemctl disable --quiet {name}"));
    add("unit masked", name, mask.clone());
    add("unit masked and stopped", name, format!("systemctl stop {name} && {mask}"));
    for path in unit.makes.keys() {
        add("made by a unit, gone", name, format!("rm {path}"));
        add("made by a unit, damaged", name, format!("echo >>{path}"));
    }
    // What has no process of its own cannot run another one.
    if program(unit).is_none() {
        return;
    }
    // Containers go on, so that its stop waits for none of them.
    let other = "[Service]\\nExecStart=/bin/sleep 3600\\nKillMode=process\\n";
    add(
        "unit of another file",
        name,
        format!("rm {file} && printf '{other}' >{elsewhere} && systemctl daemon-reload && systemctl restart {name}"),
    );
    let flagged = format!(
        "cp -p {file} /root/kept && printf '[Service]\\nNice=5\\n' >>{file} && systemctl daemon-reload && systemctl restart {name} \
         && cat /root/kept >{file}"
    );
    add("unit changed and put back", name, flagged);
    let killed =
        "kill -9 $(systemctl show -p MainPID --value UNIT); systemctl stop UNIT; systemctl kill -s KILL UNIT || true";
    add("unit killed and stopped", name, killed.replace("UNIT", name));
}

/// Its program, where it has one.
fn program(unit: &Unit) -> Option<String> {
    let program = format!("/usr/local/bin/{}", unit.name.strip_suffix(".service")?);
    unit.restart_on.contains(&program).then_some(program)
}

/// Of these, all on a host at once: each is named for itself.
const TOGETHER: [&str; 4] = ["file's mode", "file's owner", "folder's mode", "folder's owner"];

/// On both hosts at once, since they have nothing to do with each other.
fn each_is_mended(cluster: &Cluster, desired: &Desired, all: Vec<Damage>) {
    let mut of_hosts: BTreeMap<String, Vec<Vec<Damage>>> = BTreeMap::new();
    for damage in all {
        let groups = of_hosts.entry(damage.host.clone()).or_default();
        let same = |group: &&mut Vec<Damage>| TOGETHER.contains(&damage.kind) && group[0].kind == damage.kind;
        match groups.iter_mut().find(same) {
            Some(group) => group.push(damage),
            None => groups.push(vec![damage]),
        }
    }
    let mut queues: Vec<_> = of_hosts.into_values().map(Vec::into_iter).collect();
    let mut failed = Vec::new();
    loop {
        let round: Vec<Damage> = queues.iter_mut().filter_map(Iterator::next).flatten().collect();
        if round.is_empty() {
            break;
        }
        let words: Vec<String> = round.iter().map(|d| format!("{}: {} {}", d.host, d.kind, d.name)).collect();
        let began = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| is_mended(cluster, desired, &round))).is_err() {
            failed.extend(words.clone());
            cluster.run(&["up", "--yes"]);
        }
        let line = format!("{:.1} s: {}\n", began.elapsed().as_secs_f64(), words.join("; "));
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(failed, Vec::<String>::new(), "what each said is above");
}

fn is_mended(cluster: &Cluster, desired: &Desired, round: &[Damage]) {
    for damage in round {
        cluster.on(&damage.host, &damage.script);
    }
    let plan = cluster.plan();
    for Damage { host, name, kind, .. } in round {
        assert!(named(&plan, host).contains(name), "{kind}: {name} is not named on {host}\n{plan:#}");
    }
    cluster.up();
    cluster.run(&["plan", "--exit-code"]).ok();
    runs_what_was_rendered(cluster, desired);
    // What a damage put where systemd looks last stays, and does no harm any more.
    for Damage { host, name, .. } in round.iter().filter(|damage| damage.kind == "unit of another file") {
        cluster.on(host, &format!("rm /usr/lib/systemd/system/{name} && systemctl daemon-reload"));
    }
}

/// Everything that the plan would change on a host.
fn named(plan: &Value, host: &str) -> BTreeSet<String> {
    let hosts = plan["hosts"].as_array().unwrap();
    let plan = hosts.iter().find(|plan| plan["host"] == *host).unwrap();
    let list = |field: &str| plan[field].as_array().unwrap().clone();
    let of = |field: &'static str, key: &'static str| list(field).into_iter().map(move |item| item[key].clone());
    let names = of("files", "path").chain(of("sysctls", "name")).chain(of("images", "name")).chain(of("units", "name"));
    let plain = list("users").into_iter().chain(list("modules")).chain(names);
    let dirs = plan["dirs"].as_object().unwrap().keys().cloned();
    plain.map(|name| name.as_str().unwrap().to_owned()).chain(dirs).collect()
}

/// systemd and the processes themselves say so.
fn runs_what_was_rendered(cluster: &Cluster, desired: &Desired) {
    for (host, state) in &desired.hosts {
        let names: Vec<&str> = state.units.iter().map(|unit| unit.name.as_str()).collect();
        let said = cluster.on(host, &RUNNING.replace("UNITS", &names.join(" ")));
        let mut blocks = said.split("\n\n");
        for unit in &state.units {
            let lines: Vec<&str> = blocks.next().unwrap_or_default().lines().collect();
            let file = format!("FragmentPath={}", unit.file);
            let loaded = [
                "ActiveState=active",
                "DropInPaths=",
                &file,
                "LoadState=loaded",
                "NeedDaemonReload=no",
                "UnitFileState=enabled",
            ];
            assert_eq!(lines[..6], loaded, "{host}: {}\n{said}", unit.name);
            let Some(program) = program(unit) else { continue };
            let Content::Artifact(artifact) = &state.files[&program].content else { panic!("{program}") };
            assert_eq!(lines[6..8], [&artifact.sha256.to_string(), &program], "{host}: {}\n{said}", unit.name);
            assert_eq!(lines[8].trim(), lines[9].trim(), "{host}: {}: another command line", unit.name);
        }
    }
}

/// Of each unit what systemd says, then what its process is: its program, the command line of both. A program is hashed once,
/// as long as it stays the same file.
const RUNNING: &str = r#"
for u in UNITS; do
  systemctl show -p LoadState,UnitFileState,ActiveState,FragmentPath,DropInPaths,NeedDaemonReload $u | sort
  pid=$(systemctl show -p MainPID --value $u)
  if [ "${pid:-0}" != 0 ]; then
    known=/run/hashed-$(stat -Lc '%d-%i-%s-%Z' /proc/$pid/exe)
    [ -s $known ] || sha256sum </proc/$pid/exe >$known
    cut -d ' ' -f 1 $known
    readlink /proc/$pid/exe
    systemctl show -p ExecStart --value $u | sed 's/.*argv\[\]=\(.*\) ; ignore_errors=.*/\1/'
    tr '\0' ' ' </proc/$pid/cmdline
    echo
  fi
  echo
done
"#;

/// As a host that once had kubeadm keeps it: another program would run under our unit's name.
fn a_foreign_drop_in_stops_up_and_is_named(cluster: &Cluster) {
    let folder = "/etc/systemd/system/kubelet.service.d";
    let path = format!("{folder}/10-kubeadm.conf");
    let text = "[Service]\\nEnvironment=A=b\\nExecStart=\\nExecStart=/opt/old/kubelet\\n";
    cluster.on("n2", &format!("mkdir -p {folder} && printf '{text}' >{path} && systemctl daemon-reload"));
    let words = format!("{path} changes what kubelet.service runs (ExecStart)");
    for command in [&["up", "--yes"][..], &["plan"], &["check"]] {
        let run = cluster.run(command).exits(6);
        run.check(run.stdout.contains(&words) || run.stderr.contains(&words), "it should name the file");
    }
    let status = cluster.run(&["status"]).exits(7);
    status.check(status.stdout.contains(&path), "status should name the file");
    // The remedy, as it was said.
    cluster.on("n2", &format!("mv {path} {path}.off && systemctl daemon-reload"));
    cluster.run(&["plan", "--exit-code"]).ok();
    // One's own settings stay.
    cluster.on("n2", &format!("printf '[Service]\\nLimitCORE=0\\n' >{folder}/own.conf && systemctl daemon-reload"));
    let plan = cluster.run(&["check"]).ok();
    plan.check(
        plan.stdout.contains(&format!("{folder}/own.conf adds to kubelet.service (LimitCORE)")),
        "it should be said",
    );
    cluster.up();
    assert!(cluster.file("n2", &format!("{folder}/own.conf")).exists());
    cluster.on("n2", &format!("rm -r {folder} && systemctl daemon-reload"));
}

/// Its kubelet cannot start; what was wrong with the other host is mended all the same.
fn a_sick_host_holds_back_no_other(cluster: &Cluster) {
    let flags = |flags: &[(&str, Value)]| {
        let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        cluster.edit(|inventory| inventory.hosts[1].components.entry("kubelet".into()).or_default().flags = flags);
    };
    cluster.on("n1", "systemctl stop flanneld kube-proxy");
    flags(&[("no-such-flag", json!(1))]);
    let up = cluster.run(&["up", "--yes"]).exits(6).says("error: n2: kubelet.service does not run");
    let up = up.says("unknown flag: --no-such-flag").says("hint: not finished: n2; finished: n1; ");
    for unit in ["flanneld", "kube-proxy"] {
        up.check(
            cluster.try_on("n1", &format!("systemctl is-active {unit}")).0 == 0,
            &format!("{unit} should run on n1"),
        );
    }
    flags(&[]);
    cluster.up();
    cluster.run(&["plan", "--exit-code"]).ok();
}

/// Objects of the API, one at a time.
fn each_object_is_made_again(cluster: &Cluster, desired: &Desired) {
    let mut failed = Vec::new();
    for object in &desired.objects {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let kind = object["kind"].as_str().unwrap().to_lowercase();
        let (name, namespace) = (text("name"), text("namespace"));
        let mut args = vec!["delete", &kind, &name, "--wait=true"];
        if !namespace.is_empty() {
            args.extend(["-n", &namespace]);
        }
        let tried = catch_unwind(AssertUnwindSafe(|| {
            cluster.kubectl(&args);
            let plan = cluster.plan();
            let objects = plan["objects"].as_array().unwrap();
            assert!(objects.iter().any(|o| o["object"].as_str().unwrap().ends_with(&name)), "{kind} {name}: {plan:#}");
            cluster.up();
            cluster.run(&["plan", "--exit-code"]).ok();
        }));
        failed.extend(tried.is_err().then(|| format!("{kind} {name}")));
    }
    assert_eq!(failed, Vec::<String>::new(), "what each said is above");
}
