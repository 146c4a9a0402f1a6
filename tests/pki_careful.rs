//! What must not be lost, and must not be shown: keys of CAs, devices, secrets given in the wrong place.

use std::io::{Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::process::{Command, Stdio};

use crate::pki_tools::with_leaf;

const SIGN: &str = "-ca ca.pem -ca-key ca-key.pem -config config.json";

#[test]
fn a_ca_is_not_written_over() {
    let folder = with_leaf();
    let (key, certificate) = (folder.read("ca-key.pem"), folder.read("ca.pem"));
    insta::assert_snapshot!(folder.refused(&format!("gencert {SIGN} -profile server leaf.json --out ./ca")), @r"
    error: --out would write over ./ca-key.pem, which is read here
    hint: choose another --out
    exit code 2
    ");
    folder.ok("genkey leaf.json --out leaf");
    insta::assert_snapshot!(folder.refused(&format!("sign {SIGN} -profile server leaf.csr --out ca")), @r"
    error: --out would write over ca-key.pem, which is read here
    hint: choose another --out
    exit code 2
    ");
    insta::assert_snapshot!(folder.refused("gencert -initca ca.json --out ca"), @r"
    error: ca-key.pem is there: without it nothing can be issued by its CA any more
    hint: --backup keeps it beside the new one, as FILE.1
    hint: -ca-key makes a certificate for the key that is there, -renewca renews the CA
    exit code 2
    ");
    folder.refused("genkey -initca ca.json --out ca");
    assert_eq!((folder.read("ca-key.pem"), folder.read("ca.pem")), (key.clone(), certificate));

    // For the key that is there, or with a backup, as often as one likes.
    folder.ok("gencert -initca -ca-key ca-key.pem ca.json --out ca");
    folder.ok("gencert -renewca -ca ca.pem -ca-key ca-key.pem --out ca");
    folder.ok("gencert -initca ca.json --out ca --backup");
    assert_eq!(folder.read("ca-key.pem.1"), key);
}

#[test]
fn no_command_replaces_the_key_of_another_ca() {
    let folder = with_leaf();
    folder.ok("gencert -initca ca.json --out root");
    folder.ok("gencert -initca ca.json --out copy --names crt");
    // Its certificate lies beside it under another name.
    std::fs::rename(folder.path("copy.crt"), folder.path("other.crt")).unwrap();
    folder.openssl("pkey -in ca-key.pem -aes256 -passout pass:secret -out locked-key.pem");
    folder.copy("ca.pem", "locked.pem");
    let slips = [
        ("genkey leaf.json --out root", "root-key.pem", "root.pem"),
        ("genkey leaf.json --out copy --names crt", "copy.key", "other.crt"),
        ("genkey leaf.json --out locked", "locked-key.pem", "locked.pem"),
        ("selfsign web.example leaf.json --out root", "root-key.pem", "root.pem"),
        (
            "gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile server leaf.json --out root",
            "root-key.pem",
            "root.pem",
        ),
    ];
    for (slip, key, ca) in slips {
        let before = (folder.read(key), folder.read(ca));
        let error = folder.refused(slip);
        assert!(error.starts_with(&format!("error: {key} is there, the key of the CA of {ca}: ")), "{slip}: {error}");
        assert!(error.ends_with("exit code 2"), "{slip}: {error}");
        assert_eq!((folder.read(key), folder.read(ca)), before, "{slip}");
    }
    // By an explicit word, and what is no CA's.
    let key = folder.read("root-key.pem");
    folder.ok("genkey leaf.json --out root --backup");
    assert_eq!(folder.read("root-key.pem.1"), key);
    folder.ok("selfsign web.example leaf.json --out web");
    folder.ok("selfsign web.example leaf.json --out web");
}

#[test]
fn of_two_new_cas_at_once_one_is_made() {
    let folder = with_leaf();
    for round in 0..8 {
        let call = format!("gencert -initca ca.json --out same{round}");
        let codes: Vec<i32> = std::thread::scope(|scope| {
            let calls: Vec<_> = (0..3).map(|_| scope.spawn(|| folder.kbootstrap(&call, "").code)).collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
        assert!(codes.iter().all(|code| [0, 2].contains(code)), "{codes:?}");
        let (key, ca) =
            (format!("pkey -in same{round}-key.pem -pubout"), format!("x509 -in same{round}.pem -noout -pubkey"));
        assert_eq!(folder.openssl(&key), folder.openssl(&ca));
    }
}

#[test]
fn a_key_is_not_made_for_a_closed_standard_output() {
    let folder = with_leaf();
    let run = |to: &str| {
        let line = format!("{} gencert -initca ca.json {to}", env!("CARGO_BIN_EXE_kbootstrap"));
        Command::new("sh").args(["-c", &line]).current_dir(folder.path("")).env("NO_COLOR", "1").output().unwrap()
    };
    let closed = run(">&-");
    assert_eq!(closed.status.code(), Some(1), "{closed:?}");
    assert!(String::from_utf8_lossy(&closed.stderr).contains("standard output is closed: the key would be lost"));
    assert!(run(">/dev/null").status.success());
    assert!(run(">&- --out new").status.success(), "files need no output");
}

#[test]
fn devices_and_pipes_stay_what_they_are() {
    let folder = with_leaf();
    folder.write("revoked", "17\n");
    let node = folder.path("null");
    if Command::new("mknod").arg(&node).args(["c", "1", "3"]).status().is_ok_and(|made| made.success()) {
        folder.ok("gencrl revoked ca.pem ca-key.pem --out null");
        assert!(std::fs::symlink_metadata(&node).unwrap().file_type().is_char_device());
    }
    let line = format!("{} gencrl revoked ca.pem ca-key.pem --out /dev/stdout | cat", env!("CARGO_BIN_EXE_kbootstrap"));
    let ran = Command::new("sh").args(["-c", &line]).current_dir(folder.path("")).output().unwrap();
    assert!(ran.stdout.starts_with(b"-----BEGIN X509 CRL-----"), "{ran:?}");
}

#[test]
fn a_key_in_the_wrong_place_is_not_shown() {
    let folder = with_leaf();
    insta::assert_snapshot!(folder.refused("gencrl ca-key.pem ca.pem ca-key.pem"), @r"
    error: ca-key.pem: a private key is in it, and no serial numbers
    hint: the order is: the list, the CA certificate, the CA key
    exit code 3
    ");
    // Its base64 alone.
    let base64: String = folder.read("ca-key.pem").lines().filter(|line| !line.starts_with('-')).collect();
    folder.write("bare", &base64);
    let error = folder.refused("gencrl bare ca.pem ca-key.pem");
    assert!(!error.contains(&base64[..20]), "{error}");
}

#[test]
fn keys_in_damaged_json_are_not_shown() {
    let folder = with_leaf();
    let base64: String = folder.read("ca-key.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let refused = |text: &str| {
        folder.write("leaf.json", text);
        folder.refused("gencert -initca leaf.json --out new")
    };
    insta::assert_snapshot!(refused(r#"{"CN": "ca", "hosts": ["a" "b"]}"#), @r#"
    error: leaf.json: not valid JSON: expected `,` or `]` at line 1 column 28
      {"CN": "ca", "hosts": ["a" "b"]}
    exit code 3
    "#);
    let error = refused(&base64) + &refused(&format!("{{\"key\": \"{base64}\" oops"));
    assert!(!error.contains(&base64[..20]), "{error}");
    folder.write("fine.json", r#"{"CN":"a","hosts":["a"]}"#);
    folder.write("keys.json", r#"{"auth_keys":{"k":{"type":"standard","key":"0123456789abcdef0123"}},}"#);
    let error = folder.refused("gencert -ca ca.pem -ca-key ca-key.pem -config keys.json fine.json");
    assert!(error.contains("keys.json: not valid JSON") && !error.contains("0123456789"), "{error}");
}

#[test]
fn keys_under_a_password_make_lists_and_csrs_too() {
    let folder = with_leaf();
    folder.openssl("pkey -in ca-key.pem -aes256 -passout pass:secret -out locked-key.pem");
    folder.write("password", "secret");
    folder.write("revoked", "17\n");
    folder.ok("gencrl revoked ca.pem locked-key.pem --ca-key-password-file password --out ca.crl");
    assert!(folder.openssl("crl -in ca.crl -CAfile ca.pem -noout").contains("verify OK"));
    folder.ok("gencsr -key locked-key.pem --key-password-file password leaf.json --out leaf");
    folder.openssl("req -in leaf.csr -verify -noout");
}

#[test]
fn what_would_have_expired_when_it_is_made_is_refused() {
    let folder = with_leaf();
    folder.write("short.json", r#"{"signing":{"default":{"usages":["server auth"],"expiry":"4m"}}}"#);
    folder.write("early.json", r#"{"signing":{"default":{"usages":["server auth"],"expiry":"1h","backdate":"80y"}}}"#);
    let error = |config: &str| {
        let error = folder
            .refused(&format!("gencert -ca ca.pem -ca-key ca-key.pem -config {config}.json leaf.json --out leaf"));
        // The moment varies.
        error.lines().map(|line| line.split(" (2").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(error("short"), @r"
    error: short.json: the certificate would have expired when it is made
    hint: an expiry counts from the backdated beginning, five minutes ago if nothing else is said
    exit code 3
    ");
    insta::assert_snapshot!(error("early"), @r"
    error: early.json: the certificate would begin before 1950, which X.509 cannot write
    hint: shorten the backdate, or begin later
    exit code 3
    ");
    assert!(!folder.path("leaf-key.pem").exists());
}

#[test]
fn two_calls_at_once_leave_a_pair() {
    let folder = with_leaf();
    let call = format!("gencert {SIGN} -profile server leaf.json --out leaf");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..10).for_each(|_| drop(folder.ok(&call))));
        }
    });
    let (key, leaf) = ("pkey -in leaf-key.pem -pubout", "x509 -in leaf.pem -noout -pubkey");
    assert_eq!(folder.openssl(key), folder.openssl(leaf));
}

#[test]
fn a_folder_in_the_way_is_noticed_before_the_key_is_replaced() {
    let folder = with_leaf();
    let call = format!("gencert {SIGN} -profile server leaf.json --out leaf");
    folder.ok(&call);
    let key = folder.read("leaf-key.pem");
    std::fs::remove_file(folder.path("leaf.csr")).unwrap();
    std::fs::create_dir(folder.path("leaf.csr")).unwrap();
    insta::assert_snapshot!(folder.refused(&call), @r"
    error: cannot write leaf.csr: it is a folder
    exit code 3
    ");
    assert_eq!(folder.read("leaf-key.pem"), key);
    let left: Vec<_> = std::fs::read_dir(folder.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".kbootstrap-")), "{left:?}");
}

#[test]
fn what_verifiers_will_refuse_is_warned_of_or_refused() {
    let folder = with_leaf();
    folder.write("odd.json", r#"{"CN":"odd","hosts":["*.com","a..b","*"]}"#);
    let ran = folder.ok(&format!("gencert {SIGN} -profile server odd.json --out odd"));
    let warnings: Vec<_> = ran.stderr.lines().filter_map(|line| line.split("[WARNING] ").nth(1)).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    the DNS name `a..b` is no host name: a part of it between dots is empty; refused by every client: the name is never matched (san-dns-syntax)
    the DNS name `*.com` is too broad: a wildcard needs two labels after it; refused by openssl and browsers: the name is never matched (wildcard-broad)
    `*` is a URI, and no wildcard: write the domain after it, such as `*.example.com`; refused by every client: the name is never matched (san-uri-host-port)
    ");

    // What the CA's name constraints forbid.
    folder.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout narrow-key.pem -out narrow.pem -days 3650 -subj /CN=narrow \
         -addext 'nameConstraints=critical,permitted;DNS:example.com' -addext keyUsage=critical,keyCertSign",
    );
    folder.write("within.json", r#"{"CN":"a","hosts":["a.example.com"]}"#);
    folder.write("outside.json", r#"{"CN":"a","hosts":["a.example.org"]}"#);
    let sign = "gencert -ca narrow.pem -ca-key narrow-key.pem -config config.json -profile server";
    folder.ok(&format!("{sign} within.json --out within"));
    folder.openssl("verify -x509_strict -CAfile narrow.pem within.pem");
    insta::assert_snapshot!(folder.refused(&format!("{sign} outside.json --out outside")), @r"
    error: the CA may not issue for DNS:a.example.org: its name constraints do not allow it
    hint: openssl x509 -text shows them; another CA is needed for this name
    exit code 4
    ");
}

#[test]
fn an_interrupted_question_leaves_the_terminal_as_it_was() {
    let folder = with_leaf();
    folder.openssl("pkey -in ca-key.pem -aes256 -passout pass:secret -out locked-key.pem");
    let kbootstrap = env!("CARGO_BIN_EXE_kbootstrap");
    // The shell lives on, and does not mend the terminal.
    let line =
        format!("trap : INT; {kbootstrap} gencsr -key locked-key.pem leaf.json --out new; echo code=$?; stty -a");
    let mut session = Command::new("script")
        .args(["-qfec", &line, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env_remove("KBOOTSTRAP_KEY_PASSWORD")
        .current_dir(folder.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (session.stdin.take().unwrap(), session.stdout.take().unwrap());
    let (mut said, mut piece, mut asked) = (String::new(), [0; 1024], false);
    loop {
        let count = screen.read(&mut piece).unwrap();
        said.push_str(&String::from_utf8_lossy(&piece[..count]));
        if !asked && said.contains("password of locked-key.pem") {
            asked = true;
            keys.write_all(b"\x03").unwrap();
        }
        if count == 0 {
            break;
        }
    }
    session.wait().unwrap();
    assert!(asked && said.contains("code=130"), "{said}");
    assert!(said.split_whitespace().any(|word| word == "echo"), "{said}");
}
