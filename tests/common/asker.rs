//! Somebody who asks an API server by one address, each time anew or over a connection that is held.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use kbootstrap::clients::http::{Client, Request, Response, Tls};
use kbootstrap::error::{Error, Result};

/// How a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// Anew for each request.
    New,
    /// Once, and again when the connection breaks.
    Held,
}

/// Whom it asks, and as whom.
#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    /// Somebody whose rights come from RBAC, as everybody's.
    pub tls: Tls,
}

pub struct Asker {
    pub api: Api,
    pub connections: Connections,
    open: Option<Client<'static>>,
}

impl Asker {
    pub fn new(api: &Api, connections: Connections) -> Asker {
        Asker { api: api.clone(), connections, open: None }
    }

    /// Asks until then, over a connection that may take so long to open. One that has failed is not used again.
    pub fn ask(&mut self, request: &Request<'_>, connecting: Duration, until: Instant) -> Result<Response> {
        let mut client = match self.open.take() {
            Some(client) => client,
            None => self.connect(connecting)?,
        };
        let timeout = until.saturating_duration_since(Instant::now());
        let response = client.send(&Request { timeout, ..request.clone() })?;
        self.open = Some(client).filter(|client| client.is_open() && self.connections == Connections::Held);
        Ok(response)
    }

    /// A connection of its own.
    pub fn connect(&self, timeout: Duration) -> Result<Client<'static>> {
        let address = self.api.address;
        let failed = |e: std::io::Error| Error::connect(format!("{address}: {e}"));
        let stream = TcpStream::connect_timeout(&address, timeout).map_err(failed)?;
        // The client asks again until the request's own deadline.
        stream.set_read_timeout(Some(Duration::from_millis(50))).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Client::over(Box::new(stream), address.to_string(), &address.ip().to_string(), &self.api.tls)
    }
}
