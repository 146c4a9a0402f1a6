//! `cfssl genkey`.

use super::gencert::new_ca;
use super::spec::{Spec, csr};
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::pki::Key;

pub fn run(call: &mut Call) -> Result<(), Failure> {
    let spec = Spec::load(&call.only()?)?;
    // cfssl's genkey takes these flags and passes them over.
    call.flags.unset("hostname");
    call.flags.unset("cn");
    if call.flags.on("initca") {
        return new_ca(call, &spec);
    }
    spec.refuse_ca()?;
    call.log.info("generate received request");
    spec.announce(call)?;
    let spec = spec.read(call)?;
    let key = Key::generate(spec.key_kind()?)?;
    let (request, csr) = csr(call, &spec, &key)?;
    call.warn(&request.warnings);
    call.warn(&request.suspicions());
    call.print(None, Some(&csr.to_pem()), Some(key.to_pem().expose()))
}
