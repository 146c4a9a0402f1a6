//! etcd, asked through its JSON gateway: <https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/>

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::http::{Client, Request, Response};
use crate::error::{Error, Result};

/// A member's own opinion of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether it can serve reads through the quorum.
    pub healthy: bool,
    /// Why not, in its words.
    pub reason: String,
}

/// An entry of the member list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// ID, hexadecimal as etcdctl writes it.
    pub id: String,
    /// Name; empty while it was added but never started.
    pub name: String,
    /// Where the other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it does not vote yet.
    pub learner: bool,
}

/// One member's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its ID, hexadecimal.
    pub id: String,
    /// Version, for example `3.6.14`.
    pub version: String,
    /// The leader's ID; empty when there is none.
    pub leader: String,
    /// Raft term.
    pub term: u64,
    /// Last entry in its log.
    pub raft_index: u64,
    /// Last entry that it applied.
    pub applied_index: u64,
    /// Size of its database file, bytes.
    pub db_size: u64,
    /// Of it in use, bytes.
    pub db_size_in_use: u64,
    /// What the file may have at most, bytes; 0 where the version does not say (before 3.6).
    pub db_size_quota: u64,
    /// Whether it does not vote yet.
    pub learner: bool,
    /// Alarms and the like, in its words.
    pub errors: Vec<String>,
}

impl Status {
    /// Whether this member leads.
    pub fn leads(&self) -> bool {
        !self.leader.is_empty() && self.leader == self.id
    }
}

/// `/health`: true only where the quorum answers too, and no alarm is raised.
pub fn health(client: &mut Client<'_>) -> Result<Health> {
    ask_health(client, HEALTH)
}

/// As [`health`], but a full database is no hindrance: the member takes part in the quorum all the same, and what
/// mends it, a larger `quota-backend-bytes`, takes a restart.
pub fn takes_part(client: &mut Client<'_>) -> Result<Health> {
    ask_health(client, "/health?exclude=NOSPACE")
}

fn ask_health(client: &mut Client<'_>, path: &str) -> Result<Health> {
    let response = client.send(&Request::new("GET", path))?;
    let value = response.json().map_err(|e| e.context(format!("{}: GET {path}", client.peer())))?;
    Ok(Health { healthy: value["health"] == "true", reason: text(&value, "reason") })
}

/// Asks at once what [`cluster`], [`status`] and [`health`] ask next, and the beginning of what [`heads`] asks of `prefix`.
pub fn ahead(client: &mut Client<'_>, prefix: Option<&str>) -> Result<()> {
    let first = prefix.map(|prefix| (RANGE, page(prefix.as_bytes(), &end_of(prefix), PAGE)));
    let asked: Vec<(&str, Vec<u8>)> = [(MEMBERS, json!({})), (STATUS, json!({}))]
        .into_iter()
        .chain(first)
        .map(|(path, body)| (path, body.to_string().into_bytes()))
        .collect();
    let posts = asked.iter().map(|(path, body)| Request { body: Some((JSON, body)), ..Request::new("POST", path) });
    client.send_ahead(&posts.chain([Request::new("GET", HEALTH)]).collect::<Vec<_>>())
}

/// All members, by name; as the one that is asked knows them.
pub fn members(client: &mut Client<'_>) -> Result<Vec<Member>> {
    cluster(client).map(|(_, members)| members)
}

/// The ID of the cluster, hexadecimal, and all members, by name; as the one that is asked knows them.
pub fn cluster(client: &mut Client<'_>) -> Result<(String, Vec<Member>)> {
    let answer = call(client, MEMBERS, &json!({}))?;
    Ok((hex(&answer["header"]["cluster_id"]), read_members(&answer)))
}

/// All members, by name, as the quorum knows them now. A learner does not answer.
pub fn agreed_members(client: &mut Client<'_>) -> Result<Vec<Member>> {
    Ok(read_members(&call(client, MEMBERS, &json!({"linearizable": true}))?))
}

/// Adds a member, by where the others will reach it, as a learner: it gets all data, and has no vote.
pub fn add_learner(client: &mut Client<'_>, peer_url: &str) -> Result<Member> {
    let answer = call(client, ADD, &json!({"peerURLs": [peer_url], "isLearner": true}))?;
    Ok(member(&answer["member"]))
}

/// Gives a learner its vote; etcd refuses while it is behind.
pub fn promote(client: &mut Client<'_>, member: &Member) -> Result<()> {
    let id = u64::from_str_radix(&member.id, 16);
    let id = id.map_err(|e| Error::internal(format!("{} is no ID of a member: {e}", member.id)))?;
    call(client, PROMOTE, &json!({"ID": id.to_string()})).map(drop)
}

/// The state of the member that answers.
pub fn status(client: &mut Client<'_>) -> Result<Status> {
    Ok(read_status(&call(client, STATUS, &json!({}))?))
}

/// The bytes stored under a key; none where there is no such key.
pub fn read(client: &mut Client<'_>, key: &str) -> Result<Option<Vec<u8>>> {
    let answer = call(client, RANGE, &json!({"key": STANDARD.encode(key)}))?;
    let Some(value) = answer.pointer("/kvs/0") else { return Ok(None) };
    STANDARD
        .decode(text(value, "value"))
        .map(Some)
        .map_err(|e| Error::health(format!("{}: value of {key}: {e}", client.peer())))
}

/// Every key that begins with `prefix`, and the first bytes of its value, a page at a time: values may be secrets, and of
/// a megabyte each.
pub fn heads(client: &mut Client<'_>, prefix: &str, mut each: impl FnMut(&str, &[u8])) -> Result<()> {
    let end = end_of(prefix);
    let mut from = prefix.as_bytes().to_vec();
    let mut limit = PAGE;
    loop {
        let answer = Zeroizing::new(post(client, RANGE, &page(&from, &end, limit))?.body);
        let unreadable = |e: String| Error::health(format!("{}: keys below {prefix}: {e}", client.peer()));
        let page: Page<'_> = serde_json::from_slice(&answer).map_err(|e| unreadable(e.to_string()))?;
        for pair in &page.kvs {
            from = STANDARD.decode(&*pair.key).map_err(|e| unreadable(e.to_string()))?;
            let end = pair.value.len().min(HEAD);
            let head = Zeroizing::new(STANDARD.decode(&pair.value[..end]).map_err(|e| unreadable(e.to_string()))?);
            each(&String::from_utf8_lossy(&from), &head);
        }
        if !page.more || page.kvs.is_empty() {
            return Ok(());
        }
        from.push(0);
        // Small values come many at a time.
        limit = if answer.len() < 1 << 20 { (limit * 2).min(1000) } else { PAGE };
    }
}

/// The first key that does not begin with the prefix.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// What asks for so many keys and values.
fn page(from: &[u8], end: &[u8], limit: usize) -> Value {
    json!({"key": STANDARD.encode(from), "range_end": STANDARD.encode(end), "limit": limit.to_string()})
}

const HEALTH: &str = "/health";
const MEMBERS: &str = "/v3/cluster/member/list";
const ADD: &str = "/v3/cluster/member/add";
const PROMOTE: &str = "/v3/cluster/member/promote";
const STATUS: &str = "/v3/maintenance/status";
const RANGE: &str = "/v3/kv/range";
const JSON: &str = "application/json";

/// So many values of the largest size that etcd takes are not too much at once.
const PAGE: usize = 30;
/// Characters of base64, whole groups of four.
const HEAD: usize = 256;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    kvs: Vec<Pair<'a>>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Cow<'a, str>,
}

fn call(client: &mut Client<'_>, path: &str, body: &Value) -> Result<Value> {
    let response = post(client, path, body)?;
    response.json().map_err(|e| e.context(format!("{}: POST {path}", client.peer())))
}

fn post(client: &mut Client<'_>, path: &str, body: &Value) -> Result<Response> {
    let response = client.request("POST", path, JSON, body.to_string().as_bytes())?;
    let at = format!("{}: POST {path}", client.peer());
    if response.status == 200 {
        return Ok(response);
    }
    let value = response.json().unwrap_or_default();
    let said = ["message", "error"].iter().find_map(|field| value[field].as_str());
    let said = said.map_or_else(|| response.text().trim().chars().take(200).collect(), str::to_owned);
    Err(Error::health(format!("{at}: {} {said}", response.status)))
}

fn read_members(answer: &Value) -> Vec<Member> {
    let mut members: Vec<Member> = answer["members"].as_array().into_iter().flatten().map(member).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members
}

fn member(value: &Value) -> Member {
    let urls = |field: &str| {
        value[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Member {
        id: hex(&value["ID"]),
        name: text(value, "name"),
        peer_urls: urls("peerURLs"),
        client_urls: urls("clientURLs"),
        learner: value["isLearner"] == true,
    }
}

fn read_status(value: &Value) -> Status {
    let errors = value["errors"].as_array().into_iter().flatten();
    Status {
        id: hex(&value["header"]["member_id"]),
        version: text(value, "version"),
        leader: hex(&value["leader"]),
        term: number(&value["raftTerm"]),
        raft_index: number(&value["raftIndex"]),
        applied_index: number(&value["raftAppliedIndex"]),
        db_size: number(&value["dbSize"]),
        db_size_in_use: number(&value["dbSizeInUse"]),
        db_size_quota: number(&value["dbSizeQuota"]),
        learner: value["isLearner"] == true,
        errors: errors.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// 64-bit numbers come as decimal strings; zero is left out.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

fn hex(value: &Value) -> String {
    match number(value) {
        0 => String::new(),
        id => format!("{id:x}"),
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_gateway() {
        let status = read_status(&json!({"header": {"member_id": "9372538179322589801"}, "version": "3.6.14",
            "dbSize": "20480", "leader": "9372538179322589801", "raftIndex": "8", "raftTerm": "2", "raftAppliedIndex": "8"}));
        assert!(status.leads());
        assert_eq!((status.id.as_str(), status.db_size, status.learner), ("8211f1d0f64f3269", 20480, false));
        let starting = read_status(&json!({"header": {"member_id": "1"}, "errors": ["etcdserver: no leader"]}));
        assert!(!starting.leads());
        assert_eq!(starting.errors, ["etcdserver: no leader"]);
        let added = member(&json!({"ID": "255", "peerURLs": ["https://10.0.0.12:2380"], "isLearner": true}));
        assert_eq!((added.id.as_str(), added.name.as_str(), added.learner), ("ff", "", true));
    }
}
