//! A new endpoint is tried from every host before anything is told to use it: it must resolve there, take a
//! connection, and lead to an API server of this cluster.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::session::Session;
use crate::clients::http::{Client, Tls};
use crate::clients::kube;
use crate::cluster::{API_NAME, Balancing, Endpoint, Host, Role};
use crate::error::{Error, Kind, Result};
use crate::live::Live;
use crate::preflight::{self, Finding};
use crate::remote::{LOOK, Transport};
use crate::text::sh_quote;
use crate::trust::Trust;

/// Tries the endpoint from these hosts where the cluster has run and is not known to use it already.
///
/// # Errors
/// Refused, with what each host said.
pub(super) fn prove(session: &Session, hosts: &[Host], trust: &Trust, live: &Live, has_run: bool) -> Result<()> {
    if session.cluster.balancing != Balancing::default() {
        return prove_masters(session, hosts, trust, live);
    }
    let endpoint = &session.cluster.endpoint;
    let known = live.record.as_ref().and_then(|record| record.setting("controlPlaneEndpoint"));
    if known == Some(&Value::from(endpoint.url())) {
        return Ok(());
    }
    if live.api.is_none() {
        return match known {
            Some(before) if has_run => Err(Error::refused(format!(
                "controlPlaneEndpoint leads to {} now, and no API server answers by which it could be tried",
                endpoint.url()
            ))
            .detail(format!("it was {}", before.as_str().unwrap_or_default()))
            .hint("put the old one back until an API server is ready")),
            _ => Ok(()),
        };
    }
    let tls = Tls::new(&trust.super_admin())?;
    let tried = session.pool.each_host(hosts, |host| {
        let mut transport = session.pool.take(host)?;
        match try_from(&mut *transport, endpoint, &tls) {
            Err(error) if error.kind == Kind::Interrupted => Err(error),
            Err(error) => Err(unproven(host, endpoint, &error)),
            Ok(()) => Ok(()),
        }
    });
    Error::all(tried.into_iter().filter_map(Result::err))
}

/// The site's own balancer as every host finds it: by its name, and, where API servers run, up to one that is ready.
pub(super) fn look(session: &Session, hosts: &[Host], trust: &Trust, live: &Live) -> Result<Vec<Finding>> {
    let cluster = &session.cluster;
    let of_ours = |host: &Host| host.address.to_string() == cluster.endpoint.host;
    if cluster.balancing != Balancing::default() || cluster.hosts.iter().any(of_ours) {
        return Ok(Vec::new());
    }
    let tls = live.api.as_ref().map(|_| Tls::new(&trust.super_admin())).transpose()?;
    let tried = session.pool.each_host(hosts, |host| {
        let mut transport = session.pool.take(host)?;
        let tried = match &tls {
            Some(tls) => try_from(&mut *transport, &cluster.endpoint, tls),
            None => resolve(&mut *transport, &cluster.endpoint.host).map(drop),
        };
        match tried {
            Err(error) if error.kind == Kind::Interrupted => Err(error),
            Err(error) => Ok(Some(preflight::endpoint(host, &cluster.endpoint, &error.message))),
            Ok(()) => Ok(None),
        }
    });
    let mut findings = Vec::new();
    for found in tried {
        findings.extend(found?);
    }
    Ok(findings)
}

/// Balancers that are new lead from their hosts to every master. Which of these are ready, they find out themselves.
fn prove_masters(session: &Session, hosts: &[Host], trust: &Trust, live: &Live) -> Result<()> {
    let fields = ["apiLoadBalancer.local", "apiLoadBalancer.virtualAddress.address"];
    let mut known = live.record.iter().flat_map(|record| fields.map(|field| record.setting(field)));
    let is_known = known.any(|setting| setting.is_some());
    if is_known || live.api.is_none() {
        return Ok(());
    }
    let tls = Tls::new(&trust.super_admin())?;
    let masters: Vec<&Host> = hosts.iter().filter(|host| host.is(Role::Master)).collect();
    let balances = |host: &&Host| host.is(Role::Node) || host.is(Role::Lb);
    let nodes: Vec<Host> = hosts.iter().filter(balances).cloned().collect();
    let tried = session.pool.each_host(&nodes, |host| {
        let mut transport = session.pool.take(host)?;
        let mut shut = Vec::new();
        for master in &masters {
            match Client::dial(&mut *transport, master.api_address(), API_NAME, &tls) {
                Ok(_) => {}
                Err(error) if error.kind == Kind::Interrupted => return Err(error),
                Err(error) => shut.push(error.message),
            }
        }
        match shut.is_empty() {
            true => Ok(()),
            false => Err(Error::refused(format!("{}: there is no way to all API servers", host.name))
                .detail(shut.join("\n"))
                .hint("a balancer needs port 6443 of every master")),
        }
    });
    Error::all(tried.into_iter().filter_map(Result::err))
}

fn unproven(host: &Host, endpoint: &Endpoint, error: &Error) -> Error {
    let mut said = vec![error.message.clone()];
    said.extend(error.details.iter().cloned());
    Error::refused(format!("{}: there is no way to the API servers by {}", host.name, endpoint.url()))
        .detail(said.join("\n"))
        .hint("controlPlaneEndpoint must lead from every host to port 6443 of the masters, TLS included, before it is used")
}

fn try_from(transport: &mut dyn Transport, endpoint: &Endpoint, tls: &Tls) -> Result<()> {
    let address = SocketAddr::new(resolve(transport, &endpoint.host)?, endpoint.port);
    let ready = kube::readyz(&mut Client::dial(transport, address, API_NAME, tls)?)?;
    match ready.ready {
        true => Ok(()),
        false => Err(Error::health(format!("{address} answers, and is not ready: {}", ready.failing.join(", ")))),
    }
}

/// As the host itself resolves it.
fn resolve(transport: &mut dyn Transport, name: &str) -> Result<IpAddr> {
    if let Ok(address) = name.parse() {
        return Ok(address);
    }
    let output = transport.ask(LOOK, &format!("getent ahosts {}\n", sh_quote(name)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let address = text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).next();
    address.ok_or_else(|| Error::remote(format!("{name} does not resolve there")))
}
