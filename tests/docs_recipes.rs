//! docs/recipes.md is typed as it stands, and what comes of it is tried with the programs that it is for.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::process::{Server, free_addresses};

/// The document by its headings.
fn recipes() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md");
    let text = fs::read_to_string(path).unwrap();
    let sections = text.split("\n## ").skip(1);
    sections.map(|s| s.split_once('\n').unwrap()).map(|(title, body)| (title.to_owned(), body.to_owned())).collect()
}

/// A folder in which one recipe was followed, and what it says of the program's configuration.
struct Followed {
    folder: tempfile::TempDir,
    /// Blocks without a language.
    settings: Vec<String>,
}

/// Follows the recipe whose heading begins so. Files of other recipes are there, too: some go on from them.
fn follow(heading: &str) -> Followed {
    let folder = tempfile::tempdir().unwrap();
    let all = recipes();
    for (_, body) in &all {
        for (name, text) in files(body) {
            fs::write(folder.path().join(name), text).unwrap();
        }
    }
    let body = &all.iter().find(|(title, _)| title.starts_with(heading)).unwrap().1;
    let scripts = texts(body, "sh");
    assert!(!scripts.is_empty(), "{heading}: nothing is typed");
    for script in scripts {
        let ran = sh(folder.path(), &script);
        assert!(ran.status.success(), "{heading}:\n{script}\n{}", said(&ran));
    }
    let settings = texts(body, "");
    Followed { folder, settings }
}

impl Followed {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it in the folder, which must end with 0, or must not.
    fn ends(&self, well: bool, script: &str) -> String {
        let ran = sh(self.folder.path(), script);
        assert_eq!(ran.status.success(), well, "{script}\n{}", said(&ran));
        said(&ran)
    }
}

fn sh(folder: &Path, script: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_kbootstrap")).parent().unwrap();
    let path = format!("{}:/usr/sbin:{}", program.display(), std::env::var("PATH").unwrap());
    Command::new("bash")
        .args(["-euc", script])
        .env("PATH", path)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(ran: &Output) -> String {
    String::from_utf8_lossy(&[ran.stdout.clone(), ran.stderr.clone()].concat()).into_owned()
}

/// A block of text, and the line before it.
struct Block {
    before: String,
    language: String,
    text: String,
}

fn blocks(body: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = body;
    while let Some((before, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').unwrap();
        let (text, after) = after.split_once("```").unwrap();
        let before = before.trim_end().lines().last().unwrap_or_default().to_owned();
        blocks.push(Block { before, language: language.to_owned(), text: text.to_owned() });
        rest = after;
    }
    blocks
}

/// What stands in blocks of this language; none for those that are part of another program's configuration.
fn texts(body: &str, language: &str) -> Vec<String> {
    blocks(body).into_iter().filter(|block| block.language == language).map(|block| block.text).collect()
}

/// Files: blocks after a line with a name alone.
fn files(body: &str) -> Vec<(String, String)> {
    let name = |block: &Block| Some(block.before.strip_prefix('`')?.strip_suffix("`:")?.to_owned());
    blocks(body).into_iter().filter_map(|block| Some((name(&block)?, block.text))).collect()
}

/// Asks until it is so.
fn soon(server: &mut Server, what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        server.assert_running();
        assert!(Instant::now() < limit, "{what}\n{}", server.last_words());
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_recipe_is_followed() {
    let all = recipes();
    assert_eq!(all.len(), 10);
    for (title, _) in &all {
        follow(title);
    }
}

#[test]
fn services_know_each_other_and_nobody_else() {
    let mesh = follow("Services that know");
    let [address] = free_addresses();
    let mut command = Command::new("openssl");
    let server = "s_server -quiet -Verify 1 -verify_return_error -CAfile mesh/ca.pem -cert mesh/orders.pem -key mesh/orders-key.pem -www";
    command.args(server.split(' ')).args(["-accept", &address.to_string()]).current_dir(mesh.folder.path());
    let mut server = Server::start("orders", mesh.folder.path(), &mut command);
    soon(&mut server, "s_server listens", || TcpStream::connect(address).is_ok());
    let client = |options: &str| {
        format!(
            "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error -CAfile mesh/ca.pem \
             -verify_hostname orders.internal -connect {address} {options} | grep -q '200 ok'"
        )
    };
    mesh.ends(true, &client("-cert mesh/billing.pem -key mesh/billing-key.pem"));
    mesh.ends(false, &client(""));
    let other = follow("From one CA");
    let stranger = other.path("new/www").display().to_string();
    mesh.ends(false, &client(&format!("-cert {stranger}.pem -key {stranger}-key.pem")));
}

#[test]
fn who_is_revoked_is_refused() {
    let vpn = follow("A list of revoked");
    let verify = |who: &str| format!("openssl verify -CAfile vpn/ca.pem -CRLfile vpn/ca.crl -crl_check vpn/{who}.pem");
    vpn.ends(true, &verify("ada"));
    assert!(vpn.ends(false, &verify("ben")).contains("certificate revoked"));
}

#[test]
fn renewed_in_time_and_said_where_not() {
    let pki = follow("One CA with");
    fs::write(pki.path("short.yaml"), fs::read_to_string(pki.path("pki.yaml")).unwrap().replace("90d", "240h"))
        .unwrap();
    pki.ends(true, "rm pki/www.pem && kbootstrap pki apply short.yaml");
    let ran = sh(pki.folder.path(), "kbootstrap certinfo pki --warn-days 14");
    assert_eq!(ran.status.code(), Some(11), "{}", said(&ran));
}

#[test]
#[ignore = "needs nginx: make test-long"]
fn nginx_asks_for_certificates() {
    let nginx = follow("nginx");
    let [address] = free_addresses();
    let settings = &nginx.settings[0];
    let config = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off; server {{\n\
         listen {address} ssl;\n{settings}\nlocation / {{ return 200 \"hello $ssl_client_s_dn\\n\"; }}\n}} }}\n"
    );
    // nginx looks for certificates beside its configuration.
    fs::write(nginx.path("nginx.conf"), config).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-p", &nginx.path("").display().to_string(), "-c", &nginx.path("nginx.conf").display().to_string()]);
    let mut server = Server::start("nginx", nginx.folder.path(), &mut command);
    soon(&mut server, "nginx listens", || TcpStream::connect(address).is_ok());
    let port = address.port();
    let curl = |options: &str| format!("curl -sS --fail --cacert nginx/ca.pem https://localhost:{port}/ {options}");
    assert_eq!(nginx.ends(true, &curl("--cert nginx/ada.pem --key nginx/ada-key.pem")), "hello CN=ada\n");
    nginx.ends(false, &curl(""));
}

#[test]
#[ignore = "needs PostgreSQL: make test-long"]
fn a_role_of_postgresql_comes_with_its_certificate() {
    let postgres = follow("PostgreSQL");
    let [address] = free_addresses();
    let (port, folder) = (address.port(), postgres.path(""));
    let uid: u32 = postgres.ends(true, "id -u postgres").trim().parse().unwrap();
    let own = |path: &Path| chown(path, Some(uid), None).unwrap();
    let mut paths = vec![folder.clone(), postgres.path("postgres")];
    paths.extend(fs::read_dir(postgres.path("postgres")).unwrap().map(|entry| entry.unwrap().path()));
    paths.iter().for_each(|path| own(path));
    let bin = postgres.ends(true, "ls -d /usr/lib/postgresql/*/bin | tail -n 1");
    let (bin, here) = (bin.trim(), folder.display().to_string());
    let as_them = |script: &str| format!("setpriv --reuid postgres --regid postgres --clear-groups {script}");
    postgres.ends(true, &as_them(&format!("{bin}/initdb -D {here}/data -A reject -U postgres >/dev/null")));
    let settings = postgres.settings[0].replace("'postgres/", &format!("'{here}/postgres/"));
    let more = format!("{settings}\nport = {port}\nlisten_addresses = 'localhost'\nunix_socket_directories = ''\n");
    let config = postgres.path("data/postgresql.conf");
    fs::write(&config, fs::read_to_string(&config).unwrap() + &more).unwrap();
    fs::write(postgres.path("data/pg_hba.conf"), &postgres.settings[1]).unwrap();
    postgres.ends(
        true,
        &as_them(&format!("sh -c \"echo 'create role app login' | {bin}/postgres --single -D {here}/data postgres\"")),
    );
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    command.args([&format!("{bin}/postgres"), "-D", &format!("{here}/data")]);
    let mut server = Server::start("postgres", Path::new("/tmp"), &mut command);
    let psql = |user: &str| {
        format!(
            "cp -r postgres mine && chown -R 0:0 mine && {bin}/psql \"host=localhost port={port} dbname=postgres user={user} \
             sslmode=verify-full sslrootcert=mine/ca.pem sslcert=mine/app.pem sslkey=mine/app-key.pem\" -Atc 'select 6 * 7'; \
             status=$?; rm -r mine; exit $status"
        )
    };
    soon(&mut server, "PostgreSQL listens", || TcpStream::connect(address).is_ok());
    soon(&mut server, "PostgreSQL is ready", || sh(&folder, &psql("app")).status.success());
    assert_eq!(postgres.ends(true, &psql("app")), "42\n");
    assert!(postgres.ends(false, &psql("postgres")).contains("certificate authentication failed"));
}

#[test]
#[ignore = "needs OpenVPN: make test-long"]
fn openvpn_lets_in_whom_it_should() {
    let vpn = follow("OpenVPN");
    // Without a device: it is the handshake that counts.
    let common = "dev null\nifconfig-noexec\nroute-noexec\nproto udp4\nverb 3\nhand-window 10\n";
    let handshake = |who: &str, ca: &str| {
        let port = free_addresses::<1>()[0].port();
        let server = format!("{}\n{common}tls-server\nlocal 127.0.0.1\nport {port}\n", vpn.settings[0]);
        let client = format!("{}\n{common}tls-client\nremote 127.0.0.1 {port}\nnobind\n", vpn.settings[1]);
        let client = client.replace("vpn/ada", &format!("vpn/{who}")).replace("vpn/ca.pem", ca);
        let start = |name: &str, config: String| {
            fs::write(vpn.path(&format!("{name}.conf")), config).unwrap();
            let mut command = Command::new("/usr/sbin/openvpn");
            command.args(["--config", &format!("{name}.conf")]).current_dir(vpn.folder.path());
            Server::start(name, vpn.folder.path(), &mut command)
        };
        let mut server = start("server", server);
        let log = vpn.path("server.log");
        soon(&mut server, "OpenVPN listens", || fs::read_to_string(&log).unwrap().contains("link local (bound)"));
        let (mut client, log) = (start("client", client), vpn.path("client.log"));
        let over = ["Control Channel: TLS", "TLS Error"];
        soon(&mut client, "a handshake", || over.iter().any(|word| fs::read_to_string(&log).unwrap().contains(word)));
        fs::read_to_string(log).unwrap()
    };
    let ada = handshake("ada", "vpn/ca.pem");
    assert!(ada.contains("Control Channel: TLS") && !ada.contains("WARNING"), "{ada}");
    // Who trusts another CA does not take this server's, and nobody takes a server's certificate for a client's.
    let stranger = follow("From one CA");
    let refused = handshake("ada", &stranger.path("new/ca.pem").display().to_string());
    assert!(!refused.contains("Control Channel: TLS"), "{refused}");
    assert!(handshake("server", "vpn/ca.pem").contains("TLS Error"));
}
