//! Files that belong together: a key and its certificate are in one place, and both are new or both are as they were.

use std::os::unix::fs::{lchown, symlink};
use std::process::Command;

use crate::pki_tools::{Folder, GENCERT, with_leaf};

/// Whether key and certificate are of one pair.
#[track_caller]
fn is_pair(folder: &Folder, certificate: &str, key: &str) {
    let (key, certificate) = (format!("pkey -in {key} -pubout"), format!("x509 -in {certificate} -noout -pubkey"));
    assert_eq!(folder.openssl(&key), folder.openssl(&certificate));
}

/// As in a volume of Kubernetes, `live` of certbot or a folder of dotfiles.
#[test]
fn a_pair_of_links_is_renewed_where_they_lead() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out first"));
    std::fs::create_dir(folder.path("data")).unwrap();
    for (call, certificate, key) in [
        (format!("{GENCERT} leaf.json --out own"), "own.pem", "own-key.pem"),
        (format!("{GENCERT} leaf.json --out crt --names crt"), "crt.crt", "crt.key"),
        ("selfsign web.example leaf.json --out self".to_owned(), "self.pem", "self-key.pem"),
        ("gencert -initca ca.json --out root".to_owned(), "root.pem", "root-key.pem"),
    ] {
        for (link, from) in [(certificate, "first.pem"), (key, "first-key.pem")] {
            // A root is made where nothing is yet.
            if !call.contains("-initca") {
                folder.copy(from, &format!("data/{link}"));
            }
            symlink(format!("data/{link}"), folder.path(link)).unwrap();
        }
        folder.ok(&call);
        is_pair(&folder, &format!("data/{certificate}"), &format!("data/{key}"));
        assert_ne!(folder.read(&format!("data/{certificate}")), folder.read("first.pem"), "{call}");
        assert_eq!(folder.mode(&format!("data/{key}")), 0o600, "{call}");
        for link in [certificate, key] {
            assert!(std::fs::symlink_metadata(folder.path(link)).unwrap().is_symlink(), "{call}: {link}");
        }
    }
}

#[test]
fn half_a_pair_of_links_is_refused() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out first"));
    for linked in ["half.pem", "half-key.pem"] {
        let other = if linked == "half.pem" { "half-key.pem" } else { "half.pem" };
        for there in [true, false] {
            for name in ["half.pem", "half-key.pem", "target"] {
                let _ = std::fs::remove_file(folder.path(name));
            }
            folder.copy("first.pem", "target");
            symlink("target", folder.path(linked)).unwrap();
            if there {
                folder.copy("first.pem", other);
            }
            let said = folder.refused(&format!("{GENCERT} leaf.json --out half"));
            assert!(said.contains(&format!("{linked} is a link and {other} is none")), "{said}");
            assert!(said.ends_with("exit code 3"), "{said}");
            assert_eq!(folder.read("target"), folder.read("first.pem"));
            assert_eq!(folder.path(other).exists(), there);
        }
    }
    folder.write("pki.yaml", "authorities: [{name: ca, CN: a, certificates: [{name: leaf, CN: b}]}]");
    symlink("target", folder.path("leaf.pem")).unwrap();
    std::fs::remove_file(folder.path("target")).unwrap();
    folder.copy("ca.pem", "kept.pem");
    let ran = folder.kbootstrap("pki apply pki.yaml --dir new --outside", "");
    assert_eq!(ran.code, 0, "{ran:#?}");
    symlink("target", folder.path("new/other.pem")).unwrap();
    folder.write(
        "pki.yaml",
        "authorities: [{name: ca, CN: a, certificates: [{name: leaf, CN: b}, {name: other, CN: c}]}]",
    );
    let ran = folder.kbootstrap("pki apply pki.yaml --dir new", "");
    assert_eq!(ran.code, 3, "{ran:#?}");
    assert!(ran.stderr.contains("other.pem is a link and new/other-key.pem is none"), "{ran:#?}");
    assert!(!folder.path("new/target").exists() && !folder.path("new/other-key.pem").exists());
}

/// As the kernel does for opening a file.
#[test]
fn a_link_that_a_stranger_has_put_there_is_not_followed() {
    if !rustix::process::geteuid().is_root() {
        return assert!(Command::new("id").status().is_ok_and(|id| id.success()), "only root can give a link away");
    }
    let folder = with_leaf();
    folder.write("victim", "victim");
    std::fs::create_dir(folder.path("shared")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    std::fs::set_permissions(folder.path("shared"), mode).unwrap();
    for link in ["shared/x.pem", "shared/x-key.pem"] {
        symlink(folder.path("victim"), folder.path(link)).unwrap();
        lchown(folder.path(link), Some(12345), Some(12345)).unwrap();
    }
    for call in [
        format!("{GENCERT} leaf.json --out shared/x"),
        "selfsign web.example leaf.json --out shared/x".to_owned(),
        "bundle ca.pem --ca-bundle ca.pem --with-root --out shared/x.pem".to_owned(),
    ] {
        let said = folder.refused(&call);
        assert!(said.contains("is a link that user 12345 has put into a folder that everybody may write to"), "{said}");
        assert_eq!(folder.read("victim"), "victim", "{call}");
    }
    let json = folder.ok(&format!("{GENCERT} leaf.json")).stdout;
    let ran = folder.kbootstrap("cfssljson -bare shared/x", &json);
    assert_eq!((ran.code, folder.read("victim").as_str()), (1, "victim"), "{ran:#?}");
}

/// Nothing can be brought into the place of an immutable file, and that shows only when it is tried. The pair that was
/// there is as it was; of a new one nothing is there.
#[test]
fn of_files_that_belong_together_all_are_new_or_none() {
    let folder = with_leaf();
    folder.ok(&format!("{GENCERT} leaf.json --out first"));
    folder.ok("genkey leaf.json --out first");
    let chattr = |flag: &str, name: &str| {
        Command::new("chattr").arg(flag).arg(folder.path(name)).status().is_ok_and(|status| status.success())
    };
    folder.write("probe", "");
    if !chattr("+i", "probe") {
        // Without immutable files a mounted one would do: none of it can be had without root.
        return assert!(!rustix::process::geteuid().is_root() || !chattr("-i", "probe"));
    }
    assert!(chattr("-i", "probe"));
    folder.write("pki.yaml", "authorities: [{name: top, CN: a, certificates: [{name: x, CN: b}, {name: y, CN: c}]}]");
    let json = folder.ok(&format!("{GENCERT} leaf.json")).stdout;
    let calls = [
        (format!("{GENCERT} leaf.json --out x"), ""),
        (format!("{GENCERT} leaf.json --out x --backup"), ""),
        (format!("{GENCERT} leaf.json --out x --chain"), ""),
        ("selfsign web.example leaf.json --out x".into(), ""),
        ("gencert -initca ca.json --out x --backup".into(), ""),
        ("cfssljson -bare x".into(), json.as_str()),
        ("pki apply pki.yaml".into(), ""),
    ];
    for (call, stdin) in calls {
        for there in [true, false] {
            for entry in std::fs::read_dir(folder.path("")).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if name.starts_with(['x', 'y', 't']) {
                    std::fs::remove_file(folder.path(&name)).unwrap();
                }
            }
            folder.copy("ca.pem", "x.pem");
            if call.starts_with("pki") {
                // Whose key is gone is made again.
                std::fs::remove_file(folder.path("x.pem")).unwrap();
                folder.ok(&call);
                for gone in ["x-key.pem", "y.pem", "y-key.pem"] {
                    std::fs::remove_file(folder.path(gone)).unwrap();
                }
            } else if there {
                folder.copy("first.pem", "x.pem");
                folder.copy("first-key.pem", "x-key.pem");
            }
            let before = folder.read("x.pem");
            assert!(chattr("+i", "x.pem"));
            let ran = folder.kbootstrap(&call, stdin);
            assert!(chattr("-i", "x.pem"));
            assert_eq!(ran.code, 1, "{call}: {ran:#?}");
            let why = if call.contains("--backup") { "cannot keep x.pem as x.pem.1" } else { "cannot write x.pem" };
            assert!(ran.stderr.contains(&format!("{why}: Operation not permitted")), "{call}: {ran:#?}");
            assert!(!folder.path("x-key.pem.1").exists(), "{call}");
            assert_eq!(folder.read("x.pem"), before, "{call}");
            let has_key = there && !call.starts_with("pki");
            assert_eq!(folder.path("x-key.pem").exists(), has_key, "{call}: {ran:#?}");
            if has_key {
                assert_eq!(folder.read("x-key.pem"), folder.read("first-key.pem"), "{call}");
            }
            let left: Vec<_> = std::fs::read_dir(folder.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".kbootstrap-")), "{call}: {left:?}");
            if call.starts_with("pki") {
                is_pair(&folder, "y.pem", "y-key.pem");
            }
        }
    }
}
