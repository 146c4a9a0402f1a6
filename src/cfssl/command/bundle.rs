//! `cfssl bundle`.

use crate::cfssl::answers::bundle::{Bundle, Flavor};
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::cfssl::{authority, go};
use crate::pki::Certificate;

pub fn run(call: &mut Call) -> Result<(), Failure> {
    if call.flag("cert").is_empty() {
        return Err(Failure::text(match call.flag("domain") {
            "" => "Must specify bundle target through -cert or -domain",
            _ => "-domain is not there in kbootstrap: save the server's certificate and name it with -cert",
        }));
    }
    let flavor = if call.flag("flavor") == "force" { Flavor::Force } else { Flavor::Shortest };
    let pool = |flag: &str, code: u32, words: &str| -> Result<Vec<Certificate>, Failure> {
        if call.flag(flag).is_empty() || flavor == Flavor::Force {
            return Ok(Vec::new());
        }
        let text = go::file::read(call.flag(flag)).map_err(|e| e.coded(code + 1))?;
        authority::certificates(&text).map_err(|_| Failure::code(code + 3, words))
    };
    let roots = pool("ca-bundle", 4000, "Failed to parse root certificate")?;
    let intermediates = pool("int-bundle", 3000, "Failed to parse intermediate certificate")?;
    let text = go::file::read(call.flag("cert")).map_err(|e| e.coded(1001))?;
    let key = match call.flag("key") {
        "" => None,
        path => Some(authority::key(&go::file::read(path).map_err(|e| e.coded(2001))?)?),
    };
    let certificates = authority::certificates(&text)?;
    let Some(leaf) = certificates.first() else { return Err(Failure::code(1002, "Failed to decode certificate")) };
    if roots.is_empty() && flavor == Flavor::Shortest {
        call.log.warning("no roots are named with -ca-bundle, and the system's are not used");
    }
    if key.as_ref().is_some_and(|key| !authority::fits(leaf, key)) {
        return Err(Failure::code(2300, "Private key does not match public key"));
    }
    let bundle = Bundle::build(&certificates, key.as_ref(), flavor, &roots, &intermediates, call)?;
    // Without a newline at the end, as cfssl.
    Ok(call.out.document(&String::from_utf8_lossy(&bundle.json(call.now)?))?)
}
