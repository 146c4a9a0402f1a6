//! A host in somebody else's hands: a real sshd whose every command is a script of ours, which does what a file says.
//!
//! Scripts that are no probe are never run, so whatever a command asks, nothing of this machine is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::sshd::Sshd;

/// What a host may do to whoever asks it something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// None: it answers a probe, and takes what it is sent.
    Honest,
    /// In front of each value of an answer stand control sequences, and lines that no host said.
    Values,
    /// The same at the end of each line.
    Lines,
    /// It runs nothing, and says such things on both streams.
    Words,
    /// Bytes without end in place of the answer.
    Flood,
    /// A line without end, where the answer should be.
    FloodLine,
    /// Lines without end that look like an answer.
    FloodLines,
    /// Standard error without end.
    FloodErrors,
    /// A status without end.
    FloodStatus,
    /// An answer, and no end after it.
    FloodAfter,
    /// It never says anything.
    Mute,
    /// It begins, and says no more.
    Begins,
    /// It begins, takes a little of what is sent to it, and no more.
    Chokes,
    /// It talks all the time and comes to no end, slowly.
    Drips,
    /// Its processor is another one than it has.
    Architecture,
}

/// What is slipped in: the clipboard, colours, the cursor, C1, text that runs backwards, and lines.
const EVIL: &str = r"\x1b]52;c;Zm9yZ2Vk\x07\x1b[31m\x1b[2K\rFORGED\xc2\x9b1A\xe2\x80\xae\xe2\x80\x8b\nFORGED line\n";

const SCRIPT: &str = r#"#!/bin/bash
here=$1
lie=$(cat "$here/lie")
[ "$lie" != Mute ] || exec sleep 300
case $SSH_ORIGINAL_COMMAND in *__KB_GO_*) ;; *) printf 'EVIL' >&2; exit 1 ;; esac
go=${SSH_ORIGINAL_COMMAND#*__KB_GO_} go=__KB_GO_${go%% *}
size=${SSH_ORIGINAL_COMMAND#*bs=} size=${size%% *}
until [ "$line" = "$go" ]; do IFS= read -r line || exit 1; done
program=$(dd bs="$size" count=1 iflag=fullblock status=none)
begin=$(grep -om1 '__KB_BEGIN_[0-9a-f]*' <<<"$program" | head -n 1)
status=$(grep -om1 '__KB_RC_[0-9a-f]*' <<<"$program" | head -n 1)
case $program in *'section()'*) probe=yes ;; *) probe=no ;; esac
printf '%s\n' "$probe" >>"$here/asked"
genuine() { /bin/sh <(printf '%s' "$program"); }
begin() { echo "$begin"; echo "$begin" >&2; }
case $lie.$probe in
  Honest.yes) genuine ;;
  Honest.no) begin; cat >/dev/null; printf '\n%s=0\n' "$status" ;;
  Values.yes) genuine | sed -u '/^\x1e/!{/__KB_/!s/\([:=]\)/\1EVIL/}' ;;
  Lines.yes) genuine | sed -u '/^\x1e/!{/__KB_/!s/..$/&EVIL/}' ;;
  Architecture.yes) genuine | sed -u 's/x86_64$/aarch64/' ;;
  Values.no | Lines.no | Words.* | Architecture.no)
    begin; printf 'EVIL'; printf 'EVIL' >&2; printf '\n%s=3\n' "$status" ;;
  Flood.*) exec cat /dev/zero ;;
  FloodLine.*) begin; exec cat /dev/zero ;;
  FloodLines.*) begin; exec yes "$(printf '\036%s units\nId=a' "${begin#__KB_BEGIN_}")" ;;
  FloodErrors.*) begin; exec cat /dev/zero >&2 ;;
  FloodStatus.*) begin; printf '\n%s=' "$status"; exec tr '\0' 0 </dev/zero ;;
  FloodAfter.*) begin; printf '\n%s=0\n' "$status"; exec cat /dev/zero ;;
  Begins.*) begin; exec sleep 300 ;;
  Chokes.*) begin; head -c 100000 >/dev/null; exec sleep 300 ;;
  Drips.*) begin; while echo more; do sleep 0.05; done ;;
esac
"#;

/// The host.
pub struct Liar(Sshd);

impl Liar {
    /// It starts honest.
    pub fn start() -> Self {
        let liar = Liar(Sshd::made(|folder| {
            let path = folder.join("liar");
            fs::write(&path, SCRIPT.replace("EVIL", EVIL)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            format!("ForceCommand {} {}", path.display(), folder.display())
        }));
        liar.tells(Lie::Honest);
        liar
    }

    /// From now on.
    pub fn tells(&self, lie: Lie) {
        fs::write(self.0.path("lie"), format!("{lie:?}")).unwrap();
        fs::write(self.0.path("asked"), "").unwrap();
    }

    /// How many probes it was sent since then, and how many other scripts.
    pub fn asked(&self) -> (usize, usize) {
        let asked = fs::read_to_string(self.0.path("asked")).unwrap();
        let count = |word: &str| asked.lines().filter(|line| *line == word).count();
        (count("yes"), count("no"))
    }

    /// Its server.
    pub fn sshd(&self) -> &Sshd {
        &self.0
    }
}
