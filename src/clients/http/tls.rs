//! TLS with certificates of our own: one CA, at most one client certificate, and words for every refusal.

use std::sync::Arc;

use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError, RootCertStore};

use crate::certs::tls::{ClientCertificate, Witness, certificates, config, describe, subject};
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
    ours: Option<ClientCertificate>,
}

/// One connection's settings, and the server's certificate once it was seen.
pub(super) struct Session {
    pub config: Arc<ClientConfig>,
    pub witness: Arc<Witness>,
}

impl Tls {
    /// Checks that the PEM texts can be read and that certificate and key belong together.
    pub fn new(identity: &Identity) -> Result<Self> {
        let ours = Some(ClientCertificate::new(&identity.cert_pem, &identity.key_pem)?);
        let tls = Tls { ours, ..Self::anonymous(&identity.ca_pem)? };
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
        let witness = Witness::trusting(self.roots.clone())?;
        let mut config = config(witness.clone(), self.ours.as_ref())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Session { config: Arc::new(config), witness })
    }

    /// What a TLS failure with `peer` means: which certificate was refused, by whom, and why.
    pub(super) fn explain(&self, peer: &str, error: &TlsError, witness: &Witness) -> Error {
        let theirs = witness.seen().map(|chain| describe(&chain[0]));
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
            Some("issue the certificate again with this name or address in it")
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
