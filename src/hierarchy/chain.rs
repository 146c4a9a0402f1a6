//! The files that hold a certificate with its CAs: what belongs into them, and whether it is there.

use super::found::Found;
use super::item::Hierarchy;
use super::plan::{Action, Step};
use crate::pki::Certificate;

/// The certificates of a hierarchy as they are or will be.
#[derive(Clone, Copy)]
pub(super) struct Chains<'h, 'c, F: Fn(usize) -> Option<&'c Certificate>> {
    pub(super) hierarchy: &'h Hierarchy,
    pub(super) found: &'c [Found],
    /// The certificate of an item.
    pub(super) of: F,
}

impl<'c, F: Fn(usize) -> Option<&'c Certificate>> Chains<'_, 'c, F> {
    /// The certificate and the intermediate CAs above it. Roots are left out, who checks has them; what stands on top of a
    /// specification may be an intermediate CA of somebody else's, with more above it in its file.
    pub(super) fn chain(&self, index: usize) -> String {
        // The signature is only looked at where it can tell: trees are large.
        let is_root = |i: usize| {
            let item = &self.hierarchy.items[i];
            item.issuer.is_none() && (!item.external || (self.of)(i).is_some_and(Certificate::is_self_signed))
        };
        let intermediate = above(self.hierarchy, index).filter(|&i| !is_root(i)).filter_map(&self.of);
        let brought = self.brought(index).filter(|ca| !ca.is_self_signed());
        (self.of)(index).into_iter().chain(intermediate).chain(brought).map(Certificate::to_pem).collect()
    }

    /// The CAs above it up to the root; of a CA without any above it: itself, as who checks what it has issued needs it.
    pub(super) fn cas(&self, index: usize) -> String {
        let top = Some(index).filter(|_| self.hierarchy.items[index].issuer.is_none());
        let all = above(self.hierarchy, index).chain(top).filter_map(&self.of);
        all.chain(self.brought(index)).map(Certificate::to_pem).collect()
    }

    /// What the file of an external CA on top has above that.
    fn brought(&self, index: usize) -> impl Iterator<Item = &'c Certificate> {
        let top = above(self.hierarchy, index).last().unwrap_or(index);
        self.found[top].above.iter()
    }
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
    let chains = Chains { hierarchy, found, of: |i: usize| found[i].certificate.as_ref() };
    let wanted =
        [(&files.chain, &found[index].chain, chains.chain(index)), (&files.ca, &found[index].ca, chains.cas(index))];
    wanted.into_iter().find_map(|(path, present, wanted)| {
        let how = if present.is_some() { "is out of date" } else { "is not there" };
        path.as_ref()
            .filter(|_| present.as_deref() != Some(wanted.as_bytes()))
            .map(|p| format!("{} {how}", p.display()))
    })
}
