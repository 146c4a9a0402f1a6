//! TLS with certificates of our own: one CA, at most one client certificate, and words for every refusal.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::error::{Error, Result};
use crate::secret::Secret;

/// Who we are and whom we trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The CA (or several) that signed the server's certificate.
    pub ca_pem: Vec<u8>,
    /// Our client certificate, with its chain if it has one.
    pub cert_pem: Vec<u8>,
    /// Its private key: PKCS#8, PKCS#1 or SEC1.
    pub key_pem: Secret,
}

/// A checked [`Identity`], ready for connections.
#[derive(Debug, Clone)]
pub struct Tls {
    roots: Arc<RootCertStore>,
    /// Subjects of the CAs, for messages.
    trusted: String,
    ours: Option<Ours>,
}

#[derive(Debug, Clone)]
struct Ours {
    chain: Vec<CertificateDer<'static>>,
    key: Secret,
}

/// One connection's settings, and the server's certificate once it was seen.
pub(super) struct Session {
    pub config: Arc<ClientConfig>,
    pub witness: Arc<Witness>,
}

impl Tls {
    /// Checks that the PEM texts can be read and that certificate and key belong together.
    pub fn new(identity: &Identity) -> Result<Self> {
        let chain = certificates(&identity.cert_pem, "client certificate")?;
        let tls =
            Tls { ours: Some(Ours { chain, key: identity.key_pem.clone() }), ..Self::anonymous(&identity.ca_pem)? };
        tls.session().map(|_| tls)
    }

    /// Without a client certificate: a stranger who trusts the CA.
    pub fn anonymous(ca_pem: &[u8]) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        let authorities = certificates(ca_pem, "CA certificate")?;
        let trusted: Vec<String> = authorities.iter().map(|der| subject(der)).collect();
        for authority in authorities {
            roots.add(authority).map_err(|e| Error::pki(format!("CA certificate {}: {e}", trusted.join(", "))))?;
        }
        Ok(Tls { roots: Arc::new(roots), trusted: trusted.join(", "), ours: None })
    }

    pub(super) fn session(&self) -> Result<Session> {
        // aws-lc, as it also signs and verifies with P-521 and RSA beyond 4096 bits, which a cluster's PKI may use.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let broken = |e: &dyn std::fmt::Display| Error::internal(format!("set up TLS: {e}"));
        let inner = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider.clone())
            .build()
            .map_err(|e| broken(&e))?;
        let witness = Arc::new(Witness { inner, seen: Mutex::new(None) });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| broken(&e))?
            .dangerous()
            .with_custom_certificate_verifier(witness.clone());
        let mut config = match &self.ours {
            None => builder.with_no_client_auth(),
            Some(ours) => builder.with_client_auth_cert(ours.chain.clone(), private_key(&ours.key)?).map_err(|e| {
                Error::pki(format!("client certificate {}: {}", subject(&ours.chain[0]), refused_key(&e)))
            })?,
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Session { config: Arc::new(config), witness })
    }

    /// What a TLS failure with `peer` means: which certificate was refused, by whom, and why.
    pub(super) fn explain(&self, peer: &str, error: &TlsError, witness: &Witness) -> Error {
        let theirs = witness.seen.lock().map_or(None, |seen| seen.as_ref().map(|der| describe(der)));
        match error {
            TlsError::InvalidCertificate(reason) => {
                let why = self.reason(reason);
                let mut failure = Error::connect(format!("{peer}: the server's certificate is refused: {why}"));
                failure.details.extend(theirs.map(|theirs| format!("server certificate: {theirs}")));
                failure.hints.extend(remedy(reason).map(str::to_owned));
                failure
            }
            TlsError::AlertReceived(alert) => self.alert(peer, *alert),
            other => Error::connect(format!("{peer}: TLS: {other}"))
                .hint("check that a TLS server listens there, and not another program"),
        }
    }

    /// What we showed, for messages.
    pub(super) fn ours(&self) -> Option<String> {
        self.ours.as_ref().map(|ours| describe(&ours.chain[0]))
    }

    fn reason(&self, reason: &CertificateError) -> String {
        match reason {
            CertificateError::UnknownIssuer => format!("it is not signed by a CA that we trust ({})", self.trusted),
            CertificateError::BadSignature => {
                format!("its signature was not made with the key of the CA of that name ({})", self.trusted)
            }
            CertificateError::NotValidForNameContext { expected, .. } => {
                format!("it is not for {}", expected.to_str())
            }
            other => other.to_string(),
        }
    }

    fn alert(&self, peer: &str, alert: AlertDescription) -> Error {
        let Some(ours) = self.ours() else {
            return Error::connect(format!(
                "{peer}: the server wants a client certificate, and there was none to show"
            ));
        };
        let compare = "compare the CA in the server's configuration with the certificate's issuer";
        let (why, hint) = match alert {
            AlertDescription::UnknownCA => ("its CA is not one that the server trusts", compare),
            AlertDescription::CertificateExpired => {
                ("it has expired, by the server's clock", "renew the certificate; compare the clocks")
            }
            AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
                ("it is another CA's, not valid now, or not for client authentication", compare)
            }
            AlertDescription::CertificateRequired => ("the server says that it saw none", compare),
            other => return Error::connect(format!("{peer}: the server ended TLS: {other:?}")),
        };
        Error::connect(format!("{peer}: our client certificate is refused: {why}"))
            .detail(format!("client certificate: {ours}"))
            .hint(hint)
    }
}

fn remedy(reason: &CertificateError) -> Option<&'static str> {
    match reason {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            Some("the server still runs with an older certificate, or this is another cluster")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Some("issue the certificate anew with this name or address in it")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Some("renew the certificate; compare the clocks of this machine and the host")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Some("compare the clocks of this machine and the host")
        }
        _ => None,
    }
}

/// Verifies as webpki does, and remembers what it saw.
#[derive(Debug)]
pub(super) struct Witness {
    inner: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Some(end_entity.clone().into_owned());
        }
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|e| Error::pki(format!("{what}: cannot read the PEM text: {e}")))?;
    if all.is_empty() { Err(Error::pki(format!("{what}: no certificate in the PEM text"))) } else { Ok(all) }
}

fn private_key(pem: &Secret) -> Result<PrivateKeyDer<'static>> {
    // The parser's own message could quote the text.
    PrivateKeyDer::from_pem_slice(pem.expose())
        .map_err(|_| Error::pki("client key: no PKCS#8, PKCS#1 or SEC1 key in the PEM text"))
}

fn refused_key(error: &TlsError) -> String {
    match error {
        TlsError::InconsistentKeys(_) => "the private key does not belong to it".into(),
        other => other.to_string(),
    }
}

fn subject(der: &[u8]) -> String {
    X509Certificate::from_der(der).map_or_else(|_| "unreadable".into(), |(_, cert)| cert.subject().to_string())
}

/// Subject, issuer, names and end of life.
fn describe(der: &[u8]) -> String {
    let Ok((_, cert)) = X509Certificate::from_der(der) else { return "unreadable".into() };
    let names = cert.subject_alternative_name().ok().flatten().map(|names| names.value.general_names.as_slice());
    let names: Vec<String> = names.unwrap_or_default().iter().filter_map(name).collect();
    let names = if names.is_empty() { String::new() } else { format!(", for {}", names.join(", ")) };
    format!("{} issued by {}{names}, valid until {}", cert.subject(), cert.issuer(), cert.validity().not_after)
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
        },
        _ => None,
    }
}
