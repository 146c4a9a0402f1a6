//! An archive of packages as a distribution has it: tiny packages, made by dpkg-deb, with an index, signed, on a server of the
//! test's.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use time::OffsetDateTime;

use super::signer::Signer;
use crate::artifacts_fixture::sha256;
use crate::artifacts_http::{Page, Server};

/// The archive; what it serves is said by [`Archive::publish`].
pub struct Archive {
    pub server: Server,
    pub signer: Signer,
    folder: TempDir,
    debs: Vec<(PathBuf, String)>,
}

/// A suite as it is published.
pub struct Suite {
    /// Lines of `InRelease`, further ones.
    pub more: String,
    /// What it calls itself.
    pub name: String,
}

impl Archive {
    pub fn new() -> Self {
        let (server, signer) = (Server::start(), Signer::new(42));
        Archive { server, signer, folder: tempfile::tempdir().unwrap(), debs: Vec::new() }
    }

    /// What an inventory writes as its `mirror`.
    pub fn mirror(&self) -> String {
        format!("{}/debian", self.server.base)
    }
    /// A file with its key.
    pub fn keyring(&self) -> PathBuf {
        let path = self.folder.path().join("archive.gpg");
        fs::write(&path, self.signer.keyring()).unwrap();
        path
    }

    /// Makes a package of these fields, files (path, mode, text) and scripts (`postinst`); its file comes back.
    pub fn package(&mut self, control: &str, files: &[(&str, u32, &str)], scripts: &[(&str, &str)]) -> PathBuf {
        let number = self.debs.len();
        let root = self.folder.path().join(format!("root-{number}"));
        fs::create_dir_all(root.join("DEBIAN")).unwrap();
        let whole = format!(
            "{}\nArchitecture: amd64\nMaintainer: An archive <archive@example.com>\nDescription: for a test\n",
            control.trim()
        );
        fs::write(root.join("DEBIAN/control"), &whole).unwrap();
        let put = |path: &Path, mode: u32, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        files.iter().for_each(|(path, mode, text)| put(&root.join(path.trim_start_matches('/')), *mode, text));
        scripts.iter().for_each(|(name, text)| put(&root.join("DEBIAN").join(name), 0o755, text));
        let deb = self.folder.path().join(format!("{number}.deb"));
        let made = Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zxz", "--build"])
            .args([&root, &deb])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        self.debs.push((deb.clone(), whole));
        deb
    }

    /// Publishes all packages in a release, its updates and its security updates.
    pub fn publish(&self, codename: &str) {
        for (archive, suite) in [("debian", ""), ("debian", "-updates"), ("debian-security", "-security")] {
            let name = format!("{codename}{suite}");
            let packages = if suite.is_empty() { self.index() } else { String::new() };
            self.publish_suite(
                archive,
                &name,
                &packages,
                &Suite { more: String::new(), name: name.clone() },
                &self.signer,
            );
        }
    }

    /// One suite, with what is wrong about it.
    pub fn publish_suite(&self, archive: &str, suite: &str, packages: &str, says: &Suite, signer: &Signer) {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(packages.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let now = OffsetDateTime::now_utc();
        let (hash, size, name, more) = (sha256(&packed), packed.len(), &says.name, &says.more);
        let release = format!(
            "Origin: A test\nSuite: {name}\nCodename: {name}\n{more}Acquire-By-Hash: yes\nSHA256:\n {hash} {size} main/binary-amd64/Packages.gz\n"
        );
        let url = |path: &str| format!("https://{archive}/{path}");
        let signed = signer.sign(&release, u64::try_from(now.unix_timestamp()).unwrap());
        self.server.put(&url(&format!("dists/{suite}/InRelease")), Page::new(signed));
        let by_hash = format!("dists/{suite}/main/binary-amd64/by-hash/SHA256/{hash}");
        self.server.put(&url(&by_hash), Page::new(packed));
        for (deb, _) in &self.debs {
            self.server.put(&url(&pool(deb)), Page::new(fs::read(deb).unwrap()));
        }
    }

    /// The index of all packages.
    pub fn index(&self) -> String {
        let paragraph = |(deb, control): &(PathBuf, String)| {
            let bytes = fs::read(deb).unwrap();
            format!("{control}Filename: {}\nSize: {}\nSHA256: {}\n", pool(deb), bytes.len(), sha256(&bytes))
        };
        self.debs.iter().map(paragraph).collect::<Vec<_>>().join("\n")
    }
}

fn pool(deb: &Path) -> String {
    format!("pool/main/{}", deb.file_name().unwrap().to_str().unwrap())
}

/// The mirror of Debian that this machine's apt asks, and that of its security updates.
pub fn of_this_machine() -> (String, String) {
    let mut texts = vec![fs::read_to_string("/etc/apt/sources.list").unwrap_or_default()];
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    texts.extend(folder.filter_map(|entry| fs::read_to_string(entry.path()).ok()));
    let words = texts.iter().flat_map(|text| text.split_whitespace());
    let addresses: Vec<&str> =
        words.filter(|word| word.starts_with("http")).map(|word| word.trim_end_matches('/')).collect();
    let of = |end: &str| addresses.iter().find(|address| address.ends_with(end)).map(|address| (*address).to_owned());
    (of("/debian").expect("this machine's apt has a mirror"), of("/debian-security").expect("and security updates"))
}
