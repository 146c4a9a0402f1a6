//! `cfssl sign`.

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::cfssl::{authority, check_csr, go};
use crate::files::bounded;
use crate::pki::Subject;

use serde_json::Value;

pub fn run(call: &mut Call) -> Result<(), Failure> {
    super::check_flags(call)?;
    let path = if call.flag("csr").is_empty() { call.pop()? } else { call.flag("csr").to_owned() };
    let subject = if call.args.is_empty() { None } else { Some(call.pop()?) };
    if !call.args.is_empty() {
        return Err(Failure::text("too many arguments are provided, please check with usage"));
    }
    let subject = subject.map(|path| read_subject(call, &path)).transpose()?;
    let text = go::file::read(&path)?;
    call.need_ca("")?;
    let signer = call.signer()?;
    let csr = authority::csr(&text)?;
    let mut request = csr.request().clone();
    signer.profile.admit(&mut request)?;
    signer.check_ca(&request, call)?;
    if let Some(hosts) = call.hosts() {
        request.set_hosts(&hosts, call.rules)?;
    }
    match &subject {
        Some(subject) => request.override_subject(subject, call.rules)?,
        None => request.reorder_subject()?,
    }
    let cert = call.issue(&signer, &request)?;
    call.print(Some(&cert), Some(&String::from_utf8_lossy(&text)), None)
}

fn read_subject(call: &Call, path: &str) -> Result<Subject, Failure> {
    // Not from standard input: that is for the CSR.
    let text = bounded::bytes(&go::file::path(path)).map_err(|e| Failure::file("open", path, &e))?;
    let mut json = check_csr::read(&text, &go::types::SUBJECT)?;
    if let Some(ignored) = without_extra_names(&mut json) {
        call.log.warning(&format!("{path}: {ignored} in \"names\" changes nothing here, as with cfssl"));
    }
    let (subject, warnings) = Subject::read_by(json.to_string().as_bytes(), path, call.rules)?;
    call.warn(&warnings);
    Ok(subject)
}

/// Takes the attributes away that cfssl does not look at in this file; which there were.
fn without_extra_names(json: &mut Value) -> Option<&'static str> {
    let names = json.get_mut("names").and_then(Value::as_array_mut).into_iter().flatten();
    let (mut email, mut oid) = (false, false);
    for name in names.filter_map(Value::as_object_mut) {
        email |= name.remove("e").is_some_and(|e| e.as_str().is_some_and(|e| !e.is_empty()));
        oid |= name.remove("oid").is_some_and(|oid| oid.as_object().is_some_and(|oid| !oid.is_empty()));
    }
    match (email, oid) {
        (true, true) => Some("what E and OID say"),
        (true, false) => Some("what E says"),
        (false, true) => Some("what OID says"),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn attributes_that_do_not_count_are_named() {
        let mut subject = json!({"names": [{"o": "x", "e": "a@b"}, {"oid": {"1.2.3": "v"}}]});
        assert_eq!(without_extra_names(&mut subject), Some("what E and OID say"));
        assert_eq!(subject, json!({"names": [{"o": "x"}, {}]}));
        assert_eq!(without_extra_names(&mut json!({"names": [{"e": "", "oid": null}, null]})), None);
    }
}
