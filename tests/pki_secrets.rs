//! Nothing of a key, a token or a password is ever quoted: files that hold one are damaged in every way, and every
//! command that reads such a file is run on them.

use std::process::Command;

use crate::pki_tools::{Folder, Ran, with_leaf};

/// So much of a secret in a row must not be seen.
const SEEN: usize = 12;

/// The body of a PEM key: its base64 in one line.
fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// The piece of a secret that is in what a program said.
fn seen(secrets: &[&str], ran: &Ran) -> Option<String> {
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    // Line ends, JSON's `\n` and small letters do not make it less of a secret.
    let said: String = said.replace("\\n", "").to_ascii_lowercase().split_whitespace().collect();
    let pieces = |secret: &&str| {
        let secret = secret.to_ascii_lowercase();
        (0..=secret.len() - SEEN).map(move |at| secret[at..at + SEEN].to_owned())
    };
    secrets.iter().flat_map(pieces).find(|piece| said.contains(piece))
}

/// A file with a key, damaged in every way that people report; each with a word for it.
fn damaged(pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let base64 = body(pem);
    let lines: Vec<&str> = pem.lines().collect();
    let label = lines[0].trim_matches('-').trim_start_matches("BEGIN ");
    let utf16 = |big: bool| {
        let of = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        "\u{feff}".encode_utf16().chain(pem.encode_utf16()).flat_map(of).collect::<Vec<u8>>()
    };
    let swapped = [&[lines[0]], &lines[2..lines.len() - 1], &[lines[1], lines[lines.len() - 1]]].concat().join("\n");
    let mut all: Vec<(&str, Vec<u8>)> = vec![
        ("no line ends", pem.replace('\n', "").into()),
        ("blanks for line ends", pem.replace('\n', " ").into()),
        ("tabs for line ends", pem.replace('\n', "\t").into()),
        ("carriage returns", pem.replace('\n', "\r").into()),
        ("written line ends", pem.replace('\n', "\\n").into()),
        ("written Windows line ends", pem.replace('\n', "\\r\\n").into()),
        ("a byte order mark", [b"\xef\xbb\xbf", pem.as_bytes()].concat()),
        ("a byte order mark and no line ends", format!("\u{feff}{}", pem.replace('\n', "")).into()),
        ("UTF-16, little end first", utf16(false)),
        ("UTF-16, big end first", utf16(true)),
        ("UTF-32", pem.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()),
        ("lines swapped", swapped.into()),
        ("no END", lines[..lines.len() - 1].join("\n").into()),
        ("no BEGIN", lines[1..].join("\n").into()),
        ("the base64 alone", base64.clone().into()),
        ("the base64 alone, in lines", lines[1..lines.len() - 1].join("\n").into()),
        ("the last line alone", lines[lines.len() - 2].into()),
        ("END of another", pem.replace("-----END ", "-----END X").into()),
        ("the base64 as the label", format!("-----BEGIN {base64}-----\n-----END {base64}-----\n").into()),
        ("pieces as labels", format!("-----BEGIN {}-----\n-----END {}-----\n", &base64[..30], &base64[30..60]).into()),
        ("the base64 in the END", format!("-----BEGIN {label}-----\n-----END {base64}-----\n").into()),
        ("quoted in JSON", format!("{{\"key\": {pem:?}}}").into()),
        ("quoted in JSON that is cut", format!("{{\"key\": {pem:?}").into()),
        ("a key of JSON", format!("{{\"{base64}\": 1, \"CN\": [\"{base64}\"]}}").into()),
        ("a piece as a key of JSON", format!("{{\"{}\": 1}}", &base64[..24]).into()),
        ("YAML", format!("key: |\n{}\n oops", lines.iter().map(|l| format!("  {l}\n")).collect::<String>()).into()),
        ("a key of YAML", format!("{base64}: 1\nhosts: {base64}\nCN: {base64}\n").into()),
        ("YAML with the base64 as a scalar", base64.clone().into()),
        ("colons in it", pem.replace('\n', ":\n").into()),
        ("a header of the base64", format!("{}\nDEK-Info: {base64}\n\n{}\n", lines[0], lines[1..].join("\n")).into()),
        (
            "a kubeconfig",
            format!("clusters: [{{name: a, cluster: {{certificate-authority-data: '{base64}'}}}}]\nusers: [{{name: b, user: {{client-key-data: {base64}, client-certificate-data: '?{base64}', token: {base64}}}}}]\n").into(),
        ),
        ("a kubeconfig that is cut", format!("clusters:\nusers:\n- name: a\n  user: {{client-key-data: {base64}\n").into()),
    ];
    for cut in [1, 3, 8] {
        all.push(("cut off", pem.as_bytes()[..pem.len() * cut / 9].into()));
        all.push(("its beginning lost", pem.as_bytes()[pem.len() * cut / 9..].into()));
    }
    all
}

/// Every command that reads a file which may be a key: `F` is the file, `env:F` its text.
const COMMANDS: [&str; 22] = [
    "gencsr -key F leaf.json --out new",
    "gencsr -key env:F leaf.json --out new",
    "gencsr -key ca-key.pem -cert F --out new",
    "gencert -ca ca.pem -ca-key F leaf.json --out new",
    "gencert -ca ca.pem -ca-key env:F leaf.json --out new",
    "gencert -ca env:F -ca-key ca-key.pem leaf.json --out new",
    "gencert -ca ca.pem -ca-key ca-key.pem -config F leaf.json --out new",
    "gencert -initca F --out new",
    "gencert -initca - --out new",
    "gencert -renewca -ca F -ca-key F --out new",
    "sign -ca ca.pem -ca-key F leaf.csr --out new",
    "sign -ca ca.pem -ca-key ca-key.pem F --out new",
    "gencrl F ca.pem ca-key.pem --out new.crl",
    "gencrl list ca.pem F --out new.crl",
    "certinfo F",
    "certinfo F -o json",
    "certinfo -csr F",
    "certlint F",
    "certlint F -o json",
    "certlint damaged",
    "pki apply F",
    "pki check F",
];

/// Those of cfssl's face, which has its own readers.
const CFSSL: [&str; 4] = [
    "cfssl gencert -ca ca.pem -ca-key F leaf.json",
    "cfssl gencert -initca F",
    "cfssl certinfo -cert F",
    "cfssl gencsr -key F leaf.json",
];

fn run(folder: &Folder, command: &str, file: &str, content: &[u8]) -> Ran {
    let line = command.replace("env:F", "env:FILE").replace(" F", &format!(" {file}"));
    let mut program = Command::new(env!("CARGO_BIN_EXE_kbootstrap"));
    program.args(shlex::split(&line).unwrap()).current_dir(folder.path("")).env("NO_COLOR", "1");
    if !content.contains(&0) {
        use std::os::unix::ffi::OsStrExt;
        program.env("FILE", std::ffi::OsStr::from_bytes(content));
    }
    program.stdin(std::fs::File::open(folder.path(file)).unwrap());
    program.output().unwrap().into()
}

fn hidden_everywhere(pem: &str, commands: &[&str]) {
    let folder = with_leaf();
    folder.ok("genkey leaf.json --out leaf");
    folder.write("list", "17\n");
    std::fs::create_dir(folder.path("damaged")).unwrap();
    let own = body(&folder.read("ca-key.pem"));
    let (secret, mut shown) = (body(pem), Vec::new());
    for (how, content) in damaged(pem) {
        folder.write("damaged/a.pem", &content);
        for command in commands {
            let ran = run(&folder, command, "damaged/a.pem", &content);
            // cfssl's own face prints the key that it was given, when it can read it.
            if command.starts_with("cfssl") && ran.code == 0 {
                continue;
            }
            if let Some(piece) = seen(&[&secret, &own], &ran) {
                shown.push(format!("{command}, with {how}: {piece} in {ran:#?}"));
            }
        }
    }
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn no_command_quotes_a_key_from_a_damaged_file() {
    let folder = with_leaf();
    hidden_everywhere(&folder.read("ca-key.pem"), &[&COMMANDS[..], &CFSSL[..]].concat());
}

#[test]
fn no_command_quotes_a_key_of_another_form_from_a_damaged_file() {
    let folder = with_leaf();
    folder.openssl("pkey -in ca-key.pem -out pkcs8.pem");
    hidden_everywhere(&folder.read("pkcs8.pem"), &["gencsr -key F leaf.json --out new", "certlint F", "pki apply F"]);
    folder.openssl("pkey -in ca-key.pem -aes256 -passout pass:x -out locked.pem");
    hidden_everywhere(&folder.read("locked.pem"), &["gencsr -key F leaf.json --out new", "certlint F", "pki apply F"]);
}

#[test]
fn the_remedy_for_lost_line_ends_works() {
    let folder = with_leaf();
    let pem = folder.read("ca-key.pem");
    for between in ["", " ", "\r", "\\n", "\\r\\n"] {
        folder.write("FILE", pem.replace('\n', between));
        let error = folder.refused("gencsr -key FILE leaf.json --out new");
        let remedy = error.lines().find_map(|line| line.strip_prefix("hint: ")?.split_once(": ")).expect(&error).1;
        let ran = Command::new("sh").args(["-c", remedy]).current_dir(folder.path("")).status().unwrap();
        assert!(ran.success(), "{remedy}");
        folder.openssl("pkey -in NEW -noout");
        folder.ok("gencsr -key NEW leaf.json --out new");
        folder.openssl("req -in new.csr -verify -noout");
    }
}
