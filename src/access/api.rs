//! Ways to the API server and to etcd that need nothing but SSH to a host.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use super::pool::{Lease, Pool};
use crate::clients::http::{Client, Tls};
use crate::cluster::{API_NAME, Host, LOCAL_API_PORT};
use crate::error::{Error, Kind, Result};
use crate::remote::Transport;
use crate::trust::Trust;

/// A way to the API server of one master.
pub struct ApiAccess<'a> {
    transport: Held<'a>,
    address: SocketAddr,
    name: String,
    tls: Tls,
    until: Option<Instant>,
}

/// A way to one etcd member.
pub struct EtcdAccess<'a>(ApiAccess<'a>);

/// The host that is asked through; nothing else goes over its transport meanwhile.
enum Held<'a> {
    Leased(Lease<'a>),
    Borrowed(&'a mut dyn Transport),
}

impl Held<'_> {
    fn get(&mut self) -> &mut dyn Transport {
        match self {
            Held::Leased(lease) => &mut **lease,
            Held::Borrowed(transport) => *transport,
        }
    }
}

impl<'a> ApiAccess<'a> {
    /// To the given master. Nothing is sent before [`ApiAccess::client`].
    pub fn new(pool: &'a Pool, master: &Host, trust: &Trust) -> Result<Self> {
        Self::at(pool, master, master.api_address(), &Tls::new(&trust.super_admin())?)
    }
    /// To whichever API server a node's own balancer leads to. Nothing is sent before [`ApiAccess::client`].
    pub fn by_balancer(pool: &'a Pool, node: &Host, trust: &Trust) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, LOCAL_API_PORT));
        Self::at(pool, node, address, &Tls::new(&trust.super_admin())?)
    }
    /// To a server that the host can reach, over a connection of the pool's. Its certificate must be an API server's, not
    /// only one for that address, which a kubelet has, too.
    pub fn at(pool: &'a Pool, host: &Host, address: SocketAddr, tls: &Tls) -> Result<Self> {
        Self::named(pool, host, address, API_NAME.to_owned(), tls)
    }
    fn named(pool: &'a Pool, host: &Host, address: SocketAddr, name: String, tls: &Tls) -> Result<Self> {
        Ok(ApiAccess { transport: Held::Leased(pool.take(host)?), address, name, tls: tls.clone(), until: None })
    }
    /// To the first of these masters that answers, for a cluster of which some are away.
    pub fn any_of<'h>(pool: &'a Pool, masters: impl Iterator<Item = &'h Host>, trust: &Trust) -> Result<Self> {
        let mut errors = Vec::new();
        for master in masters {
            let tried = Self::new(pool, master, trust).and_then(|mut access| {
                access.client()?;
                Ok(access)
            });
            match tried {
                Ok(access) => return Ok(access),
                Err(error) => errors.push(error),
            }
        }
        Error::all(errors)?;
        Err(Error::connect("no master can be reached"))
    }
    /// The server, as the host sees it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// No answer is waited for beyond this.
    #[must_use]
    pub fn until(self, end: Instant) -> Self {
        ApiAccess { until: Some(end), ..self }
    }
    /// An open connection. After an error that broke it, ask for another.
    pub fn client(&mut self) -> Result<Client<'_>> {
        let client = Client::dial(self.transport.get(), self.address, &self.name, &self.tls)?;
        Ok(match self.until {
            Some(end) => client.until(end),
            None => client,
        })
    }
    /// Asks, and once more over a new connection where the first broke: the server had closed it, or took too long.
    /// Only for questions that may be asked twice.
    pub fn ask<T>(&mut self, question: impl FnMut(&mut Client<'_>) -> Result<T>) -> Result<T> {
        again(|access: &mut Self| access.client(), self, question)
    }
}

/// Asks over a connection, and once more over another where that broke.
fn again<W, T>(
    mut open: impl for<'w> FnMut(&'w mut W) -> Result<Client<'w>>,
    way: &mut W,
    mut question: impl FnMut(&mut Client<'_>) -> Result<T>,
) -> Result<T> {
    let mut client = open(way)?;
    match question(&mut client) {
        Err(error) if !client.is_open() && error.kind != Kind::Interrupted => {}
        outcome => return outcome,
    }
    drop(client);
    question(&mut open(way)?)
}

impl<'a> EtcdAccess<'a> {
    /// To the member on the given host.
    pub fn new(pool: &'a Pool, member: &Host, trust: &Trust) -> Result<Self> {
        Self::at(pool, member, member.etcd_address(), &Tls::new(&trust.etcd_client())?)
    }
    /// To a member that the host can reach, over a connection of the pool's.
    pub fn at(pool: &'a Pool, host: &Host, address: SocketAddr, tls: &Tls) -> Result<Self> {
        ApiAccess::named(pool, host, address, address.ip().to_string(), tls).map(EtcdAccess)
    }
    /// The same way, for a while.
    pub fn reborrow(&mut self) -> EtcdAccess<'_> {
        let ApiAccess { transport, address, name, tls, until } = &mut self.0;
        let transport = Held::Borrowed(transport.get());
        EtcdAccess(ApiAccess { transport, address: *address, name: name.clone(), tls: tls.clone(), until: *until })
    }
    /// An open connection.
    pub fn client(&mut self) -> Result<Client<'_>> {
        self.0.client()
    }
    /// As [`ApiAccess::until`].
    #[must_use]
    pub fn until(self, end: Instant) -> Self {
        EtcdAccess(self.0.until(end))
    }
    /// As [`ApiAccess::ask`].
    pub fn ask<T>(&mut self, question: impl FnMut(&mut Client<'_>) -> Result<T>) -> Result<T> {
        self.0.ask(question)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};
    use std::time::Duration;

    use super::*;
    use crate::clients::http::Request;
    use crate::remote::{Output, Stream};

    /// Gives each connection its answers: none, and the server has closed it.
    struct Answers(Vec<&'static [u8]>);
    struct Answer(io::Cursor<&'static [u8]>);

    impl Transport for Answers {
        fn host(&self) -> &str {
            "n1"
        }
        fn execute(&mut self, _: Option<Duration>, _: &str, _: &mut dyn Read, _: &mut dyn Write) -> Result<Output> {
            Err(Error::internal("no scripts"))
        }
        fn dial(&mut self, _: SocketAddr) -> Result<Box<dyn Stream + '_>> {
            Ok(Box::new(Answer(io::Cursor::new(self.0.remove(0)))))
        }
    }
    impl Read for Answer {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }
    impl Write for Answer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const YES: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

    /// What comes of asking, and how many connections it took.
    fn asked(answers: &[&'static [u8]]) -> (Result<u16>, usize) {
        let (mut transport, mut times) = (Answers(answers.to_vec()), 0);
        let outcome = again(
            |transport: &mut Answers| {
                times += 1;
                let client = Client::plain(transport.dial("10.0.0.1:6443".parse().unwrap())?, "api".into(), "api");
                Ok(client)
            },
            &mut transport,
            |client| Ok(client.send(&Request::new("GET", "/"))?.status),
        );
        (outcome, times)
    }

    #[test]
    fn a_connection_that_the_server_had_closed_is_opened_again_once() {
        assert_eq!(asked(&[YES]), (Ok(200), 1));
        assert_eq!(asked(&[b"", YES]), (Ok(200), 2));
        let (outcome, times) = asked(&[b"", b"", YES]);
        assert_eq!((outcome.unwrap_err().kind, times), (Kind::Connect, 2));
    }

    #[test]
    fn what_the_server_says_is_not_asked_again() {
        let (mut transport, mut times) = (Answers(vec![YES, YES]), 0);
        let outcome = again(
            |transport: &mut Answers| {
                Ok(Client::plain(transport.dial("10.0.0.1:6443".parse().unwrap())?, "api".into(), "api"))
            },
            &mut transport,
            |client| {
                times += 1;
                client.send(&Request::new("GET", "/"))?;
                Err::<(), _>(Error::health("403"))
            },
        );
        assert_eq!((outcome, times), (Err(Error::health("403")), 1));
    }
}
