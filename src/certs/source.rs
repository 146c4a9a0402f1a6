//! What a person named: a file, a folder, standard input or a server.

use std::ffi::OsStr;
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
    pub fn parse(argument: impl AsRef<OsStr>) -> Result<Self> {
        Self::parse_or_server(argument, None)
    }

    /// The same where all that is not there is a server, which listens on that port where none is named.
    pub fn parse_or_server(argument: impl AsRef<OsStr>, port: Option<u16>) -> Result<Self> {
        // What is no UTF-8 names no server.
        let Some(argument) = argument.as_ref().to_str() else { return Ok(Source::Path(argument.as_ref().into())) };
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
        if let Some(port) = port {
            return Server::parse_or(argument, port)
                .map(Source::Server)
                .ok_or_else(|| Error::usage(format!("{argument} names no server")));
        }
        // A missing path is reported by the code that reads it.
        Ok(Server::parse(argument).map_or_else(|| Source::Path(argument.into()), Source::Server))
    }
}

/// Adds to a file's error that a server has a port, where its name could be that of a server.
pub(crate) fn missing(path: &Path, error: Error) -> Error {
    let name = path.to_string_lossy();
    if path.exists() || !could_be_server(&name) {
        return error;
    }
    match name.rsplit_once(':') {
        Some((host, _)) if !host.contains(':') => error.hint("a server is HOST:PORT, with a port from 1 to 65535"),
        _ if name.contains(':') => {
            error.hint(format!("a server is HOST:PORT: [{}]:443", name.trim_matches(['[', ']'])))
        }
        _ => error.hint(format!("a server is HOST:PORT: {name}:443")),
    }
}

fn could_be_server(name: &str) -> bool {
    let files =
        ["pem", "crt", "cer", "cert", "der", "key", "csr", "p12", "pfx", "jks", "conf", "json", "yaml", "yml", "txt"];
    let host = name.split_once(':').map_or(name, |(host, _)| host);
    let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let plain = host.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.');
    let file = host.rsplit('.').next().is_some_and(|end| files.contains(&end));
    address || (plain && !host.is_empty() && !file && (host.contains('.') || host != name || host == "localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_a_server_s_gets_a_hint() {
        let hint = |name: &str| missing(Path::new(name), Error::input("x")).hints.join("");
        for (name, end) in [
            ("www.example.net", "www.example.net:443"),
            ("127.0.0.1", "127.0.0.1:443"),
            ("127.0.0.1:99999", "from 1 to 65535"),
            ("host:https", "from 1 to 65535"),
            ("fd00::1", "[fd00::1]:443"),
            ("[fd00::1]", "[fd00::1]:443"),
            ("localhost", "localhost:443"),
        ] {
            assert!(hint(name).ends_with(end), "{name}: {}", hint(name));
        }
        for name in ["ca.pem", "pki/ca.pem", "ca", "pki/www.example.net", "/x:1", "admin.conf"] {
            assert_eq!(hint(name), "", "{name}");
        }
    }

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
