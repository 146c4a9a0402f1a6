//! Ways to the API server and to etcd that need nothing but SSH to a host.

use std::net::SocketAddr;

use super::pool::{Lease, Pool};
use crate::clients::http::{Client, Identity};
use crate::cluster::{Cluster, Host, Role};
use crate::error::{Error, Result};
use crate::trust::{Trust, api_address};

/// A way to the API server of one master.
pub struct ApiAccess<'a> {
    lease: Lease<'a>,
    address: SocketAddr,
    identity: Identity,
}

/// A way to one etcd member.
pub struct EtcdAccess<'a>(ApiAccess<'a>);

impl<'a> ApiAccess<'a> {
    /// To the given master. Nothing is sent before [`ApiAccess::client`].
    pub fn new(pool: &'a Pool, master: &Host, trust: &Trust) -> Result<Self> {
        Ok(ApiAccess { lease: pool.take(master)?, address: api_address(master), identity: trust.super_admin() })
    }
    /// To the first master.
    pub fn first(pool: &'a Pool, cluster: &Cluster, trust: &Trust) -> Result<Self> {
        let master = cluster.with_role(Role::Master).next().ok_or_else(|| Error::internal("there is no master"))?;
        Self::new(pool, master, trust)
    }
    /// To the first master that answers, for a cluster of which some are away.
    pub fn any(pool: &'a Pool, cluster: &Cluster, trust: &Trust) -> Result<Self> {
        Self::any_of(pool, cluster.with_role(Role::Master), trust)
    }
    /// To the first of these masters that answers.
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
    /// An open connection. After an error that broke it, ask for another.
    pub fn client(&mut self) -> Result<Client<'_>> {
        let name = self.address.ip().to_string();
        Client::connect(&mut *self.lease, self.address, &name, &self.identity)
    }
}

impl<'a> EtcdAccess<'a> {
    /// To the member on the given host.
    pub fn new(pool: &'a Pool, member: &Host, trust: &Trust) -> Result<Self> {
        let address = SocketAddr::new(member.address, 2379);
        Ok(EtcdAccess(ApiAccess { lease: pool.take(member)?, address, identity: trust.etcd_client() }))
    }
    /// An open connection.
    pub fn client(&mut self) -> Result<Client<'_>> {
        self.0.client()
    }
}
