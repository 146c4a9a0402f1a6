//! Packages for lab hosts, which reach nothing but each other and this machine: their apt asks the machine's mirror through
//! a proxy of the test's.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cluster::Cluster;

/// It ends with this value.
pub struct Mirror {
    address: String,
    over: Arc<AtomicBool>,
}

impl Mirror {
    /// For the hosts of a cluster, whose apt is told of it.
    pub fn start(cluster: &Cluster) -> Mirror {
        let listener = TcpListener::bind((cluster.lab().state().gateway, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let over = Arc::<AtomicBool>::default();
        let ends = over.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                std::thread::spawn(move || relay(client));
            }
        });
        for host in cluster.hosts() {
            let setting = format!("Acquire::http::Proxy \"http://{address}\";");
            cluster.on(&host, &format!("echo '{setting}' >/etc/apt/apt.conf.d/90mirror && apt-get -qq update"));
        }
        Mirror { address, over }
    }

    /// Runs a command of apt on a host, as a person would who answers each question with yes.
    pub fn install(&self, cluster: &Cluster, host: &str, command: &str) {
        assert!(command.starts_with("apt-get install "), "{command}");
        cluster.on(host, &format!("DEBIAN_FRONTEND=noninteractive {command} -y -qq"));
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
    }
}

/// One request, and its answer to the end: `GET http://mirror/path HTTP/1.1` (RFC 9112, section 3.2.2).
fn relay(client: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let other = || io::Error::other(line.clone());
    let mut words = line.split_whitespace();
    let (method, uri) = words.next().zip(words.next()).ok_or_else(other)?;
    let (host, path) = uri.strip_prefix("http://").and_then(|rest| rest.split_once('/')).ok_or_else(other)?;
    let mut request = format!("{method} /{path} HTTP/1.1\r\nConnection: close\r\n");
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let name = header.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !["connection", "proxy-connection"].contains(&name.as_str()) {
            request.push_str(&header);
        }
    }
    request.push_str("\r\n");
    let mut mirror = TcpStream::connect(if host.contains(':') { host.to_owned() } else { format!("{host}:80") })?;
    mirror.write_all(request.as_bytes())?;
    io::copy(&mut mirror, &mut &client).map(drop)
}
