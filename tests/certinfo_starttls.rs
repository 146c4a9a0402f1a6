//! `certinfo --starttls`: each protocol is spoken with a small server that `openssl s_client -starttls` takes for one, too.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::pki_tools::{Folder, GENCERT, P256, with_ca};

const PROTOCOLS: [&str; 12] =
    ["smtp", "lmtp", "imap", "pop3", "sieve", "nntp", "ftp", "ldap", "postgres", "mysql", "xmpp", "xmpp-server"];

fn folder() -> Folder {
    let folder = with_ca(P256);
    folder.write("mail.json", r#"{"CN":"mail","hosts":["mail.example","127.0.0.1"]}"#);
    folder.ok(&format!("{GENCERT} mail.json --out mail"));
    folder
}

/// What a server of the protocol says and hears until TLS begins; as the standards of [`PROTOCOLS`] have it.
fn until_tls(protocol: &str, stream: &TcpStream) {
    // Nothing is read ahead: a client of MySQL begins TLS without waiting for an answer.
    let mut reader = stream;
    let mut writer = stream;
    let mut say = |bytes: &[u8]| writer.write_all(bytes).unwrap();
    let mut hear = |word: &str| {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).unwrap();
        assert!(line.to_ascii_uppercase().contains(word), "{protocol}: {line:?} and not {word}");
        line
    };
    match protocol {
        "smtp" | "lmtp" => {
            say(b"220-mail.example\r\n220 ready\r\n");
            hear(if protocol == "smtp" { "EHLO" } else { "LHLO" });
            say(b"250-mail.example\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n");
            hear("STARTTLS");
            say(b"220 go ahead\r\n");
        }
        "imap" => {
            say(b"* OK ready\r\n");
            // openssl asks what there is first.
            let mut line = hear(" ");
            if line.contains("CAPABILITY") {
                say(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n");
                say(format!("{} OK done\r\n", line.split(' ').next().unwrap()).as_bytes());
                line = hear("STARTTLS");
            }
            assert!(line.contains("STARTTLS"), "{line}");
            say(format!("{} OK begin\r\n", line.split(' ').next().unwrap()).as_bytes());
        }
        "pop3" => {
            say(b"+OK ready\r\n");
            hear("STLS");
            say(b"+OK begin\r\n");
        }
        "sieve" => {
            say(b"\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\n");
            hear("STARTTLS");
            say(b"OK \"begin\"\r\n");
        }
        "nntp" => {
            say(b"200 ready\r\n");
            if hear("").contains("CAPABILITIES") {
                say(b"101 list:\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n");
                hear("STARTTLS");
            }
            say(b"382 begin\r\n");
        }
        "ftp" => {
            say(b"220-hello\r\n220 ready\r\n");
            // openssl asks what there is first.
            if hear("").contains("FEAT") {
                say(b"211-Features:\r\n AUTH TLS\r\n211 End\r\n");
                hear("AUTH TLS");
            }
            say(b"234 begin\r\n");
        }
        "ldap" => {
            let mut request = [0; 31];
            reader.read_exact(&mut request).unwrap();
            assert!(request.ends_with(b"1.3.6.1.4.1.1466.20037"), "{request:?}");
            say(&[0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0]);
        }
        "postgres" => {
            let mut request = [0; 8];
            reader.read_exact(&mut request).unwrap();
            assert_eq!(request, [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]);
            say(b"S");
        }
        "mysql" => {
            // Protocol 10, a version, a number, a challenge, what it is capable of, and the rest of the challenge.
            let mut greeting = b"\x0a8.0.0\0\x01\0\0\0challeng\0\xff\xff\x21\x02\0\xff\xc1\x15".to_vec();
            greeting.extend([0; 10]);
            greeting.extend(b"andmorechall\0mysql_native_password\0");
            say(&[&[u8::try_from(greeting.len()).unwrap(), 0, 0, 0], greeting.as_slice()].concat());
            let mut request = [0; 36];
            reader.read_exact(&mut request).unwrap();
            assert_eq!((request[0], request[3], request[5] & 8), (32, 1, 8), "{request:?}");
        }
        "xmpp" | "xmpp-server" => {
            let mut heard = Vec::new();
            while !heard.ends_with(b"1.0'>") {
                let mut byte = [0];
                reader.read_exact(&mut byte).unwrap();
                heard.push(byte[0]);
            }
            let namespace = if protocol == "xmpp" { "jabber:client" } else { "jabber:server" };
            assert!(String::from_utf8_lossy(&heard).contains(namespace));
            say(format!("<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>").as_bytes());
            let mut heard = Vec::new();
            while !heard.ends_with(b"/>") {
                let mut byte = [0];
                reader.read_exact(&mut byte).unwrap();
                heard.push(byte[0]);
            }
            assert!(heard.starts_with(b"<starttls"));
            say(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        }
        other => panic!("{other}"),
    }
}

/// Serves that many connections, and gives the port.
fn serve(folder: &Folder, protocol: &'static str, connections: usize) -> (u16, std::thread::JoinHandle<()>) {
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(folder.path("mail.pem")).unwrap().collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path("mail-key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
            until_tls(protocol, &stream);
            let mut tls = ServerConnection::new(config.clone()).unwrap();
            // The client goes when it has seen the certificate.
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    (port, serving)
}

#[test]
fn every_protocol_is_spoken_as_openssl_speaks_it() {
    let folder = folder();
    for protocol in PROTOCOLS {
        let (port, serving) = serve(&folder, protocol, 2);
        let shown = folder.json(&format!("certinfo 127.0.0.1:{port} --starttls {protocol} --ca ca.pem -o json"));
        assert_eq!(shown[0]["certificate"]["subject"]["common_name"], "mail", "{protocol}: {shown}");
        assert_eq!(shown[0]["chain"]["verified"], true, "{protocol}: {shown}");
        let theirs = folder.try_openssl(&format!("s_client -connect 127.0.0.1:{port} -starttls {protocol} -CAfile ca.pem -verify_return_error -xmpphost mail.example")).stdout;
        // openssl says "ok" of no certificate at all, too.
        for said in ["subject=CN = mail", "Verify return code: 0 (ok)"] {
            assert!(theirs.contains(said), "{protocol}: {theirs}");
        }
        serving.join().unwrap();
    }
}

#[test]
fn what_is_no_tls_names_the_option_and_a_refusal_is_in_the_server_s_words() {
    let folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"421 too busy\r\n").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    insta::assert_snapshot!(
        folder.refused(&format!("certinfo 127.0.0.1:{port} --starttls smtp")).replace(&port.to_string(), "PORT"),
        @r"
        error: 127.0.0.1:PORT: the server does not change to TLS (smtp): 421 too busy
        exit code 5
        "
    );
    serving.join().unwrap();
    let usual = folder.refused("certinfo mail.invalid --starttls imap --timeout 1");
    assert!(usual.contains("mail.invalid:143: cannot find its address"), "{usual}");
}
