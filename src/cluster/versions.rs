//! Which versions go together: one row per Kubernetes release that kbootstrap knows.

use semver::Version;

use super::Versions;
use crate::inventory::{Inventory, Mistake, Path};

/// A Kubernetes release and the versions of the other programs that are brought up with it.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    /// Kubernetes.
    pub kubernetes: &'static str,
    /// etcd.
    pub etcd: &'static str,
    /// containerd.
    pub containerd: &'static str,
    /// runc.
    pub runc: &'static str,
    /// CNI plugins.
    pub cni_plugins: &'static str,
    /// flannel.
    pub flannel: &'static str,
    /// CoreDNS.
    pub coredns: &'static str,
    /// The pause image's tag.
    pub pause: &'static str,
    /// Least containerd that its project supports with this Kubernetes (containerd's RELEASES.md).
    least_containerd: (u64, u64, u64),
    /// First etcd minor release that Kubernetes is not used with.
    etcd_before: (u64, u64),
}

/// The newest first.
pub const RELEASES: [Release; 3] = [
    Release { least_containerd: (2, 2, 0), etcd_before: (3, 8), ..common("1.36.3") },
    Release { least_containerd: (2, 1, 5), ..common("1.35.4") },
    Release { least_containerd: (2, 1, 3), ..common("1.34.4") },
];

const fn common(kubernetes: &'static str) -> Release {
    Release {
        kubernetes,
        etcd: "3.6.14",
        containerd: "2.3.7",
        runc: "1.5.2",
        cni_plugins: "1.9.1",
        flannel: "0.28.10",
        coredns: "1.14.7",
        pause: "3.10.1",
        least_containerd: (2, 1, 3),
        etcd_before: (3, 7),
    }
}

/// The release that `text` names: `1.36.3`, or `1.36` for the newest patch release that is known; none: the newest.
///
/// # Errors
/// The mistake, with the known releases and the nearest.
pub fn release(text: Option<&str>) -> Result<&'static Release, Mistake> {
    let Some(written) = text else { return Ok(&RELEASES[0]) };
    let text = written.strip_prefix('v').unwrap_or(written);
    let minor = |release: &Release| release.kubernetes.rsplit_once('.').map(|(minor, _)| minor) == Some(text);
    if let Some(found) = RELEASES.iter().find(|r| r.kubernetes == text || minor(r)) {
        return Ok(found);
    }
    let known = RELEASES.map(|r| r.kubernetes);
    let minor = |text: &str| text.strip_prefix("1.")?.split('.').next()?.parse::<i64>().ok();
    let near = minor(text).and_then(|n| known.into_iter().min_by_key(|k| minor(k).map(|m| (m - n).abs())));
    Err(Mistake::at(Path::root().key("kubernetes"), format!("unknown Kubernetes version `{written}`"))
        .meant(near)
        .hint(format!("known: {}", known.join(", "))))
}

/// What fits a Kubernetes version where no inventory says otherwise; for one that is not known, what fits the newest.
pub fn fitting(kubernetes: &Version) -> Versions {
    let known = RELEASES.iter().find(|release| release.kubernetes == kubernetes.to_string());
    let release = known.unwrap_or(&RELEASES[0]);
    // The table's versions are valid: a test reads them all.
    let version = |text: &str| Version::parse(text).unwrap_or_else(|_| kubernetes.clone());
    Versions {
        kubernetes: kubernetes.clone(),
        etcd: version(release.etcd),
        containerd: version(release.containerd),
        runc: version(release.runc),
        cni_plugins: version(release.cni_plugins),
        flannel: version(release.flannel),
        coredns: version(release.coredns),
        pause: release.pause.into(),
    }
}

/// The versions of everything; mistakes are added to `mistakes`.
pub fn resolve(inventory: &Inventory, mistakes: &mut Vec<Mistake>) -> Option<Versions> {
    let release = match release(inventory.kubernetes.as_deref()) {
        Ok(release) => release,
        Err(mistake) => {
            mistakes.push(mistake);
            return None;
        }
    };
    let asked = &inventory.versions;
    let mut pick = |field: &str, asked: &Option<String>, default: &str| match asked {
        None => Version::parse(default).ok(),
        Some(text) => match Version::parse(text.strip_prefix('v').unwrap_or(text)) {
            Ok(version) => Some(version),
            Err(_) => {
                let message = format!("`{text}` is not a version");
                let hint = format!("write all three numbers, for example `{default}`");
                mistakes.push(Mistake::at(Path::root().key("versions").key(field), message).hint(hint));
                None
            }
        },
    };
    let etcd = pick("etcd", &asked.etcd, release.etcd);
    let containerd = pick("containerd", &asked.containerd, release.containerd);
    let runc = pick("runc", &asked.runc, release.runc);
    let cni_plugins = pick("cniPlugins", &asked.cni_plugins, release.cni_plugins);
    let flannel = pick("flannel", &asked.flannel, release.flannel);
    let coredns = pick("coredns", &asked.coredns, release.coredns);
    mistakes.extend(etcd.as_ref().and_then(|v| etcd_misfit(release, v)));
    mistakes.extend(containerd.as_ref().and_then(|v| containerd_misfit(release, v)));
    Some(Versions {
        kubernetes: Version::parse(release.kubernetes).ok()?,
        etcd: etcd?,
        containerd: containerd?,
        runc: runc?,
        cni_plugins: cni_plugins?,
        flannel: flannel?,
        coredns: coredns?,
        pause: release.pause.into(),
    })
}

/// Flags are rendered for etcd 3.6 and newer, where feature gates replaced `--experimental-*`.
fn etcd_misfit(release: &Release, version: &Version) -> Option<Mistake> {
    let (major, minor) = release.etcd_before;
    let fits = (3, 6) <= (version.major, version.minor) && (version.major, version.minor) < (major, minor);
    misfit(release, "etcd", version, fits, &format!("3.6.0 or newer and older than {major}.{minor}.0"), release.etcd)
}

fn containerd_misfit(release: &Release, version: &Version) -> Option<Mistake> {
    let (major, minor, patch) = release.least_containerd;
    let fits = *version >= Version::new(major, minor, patch) && version.major == 2;
    misfit(release, "containerd", version, fits, &format!("2.x, {major}.{minor}.{patch} or newer"), release.containerd)
}

fn misfit(release: &Release, name: &str, version: &Version, fits: bool, range: &str, default: &str) -> Option<Mistake> {
    let message = format!("{name} {version} does not fit Kubernetes {}: it needs {range}", release.kubernetes);
    let path = Path::root().key("versions").key(name);
    (!fits).then(|| Mistake::at(path, message).hint(format!("leave it out for {default}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_is_complete_and_fits_itself() {
        for release in &RELEASES {
            let inventory = Inventory { kubernetes: Some(release.kubernetes.into()), ..Inventory::default() };
            let mut mistakes = vec![];
            let versions = resolve(&inventory, &mut mistakes).unwrap();
            assert_eq!((versions.kubernetes.to_string().as_str(), mistakes.len()), (release.kubernetes, 0));
            assert_eq!(fitting(&versions.kubernetes), versions);
        }
    }

    #[test]
    fn a_minor_means_its_newest_patch_and_nothing_means_the_newest() {
        assert_eq!(release(None).unwrap().kubernetes, "1.36.3");
        assert_eq!(release(Some("1.35")).unwrap().kubernetes, "1.35.4");
        assert_eq!(release(Some("v1.34.4")).unwrap().kubernetes, "1.34.4");
        assert!(release(Some("1.3")).is_err());
    }
}
