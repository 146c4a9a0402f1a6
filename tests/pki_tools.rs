//! For the PKI tests: a private folder in which the real program and openssl run.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use kbootstrap::pki::{CsrSpec, Key, KeyKind, Serial, self_signed};
use serde_json::Value;
use time::OffsetDateTime;

/// A private folder.
pub struct Folder(tempfile::TempDir);

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Ran { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Folder {
    pub fn new() -> Self {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).expect("write a file");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("read {name}: {e}"))
    }

    pub fn mode(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        std::fs::symlink_metadata(self.path(name)).expect("the file exists").permissions().mode() & 0o777
    }

    /// A self-signed CA made at that time, as NAME.pem and NAME-key.pem.
    pub fn root(&self, name: &str, made: OffsetDateTime, expiry: &str) {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let spec = CsrSpec::from_json(format!(r#"{{"CN":"x","ca":{{"expiry":"{expiry}"}}}}"#).as_bytes(), "x").unwrap();
        let root = self_signed(&spec, &key, made, Serial::random().unwrap()).unwrap();
        self.write(&format!("{name}.pem"), root.certificate.to_pem());
        self.write(&format!("{name}-key.pem"), key.to_pem().expose());
    }

    /// Runs kbootstrap; arguments are separated by spaces.
    pub fn kbootstrap(&self, line: &str, stdin: &str) -> Ran {
        self.run(env!("CARGO_BIN_EXE_kbootstrap"), line, stdin)
    }

    /// Runs kbootstrap, which must succeed.
    pub fn ok(&self, line: &str) -> Ran {
        let ran = self.kbootstrap(line, "");
        assert_eq!(ran.code, 0, "kbootstrap {line}: {ran:#?}");
        ran
    }

    /// Runs kbootstrap, which must fail; what it says without its log lines.
    pub fn refused(&self, line: &str) -> String {
        let ran = self.kbootstrap(line, "");
        assert_ne!(ran.code, 0, "kbootstrap {line}: {ran:#?}");
        assert_eq!(ran.stdout, "", "kbootstrap {line}");
        let lines: Vec<_> = ran.stderr.lines().filter(|line| !line.contains(" [INFO] ")).collect();
        format!("{}\nexit code {}", lines.join("\n"), ran.code)
    }

    /// Runs kbootstrap, which must succeed; what it prints as JSON.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(line).stdout).unwrap_or_else(|e| panic!("kbootstrap {line}: {e}"))
    }

    /// Copies a file.
    pub fn copy(&self, from: &str, to: &str) {
        std::fs::copy(self.path(from), self.path(to)).unwrap_or_else(|e| panic!("copy {from}: {e}"));
    }

    /// Runs openssl, which may fail.
    pub fn try_openssl(&self, line: &str) -> Ran {
        self.run("openssl", line, "")
    }

    /// Has openssl issue `NAME.pem` by `CA.pem` and `CA.key`, with a new key on P-256 and these extensions.
    pub fn issue(&self, name: &str, ca: &str, extensions: &str) {
        self.write("ext", extensions);
        self.openssl(&format!("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -subj /CN={name} -out {name}.csr"));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days 5 -extfile ext -out {name}.pem"
        ));
    }

    /// As [`Folder::issue`], by a CA whose key is `CA-key.pem`.
    pub fn issue_by(&self, name: &str, ca: &str, extensions: &str) {
        self.copy(&format!("{ca}-key.pem"), &format!("{ca}.key"));
        self.issue(name, ca, extensions);
    }

    /// Runs openssl, which must succeed; what it prints, standard error too.
    pub fn openssl(&self, line: &str) -> String {
        let ran = self.try_openssl(line);
        assert_eq!(ran.code, 0, "openssl {line}: {ran:#?}");
        ran.stdout + &ran.stderr
    }

    /// Runs a program here; `'…'` keeps spaces together.
    fn run(&self, program: &str, line: &str, stdin: &str) -> Ran {
        let args = shlex::split(line).expect("quotes match");
        let mut child = Command::new(program)
            .args(args)
            .current_dir(self.0.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("start {program}: {e}"));
        // A program that fails early does not read what it is given.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        child.wait_with_output().expect("wait").into()
    }
}

/// A signing configuration with the profiles of a cluster.
pub const CONFIG: &str = r#"{"signing":{"default":{"expiry":"8760h"},"profiles":{
    "server":{"usages":["signing","key encipherment","server auth"],"expiry":"8760h"},
    "client":{"usages":["signing","key encipherment","client auth"],"expiry":"8760h"},
    "peer":{"usages":["signing","key encipherment","server auth","client auth"],"expiry":"1y"},
    "intermediate":{"usages":["cert sign","crl sign"],"expiry":"9y","ca_constraint":{"is_ca":true,"max_path_len":0,"max_path_len_zero":true}},
    "everything":{"usages":["signing","content commitment","key encipherment","key agreement","data encipherment","encipher only","decipher only",
        "any","server auth","client auth","code signing","email protection","ipsec end system","ipsec tunnel","ipsec user",
        "timestamping","ocsp signing","microsoft sgc","netscape sgc"],"expiry":"90d","issuer_urls":["http://ca.example/a","http://ca.example/b"],
        "ocsp_url":"http://ocsp.example","crl_url":"http://crl.example/ca.crl","ocsp_no_check":true,"copy_extensions":true,
        "policies":[{"ID":"1.2.3.4","Qualifiers":[{"Type":"id-qt-cps","Value":"http://cps.example"},{"Type":"id-qt-unotice","Value":"höflich"}]}]}}}}"#;

/// The key that most tests need no other than.
pub const P256: &str = r#"{"algo":"ecdsa","size":256}"#;

/// What signs with the CA of [`with_ca`], as a server's certificate.
pub const GENCERT: &str = "gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile server";

/// A folder with a CA and `leaf.json`, the CSR spec of a server.
pub fn with_leaf() -> Folder {
    let folder = with_ca(P256);
    folder.write("leaf.json", r#"{"CN":"leaf","hosts":["leaf.example"]}"#);
    folder
}

/// A folder with a CA of the key (JSON of `key`) and the configuration.
pub fn with_ca(key: &str) -> Folder {
    let folder = Folder::new();
    folder.write("config.json", CONFIG);
    let names = r#"[{"C":"CN","ST":"Beijing","L":"Beijing","O":"k8s","OU":"System"},{"O":"second"}]"#;
    folder.write("ca.json", format!(r#"{{"CN":"root","key":{key},"names":{names},"ca":{{"expiry":"10y"}}}}"#));
    folder.ok("gencert -initca ca.json --out ca");
    folder
}
