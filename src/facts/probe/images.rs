//! Images that containerd holds.

use super::Group;

/// Images.
pub(super) const GROUP: Group = Group {
    shell: include_str!("images.sh"),
    ask: |_, layout, variables| variables.set("runtime", &layout.containerd_socket()),
    read: |sections, facts| facts.images = sections.set("images"),
};
