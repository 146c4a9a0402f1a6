//! `cfssl certinfo`.

use crate::cfssl::call::Call;
use crate::cfssl::failure::Failure;
use crate::cfssl::{authority, certinfo, csrinfo, go_file, peer};

pub fn run(call: &mut Call) -> Result<(), Failure> {
    let (cert, csr, domain) = (call.flag("cert"), call.flag("csr"), call.flag("domain"));
    let text = if !cert.is_empty() {
        certinfo::json(&authority::certificate(&go_file::read(cert)?)?)?
    } else if !csr.is_empty() {
        csrinfo::json(&authority::csr(&go_file::read(csr)?)?)?
    } else if !domain.is_empty() {
        certinfo::json(&peer::certificate(domain)?)?
    } else if !call.flag("serial").is_empty() && !call.flag("aki").is_empty() {
        super::check_flags(call)?;
        return Err(Failure::text("need DB config file (provide with -db-config)"));
    } else {
        return Err(Failure::text("Must specify certinfo target through -cert, -csr, -domain or -serial + -aki"));
    };
    Ok(call.out.text(&text)?)
}
