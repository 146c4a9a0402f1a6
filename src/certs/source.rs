//! What a person named: a file, a folder, standard input or a server.

use std::path::{Path, PathBuf};

use super::server::Server;
use crate::error::{Error, Result};

/// Where certificates are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `-`.
    StandardInput,
    /// A file or folder.
    Path(PathBuf),
    /// `host:port`.
    Server(Server),
}

impl Source {
    /// What lies there is a path; else `host:port`, `[2001:db8::1]:6443` and `https://host` are servers.
    pub fn parse(argument: &str) -> Result<Self> {
        if argument == "-" {
            return Ok(Source::StandardInput);
        }
        if Path::new(argument).exists() {
            return Ok(Source::Path(argument.into()));
        }
        if let Some(url) = argument.strip_prefix("https://") {
            let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
            return Server::parse_or(authority, 443)
                .map(Source::Server)
                .ok_or_else(|| Error::usage(format!("{argument} names no server")));
        }
        // A path that is not there is told by whoever reads it.
        Ok(Server::parse(argument).map_or_else(|| Source::Path(argument.into()), Source::Server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_a_path_and_host_with_port_a_server() {
        let shown = |text: &str| match Source::parse(text) {
            Ok(Source::Server(server)) => format!("server {server}"),
            Ok(other) => format!("{other:?}"),
            Err(error) => error.message,
        };
        assert_eq!(shown("-"), "StandardInput");
        assert_eq!(shown("/"), "Path(\"/\")");
        assert_eq!(shown("no/such:443"), "Path(\"no/such:443\")");
        assert_eq!(shown("a.b:0"), "Path(\"a.b:0\")");
        assert_eq!(shown("a.b:6443"), "server a.b:6443");
        assert_eq!(shown("[fd00::1]:2379"), "server [fd00::1]:2379");
        assert_eq!(shown("fd00::1"), "Path(\"fd00::1\")");
        assert_eq!(shown("https://a.b/healthz"), "server a.b:443");
        assert_eq!(shown("https://10.0.0.1:6443"), "server 10.0.0.1:6443");
        assert_eq!(shown("https:///x"), "https:///x names no server");
    }
}
