//! systemd: itself, units, what runs of them, and what each was last started with.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Sections;
use super::files::written;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{CommandFact, HostFacts, ProcessFact, RECORD_FORMAT, UnitFact};

/// systemd and units.
pub(super) const GROUP: Group = Group { shell: include_str!("units.sh"), ask, read };

/// What is asked of each unit.
const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload,\
                          NRestarts,ActiveEnterTimestampMonotonic,MainPID,ExecMainStartTimestampMonotonic,\
                          ControlGroup,ExecStart";

/// Always asked about, whatever else is.
const RESOLVED: &str = "systemd-resolved.service";

/// Variables by which programs find their proxies, in lower case.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];

fn ask(questions: &Questions, layout: &Layout, variables: &mut Variables) {
    variables.set("unit_dir", &layout.units);
    variables.list("units", &questions.units);
    variables.set("unit_properties", PROPERTIES);
    variables.set("record_format", RECORD_FORMAT);
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    let manager = Block::read(sections.text("manager"));
    facts.systemd = manager.get("Version").split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
    facts.proxies = proxies(manager.get("Environment"));
    let links = links(sections);
    facts.resolv_conf_link = links.get("/etc/resolv.conf").map(|target| (*target).to_owned());
    let same: BTreeSet<_> = sections.lines("same").filter_map(|line| line.split_once(' ')).collect();
    let scripts: BTreeSet<&str> = sections.lines("scripts").collect();
    let written = written(sections);
    let started: BTreeMap<_, _> = sections.lines("started").filter_map(started).collect();
    let blocks = sections.text("units").split("\n\n").filter(|block| !block.trim().is_empty());
    for block in blocks.map(Block::read) {
        let name = block.get("Id");
        if name == RESOLVED {
            let has_file = sections.lines("flags").any(|flag| flag == "resolved-file");
            facts.systemd_resolved = has_file && block.get("ActiveState") == "active";
        } else if !name.is_empty() {
            let mut unit = block.unit();
            if let Some((key, record)) = started.get(name) {
                unit.restart_key = (*key).into();
                unit.recorded = written.get(record).copied().unwrap_or_default();
            }
            unit.process = block.process(&unit.commands, &links, &same, &scripts);
            facts.units.insert(name.to_owned(), unit);
        }
    }
    facts.drop_ins = drop_ins(sections, facts.units.values().flat_map(|unit| &unit.drop_ins));
}

/// A line `unit key path`: what the unit was last started with, and the file that has that.
fn started(line: &str) -> Option<(&str, (&str, &str))> {
    let mut words = line.splitn(3, ' ');
    Some((words.next()?, (words.next()?, words.next()?)))
}

/// Lines `path:Name=value` of unit files: which names each file has. What continues a line before it is none.
fn drop_ins<'f>(sections: &Sections, paths: impl Iterator<Item = &'f String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = paths.map(|path| (path.clone(), BTreeSet::new())).collect();
    let mut continues = false;
    for line in sections.texts() {
        let mut names = line.match_indices(':').map(|(at, _)| line.split_at(at));
        let Some((path, line)) = names.find(|(path, _)| all.contains_key(*path)) else { continue };
        let (text, begins) = (line[1..].trim(), !std::mem::replace(&mut continues, line.ends_with('\\')));
        let name =
            text.split_once('=').map(|(name, _)| name.trim()).filter(|_| begins && !text.starts_with(['#', ';', '[']));
        if let (Some(name), Some(names)) = (name, all.get_mut(path)) {
            names.insert(name.to_owned());
        }
    }
    all
}

/// Lines `NAME=value`; some names come again.
struct Block<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Block<'a> {
    fn read(text: &'a str) -> Self {
        Block(text.lines().filter_map(|line| line.split_once('=')).collect())
    }

    fn get(&self, name: &str) -> &'a str {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| *value).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or(0)
    }

    fn unit(&self) -> UnitFact {
        UnitFact {
            load: self.get("LoadState").into(),
            active: self.get("ActiveState").into(),
            sub: self.get("SubState").into(),
            enabled: self.get("UnitFileState").into(),
            fragment: self.get("FragmentPath").into(),
            drop_ins: self.get("DropInPaths").split_whitespace().map(str::to_owned).collect(),
            reload_needed: self.get("NeedDaemonReload") == "yes",
            restarts: u32::try_from(self.number("NRestarts")).unwrap_or(u32::MAX),
            active_since: self.number("ActiveEnterTimestampMonotonic"),
            control_group: self.get("ControlGroup").into(),
            commands: self.0.iter().filter(|(name, _)| *name == "ExecStart").filter_map(|(_, v)| command(v)).collect(),
            ..UnitFact::default()
        }
    }

    /// The main process, where there is one.
    fn process(
        &self,
        commands: &[CommandFact],
        links: &BTreeMap<&str, &str>,
        same: &BTreeSet<(&str, &str)>,
        scripts: &BTreeSet<&str>,
    ) -> Option<ProcessFact> {
        let pid = u32::try_from(self.number("MainPID")).ok().filter(|pid| *pid > 0)?;
        let exe = format!("/proc/{pid}/exe");
        let named = commands.last().map_or("", |command| command.path.as_str());
        let is_named = same.contains(&(exe.as_str(), named));
        // One that is the file of another command has no link here, and goes by that name.
        let other = || same.iter().find(|(process, _)| *process == exe).map(|(_, command)| *command);
        let target = if is_named { named } else { links.get(exe.as_str()).copied().or_else(other)? };
        Some(ProcessFact {
            pid,
            started: self.number("ExecMainStartTimestampMonotonic"),
            program: target.trim_end_matches(DELETED).into(),
            deleted: target.ends_with(DELETED),
            is_command: is_named || scripts.contains(named),
        })
    }
}

/// What the kernel writes behind the name of a file that is not there any more.
const DELETED: &str = " (deleted)";

/// `{ path=/usr/bin/x ; argv[]=/usr/bin/x --flag ; ignore_errors=no ; start_time=[n/a] ; … }`
fn command(value: &str) -> Option<CommandFact> {
    let (path, rest) = value.strip_prefix("{ path=")?.split_once(" ; argv[]=")?;
    let (argv, _) = rest.split_once(" ; ignore_errors=")?;
    Some(CommandFact { path: path.into(), argv: argv.into() })
}

/// Lines `link -> target`.
fn links<'a>(sections: &Sections<'a>) -> BTreeMap<&'a str, &'a str> {
    sections.lines("links").filter_map(|line| line.split_once(" -> ")).collect()
}

/// Of an environment as `systemctl show` quotes it (`A=b "C=d e"`) the variables that name proxies; user names and
/// passwords in them are left out.
fn proxies(environment: &str) -> BTreeMap<String, String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in environment.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    let proxy = |word: &String| {
        let (name, value) = word.split_once('=')?;
        PROXIES.contains(&name.to_ascii_lowercase().as_str()).then(|| (name.to_owned(), without_login(value)))
    };
    words.iter().filter_map(proxy).collect()
}

/// `http://user:password@proxy:3128` becomes `http://proxy:3128`.
fn without_login(value: &str) -> String {
    match (value.rsplit_once('@'), value.split_once("://")) {
        (Some((_, host)), Some((scheme, _))) => format!("{scheme}://{host}"),
        (Some((_, host)), None) => host.to_owned(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> HostFacts {
        let text = text.replace("§", "\x1en ") + "\x1en end\n";
        let mut facts = HostFacts::default();
        read(&Sections::split(&text, "n").unwrap(), &mut facts);
        facts
    }

    const KUBELET: &str = "§units\nId=systemd-resolved.service\nActiveState=inactive\n\n\
        Id=kubelet.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\
        FragmentPath=/usr/lib/systemd/system/kubelet.service\nDropInPaths=/etc/a.conf /run/b.conf\nNeedDaemonReload=yes\n\
        ExecStart={ path=/usr/bin/old ; argv[]=/usr/bin/old ; ignore_errors=no ; start_time=[n/a] }\n\
        ExecStart={ path=/usr/local/bin/kubelet ; argv[]=/usr/local/bin/kubelet --v=2 ; ignore_errors=no ; pid=7 }\n\
        MainPID=7\nExecMainStartTimestampMonotonic=1234\nControlGroup=/system.slice/kubelet.service\n";

    #[test]
    fn what_a_unit_runs_and_by_which_files() {
        let same = "§same\n/proc/7/exe /usr/local/bin/kubelet\n";
        let links = "§links\n/etc/resolv.conf -> ../run/x\n";
        let all = facts(&format!("{KUBELET}{same}{links}"));
        let kubelet = &all.units["kubelet.service"];
        assert_eq!(
            (kubelet.load.as_str(), kubelet.fragment.as_str()),
            ("loaded", "/usr/lib/systemd/system/kubelet.service")
        );
        assert_eq!((kubelet.drop_ins.len(), kubelet.reload_needed), (2, true));
        assert_eq!(kubelet.commands[1].argv, "/usr/local/bin/kubelet --v=2");
        let process = kubelet.process.as_ref().unwrap();
        assert_eq!((process.pid, process.started, process.is_command, process.deleted), (7, 1234, true, false));
        assert_eq!(all.resolv_conf_link.as_deref(), Some("../run/x"));
    }

    #[test]
    fn a_program_that_was_replaced_while_it_runs_is_seen() {
        let links = "§links\n/proc/7/exe -> /usr/local/bin/kubelet (deleted)\n";
        let all = facts(&format!("{KUBELET}{links}"));
        let process = all.units["kubelet.service"].process.clone().unwrap();
        assert_eq!((process.program.as_str(), process.deleted), ("/usr/local/bin/kubelet", true));
        assert!(!process.is_command);
        let other = facts(&format!("{KUBELET}§same\n/proc/7/exe /usr/bin/old\n"));
        let process = other.units["kubelet.service"].process.clone().unwrap();
        assert_eq!((process.program.as_str(), process.is_command), ("/usr/bin/old", false), "not the last command");
        let script = facts(&format!("{KUBELET}{links}§scripts\n/usr/local/bin/kubelet\n"));
        assert!(script.units["kubelet.service"].process.as_ref().unwrap().is_command);
    }

    #[test]
    fn drop_ins_and_the_names_of_what_they_set() {
        let lines = "/etc/a.conf:[Service]\n/etc/a.conf:# ExecStart=no\n/etc/a.conf: Environment=\"A=b\" \\\n\
                     /etc/a.conf:  ExecStop=no\n/etc/a.conf:ExecStart=\n/run/b.conf:Nice = 5\n/etc/c.conf:User=x\n";
        let all = facts(&format!(
            "{KUBELET}§texts\n{lines}§started\nkubelet.service key /r/kubelet.service\n§stat\n\
                81a4 0 0 4 1763735756.123456789 1763735757.0 9 /r/kubelet.service\n"
        ));
        let names = |path: &str| all.drop_ins[path].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!((names("/etc/a.conf"), names("/run/b.conf")), (vec!["Environment", "ExecStart"], vec!["Nice"]));
        assert_eq!(all.drop_ins.len(), 2, "no other file is one");
        let kubelet = &all.units["kubelet.service"];
        assert_eq!((kubelet.restart_key.as_str(), kubelet.recorded), ("key", 1_763_735_756_123_456));
    }

    #[test]
    fn proxies_without_their_passwords() {
        let all = facts(
            "§manager\nVersion=252.39-1~deb12u1\nEnvironment=LANG=C HTTPS_PROXY=http://u:p@proxy:3128 \"no_proxy=a, b\"\n",
        );
        assert_eq!(all.systemd, Some(252));
        let proxies: Vec<_> = all.proxies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(proxies, ["HTTPS_PROXY=http://proxy:3128", "no_proxy=a, b"]);
    }
}
