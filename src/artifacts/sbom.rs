//! What a cluster runs and where it came from, as a CycloneDX 1.5 document: a pure function of its lock.

use serde_json::{Value, json};

use super::known;
use super::lock::{BUILT, Lock, Locked, LockedPackage};
use super::release::place;
use super::requirements::Requirement;
use crate::components::Catalogue;
use crate::digest::sha256;
use crate::recipes::{Project, Recipe, module_sum, package, recipe};
use crate::text::percent_encoded;

/// The document about the cluster of that name. The same lock gives the same bytes: no clock is in them.
pub fn sbom(lock: &Lock, name: &str, catalogue: &Catalogue) -> Value {
    let kubernetes = lock.artifacts.iter().find(|l| program(&l.name, catalogue) == Some(Project::Kubernetes));
    let kubernetes = kubernetes.map(|locked| locked.version.as_str());
    let of = |locked: &Locked| component(locked, requirement(locked, catalogue, kubernetes).as_ref());
    let components: Vec<Value> =
        lock.artifacts.iter().map(of).chain(lock.packages.iter().map(of_distribution)).collect();
    let references: Vec<&Value> = components.iter().map(|component| &component["bom-ref"]).collect();
    let main = format!("cluster:{name}");
    let mut root = json!({ "type": "platform", "bom-ref": main, "name": name });
    if let Some(version) = kubernetes {
        root["version"] = version.into();
        root["description"] = format!("a Kubernetes {version} cluster").into();
    }
    let own = json!({ "type": "application", "name": "kbootstrap", "version": env!("CARGO_PKG_VERSION") });
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": serial(lock, name),
        "version": 1,
        "metadata": { "tools": { "components": [own] }, "component": root },
        "components": components,
        "dependencies": [{ "ref": main, "dependsOn": references }],
    })
}

/// The project of a program.
fn program(name: &str, catalogue: &Catalogue) -> Option<Project> {
    let mut programs = catalogue.components.iter().flat_map(|spec| spec.programs);
    programs.find(|program| program.artifact == name).map(|program| program.project)
}

/// What a row of the lock was wanted as; none for what the catalogue does not have.
fn requirement(locked: &Locked, catalogue: &Catalogue, kubernetes: Option<&str>) -> Option<Requirement> {
    let Locked { name, version, arch, .. } = locked.clone();
    let image = catalogue.image(&name);
    let project = program(&name, catalogue).or_else(|| image.map(|image| image.project))?;
    // The images of the Kubernetes project have versions of their own.
    let release = match image.is_some_and(|image| image.version.is_some()) {
        true => kubernetes?.to_owned(),
        false => version.clone(),
    };
    let image = image.map(|image| image.reference(&version));
    Some(Requirement { name, version, arch, project, release, image })
}

fn component(locked: &Locked, thing: Option<&Requirement>) -> Value {
    let is_image = locked.name.starts_with("image-");
    let mut component = json!({
        "type": if is_image { "container" } else { "application" },
        "bom-ref": format!("{}@{}:{}", locked.name, locked.version, locked.arch),
        "name": locked.name,
        "version": locked.version,
        "hashes": [{ "alg": "SHA-256", "content": locked.sha256 }],
        "purl": purl(locked, thing),
    });
    let mut properties = vec![
        property("arch", &locked.arch),
        property("size", &locked.size.to_string()),
        property("source", &locked.source),
    ];
    if let Some(reference) = thing.and_then(|thing| thing.image.as_deref()) {
        properties.push(property("image", reference));
    }
    let is_url = ["https://", "http://"].iter().any(|scheme| locked.source.starts_with(scheme));
    if is_url {
        component["externalReferences"] = json!([{ "type": "distribution", "url": locked.source }]);
    }
    properties.extend(held_by(locked, thing, is_url).map(|by| property("held-by", &by)));
    component["properties"] = properties.into();
    component
}

/// A package of a distribution, by the name that scanners know it by.
fn of_distribution(pin: &LockedPackage) -> Value {
    let (distribution, codename) = pin.release.split_once('/').unwrap_or((&pin.release, ""));
    let mut component = component(&pin.locked(), None);
    component["bom-ref"] = format!("{}@{}:{}:{codename}", pin.locked().name, pin.version, pin.arch).into();
    component["name"] = pin.name.clone().into();
    let [distribution, name, version, codename] =
        [distribution, &pin.name, &pin.version, codename].map(percent_encoded);
    component["purl"] = format!("pkg:deb/{distribution}/{name}@{version}?arch={}&distro={codename}", pin.arch).into();
    component
}

/// What fixed the bytes before the lock did.
fn held_by(locked: &Locked, thing: Option<&Requirement>, downloaded: bool) -> Option<String> {
    let thing = thing?;
    if downloaded {
        let sha256 = known::sha256(&place(thing)?.url)?;
        return Some(format!("kbootstrap's own checksum of what it came in, SHA-256 {sha256}"));
    }
    // Of what a folder or a bundle brought nothing is known but their word.
    let (recipe, module, _) = module(thing).filter(|_| locked.source.starts_with(BUILT))?;
    Some(format!("kbootstrap's own go.sum: {module} v{} {}", recipe.version, module_sum(&recipe, module)?))
}

/// The Go module that it is built from, and where in it.
fn module(thing: &Requirement) -> Option<(Recipe, &'static str, String)> {
    let recipe = recipe(thing.project, &thing.release)?;
    let package = package(&thing.name)?;
    let module = *recipe.modules.iter().find(|m| package == **m || package.starts_with(&format!("{m}/")))?;
    let below = package[module.len()..].trim_start_matches('/').to_owned();
    Some((recipe, module, below))
}

/// A package URL (ECMA-427): the Go package that it is built from, which scanners know; else its name and its hash.
fn purl(locked: &Locked, thing: Option<&Requirement>) -> String {
    // The plugin's version in the lock is flannel's, and its module's another one.
    let go = thing.filter(|thing| thing.project != Project::CniFlannel).and_then(|thing| {
        let (recipe, module, below) = module(thing)?;
        let subpath = if below.is_empty() { String::new() } else { format!("#{below}") };
        Some(format!("pkg:golang/{module}@v{}?arch={}{subpath}", recipe.version, locked.arch))
    });
    go.unwrap_or_else(|| {
        let Locked { name, version, arch, sha256, .. } = locked;
        format!(
            "pkg:generic/{}@{}?arch={arch}&checksum=sha256:{sha256}",
            percent_encoded(name),
            percent_encoded(version)
        )
    })
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": format!("kbootstrap:{name}"), "value": value })
}

/// A UUID (RFC 9562 §5.8, version 8) made from what is in the document, so that another lock has another one.
fn serial(lock: &Lock, name: &str) -> String {
    let text: String = lock.everything().iter().map(|l| format!("{} {} {}\n", l.title(), l.sha256, l.source)).collect();
    let hash = sha256(format!("{name}\n{text}").as_bytes());
    format!("urn:uuid:{}-{}-8{}-8{}-{}", &hash[..8], &hash[8..12], &hash[12..15], &hash[15..18], &hash[18..30])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::artifacts::requirements::tests::everything;

    fn lock() -> Lock {
        let mut lock = Lock::default();
        for (index, thing) in everything().into_iter().enumerate() {
            let source =
                if thing.name == "runc" { place(&thing).unwrap().url } else { "built from x with go1.26.8".into() };
            lock.set(Locked::of(&thing, format!("{index:064x}"), 17, source));
        }
        lock
    }

    fn document_of(lock: &Lock) -> String {
        document(lock).to_string()
    }

    fn document(lock: &Lock) -> Value {
        sbom(lock, "prod", &Catalogue::standard())
    }

    #[test]
    fn every_row_of_the_lock_is_a_component_of_its_own() {
        let lock = lock();
        let document = document(&lock);
        let components = document["components"].as_array().unwrap();
        assert_eq!(components.len(), lock.artifacts.len());
        let references: BTreeSet<_> = components.iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(references.len(), components.len());
        assert_eq!(document["dependencies"][0]["dependsOn"].as_array().unwrap().len(), components.len());
    }

    #[test]
    fn a_component_says_what_it_is_and_where_it_came_from() {
        let document = document(&lock());
        let of = |name: &str| document["components"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap();
        let purls = ["kubelet", "etcdctl", "runc", "cni-bridge", "cni-flannel", "image-coredns", "image-pause"];
        let text = purls.map(|name| of(name)["purl"].as_str().unwrap()).join("\n");
        let hash = |name: &str| of(name)["hashes"][0]["content"].as_str().unwrap().to_owned();
        insta::assert_snapshot!(text.replace(&hash("cni-flannel"), "HASH").replace(&hash("image-pause"), "HASH"), @r"
        pkg:golang/k8s.io/kubernetes@v1.36.3?arch=amd64#cmd/kubelet
        pkg:golang/go.etcd.io/etcd/etcdctl/v3@v3.6.14?arch=amd64
        pkg:golang/github.com/opencontainers/runc@v1.5.2?arch=amd64
        pkg:golang/github.com/containernetworking/plugins@v1.9.1?arch=amd64#plugins/main/bridge
        pkg:generic/cni-flannel@0.28.10?arch=amd64&checksum=sha256:HASH
        pkg:golang/github.com/coredns/coredns@v1.14.7?arch=amd64
        pkg:generic/image-pause@3.10.1?arch=amd64&checksum=sha256:HASH
        ");
        let url = "https://github.com/opencontainers/runc/releases/download/v1.5.2/runc.amd64";
        assert_eq!(of("runc")["externalReferences"], json!([{ "type": "distribution", "url": url }]));
        let image = &of("image-coredns")["properties"][3];
        assert_eq!(*image, property("image", "registry.k8s.io/coredns/coredns:v1.14.7"));
        let held = of("kubelet")["properties"].as_array().unwrap().last().unwrap()["value"].as_str().unwrap();
        assert!(held.starts_with("kbootstrap's own go.sum: k8s.io/kubernetes v1.36.3 h1:"), "{held}");
        let mut imported = lock();
        imported.artifacts.iter_mut().for_each(|l| l.source = format!("imported from x.tar, which says: {}", l.source));
        assert!(!document_of(&imported).contains("held-by"), "a bundle's word is nobody's proof");
    }

    #[test]
    fn the_same_lock_gives_the_same_document_and_another_one_another_number() {
        let (one, mut other) = (lock(), lock());
        assert_eq!(document(&one), document(&one));
        other.artifacts[0].sha256 = "f".repeat(64);
        assert_ne!(document(&one)["serialNumber"], document(&other)["serialNumber"]);
    }

    #[test]
    fn packages_of_distributions_have_the_names_that_scanners_know() {
        let pin = LockedPackage {
            release: "debian/bookworm".into(),
            arch: "amd64".into(),
            name: "libstdc++6".into(),
            version: "12.2.0-14+deb12u1".into(),
            sha256: "a".repeat(64),
            size: 1,
            source: "https://deb.debian.org/debian/pool/x.deb".into(),
            pre_depends: String::new(),
            depends: String::new(),
            provides: String::new(),
            conflicts: String::new(),
        };
        let lock = Lock { packages: vec![pin], ..Lock::default() };
        let document = sbom(&lock, "demo", &Catalogue::standard());
        let component = &document["components"][0];
        assert_eq!(component["purl"], "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm");
        assert_eq!(component["name"], "libstdc++6");
        assert_eq!(document["dependencies"][0]["dependsOn"][0], component["bom-ref"]);
    }
}
