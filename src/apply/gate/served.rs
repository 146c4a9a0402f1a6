//! Certificates in force: what servers show is what was brought to their hosts. They read their files again by themselves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::apply::Job;
use crate::apply::steps::collect;
use crate::clients::http::{Client, Tls};
use crate::error::{Error, Result};
use crate::health::{Poll, Schedule};
use crate::parallel;
use crate::plan::{FileDifference, Plan};
use crate::trust::{Served, Trust};

/// kube-apiserver and kubelet look every minute at the latest, etcd at each connection.
const SHOWN: Schedule = Schedule::new(120, 500);

/// Certificates among those that the plan brings, which servers show.
pub(in crate::apply) fn brought<'t>(trust: &'t Trust, plan: &Plan) -> Vec<Served<'t>> {
    let comes = |served: &Served<'_>| {
        let mut files = plan.hosts.iter().filter(|host| host.host == served.host).flat_map(|host| &host.files);
        files.any(|file| file.path == served.path && file.change != FileDifference::Mode)
    };
    trust.served().into_iter().filter(comes).collect()
}

/// Each of them is shown by its server.
pub(in crate::apply) fn shown(job: &Job<'_>) -> Result<String> {
    let all = brought(job.trust, job.plan);
    let outcomes = parallel::each(&all, job.pool.at_once(), |served| {
        let Served { host, path, port, .. } = served;
        let what = format!("{host}: what listens on {port} does not show {path}");
        let hint = format!("look at it on {host}: ss -ltnp | grep :{port}; a restart of that service reads it again");
        job.until(&what, SHOWN, || look(job, served)).map_err(|e| e.hint(hint))
    });
    collect(outcomes.into_iter().filter_map(Result::err).collect())?;
    Ok(all.len().to_string())
}

fn look(job: &Job<'_>, served: &Served<'_>) -> Result<Poll<()>> {
    let host = job.cluster.host(served.host).ok_or_else(|| Error::internal(format!("no host {}", served.host)))?;
    let mut transport = job.connect(&host.name)?;
    let tls = Tls::anonymous(served.trusted.as_bytes())?;
    let mut dial = |at: IpAddr| {
        let address = SocketAddr::new(at, served.port);
        Client::dial(&mut *transport, address, &host.address.to_string(), &tls)
            .map(|mut client| client.server_certificate())
    };
    // What listens on loopback only may have been opened by its flags, or moved to the host's address.
    let shown = dial(host.address).or_else(|_| dial(Ipv4Addr::LOCALHOST.into()));
    Ok(match shown {
        Ok(Some(shown)) if shown == served.certificate => Poll::Ready(()),
        Ok(Some(_)) => Poll::Pending("it shows another one".into()),
        Ok(None) => Poll::Pending("it shows none".into()),
        Err(error) => Poll::Pending(error.message),
    })
}
