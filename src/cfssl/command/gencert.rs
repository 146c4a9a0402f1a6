//! `cfssl gencert`.

use super::spec::{Spec, csr};
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::authority;
use crate::cfssl::call::Call;
use crate::cfssl::check_csr;
use crate::cfssl::go;
use crate::pki::{Key, Serial, kept_serial, renew_ca, self_signed_by};

const NO_HOSTS: &str = "This certificate lacks a \"hosts\" field. This makes it unsuitable for
websites. For more information see the Baseline Requirements for the Issuance and Management
of Publicly-Trusted Certificates, v.1.1.6, from the CA/Browser Forum (https://cabforum.org);
specifically, section 10.2.3 (\"Information Requirements\").";

pub fn run(call: &mut Call) -> Result<(), Failure> {
    super::check_flags(call)?;
    if call.flags.on("renewca") {
        return renew(call);
    }
    let mut spec = Spec::load(&call.only()?)?;
    spec.set_cn(call.flag("cn"));
    if !call.flags.on("initca") {
        return leaf(call, &spec);
    }
    for name in ["config", "profile", "hostname", "ca"] {
        if !call.flag(name).is_empty() {
            call.log.warning(&format!("-{name} changes nothing here: -initca makes a self-signed CA of the CSR alone"));
        }
    }
    call.flags.unset("hostname");
    if call.flag("ca-key").is_empty() { new_ca(call, &spec) } else { ca_of_key(call, &mut spec) }
}

fn leaf(call: &Call, spec: &Spec) -> Result<(), Failure> {
    spec.refuse_ca()?;
    call.need_ca("a ")?;
    call.log.info("generate received request");
    spec.announce(call)?;
    // The CA is looked at before a key is made for it.
    let signer = call.signer()?;
    let spec = spec.read(call)?;
    let key = Key::generate(spec.key_kind()?)?;
    let (mut request, csr) = csr(call, &spec, &key)?;
    signer.profile.admit(&mut request)?;
    if let Some(hosts) = call.hosts() {
        request.set_hosts(&hosts, call.rules)?;
    }
    let cert = call.issue(&signer, &request)?;
    if spec.hosts.is_empty() {
        call.log.warning_lines(NO_HOSTS);
    }
    call.print(Some(&cert), Some(&csr.to_pem()), Some(key.to_pem().expose()))
}

/// `-initca`, also of `genkey`.
pub fn new_ca(call: &Call, spec: &Spec) -> Result<(), Failure> {
    call.log.info("generating a new CA key and certificate from CSR");
    check_csr::check_life(&spec.json, &["expiry", "backdate"])?;
    path_length_wins(call, spec);
    call.log.info("generate received request");
    check_csr::check_subject(&spec.json).inspect_err(|e| {
        call.log.warning(&format!("invalid request: {e}"));
        call.log.error(&format!("failed to process request: {e}"));
    })?;
    spec.announce(call).inspect_err(|e| call.log.error(&format!("failed to process request: {e}")))?;
    let spec = spec.read(call)?;
    let key = Key::generate(spec.key_kind()?)?;
    let (_, csr) = csr(call, &spec, &key)?;
    let issued = self_signed_by(&spec, &key, call.now, Serial::random()?, call.rules)?;
    let cert = call.issued(&issued);
    call.print(Some(&cert), Some(&csr.to_pem()), Some(key.to_pem().expose()))
}

/// `-initca -ca-key`: the key is there. As with cfssl, `backdate` and `crl_url` do not count.
fn ca_of_key(call: &Call, spec: &mut Spec) -> Result<(), Failure> {
    call.log.info("re-generate a CA certificate from CSR and CA key");
    let made = |spec: &mut Spec| {
        let key = authority::key(&go::file::read_ca(call.flag("ca-key"))?)?;
        check_csr::check_life(&spec.json, &["expiry"])?;
        path_length_wins(call, spec);
        spec.check_oids(call)?;
        let backdated = spec.forget(&["backdate"]);
        let mut read = spec.read(call)?;
        if backdated || !read.crl_url.is_empty() {
            call.log.warning("with -ca-key, \"backdate\" and \"crl_url\" change nothing, as with cfssl");
        }
        read.crl_url.clear();
        let (_, csr) = csr(call, &read, &key)?;
        let cert = call.issued(&self_signed_by(&read, &key, call.now, Serial::random()?, call.rules)?);
        Ok((cert, csr.to_pem()))
    };
    let (cert, csr) = made(spec).inspect_err(|e: &Failure| call.log.error(&e.to_string()))?;
    call.print(Some(&cert), Some(&csr), None)
}

fn path_length_wins(call: &Call, spec: &Spec) {
    let ca = spec.json.get("ca");
    let length = ca.and_then(|ca| ca.get("pathlen")?.as_i64()).unwrap_or(0);
    if length != 0 && ca.and_then(|ca| ca.get("pathlenzero")?.as_bool()) == Some(true) {
        call.log.info("ignore invalid 'pathlenzero' value");
    }
}

fn renew(call: &Call) -> Result<(), Failure> {
    call.log.info("re-generate a CA certificate from CA cert and key");
    let made = || {
        let certificate = authority::certificate(&go::file::read_ca(call.flag("ca"))?)?;
        let key = authority::key(&go::file::read_ca(call.flag("ca-key"))?)?;
        if !certificate.is_ca() {
            return Err(Failure::text("input certificate is not a CA cert"));
        }
        if !authority::fits(&certificate, &key) {
            return Err(Failure::code(2300, "Private key does not match public key"));
        }
        call.log.info("encoded CSR");
        let serial = kept_serial(&certificate).map_or_else(Serial::random, Ok)?;
        Ok(call.issued(&renew_ca(&certificate, key, call.now, serial, call.rules)?))
    };
    let cert = made().inspect_err(|e| call.log.error(&e.to_string()))?;
    call.print(Some(&cert), None, None)
}
