//! The certificate that a TLS server shows, looked at and not trusted.

use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error as TlsError, SignatureScheme, Stream};

use crate::error::{Error, Result};
use crate::pki::Certificate;

/// As long as cfssl waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to `host` or `host:port` (443) and takes the server's own certificate.
pub fn certificate(target: &str) -> Result<Certificate> {
    let (host, port) = split(target)?;
    let failed = |e: &dyn std::fmt::Display| Error::connect(format!("{host}:{port}: {e}"));
    let address = (host, port).to_socket_addrs().map_err(|e| failed(&e))?.next();
    let address = address.ok_or_else(|| failed(&"the name has no address"))?;
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE).map_err(|e| failed(&e))?;
    socket
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| socket.set_write_timeout(Some(PATIENCE)))
        .map_err(|e| failed(&e))?;
    let seen = Arc::new(Onlooker::new());
    let config = ClientConfig::builder_with_provider(seen.provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(&e))?
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|e| failed(&e))?;
    let mut session = ClientConnection::new(Arc::new(config), name).map_err(|e| failed(&e))?;
    // A server that wants a client's certificate breaks off after it has shown its own.
    let shaken = Stream::new(&mut session, &mut socket).flush();
    let der = seen.certificate.lock().ok().and_then(|seen| seen.clone());
    match (der, shaken) {
        (Some(der), _) => Certificate::from_der(&der, target),
        (None, Err(e)) => Err(failed(&e)),
        (None, Ok(())) => Err(failed(&"received no server certificates")),
    }
}

fn split(target: &str) -> Result<(&str, u16)> {
    let wrong = || Error::input(format!("`{target}` is no host or host:port"));
    if let Some((host, rest)) = target.strip_prefix('[').and_then(|t| t.split_once(']')) {
        let port = rest.strip_prefix(':').map(|port| port.parse().map_err(|_| wrong())).transpose()?;
        return Ok((host, port.unwrap_or(443)));
    }
    match target.split_once(':') {
        Some((host, port)) if !port.contains(':') => Ok((host, port.parse().map_err(|_| wrong())?)),
        _ => Ok((target, 443)),
    }
}

/// Lets every certificate pass, and keeps it.
#[derive(Debug)]
struct Onlooker {
    provider: Arc<rustls::crypto::CryptoProvider>,
    certificate: Mutex<Option<Vec<u8>>>,
}

impl Onlooker {
    fn new() -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Onlooker { provider, certificate: Mutex::new(None) }
    }
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if let Ok(mut seen) = self.certificate.lock() {
            *seen = Some(end_entity.to_vec());
        }
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_a_port_or_443() {
        assert_eq!(split("a.b").unwrap(), ("a.b", 443));
        assert_eq!(split("a.b:6443").unwrap(), ("a.b", 6443));
        assert_eq!(split("[::1]:2379").unwrap(), ("::1", 2379));
        assert_eq!(split("::1").unwrap(), ("::1", 443));
        assert!(split("a:b").is_err());
    }
}
