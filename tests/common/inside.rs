//! Work as a process of a lab host would do it: in the host's network namespace, so that its loopback is 127.0.0.1.

use std::fs::File;
use std::thread::{Builder, JoinHandle};

use rustix::fd::AsFd;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::cluster::Cluster;

/// Starts a thread that is on the host, as far as the network goes.
pub fn inside<T: Send + 'static>(
    cluster: &Cluster,
    host: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let netns = cluster.lab().state().hosts.iter().find(|there| there.name == host).unwrap().netns.clone();
    let namespace = File::open(format!("/run/netns/{netns}")).unwrap();
    Builder::new()
        .name(format!("on {host}"))
        .spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        })
        .unwrap()
}
