//! Pods, and what keeps them from running.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::text;
use crate::clients::http::Client;
use crate::error::Result;

/// A pod, and what keeps it from running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Node; empty while it is not scheduled.
    pub node: String,
    /// Address; empty while it has none.
    pub ip: String,
    /// Running with all containers ready, and not being deleted.
    pub ready: bool,
    /// One of its containers ends again and again.
    #[serde(skip)]
    pub crashing: bool,
    /// Why not: `coredns: ImagePullBackOff: Back-off pulling image …`, one a container.
    pub troubles: Vec<String>,
    /// Since when all of its containers are said to run, by its node's clock: that of the one that runs longest.
    #[serde(skip)]
    pub running_since: Option<OffsetDateTime>,
}

/// The pods of a namespace by name; `selector` is a label selector, or empty.
pub fn pods(client: &mut Client<'_>, namespace: &str, selector: &str) -> Result<Vec<Pod>> {
    let path = super::path("v1", "Pod", namespace, "")?;
    let mut pods: Vec<Pod> = super::list(client, &path, selector)?.iter().map(pod).collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(pods)
}

/// The warnings among a namespace's events: `Pod web-x: FailedScheduling: 0/3 nodes …`; of those that say the same
/// of the same object, only one.
pub fn warnings(client: &mut Client<'_>, namespace: &str) -> Result<Vec<Warning>> {
    let path = super::path("v1", "Event", namespace, "")?;
    Ok(distinct(&super::list(client, &path, "")?))
}

/// What an event of the sort Warning says, of all that it is said of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// `Pod web-1, Pod web-2`.
    pub about: String,
    /// `FailedScheduling`.
    pub reason: String,
    /// How often it was said.
    pub count: u32,
    /// The last of it, in the words of whoever said it.
    pub said: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.count > 1 { format!(" ({} times)", self.count) } else { String::new() };
        f.write_str(&words(&[&self.about, &format!("{}{times}", self.reason), &self.said]))
    }
}

fn distinct(events: &[Value]) -> Vec<Warning> {
    let mut seen = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == "Warning") {
        let about = format!("{} {}", text(event, "/involvedObject/kind"), text(event, "/involvedObject/name"));
        let last = seen.entry((about, text(event, "/reason"))).or_insert((0, String::new()));
        *last = (last.0 + 1, text(event, "/message"));
    }
    let mut all: Vec<Warning> = Vec::new();
    for ((about, reason), (count, said)) in seen {
        match all.iter_mut().find(|warning| warning.reason == reason && warning.said == said) {
            Some(same) => {
                same.about.push_str(&format!(", {about}"));
                same.count += count;
            }
            None => all.push(Warning { about, reason, count, said }),
        }
    }
    all
}

fn pod(value: &Value) -> Pod {
    let deleting = value.pointer("/metadata/deletionTimestamp").is_some();
    let containers: Vec<&Value> = ["/status/initContainerStatuses", "/status/containerStatuses"]
        .iter()
        .filter_map(|list| value.pointer(list)?.as_array())
        .flatten()
        .collect();
    let ready = condition(value, "Ready").is_some_and(|ready| ready["status"] == "True");
    let mut troubles: Vec<String> = containers.iter().filter_map(|status| container_trouble(status)).collect();
    if let Some(scheduled) = condition(value, "PodScheduled").filter(|c| c["status"] == "False") {
        troubles.push(words(&["not scheduled", &text(scheduled, "/reason"), &text(scheduled, "/message")]));
    }
    let (phase, reason) = (text(value, "/status/phase"), text(value, "/status/reason"));
    if phase == "Failed" || (troubles.is_empty() && !ready) {
        troubles.push(words(&[&phase, &reason, &text(value, "/status/message")]));
    }
    if deleting {
        troubles.push("being deleted".into());
    }
    Pod {
        namespace: text(value, "/metadata/namespace"),
        name: text(value, "/metadata/name"),
        node: text(value, "/spec/nodeName"),
        ip: text(value, "/status/podIP"),
        ready: ready && !deleting,
        crashing: !ready && !deleting && containers.iter().any(|status| crashes(status)),
        troubles,
        running_since: containers.iter().filter_map(|status| running_since(status)).min(),
    }
}

fn running_since(status: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&text(status, "/state/running/startedAt"), &Rfc3339).ok()
}

/// How often a container may have ended before that is no accident.
const ACCIDENTS: u64 = 3;

fn crashes(status: &Value) -> bool {
    let waits = text(status, "/state/waiting/reason") == "CrashLoopBackOff";
    waits || status["restartCount"].as_u64().is_some_and(|times| times >= ACCIDENTS)
}

fn container_trouble(status: &Value) -> Option<String> {
    let name = text(status, "/name");
    if let Some(waiting) = status.pointer("/state/waiting") {
        let last = status.pointer("/lastState/terminated").map(ended).unwrap_or_default();
        return Some(words(&[&name, &text(waiting, "/reason"), &text(waiting, "/message"), &last]));
    }
    let terminated = status.pointer("/state/terminated")?;
    (terminated["exitCode"] != 0).then(|| words(&[&name, &ended(terminated)]))
}

fn ended(terminated: &Value) -> String {
    let end = format!("ended with {} ({})", terminated["exitCode"], text(terminated, "/reason"));
    words(&[&end, &text(terminated, "/message")])
}

fn condition<'v>(value: &'v Value, kind: &str) -> Option<&'v Value> {
    value.pointer("/status/conditions")?.as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// The words that are there, with colons between them.
fn words(parts: &[&str]) -> String {
    parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pods_say_what_keeps_them() {
        let value = json!({"metadata": {"name": "c-1", "namespace": "kube-system"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Pending",
            "containerStatuses": [
                {"name": "coredns", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"c:1\""}}},
                {"name": "side", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 2, "reason": "Error", "message": "no config"}}}]}});
        insta::assert_snapshot!(pod(&value).troubles.join("\n"), @r#"
        coredns: ImagePullBackOff: Back-off pulling image "c:1"
        side: CrashLoopBackOff: ended with 2 (Error): no config
        "#);
        let value = json!({"metadata": {"name": "c-2"}, "status": {"phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}]}});
        assert_eq!(pod(&value).troubles, ["not scheduled: Unschedulable: 0/1 nodes are available"]);
        let ready = json!({"metadata": {"name": "c-3"}, "status": {"phase": "Running", "podIP": "10.244.0.2",
            "conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!((pod(&ready).ready, pod(&ready).troubles.len()), (true, 0));
    }

    #[test]
    fn warnings_that_repeat_are_told_once() {
        let event = |kind: &str, reason: &str, message: &str| json!({"type": kind, "reason": reason, "message": message, "involvedObject": {"kind": "Pod", "name": "web"}});
        let events = [
            event("Normal", "Pulled", "image is there"),
            event("Warning", "FailedCreatePodSandBox", "sandbox 1: no CNI"),
            event("Warning", "FailedCreatePodSandBox", "sandbox 2: no CNI"),
            event("Warning", "Unhealthy", "probe failed"),
        ];
        let mut events = events.to_vec();
        events.push(json!({"type": "Warning", "reason": "Unhealthy", "message": "probe failed",
            "involvedObject": {"kind": "Pod", "name": "web-2"}}));
        let lines: Vec<String> = distinct(&events).iter().map(Warning::to_string).collect();
        assert_eq!(
            lines,
            [
                "Pod web: FailedCreatePodSandBox (2 times): sandbox 2: no CNI",
                "Pod web, Pod web-2: Unhealthy (2 times): probe failed"
            ]
        );
    }
}
