//! The network as pods and hosts use it: which paths there are.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use super::ask::{Ask, Send};
use super::manifests::{NAME, PORT, SERVICE_PORT};
use super::path::{Expects, Path};
use super::rules::Entry;
use super::{Fixture, egress};
use crate::clients::kube::{self, Pod};
use crate::error::{Error, Result};
use crate::text::percent_encoded;

/// Routes and rules learn of a new pod within seconds.
const SETTLING: Duration = Duration::from_secs(10);
/// CoreDNS itself may be starting: after a host's reboot the API server calls its pod ready for as long as the kubelet has
/// not looked.
const NAMES_SETTLING: Duration = Duration::from_secs(45);
/// More than the largest packet of any usual link (9000 is a jumbo frame).
const LARGE: usize = 20_000;
/// Seconds that a host's own connection may take.
const OWN: u8 = 4;
/// Seconds for what a pod is asked to try: agnhost gives up after five.
const BY_POD: u8 = 7;
/// flannel's VXLAN.
const VXLAN: (&str, u16) = ("udp", 8472);

/// The check of a Service's names.
pub(super) const SERVICE_NAME: &str = "service-name";

/// The checks whose paths are tried side by side, in the report's order.
pub(super) const CHECKS: &[&str] = &[
    "pod-to-pod",
    "large-packets",
    "service-address",
    SERVICE_NAME,
    "dns",
    "dns-tcp",
    "node-port",
    "node-port-udp",
    "host-port",
    "host-service",
    egress::CHECK,
];

/// The Service that the paths lead to.
#[derive(Debug, Clone)]
pub(super) struct Service {
    address: IpAddr,
    node_port: u16,
    node_port_udp: u16,
}

/// Asks for the Service's address and ports.
pub(super) fn service(fixture: &Fixture<'_>) -> Result<Service> {
    let path = kube::path("v1", "Service", &fixture.names.namespace, NAME)?;
    let service = fixture.ask(|client| kube::get(client, &path))?.unwrap_or_default();
    let address = service.pointer("/spec/clusterIP").and_then(Value::as_str).and_then(|text| text.parse().ok());
    let port = |protocol: &str| {
        let ports = service.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
        let port = ports.filter(|port| port["protocol"] == protocol).find_map(|port| port["nodePort"].as_u64());
        port.and_then(|port| u16::try_from(port).ok())
    };
    match (address, port("TCP"), port("UDP")) {
        (Some(address), Some(node_port), Some(node_port_udp)) => Ok(Service { address, node_port, node_port_udp }),
        _ => Err(Error::health(format!("{path} has no address or no node port"))),
    }
}

/// All paths that there are.
pub(super) fn paths(fixture: &Fixture<'_>, service: &Service, pods: &[Pod], with_ports: &[Pod]) -> Vec<Path> {
    let map = Map { fixture, service, pods: pods.iter().map(|pod| pod.name.clone()).collect() };
    let mut paths = Vec::new();
    for pod in pods {
        paths.extend(map.services(pod));
    }
    for (from, to) in ring(pods) {
        paths.extend(map.between(from, to));
    }
    paths.extend(map.node_ports());
    paths.extend(with_ports.iter().map(|pod| map.dns_by_tcp(pod)));
    paths.extend(ring(with_ports).map(|(from, to)| map.host_port(from, to)));
    paths
}

struct Map<'m> {
    fixture: &'m Fixture<'m>,
    service: &'m Service,
    pods: Vec<String>,
}

impl Map<'_> {
    fn any_pod(&self) -> Expects {
        Expects::OneOf(self.pods.clone())
    }

    /// From a pod, and from its host, to Services.
    fn services(&self, pod: &Pod) -> Vec<Path> {
        let (ways, names, service) = (self.fixture.ways, &self.fixture.names, self.service);
        let (web, api) = (service.address.to_string(), ways.api_service);
        let entry = |address, port| Some((pod.node.clone(), Entry::Service(address, "tcp", port)));
        let full = format!("{NAME}.{}.svc.{}", names.namespace, ways.dns_domain);
        let at = SocketAddr::new(service.address, SERVICE_PORT);
        let by_address = Path {
            check: "service-address",
            to: format!("the Service {NAME} ({at})"),
            entry: entry(service.address, SERVICE_PORT),
            ..by_pod(pod, &web, SERVICE_PORT, "hostname", self.any_pod())
        };
        let by_name = |name: &str| Path {
            check: SERVICE_NAME,
            to: format!("the Service {name}:{SERVICE_PORT}"),
            entry: entry(service.address, SERVICE_PORT),
            settles: NAMES_SETTLING,
            ..by_pod(pod, name, SERVICE_PORT, "hostname", self.any_pod())
        };
        let api_name = "kubernetes.default";
        let api_by_name = Path {
            check: "dns",
            to: format!("the API server as {api_name}:443"),
            entry: entry(api, 443),
            settles: NAMES_SETTLING,
            ..by_pod(pod, api_name, 443, "readyz", Expects::Anything)
        };
        let from_host = Path {
            check: "host-service",
            to: format!("the Service {NAME} ({at})"),
            entry: entry(service.address, SERVICE_PORT),
            ..by_host(&pod.node, at, Send::Get("/hostname".into(), 0), self.any_pod())
        };
        let api_from_host = Path {
            check: "host-service",
            to: format!("the API server's Service ({})", SocketAddr::new(api, 443)),
            entry: entry(api, 443),
            ..by_host(&pod.node, SocketAddr::new(api, 443), Send::Nothing, Expects::Open)
        };
        vec![by_address, by_name(NAME), by_name(&full), api_by_name, from_host, api_from_host]
    }

    /// From a pod to one on another node.
    fn between(&self, from: &Pod, to: &Pod) -> Vec<Path> {
        let vxlan = self.fixture.ways.flannel.then(|| (to.node.clone(), VXLAN.0, VXLAN.1));
        let pod = format!("the pod on {}", to.node);
        let hello = Path {
            check: "pod-to-pod",
            to: pod.clone(),
            door: vxlan.clone(),
            ..by_pod(from, &to.ip, PORT, "hostname", Expects::OneOf(vec![to.name.clone()]))
        };
        let mut large = Path {
            check: "large-packets",
            to: format!("{pod} with {LARGE} bytes"),
            door: vxlan,
            ..by_pod(from, &to.ip, PORT, "echo?msg=", Expects::Bytes(LARGE))
        };
        if let Send::Get(_, zeros) = &mut large.ask.send {
            *zeros = LARGE;
        }
        vec![hello, large]
    }

    /// From the first master to every node.
    fn node_ports(&self) -> Vec<Path> {
        let (ways, service) = (self.fixture.ways, self.service);
        let master = &ways.master.host.name;
        let to = |node: &crate::cluster::Host, check, protocol, port, send| {
            let at = SocketAddr::new(node.address, port);
            Path {
                check,
                to: format!("{}:{port}", node.name),
                entry: Some((node.name.clone(), Entry::NodePort(protocol, port))),
                door: Some((node.name.clone(), protocol, port)),
                ..by_host(master, at, send, self.any_pod())
            }
        };
        let both = ways.nodes.iter().flat_map(|node| {
            let get = Send::Get("/hostname".into(), 0);
            let datagram = Send::Datagram("hostname".into());
            [
                to(node, "node-port", "tcp", service.node_port, get),
                to(node, "node-port-udp", "udp", service.node_port_udp, datagram),
            ]
        });
        both.collect()
    }

    /// The pods with ports of their hosts ask their DNS server by TCP.
    fn dns_by_tcp(&self, pod: &Pod) -> Path {
        let name = "kubernetes.default";
        Path {
            check: "dns-tcp",
            to: format!("the API server as {name}:443, asked for by TCP"),
            settles: NAMES_SETTLING,
            ..by_pod(pod, name, 443, "readyz", Expects::Anything)
        }
    }

    fn host_port(&self, from: &Pod, to: &Pod) -> Path {
        let port = self.fixture.names.host_port;
        let node = self.fixture.ways.nodes.iter().find(|node| node.name == to.node);
        let at = SocketAddr::new(node.map_or(IpAddr::from([0, 0, 0, 0]), |node| node.address), port);
        Path {
            check: "host-port",
            to: format!("{}:{port}", to.node),
            door: Some((to.node.clone(), "tcp", port)),
            ..by_host(&from.node, at, Send::Get("/hostname".into(), 0), Expects::OneOf(vec![to.name.clone()]))
        }
    }
}

/// A path that a pod's host has the pod try.
pub(super) fn by_pod(pod: &Pod, host: &str, port: u16, request: &str, expects: Expects) -> Path {
    let ip = pod.ip.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let dial = format!("/dial?host={}&port={port}&request={}", percent_encoded(host), percent_encoded(request));
    Path {
        from: format!("the pod on {}", pod.node),
        by_pod: true,
        ask: Ask { at: SocketAddr::new(ip, PORT), send: Send::Get(dial, 0), seconds: BY_POD },
        ..by_host(&pod.node, SocketAddr::new(ip, PORT), Send::Nothing, expects)
    }
}

/// A path that begins at a host.
pub(super) fn by_host(host: &str, at: SocketAddr, send: Send, expects: Expects) -> Path {
    Path {
        check: "",
        host: host.to_owned(),
        from: host.to_owned(),
        to: String::new(),
        ask: Ask { at, send, seconds: OWN },
        by_pod: false,
        expects,
        settles: SETTLING,
        entry: None,
        door: None,
    }
}

/// Each with the next one, the last with the first; one alone has nobody.
fn ring(pods: &[Pod]) -> impl Iterator<Item = (&Pod, &Pod)> {
    let next = pods.iter().cycle().skip(1);
    pods.iter().zip(next).filter(|(from, to)| from.name != to.name)
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
            crashing: false,
            running_since: None,
        }
    }

    #[test]
    fn every_node_is_reached_and_reaches_another() {
        let names =
            |pods: &[Pod]| -> Vec<_> { ring(pods).map(|(from, to)| format!("{}{}", from.name, to.name)).collect() };
        assert_eq!(names(&[pod("a"), pod("b"), pod("c")]), ["ab", "bc", "ca"]);
        assert!(names(&[pod("a")]).is_empty());
    }

    #[test]
    fn a_pod_is_asked_to_dial_on() {
        let path = by_pod(&pod("a"), "web", 80, "echo?msg=", Expects::Anything);
        assert_eq!((path.host.as_str(), path.from.as_str()), ("n-a", "the pod on n-a"));
        assert_eq!(path.ask.at.to_string(), "10.244.0.2:8080");
        assert_eq!(path.ask.send, Send::Get("/dial?host=web&port=80&request=echo%3Fmsg%3D".into(), 0));
    }
}
