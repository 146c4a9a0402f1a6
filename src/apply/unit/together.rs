//! A unit, and what systemd restarts with it (`PartOf=`), in one go: an API server that asks one member of etcd only is of no
//! use without it, and stops before it and starts after it. Both get what is new for them before, so that each restarts once;
//! where the first does not come up, both go back.

use super::{PATIENCE, PUT_BACK, enabled, record, turn_to};
use crate::cluster::Layout;
use crate::plan::UnitChange;
use crate::text::sh_quote;

/// The script's status when the unit runs, and what was restarted with it does not.
pub(super) const WITH_DOES_NOT_RUN: i32 = 5;
/// The same; but what that ran with before is in its place again, and runs.
pub(super) const WITH_PUT_BACK: i32 = 6;

/// Restarts the unit, waits until both run, and records what they were started with.
pub(super) fn script(change: &UnitChange, with: &UnitChange, layout: &Layout) -> String {
    let mut s = super::functions(change, layout) + &functions(change, with, layout);
    for (turn, change) in [("other\n", with), ("one\n", change)] {
        s.push_str(turn);
        s.push_str(&enabled(change));
    }
    s.push_str(&format!(
        "both_begin
if ! comes_up; then
  tell
  [ -s \"$B/files\" ] || exit 1
  go_back_together || exit 1
  exit {PUT_BACK}
fi
{}if ! follows; then
  tell
  [ -s \"$B/files\" ] || exit {WITH_DOES_NOT_RUN}
  go_back || exit {WITH_DOES_NOT_RUN}
  exit {WITH_PUT_BACK}
fi
{}",
        record(change),
        record(with),
    ));
    s
}

/// `one` and `other`, which turn to the units, `follows` and `go_back_together`, in a script that has [`super::functions`].
pub(super) fn functions(change: &UnitChange, with: &UnitChange, layout: &Layout) -> String {
    let turn = |name: &str, change: &UnitChange| format!("{name}() {{\n{}}}\n", turn_to(&change.name, layout));
    let both = include_str!("together.sh").replace("PATIENCE", &PATIENCE.to_string());
    turn("one", change) + &turn("other", with) + &both.replace("KEY", &sh_quote(&with.key))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Output};

    use super::*;
    use crate::plan::UnitAction;
    use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

    /// Stands for systemd, in which `api.service` is part of `etcd.service`. A unit runs unless its file is `bad`; `log` has
    /// each start, with what it was started with.
    const SYSTEMCTL: &str = r#"#!/bin/sh
cd "${0%/*}/.."
begin() {
  n=$(($(cat n) + 1)); echo $n >n; echo $n >"invocation.$1"
  echo "$1 $(cat "$1")" >>log
  case $(cat "$1") in bad) echo failed ;; *) echo active ;; esac >"state.$1"
  [ "$(cat "state.$1")" = active ]
}
for unit in "$@"; do :; done
case $* in
show*InvocationID*) cat "invocation.$unit" ;;
show*) echo "ActiveState=$(cat "state.$unit")"; echo SubState=running; echo NRestarts=9"$(cat n)"; echo Type=notify
  # Systemd tries what does not run again and again.
  [ "$(cat "state.$unit")" = active ] || echo $(($(cat n) + 1)) >n ;;
restart*etcd.service) before=$(cat state.api.service); echo failed >state.api.service; begin etcd.service; ended=$?
  [ "$before" != active ] || [ -e apart ] && echo "$before" >state.api.service || begin api.service; exit $ended ;;
restart*) begin "$unit" ;;
start*) [ "$(cat "state.$unit")" = active ] || begin "$unit" ;;
esac
"#;

    struct Host(tempfile::TempDir);

    impl Host {
        /// Both run with `old`, and what each is restarted with is there; empty: nothing has come for it.
        fn new(etcd: &str, api: &str) -> Self {
            let host = Host(tempfile::tempdir().unwrap());
            for folder in ["bin", "units", "before"] {
                fs::create_dir(host.0.path().join(folder)).unwrap();
            }
            for (program, text) in [("systemctl", SYSTEMCTL), ("journalctl", "#!/bin/sh\n"), ("sleep", "#!/bin/sh\n")] {
                let path = host.0.path().join("bin").join(program);
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            for (unit, new) in [("etcd.service", etcd), ("api.service", api)] {
                host.write(&format!("state.{unit}"), "active\n");
                host.write(&format!("invocation.{unit}"), "0\n");
                host.write(unit, if new.is_empty() { "old" } else { new });
                host.write(&format!("units/{unit}"), "old\n");
                if !new.is_empty() {
                    // As a push leaves it.
                    let before = format!("before/{unit}");
                    fs::create_dir(host.0.path().join(&before)).unwrap();
                    host.write(&format!("{before}/1"), "old");
                    host.write(&format!("{before}/files"), &format!("{}\n", host.0.path().join(unit).display()));
                    fs::rename(host.0.path().join(format!("units/{unit}")), host.0.path().join(before + "/key"))
                        .unwrap();
                }
            }
            host.write("n", "0\n");
            host.write("log", "");
            host
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.path().join(name), text).unwrap();
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.0.path().join(name)).unwrap_or_default().trim().to_owned()
        }

        fn run(&self) -> Output {
            let layout = Layout { records: self.0.path().display().to_string(), ..Layout::standard() };
            let script = script(&change("etcd.service", Ready::Etcd), &change("api.service", Ready::Api), &layout);
            let path = format!("{}:{}", self.0.path().join("bin").display(), std::env::var("PATH").unwrap());
            Command::new("/bin/sh").args(["-c", &script]).env("PATH", path).output().unwrap()
        }

        /// The script's status; what each unit runs with by its file and by its key; all starts.
        #[track_caller]
        fn ends(&self, status: i32, runs: [&str; 2], keys: [&str; 2], starts: &[&str]) {
            let ran = self.run();
            assert_eq!(ran.status.code(), Some(status), "{ran:?}");
            let units = ["etcd.service", "api.service"];
            assert_eq!(units.map(|unit| self.read(&format!("state.{unit}"))), ["active"; 2], "{ran:?}");
            assert_eq!(units.map(|unit| self.read(unit)), runs);
            assert_eq!(units.map(|unit| self.read(&format!("units/{unit}"))), keys);
            assert_eq!(self.read("log").replace(".service", "").lines().collect::<Vec<_>>(), starts);
        }

        /// Of which units what they ran with before is kept.
        fn kept(&self) -> Vec<String> {
            let entries = fs::read_dir(self.0.path().join("before")).unwrap();
            let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    fn change(name: &str, ready: Ready) -> UnitChange {
        UnitChange {
            name: name.into(),
            component: ComponentId("etcd"),
            rollout: Rollout { wave: Wave::Etcd, after: After::Nothing, rolling: Rolling::Quorum, ready },
            action: Some(UnitAction::Restart),
            enable: false,
            unmask: false,
            part_of: None,
            reason: String::new(),
            key: "new".into(),
        }
    }

    #[test]
    fn both_restart_once_with_what_is_new() {
        let host = Host::new("new", "new");
        host.ends(0, ["new"; 2], ["new"; 2], &["etcd new", "api new"]);
        assert_eq!(host.kept(), ["api.service", "etcd.service"], "until they are known to be ready");
    }

    #[test]
    fn what_systemd_does_not_restart_with_it_is_restarted() {
        let host = Host::new("new", "new");
        host.write("apart", "");
        host.ends(0, ["new"; 2], ["new"; 2], &["etcd new", "api new"]);
    }

    #[test]
    fn where_the_first_does_not_come_up_both_go_back() {
        let host = Host::new("bad", "new");
        host.ends(PUT_BACK, ["old"; 2], ["old"; 2], &["etcd bad", "api new", "etcd old", "api old"]);
        assert_eq!(host.kept(), [""; 0]);
        let host = Host::new("bad", "");
        host.ends(PUT_BACK, ["old"; 2], ["old", "new"], &["etcd bad", "api old", "etcd old", "api old"]);
    }

    #[test]
    fn where_the_other_does_not_come_up_it_alone_goes_back() {
        let host = Host::new("new", "bad");
        host.ends(WITH_PUT_BACK, ["new", "old"], ["new", "old"], &["etcd new", "api bad", "api bad", "api old"]);
        assert_eq!(host.kept(), ["etcd.service"]);
    }
}
