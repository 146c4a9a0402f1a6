//! `cfssl gencsr`.

use super::spec::{Spec, csr};
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::authority;
use crate::cfssl::call::Call;
use crate::cfssl::go;
use crate::pki::{Csr, Request};

pub fn run(call: &mut Call) -> Result<(), Failure> {
    if call.flag("key").is_empty() {
        return Err(Failure::text("private key file is required through '-key', please check with usage"));
    }
    let text = go::file::read_ca(call.flag("key"))?;
    let key = authority::key(&text)?;
    let csr = if call.flag("cert").is_empty() {
        let mut spec = Spec::load(&call.only()?)?;
        spec.forget(&["expiry", "backdate"]);
        spec.check_oids(call)?;
        let (request, csr) = csr(call, &spec.read(call)?, &key)?;
        call.warn(&request.warnings);
        call.warn(&request.suspicions());
        csr
    } else {
        if !call.args.is_empty() {
            return Err(Failure::text("no argument is accepted with '-cert', please check with usage"));
        }
        let certificate = authority::certificate(&go::file::read_ca(call.flag("cert"))?)?;
        let mut request = Request::from_certificate(&certificate, key.public());
        if let Some(hosts) = call.hosts() {
            request.set_hosts(&hosts, call.rules)?;
            call.warn(&request.warnings);
            call.warn(&request.suspicions());
        }
        let csr = Csr::create(&request, &key)?;
        call.log.info("encoded CSR");
        csr
    };
    call.print(None, Some(&csr.to_pem()), Some(text.as_slice()))
}
