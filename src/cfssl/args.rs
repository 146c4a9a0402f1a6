//! Go's flags for the commands that cfssl has: `-initca` and `-ca=ca.pem` become `--initca` and `--ca=ca.pem`.

use std::ffi::OsString;

/// The commands that scripts written for cfssl call.
const COMMANDS: [&str; 9] =
    ["gencert", "genkey", "gencsr", "sign", "selfsign", "gencrl", "bundle", "certinfo", "print-defaults"];

/// Their flags that are either given or not; Go lets people write `=true` after them.
const SWITCHES: [&str; 2] = ["initca", "renewca"];

/// Rewrites the arguments of cfssl's commands; those of all others stay as they are. Flags of one letter (`-h`, `-f x`,
/// `-o json`) stay too: Go has no bundles of short flags, so `-cn` can only be one flag.
pub fn rewrite(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_word = |arg: &OsString| !arg.as_encoded_bytes().starts_with(b"-");
    let Some(command) = args.iter().skip(1).position(is_word).map(|i| i + 1) else { return args };
    if !COMMANDS.iter().any(|name| args[command] == *name) {
        return args;
    }
    let mut flags = true;
    let rewritten = args.split_off(command + 1).into_iter().filter_map(|arg| {
        flags &= arg != "--";
        if flags { flag(arg) } else { Some(arg) }
    });
    args.extend(rewritten);
    args
}

/// Two dashes, and no value for a switch: `-initca=true` is `--initca`, `-initca=false` is nothing.
fn flag(mut arg: OsString) -> Option<OsString> {
    if is_long_with_one_dash(arg.as_encoded_bytes()) {
        let mut long = OsString::from("-");
        long.push(&arg);
        arg = long;
    }
    let text = arg.to_str().unwrap_or_default();
    match text.strip_prefix("--").and_then(|text| text.split_once('=')) {
        Some((name, value)) if SWITCHES.contains(&name) => match value {
            "true" | "TRUE" | "True" | "t" | "T" | "1" => Some(OsString::from(format!("--{name}"))),
            "false" | "FALSE" | "False" | "f" | "F" | "0" => None,
            _ => Some(arg),
        },
        _ => Some(arg),
    }
}

fn is_long_with_one_dash(arg: &[u8]) -> bool {
    let Some(rest) = arg.strip_prefix(b"-") else { return false };
    let name = rest.split(|&b| b == b'=').next().unwrap_or_default();
    name.len() > 1 && name[0].is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> String {
        let args = rewrite(line.split(' ').map(OsString::from).collect());
        args.iter().map(|a| a.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn single_dashes_become_double() {
        for (line, expected) in [
            ("k gencert -initca ca.json", "k gencert --initca ca.json"),
            ("k gencert -ca=ca.pem -ca-key k.pem -cn=-x -", "k gencert --ca=ca.pem --ca-key k.pem --cn=-x -"),
            ("k gencert -initca=true -ca=x", "k gencert --initca --ca=x"),
            ("k gencert --initca=0 x", "k gencert x"),
            ("k gencert -renewca=maybe x", "k gencert --renewca=maybe x"),
            ("k gencert --ca ca.pem -h", "k gencert --ca ca.pem -h"),
            ("k --no-color genkey -initca -f x a", "k --no-color genkey --initca -f x a"),
            ("k certinfo -o json -cert a -- -odd", "k certinfo -o json --cert a -- -odd"),
            ("k certinfo -o=json", "k certinfo -o=json"),
            ("k up -initca", "k up -initca"),
            ("k --help", "k --help"),
            ("k", "k"),
        ] {
            assert_eq!(rewritten(line), expected);
        }
    }
}
