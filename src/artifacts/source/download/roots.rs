//! Whom HTTPS trusts: the certificates of the operating system, so that a site's own proxy or mirror is trusted here
//! as it is everywhere else on the machine.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use ureq::tls::Certificate;

use crate::error::{Error, Result};

/// Where distributions keep them: Debian and Alpine, Fedora, openSUSE, RHEL.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// The certificates in `$SSL_CERT_FILE`, or else in the first bundle that is there.
pub fn system() -> Result<Vec<Certificate<'static>>> {
    let chosen = std::env::var_os("SSL_CERT_FILE").filter(|v| !v.is_empty()).map(PathBuf::from);
    let path = chosen.or_else(|| BUNDLES.iter().map(PathBuf::from).find(|path| path.exists())).ok_or_else(|| {
        Error::artifact("no CA certificates on this machine, so that no HTTPS server can be trusted")
            .hint("install ca-certificates, or set SSL_CERT_FILE")
    })?;
    read(&path)
}

fn read(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let found = CertificateDer::pem_file_iter(path)
        .map_err(|e| Error::artifact(format!("cannot read CA certificates from {}: {e}", path.display())))?;
    // One that cannot be read does not take the trust in the others away.
    Ok(found.filter_map(Result::ok).map(|der| Certificate::from_der(&der).to_owned()).collect())
}
