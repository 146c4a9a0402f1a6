//! Why a host did not run what it was given.

use crate::error::Error;
use crate::remote::script::text::{Answer, Plain};

/// What is known when a script did not begin.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The login name; none on this machine.
    pub user: Option<String>,
    /// What was said on standard output and standard error instead.
    pub said: String,
    /// How the command ended.
    pub status: i32,
    /// Somebody read the standard input that was meant for the script.
    pub eaten: bool,
}

impl Evidence {
    /// From what was heard of a script that did not begin.
    pub fn new(user: Option<&str>, answer: &Answer<'_>, status: i32) -> Self {
        let said = [answer.noise(), answer.words()].join("\n").trim().to_owned();
        Evidence { user: user.map(str::to_owned), said, status, eaten: answer.eaten() }
    }

    /// From what was heard of a command that was to show something, and did not.
    pub fn of(user: &str, plain: &Plain) -> Self {
        let (stdout, stderr) = (String::from_utf8_lossy(&plain.stdout), String::from_utf8_lossy(&plain.stderr));
        let said = [stdout.trim(), stderr.trim()].join("\n").trim().to_owned();
        Evidence { user: Some(user.to_owned()), said, status: plain.status, eaten: false }
    }

    /// What it means, and what to do.
    pub fn error(self, host: &str) -> Error {
        let user = self.user.as_deref().unwrap_or("this user");
        let (what, hint) = if self.eaten {
            (
                format!("a start-up file of {user}'s login shell reads the standard input that is meant for a script"),
                format!(
                    "find the command that reads in ~{user}/.bashrc, .profile or /etc/profile.d, and give it `</dev/null`; or let the file end at once where nobody types: `case $- in *i*) ;; *) return ;; esac`"
                ),
            )
        } else if self.status == 127 {
            (
                "the host has no program that every script needs".to_owned(),
                "/bin/sh and coreutils with `dd` must be there, where the login shell finds programs".to_owned(),
            )
        } else if self.said.contains("account is currently not available") {
            (
                format!("{user} may not log in: its login shell is nologin"),
                format!(
                    "give it one on the host (`usermod -s /bin/bash {user}`), or name another user in the inventory"
                ),
            )
        } else if self.said.is_empty() && self.status != 0 {
            (
                format!("the login shell of {user} ended with status {} before it ran anything", self.status),
                format!(
                    "look for `exit` or `set -e` in ~{user}/.bashrc, .profile and /etc/profile.d, and see that the login shell is none like /bin/false (`getent passwd {user}`) and that no command is forced that says nothing"
                ),
            )
        } else {
            (
                format!("the host runs something else than what {user} asks for"),
                format!(
                    "a command is forced on {user}: look for ForceCommand in sshd_config, for `command=` in ~{user}/.ssh/authorized_keys, and for `exit` or `exec` in its start-up files"
                ),
            )
        };
        let said = if self.said.is_empty() { "it said nothing".to_owned() } else { format!("it said: {}", self.said) };
        Error::connect(format!("{host}: {what}")).detail(said).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(said: &str, status: i32, eaten: bool) -> String {
        Evidence { user: Some("kim".into()), said: said.into(), status, eaten }.error("web1").message
    }

    #[test]
    fn each_reason_has_its_words() {
        insta::assert_snapshot!(message("__KB_EATEN", 1, true), @"web1: a start-up file of kim's login shell reads the standard input that is meant for a script");
        insta::assert_snapshot!(message("This account is currently not available.", 1, false), @"web1: kim may not log in: its login shell is nologin");
        insta::assert_snapshot!(message("", 1, false), @"web1: the login shell of kim ended with status 1 before it ran anything");
        insta::assert_snapshot!(message("hello", 0, false), @"web1: the host runs something else than what kim asks for");
        insta::assert_snapshot!(message("", 0, false), @"web1: the host runs something else than what kim asks for");
        insta::assert_snapshot!(message("sh: dd: not found", 127, false), @"web1: the host has no program that every script needs");
    }
}
