//! OpenSSH's `%` tokens, `~` and `${VARIABLE}` (ssh_config(5), "TOKENS").

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What tokens stand for.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    /// `%h`: the host that is connected to.
    pub host: &'a str,
    /// `%n`: the host as it was named.
    pub name: &'a str,
    /// `%p`.
    pub port: u16,
    /// `%r`: the login name on the host.
    pub user: &'a str,
    /// `%u`: the operator's login name.
    pub operator: &'a str,
    /// `%d` and `~`.
    pub home: Option<&'a Path>,
    /// `%k`: the name that the host's key is known by.
    pub known_as: &'a str,
}

impl Tokens<'_> {
    /// Puts values in the place of tokens. `option` is the one that they stand in, for messages.
    pub fn expand(&self, option: &str, text: &str) -> Result<String> {
        let mut expanded = String::new();
        let mut rest = text.chars();
        while let Some(letter) = rest.next() {
            if letter != '%' {
                expanded.push(letter);
                continue;
            }
            match rest.next() {
                Some('%') => expanded.push('%'),
                Some('h') => expanded += self.host,
                Some('n') => expanded += self.name,
                Some('p') => expanded += &self.port.to_string(),
                Some('r') => expanded += self.user,
                Some('u') => expanded += self.operator,
                Some('k') => expanded += self.known_as,
                Some('d') => expanded += &self.home.unwrap_or(Path::new("~")).display().to_string(),
                other => {
                    let token = other.map_or("%".to_owned(), |letter| format!("%{letter}"));
                    return Err(Error::input(format!(
                        "{option} in the SSH configuration of {}: the token {token} is not understood",
                        self.name
                    ))
                    .hint("%%, %d, %h, %k, %n, %p, %r and %u are; write it out, or say it in the inventory"));
                }
            }
        }
        Ok(expanded)
    }

    /// The same for a file's name, which may begin with `~/` and hold variables of the environment.
    pub fn path(&self, option: &str, text: &str) -> Result<PathBuf> {
        let text = self.expand(option, &variables(text, |name| std::env::var(name).ok()))?;
        Ok(match (text.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        })
    }
}

/// `${NAME}` becomes the variable's value; one that is not set stays as it is written.
fn variables(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
    let Some((name, after)) = rest.split_once('}') else { return text.to_owned() };
    let value_or_text = value(name).unwrap_or_else(|| format!("${{{name}}}"));
    format!("{before}{value_or_text}{}", variables(after, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: Tokens<'_> =
        Tokens { host: "10.0.0.1", name: "web1", port: 2222, user: "kim", operator: "op", home: None, known_as: "web" };

    #[test]
    fn tokens_stand_for_values() {
        let text = TOKENS.expand("ProxyCommand", "nc -X %% %h %p %n %r %u %k").unwrap();
        assert_eq!(text, "nc -X % 10.0.0.1 2222 web1 kim op web");
        for odd in ["%C", "100%"] {
            assert!(TOKENS.expand("ProxyCommand", odd).unwrap_err().message.contains("ProxyCommand"));
        }
    }

    #[test]
    fn files_may_lie_at_home() {
        let tokens = Tokens { home: Some(Path::new("/home/op")), ..TOKENS };
        assert_eq!(tokens.path("IdentityFile", "~/.ssh/%h").unwrap(), Path::new("/home/op/.ssh/10.0.0.1"));
        assert_eq!(tokens.path("IdentityFile", "%d/k").unwrap(), Path::new("/home/op/k"));
        let value = |name: &str| (name == "A").then(|| "b".to_owned());
        assert_eq!(variables("/${A}/${B}/${", value), "/b/${B}/${");
    }
}
