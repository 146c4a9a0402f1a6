//! Trying all paths side by side, again and again, until each works or is known not to: no path waits for another.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::Fixture;
use super::ask::{self, NO_BASH};
use super::path::{Path, Trouble};
use super::rules::{self, Known};
use crate::cluster::Host;
use crate::error::{Error, Result};
use crate::remote::LOOK;

/// From the beginning of one round to that of the next; a slow round is followed at once.
const PAUSE: Duration = Duration::from_millis(300);
/// What a round may take: as long as the slowest ask, and the way there.
const ROUND: Duration = Duration::from_secs(8);
/// A path with its rules in place fails so often …
const FAILS: u32 = 2;
/// … and for so long before it is called broken: rules are put in place one after the other.
const BROKEN_AFTER: Duration = Duration::from_secs(2);

/// How a path ended, and after how long.
#[derive(Debug, Clone)]
pub(super) struct Fate {
    pub ending: PathEnding,
    pub millis: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathEnding {
    Works,
    /// What is wrong with it, and what its node's kube-proxy had put into the kernel for it.
    Fails(Trouble, Known),
    /// The time was over before it was tried.
    NotTried,
}

/// What is known of a path that has not ended.
#[derive(Debug, Clone)]
struct Open {
    failing_since: Option<Instant>,
    fails: u32,
    last: Option<(Trouble, Known)>,
}

/// Tries all of them; the fates are in the paths' order.
pub(super) fn run(fixture: &Fixture<'_>, paths: &[Path]) -> Vec<Fate> {
    let start = Instant::now();
    let mut fates: Vec<Option<Fate>> = vec![None; paths.len()];
    let mut open = vec![Open { failing_since: None, fails: 0, last: None }; paths.len()];
    loop {
        let by_host = by_host(paths, &fates);
        let interrupted = fixture.interrupted.load(Ordering::Relaxed);
        if by_host.is_empty() || interrupted || fixture.budget.for_checks() < ROUND {
            break;
        }
        let began = Instant::now();
        let work: Vec<(&str, Vec<usize>)> = by_host.into_iter().collect();
        let answers = fixture.each(&work, |(host, which)| from_host(fixture, host, paths, which));
        for ((_, which), answers) in work.iter().zip(answers) {
            for (index, answer) in which.iter().zip(answers) {
                let ending = open[*index].after(answer, paths[*index].settles, Instant::now());
                fates[*index] = ending.map(|ending| Fate { ending, millis: super::report::millis(start.elapsed()) });
            }
        }
        thread::sleep(PAUSE.saturating_sub(began.elapsed()));
    }
    let ends = |(fate, open): (Option<Fate>, Open)| {
        fate.unwrap_or_else(|| Fate {
            ending: open.last.map_or(PathEnding::NotTried, |(trouble, known)| PathEnding::Fails(trouble, known)),
            millis: super::report::millis(start.elapsed()),
        })
    };
    fates.into_iter().zip(open).map(ends).collect()
}

/// Paths that have not ended, by the host that tries them.
fn by_host<'p>(paths: &'p [Path], fates: &[Option<Fate>]) -> BTreeMap<&'p str, Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (path, _)) in paths.iter().zip(fates).enumerate().filter(|(_, (_, fate))| fate.is_none()) {
        groups.entry(&path.host).or_default().push(index);
    }
    groups
}

impl Open {
    /// What an attempt means; none where it is to be tried again.
    fn after(&mut self, answer: Result<(), (Trouble, Known)>, settles: Duration, now: Instant) -> Option<PathEnding> {
        let Err((trouble, known)) = answer else { return Some(PathEnding::Works) };
        self.fails += 1;
        let failing_for = now - *self.failing_since.get_or_insert(now);
        let broken = match known {
            // kube-proxy backs off for up to a minute where the API server was away.
            Known::No | Known::NoRules => false,
            Known::Yes => self.fails >= FAILS && failing_for >= BROKEN_AFTER,
            Known::Untold => self.fails >= FAILS && failing_for >= settles,
        };
        self.last = Some((trouble.clone(), known));
        broken.then_some(PathEnding::Fails(trouble, known))
    }
}

/// One attempt at each of a host's paths, all at once.
fn from_host(fixture: &Fixture<'_>, host: &str, paths: &[Path], which: &[usize]) -> Vec<Result<(), (Trouble, Known)>> {
    let asks: Vec<&ask::Ask> = which.iter().map(|index| &paths[*index].ask).collect();
    let told = fixture.on_host(host, &ask::script(&asks), NO_BASH);
    let told = match told {
        Ok(output) => ask::read(&output, asks.len()),
        Err(error) => {
            let unable = (Trouble::Unable(error.message), Known::Untold);
            return which.iter().map(|_| Err(unable.clone())).collect();
        }
    };
    let mut seen = BTreeMap::new();
    let judged = which.iter().zip(told).map(|(index, told)| {
        let path = &paths[*index];
        path.judge(told).map_err(|trouble| {
            let known = match (&path.entry, &trouble) {
                (Some((node, entry)), Trouble::Refused | Trouble::Dropped | Trouble::NoRoute) => {
                    let rules = seen.entry(node.clone()).or_insert_with(|| rules_on(fixture, node));
                    rules.as_ref().map_or(Known::Untold, |output| rules::known(output, entry))
                }
                _ => Known::Untold,
            };
            (trouble, known)
        })
    });
    judged.collect()
}

fn rules_on(fixture: &Fixture<'_>, node: &str) -> Option<String> {
    let output = fixture.on_host(node, rules::SCRIPT, NO_BASH).ok()?;
    Some(String::from_utf8_lossy(&output).into_owned())
}

impl Fixture<'_> {
    /// Does the same for many things, a bounded number at a time.
    pub fn each<I: Sync, T: Send>(&self, items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
        crate::parallel::each(items, self.ways.pool.at_once().min(super::HANDS), work)
    }

    /// What a script prints on a host, over a connection that nothing else uses meanwhile. `lacks` is its exit status
    /// where the host has no bash.
    pub fn on_host(&self, name: &str, script: &str, lacks: i32) -> Result<Vec<u8>> {
        let host = self.host(name).ok_or_else(|| Error::internal(format!("there is no host {name}")))?;
        let output = self.ways.pool.take(host)?.ask(LOOK, script)?;
        match output.status {
            status if status == lacks => Err(Error::health(format!("{name} has no bash, which opens ports"))),
            _ => Ok(output.stdout),
        }
    }

    /// The master that is asked, or a node.
    fn host(&self, name: &str) -> Option<&Host> {
        let nodes = self.ways.nodes.iter();
        nodes.chain(std::iter::once(&self.ways.master.host)).find(|host| host.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(known: Known) -> Result<(), (Trouble, Known)> {
        Err((Trouble::Refused, known))
    }

    /// After so many seconds of the same answers, one a second.
    fn after(known: Known, seconds: u64) -> Option<PathEnding> {
        let mut open = Open { failing_since: None, fails: 0, last: None };
        let start = Instant::now();
        let settles = Duration::from_secs(10);
        (0..=seconds).find_map(|at| open.after(fails(known), settles, start + Duration::from_secs(at)))
    }

    #[test]
    fn with_its_rules_in_place_a_path_is_broken_soon() {
        assert_eq!(after(Known::Yes, 1), None);
        assert_eq!(after(Known::Yes, 2), Some(PathEnding::Fails(Trouble::Refused, Known::Yes)));
        assert_eq!(after(Known::Untold, 9), None);
        assert_eq!(after(Known::Untold, 10), Some(PathEnding::Fails(Trouble::Refused, Known::Untold)));
    }

    #[test]
    fn before_kube_proxy_has_heard_of_it_it_is_not_broken() {
        assert_eq!(after(Known::No, 300), None);
        assert_eq!(after(Known::NoRules, 300), None);
        let mut open = Open { failing_since: None, fails: 0, last: None };
        let now = Instant::now();
        assert_eq!(open.after(fails(Known::No), Duration::ZERO, now), None);
        assert_eq!(open.after(Ok(()), Duration::ZERO, now), Some(PathEnding::Works));
    }
}
