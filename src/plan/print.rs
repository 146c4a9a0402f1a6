//! The plan as a person reads it. Secrets are named, never shown.

use std::collections::{BTreeMap, BTreeSet};

use similar::TextDiff;

use super::compare::access_words;
use super::{
    ClusterChange, FileChange, FileDifference, FileKind, Here, HostPlan, PackageChange, Plan, Removal, Revocation,
    UnitAction,
};
use crate::state::{ArtifactRef, Content, HostState};
use crate::ui::Printer;

/// Present texts of files that would change: host → path → text.
pub type Diffs = BTreeMap<String, BTreeMap<String, String>>;

/// The plan in words and diffs; `present` holds what the hosts have now, where it is known. `refused`: `up` does not begin
/// with it.
pub fn text(
    plan: &Plan,
    desired: &BTreeMap<String, HostState>,
    present: &Diffs,
    refused: bool,
    out: &Printer,
) -> String {
    let mut text = String::new();
    for host in &plan.hosts {
        if host.is_empty() {
            text.push_str(&format!("{}: nothing to change\n", out.paint("1", &host.host)));
            continue;
        }
        text.push_str(&format!("{}: {}\n", out.paint("1", &host.host), plural(host.changes(), "change")));
        host_text(&mut text, host, desired.get(&host.host), present.get(&host.host), out);
    }
    match &plan.objects {
        None => text.push_str("API objects: all (the API server cannot be asked yet)\n"),
        Some(objects) if objects.is_empty() => text.push_str("API objects: nothing to change\n"),
        Some(objects) => {
            text.push_str(&format!("API objects: {}\n", plural(objects.len(), "change")));
            for object in objects {
                let sign = if object.create { out.paint("32", "+") } else { out.paint("33", "~") };
                text.push_str(&format!("  {sign} {}", object.object));
                if !object.fields.is_empty() {
                    text.push_str(&format!(" ({})", object.fields.join(", ")));
                }
                text.push('\n');
            }
        }
    }
    if !plan.cluster.is_empty() {
        text.push_str(&format!("cluster: {}\n", plural(plan.cluster.len(), "change")));
        plan.cluster.iter().for_each(|change| cluster_text(&mut text, change, out));
    }
    here_text(&mut text, &plan.here, out);
    if !plan.is_empty() {
        text.push('\n');
        text.push_str(&total(plan, refused));
    }
    text
}

/// How much would change, in a line, and by what command; `refused`: it does not begin.
pub fn total(plan: &Plan, refused: bool) -> String {
    if plan.is_empty() {
        return "nothing would change\n".into();
    }
    let changed = plan.hosts.iter().filter(|host| !host.is_empty()).map(|host| host.host.as_str());
    let hosts: BTreeSet<&str> = changed.chain(plan.removals().flat_map(Removal::hosts)).collect();
    let (changes, hosts) = (plural(plan.changes(), "change"), plural(hosts.len(), "host"));
    let removed: String = plan.removals().map(|removal| format!(" --remove {}", removal.leftover.name)).collect();
    let command = match plan.revocations().find_map(Revocation::asked_by) {
        Some(command) => command,
        None => format!("kbootstrap up{removed}"),
    };
    match refused {
        false => format!("{changes} on {hosts}; `{command}` makes them\n"),
        true => format!("{changes} on {hosts}; `{command}` refuses to begin with them\n"),
    }
}

fn cluster_text(text: &mut String, change: &ClusterChange, out: &Printer) {
    let (sign, words) = match change {
        ClusterChange::MarkNode { node, fields } => {
            (out.paint("33", "~"), format!("node {node} ({})", fields.join(", ")))
        }
        ClusterChange::RewriteSecrets { count, encrypt } => {
            let (how, are) = (if *encrypt { "encrypted" } else { "in plain" }, if *count == 1 { "is" } else { "are" });
            let secrets = plural(*count, "Secret");
            (out.paint("33", "~"), format!("{secrets} in etcd {are} written again, {how}"))
        }
        ClusterChange::WriteRecord { places } => {
            let names =
                places.iter().map(|place| if place.is_empty() { "ConfigMap kube-system/kbootstrap" } else { place });
            let names = names.collect::<Vec<_>>().join(", ");
            (out.paint("33", "~"), format!("the record of what was done last ({names})"))
        }
        ClusterChange::AddMember(joining) => (out.paint("32", "+"), joining.words()),
        ClusterChange::AddMaster { name } => (out.paint("32", "+"), new_master(name)),
        ClusterChange::Remove(removal) => {
            text.push_str(&removal.text(out));
            return;
        }
        ClusterChange::RestartPod { namespace, name, node } => (
            out.paint("33", "~"),
            format!("pod {namespace}/{name} on {node} crashes again and again: another takes its place"),
        ),
        ClusterChange::Revoke(revocation) => {
            text.push_str(&revocation.text(out));
            return;
        }
        ClusterChange::RegisterNode { node } => {
            (out.paint("32", "+"), format!("node {node}: its kubelet runs, but the API has no such node"))
        }
    };
    text.push_str(&format!("  {sign} {words}\n"));
}

/// The steps of a master that joins.
pub(super) fn new_master(name: &str) -> String {
    format!("add master {name}: its API server starts behind the members of etcd, its controllers behind that")
}

/// What is missing on this machine; `up` begins with it.
fn here_text(text: &mut String, here: &Here, out: &Printer) {
    let plus = out.paint("32", "+");
    if here != &Here::default() {
        text.push_str("this machine, before any host is touched:\n");
    }
    if !here.issue.is_empty() {
        text.push_str(&format!("  {plus} to be issued: {}\n", here.issue.join(", ")));
    }
    for arch in here.fetch.iter().map(|fetch| &fetch.arch).collect::<BTreeSet<_>>() {
        let title = |artifact: &ArtifactRef| match artifact.size {
            0 => format!("{} {}", artifact.name, artifact.version).trim_end().to_owned(),
            _ => format!("{} {} ({})", artifact.name, artifact.version, megabytes(artifact)),
        };
        let all: Vec<String> =
            here.fetch.iter().filter(|fetch| fetch.arch == *arch).map(|fetch| title(&fetch.artifact)).collect();
        text.push_str(&format!("  {plus} to be fetched for {arch}: {}\n", all.join(", ")));
    }
}

fn megabytes(artifact: &ArtifactRef) -> String {
    format!("{:.1} MB", artifact.size as f64 / 1e6)
}

fn host_text(
    text: &mut String,
    host: &HostPlan,
    desired: Option<&HostState>,
    present: Option<&BTreeMap<String, String>>,
    out: &Printer,
) {
    let (plus, tilde) = (out.paint("32", "+"), out.paint("33", "~"));
    for user in &host.users {
        text.push_str(&format!("  {plus} user {user}\n"));
    }
    for (path, dir) in &host.dirs {
        let to = access_words(dir.to.mode, &dir.to.owner, &dir.to.owner);
        match &dir.from {
            None => text.push_str(&format!("  {plus} folder {path} ({to})\n")),
            Some(from) => text.push_str(&format!("  {tilde} folder {path} ({from} → {to})\n")),
        }
    }
    for module in &host.modules {
        text.push_str(&format!("  {plus} kernel module {module}\n"));
    }
    for sysctl in &host.sysctls {
        text.push_str(&format!("  {tilde} {} = {} (is {})\n", sysctl.name, sysctl.to, quoted(&sysctl.from)));
    }
    for file in &host.files {
        let content = desired.and_then(|d| d.files.get(&file.path)).map(|f| &f.content);
        file_text(text, file, content, present.and_then(|p| p.get(&file.path)), out);
    }
    for image in &host.images {
        text.push_str(&format!("  {plus} image {}\n", image.name));
    }
    for package in &host.packages {
        package_text(text, package, out);
    }
    for unit in &host.units {
        let what = match (unit.action, unit.enable) {
            (Some(UnitAction::Start), true) => "enable and start",
            (Some(UnitAction::Start), false) => "start",
            (Some(UnitAction::Restart), _) => "restart",
            (Some(UnitAction::Reload), _) => "reload",
            (None, _) => "enable",
        };
        text.push_str(&format!("  {tilde} {what} {}: {}\n", unit.name, unit.reason));
    }
}

fn package_text(text: &mut String, package: &PackageChange, out: &Printer) {
    let PackageChange { name, version, size, install, wanted_by, mask } = package;
    let units = mask.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    if !install {
        text.push_str(&format!("  {} package {name} {version}: {units} is masked again\n", out.paint("33", "~")));
        return;
    }
    let mut notes = vec![match *size {
        _ if version.is_empty() => "with what it needs, from the distribution".to_owned(),
        size => format!("{:.1} MB", size as f64 / 1e6),
    }];
    if !wanted_by.contains(name) {
        notes.push(format!("for {}", wanted_by.iter().map(String::as_str).collect::<Vec<_>>().join(", ")));
    }
    if !mask.is_empty() {
        notes.push(format!("{units} is masked before, and never runs"));
    }
    let title = [name.as_str(), version].join(" ");
    text.push_str(&format!("  {} package {} ({})\n", out.paint("32", "+"), title.trim_end(), notes.join("; ")));
}

fn file_text(text: &mut String, file: &FileChange, content: Option<&Content>, present: Option<&String>, out: &Printer) {
    let sign = match file.change {
        FileDifference::Create => out.paint("32", "+"),
        _ => out.paint("33", "~"),
    };
    let note = match (file.kind, file.change) {
        (_, FileDifference::Mode) => {
            file.access.as_ref().map_or("mode or owner".to_owned(), |(from, to)| format!("{from} → {to}"))
        }
        (_, FileDifference::Replace) if let Some((from, to)) = &file.access => {
            format!("{from} → {to}, a new file: others could have this one open")
        }
        (FileKind::Secret, _) => "secret, not shown".to_owned(),
        (FileKind::ToIssue, _) => "to be issued".to_owned(),
        (FileKind::Program, _) => match content {
            Some(Content::Artifact(a)) if a.size == 0 => format!("{} {}, to be fetched", a.name, a.version),
            Some(Content::Artifact(a)) => format!("{} {}, {}", a.name, a.version, megabytes(a)),
            _ => String::new(),
        },
        (FileKind::Text, _) if is_certificate(content) => "certificate".to_owned(),
        (FileKind::Text, _) => plural(content_lines(content), "line"),
    };
    text.push_str(&format!("  {sign} {} ({note})\n", file.path));
    if is_certificate(content) {
        return;
    }
    if let (FileKind::Text, FileDifference::Replace, Some(Content::Text(new)), Some(old)) =
        (file.kind, file.change, content, present)
    {
        let diff = TextDiff::from_lines(old.as_str(), &**new);
        for line in diff.unified_diff().context_radius(2).to_string().lines() {
            let color = match line.as_bytes().first() {
                Some(b'+') => "32",
                Some(b'-') => "31",
                _ => "2",
            };
            text.push_str(&format!("      {}\n", out.paint(color, line)));
        }
    }
}

/// Base64 tells a person nothing; `kbootstrap certinfo` shows what is in the new one.
fn is_certificate(content: Option<&Content>) -> bool {
    matches!(content, Some(Content::Text(text)) if text.starts_with("-----BEGIN CERTIFICATE-----"))
}

fn content_lines(content: Option<&Content>) -> usize {
    match content {
        Some(Content::Text(text)) => text.lines().count(),
        _ => 0,
    }
}

fn quoted(value: &str) -> &str {
    if value.is_empty() { "not set" } else { value }
}

/// `1 change`, `2 changes`.
fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{DirChange, Fetch, ObjectChange, UnitChange};
    use crate::secret::Secret;
    use crate::state::{After, ComponentId, Dir, File, Ready, Rolling, Rollout, Wave};

    fn change(path: &str, change: FileDifference, kind: FileKind) -> FileChange {
        FileChange { path: path.into(), change, kind, size: 1, access: None }
    }

    fn packages() -> Vec<PackageChange> {
        let package = |name: &str, version: &str, size, install, mask: &[&str]| PackageChange {
            name: name.into(),
            version: version.into(),
            size,
            install,
            wanted_by: BTreeSet::from(["haproxy".to_owned()]),
            mask: mask.iter().map(|unit| (*unit).to_owned()).collect(),
        };
        vec![
            package("liblua5.3-0", "5.3.6-2", 130_000, true, &[]),
            package("haproxy", "2.6.12-1", 2_100_000, true, &["haproxy.service"]),
            package("haproxy", "", 0, true, &[]),
            package("haproxy", "2.6.12-1", 0, false, &["haproxy.service"]),
        ]
    }

    #[test]
    fn a_plan_shows_texts_as_diffs_and_neither_secrets_nor_base64() {
        let file = |content| File { content, mode: 0o600, owner: "root".into() };
        let artifact =
            |name: &str, size| ArtifactRef { name: name.into(), version: "1.2".into(), sha256: "".into(), size };
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let state = HostState {
            host: "m1".into(),
            files: BTreeMap::from([
                ("/etc/a.crt".into(), file(Content::Text(certificate.into()))),
                ("/etc/a.key".into(), file(Content::Secret(Secret::new(*b"hunter2")))),
                ("/etc/a.conf".into(), file(Content::Text("one\ntwo\n".into()))),
                ("/etc/b.key".into(), file(Content::ToIssue)),
                ("/usr/local/bin/runc".into(), file(Content::Artifact(artifact("runc", 0)))),
            ]),
            ..HostState::default()
        };
        let unit = UnitChange {
            name: "a.service".into(),
            component: ComponentId("etcd"),
            rollout: Rollout { wave: Wave::Node, after: After::Nothing, rolling: Rolling::Canary, ready: Ready::Runs },
            action: Some(UnitAction::Restart),
            enable: false,
            unmask: false,
            part_of: None,
            reason: "/etc/a.conf changes".into(),
            key: String::new(),
        };
        let dir = |from: Option<&str>| DirChange {
            to: Dir { mode: 0o700, owner: "root".into() },
            from: from.map(str::to_owned),
        };
        let mut scheduler = change("/etc/c.conf", FileDifference::Mode, FileKind::Text);
        scheduler.access = Some(("0644 root".into(), "0600 root".into()));
        let host = HostPlan {
            host: "m1".into(),
            dirs: BTreeMap::from([("/etc/x".into(), dir(None)), ("/etc/y".into(), dir(Some("0755 root")))]),
            files: vec![
                change("/etc/a.conf", FileDifference::Replace, FileKind::Text),
                change("/etc/a.crt", FileDifference::Replace, FileKind::Text),
                change("/etc/a.key", FileDifference::Replace, FileKind::Secret),
                change("/etc/b.key", FileDifference::Create, FileKind::ToIssue),
                scheduler,
                change("/usr/local/bin/runc", FileDifference::Create, FileKind::Program),
            ],
            packages: packages(),
            units: vec![unit],
            ..HostPlan::default()
        };
        let objects =
            vec![ObjectChange { object: "ClusterRole x".into(), create: false, fields: vec!["rules".into()] }];
        let right = HostPlan { host: "n1".into(), ..HostPlan::default() };
        let fields = vec![".metadata.labels.disk".into()];
        let cluster = vec![ClusterChange::MarkNode { node: "n1".into(), fields }];
        let fetch = [("runc", 0), ("etcd", 25_000_000)];
        let fetch = fetch.map(|(name, size)| Fetch { arch: "amd64".into(), artifact: artifact(name, size) }).to_vec();
        let here = Here { issue: vec!["ca".into(), "admin".into()], fetch };
        let plan = Plan { hosts: vec![host, right], objects: Some(objects), cluster, here, ..Plan::default() };
        let old = [("/etc/a.conf", "one\n2\n"), ("/etc/a.crt", "old\n")];
        let present = BTreeMap::from([("m1".into(), old.map(|(path, text)| (path.into(), text.into())).into())]);
        let desired = BTreeMap::from([("m1".into(), state)]);
        insta::assert_snapshot!(text(&plan, &desired, &present, false, &Printer::new(true)), @r"
        m1: 13 changes
          + folder /etc/x (0700 root)
          ~ folder /etc/y (0755 root → 0700 root)
          ~ /etc/a.conf (2 lines)
              @@ -1,2 +1,2 @@
               one
              -2
              +two
          ~ /etc/a.crt (certificate)
          ~ /etc/a.key (secret, not shown)
          + /etc/b.key (to be issued)
          ~ /etc/c.conf (0644 root → 0600 root)
          + /usr/local/bin/runc (runc 1.2, to be fetched)
          + package liblua5.3-0 5.3.6-2 (0.1 MB; for haproxy)
          + package haproxy 2.6.12-1 (2.1 MB; haproxy.service is masked before, and never runs)
          + package haproxy (with what it needs, from the distribution)
          ~ package haproxy 2.6.12-1: haproxy.service is masked again
          ~ restart a.service: /etc/a.conf changes
        n1: nothing to change
        API objects: 1 change
          ~ ClusterRole x (rules)
        cluster: 1 change
          ~ node n1 (.metadata.labels.disk)
        this machine, before any host is touched:
          + to be issued: ca, admin
          + to be fetched for amd64: runc 1.2, etcd 1.2 (25.0 MB)

        15 changes on 1 host; `kbootstrap up` makes them
        ");
        assert_eq!(total(&plan, true), "15 changes on 1 host; `kbootstrap up` refuses to begin with them\n");
        let nothing = Plan { objects: Some(vec![]), ..Plan::default() };
        assert_eq!(text(&nothing, &desired, &present, false, &Printer::new(true)), "API objects: nothing to change\n");
    }
}
