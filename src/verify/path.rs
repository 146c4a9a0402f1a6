//! A way that something takes through the network: who tries it, what must come back, and what it means when it does not.

use std::time::Duration;

use serde_json::Value;

use super::ask::{Ask, OPEN, TIME_OVER, Told};
use super::rules::Entry;

/// One way.
#[derive(Debug, Clone)]
pub(super) struct Path {
    /// The check that it belongs to.
    pub check: &'static str,
    /// The node, or master, whose host tries it.
    pub host: String,
    /// Where it begins, in words: `n1`, `the pod on n1`.
    pub from: String,
    /// Where it goes, in words: `n2:30726`, `the Service web (10.96.1.2:80)`.
    pub to: String,
    /// What the host tries.
    pub ask: Ask,
    /// Whether a pod is asked to try it.
    pub by_pod: bool,
    /// What must come back.
    pub expects: Expects,
    /// How long it may fail before it counts, where nothing is known about why.
    pub settles: Duration,
    /// What kube-proxy must have put into the kernel for it, and on which node.
    pub entry: Option<(String, Entry)>,
    /// Where a firewall may stand: the node that it goes to, with protocol and port.
    pub door: Option<(String, &'static str, u16)>,
}

/// What must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expects {
    /// Nothing: that the port is open is enough.
    Open,
    /// Whatever it is.
    Anything,
    /// Whatever it is, and that somebody says no: whoever does is there.
    Somebody,
    /// The name of one of these pods.
    OneOf(Vec<String>),
    /// So many bytes.
    Bytes(usize),
}

/// Why it did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Somebody said no.
    Refused,
    /// Nobody said anything.
    Dropped,
    /// The kernel knows no way there.
    NoRoute,
    /// A name was not found.
    NoName(String),
    /// The port opened, and no answer came.
    Silent,
    /// Something else came back.
    Wrong(String),
    /// It could not be tried.
    Unable(String),
}

impl Path {
    /// What a host's answer means.
    pub fn judge(&self, told: Option<Told>) -> Result<(), Trouble> {
        match self.came_back(told) {
            Err(Trouble::Refused | Trouble::Silent | Trouble::Wrong(_)) if self.expects == Expects::Somebody => Ok(()),
            judged => judged,
        }
    }

    fn came_back(&self, told: Option<Told>) -> Result<(), Trouble> {
        let Some(told) = told else { return Err(Trouble::Unable(format!("{} has not told of it", self.host))) };
        let opened = told.text.strip_prefix(OPEN).or((told.text == OPEN.trim_end()).then_some(""));
        let Some(rest) = opened else {
            return Err(match tcp(&told) {
                trouble if !self.by_pod => trouble,
                trouble => Trouble::Unable(format!("{} does not reach its own pod: {trouble:?}", self.host)),
            });
        };
        if self.expects == Expects::Open {
            return Ok(());
        }
        if let Expects::Bytes(wanted) = self.expects
            && told.status == 0
            && told.bytes >= wanted
        {
            return Ok(());
        }
        let over = told.status == TIME_OVER;
        match (self.by_pod, rest.split_once("\r\n\r\n")) {
            (true, Some((head, body))) => by_pod(head, body).and_then(|answer| self.compare(&answer)),
            (false, Some((_, body))) => self.compare(body),
            // A datagram has no head, and its port is open whoever is there.
            (false, None) if self.is_datagram() && over => Err(Trouble::Dropped),
            (false, None) if self.is_datagram() && told.status != 0 => Err(tcp(&told)),
            (false, None) if self.is_datagram() => self.compare(rest),
            (true, None) if over => Err(Trouble::Dropped),
            (_, None) => Err(Trouble::Silent),
        }
    }

    fn is_datagram(&self) -> bool {
        matches!(self.ask.send, super::ask::Send::Datagram(_))
    }

    fn compare(&self, answer: &str) -> Result<(), Trouble> {
        match &self.expects {
            Expects::Open | Expects::Anything | Expects::Somebody => Ok(()),
            Expects::OneOf(names) if names.iter().any(|name| name == answer.trim()) => Ok(()),
            Expects::OneOf(_) => Err(Trouble::Wrong(format!("{:?} is none of our pods", beginning(answer)))),
            Expects::Bytes(wanted) => Err(Trouble::Wrong(format!("of {wanted} bytes only some came back"))),
        }
    }

    /// What went wrong on it, as a sentence.
    pub fn sentence(&self, trouble: &Trouble) -> String {
        let (from, to) = (&self.from, &self.to);
        match trouble {
            Trouble::Refused => format!("from {from}: refused by {to}"),
            Trouble::Dropped => format!("from {from}: dropped on the way to {to}"),
            Trouble::NoRoute => format!("from {from}: no route to {to}"),
            Trouble::NoName(why) => format!("from {from}: {to} is not found: {why}"),
            Trouble::Silent => format!("from {from}: {to} takes the connection and does not answer"),
            Trouble::Wrong(why) => format!("from {from}: {to}: {why}"),
            Trouble::Unable(why) => format!("from {from}: {to} could not be tried: {why}"),
        }
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(120).collect()
}

/// What bash said instead of opening a port, or of reading a datagram's answer.
fn tcp(told: &Told) -> Trouble {
    match reason(&told.text) {
        _ if told.status == TIME_OVER => Trouble::Dropped,
        Some(trouble) => trouble,
        None => Trouble::Unable(told.text.trim().to_owned()),
    }
}

/// agnhost's account of what it was to dial.
fn by_pod(head: &str, body: &str) -> Result<String, Trouble> {
    if head.split(' ').nth(1) != Some("200") {
        // It resolves the name before it dials.
        let why = body.trim().trim_start_matches("host and/or port param are invalid. ");
        return Err(Trouble::NoName(why.to_owned()));
    }
    let answer: Value = serde_json::from_str(body.trim()).unwrap_or_default();
    if let Some(text) = answer.pointer("/responses/0").and_then(Value::as_str) {
        return Ok(text.to_owned());
    }
    let why = answer.pointer("/errors/0").and_then(Value::as_str).unwrap_or(body);
    Err(reason(why).unwrap_or_else(|| Trouble::Wrong(beginning(why))))
}

/// The operating system's reasons, as bash and Go write them.
fn reason(words: &str) -> Option<Trouble> {
    let words = words.to_ascii_lowercase();
    let says = |what: &[&str]| what.iter().any(|what| words.contains(what));
    if says(&["connection refused"]) {
        Some(Trouble::Refused)
    } else if says(&["no route to host", "network is unreachable", "host is unreachable"]) {
        Some(Trouble::NoRoute)
    } else if says(&["timed out", "timeout", "deadline exceeded"]) {
        Some(Trouble::Dropped)
    } else {
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::ask::Send;
    use super::*;

    pub fn path(by_pod: bool, send: Send, expects: Expects) -> Path {
        Path {
            check: "node-port",
            host: "n1".into(),
            from: "n1".into(),
            to: "n2:30726".into(),
            ask: Ask { at: "10.0.0.2:30726".parse().unwrap(), send, seconds: 4 },
            by_pod,
            expects,
            settles: Duration::from_secs(10),
            entry: None,
            door: None,
        }
    }

    fn told(status: u8, text: &str) -> Option<Told> {
        Some(Told { status, bytes: text.len(), text: text.into() })
    }

    fn get() -> Send {
        Send::Get("/hostname".into(), 0)
    }

    #[test]
    fn what_a_host_sees_of_its_own_connections() {
        let path = path(false, get(), Expects::OneOf(vec!["web-1".into()]));
        let judged = |status, text| path.judge(told(status, text)).err().map(|trouble| path.sentence(&trouble));
        assert_eq!(judged(0, "open\nHTTP/1.0 200 OK\r\n\r\nweb-1"), None);
        let refused =
            "verify: connect: Connection refused\nverify: line 1: /dev/tcp/10.0.0.2/30726: Connection refused";
        let sentences = [
            judged(124, ""),
            judged(1, refused),
            judged(1, "verify: connect: No route to host"),
            judged(1, "verify: connect: Network is unreachable"),
            judged(124, "open"),
            judged(0, "open\nHTTP/1.0 200 OK\r\n\r\n<title>nginx"),
            judged(127, "bash: not found"),
        ];
        insta::assert_snapshot!(sentences.map(Option::unwrap).join("\n"), @r#"
        from n1: dropped on the way to n2:30726
        from n1: refused by n2:30726
        from n1: no route to n2:30726
        from n1: no route to n2:30726
        from n1: n2:30726 takes the connection and does not answer
        from n1: n2:30726: "<title>nginx" is none of our pods
        from n1: n2:30726 could not be tried: bash: not found
        "#);
        assert!(matches!(path.judge(None), Err(Trouble::Unable(_))));
    }

    #[test]
    fn whoever_says_no_is_there() {
        let path = path(false, Send::Nothing, Expects::Somebody);
        let no = "verify: line 1: /dev/tcp/10.0.0.2/9: Connection refused";
        assert_eq!(path.judge(told(1, no)), Ok(()));
        assert_eq!(path.judge(told(0, "open")), Ok(()));
        assert_eq!(path.judge(told(124, "")), Err(Trouble::Dropped));
        assert_eq!(path.judge(told(1, "verify: connect: No route to host")), Err(Trouble::NoRoute));
    }

    #[test]
    fn what_a_pod_tells_of_what_it_dialled() {
        let path = path(true, get(), Expects::OneOf(vec!["web-1".into()]));
        let judged = |text: &str| path.judge(told(0, &format!("open\nHTTP/1.0 {text}")));
        assert_eq!(judged("200 OK\r\n\r\n{\"responses\":[\"web-1\"]}"), Ok(()));
        let error = |why: &str| judged(&format!("200 OK\r\n\r\n{{\"errors\":[{why:?}]}}"));
        let dial = "Get \"http://10.96.1.2:80/hostname\": dial tcp 10.96.1.2:80: connect: connection refused";
        assert_eq!(error(dial), Err(Trouble::Refused));
        let slow = "Get \"http://10.96.1.2:80/hostname\": context deadline exceeded (Client.Timeout exceeded)";
        assert_eq!(error(slow), Err(Trouble::Dropped));
        let unknown = "lookup web on 10.96.0.10:53: no such host";
        let names = judged(&format!("400 Bad Request\r\n\r\nhost and/or port param are invalid. {unknown}\n"));
        assert_eq!(names, Err(Trouble::NoName(unknown.into())));
        assert_eq!(path.judge(told(124, "open")), Err(Trouble::Dropped), "it still waits for what it dials");
        let own = path.judge(told(1, "verify: connect: No route to host"));
        assert_eq!(own, Err(Trouble::Unable("n1 does not reach its own pod: NoRoute".into())));
    }

    #[test]
    fn datagrams_and_bytes() {
        let datagram = path(false, Send::Datagram("hostname".into()), Expects::OneOf(vec!["web-1".into()]));
        assert_eq!(datagram.judge(told(0, "open\nweb-1")), Ok(()));
        assert_eq!(datagram.judge(told(124, "open")), Err(Trouble::Dropped));
        let refused = "open\ndd: error reading 'standard input': Connection refused";
        assert_eq!(datagram.judge(told(1, refused)), Err(Trouble::Refused));
        let large = path(true, Send::Get("/dial?request=echo".into(), 20_000), Expects::Bytes(20_000));
        let came =
            |bytes| large.judge(Some(Told { status: 0, bytes, text: "open\nHTTP/1.0 200 OK\r\n\r\n{\"resp".into() }));
        assert_eq!(came(20_060), Ok(()));
        assert!(came(1_400).is_err());
        assert_eq!(path(false, Send::Nothing, Expects::Open).judge(told(0, "open")), Ok(()));
    }
}
