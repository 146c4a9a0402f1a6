//! Which hosts answer. One that cannot be reached is tried twice, once, and not again for each of twenty files.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use ureq::http::StatusCode;

use crate::error::{Error, Result};

/// Attempts that bring no byte before a download from a host that has answered is given up.
const ATTEMPTS: u32 = 4;
/// Attempts to reach a host that never answered.
const FIRST_CONTACT: u32 = 2;
/// Before the second attempt; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// What is known of hosts, by `host[:port]`.
#[derive(Default)]
pub struct Hosts(Mutex<BTreeMap<String, State>>);

#[derive(Clone)]
enum State {
    Answers,
    Unreachable(String),
}

/// Why a request brought nothing.
pub enum Failure {
    /// The server said so, and would again.
    Refused(String),
    /// The server answered, and may do better next time.
    Passing(String),
    /// No answer, or one that broke off.
    Broken(String),
}

impl Failure {
    /// What a status means for trying again.
    pub fn status(status: StatusCode) -> Self {
        let passing =
            status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        let reason = format!("the server answered {status}");
        if passing { Failure::Passing(reason) } else { Failure::Refused(reason) }
    }

    /// The same with other words.
    pub fn map(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Failure::Refused(reason) => Failure::Refused(words(reason)),
            Failure::Passing(reason) => Failure::Passing(words(reason)),
            Failure::Broken(reason) => Failure::Broken(words(reason)),
        }
    }
}

impl Hosts {
    /// Refuses at once when the host of the address was found unreachable before.
    pub fn check(&self, address: &str) -> Result<()> {
        let host = host(address);
        match self.lock().get(host) {
            Some(State::Unreachable(reason)) => Err(unreachable(host, reason)),
            _ => Ok(()),
        }
    }

    /// The host answered.
    pub fn answered(&self, address: &str) {
        self.lock().insert(host(address).to_owned(), State::Answers);
    }

    /// Waits before the next attempt, or says why there is none.
    pub fn pause_or_give_up(&self, address: &str, failure: Failure, attempt: u32) -> Result<()> {
        let host = host(address);
        let answers = matches!(self.lock().get(host), Some(State::Answers));
        let allowed = match failure {
            Failure::Refused(_) => 0,
            Failure::Broken(_) if !answers => FIRST_CONTACT,
            _ => ATTEMPTS,
        };
        if attempt < allowed {
            sleep(FIRST_PAUSE * 2u32.pow(attempt - 1));
            return Ok(());
        }
        match failure {
            Failure::Broken(reason) if !answers => {
                let error = unreachable(host, &reason);
                self.lock().insert(host.to_owned(), State::Unreachable(reason));
                Err(error)
            }
            Failure::Refused(reason) | Failure::Passing(reason) | Failure::Broken(reason) => {
                Err(Error::artifact(format!("cannot download {address}: {reason}")))
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreachable(host: &str, reason: &str) -> Error {
    Error::artifact(format!("{host} cannot be reached: {reason}")).hint(
        "`artifacts: [{download: {mirror: https://…}}]` in the inventory names a mirror, HTTPS_PROXY a proxy; \
         `kbootstrap artifacts bundle` carries programs to a site without a way out",
    )
}

/// `host[:port]` of a URL.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_never_answered_is_given_up_for_all_files() {
        let hosts = Hosts::default();
        let broken = || Failure::Broken("no route".into());
        assert!(hosts.pause_or_give_up("https://dl.k8s.io/a", broken(), 1).is_ok());
        let error = hosts.pause_or_give_up("https://dl.k8s.io/a", broken(), 2).unwrap_err();
        assert_eq!(error.message, "dl.k8s.io cannot be reached: no route");
        assert_eq!(hosts.check("https://dl.k8s.io/b").unwrap_err(), error);
        assert!(hosts.check("https://github.com/b").is_ok());
    }

    #[test]
    fn a_refusal_is_final_and_a_broken_answer_is_not() {
        let hosts = Hosts::default();
        hosts.answered("http://mirror:80/x");
        let refused = hosts.pause_or_give_up("http://mirror:80/x", Failure::status(StatusCode::NOT_FOUND), 1);
        assert_eq!(
            refused.unwrap_err().message,
            "cannot download http://mirror:80/x: the server answered 404 Not Found"
        );
        assert!(hosts.pause_or_give_up("http://mirror:80/x", Failure::Broken("reset".into()), 2).is_ok());
        assert!(hosts.check("http://mirror:80/x").is_ok());
    }
}
