//! The specification → a [`Hierarchy`]: everything inherited, every value checked, all mistakes at once.

mod files;
mod inherited;
mod values;

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use super::expand;
use super::item::{Hierarchy, Item, Kind, Upkeep};
use super::model::{Authority, Certificate, Specification};
use crate::document::{Mistake, Path};
use crate::lifetime::Lifetime;
use crate::pki::{CaConstraint, CaSpec, CsrSpec, KeySpec, Profile, San, Usage};
use inherited::{Inherited, Urls};

const EXPIRY: Lifetime = Lifetime::hours(8760);
const CA_EXPIRY: Lifetime = Lifetime::hours(87_600);

/// Everything that a specification comes to with its files in `folder`, and what is wrong with it.
pub fn resolve(specification: &Specification, folder: &FilePath) -> (Hierarchy, Vec<Mistake>) {
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

/// A CA that certificates are being resolved for.
#[derive(Clone, Copy)]
struct Above {
    index: usize,
    /// How many CAs may still stand below.
    room: Option<u32>,
    /// None for one that is brought: only its certificate knows.
    life: Option<Lifetime>,
}

impl Resolving {
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
        let (permitted, excluded) = self.name_constraints(written, at);
        let usages = ["cert sign", "crl sign"].iter().filter_map(|u| Usage::parse(u).ok()).collect();
        let profile = Profile {
            usages,
            expiry: Some(expiry),
            ca_constraint: CaConstraint {
                permitted: permitted.clone(),
                excluded: excluded.clone(),
                ..Item::constraint(path_length)
            },
            ..Profile::default()
        };
        let names = written.names.as_ref().unwrap_or(&inherited.names);
        let ca = CaSpec {
            expiry: Some(expiry),
            path_length: path_length.unwrap_or(0),
            path_length_zero: path_length == Some(0),
            backdate: None,
            permitted,
            excluded,
        };
        let spec = CsrSpec {
            cn: written.cn.clone(),
            key: KeySpec::from(key),
            names: names.clone(),
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
            upkeep: Upkeep::Specified,
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
            if let Err(error) = San::of_host(host) {
                self.refuse(at.key("hosts").index(i), error);
            }
        }
        let spec = CsrSpec {
            cn: written.cn.clone(),
            hosts: written.hosts.clone(),
            key: KeySpec::from(key),
            names: written.names.as_ref().unwrap_or(&inherited.names).clone(),
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
            upkeep: Upkeep::Specified,
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
}

fn with_urls(profile: Profile, urls: &Urls) -> Profile {
    Profile { crl_url: urls.crl.clone(), ocsp_url: urls.ocsp.clone(), issuer_urls: urls.issuer.clone(), ..profile }
}
