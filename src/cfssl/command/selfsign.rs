//! `cfssl selfsign`.

use super::spec::{Spec, csr};
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::pki::{Key, Lifetime, Profile, Serial, SigningConfig, selfsign};

const WARNING: &str = "*** WARNING ***

A certificate that signs itself proves nothing to anybody: this one
is for tests, at your own risk, and not for production.

*** WARNING ***
";

pub fn run(call: &mut Call) -> Result<(), Failure> {
    let hostname =
        if call.flag("hostname").is_empty() && !call.flags.on("initca") { call.pop()? } else { String::new() };
    let path = call.pop()?;
    if !call.args.is_empty() {
        return Err(Failure::text("too many arguments are provided, please check with usage"));
    }
    let mut spec = Spec::load(&path)?;
    spec.forget(&["expiry", "backdate"]);
    call.flags.unset("hostname");
    call.flags.unset("cn");
    call.log.info("generate received request");
    spec.announce(call)?;
    let profile = profile(call)?;
    let spec = spec.read(call)?;
    if !hostname.is_empty() && !spec.hosts.contains(&hostname) {
        call.log
            .warning(&format!("as with cfssl, {hostname} does not get into the certificate: its hosts are the CSR's"));
    }
    let key = Key::generate(spec.key_kind()?)?;
    let (request, csr) = csr(call, &spec, &key)?;
    let issued = selfsign(&request, &key, &profile, call.now, Serial::random_short()?)?;
    call.warn(&issued.warnings);
    call.warn(&request.suspicions());
    call.note(WARNING);
    call.print(Some(&issued.certificate.to_pem()), Some(&csr.to_pem()), Some(key.to_pem().expose()))
}

fn profile(call: &Call) -> Result<Profile, Failure> {
    let Some(config) = &call.config else {
        let built_in = SigningConfig::built_in()?.profile(None)?;
        return Ok(Profile { expiry: Some(Lifetime::hours(2190)), ..built_in });
    };
    let mut warnings = Vec::new();
    let named = Some(call.flag("profile")).filter(|name| !name.is_empty());
    let profile = config.profile_by(named, call.rules, &mut warnings)?;
    call.warn(&warnings);
    Ok(profile)
}
