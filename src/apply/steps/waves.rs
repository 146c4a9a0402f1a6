//! When files arrive: in waves in the order in which programs are needed, or right before the restart that they are for.
//!
//! What a running unit is to be restarted with stays away until then. Were it there before, a member that crashed
//! or rebooted while another one restarts would come back with it unintended, and a setting that does not work would
//! lie on every host although it had stopped the roll at the first.

use std::collections::BTreeMap;

use crate::plan::{FileChange, FileDifference, HostPlan, UnitAction};
use crate::state::{HostState, Ready, WAVES, Wave};

/// One stream to a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Push {
    /// Host.
    pub host: String,
    /// What it is, for people.
    pub title: String,
    /// The first push also makes users and folders, loads modules and sets kernel settings.
    pub first: bool,
    /// Paths of files to write.
    pub files: Vec<String>,
    /// Paths whose mode or owner is all that changes.
    pub modes: Vec<String>,
    /// Names of images whose tars travel along.
    pub images: Vec<String>,
    /// Names of packages that travel along.
    pub packages: Vec<String>,
    /// Units whose restart key is forgotten first, because their files change.
    pub forget: Vec<String>,
    /// The unit that is restarted with these files: what it ran with before is kept until it runs.
    pub keep: Option<String>,
}

/// Everything that travels to one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arrivals {
    /// At once, one after the other.
    pub(super) waves: Vec<(Wave, Push)>,
    /// By unit, right before its restart.
    pub(super) before_restart: BTreeMap<String, Push>,
}

/// Sorts the files of a host's plan by when they travel.
pub(super) fn arrivals(plan: &HostPlan, state: &HostState) -> Arrivals {
    let unit_of = waiting(plan, state);
    let mut arrivals = Arrivals::default();
    for (path, unit) in &unit_of {
        let push = arrivals.before_restart.entry((*unit).to_owned()).or_insert_with(|| Push {
            host: plan.host.clone(),
            title: format!("push {}", unit.trim_end_matches(".service")),
            forget: vec![(*unit).to_owned()],
            keep: Some((*unit).to_owned()).filter(|unit| !is_timer(plan, unit)),
            ..Push::default()
        });
        push.files.push((*path).to_owned());
    }
    for wave in WAVES {
        let first = arrivals.waves.is_empty();
        let mine = |file: &FileChange| wave_of_file(file, state) == wave && !unit_of.contains_key(file.path.as_str());
        arrivals.waves.extend(push(plan, wave, first, mine).map(|push| (wave, push)));
    }
    arrivals
}

/// A timer has nothing that would not come up.
fn is_timer(plan: &HostPlan, unit: &str) -> bool {
    plan.units.iter().any(|change| change.name == unit && change.rollout.ready == Ready::Timer)
}

/// Files that wait for a restart: path → the unit. One that several units run with comes with the first of them that
/// restarts, and at once where one of them only has to start.
fn waiting<'a>(plan: &'a HostPlan, state: &'a HostState) -> BTreeMap<&'a str, &'a str> {
    let runs_with = |unit: &str, path: &str| {
        let unit = state.units.iter().find(|u| u.name == unit);
        unit.is_some_and(|unit| unit.restart_on.contains(path) || unit.reload_on.contains(path))
    };
    let mut waiting = BTreeMap::new();
    for file in plan.files.iter().filter(|f| f.change != FileDifference::Mode) {
        let mut units = plan.units.iter().filter(|u| runs_with(&u.name, &file.path));
        if let Some(first) = units.next()
            && first.runs()
            && units.all(|u| u.runs())
        {
            waiting.insert(file.path.as_str(), first.name.as_str());
        }
    }
    waiting
}

fn push(plan: &HostPlan, wave: Wave, first: bool, mine: impl Fn(&FileChange) -> bool) -> Option<Push> {
    let paths = |mode_only: bool| -> Vec<String> {
        let files = plan.files.iter().filter(|f| (f.change == FileDifference::Mode) == mode_only);
        files.filter(|f| mine(f)).map(|f| f.path.clone()).collect()
    };
    let (files, modes) = (paths(false), paths(true));
    let images: Vec<String> =
        if wave == Wave::Runtime { plan.images.iter().map(|i| i.name.clone()).collect() } else { Vec::new() };
    let packages: Vec<String> = if first {
        plan.packages.iter().filter(|package| package.install).map(|package| package.name.clone()).collect()
    } else {
        Vec::new()
    };
    let prepares =
        first && !(plan.users.is_empty() && plan.dirs.is_empty() && plan.modules.is_empty() && plan.sysctls.is_empty());
    if files.is_empty() && modes.is_empty() && images.is_empty() && packages.is_empty() && !prepares {
        return None;
    }
    let starts = plan.units.iter().filter(|u| u.action == Some(UnitAction::Start));
    let forget = if first { starts.map(|u| u.name.clone()).collect() } else { Vec::new() };
    let (host, title) = (plan.host.clone(), title(wave).into());
    Some(Push { host, title, first, files, modes, images, packages, forget, keep: None })
}

fn title(wave: Wave) -> &'static str {
    match wave {
        Wave::Etcd => "push configuration",
        Wave::Apiserver | Wave::Controllers => "push control plane",
        Wave::Runtime => "push container runtime",
        Wave::Node => "push node programs",
        Wave::Tools => "push tools",
    }
}

/// The wave that a file travels in: everything small goes first, programs when their unit needs them.
fn wave_of_file(file: &FileChange, state: &HostState) -> Wave {
    state.waves.get(&file.path).copied().unwrap_or(Wave::Etcd)
}
