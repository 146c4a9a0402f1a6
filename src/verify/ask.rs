//! What a host is asked to try: connections of its own, and through its pods, all at once and each with its time.
//!
//! bash opens TCP and UDP ports by itself; agnhost in the pods dials on when it is asked over HTTP. So one script on each
//! host tries everything that starts there, and no blocked port holds an SSH channel.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::text::sh_quote;

/// Something to try from a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// Where it goes.
    pub at: SocketAddr,
    /// What is sent.
    pub send: Send,
    /// Seconds after which it is given up.
    pub seconds: u8,
}

/// What is sent once a port is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Send {
    /// Nothing: that it is open is enough.
    Nothing,
    /// A GET of this path with so many zeros after it.
    Get(String, usize),
    /// A datagram.
    Datagram(String),
}

/// What came of it, as the host tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Exit status: of the attempt, or [`TIME_OVER`].
    pub status: u8,
    /// How many bytes came in all.
    pub bytes: usize,
    /// Their beginning, errors of the host's own among them.
    pub text: String,
}

/// What `timeout` ends with.
pub(super) const TIME_OVER: u8 = 124;
/// What a script ends with where the host lacks what it needs.
pub(super) const NO_BASH: i32 = 90;
/// The line that says that a port is open.
pub(super) const OPEN: &str = "open\n";

/// As much of each answer is wanted. A line with it, in base64, is written in one piece.
const SHOWN: usize = 1500;

/// A script that tries all of it at once and prints a line for each.
pub(super) fn script(asks: &[&Ask]) -> String {
    let mut script = format!(
        "command -v bash >/dev/null || exit {NO_BASH}\n\
         try='exec 3<>\"/dev/$1/$2/$3\" || exit 1\n\
         echo open\n\
         case $4 in\n\
         get) zeros=; [ \"$6\" = 0 ] || printf -v zeros \"%0*d\" \"$6\" 0\n\
         printf \"GET %s%s HTTP/1.0\\r\\nHost: verify\\r\\n\\r\\n\" \"$5\" \"$zeros\" >&3; cat <&3;;\n\
         send) printf %s \"$5\" >&3; dd bs=2048 count=1 status=none <&3;;\n\
         esac'\n\
         ask() {{ number=$1; limit=$2; shift 2\n\
         out=$(timeout \"$limit\" bash -c \"$try\" verify \"$@\" 2>&1)\n\
         echo \"$number $? ${{#out}} $(printf %s \"$out\" | head -c {SHOWN} | base64 | tr -d '\\n')\"; }}\n"
    );
    for (number, Ask { at, send, seconds }) in asks.iter().enumerate() {
        let protocol = if matches!(send, Send::Datagram(_)) { "udp" } else { "tcp" };
        let (word, text, zeros) = match send {
            Send::Nothing => ("open", "", 0),
            Send::Get(path, zeros) => ("get", path.as_str(), *zeros),
            Send::Datagram(text) => ("send", text.as_str(), 0),
        };
        let (host, port, text) = (at.ip(), at.port(), sh_quote(text));
        script.push_str(&format!("ask {number} {seconds} {protocol} {host} {port} {word} {text} {zeros} &\n"));
    }
    script.push_str("wait\n");
    script
}

/// The lines of a script for so many asks; none for one that the host has not told of.
pub(super) fn read(output: &[u8], count: usize) -> Vec<Option<Told>> {
    let mut told = vec![None; count];
    for line in String::from_utf8_lossy(output).lines() {
        let mut words = line.split(' ');
        let number = words.next().and_then(|word| word.parse::<usize>().ok());
        let Some(slot) = number.and_then(|number| told.get_mut(number)) else { continue };
        let status = words.next().and_then(|word| word.parse().ok());
        let bytes = words.next().and_then(|word| word.parse().ok());
        let text = words.next().and_then(|word| STANDARD.decode(word).ok());
        *slot = status.zip(bytes).zip(text).map(|((status, bytes), text)| Told {
            status,
            bytes,
            text: String::from_utf8_lossy(&text).into_owned(),
        });
    }
    told
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, UdpSocket};
    use std::process::Command;
    use std::thread;

    use super::*;

    fn run(asks: &[Ask]) -> Vec<Told> {
        let output = Command::new("sh").args(["-c", &script(&asks.iter().collect::<Vec<_>>())]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        read(&output.stdout, asks.len()).into_iter().map(Option::unwrap).collect()
    }

    fn ask(at: SocketAddr, send: Send) -> Ask {
        Ask { at, send, seconds: 1 }
    }

    #[test]
    fn answers_silence_and_refusal_are_told_apart() {
        let (web, silent, gone) = (listen(), listen(), listen());
        let (at, mute) = (web.local_addr().unwrap(), silent.local_addr().unwrap());
        let refusing = gone.local_addr().unwrap();
        drop(gone);
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let datagrams = udp.local_addr().unwrap();
        thread::spawn(move || {
            let mut taken = [0; 100];
            let (count, from) = udp.recv_from(&mut taken).unwrap();
            udp.send_to(&taken[..count], from).unwrap();
        });
        thread::spawn(move || {
            for _ in 0..3 {
                let (mut stream, _) = web.accept().unwrap();
                let mut taken = Vec::new();
                let mut piece = [0; 4096];
                while !taken.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut piece) {
                        Ok(count) if count > 0 => taken.extend_from_slice(&piece[..count]),
                        _ => break,
                    }
                }
                let length = taken.iter().filter(|byte| **byte == b'0').count();
                // Who only opens the port is gone by now.
                let _ = stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{length:>9000} it's").as_bytes());
            }
        });
        let told = run(&[
            ask(at, Send::Get("/it's?a=b&c".into(), 4000)),
            ask(at, Send::Nothing),
            ask(mute, Send::Get("/".into(), 0)),
            ask(refusing, Send::Nothing),
            ask(datagrams, Send::Datagram("host name's".into())),
        ]);
        assert_eq!(told[0].status, 0, "{told:#?}");
        assert!(told[0].bytes > 9000 && told[0].text.len() == SHOWN, "{told:#?}");
        assert!(told[0].text.starts_with("open\nHTTP/1.0 200 OK\r\n"), "{told:#?}");
        assert_eq!((told[1].status, told[1].text.as_str()), (0, "open"));
        assert_eq!((told[2].status, told[2].text.as_str()), (TIME_OVER, "open"));
        assert_eq!(told[3].status, 1);
        assert!(told[3].text.contains("Connection refused") && !told[3].text.starts_with(OPEN), "{told:#?}");
        assert_eq!((told[4].status, told[4].text.as_str()), (0, "open\nhost name's"));
    }

    fn listen() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn what_is_no_line_of_ours_is_passed_over() {
        let told = read(b"motd\n1 0 4 b3Blbg==\n7 0 0 \n0 x 0 \n", 2);
        assert_eq!(told, [None, Some(Told { status: 0, bytes: 4, text: "open".into() })]);
    }
}
