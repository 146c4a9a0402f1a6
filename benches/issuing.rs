//! Issuing as people do it, in processes, against cfssl: one leaf, fifty, RSA, a tree of 2,000, memory. `make bench` runs
//! it. `CFSSL` names cfssl 1.6.5, with `cfssljson` beside it; `KBOOTSTRAP` another program than the one that was built.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

struct Bench {
    folder: tempfile::TempDir,
    kbootstrap: String,
    cfssl: Option<String>,
}

fn main() {
    let bench = Bench::new();
    bench.leaf();
    bench.fifty();
    bench.rsa();
    bench.tree();
    bench.certinfo();
}

impl Bench {
    fn new() -> Self {
        let bench = Bench {
            folder: tempfile::tempdir().expect("a temporary folder"),
            kbootstrap: std::env::var("KBOOTSTRAP").unwrap_or(env!("CARGO_BIN_EXE_kbootstrap").to_owned()),
            cfssl: std::env::var("CFSSL").ok().filter(|path| Path::new(path).exists()),
        };
        if bench.cfssl.is_none() {
            println!("CFSSL names no cfssl: its figures are left out");
        }
        for (name, text) in [
            ("ca.json", r#"{"CN": "bench ca", "key": {"algo": "ecdsa", "size": 256}}"#),
            ("rsa-ca.json", r#"{"CN": "bench ca", "key": {"algo": "rsa", "size": 2048}}"#),
            ("leaf.json", r#"{"CN": "leaf", "hosts": ["leaf", "10.0.0.1"], "key": {"algo": "ecdsa", "size": 256}}"#),
            ("rsa.json", r#"{"CN": "leaf", "hosts": ["leaf", "10.0.0.1"], "key": {"algo": "rsa", "size": 2048}}"#),
            ("config.json", r#"{"signing": {"default": {"usages": ["signing", "server auth"], "expiry": "8760h"}}}"#),
        ] {
            fs::write(bench.path(name), text).expect("write a file");
        }
        for ca in ["ca", "rsa-ca"] {
            bench.run(&format!("{} gencert -initca {ca}.json --out {ca}", bench.kbootstrap));
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a program, which must succeed, without a shell between; milliseconds.
    fn run(&self, line: &str) -> f64 {
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().expect("a program"));
        self.timed(command.args(words), line)
    }

    /// Runs a line of shell.
    fn shell(&self, line: &str) -> f64 {
        self.timed(Command::new("sh").args(["-c", line]), line)
    }

    fn timed(&self, command: &mut Command, line: &str) -> f64 {
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let began = Instant::now();
        let status = command.status().unwrap_or_else(|e| panic!("{line}: {e}"));
        let took = began.elapsed().as_secs_f64() * 1000.0;
        assert!(status.success(), "{line}: {status}");
        took
    }

    /// Peak resident memory of a program, KiB.
    fn memory(&self, line: &str) -> u64 {
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M"]).args(line.split(' ')).current_dir(self.folder.path());
        let output = command.output().expect("/usr/bin/time");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        text.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or_else(|| panic!("{line}: {text}"))
    }

    /// Medians of `runs` of each, taken in turns, so that what else the machine does hits all alike.
    fn compare(&self, title: &str, runs: usize, ours: &dyn Fn() -> f64, theirs: &dyn Fn(&str) -> f64) {
        let (mut our, mut their) = (Vec::new(), Vec::new());
        let (mut our_cpu, mut their_cpu) = (0.0, 0.0);
        for _ in 0..runs {
            let before = children_cpu();
            our.push(ours());
            let between = children_cpu();
            their.extend(self.cfssl.as_deref().map(theirs));
            our_cpu += between - before;
            their_cpu += children_cpu() - between;
        }
        let (our_cpu, their_cpu) = (our_cpu / runs as f64, their_cpu / runs as f64);
        let (a, b) = (median(&mut our), median(&mut their));
        match b {
            Some(b) => {
                let a = a.unwrap_or_default();
                println!("{title}: {a:.1} ms, cfssl 1.6.5 {b:.1} ms, ratio {:.2} (medians of {runs})", a / b);
                println!(
                    "  processor time: {our_cpu:.1} ms, cfssl {their_cpu:.1} ms, ratio {:.2} (means)",
                    our_cpu / their_cpu
                );
            }
            None => println!("{title}: {:.1} ms (median of {runs})", a.unwrap_or_default()),
        }
    }

    fn leaf(&self) {
        let memory = Path::new("/dev/shm");
        let memory = memory.is_dir().then(|| tempfile::tempdir_in(memory).expect("a folder in memory"));
        self.leaf_in(&self.path("."), "one ECDSA P-256 leaf, process start to files on disk");
        if let Some(memory) = &memory {
            self.leaf_in(memory.path(), "the same, its files in memory");
        }
        let openssl = self.shell(
            "openssl ecparam -name prime256v1 -genkey -noout -out o-key.pem && openssl req -new -key o-key.pem -subj /CN=leaf \
             -out o.csr && openssl x509 -req -in o.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 -out o.pem",
        );
        println!("the same by three commands of openssl: {openssl:.1} ms");
        let sign = "-ca=ca.pem -ca-key=ca-key.pem -config=config.json leaf.json";
        print!("peak memory: {:.1} MiB", mib(self.memory(&format!("{} gencert {sign} --out leaf", self.kbootstrap))));
        match &self.cfssl {
            Some(cfssl) => println!(", cfssl 1.6.5 {:.1} MiB", mib(self.memory(&format!("{cfssl} gencert {sign}")))),
            None => println!(),
        }
    }

    /// Every run's files have names of their own: where files are replaced in a loop, a file system's care for what was
    /// just deleted is what is measured.
    fn leaf_in(&self, folder: &Path, title: &str) {
        let sign = "-ca=ca.pem -ca-key=ca-key.pem -config=config.json leaf.json";
        let number = Cell::new(0);
        let base = || {
            number.set(number.get() + 1);
            folder.join(format!("leaf-{}", number.get())).display().to_string()
        };
        let ours = || self.run(&format!("{} gencert {sign} --out {}", self.kbootstrap, base()));
        let theirs = |cfssl: &str| self.shell(&format!("{cfssl} gencert {sign} | {cfssl}json -bare {}", base()));
        self.compare(title, 100, &ours, &theirs);
    }

    fn fifty(&self) {
        fs::write(self.path("fifty.yaml"), specification("fifty", 0, 50)).expect("write a file");
        let ours = || {
            let _ = fs::remove_dir_all(self.path("fifty"));
            self.run(&format!("{} pki apply fifty.yaml --progress none", self.kbootstrap))
        };
        let theirs = |cfssl: &str| {
            let sign = "-ca=ca.pem -ca-key=ca-key.pem -config=config.json leaf.json";
            self.shell(&format!("for n in $(seq 50); do {cfssl} gencert {sign} | {cfssl}json -bare leaf-$n; done"))
        };
        self.compare("50 leaves (and their CA) in one call, against a shell loop", 9, &ours, &theirs);
    }

    fn rsa(&self) {
        let sign = "-ca=rsa-ca.pem -ca-key=rsa-ca-key.pem -config=config.json rsa.json";
        let ours = format!("{} gencert {sign} --out rsa", self.kbootstrap);
        let theirs = |cfssl: &str| self.shell(&format!("{cfssl} gencert {sign} | {cfssl}json -bare rsa"));
        self.compare("one RSA-2048 leaf", 60, &|| self.run(&ours), &theirs);
    }

    fn tree(&self) {
        fs::write(self.path("tree.yaml"), specification("tree", 4, 500)).expect("write a file");
        let apply = format!("{} pki apply tree.yaml --progress none", self.kbootstrap);
        let mut took = Vec::new();
        for _ in 0..3 {
            let _ = fs::remove_dir_all(self.path("tree"));
            took.push(self.run(&apply));
        }
        let tree = median(&mut took).unwrap_or_default();
        println!(
            "a tree of 2,000 certificates, 5 CAs, 4,010 files: {tree:.0} ms ({:.0} certificates/s)",
            2000.0 / tree * 1000.0
        );
        let mut nothing: Vec<f64> = (0..3).map(|_| self.run(&apply)).collect();
        println!("the same again, nothing to do: {:.0} ms", median(&mut nothing).unwrap_or_default());
        let _ = fs::remove_dir_all(self.path("tree"));
        println!("peak memory of the 2,000: {:.1} MiB", mib(self.memory(&apply)));
    }

    fn certinfo(&self) {
        fs::write(self.path("many.yaml"), specification("many", 0, 1000)).expect("write a file");
        self.run(&format!("{} pki apply many.yaml --progress none", self.kbootstrap));
        // Without keys: they are what it passes over.
        for entry in fs::read_dir(self.path("many")).expect("a folder").flatten() {
            if entry.file_name().to_string_lossy().ends_with("-key.pem") {
                fs::remove_file(entry.path()).expect("remove a key");
            }
        }
        let line = format!("{} certinfo many", self.kbootstrap);
        let mut probe = Command::new(&self.kbootstrap);
        let probe = probe.args(["certinfo", "many"]).current_dir(self.folder.path()).output().expect("kbootstrap runs");
        if !probe.status.success() {
            println!("certinfo of a folder: not there");
            return;
        }
        let mut took: Vec<f64> = (0..9).map(|_| self.run(&line)).collect();
        println!("certinfo of 1,000 certificates: {:.0} ms", median(&mut took).unwrap_or_default());
    }
}

/// A root CA, so many intermediate ones, and below each (or the root) so many leaves.
fn specification(folder: &str, intermediates: usize, leaves: usize) -> String {
    let certificates = |ca: &str| {
        format!(
            "certificates: [{{name: '{ca}-{{n}}', count: {leaves}, CN: leaf, hosts: [leaf, 10.0.0.1], profile: server}}]"
        )
    };
    if intermediates == 0 {
        return format!("folder: {folder}\nauthorities: [{{name: root, CN: root, {}}}]\n", certificates("leaf"));
    }
    let inner = |n| format!("{{name: ca-{n}, CN: ca-{n}, {}}}", certificates(&format!("leaf-{n}")));
    let all: Vec<String> = (1..=intermediates).map(inner).collect();
    format!(
        "folder: {folder}\nauthorities: [{{name: root, CN: root, expiry: 20y, authorities: [{}]}}]\n",
        all.join(", ")
    )
}

/// Processor time of all children that have ended, ms. Linux counts it in hundredths of a second, and rounds a sum: means
/// of many runs are good.
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux's process statistics");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |n: usize| fields.get(n).and_then(|ticks| ticks.parse::<f64>().ok()).expect("ticks");
    // cutime and cstime, the 16th and 17th field, of which the first two are cut off.
    (ticks(13) + ticks(14)) * 10.0
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
