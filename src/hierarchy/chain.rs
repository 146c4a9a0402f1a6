//! The files that hold a certificate with its CAs: what belongs into them, and whether it is there.

use super::found::Found;
use super::item::Hierarchy;
use super::plan::{Action, Step};
use crate::pki::Certificate;

/// The certificate and the intermediate CAs above it. Roots are left out, who checks has them; what stands on top of a
/// specification may be an intermediate CA of somebody else's. `of` gives the certificate of an item.
pub(super) fn chain<'a>(hierarchy: &Hierarchy, index: usize, of: &impl Fn(usize) -> Option<&'a Certificate>) -> String {
    // The signature is only looked at where it can tell: trees are large.
    let is_root = |i: usize| {
        let item = &hierarchy.items[i];
        item.issuer.is_none() && (!item.external || of(i).is_some_and(Certificate::is_self_signed))
    };
    let intermediate = above(hierarchy, index).filter(|&i| !is_root(i)).filter_map(of);
    of(index).into_iter().chain(intermediate).map(Certificate::to_pem).collect()
}

/// The CAs above it up to the root; of a CA without any above it: itself, as who checks what it has issued needs it.
pub(super) fn cas<'a>(hierarchy: &Hierarchy, index: usize, of: &impl Fn(usize) -> Option<&'a Certificate>) -> String {
    let top = Some(index).filter(|_| hierarchy.items[index].issuer.is_none());
    above(hierarchy, index).chain(top).filter_map(of).map(Certificate::to_pem).collect()
}

/// The CAs above an item, the nearest first.
fn above(hierarchy: &Hierarchy, index: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(hierarchy.items[index].issuer, |above| hierarchy.items[*above].issuer)
}

/// Why the chain files of an item whose certificate stays are to be written; `steps` are those of the items before it.
pub(super) fn stale(hierarchy: &Hierarchy, found: &[Found], steps: &[Step], index: usize) -> Option<String> {
    let files = &hierarchy.items[index].files;
    if files.chain.is_none() && files.ca.is_none() {
        return None;
    }
    let changes = |above: &usize| matches!(steps[*above].action, Action::Make | Action::Issue | Action::Renew);
    if let Some(above) = above(hierarchy, index).find(changes) {
        return Some(format!("its chain has the old certificate of {}", hierarchy.items[above].title()));
    }
    let of = |i: usize| found[i].certificate.as_ref();
    let wanted = [
        (&files.chain, &found[index].chain, chain(hierarchy, index, &of)),
        (&files.ca, &found[index].ca, cas(hierarchy, index, &of)),
    ];
    wanted.into_iter().find_map(|(path, present, wanted)| {
        let how = if present.is_some() { "is out of date" } else { "is not there" };
        path.as_ref()
            .filter(|_| present.as_deref() != Some(wanted.as_bytes()))
            .map(|p| format!("{} {how}", p.display()))
    })
}
