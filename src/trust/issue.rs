//! Issues what lacks in the cluster's folder, and checks what is there.

use std::collections::BTreeMap;
use std::path::Path;

use time::OffsetDateTime;

use super::Trust;
use super::encryption_keys::LENGTH;
use super::folder::{self, Folder, Generated};
use super::specs;
use super::table::{Authority as Signer, AuthorityRow, CertificateRow, authorities, certificates};
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::files;
use crate::parallel;
use crate::pki::{
    Authority, Certificate, CsrSpec, Expected, Key, KeyKind, Request, San, Serial, SigningConfig, self_signed, verify,
};
use crate::random;
use crate::secret::Secret;
use crate::ui::{Event, Level, Reporter};

/// Makes the cluster's folder complete and returns what it holds. CAs, certificates, specs and keys that a person put
/// there are used and never overwritten; what kbootstrap issued is issued anew when its spec has changed.
pub fn ensure(
    catalogue: &Catalogue,
    cluster: &Cluster,
    dir: &Path,
    now: OffsetDateTime,
    reporter: &dyn Reporter,
) -> Result<Trust> {
    let folder = Folder::open(dir)?;
    let mut generated = folder.generated()?;
    let before = generated.clone();
    let config = signing_config(cluster, &folder, &mut generated)?;
    let mut signers = BTreeMap::new();
    let mut errors = Vec::new();
    for row in authorities(cluster) {
        match authority(cluster, &folder, &row, now, &mut generated, reporter) {
            Ok(signer) => signers.extend(row.serves.iter().map(|s| (*s, (row.name.clone(), signer.clone())))),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        // What was made before the mistake was found is ours all the same.
        folder.set_generated(&generated)?;
        Error::all(errors)?;
    }
    let rows = certificates(catalogue, cluster);
    let work = Work { cluster, folder: &folder, config: &config, signers: &signers, generated: &generated, now };
    let results = parallel::each(&rows, parallel::cores(), |row| work.certificate(row));
    let mut errors = Vec::new();
    for (row, result) in rows.iter().zip(results) {
        match result {
            Ok(outcome) => outcome.record(row, &mut generated, reporter),
            Err(error) => errors.push(error),
        }
    }
    let issued = Error::all(errors).and_then(|()| {
        service_account(cluster, &folder, &mut generated)?;
        encryption_key(&folder, &mut generated)
    });
    if generated != before {
        folder.set_generated(&generated)?;
    }
    issued?;
    folder::load(catalogue, cluster, dir)
}

type Signers = BTreeMap<Signer, (String, std::sync::Arc<Ca>)>;

/// A CA: always its certificate, and the key where it is at hand.
struct Ca {
    certificate: Certificate,
    authority: Option<Authority>,
}

struct Work<'a> {
    cluster: &'a Cluster,
    folder: &'a Folder,
    config: &'a SigningConfig,
    signers: &'a Signers,
    generated: &'a Generated,
    now: OffsetDateTime,
}

/// What became of a row.
struct Outcome {
    spec: Option<String>,
    issued: Option<String>,
    warnings: Vec<String>,
}

impl Outcome {
    fn record(self, row: &CertificateRow, generated: &mut Generated, reporter: &dyn Reporter) {
        generated.specs.extend(self.spec.map(|hash| (row.name.clone(), hash)));
        if let Some(fingerprint) = self.issued {
            generated.certificates.insert(row.name.clone(), fingerprint);
            tell(reporter, Level::Debug, format!("issued certificate {}", row.name));
        }
        for warning in self.warnings {
            tell(reporter, Level::Warning, format!("certificate {}: {warning}", row.name));
        }
    }
}

impl Work<'_> {
    fn certificate(&self, row: &CertificateRow) -> Result<Outcome> {
        let wanted = specs::certificate(row, &self.cluster.pki);
        let (spec, spec_hash) = spec(self.folder, &row.name, &wanted, self.generated)?;
        let mut outcome = Outcome { spec: spec_hash, issued: None, warnings: unasked(&spec, row) };
        let (ca_name, ca) = &self.signers[&row.authority];
        if let Some(present) = self.folder.read_certificate(&row.name)? {
            let ours = self.generated.certificates.get(&row.name) == Some(&sha256(present.der()));
            match self.check(row, &spec, &present, &ca.certificate) {
                Ok(()) => return Ok(outcome),
                // Its spec or its CA has changed since; only an end that has come is not mended silently.
                Err(_) if ours && present.validity().contains(self.now) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(authority) = &ca.authority else {
            return Err(Error::pki(format!("certificate {} lacks, and so does the key of its CA", row.name)).hint(
                format!(
                    "sign {} with your CA ({ca_name}) and put the result there as {}.pem and {}-key.pem",
                    self.folder.spec(&row.name).display(),
                    row.name,
                    row.name
                ),
            ));
        };
        let context = |e: Error| e.context(format!("certificate {}", row.name));
        identity(row, &spec).map_err(|e| e.context(self.folder.spec(&row.name).display()))?;
        let profile = self.config.profile(Some(row.profile.name())).map_err(|e| e.context("ca-config.json"))?;
        // Everything that can be refused is refused before a key is made.
        authority.validity(&profile, self.now, &mut Vec::new()).map_err(context)?;
        let key = key(self.folder, &row.name, spec.key_kind().map_err(context)?)?;
        let request = Request::from_spec(&spec, key.public()).map_err(context)?;
        let issued = authority.issue(&request, &profile, self.now, Serial::random()?).map_err(context)?;
        files::write_public(&self.folder.certificate(&row.name), issued.certificate.to_pem().as_bytes())?;
        outcome.issued = Some(sha256(issued.certificate.der()));
        outcome.warnings.extend(issued.warnings);
        Ok(outcome)
    }

    /// Whether the certificate that is there does what the cluster needs of it.
    fn check(&self, row: &CertificateRow, spec: &CsrSpec, present: &Certificate, ca: &Certificate) -> Result<()> {
        let path = self.folder.certificate(&row.name);
        let key = match self.folder.read_key(&row.name)? {
            Some(key) => Key::from_pem(key.expose(), &self.folder.key(&row.name).display().to_string())?,
            None => {
                return Err(Error::pki(format!(
                    "{} is there, but its key {}-key.pem is not",
                    path.display(),
                    row.name
                ))
                .hint("put the key beside it, or delete the certificate to have both made anew"));
            }
        };
        let sans = spec.hosts.iter().map(|h| San::classify(h)).collect::<Result<Vec<_>>>()?;
        let expected = Expected { authority: ca, key: Some(key.public()), sans: &sans, now: self.now };
        verify(present, &expected)
            .and_then(|()| subject(row, spec, present))
            .map_err(|e| e.context(path.display()).hint(format!("delete {} to have it issued anew", path.display())))
    }
}

/// A spec that a person has edited no longer follows the inventory, which may ask for more names by now.
fn unasked(spec: &CsrSpec, row: &CertificateRow) -> Vec<String> {
    let missing: Vec<&str> = row.sans.iter().filter(|san| !spec.hosts.contains(san)).map(String::as_str).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let names = missing.join(", ");
    vec![format!("{0}-csr.json was edited and lacks {names}: add them, or delete it to follow the inventory", row.name)]
}

/// Kubernetes takes user and group from the subject: an edited spec must not make a service somebody else.
fn identity(row: &CertificateRow, spec: &CsrSpec) -> Result<()> {
    let hint = "edit the other fields as you like, or delete the file to have it written anew";
    let named = row.authority != Signer::Etcd && row.profile == super::table::Profile::Client && row.used_by.is_some();
    if named && spec.cn != row.common_name {
        let message =
            format!("the common name is `{}`, and must be `{}`: it is who the client is", spec.cn, row.common_name);
        return Err(Error::pki(message).hint(hint));
    }
    if !row.organization.is_empty() && !spec.names.iter().any(|name| name.o == row.organization) {
        let message = format!("`names` lacks {{\"O\": \"{}\"}}, the group of this client", row.organization);
        return Err(Error::pki(message).hint(hint));
    }
    Ok(())
}

/// Kubernetes takes user and groups from the subject: a certificate with another one would be somebody else.
fn subject(row: &CertificateRow, spec: &CsrSpec, present: &Certificate) -> Result<()> {
    let info = crate::pki::CertificateInfo::of(present).subject;
    if info.common_name != spec.cn {
        return Err(Error::pki(format!("its common name is `{}`, `{}` is needed", info.common_name, spec.cn)));
    }
    if !row.organization.is_empty() && !info.organizations.contains(&row.organization) {
        return Err(Error::pki(format!("its subject lacks the organization (group) `{}`", row.organization)));
    }
    Ok(())
}

fn authority(
    cluster: &Cluster,
    folder: &Folder,
    row: &AuthorityRow,
    now: OffsetDateTime,
    generated: &mut Generated,
    reporter: &dyn Reporter,
) -> Result<std::sync::Arc<Ca>> {
    let context = |e: Error| e.context(format!("CA {}", row.name));
    let present = folder.read_certificate(&row.name)?;
    if let Some(certificate) = present {
        let authority = match folder.read_key(&row.name)? {
            Some(key) => {
                let key = Key::from_pem(key.expose(), &folder.key(&row.name).display().to_string())?;
                Some(Authority::new(certificate.clone(), key, now).map_err(context)?)
            }
            None if !row.signers.is_empty() => {
                return Err(Error::pki(format!(
                    "CA {}: its key {} is not there",
                    row.name,
                    folder.key(&row.name).display()
                ))
                .hint("the controller manager signs kubelets' renewed certificates with it"));
            }
            None if !certificate.validity().contains(now) => {
                return Err(Error::pki(format!(
                    "CA {}: {} has expired, or is not valid yet",
                    row.name,
                    folder.certificate(&row.name).display()
                ))
                .hint("renew the CA, or delete its certificate and key to have a new one made"));
            }
            None => None,
        };
        return Ok(std::sync::Arc::new(Ca { certificate, authority }));
    }
    let wanted = specs::authority(row, &cluster.pki)?;
    let (spec, hash) = spec(folder, &row.name, &wanted, generated)?;
    generated.specs.extend(hash.map(|hash| (row.name.clone(), hash)));
    let key = key(folder, &row.name, spec.key_kind().map_err(context)?)?;
    let issued = self_signed(&spec, &key, now, Serial::random()?).map_err(context)?;
    files::write_public(&folder.certificate(&row.name), issued.certificate.to_pem().as_bytes())?;
    generated.certificates.insert(row.name.clone(), sha256(issued.certificate.der()));
    tell(reporter, Level::Info, format!("made CA {} in {}", row.name, folder.certificate(&row.name).display()));
    let authority = Authority::new(issued.certificate.clone(), key, now).map_err(context)?;
    Ok(std::sync::Arc::new(Ca { certificate: issued.certificate, authority: Some(authority) }))
}

/// The spec to issue from: a person's own where there is one. The hash is of a spec that was written just now.
fn spec(folder: &Folder, name: &str, wanted: &CsrSpec, generated: &Generated) -> Result<(CsrSpec, Option<String>)> {
    let path = folder.spec(name);
    let text = wanted.to_json();
    if path.exists() {
        let present = files::read(&path)?;
        let ours = generated.specs.get(name) == Some(&sha256(&present));
        if !ours || *present == *text.as_bytes() {
            return Ok((CsrSpec::from_json(&present, &path.display().to_string())?, None));
        }
    }
    files::write_public(&path, text.as_bytes())?;
    Ok((wanted.clone(), Some(sha256(text.as_bytes()))))
}

/// The key that is there, or a new one. It is written before its certificate, so that a run that dies in between is gone on with.
fn key(folder: &Folder, name: &str, kind: KeyKind) -> Result<Key> {
    if let Some(present) = folder.read_key(name)? {
        return Key::from_pem(present.expose(), &folder.key(name).display().to_string());
    }
    let key = Key::generate(kind)?;
    files::write_key(&folder.key(name), &key.to_pem())?;
    Ok(key)
}

/// A person's own where there is one; ours follows the inventory.
fn signing_config(cluster: &Cluster, folder: &Folder, generated: &mut Generated) -> Result<SigningConfig> {
    let path = folder.config();
    let wanted = specs::signing_config(cluster)?;
    let text = wanted.to_json();
    if path.exists() {
        let present = files::read(&path)?;
        let ours = generated.config.as_deref() == Some(&*sha256(&present));
        if !ours || *present == *text.as_bytes() {
            return SigningConfig::from_json(&present, &path.display().to_string());
        }
    }
    files::write_public(&path, text.as_bytes())?;
    generated.config = Some(sha256(text.as_bytes()));
    Ok(wanted)
}

/// Tokens are JWTs, which Kubernetes signs with RSA or ECDSA only.
fn service_account(cluster: &Cluster, folder: &Folder, generated: &mut Generated) -> Result<()> {
    let (public, private) = folder.service_account();
    not_lost(&private, "no service account's token would be valid any more", generated)?;
    let kind = match cluster.pki.key {
        rsa @ KeyKind::Rsa(_) => rsa,
        _ => KeyKind::EcdsaP256,
    };
    let key = if private.exists() {
        Key::from_pem(&files::read(&private)?, &private.display().to_string())?
    } else {
        let key = Key::generate(kind)?;
        files::write_key(&private, &key.to_pem())?;
        key
    };
    if !public.exists() {
        files::write_public(&public, key.public().to_pem().as_bytes())?;
    }
    Ok(())
}

/// A key that was made here once must come back from a backup: with another one, what was made with it is lost.
fn not_lost(path: &Path, loss: &str, generated: &mut Generated) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !path.exists() && generated.keys.contains(&name) {
        return Err(Error::pki(format!("{} was made here and is gone: with a new one {loss}", path.display()))
            .hint("bring it back from your backup of the cluster's folder")
            .hint(format!(
                "if the cluster never ran, or is to begin anew, take {name} out of generated.json beside it"
            )));
    }
    generated.keys.insert(name);
    Ok(())
}

fn encryption_key(folder: &Folder, generated: &mut Generated) -> Result<()> {
    let path = folder.encryption_key();
    not_lost(&path, "the Secrets of a running cluster could not be read", generated)?;
    if path.exists() {
        return Ok(());
    }
    let mut bytes = zeroize::Zeroizing::new([0; LENGTH]);
    random::fill(&mut *bytes)?;
    files::write_key(&path, &Secret::new(bytes.as_slice()))
}

fn tell(reporter: &dyn Reporter, level: Level, text: String) {
    reporter.report(&Event::Message { level, host: String::new(), text });
}
