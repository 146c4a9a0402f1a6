//! What is to be done about one item, given what is there, what is to be, and what becomes of its CA.

use time::OffsetDateTime;

use super::found::Found;
use super::item::{Item, Kind};
use super::plan::{Action, State};
use crate::certlint;
use crate::error::{Error, Result};
use crate::pki::{Certificate, Constraints, Names, Rules, San, Specified, Validity, day_and_minute, differences};

/// What becomes of a CA, for those that it issues.
#[derive(Debug, Clone)]
pub(super) struct Future<'a> {
    /// The certificate whose key will have signed: none where it will be a new one.
    pub(super) certificate: Option<&'a Certificate>,
    /// When it will be valid.
    pub(super) validity: Option<Validity>,
    /// It may issue certificates, but no CAs.
    pub(super) last: bool,
    /// It is brought by a person.
    pub(super) external: bool,
    /// Why it cannot sign.
    pub(super) cannot_sign: Option<String>,
    /// Something with it is wrong: nothing can be said of what it issues before that is mended.
    pub(super) broken: bool,
    /// Name constraints of its own and of the CAs above it, with their names.
    pub(super) names: Vec<(String, Constraints)>,
}

impl Future<'_> {
    /// The CA, here or above, that may not issue for one of the item's names, and that name.
    fn forbids(&self, item: &Item) -> Result<Option<(&str, String)>> {
        if self.names.is_empty() {
            return Ok(None);
        }
        let sans = item.spec.hosts.iter().map(|host| San::classify(host)).collect::<Result<Vec<_>>>()?;
        let (subject, encoded) = (item.spec.subject().to_name()?, San::encode(&sans));
        let alternative = (!sans.is_empty()).then_some(encoded.as_slice());
        let names = Names { subject: &subject, alternative, is_ca: item.kind == Kind::Authority };
        Ok(self.names.iter().find_map(|(ca, constraints)| Some((ca.as_str(), constraints.violated_by(names)?))))
    }
}

/// What was found of an item, and what follows.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) state: Option<State>,
    pub(super) action: Option<Action>,
    pub(super) reasons: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) problems: Vec<Error>,
}

/// What a person asked for beside the specification.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// Renew this CA.
    pub(super) renew: bool,
    /// Replace this CA, key and all.
    pub(super) replace: bool,
    /// Certificates of it are there.
    pub(super) has_issued: bool,
}

impl Verdict {
    /// There is no certificate; a key that is there is used.
    pub(super) fn missing(found: &Found) -> Self {
        let mut verdict = Verdict::default();
        match found.key {
            None => verdict.set(State::Missing, Action::Make, "it is not there"),
            Some(_) => verdict.set(State::Missing, Action::Issue, "its key is there, it is not"),
        }
        verdict
    }

    pub(super) fn set(&mut self, state: State, action: Action, reason: impl Into<String>) {
        // The first finding is the worst; a new key is the most that can be done.
        self.state.get_or_insert(state);
        if self.action.is_none() || action == Action::Make {
            self.action = Some(action);
        }
        self.reasons.push(reason.into());
    }

    fn warn(&mut self, state: State, text: impl Into<String>) {
        self.state.get_or_insert(state);
        self.warnings.push(text.into());
    }

    pub(super) fn refuse(&mut self, error: Error) {
        self.state = Some(State::Wrong);
        self.problems.push(error);
    }
}

/// Whatever stands below a CA that is broken: nothing can be said of it but that it is there.
pub(super) fn unknown(found: &Found, issuer_name: &str) -> Verdict {
    let mut verdict = Verdict::default();
    match found.certificate {
        None => verdict.warn(State::Missing, format!("it is not there, and CA {issuer_name} is to be mended first")),
        Some(_) => verdict.warn(State::Unknown, format!("CA {issuer_name} is to be mended first")),
    }
    verdict
}

/// A key that stays, and that anybody can read, or its group change. That its group reads it is how services get theirs.
pub(super) fn exposed(item: &Item, found: &Found, verdict: &mut Verdict) {
    let Some(mode) = found.mode.filter(|mode| mode & 0o027 != 0) else { return };
    let key = item.files.key.display();
    verdict.warn(State::Changed, format!("its key {key} is mode {mode:04o}, others can use it: chmod 600 {key}"));
}

/// Whoever holds a certificate's key, on a server say, could issue certificates with it.
pub(super) fn without_key_of_ca(item: &Item, found: &Found, ca: Option<&Item>, mut verdict: Verdict) -> Verdict {
    let Some(ca) = ca else { return verdict };
    let key = item.files.key.display();
    let text = format!("its key {key} is that of {}: whoever holds it could issue certificates", ca.title());
    match (verdict.action, &found.certificate) {
        (None, Some(_)) => verdict.warn(State::Changed, format!("{text}: remove it, and a new one is made")),
        (Some(Action::Make), _) => {}
        _ => verdict.refuse(Error::pki(text).hint(format!("remove {key} to have one of its own made"))),
    }
    verdict
}

/// A certificate that is no CA: everything about it may be made again.
pub(super) fn certificate(item: &Item, found: &Found, issuer: &Future<'_>, now: OffsetDateTime) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let key_fits = found.key.as_ref().is_some_and(|key| key.kind() == item.key);
    let Some(certificate) = &found.certificate else {
        let Some(key) = found.key.as_ref().filter(|_| !key_fits) else { return Ok(Verdict::missing(found)) };
        let why = format!("it is not there, and the key is {}, {} is wanted", key.kind(), item.key);
        verdict.set(State::Missing, Action::Make, why);
        return Ok(verdict);
    };
    let renewal = if key_fits { Action::Issue } else { Action::Make };
    let validity = certificate.validity();
    if now > validity.not_after {
        verdict.set(State::Expired, renewal, format!("it has expired on {}", day_and_minute(validity.not_after)));
    } else if now < validity.not_before {
        verdict.refuse(not_yet(validity.not_before));
        return Ok(verdict);
    }
    match &found.key {
        None => verdict.set(State::Missing, Action::Make, "its key is not there"),
        Some(key) if !certificate.is_for(key) => {
            verdict.set(State::Changed, renewal, "it is for another key than the one beside it");
        }
        Some(_) => {}
    }
    match issuer.certificate {
        None => verdict.set(State::Changed, renewal, "its CA is new"),
        Some(ca) => {
            if let Some(foreign) = foreign(certificate, ca) {
                verdict.set(State::Changed, renewal, foreign.reason());
            }
        }
    }
    for difference in differing(item, certificate)? {
        verdict.set(State::Changed, renewal, difference);
    }
    if verdict.state.is_none() && now >= item.due_from(validity.not_before, validity.not_after) {
        verdict.set(State::Due, renewal, ends(&validity, now));
    }
    if verdict.action.is_none()
        && let Some((ca, name)) = issuer.forbids(item)?
    {
        verdict
            .warn(State::Changed, format!("CA {ca} may not issue for {name} (name constraints): verifiers refuse it"));
    }
    Ok(verdict)
}

/// A CA: nothing about it is changed unless a flag asks for it.
pub(super) fn authority(
    item: &Item,
    found: &Found,
    issuer: Option<&Future<'_>>,
    asked: Asked,
    now: OffsetDateTime,
) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let (name, external) = (&item.name, item.external);
    if asked.replace {
        let problem = "it is `external`: kbootstrap makes none in its place";
        match external {
            true => verdict.refuse(Error::pki(problem).hint("put your own new one there")),
            false => verdict.set(State::Changed, Action::Make, "you asked for a new one"),
        }
        return Ok(verdict);
    }
    let Some(certificate) = &found.certificate else {
        return Ok(missing_authority(item, found, asked));
    };
    if !certificate.is_ca() {
        verdict.refuse(Error::pki("the certificate that is there is no CA").hint("bring the right one, or remove it"));
        return Ok(verdict);
    }
    if !certificate.may_sign_certificates() {
        verdict.refuse(Error::pki("it may not sign certificates: its key usage lacks `cert sign`"));
        return Ok(verdict);
    }
    if let Some(oid) = certificate.unknown_critical() {
        let text = format!("it has the critical extension {oid}, which verifiers do not know");
        verdict.refuse(Error::pki(text).hint("Go and openssl refuse whatever it issues: bring a CA without it"));
        return Ok(verdict);
    }
    if found.key.as_ref().is_some_and(|key| !certificate.is_for(key)) {
        let error = Error::pki("the key that is there is not that of its certificate")
            .hint("bring the right one; a CA without its key is fine while it has nothing to sign");
        // A key is written before its certificate.
        verdict.refuse(match external {
            true => error,
            false => error.hint(format!("where a run with --replace-ca {name} was interrupted: repeat it")),
        });
        return Ok(verdict);
    }
    let validity = certificate.validity();
    if now < validity.not_before {
        verdict.refuse(not_yet(validity.not_before));
        return Ok(verdict);
    }
    verdict.warnings.extend(certlint::passed_on(certificate, now));
    let by_another = match issuer {
        Some(Future { certificate: None, .. }) => Some(Foreign::NewAuthority),
        Some(Future { certificate: Some(ca), .. }) => foreign(certificate, ca),
        None => None,
    };
    // Who asked for a new root asked for its intermediate CAs' certificates, too: their keys and subjects stay. Where that
    // was interrupted the new root is there already, by its old name.
    let follows = matches!(by_another, Some(Foreign::NewAuthority | Foreign::OtherKey));
    let by_another = by_another.map(|foreign| foreign.reason());
    if external {
        if asked.renew {
            verdict.refuse(Error::pki("it is `external`: kbootstrap does not renew it"));
        }
        if let Some(reason) = by_another {
            verdict.refuse(Error::pki(reason).hint("bring one that this CA has issued"));
        }
    } else if asked.renew || follows {
        let reason = if asked.renew { "you asked for its renewal".to_owned() } else { by_another.unwrap_or_default() };
        verdict.set(State::Changed, Action::Renew, reason);
        if item.issuer.is_none() && found.key.is_none() {
            verdict.refuse(Error::pki("its key is not there: a root CA signs itself"));
        }
    } else if let Some(reason) = by_another {
        verdict.warn(State::Changed, format!("{reason}: `--renew-ca {name}` has it issued by that one"));
    }
    if !external {
        changed_authority(item, certificate, &mut verdict)?;
    }
    let renews = verdict.action == Some(Action::Renew);
    let how = if external { "bring a new one".to_owned() } else { format!("renew it with `--renew-ca {name}`") };
    if renews {
    } else if now > validity.not_after {
        let text = format!("it has expired on {}: {how}", day_and_minute(validity.not_after));
        verdict.state = Some(State::Expired);
        verdict.warnings.insert(0, text);
    } else if now >= item.due_from(validity.not_before, validity.not_after) {
        verdict.state = Some(State::Due);
        verdict.warnings.insert(0, format!("{}: {how}", ends(&validity, now)));
    }
    Ok(verdict)
}

/// What `--renew-ca` mends, and what only a new CA does.
fn changed_authority(item: &Item, certificate: &Certificate, verdict: &mut Verdict) -> Result<()> {
    let (name, renews) = (&item.name, verdict.action == Some(Action::Renew));
    for difference in differing(item, certificate)? {
        let for_good = difference.starts_with("its subject") || difference.starts_with("its key");
        match (for_good, renews) {
            (true, _) => verdict.warn(
                State::Changed,
                format!(
                    "{difference}: that takes a new CA (`--replace-ca {name}`), and all its certificates issued again"
                ),
            ),
            (false, true) => verdict.reasons.push(difference),
            (false, false) => {
                verdict.warn(State::Changed, format!("{difference}: `--renew-ca {name}` applies the specification"));
            }
        }
    }
    Ok(())
}

fn missing_authority(item: &Item, found: &Found, asked: Asked) -> Verdict {
    let mut verdict = Verdict::default();
    let place = item.files.certificate.display();
    if item.external {
        verdict.refuse(Error::pki(format!("it is `external`, but {place} is not there")).hint("bring it"));
    } else if asked.has_issued {
        verdict.refuse(
            Error::pki(format!("{place} is gone, though certificates of it are there"))
                .hint("bring it back from your backup")
                .hint(format!("or have a new one made, and all its certificates with it: --replace-ca {}", item.name)),
        );
    } else if let Some(key) = found.key.as_ref().filter(|key| key.kind() != item.key) {
        verdict.refuse(
            Error::pki(format!("the key that is there is {}, {} is wanted", key.kind(), item.key))
                .hint("write that key's kind into the specification, or remove the key"),
        );
    } else {
        return Verdict::missing(found);
    }
    verdict
}

/// Why a certificate is not one of its CA's.
enum Foreign {
    /// Its CA is made in this run.
    NewAuthority,
    /// It names another CA.
    OtherName(String),
    /// It names this CA, but another key has signed it.
    OtherKey,
}

impl Foreign {
    fn reason(&self) -> String {
        match self {
            Foreign::NewAuthority => "its CA is new".to_owned(),
            Foreign::OtherName(name) => format!("it was issued by `{name}`, not by its CA"),
            Foreign::OtherKey => "it was issued by a CA of the same name with another key".to_owned(),
        }
    }
}

fn foreign(certificate: &Certificate, ca: &Certificate) -> Option<Foreign> {
    // What cannot be checked here, as MD5, is believed: it was made by somebody else.
    let made = || ca.public_key().ok().and_then(|key| certificate.made_with(key));
    match certificate.issuer() == ca.subject() {
        false => Some(Foreign::OtherName(certificate.issuer().to_string())),
        true => (made() == Some(false)).then_some(Foreign::OtherKey),
    }
}

fn differing(item: &Item, certificate: &Certificate) -> Result<Vec<String>> {
    let sans = item.spec.hosts.iter().map(|host| San::classify(host)).collect::<Result<Vec<_>>>()?;
    let subject = item.spec.subject().to_name()?;
    Ok(differences(certificate, &Specified { subject: &subject, sans: &sans, profile: &item.profile, key: item.key }))
}

fn ends(validity: &Validity, now: OffsetDateTime) -> String {
    let left = validity.not_after - now;
    let text = match (left.whole_days(), left.whole_hours()) {
        (0, hours) => format!("{hours} hours"),
        (1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    };
    format!("it ends in {text}, on {}", day_and_minute(validity.not_after))
}

fn not_yet(begin: OffsetDateTime) -> Error {
    Error::pki(format!("it is not valid before {}", day_and_minute(begin))).hint("is the clock of this machine right?")
}

/// Whether the CA can issue it now; where not, why and what to do.
pub(super) fn signable(item: &Item, issuer: &Future<'_>, issuer_name: &str, now: OffsetDateTime) -> Result<Validity> {
    if let Some(why) = &issuer.cannot_sign {
        return Err(Error::pki(why.clone()).hint(format!("bring the key of CA {issuer_name} for this run")));
    }
    if item.kind == Kind::Authority && issuer.last {
        return Err(Error::pki(format!("CA {issuer_name} may not issue CA certificates: its path length is 0")));
    }
    if let Some((ca, name)) = issuer.forbids(item)? {
        return Err(Error::pki(format!("CA {ca} may not issue for {name}: its name constraints do not allow it"))
            .hint(match issuer.external {
                true => "another CA is needed for this name".to_owned(),
                false => format!("another CA is needed for this name, or other `permitted` and `excluded` of CA {ca}"),
            }));
    }
    let wanted = item.profile.validity(now)?;
    let Some(ca) = &issuer.validity else { return Ok(wanted) };
    let renew = match issuer.external {
        true => format!("bring a renewed certificate of CA {issuer_name}: it is `external`"),
        false => format!("renew the CA with `--renew-ca {issuer_name}`"),
    };
    if now > ca.not_after {
        let text = format!("CA {issuer_name} has expired on {}", day_and_minute(ca.not_after));
        return Err(Error::pki(text).hint(renew));
    }
    wanted.within(ca, Rules::Strict, &mut Vec::new()).map_err(|mut error| {
        error.hints = vec![renew, "or shorten its `expiry`".to_owned()];
        error
    })
}
