//! Reaching a port where the SSH server forwards none: a command on the host that copies both ways.

use std::net::SocketAddr;

/// A command for the login shell. It prints a line that ends in `mark` once it is connected (socat and nc: once it
/// tries), then copies stdin to the port and the port to stdout until either ends.
///
/// bash can open a TCP connection by itself; where it is missing or was built without that, socat and nc can.
/// Like the bootstrap of scripts, the text within the single quotes means the same to every login shell.
pub fn command(address: SocketAddr, mark: &str) -> String {
    let (host, port) = (address.ip(), address.port());
    let bash = format!(
        "exec 3<>/dev/tcp/{host}/{port} || exit 1; echo {mark}; exec 4<&0; cat <&3 & cat <&4 >&3 & wait -n; kill %1 %2 2>/dev/null; exit 0"
    );
    format!(
        "/bin/sh -c 'if command -v bash >/dev/null; then exec bash -c \"{bash}\"; \
         elif command -v socat >/dev/null; then echo {mark}; exec socat STDIO TCP:{address}; \
         elif command -v nc >/dev/null; then echo {mark}; exec nc {host} {port}; \
         else echo no bash, socat or nc to relay with >&2; exit 1; fi'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_login_shell_sees_one_plain_word() {
        let text = command("127.0.0.1:2379".parse().unwrap(), "__KB_OPEN_n");
        assert_eq!(text.matches('\'').count(), 2);
        assert!(!text.contains(['\\', '\n', '!', '`', '$']), "{text}");
    }

    #[test]
    fn version_6_addresses_are_bracketed_where_they_must_be() {
        let text = command("[::1]:6443".parse().unwrap(), "m");
        assert!(text.contains("/dev/tcp/::1/6443") && text.contains("TCP:[::1]:6443") && text.contains("nc ::1 6443"));
    }
}
