//! The specification → a [`Hierarchy`]: everything inherited, every value checked, all mistakes at once.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};

use super::expand;
use super::item::{Files, Hierarchy, Item, Kind};
use super::model::{self, Authority, Certificate, Defaults, FileNames, KeyAlgorithm, KeyFormat, Specification};
use super::places::{self, Places};
use crate::document::{Mistake, Path};
use crate::error::Error;
use crate::lifetime::Lifetime;
use crate::pki::{CaSpec, CsrSpec, KeyKind, KeySpec, NameSpec, Profile, San, Usage};
use crate::text::nearest;

const EXPIRY: Lifetime = Lifetime::hours(8760);
const CA_EXPIRY: Lifetime = Lifetime::hours(87_600);
/// What Go's `time.Duration` can hold, whole hours: about 292 years.
const MOST: Lifetime = Lifetime::hours(2_562_047);
const BUILT_IN: [(&str, &[&str]); 3] = [
    ("server", &["signing", "key encipherment", "server auth"]),
    ("client", &["signing", "key encipherment", "client auth"]),
    ("peer", &["signing", "key encipherment", "server auth", "client auth"]),
];

/// Everything, and what is wrong.
pub(super) fn resolve(specification: &Specification, folder: &FilePath) -> (Hierarchy, Vec<Mistake>) {
    let mut resolving =
        Resolving { items: Vec::new(), places: Vec::new(), mistakes: Vec::new(), profiles: BTreeMap::new() };
    resolving.profiles(&specification.profiles);
    resolving.folder(specification.folder.as_deref(), &Path::root());
    let top = Inherited::top(folder).with(&specification.defaults, &Path::root().key("defaults"), &mut resolving);
    let at = Path::root().key("authorities");
    if specification.authorities.is_empty() {
        resolving.mistakes.push(Mistake::whole(at.clone(), "there is no CA in it").hint("every certificate has a CA"));
    }
    for (i, authority) in specification.authorities.iter().enumerate() {
        resolving.authority(authority, &at.index(i), &top, None);
    }
    resolving.twice();
    (Hierarchy { items: resolving.items }, resolving.mistakes)
}

struct Resolving {
    items: Vec<Item>,
    /// Where each item is written.
    places: Vec<Path>,
    mistakes: Vec<Mistake>,
    profiles: BTreeMap<String, Profile>,
}

/// What is inherited at a place.
#[derive(Clone)]
struct Inherited {
    key: (KeyKind, bool),
    names: Vec<model::Name>,
    expiry: Option<Lifetime>,
    ca_expiry: Lifetime,
    renew_before: Option<Lifetime>,
    ca_renew_before: Option<Lifetime>,
    profile: String,
    files: FileNames,
    folder: PathBuf,
    urls: Urls,
}

/// What a CA writes into all that it issues.
#[derive(Clone, Default)]
struct Urls {
    crl: Option<String>,
    ocsp: Option<String>,
    issuer: Vec<String>,
}

/// A CA that certificates are being resolved for.
#[derive(Clone, Copy)]
struct Above {
    index: usize,
    /// How many CAs may still stand below.
    room: Option<u32>,
    /// None for one that is brought: only its certificate knows.
    life: Option<Lifetime>,
}

impl Inherited {
    fn top(folder: &FilePath) -> Self {
        Inherited {
            key: (KeyKind::EcdsaP256, false),
            names: Vec::new(),
            expiry: None,
            ca_expiry: CA_EXPIRY,
            renew_before: None,
            ca_renew_before: None,
            profile: "peer".into(),
            files: FileNames {
                certificate: Some("{name}.pem".into()),
                key: Some("{name}-key.pem".into()),
                ..FileNames::default()
            },
            folder: folder.to_owned(),
            urls: Urls::default(),
        }
    }

    fn with(&self, defaults: &Defaults, at: &Path, resolving: &mut Resolving) -> Self {
        let mut time = |text: &Option<String>, name: &str| resolving.lifetime(text.as_deref(), &at.key(name));
        let (expiry, ca_expiry) = (time(&defaults.expiry, "expiry"), time(&defaults.ca_expiry, "caExpiry"));
        let renew = time(&defaults.renew_before, "renewBefore");
        let ca_renew = time(&defaults.ca_renew_before, "caRenewBefore");
        if let Some(name) = &defaults.profile {
            resolving.profile(name, &at.key("profile"));
        }
        Inherited {
            key: resolving.key(defaults.key.as_ref(), self.key, &at.key("key")),
            names: defaults.names.clone().unwrap_or_else(|| self.names.clone()),
            expiry: expiry.or(self.expiry),
            ca_expiry: ca_expiry.unwrap_or(self.ca_expiry),
            renew_before: renew.or(self.renew_before),
            ca_renew_before: ca_renew.or(self.ca_renew_before),
            profile: defaults.profile.clone().unwrap_or_else(|| self.profile.clone()),
            files: over(&defaults.files, &self.files),
            folder: self.folder.clone(),
            urls: self.urls.clone(),
        }
    }
}

/// What is written, and below it what is inherited.
fn over(written: &FileNames, inherited: &FileNames) -> FileNames {
    FileNames {
        certificate: written.certificate.clone().or_else(|| inherited.certificate.clone()),
        key: written.key.clone().or_else(|| inherited.key.clone()),
        chain: written.chain.clone().or_else(|| inherited.chain.clone()),
        ca: written.ca.clone().or_else(|| inherited.ca.clone()),
    }
}

impl Resolving {
    fn profiles(&mut self, written: &BTreeMap<String, model::Profile>) {
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

    fn authority(&mut self, written: &Authority, at: &Path, inherited: &Inherited, above: Option<Above>) {
        let expiry = self.lifetime(written.expiry.as_deref(), &at.key("expiry")).unwrap_or(inherited.ca_expiry);
        let renew = self.lifetime(written.renew_before.as_deref(), &at.key("renewBefore"));
        let (key, pkcs8) = self.key(written.key.as_ref(), inherited.key, &at.key("key"));
        let mut folder = inherited.folder.clone();
        folder.extend(self.folder(written.folder.as_deref(), at));
        let path_length = written.path_length;
        if written.cn.is_empty() && !written.external {
            let mistake = Mistake::at(at.key("CN"), format!("CA `{}` has no `CN`", written.name));
            self.mistakes.push(mistake.hint("or is it `external`, brought by you?"));
        }
        if above.is_some_and(|a| a.room == Some(0)) {
            let message = format!("CA `{}` stands deeper than the `pathLength` of a CA above it allows", written.name);
            self.mistakes.push(Mistake::at(at.key("name"), message).hint("raise that `pathLength`, or leave it out"));
        }
        let usages = ["cert sign", "crl sign"].iter().filter_map(|u| Usage::parse(u).ok()).collect();
        let profile = Profile {
            usages,
            expiry: Some(expiry),
            ca_constraint: Item::constraint(path_length),
            ..Profile::default()
        };
        let names = written.names.as_ref().unwrap_or(&inherited.names);
        let ca = CaSpec {
            expiry: Some(expiry),
            path_length: path_length.unwrap_or(0),
            path_length_zero: path_length == Some(0),
            backdate: None,
        };
        let spec = CsrSpec {
            cn: written.cn.clone(),
            key: KeySpec::from(key),
            names: names.iter().map(name).collect(),
            serial_number: written.serial_number.clone(),
            // A root says so itself; of an intermediate CA the profile says it.
            ca: above.is_none().then_some(ca),
            ..CsrSpec::default()
        };
        self.subject(&spec, at);
        if let Some(life) = above.and_then(|a| a.life).filter(|_| !written.external) {
            self.outlives(&written.name, expiry, life, at, written.expiry.is_some());
        }
        let index = self.items.len();
        let files = self.files(&written.name, &written.files, &inherited.files, &folder, at);
        let item = Item {
            name: written.name.clone(),
            issuer: above.map(|a| a.index),
            kind: Kind::Authority,
            external: written.external,
            spec,
            key,
            pkcs8,
            profile: with_urls(profile, &inherited.urls),
            renew_before: renew.or(inherited.ca_renew_before),
            files,
        };
        self.push(item, at);
        let urls = self.urls(written, at);
        let below = Inherited { folder, urls, ..inherited.with(&written.defaults, &at.key("defaults"), self) };
        let shrunk = above.and_then(|a| a.room).map(|room| room.saturating_sub(1));
        let room = [shrunk, path_length].into_iter().flatten().min();
        let me = Above { index, room, life: (!written.external).then_some(expiry) };
        for (i, inner) in written.authorities.iter().enumerate() {
            self.authority(inner, &at.key("authorities").index(i), &below, Some(me));
        }
        for (i, inner) in written.certificates.iter().enumerate() {
            let at = at.key("certificates").index(i);
            for one in expand::certificates(inner, &at, &mut self.mistakes) {
                self.certificate(&one, &at, &below, me);
            }
        }
    }

    fn certificate(&mut self, written: &Certificate, at: &Path, inherited: &Inherited, above: Above) {
        let name = written.profile.as_ref().unwrap_or(&inherited.profile);
        let profile = match &written.profile {
            Some(_) => self.profile(name, &at.key("profile")),
            None => self.profiles.get(name).cloned().unwrap_or_default(),
        };
        let own = self.lifetime(written.expiry.as_deref(), &at.key("expiry"));
        let expiry = own.or(profile.expiry).or(inherited.expiry).unwrap_or(EXPIRY);
        let renew = self.lifetime(written.renew_before.as_deref(), &at.key("renewBefore"));
        let (key, pkcs8) = self.key(written.key.as_ref(), inherited.key, &at.key("key"));
        if let Some(life) = above.life {
            self.outlives(&written.name, expiry, life, at, written.expiry.is_some());
        }
        if written.cn.is_empty() && written.hosts.is_empty() {
            let message = format!("certificate `{}` is nobody's: it has neither `CN` nor `hosts`", written.name);
            self.mistakes.push(Mistake::at(at.key("CN"), message));
        }
        for (i, host) in written.hosts.iter().enumerate() {
            if let Err(error) = San::classify(host) {
                self.refuse(at.key("hosts").index(i), error);
            }
        }
        let spec = CsrSpec {
            cn: written.cn.clone(),
            hosts: written.hosts.clone(),
            key: KeySpec::from(key),
            names: written.names.as_ref().unwrap_or(&inherited.names).iter().map(self::name).collect(),
            serial_number: written.serial_number.clone(),
            ..CsrSpec::default()
        };
        self.subject(&spec, at);
        let mut folder = inherited.folder.clone();
        folder.extend(self.folder(written.folder.as_deref(), at));
        let files = self.files(&written.name, &written.files, &inherited.files, &folder, at);
        let item = Item {
            name: written.name.clone(),
            issuer: Some(above.index),
            kind: Kind::Certificate,
            external: false,
            spec,
            key,
            pkcs8,
            profile: with_urls(Profile { expiry: Some(expiry), ..profile }, &inherited.urls),
            renew_before: renew.or(inherited.renew_before),
            files,
        };
        self.push(item, at);
    }

    fn push(&mut self, item: Item, at: &Path) {
        self.items.push(item);
        self.places.push(at.clone());
    }

    /// Where the files go. A name that is part of a path must not lead elsewhere.
    fn files(&mut self, name: &str, own: &FileNames, inherited: &FileNames, folder: &FilePath, at: &Path) -> Files {
        if name.is_empty() || name.starts_with(['.', '-']) || name.contains(|c: char| c == '/' || c.is_control()) {
            let message = format!("`{}` cannot be part of a file name", name.escape_debug());
            self.mistakes.push(Mistake::at(at.key("name"), message).hint("use letters, digits, `-`, `_` and `.`"));
        }
        let values = BTreeMap::from([("name".to_owned(), name.to_owned())]);
        let names = over(own, inherited);
        let mut path = |pattern: &str, key: &str| {
            let at = at.key("files").key(key);
            let filled = match expand::fill(pattern, &values) {
                Ok(filled) => {
                    // A faulty name is said already.
                    if let (false, Err((message, hint))) = (name.is_empty(), places::file(&filled)) {
                        self.mistakes.push(Mistake::at(at, message).hint(hint));
                    }
                    filled
                }
                Err((message, near)) => {
                    self.mistakes.push(Mistake::at(at, message).meant(near.as_deref()));
                    String::new()
                }
            };
            folder.join(filled)
        };
        Files {
            certificate: path(names.certificate.as_deref().unwrap_or_default(), "certificate"),
            key: path(names.key.as_deref().unwrap_or_default(), "key"),
            chain: names.chain.as_deref().map(|pattern| path(pattern, "chain")),
            ca: names.ca.as_deref().map(|pattern| path(pattern, "ca")),
        }
    }

    /// A folder as it is written, once it is looked at.
    fn folder<'a>(&mut self, written: Option<&'a str>, at: &Path) -> Option<&'a str> {
        if let Some(Err((message, hint))) = written.map(places::folder) {
            self.mistakes.push(Mistake::at(at.key("folder"), message).hint(hint));
        }
        written
    }

    /// Names and files that two items would share.
    fn twice(&mut self) {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut files, mut places): (BTreeMap<PathBuf, usize>, _) = (BTreeMap::new(), Places::default());
        let mut mistakes = Vec::new();
        for (i, item) in self.items.iter().enumerate().filter(|(_, item)| !item.name.is_empty()) {
            if names.insert(&item.name, i).is_some() {
                let message = format!("another CA or certificate has the name `{}` already", item.name);
                mistakes.push(Mistake::at(self.places[i].key("name"), message));
                continue;
            }
            for file in item.files.all() {
                if let Some(other) = files.insert(places.identity(file, *file == item.files.key), i) {
                    let other = match other == i {
                        true => "another file of its own".to_owned(),
                        false => format!("a file of {}", self.items[other].title()),
                    };
                    let message = format!("{}: {} is {other} already", item.title(), file.display());
                    mistakes.push(Mistake::at(self.places[i].key("name"), message).hint("give it other `files`"));
                }
            }
        }
        self.mistakes.extend(mistakes);
    }

    fn outlives(&mut self, name: &str, expiry: Lifetime, ca: Lifetime, at: &Path, own: bool) {
        // As the CA itself allows: up to 1 % of the certificate's life it is cut to the CA's end.
        if (expiry.duration() - ca.duration()) * 100 > expiry.duration() {
            let place = if own { at.key("expiry") } else { at.key("name") };
            let message = format!("`{name}` would live {expiry} and outlive its CA, which lives {ca}");
            self.mistakes.push(Mistake::at(place, message).hint("shorten its `expiry`, or lengthen the CA's"));
        }
    }

    fn profile(&mut self, name: &str, at: &Path) -> Profile {
        if let Some(profile) = self.profiles.get(name) {
            return profile.clone();
        }
        let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
        let mistake = Mistake::at(at.clone(), format!("there is no profile `{name}`"))
            .meant(nearest(name, known.iter().copied()));
        self.mistakes.push(mistake.hint(format!("profiles are: {}", known.join(", "))));
        Profile::default()
    }

    fn key(&mut self, written: Option<&model::KeySettings>, inherited: (KeyKind, bool), at: &Path) -> (KeyKind, bool) {
        let Some(key) = written else { return inherited };
        let (algo, size) = match key.algo {
            KeyAlgorithm::Rsa => ("rsa", 2048),
            KeyAlgorithm::Ecdsa => ("ecdsa", 256),
            KeyAlgorithm::Ed25519 => ("ed25519", 0),
        };
        let pkcs8 = key.format.map_or(inherited.1, |format| format == KeyFormat::Pkcs8);
        if key.algo == KeyAlgorithm::Ed25519 && key.size.is_some() {
            self.mistakes.push(Mistake::at(at.key("size"), "ed25519 keys have one size only").hint("leave `size` out"));
        }
        match KeyKind::from_spec(algo, key.size.unwrap_or(size)) {
            Ok(kind) => (kind, pkcs8),
            Err(error) => {
                self.refuse(at.key("size"), error);
                (inherited.0, pkcs8)
            }
        }
    }

    fn lifetime(&mut self, text: Option<&str>, at: &Path) -> Option<Lifetime> {
        match text?.parse::<Lifetime>() {
            Ok(time) if time.is_zero() || time.is_negative() => {
                self.mistakes.push(Mistake::at(at.clone(), "it must be longer than no time at all"));
                None
            }
            Ok(time) if time > MOST => {
                let message = format!("it is longer than {MOST}, the longest that Go programs can hold");
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

    fn subject(&mut self, spec: &CsrSpec, at: &Path) {
        if let Err(error) = spec.subject().to_name() {
            self.refuse(at.key("names"), error);
        }
    }

    fn urls(&mut self, written: &Authority, at: &Path) -> Urls {
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

    /// What a check of the PKI found, at its place.
    fn refuse(&mut self, at: Path, error: Error) {
        for error in std::iter::once(&error).chain(&error.others) {
            let mistake = Mistake::at(at.clone(), error.message.clone());
            self.mistakes.push(error.hints.iter().fold(mistake, Mistake::hint));
        }
    }
}

fn with_urls(profile: Profile, urls: &Urls) -> Profile {
    Profile { crl_url: urls.crl.clone(), ocsp_url: urls.ocsp.clone(), issuer_urls: urls.issuer.clone(), ..profile }
}

fn name(name: &model::Name) -> NameSpec {
    let model::Name { c, st, l, o, ou, e, oid } = name.clone();
    NameSpec { c, st, l, o, ou, e, oid }
}
