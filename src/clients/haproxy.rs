//! What haproxy says of the servers that it spreads clients over
//! (<https://docs.haproxy.org/2.6/management.html#9.1>, "CSV format").

use super::http::{Client, Request};
use crate::error::{Error, Result};

/// A server of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name in the configuration.
    pub name: String,
    /// `UP`, `DOWN`, `UP 1/2`, as haproxy writes it.
    pub status: String,
    /// What its last check came to: `L7OK`, `L4TOUT`.
    pub check: String,
    /// Connections that are open to it.
    pub connections: u64,
}

impl Server {
    /// Whether new clients are sent to it.
    pub fn is_up(&self) -> bool {
        self.status.starts_with("UP")
    }
}

/// The servers of a backend, in the order of the configuration.
///
/// # Errors
/// The connection's, and where the answer is not haproxy's.
pub fn servers(client: &mut Client<'_>, backend: &str) -> Result<Vec<Server>> {
    let response = client.send(&Request::new("GET", "/;csv;norefresh"))?;
    if response.status != 200 {
        return Err(Error::health(format!("haproxy's statistics: status {}", response.status)));
    }
    read(&response.text(), backend).ok_or_else(|| Error::health("haproxy's statistics: not what haproxy writes"))
}

fn read(text: &str, backend: &str) -> Option<Vec<Server>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.strip_prefix("# ")?.split(',').collect();
    let column = |name: &str| names.iter().position(|there| *there == name);
    let [of, name, status, check, connections] =
        [column("pxname")?, column("svname")?, column("status")?, column("check_status")?, column("scur")?];
    let rows = lines.map(|line| line.split(',').collect::<Vec<_>>()).filter(|row| row.get(of) == Some(&backend));
    let server = |row: Vec<&str>| {
        let cell = |at: usize| row.get(at).copied().unwrap_or_default();
        let is_server = !matches!(cell(name), "FRONTEND" | "BACKEND" | "");
        is_server.then(|| Server {
            name: cell(name).to_owned(),
            status: cell(status).to_owned(),
            check: cell(check).trim_start_matches("* ").to_owned(),
            connections: cell(connections).parse().unwrap_or_default(),
        })
    };
    Some(rows.filter_map(server).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_one_backend() {
        let text = "# pxname,svname,qcur,scur,status,check_status,\n\
                    api,FRONTEND,,4,OPEN,,\n\
                    ready,m1,0,3,UP,L7OK,\n\
                    ready,m2,0,0,DOWN,* L4TOUT,\n\
                    ready,BACKEND,0,3,UP,,\n\
                    anybody,m1,0,0,no check,,\n";
        let servers = read(text, "ready").unwrap();
        let shown: Vec<_> =
            servers.iter().map(|s| (s.name.as_str(), s.is_up(), s.check.as_str(), s.connections)).collect();
        assert_eq!(shown, [("m1", true, "L7OK", 3), ("m2", false, "L4TOUT", 0)]);
        for strange in ["", "hello", "# a,b\n"] {
            assert_eq!(read(strange, "ready"), None, "{strange:?}");
        }
    }
}
