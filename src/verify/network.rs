//! The network as pods and hosts use it: pods across nodes, Services by address and name, node ports.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::Fixture;
use super::manifests::{NAME, PORT, SERVICE_PORT};
use super::pods::EXEC_TIMEOUT;
use crate::clients::http::{Client, Request, encode};
use crate::clients::kube::{self, Pod};
use crate::error::{Error, Kind, Result};
use crate::health::{Poll, Schedule, wait};

/// kube-proxy and CoreDNS learn of a new Service within seconds.
const SETTLING: Schedule = Schedule::new(10, 200);
/// CoreDNS itself may be starting: after a host's reboot the API server calls its pod ready for as long as the kubelet has
/// not looked.
const NAMES_SETTLING: Schedule = Schedule::new(45, 200);
/// The label that CoreDNS carries in every cluster.
const DNS_PODS: &str = "k8s-app=kube-dns";
/// More than the largest packet of any usual link (9000 is a jumbo frame).
const LARGE: usize = 20_000;

/// Check `pod-to-pod`: every node's pod opens a connection to the pod of the next node.
pub(super) fn pod_to_pod(fixture: &mut Fixture<'_, '_>) -> Result<String> {
    if fixture.pods.len() < 2 {
        return Ok("one pod only, no other node to reach".into());
    }
    for (from, to) in ring(fixture.pods) {
        let what = format!("{} on {}", to.name, to.node);
        reach(fixture, &from, &target(&to.ip, PORT), &what, SETTLING).map_err(|e| {
            e.hint("the nodes must reach each other on the network plugin's port (flannel VXLAN: UDP 8472)")
        })?;
    }
    Ok(format!("{} connections, each to another node", fixture.pods.len()))
}

/// Check `service-address`: from every node.
pub(super) fn service_by_address(fixture: &mut Fixture<'_, '_>) -> Result<String> {
    let address = service(fixture)?.0;
    from_every_pod(fixture, &target(&address, SERVICE_PORT), "the Service by its address")
        .map_err(|e| e.hint("look at kube-proxy on that node: journalctl -u kube-proxy"))?;
    Ok(format!("{address} from {} nodes", fixture.pods.len()))
}

/// Check `service-name`: from every node by the short name, which the pod's search list completes.
pub(super) fn service_by_name(fixture: &mut Fixture<'_, '_>) -> Result<String> {
    from_every_pod_within(fixture, &target(NAME, SERVICE_PORT), "the Service by its name", NAMES_SETTLING)
        .map_err(|e| dns_evidence(fixture, e))?;
    let full = format!("{NAME}.{}.svc.{}", fixture.names.namespace, fixture.names.dns_domain);
    from_every_pod(fixture, &target(&full, SERVICE_PORT), "the Service by its full name")
        .map_err(|e| dns_evidence(fixture, e))?;
    Ok(format!("{NAME} and {full}"))
}

/// Check `dns`: the API server, by the name that every program in the cluster uses.
pub(super) fn api_by_name(fixture: &mut Fixture<'_, '_>) -> Result<String> {
    let name = "kubernetes.default";
    from_every_pod(fixture, &target(name, 443), "the API server by its name").map_err(|e| dns_evidence(fixture, e))?;
    Ok(format!("{name} from {} nodes", fixture.pods.len()))
}

/// Check `node-port`: from the first master, on every node's address.
pub(super) fn node_port(fixture: &mut Fixture<'_, '_>) -> Result<String> {
    let port = service(fixture)?.1;
    for (name, address) in fixture.nodes {
        let at = SocketAddr::new(*address, port);
        wait(&format!("node port {port} of {name} ({address}) does not answer"), SETTLING, fixture.interrupted, || {
            let host = fixture.master.host().to_owned();
            let stream = match fixture.master.dial(at) {
                Ok(stream) => stream,
                Err(error) => return Ok(Poll::Pending(error.message)),
            };
            let mut client = Client::plain(stream, format!("{at} (asked through {host})"), &address.to_string());
            pending(answering_pod(&mut client, fixture.pods).map(|_| ()))
        })
        .map_err(|e| e.hint(format!("look at kube-proxy on {name}: journalctl -u kube-proxy")))?;
    }
    Ok(format!("{port} on {} nodes", fixture.nodes.len()))
}

/// Check `large-packets`: a pod fetches more from a pod on another node than fits into one packet. Connections that
/// open and then hang are how a wrong MTU shows.
pub(super) fn large_packets(fixture: &mut Fixture<'_, '_>) -> Result<String> {
    if fixture.pods.len() < 2 {
        return Ok("one pod only, no other node to reach".into());
    }
    let port = service(fixture)?.1;
    let Some((_, address)) = fixture.nodes.first() else { return Err(Error::health("no nodes")) };
    let at = SocketAddr::new(*address, port);
    let peer = format!("{at} (asked through {})", fixture.master.host());
    let mut client = Client::plain(fixture.master.dial(at)?, peer, &address.to_string());
    // Node ports answer from any pod; a kept connection stays with one.
    let from = answering_pod(&mut client, fixture.pods)?;
    let Some(to) = fixture.pods.iter().find(|pod| pod.node != from.node) else {
        return Err(Error::health("no second node"));
    };
    let between = format!("from {} on {} to {} on {}", from.name, from.node, to.name, to.node);
    relay(&mut client, to, "hostname").map_err(|e| e.context(format!("a small request {between}")))?;
    let message = "x".repeat(LARGE);
    let echo = relay(&mut client, to, &format!("echo?msg={message}"));
    match echo.map_err(|e| Error::health(e.message.replace(&message, "…"))) {
        Ok(back) if back == message => Ok(format!("{LARGE} bytes from {} to {} and back", from.node, to.node)),
        Ok(back) => Err(Error::health(format!("of {LARGE} bytes {between}, {} came back", back.len()))),
        Err(error) => Err(error.context(format!("{LARGE} bytes {between}")).hint(
            "small packets pass and large ones do not: compare the MTU of the pods' interfaces with that of the link",
        )),
    }
}

/// Has the pod at the other end of `client` ask another pod, and gives its answer.
fn relay(client: &mut Client<'_>, to: &Pod, request: &str) -> Result<String> {
    let path = format!("/dial?host={}&port={PORT}&request={}", encode(&to.ip), encode(request));
    let response = client.send(&Request::new("GET", &path))?;
    let answer = response.json().unwrap_or_default();
    match answer.pointer("/responses/0").and_then(Value::as_str) {
        Some(body) => Ok(body.to_owned()),
        None => Err(Error::health(match answer.pointer("/errors/0").and_then(Value::as_str) {
            Some(error) => error.to_owned(),
            None => response.text(),
        })),
    }
}

/// Adds what keeps CoreDNS, where something does.
fn dns_evidence(fixture: &mut Fixture<'_, '_>, error: Error) -> Error {
    let pods = kube::pods(fixture.kube, "kube-system", DNS_PODS).unwrap_or_default();
    let sick = pods.iter().filter(|pod| !pod.ready);
    let lines: Vec<String> =
        sick.map(|pod| format!("{} on {}: {}", pod.name, pod.node, pod.troubles.join("; "))).collect();
    let error = lines.into_iter().fold(error, Error::detail);
    match pods.iter().any(|pod| pod.ready) {
        true => error,
        false => error.detail(format!("no pod with the label {DNS_PODS} is ready in kube-system")),
    }
    .hint(format!("look at CoreDNS: kubectl -n kube-system get pods -l {DNS_PODS}"))
}

fn from_every_pod(fixture: &mut Fixture<'_, '_>, target: &str, what: &str) -> Result<()> {
    from_every_pod_within(fixture, target, what, SETTLING)
}

fn from_every_pod_within(fixture: &mut Fixture<'_, '_>, target: &str, what: &str, schedule: Schedule) -> Result<()> {
    for pod in fixture.pods.clone() {
        reach(fixture, &pod, target, what, schedule)?;
    }
    Ok(())
}

/// Opens a TCP connection out of a pod; tries again for a while, as rules and records take a moment to be everywhere.
fn reach(fixture: &mut Fixture<'_, '_>, from: &Pod, target: &str, what: &str, schedule: Schedule) -> Result<()> {
    let sentence = format!("{} on {} does not reach {what} ({target})", from.name, from.node);
    wait(&sentence, schedule, fixture.interrupted, || {
        let command = ["/agnhost", "connect", "--timeout=3s", target];
        match kube::exec(fixture.kube, from, NAME, &command, EXEC_TIMEOUT) {
            // The API server's connection is lost: asking again would say nothing new.
            Err(error) if error.kind != Kind::Health || !fixture.kube.is_open() => Err(error),
            outcome => pending(outcome.map(|_| ())),
        }
    })
}

/// A failure is something to wait out.
fn pending(outcome: Result<()>) -> Result<Poll<()>> {
    Ok(match outcome {
        Ok(()) => Poll::Ready(()),
        Err(error) => Poll::Pending(error.message),
    })
}

/// Which of the pods answers on a connection.
fn answering_pod(client: &mut Client<'_>, pods: &[Pod]) -> Result<Pod> {
    let response = client.send(&Request::new("GET", "/hostname"))?;
    let name = response.text();
    pods.iter().find(|pod| pod.name == name).cloned().ok_or_else(|| {
        Error::health(format!(
            "{}: {} {:?} is none of our pods",
            client.peer(),
            response.status,
            name.chars().take(80).collect::<String>()
        ))
    })
}

/// The Service's address and node port.
fn service(fixture: &mut Fixture<'_, '_>) -> Result<(String, u16)> {
    let path = kube::path("v1", "Service", &fixture.names.namespace, NAME)?;
    let service = kube::get(fixture.kube, &path)?.unwrap_or_default();
    let address = service.pointer("/spec/clusterIP").and_then(Value::as_str);
    let port =
        service.pointer("/spec/ports/0/nodePort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    match (address, port) {
        (Some(address), Some(port)) => Ok((address.to_owned(), port)),
        _ => Err(Error::health(format!("{path} has no address or no node port"))),
    }
}

/// Each pod with the next one, the last with the first.
fn ring(pods: &[Pod]) -> Vec<(Pod, Pod)> {
    let next = pods.iter().cycle().skip(1);
    pods.iter().zip(next).map(|(from, to)| (from.clone(), to.clone())).collect()
}

/// `host:port`, with brackets around IPv6.
fn target(host: &str, port: u16) -> String {
    match host.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str) -> Pod {
        Pod {
            namespace: "x".into(),
            name: name.into(),
            node: format!("n-{name}"),
            ip: "10.244.0.2".into(),
            ready: true,
            troubles: Vec::new(),
        }
    }

    #[test]
    fn every_node_is_reached_and_reaches_another() {
        let pods = [pod("a"), pod("b"), pod("c")];
        let names: Vec<_> = ring(&pods).into_iter().map(|(from, to)| format!("{}{}", from.name, to.name)).collect();
        assert_eq!(names, ["ab", "bc", "ca"]);
        assert_eq!(target("fd00::1", 80), "[fd00::1]:80");
        assert_eq!(target("web", 80), "web:80");
    }

    #[test]
    fn an_answer_must_come_from_one_of_our_pods() {
        struct Answer(std::io::Cursor<&'static [u8]>);
        impl std::io::Read for Answer {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                self.0.read(into)
            }
        }
        impl std::io::Write for Answer {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let ask = |bytes: &'static [u8]| {
            let mut client =
                Client::plain(Box::new(Answer(std::io::Cursor::new(bytes))), "10.0.0.1:30000".into(), "10.0.0.1");
            answering_pod(&mut client, &[pod("a"), pod("b")])
        };
        assert_eq!(ask(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb").unwrap().name, "b");
        let error = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnginx").unwrap_err();
        insta::assert_snapshot!(error, @r#"10.0.0.1:30000: 200 "nginx" is none of our pods"#);
    }
}
