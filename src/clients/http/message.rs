//! What is asked and answered, and how it goes into a head.

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use time::PrimitiveDateTime;
use time::macros::format_description;
use ureq_proto::client::Call;
use ureq_proto::client::state::Prepare;
use ureq_proto::http;

use crate::error::{Error, Result};

/// How long one request may take unless it says otherwise.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Method, for example `GET`.
    pub method: &'a str,
    /// Path and query, percent-encoded (see [`percent_encoded`](crate::text::percent_encoded)).
    pub path: &'a str,
    /// Further header lines; names and values without line breaks.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body and its media type.
    pub body: Option<(&'a str, &'a [u8])>,
    /// The longest that it may take, from the first byte sent to the last received; where a body is streamed, the
    /// longest that nothing may move.
    pub timeout: Duration,
}

impl<'a> Request<'a> {
    /// A request without a body, with the usual timeout.
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Request { method, path, headers: &[], body: None, timeout: REQUEST_TIMEOUT }
    }
}

/// A body that is read as it is sent.
pub struct Upload<'a> {
    /// Its media type.
    pub media_type: &'a str,
    /// Its length; where that is not known it travels in chunks.
    pub length: Option<u64>,
    /// Where it comes from.
    pub source: &'a mut dyn Read,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).map_err(|e| Error::health(format!("an answer is not JSON: {e}")))
    }
    /// The body as text, what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The first value of a header, its name given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    /// The server's clock, from the `Date` header (RFC 9110 §6.6.1), whole seconds.
    pub fn date(&self) -> Option<PrimitiveDateTime> {
        let format =
            format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
        PrimitiveDateTime::parse(self.header("date")?, format).ok()
    }
}

pub(super) fn response(answer: http::Response<Vec<u8>>) -> Response {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Response { status: answer.status().as_u16(), headers, body: answer.into_body() }
}

/// The request as ureq-proto takes it, which refuses what would break out of the head.
pub(super) fn prepare(request: &Request<'_>, host: &str, body: &Upload<'_>) -> Result<Call<Prepare>> {
    let agent = concat!("kbootstrap/", env!("CARGO_PKG_VERSION"));
    let mut head = http::Request::builder().method(request.method).uri(request.path);
    head = head.header("host", host).header("user-agent", agent);
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        head = head.header("accept", "application/json");
    }
    for (name, value) in request.headers {
        head = head.header(*name, *value);
    }
    if !body.media_type.is_empty() {
        head = head.header("content-type", body.media_type);
    }
    head = match body.length {
        Some(0) if request.method == "GET" => head,
        Some(length) => head.header("content-length", length),
        None => head.header("transfer-encoding", "chunked"),
    };
    let call = head.body(()).ok().and_then(|head| Call::new(head).ok());
    call.ok_or_else(|| Error::internal(format!("{} {:?} cannot be sent as it is", request.method, request.path)))
}

/// The path without its query, for messages: a query can be kilobytes long.
pub(super) fn short(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}
