//! `cfssl certinfo`.

use std::time::Duration;

use crate::certs::{Client, Server};
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::cfssl::{
    answers::{certinfo, csrinfo},
    authority, go,
};
use crate::error::{Error, Result};
use crate::pki::Certificate;

/// As long as cfssl waits.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn run(call: &mut Call) -> Result<(), Failure> {
    let (cert, csr, domain) = (call.flag("cert"), call.flag("csr"), call.flag("domain"));
    let text = if !cert.is_empty() {
        certinfo::json(&authority::certificate(&go::file::read(cert)?)?)?
    } else if !csr.is_empty() {
        csrinfo::json(&authority::csr_der(&go::file::read(csr)?)?)?
    } else if !domain.is_empty() {
        certinfo::json(&shown_by(domain)?)?
    } else if !call.flag("serial").is_empty() && !call.flag("aki").is_empty() {
        super::check_flags(call)?;
        return Err(Failure::text("need DB config file (provide with -db-config)"));
    } else {
        return Err(Failure::text("Must specify certinfo target through -cert, -csr, -domain or -serial + -aki"));
    };
    Ok(call.out.text(&text)?)
}

/// The server's own certificate; whether it can be trusted is not asked.
fn shown_by(domain: &str) -> Result<Certificate> {
    let server =
        Server::parse_or(domain, 443).ok_or_else(|| Error::input(format!("`{domain}` is no host or host:port")))?;
    let chain = server.chain(&Client { server_name: None, timeout: PATIENCE, identity: None, start: None })?;
    chain.into_iter().next().ok_or_else(|| Error::connect(format!("{server}: received no server certificates")))
}
