//! Names of hosts and users stand, without quotes, in commands that a shell reads: a ProxyCommand's `%h`, `%n`, `%k` and `%r`, and
//! those of a `Match exec`, which `ssh -G` runs itself. So names that a shell would read as more than a word are refused, by
//! the rules of OpenSSH since 9.6 (`valid_hostname` and `valid_ruser` in its ssh.c), whichever `ssh` is here.

use crate::error::{Error, Result};

/// Refuses a host name or address that no shell could be given.
pub fn host(name: &str) -> Result<()> {
    let odd = |c: char| "'`\"$\\;&<>|(){}".contains(c) || c.is_whitespace() || c.is_control();
    judge("host name", name, name.starts_with('-') || name.contains(odd))
}

/// Refuses a login name that no shell could be given. A `$`, and blanks that begin no option, are in real names.
pub fn user(name: &str) -> Result<()> {
    let odd = |c: char| "'`\";&<>|(){}".contains(c) || c.is_control();
    let pairs = name.chars().zip(name.chars().skip(1));
    let option = name.starts_with('-') || pairs.into_iter().any(|(before, c)| before.is_whitespace() && c == '-');
    judge("login name", name, option || name.contains(odd) || name.ends_with('\\'))
}

fn judge(what: &str, name: &str, is_odd: bool) -> Result<()> {
    if !is_odd {
        return Ok(());
    }
    Err(Error::input(format!("the {what} `{name}` is refused"))
        .detail("a ProxyCommand or a `Match exec` of an SSH configuration would give it to a shell")
        .hint("names have none of ' ` \" ; & < > | ( ) { }, no control characters, and no dash in front; OpenSSH refuses the same"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_reads_as_more_than_a_word_is_refused() {
        for good in ["web1", "10.0.0.1", "fd00::1", "fe80::1%eth0", "web_1.example", "a*"] {
            assert_eq!(host(good), Ok(()), "{good}");
        }
        for odd in
            ["a;b", "a$b", "a b", "a`b`", "a\nb", "$(b)", "-oProxyCommand=b", "a\\", "{a,b}", "a|b", "a'b", "a\u{7f}"]
        {
            assert!(host(odd).is_err(), "{odd}");
        }
        for good in ["root", "svc$", "DOMAIN\\kim", "kim.lee", "Kim Lee", "a-b", "a#b"] {
            assert_eq!(user(good), Ok(()), "{good}");
        }
        for odd in ["a;b", "$(b)", "`b`", "-l", "a -l", "a\\", "a\tb", "a&b", "a|b", "a>b", "a\"b", "${IFS}", "a\0"] {
            assert!(user(odd).is_err(), "{odd}");
        }
    }
}
