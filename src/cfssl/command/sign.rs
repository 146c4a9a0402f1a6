//! `cfssl sign`.

use crate::cfssl::call::Call;
use crate::cfssl::failure::Failure;
use crate::cfssl::{authority, check_csr, go_file, go_types};
use crate::pki::{Request, Subject};

pub fn run(call: &mut Call) -> Result<(), Failure> {
    super::check_flags(call)?;
    let path = if call.flag("csr").is_empty() { call.pop()? } else { call.flag("csr").to_owned() };
    let subject = if call.args.is_empty() { None } else { Some(call.pop()?) };
    if !call.args.is_empty() {
        return Err(Failure::text("too many arguments are provided, please check with usage"));
    }
    let subject = subject.map(|path| read_subject(call, &path)).transpose()?;
    let text = go_file::read(&path)?;
    call.need_ca("")?;
    let signer = call.signer()?;
    let csr = authority::csr(&text)?;
    let mut request = Request::from_csr(&csr);
    signer.profile.admit(&mut request)?;
    signer.check_ca(&request, call)?;
    if let Some(hosts) = call.hosts() {
        request.set_hosts(&hosts, call.rules)?;
    }
    match &subject {
        Some(subject) => request.override_subject(subject)?,
        None => request.reorder_subject()?,
    }
    let cert = call.issue(&signer, &request)?;
    call.print(Some(&cert), Some(&String::from_utf8_lossy(&text)), None)
}

fn read_subject(call: &Call, path: &str) -> Result<Subject, Failure> {
    // Not from standard input: that is for the CSR.
    let text = std::fs::read(path).map_err(|e| Failure::file("open", path, &e))?;
    check_csr::read(&text, &go_types::SUBJECT)?;
    let (subject, warnings) = Subject::read_by(&text, path, call.rules)?;
    call.warn(&warnings);
    Ok(subject)
}
