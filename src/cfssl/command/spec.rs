//! A CSR spec as the commands take it, a key and a CSR from it.

use serde_json::Value;

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::cfssl::check_csr;
use crate::cfssl::go;
use crate::pki::{Csr, CsrSpec, Key, Request};

/// A spec without mistakes of syntax and types.
pub struct Spec {
    name: String,
    text: Vec<u8>,
    /// For cfssl's own checks.
    pub json: Value,
}

impl Spec {
    /// Reads a file or standard input.
    pub fn load(path: &str) -> Result<Self, Failure> {
        let text = go::file::read(path)?.to_vec();
        let json = check_csr::read(&text, &go::types::CSR)?;
        let name = if path == "-" { "standard input".to_owned() } else { path.to_owned() };
        Ok(Spec { name, text, json })
    }

    /// A `ca` would change nothing.
    pub fn refuse_ca(&self) -> Result<(), Failure> {
        if check_csr::has_ca(&self.json) { Err(Failure::text("ca section only permitted in initca")) } else { Ok(()) }
    }

    /// Leaves out fields of the `ca` that do not count here and may be anything; whether one of them was there.
    pub fn forget(&mut self, fields: &[&str]) -> bool {
        let Some(ca) = self.json.get_mut("ca").and_then(Value::as_object_mut) else { return false };
        let forgotten: Vec<_> = fields.iter().filter_map(|field| ca.remove(*field)).collect();
        if !forgotten.is_empty() {
            self.text = self.json.to_string().into_bytes();
        }
        forgotten.iter().any(|value| value.as_str().is_some_and(|text| !text.is_empty()))
    }

    /// `-cn` in place of the CN, where cfssl looks at it before the key is made.
    pub fn set_cn(&mut self, cn: &str) {
        if let (false, Value::Object(json)) = (cn.is_empty(), &mut self.json) {
            json.insert("cn".to_owned(), Value::String(cn.to_owned()));
        }
    }

    /// As the engine has it; logs what is doubtful.
    pub fn read(&self, call: &Call) -> Result<CsrSpec, Failure> {
        let (mut spec, warnings) = CsrSpec::read_by(&self.text, &self.name, call.rules)?;
        call.warn(&warnings);
        if !call.flag("cn").is_empty() {
            call.flag("cn").clone_into(&mut spec.cn);
        }
        if let Some(hosts) = call.hosts() {
            spec.hosts = hosts;
        }
        Ok(spec)
    }

    /// Logs what a key is going to be made for, and refuses a key that cannot be made, or a subject that cannot be
    /// written: before the CA is looked at, as cfssl.
    pub fn announce(&self, call: &Call) -> Result<(), Failure> {
        call.log.info("received CSR");
        let (algorithm, size) = check_csr::key(&self.json);
        call.log.info(&format!("generating key: {algorithm}-{size}"));
        check_csr::check_key(&self.json)?;
        self.check_oids(call)
    }

    /// Refuses object identifiers that are none.
    pub fn check_oids(&self, call: &Call) -> Result<(), Failure> {
        let Some(part) = check_csr::bad_oid_part(&self.json) else { return Ok(()) };
        let problem = format!("invalid OID part {part}");
        call.log.error(&format!("failed to generate a CSR: {problem}"));
        Err(Failure::code(9300, &problem))
    }
}

/// The CSR for a key.
pub fn csr(call: &Call, spec: &CsrSpec, key: &Key) -> Result<(Request, Csr), Failure> {
    let request = Request::from_spec_by(spec, key.public(), call.rules)?;
    let csr = Csr::create(&request, key)?;
    call.log.info("encoded CSR");
    Ok((request, csr))
}
