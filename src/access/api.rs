//! Ways to the API server and to etcd that need nothing but SSH to a host.

use std::net::SocketAddr;

use super::pool::{Lease, Pool};
use crate::clients::http::{Client, Identity, Tls};
use crate::cluster::Host;
use crate::error::{Error, Result};
use crate::remote::Transport;
use crate::trust::Trust;

/// A way to the API server of one master.
pub struct ApiAccess<'a> {
    transport: Held<'a>,
    address: SocketAddr,
    tls: Tls,
}

/// A way to one etcd member.
pub struct EtcdAccess<'a>(ApiAccess<'a>);

/// The host that is asked through; nothing else goes over its transport meanwhile.
enum Held<'a> {
    Leased(Lease<'a>),
    Borrowed(&'a mut dyn Transport),
}

impl Held<'_> {
    fn get(&mut self) -> &mut dyn Transport {
        match self {
            Held::Leased(lease) => &mut **lease,
            Held::Borrowed(transport) => *transport,
        }
    }
}

impl<'a> ApiAccess<'a> {
    /// To the given master. Nothing is sent before [`ApiAccess::client`].
    pub fn new(pool: &'a Pool, master: &Host, trust: &Trust) -> Result<Self> {
        let tls = Tls::new(&trust.super_admin())?;
        Ok(ApiAccess { transport: Held::Leased(pool.take(master)?), address: master.api_address(), tls })
    }
    /// To a server that a host can reach.
    pub fn through(transport: &'a mut dyn Transport, address: SocketAddr, identity: &Identity) -> Result<Self> {
        Ok(ApiAccess { transport: Held::Borrowed(transport), address, tls: Tls::new(identity)? })
    }
    /// To the first of these masters that answers, for a cluster of which some are away.
    pub fn any_of<'h>(pool: &'a Pool, masters: impl Iterator<Item = &'h Host>, trust: &Trust) -> Result<Self> {
        let mut errors = Vec::new();
        for master in masters {
            let tried = Self::new(pool, master, trust).and_then(|mut access| {
                access.client()?;
                Ok(access)
            });
            match tried {
                Ok(access) => return Ok(access),
                Err(error) => errors.push(error),
            }
        }
        Error::all(errors)?;
        Err(Error::connect("no master can be reached"))
    }
    /// The server, as the host sees it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// An open connection. After an error that broke it, ask for another.
    pub fn client(&mut self) -> Result<Client<'_>> {
        Client::dial(self.transport.get(), self.address, &self.address.ip().to_string(), &self.tls)
    }
}

impl<'a> EtcdAccess<'a> {
    /// To the member on the given host.
    pub fn new(pool: &'a Pool, member: &Host, trust: &Trust) -> Result<Self> {
        let (transport, tls) = (Held::Leased(pool.take(member)?), Tls::new(&trust.etcd_client())?);
        Ok(EtcdAccess(ApiAccess { transport, address: member.etcd_address(), tls }))
    }
    /// To a member that a host can reach.
    pub fn through(transport: &'a mut dyn Transport, address: SocketAddr, identity: &Identity) -> Result<Self> {
        ApiAccess::through(transport, address, identity).map(EtcdAccess)
    }
    /// The same way, for a while.
    pub fn reborrow(&mut self) -> EtcdAccess<'_> {
        let ApiAccess { transport, address, tls } = &mut self.0;
        EtcdAccess(ApiAccess { transport: Held::Borrowed(transport.get()), address: *address, tls: tls.clone() })
    }
    /// An open connection.
    pub fn client(&mut self) -> Result<Client<'_>> {
        self.0.client()
    }
}
