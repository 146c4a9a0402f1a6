//! Starting and restarting units: what runs, what does not and why, in the host's own words.

mod settled;
mod together;

use std::io::empty;

pub(super) use settled::settled;

use super::push::before;
use super::records;
use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::plan::{UnitAction, UnitChange};
use crate::remote::{Output, Transport};
use crate::state::Ready;
use crate::text::sh_quote;

/// Seconds that a unit may take to be ready; etcd with a large database and an API server that waits for it need some.
const PATIENCE: u32 = 90;
/// systemd restarts a unit by itself; more failures than this mean that it will not come up.
const FAILURES: u32 = 4;
/// The script's status when the unit does not come up, and what it ran with before is in its place again and runs.
const PUT_BACK: i32 = 3;
/// What people do after that.
const GOES_ON: &str = "when the cause is mended, run `kbootstrap up` again: it goes on from here";

/// The script's status when nothing of what it ran with before was kept.
const NOTHING_KEPT: i32 = 4;

/// Enables and (re)starts the unit, and what systemd restarts with it, and waits until they run; then records what they were
/// started with.
pub fn bring_up(
    transport: &mut dyn Transport,
    change: &UnitChange,
    with: Option<&UnitChange>,
    layout: &Layout,
) -> Result<()> {
    let script = match with {
        Some(with) => together::script(change, with, layout),
        None => script(change, layout),
    };
    let output = transport.run(&script, &mut empty())?;
    let (change, put_back) = match (output.status, with) {
        (0, _) => return Ok(()),
        (together::WITH_DOES_NOT_RUN, Some(with)) => (with, false),
        (together::WITH_PUT_BACK, Some(with)) => (with, true),
        (status, _) => (change, status == PUT_BACK),
    };
    let but = if put_back { " with what is new; what ran before is put back, and runs" } else { "" };
    let mut error = does_not_run(transport.host(), change, but, &output);
    for hint in hints(&String::from_utf8_lossy(&output.stdout), layout) {
        error = error.hint(hint);
    }
    let error = error.hint(format!("look at it on {}: journalctl -u {} -e", transport.host(), change.name));
    Err(error.hint(GOES_ON))
}

fn does_not_run(host: &str, change: &UnitChange, but: &str, output: &Output) -> Error {
    let mut error = Error::remote(format!("{host}: {} does not run{but}", change.name));
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        if !text.trim().is_empty() {
            error = error.detail(text.trim());
        }
    }
    error
}

/// Whether it is ready is asked after it runs, and until then what it ran with before is kept.
fn is_asked_later(change: &UnitChange) -> bool {
    change.action == Some(UnitAction::Restart) && matches!(change.rollout.ready, Ready::Etcd | Ready::Api)
}

/// The unit, which runs, goes back to what it ran with before, and so does what was restarted with it. False where nothing
/// of that was kept.
fn go_back(
    transport: &mut dyn Transport,
    change: &UnitChange,
    with: Option<&UnitChange>,
    layout: &Layout,
) -> Result<bool> {
    let script = turn_to(&change.name, layout)
        + &functions(change, layout)
        + &with.map_or(String::new(), |with| together::functions(change, with, layout))
        + &format!("[ -s \"$B/files\" ] || exit {NOTHING_KEPT}\n")
        + if with.is_some() { "go_back_together\n" } else { "go_back\n" };
    let output = transport.run(&script, &mut empty())?;
    match output.status {
        0 => Ok(true),
        NOTHING_KEPT => Ok(false),
        _ => Err(does_not_run(transport.host(), change, "", &output)),
    }
}

/// The unit stays with what is new.
fn stay(transport: &mut dyn Transport, change: &UnitChange, layout: &Layout) -> Result<()> {
    let output = transport.run(&before::forget(&change.name, layout), &mut empty())?;
    match output.status {
        0 => Ok(()),
        _ => Err(Error::remote(format!("{}: what {} ran with before is not removed", transport.host(), change.name))
            .detail(String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// systemctl itself waits for a Type=notify unit until it says that it is ready, which costs nothing; only a unit that
/// fails at first is watched, because systemd tries again. The other types run at once, and must go on for a moment;
/// at a restart until they listen on a port, because the next host's restart relies on it: flags and configuration that
/// do not work end a process before. (One that listens nowhere must keep running for five seconds.)
fn script(change: &UnitChange, layout: &Layout) -> String {
    let mut s = turn_to(&change.name, layout);
    s.push_str(&enabled(change));
    let Some(action) = change.action else { return s };
    if change.rollout.ready == Ready::Timer {
        s.push_str(&timer(change, layout));
        return s;
    }
    if action == UnitAction::Start {
        s.push_str("systemctl reset-failed \"$U\" 2>/dev/null\n");
    }
    s.push_str(&functions(change, layout));
    s.push_str(&format!(
        "if ! comes_up; then
  tell
  [ -s \"$B/files\" ] || exit 1
  go_back || exit 1
  exit {PUT_BACK}
fi
"
    ));
    s.push_str(&record(change));
    s
}

/// The functions work on the unit from here on: its name, its key, and what it ran with before.
fn turn_to(unit: &str, layout: &Layout) -> String {
    let key = sh_quote(&format!("{}/units/{unit}", layout.records));
    format!("U={}\nK={key}\n{}", sh_quote(unit), before::folder(unit, layout))
}

fn enabled(change: &UnitChange) -> String {
    let mut s = String::new();
    if change.unmask {
        s.push_str("systemctl unmask --quiet \"$U\"; systemctl unmask --quiet --runtime \"$U\"\n");
    }
    if change.enable {
        s.push_str("systemctl enable --quiet \"$U\" || exit 1\n");
    }
    s
}

/// The unit runs: what with is written down, and what it ran with before goes.
fn record(change: &UnitChange) -> String {
    let mut s = format!("if is_ours; then printf '%s\\n' {} > \"$K\"; fi\n", sh_quote(&change.key));
    if !is_asked_later(change) {
        s.push_str("rm -rf \"$B\"\n");
    }
    s
}

/// `comes_up`, `tell`, `is_ours` and `go_back`, in POSIX sh, for the unit that was turned to.
fn functions(change: &UnitChange, layout: &Layout) -> String {
    let listens = match change.action {
        Some(UnitAction::Restart) => "ss -Hltnp 2>/dev/null | grep -q \"pid=$MainPID,\"",
        _ => "true",
    };
    // What is not read stays away: the process goes on with what it has.
    let verb = match change.action {
        Some(UnitAction::Reload) => "reload \"$U\" || return 1",
        _ => "restart \"$U\" 2>/dev/null",
    };
    format!(
        "{ready}{before}look() {{
  eval \"$(systemctl show -p ActiveState -p SubState -p NRestarts -p MainPID -p Type -p NeedDaemonReload \"$U\" | sed 's/=\\(.*\\)/=\"\\1\"/')\"
}}
listens() {{ {listens}; }}
# Whoever starts the unit after us, or changes its files, takes this away: then ours is not the key that it runs with.
begins() {{ printf 'starting %s\\n' $$ > \"$K\"; }}
comes_up() {{
  look
  [ \"$NeedDaemonReload\" != yes ] || systemctl daemon-reload
  begins
  timeout {PATIENCE} systemctl {verb}
  runs
}}
runs() {{
  look
  n=0
  first=$NRestarts
  last=$first
  quiet=0
  while :; do
    if [ \"$ActiveState\" = active ] && [ \"$SubState\" = running ] && [ \"$NRestarts\" = \"$last\" ]; then
      quiet=$((quiet + 1))
      if [ \"$Type\" = notify ] || [ $quiet -ge 34 ] || {{ [ $quiet -ge 3 ] && listens; }}; then return 0; fi
    else
      last=$NRestarts
      quiet=0
    fi
    if [ $n -ge {limit} ] || [ \"$NRestarts\" -ge $((first + {FAILURES})) ]; then return 1; fi
    n=$((n + 1)); sleep 0.15
    look
  done
}}
tell() {{
  systemctl --no-pager --full --lines=0 status \"$U\" | cut -c1-200
  echo
  journalctl --no-pager -q -o cat -n 25 -u \"$U\"
}}
is_ours() {{ [ \"$(cat \"$K\" 2>/dev/null)\" = \"starting $$\" ]; }}
go_back() {{
  put_back || {{ echo 'What ran before could not be put back.'; return 1; }}
  systemctl daemon-reload
  systemctl reset-failed \"$U\" 2>/dev/null
  if comes_up; then
    if is_ours && [ -e \"$B/key\" ]; then mv -f \"$B/key\" \"$K\"; fi
    rm -rf \"$B\"
    return 0
  fi
  rm -rf \"$B\"
  echo
  echo 'What ran before was put back, and does not come up either:'
  journalctl --no-pager -q -o cat -n 10 -u \"$U\"
  return 1
}}
",
        before = before::functions(),
        limit = PATIENCE * 6,
        ready = records::ready(layout),
    )
}

/// A timer has no process. What it starts runs once here, so that what it is for is done when the step is.
fn timer(change: &UnitChange, layout: &Layout) -> String {
    format!(
        "systemctl daemon-reload
{ready}if systemctl restart \"$U\" && timeout {PATIENCE} systemctl start \"${{U%.timer}}.service\"; then
  printf '%s\\n' {key} > \"$R/units/$U\"
else
  for unit in \"$U\" \"${{U%.timer}}.service\"; do
    systemctl --no-pager --full --lines=0 status \"$unit\" | cut -c1-200
    journalctl --no-pager -q -o cat -n 25 -u \"$unit\"
  done
  exit 1
fi
",
        ready = records::ready(layout),
        key = sh_quote(&change.key),
    )
}

/// What well-known last words mean.
fn hints(journal: &str, layout: &Layout) -> Vec<String> {
    const KNOWN: [(&str, &str); 8] = [
        ("address already in use", "another process holds the port: `ss -ltnp` on the host shows which"),
        ("unknown flag", "a flag in the inventory is not known to this version: remove it under components.*.flags"),
        ("strict decoding error", "a field under components.*.config is not known to this version"),
        (
            "certificate has expired",
            "a certificate has expired: delete it in the cluster's pki folder and run `kbootstrap up`",
        ),
        (
            "certificate signed by unknown authority",
            "host and cluster folder hold different CAs: was the cluster's folder replaced? `kbootstrap reset` takes the host back",
        ),
        (
            "cluster ID mismatch",
            "this member's data is from another cluster: move ETCD_DATA away, or `kbootstrap reset` the host",
        ),
        ("no space left on device", "the disk is full: `df -h` on the host"),
        (
            "member has already been bootstrapped",
            "etcd knows this member but its data is gone: restore ETCD_DATA or remove and add the member with etcdctl",
        ),
    ];
    let known = KNOWN.iter().filter(|(words, _)| journal.contains(words));
    known.map(|(_, hint)| hint.replace("ETCD_DATA", &layout.etcd_data)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

    fn start(name: &str) -> UnitChange {
        UnitChange {
            name: name.into(),
            component: ComponentId("etcd"),
            rollout: Rollout { wave: Wave::Node, after: After::Nothing, rolling: Rolling::Canary, ready: Ready::Runs },
            action: Some(UnitAction::Start),
            enable: true,
            unmask: false,
            part_of: None,
            reason: String::new(),
            key: "k".into(),
        }
    }

    #[test]
    fn a_unit_that_is_only_enabled_is_not_restarted() {
        let change = UnitChange { action: None, ..start("etcd.service") };
        let script = script(&change, &Layout::standard());
        assert!(script.contains("systemctl enable") && !script.contains("restart"), "{script}");
    }

    #[test]
    fn a_unit_that_is_masked_is_freed_before_it_is_enabled() {
        let script = script(&UnitChange { unmask: true, ..start("etcd.service") }, &Layout::standard());
        assert!(script.find("systemctl unmask").unwrap() < script.find("systemctl enable").unwrap(), "{script}");
    }

    #[test]
    fn a_start_that_was_overtaken_records_no_key() {
        let script = script(&start("flanneld.service"), &Layout::standard());
        let (starting, recorded) = (script.find("'starting %s").unwrap(), script.find("'%s\\n' 'k' >").unwrap());
        assert!(starting < script.find("systemctl restart").unwrap() && starting < recorded, "{script}");
        assert!(script[..recorded].trim_end().ends_with("if is_ours; then printf"), "{script}");
    }

    #[test]
    fn well_known_last_words_get_a_hint() {
        let hints = |journal| hints(journal, &Layout::standard());
        assert_eq!(hints("listen tcp 10.0.0.1:2379: bind: address already in use").len(), 1);
        assert!(hints("all is well").is_empty());
    }
}
