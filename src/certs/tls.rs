//! TLS as its client: a verifier that remembers what a server showed, and the certificate that we show.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error as TlsError, NamedGroup, RootCertStore, SignatureScheme};

use crate::error::{Error, Result};
use crate::pki::{Certificate, San, day_and_minute};
use crate::secret::Secret;

/// Ed448, RSA-PSS with keys that are for it alone, and SHA-1: a certificate is shown whatever signs the handshake.
const UNVERIFIED_SCHEMES: [SignatureScheme; 6] = [
    SignatureScheme::ED448,
    SignatureScheme::Unknown(0x0809),
    SignatureScheme::Unknown(0x080a),
    SignatureScheme::Unknown(0x080b),
    SignatureScheme::ECDSA_SHA1_Legacy,
    SignatureScheme::RSA_PKCS1_SHA1,
];

/// Remembers the chain that a server shows, and verifies it where it was given CAs.
#[derive(Debug)]
pub struct Witness {
    verifier: Option<Arc<WebPkiServerVerifier>>,
    seen: Mutex<Option<Vec<CertificateDer<'static>>>>,
}

impl Witness {
    /// Verifies as webpki does.
    pub fn trusting(roots: Arc<RootCertStore>) -> Result<Arc<Self>> {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
        let verifier = Some(verifier.map_err(|e| no_tls(&e))?);
        Ok(Arc::new(Witness { verifier, seen: Mutex::default() }))
    }

    /// Takes every certificate: for a server to which nothing is sent that would need trust in it.
    pub fn of_anyone() -> Arc<Self> {
        Arc::new(Witness { verifier: None, seen: Mutex::default() })
    }

    /// What the server showed, the leaf first; none before it did.
    pub fn seen(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let chain = std::iter::once(leaf).chain(others).map(|der| der.clone().into_owned()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain);
        let verify = |verifier: &Arc<WebPkiServerVerifier>| verifier.verify_server_cert(leaf, others, name, ocsp, now);
        self.verifier.as_ref().map_or(Ok(ServerCertVerified::assertion()), verify)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let verify = |verifier: &Arc<WebPkiServerVerifier>| verifier.verify_tls12_signature(message, leaf, signed);
        self.verifier.as_ref().map_or(Ok(HandshakeSignatureValid::assertion()), verify)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let verify = |verifier: &Arc<WebPkiServerVerifier>| verifier.verify_tls13_signature(message, leaf, signed);
        self.verifier.as_ref().map_or(Ok(HandshakeSignatureValid::assertion()), verify)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let schemes = provider().signature_verification_algorithms.supported_schemes();
        let more = if self.verifier.is_none() { &UNVERIFIED_SCHEMES[..] } else { &[] };
        [&schemes, more].concat()
    }
}

/// The certificate that we show, and its key.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate, and what it was issued by.
    pub chain: Vec<CertificateDer<'static>>,
    key: Secret,
}

impl ClientCertificate {
    /// From PEM texts; the key is PKCS#8, PKCS#1 or SEC1.
    pub fn new(chain: &[u8], key: &Secret) -> Result<Self> {
        Ok(ClientCertificate { chain: certificates(chain, "client certificate")?, key: key.clone() })
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>> {
        // The parser's own message could quote the text.
        PrivateKeyDer::from_pem_slice(self.key.expose())
            .map_err(|_| Error::pki("client key: no PKCS#8, PKCS#1 or SEC1 key in the PEM text"))
    }
}

/// Settings for a connection that is seen by `witness`.
pub fn config(witness: Arc<Witness>, ours: Option<&ClientCertificate>) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| no_tls(&e))?
        .dangerous()
        .with_custom_certificate_verifier(witness);
    let Some(ours) = ours else { return Ok(builder.with_no_client_auth()) };
    builder.with_client_auth_cert(ours.chain.clone(), ours.private_key()?).map_err(|error| {
        let why = match error {
            TlsError::InconsistentKeys(_) => "the private key does not belong to it".into(),
            other => other.to_string(),
        };
        Error::pki(format!("client certificate {}: {why}", subject(&ours.chain[0])))
    })
}

/// All certificates of a PEM text, at least one; `what` names it in errors.
pub fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|e| Error::pki(format!("{what}: cannot read the PEM text: {e}")))?;
    if all.is_empty() { Err(Error::pki(format!("{what}: no certificate in the PEM text"))) } else { Ok(all) }
}

/// A certificate's subject, for messages.
pub fn subject(der: &[u8]) -> String {
    Certificate::from_der(der, "").map_or_else(|_| "unreadable".into(), |cert| cert.subject().to_string())
}

/// Subject, issuer, names and end of life, for messages.
pub fn describe(der: &[u8]) -> String {
    let Ok(cert) = Certificate::from_der(der, "") else { return "unreadable".into() };
    let hosts = cert.sans().iter().filter_map(|san| match san {
        San::Dns(name) => Some(name.clone()),
        San::Ip(ip) => Some(ip.to_string()),
        San::Email(_) | San::Uri(_) => None,
    });
    let hosts = hosts.collect::<Vec<_>>().join(", ");
    let hosts = if hosts.is_empty() { hosts } else { format!(", for {hosts}") };
    let end = day_and_minute(cert.validity().not_after);
    format!("{} issued by {}{hosts}, valid until {end}", cert.subject(), cert.issuer())
}

/// aws-lc, as it also signs and verifies with P-521 and RSA beyond 4096 bits, which a cluster's PKI may use.
///
/// The hybrid key exchange goes first, as servers of today choose it: a key for another one would be refused, and cost a
/// way there and back. A key for X25519 goes along with it, for servers that do not know it.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups.sort_by_key(|group| group.name() != NamedGroup::X25519MLKEM768);
    Arc::new(provider)
}

fn no_tls(error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("set up TLS: {error}"))
}
