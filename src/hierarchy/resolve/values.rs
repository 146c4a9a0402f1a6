//! Single values: profiles, keys, lifetimes, subjects, addresses. What is wrong with one is noted at its place.

use std::collections::BTreeMap;

use super::Resolving;
use super::inherited::Urls;
use crate::document::{Mistake, Path};
use crate::error::Error;
use crate::hierarchy::model::{self, Authority, KeyFormat};
use crate::lifetime::Lifetime;
use crate::pki::{CsrSpec, KeyKind, Profile, Subtrees, Usage};
use crate::text::nearest;

const BUILT_IN: [(&str, &[&str]); 3] = [
    ("server", &["signing", "key encipherment", "server auth"]),
    ("client", &["signing", "key encipherment", "client auth"]),
    ("peer", &["signing", "key encipherment", "server auth", "client auth"]),
];

impl Resolving {
    pub(super) fn profiles(&mut self, written: &BTreeMap<String, model::Profile>) {
        for (name, usages) in BUILT_IN {
            let usages = usages.iter().filter_map(|u| Usage::parse(u).ok()).collect();
            self.profiles.insert(name.into(), Profile { usages, ..Profile::default() });
        }
        for (name, profile) in written {
            let at = Path::root().key("profiles").key(name);
            let mut usages = Vec::new();
            for (i, usage) in profile.usages.iter().enumerate() {
                match Usage::parse(usage) {
                    // Who checks a chain would refuse it, or worse, not.
                    Ok(usage) if usage.is_cert_sign() => {
                        let message = "`cert sign` is for CAs, and profiles are for certificates that are none";
                        let mistake = Mistake::at(at.key("usages").index(i), message);
                        self.mistakes
                            .push(mistake.hint("leave it out; what is to issue others goes under `authorities`"));
                    }
                    Ok(usage) => usages.push(usage),
                    Err(error) => self.refuse(at.key("usages").index(i), error),
                }
            }
            if profile.usages.is_empty() {
                self.mistakes.push(Mistake::at(at.key("usages"), format!("profile `{name}` allows nothing")));
            }
            let expiry = self.lifetime(profile.expiry.as_deref(), &at.key("expiry"));
            let backdate = self.lifetime(profile.backdate.as_deref(), &at.key("backdate"));
            let resolved =
                Profile { usages, expiry, backdate, ocsp_no_check: profile.ocsp_no_check, ..Profile::default() };
            self.profiles.insert(name.clone(), resolved);
        }
    }

    pub(super) fn profile(&mut self, name: &str, at: &Path) -> Profile {
        if let Some(profile) = self.profiles.get(name) {
            return profile.clone();
        }
        let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
        let mistake = Mistake::at(at.clone(), format!("there is no profile `{name}`"))
            .meant(nearest(name, known.iter().copied()));
        self.mistakes.push(mistake.hint(format!("profiles are: {}", known.join(", "))));
        Profile::default()
    }

    pub(super) fn key(
        &mut self,
        written: Option<&model::KeySettings>,
        inherited: (KeyKind, bool),
        at: &Path,
    ) -> (KeyKind, bool) {
        let Some(key) = written else { return inherited };
        let pkcs8 = key.format.map_or(inherited.1, |format| format == KeyFormat::Pkcs8);
        match KeyKind::of(key.algo, key.size) {
            Ok(kind) => (kind, pkcs8),
            Err(error) => {
                self.refuse(at.key("size"), error);
                (inherited.0, pkcs8)
            }
        }
    }

    pub(super) fn lifetime(&mut self, text: Option<&str>, at: &Path) -> Option<Lifetime> {
        match text?.parse::<Lifetime>() {
            Ok(time) if time.is_zero() || time.is_negative() => {
                self.mistakes.push(Mistake::at(at.clone(), "it must be longer than no time at all"));
                None
            }
            Ok(time) if time > Lifetime::MOST_IN_GO => {
                let message =
                    format!("it is longer than {}, the longest that Go programs can hold", Lifetime::MOST_IN_GO);
                self.mistakes.push(Mistake::at(at.clone(), message));
                None
            }
            Ok(time) => Some(time),
            Err(error) => {
                self.refuse(at.clone(), error);
                None
            }
        }
    }

    pub(super) fn subject(&mut self, spec: &CsrSpec, at: &Path) {
        let subject = spec.subject();
        match (subject.to_name(), subject.check()) {
            (Err(error), _) => self.refuse(at.key("names"), error),
            (Ok(_), Err(error)) => self.refuse(at.clone(), error),
            (Ok(_), Ok(())) => {}
        }
    }

    /// What a CA may issue for, without entries that are wrong.
    pub(super) fn name_constraints(&mut self, written: &Authority, at: &Path) -> (Subtrees, Subtrees) {
        let mut wrong = false;
        for (subtrees, key) in [(&written.permitted, "permitted"), (&written.excluded, "excluded")] {
            for entry in subtrees.entries() {
                if let Err(error) = entry.base {
                    self.refuse(at.key(key).key(entry.kind).index(entry.index), error);
                    wrong = true;
                }
            }
            if written.external && !subtrees.is_empty() {
                let message =
                    format!("CA `{}` is `external`: its certificate says which names it may issue for", written.name);
                self.mistakes.push(Mistake::key(at.key(key), message).hint("leave it out"));
            }
        }
        if wrong { Default::default() } else { (written.permitted.clone(), written.excluded.clone()) }
    }

    pub(super) fn urls(&mut self, written: &Authority, at: &Path) -> Urls {
        let mut check = |url: &str, place: Path| {
            if !url.is_ascii() || url.contains(|c: char| c.is_ascii_control() || c == ' ') || !url.contains(':') {
                self.mistakes.push(Mistake::at(place, format!("`{url}` is not a URL")));
            }
        };
        for (url, key) in [(&written.crl_url, "crlUrl"), (&written.ocsp_url, "ocspUrl")] {
            if !url.is_empty() {
                check(url, at.key(key));
            }
        }
        for (i, url) in written.issuer_urls.iter().enumerate() {
            check(url, at.key("issuerUrls").index(i));
        }
        let some = |url: &String| (!url.is_empty()).then(|| url.clone());
        Urls { crl: some(&written.crl_url), ocsp: some(&written.ocsp_url), issuer: written.issuer_urls.clone() }
    }

    pub(super) fn outlives(&mut self, name: &str, expiry: Lifetime, ca: Lifetime, at: &Path, own: bool) {
        // As the CA itself allows: up to 1 % of the certificate's life it is cut to the CA's end.
        if (expiry.duration() - ca.duration()) * 100 > expiry.duration() {
            let place = if own { at.key("expiry") } else { at.key("name") };
            let message = format!("`{name}` would live {expiry} and outlive its CA, which lives {ca}");
            self.mistakes.push(Mistake::at(place, message).hint("shorten its `expiry`, or lengthen the CA's"));
        }
    }

    /// What a check of the PKI found, at its place.
    pub(super) fn refuse(&mut self, at: Path, error: Error) {
        for error in error.each() {
            let mistake = Mistake::at(at.clone(), error.message.clone());
            self.mistakes.push(error.hints.iter().fold(mistake, Mistake::hint));
        }
    }
}
