//! Who else answers at the virtual address, or multicasts with its VRRP router id: listened for on the wire, for seconds.
//!
//! Nothing is installed for it: ARP is the kernel's, and what VRRP's packets say is counted by nftables.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::text::sh_quote;

/// Seconds that are listened: VRRP's usual interval is one second, and three for those who are patient.
const SECONDS: u32 = 4;

/// What was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// The hardware address that answers at the address.
    pub answers: Option<String>,
    /// Who multicasts with the router id.
    pub routers: Vec<IpAddr>,
    /// Why the host could not listen.
    pub deaf: Option<String>,
}

/// The script, for POSIX sh as root. It takes away what it made, also where it is ended.
pub fn script(address: IpAddr, router_id: u8, host: IpAddr) -> String {
    let (family, group) = match address {
        IpAddr::V4(_) => ("ip", "01:00:5e:00:00:12"),
        IpAddr::V6(_) => ("ip6", "33:33:00:00:00:12"),
    };
    let protocol = if family == "ip" { "ip protocol 112" } else { "ip6 nexthdr 112" };
    let kind = if family == "ip" { "ipv4_addr" } else { "ipv6_addr" };
    format!(
        "A={address} H={host}
D=$(ip -o addr show to \"$H\" | awk '{{print $2; exit}}')
[ -n \"$D\" ] || {{ echo 'deaf no interface has the host’s own address'; exit 0; }}
T=kbootstrap_heard_$$
trap 'nft delete table {family} $T 2>/dev/null; ip maddr del {group} dev \"$D\" 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM
if command -v nft >/dev/null && nft -f - <<END 2>/dev/null
table {family} $T {{
  set heard {{ type {kind}; size 64; flags dynamic; }}
  chain arrivals {{
    type filter hook prerouting priority -400;
    {protocol} @th,8,8 {router_id} update @heard {{ {family} saddr }}
  }}
}}
END
then ip maddr add {group} dev \"$D\" 2>/dev/null || :
else echo 'deaf nft does not listen'
fi
# Who had it before is remembered for a while.
ip neigh del \"$A\" dev \"$D\" 2>/dev/null || :
ping -c 1 -W 1 -I \"$D\" \"$A\" >/dev/null 2>&1 || :
ip neigh show to \"$A\" dev \"$D\" | awk '$1 == \"'\"$A\"'\" && /lladdr/ {{ for (i = 1; i < NF; i++) if ($i == \"lladdr\") print \"answers\", $(i + 1) }}'
sleep {SECONDS}
nft list set {family} $T heard 2>/dev/null | tr ',{{}}' '\\n\\n\\n' | awk '$1 == \"elements\" {{ on = 1; next }} on && $1 ~ /[0-9a-f][.:]/ {{ print \"router\", $1 }}'
",
        address = sh_quote(&address.to_string()),
        host = sh_quote(&host.to_string()),
    )
}

impl Heard {
    /// What the script printed; nobody of ours is a stranger, by these addresses of hosts and hardware.
    pub fn read(said: &str, own: &[IpAddr], hardware: &BTreeSet<&str>) -> Self {
        let mut heard = Heard::default();
        for (what, value) in said.lines().filter_map(|line| line.split_once(' ')) {
            match what {
                "answers" if is_hardware(value) && !hardware.contains(value) => heard.answers = Some(value.to_owned()),
                "router" => {
                    let address = value.parse().ok().filter(|address| !own.contains(address));
                    heard.routers.extend(address.filter(|address| !heard.routers.contains(address)));
                }
                "deaf" => heard.deaf = Some(value.chars().take(100).collect()),
                _ => {}
            }
        }
        heard
    }
}

fn is_hardware(text: &str) -> bool {
    text.len() == 17 && text.split(':').all(|byte| u8::from_str_radix(byte, 16).is_ok() && byte.len() == 2)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    /// As nft 1.0.6 prints a set, and iproute2 6.1 a neighbour.
    #[test]
    fn the_script_tells_what_nft_and_ip_say() {
        let folder = tempfile::tempdir().unwrap();
        let nft = "[ \"$1\" = list ] && printf 'table ip t {\\n\\tset heard {\\n\\t\\ttype ipv4_addr\\n\\t\\telements = { 10.0.0.77,\\n\
                   \\t\\t\\t     10.0.0.78 }\\n\\t}\\n}\\n'";
        let ip = "case \"$*\" in *'addr show'*) echo '2: eth0    inet 10.0.0.11/24 scope global eth0' ;; \
                  *'neigh show'*) echo '10.0.0.9 lladdr 02:00:00:00:00:07 REACHABLE' ;; esac";
        for (program, text) in [("nft", nft), ("ip", ip), ("ping", ":"), ("sleep", ":")] {
            let path = folder.path().join(program);
            fs::write(&path, format!("#!/bin/sh\n{text}\n:\n")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let script = script("10.0.0.9".parse().unwrap(), 51, "10.0.0.11".parse().unwrap());
        let output = Command::new("sh").args(["-c", &script]).env("PATH", path).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, "answers 02:00:00:00:00:07\nrouter 10.0.0.77\nrouter 10.0.0.78\n", "{:?}", output.stderr);
    }

    #[test]
    fn who_is_heard_is_nobody_of_ours() {
        let own = ["10.0.0.11".parse().unwrap()];
        let said = "answers 02:00:00:00:00:07\nrouter 10.0.0.11\nrouter 10.0.0.77\nrouter 10.0.0.77\nrouter x\nhello\n";
        let none = BTreeSet::new();
        let heard = Heard::read(said, &own, &none);
        assert_eq!(heard.answers.as_deref(), Some("02:00:00:00:00:07"));
        assert_eq!(heard.routers, ["10.0.0.77".parse::<IpAddr>().unwrap()]);
        assert_eq!(heard.deaf, None);
        assert_eq!(Heard::read(said, &own, &["02:00:00:00:00:07"].into()).answers, None);
        assert_eq!(Heard::read("answers <script>\n", &own, &none), Heard::default());
        assert_eq!(Heard::read("deaf nft does not listen\n", &own, &none).deaf.as_deref(), Some("nft does not listen"));
    }
}
