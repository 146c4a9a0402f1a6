//! What should not be there is taken away, as the plan says it.

use super::gone::still_there;
use super::{Job, gate};
use crate::changes::What;
use crate::clients::http::Client;
use crate::clients::kube;
use crate::error::{Error, Result};
use crate::health::Poll;
use crate::plan::Removal;
use crate::reset;

/// From a host.
pub(super) fn take_away(job: &Job<'_>, host: &str, name: &str) -> Result<String> {
    let removal = removal(job, name, |removal| removal.targets(host).is_some())?;
    let targets = removal.targets(host).ok_or_else(|| Error::internal(format!("{host} has nothing of {name}")))?;
    let layout = &job.cluster.layout;
    let lines = match &removal.leftover.what {
        What::Host { host, .. } => reset::reset(&mut *job.pool.take(&host.host())?, targets, layout)?,
        _ => reset::reset(&mut *job.connect(host)?, targets, layout)?,
    };
    Ok(lines.join("; "))
}

/// From the API.
pub(super) fn delete(job: &Job<'_>, name: &str) -> Result<String> {
    let removal = removal(job, name, |removal| !removal.objects.is_empty())?;
    gate::ask(job, &format!("what the API has of {name} is not gone"), gate::API, |client| {
        let mut there = Vec::new();
        for object in &removal.objects {
            there.extend(delete_one(client, removal, object)?);
        }
        Ok(if there.is_empty() { Poll::Ready(()) } else { Poll::Pending(there.join("; ")) })
    })?;
    Ok(format!("{} objects", removal.objects.len()))
}

/// Why it is still there, in words; none where it is gone.
fn delete_one(client: &mut Client<'_>, removal: &Removal, object: &serde_json::Value) -> Result<Option<String>> {
    let path = kube::path_of(object)?;
    if object["kind"] == "Node" && removal.asks_node() {
        let name = &removal.leftover.name;
        let nodes = kube::nodes(client)?;
        if nodes.iter().any(|node| node.name == *name && node.ready) {
            return Err(Error::refused(format!("the node {name} has become Ready: something runs it"))
                .hint("put its host back into the inventory, or stop its kubelet, and run `up` again"));
        }
    }
    kube::delete(client, &path)?;
    Ok(kube::get(client, &path)?.map(|left| still_there(&path, &left)))
}

fn removal<'j>(job: &'j Job<'_>, name: &str, has: impl Fn(&&Removal) -> bool) -> Result<&'j Removal> {
    let mut named = job.plan.removals().filter(|removal| removal.leftover.name == name);
    named.find(has).ok_or_else(|| Error::internal(format!("the plan does not remove {name}")))
}
