//! Reads what the probe's script printed. Pure, and never panics, whatever a host answers.

mod files;
mod lost;
mod network;
mod sections;
mod system;
mod units;

use std::time::{SystemTime, UNIX_EPOCH};

use super::{HostFacts, Os};
use crate::error::{Error, Result};
use sections::Sections;

/// Reads the answer of a probe that the operator's clock saw start at `started` and end at `ended`.
///
/// # Errors
/// `Remote` when the answer is not one, or ends too early.
pub fn parse(stdout: &[u8], started: SystemTime, ended: SystemTime) -> Result<HostFacts> {
    let text = String::from_utf8_lossy(stdout);
    let sections = Sections::split(&text);
    let clock = Clock::read(&sections).ok_or_else(|| incomplete(&text))?;
    let uname = system::Uname::read(&sections).ok_or_else(|| incomplete(&text))?;
    let (clock_skew_ms, clock_bound_ms) = clock.against(started, ended);
    let texts = system::Texts::read(&sections);
    let files = files::Found::read(&sections);
    let units = units::Found::read(&sections);
    let lost = lost::Lost::read(&sections);
    Ok(HostFacts {
        os: texts.os(),
        arch: uname.arch,
        kernel: uname.version,
        kernel_release: uname.release,
        hostname: uname.hostname,
        machine_id: texts.machine_id(),
        systemd: system::systemd(&sections),
        cgroup: system::cgroup(&sections),
        cgroup_controllers: texts.controllers(),
        selinux: texts.selinux(),
        ufw: texts.ufw(),
        capabilities: texts.capabilities(),
        cpus: sections.first("cpus").parse().unwrap_or(0),
        memory: texts.memory(),
        swap: texts.swap(),
        clock_skew_ms,
        clock_bound_ms,
        modules: system::modules(&sections),
        sysctls: system::sysctls(&sections),
        disks: system::disks(&sections),
        listening: network::listening(&sections, "listening"),
        listening_udp: network::listening(&sections, "udp"),
        lost: lost.units,
        lost_for_good: lost.for_good,
        addresses: network::addresses(&sections),
        routes: network::routes(&sections),
        nameservers: texts.nameservers(),
        programs: sections.set("programs"),
        users: sections.set("users"),
        systemd_resolved: units.resolved && sections.lines("flags").any(|flag| flag == "resolved-file"),
        known: sections.lines("flags").any(|flag| flag == "known"),
        files: files.files,
        certificates: files::certificates(&sections),
        encryption_keys: files::encryption_keys(&sections),
        dirs: files.dirs,
        listings: files::listings(&sections),
        units: units.units,
        images: sections.set("images"),
    })
}

/// The host's clock when the script began and when it ended, nanoseconds since the epoch.
struct Clock {
    first: i128,
    last: i128,
}

impl Clock {
    fn read(sections: &Sections) -> Option<Self> {
        Some(Clock { first: sections.first("clock").parse().ok()?, last: sections.first("end").parse().ok()? })
    }

    /// Skew and its bound in milliseconds, as NTP computes them: the host's time lies between ours at both ends,
    /// so what the script itself took does not blur the result, only the way there and back does.
    fn against(&self, started: SystemTime, ended: SystemTime) -> (i64, u64) {
        let there = self.first.saturating_sub(nanos(started));
        let back = self.last.saturating_sub(nanos(ended));
        let millis = |nanos: i128| nanos / 1_000_000;
        let skew = millis(there.saturating_add(back) / 2);
        let bound = millis(there.saturating_sub(back) / 2).max(0);
        (
            skew.clamp(i64::MIN.into(), i64::MAX.into()) as i64,
            u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1),
        )
    }
}

fn nanos(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

fn incomplete(text: &str) -> Error {
    let shown: String = text.chars().filter(|c| !c.is_control() || *c == '\n').take(400).collect();
    Error::remote("the probe's answer is incomplete")
        .detail(if shown.trim().is_empty() { "it printed nothing".to_string() } else { shown })
        .hint(
            "the host needs a POSIX /bin/sh and coreutils; a login shell or profile that prints text is a usual cause",
        )
}

impl Os {
    fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut os = Os::default();
        for (key, value) in pairs {
            let value = value.trim_matches(['"', '\'']).to_owned();
            match key {
                "ID" => os.id = value,
                "VERSION_ID" => os.version = value,
                "PRETTY_NAME" => os.pretty = value,
                _ => {}
            }
        }
        os
    }
}

#[cfg(test)]
mod tests;
