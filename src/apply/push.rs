//! One push: everything of one wave in one stream, verified on arrival, renamed into place.

use std::io::Read;

use super::stream::{Item, Packing, PushStream};
use super::waves::Push;
use crate::artifacts::Store;
use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::facts;
use crate::plan::{HostPlan, content_sha256};
use crate::remote::{Transport, sh_quote, turn};
use crate::render::{Content, File, HostState};
use crate::ui::{Event, Reporter};

/// Files arrive under this suffix beside their place, so that the rename is atomic.
const STAGED: &str = ".kbootstrap-new";

/// How bytes get to hosts.
pub struct Way<'a> {
    /// Paths on the host.
    pub layout: &'a Layout,
    /// How the stream is packed.
    pub packing: Packing,
    /// Where programs and images come from.
    pub store: &'a Store,
    /// Told how far it is.
    pub reporter: &'a dyn Reporter,
}

/// Performs the push; the number is how many bytes travelled.
pub fn push(
    transport: &mut dyn Transport,
    push: &Push,
    plan: &HostPlan,
    state: &HostState,
    way: &Way<'_>,
) -> Result<u64> {
    let items = items(push, state, way.layout)?;
    let stream = PushStream::new(&items, way.packing, way.store)?;
    let total = stream.total();
    let mut input = Counting { inner: stream, done: 0, told: 0, total, push, reporter: way.reporter };
    let script = script(push, plan, state, way.layout, way.packing);
    let output = transport.run(&script, &mut input)?;
    if output.status != 0 {
        let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::remote(format!("{}: {} failed with status {}", push.host, push.title, output.status))
            .detail(told)
            .hint("nothing half-written is left in place: files are renamed only after their SHA-256 is right; run `kbootstrap up` again"));
    }
    Ok(total)
}

fn items(push: &Push, state: &HostState, layout: &Layout) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for path in &push.files {
        let file = wanted(state, path)?;
        items.push(Item { path: staged(path), mode: file.mode, content: file.content.clone() });
    }
    for name in &push.images {
        let image = state.images.iter().find(|i| i.name == *name);
        let image = image.ok_or_else(|| Error::internal(format!("{}: no image {name} in the state", push.host)))?;
        let path = image_path(layout, &image.artifact.name);
        items.push(Item { path: staged(&path), mode: 0o600, content: Content::Artifact(image.artifact.clone()) });
    }
    Ok(items)
}

fn wanted<'a>(state: &'a HostState, path: &str) -> Result<&'a File> {
    state.files.get(path).ok_or_else(|| Error::internal(format!("{}: no file {path} in the state", state.host)))
}

/// Where an image's tar lies until it is imported.
pub fn image_path(layout: &Layout, artifact: &str) -> String {
    format!("{}/images/{artifact}.tar", layout.records)
}

fn staged(path: &str) -> String {
    format!("{}{STAGED}", path.trim_start_matches('/'))
}

/// The script that receives the stream. No secret is in it: those travel in the stream.
fn script(push: &Push, plan: &HostPlan, state: &HostState, layout: &Layout, packing: Packing) -> String {
    let records = sh_quote(&layout.records);
    let mut s = format!("set -eu\numask 077\n{}R={records}\n", turn::hold());
    if push.first {
        prepare(&mut s, plan);
    }
    s.push_str("mkdir -p -m 700 \"$R\" \"$R/units\" \"$R/images\"\n");
    // What a push that died has left beside the files it was to replace, and images that were never imported.
    s.push_str("if [ -f \"$R/staged\" ]; then while IFS= read -r f; do rm -f -- \"$f\"; done < \"$R/staged\"; fi\n");
    if push.first {
        s.push_str("rm -f \"$R\"/images/*.tar\n");
    }
    for unit in &push.forget {
        s.push_str(&format!("rm -f \"$R/units/\"{}\n", sh_quote(unit)));
    }
    let mut files: Vec<(String, String, String)> = push
        .files
        .iter()
        .filter_map(|path| state.files.get(path).map(|f| (path.clone(), content_sha256(&f.content), f.owner.clone())))
        .collect();
    for image in state.images.iter().filter(|i| push.images.contains(&i.name)) {
        files.push((image_path(layout, &image.artifact.name), image.artifact.sha256.clone(), "root".into()));
    }
    if files.is_empty() {
        s.push_str("cat > /dev/null\n");
    } else {
        receive(&mut s, &files, packing);
        let recorded: Vec<(&str, &str)> = files
            .iter()
            .filter(|(path, _, _)| is_program(state, path))
            .map(|(path, sum, _)| (path.as_str(), sum.as_str()))
            .collect();
        s.push_str(&facts::record_hashes(layout, &recorded));
    }
    for path in &push.modes {
        if let Some(file) = state.files.get(path) {
            let path = sh_quote(path);
            s.push_str(&format!("chown {0}:{0} {path}\nchmod {1:o} {path}\n", sh_quote(&file.owner), file.mode));
        }
    }
    if push.files.iter().any(|f| f.starts_with(&layout.units)) {
        s.push_str("systemctl daemon-reload\n");
    }
    s
}

fn is_program(state: &HostState, path: &str) -> bool {
    matches!(state.files.get(path), Some(File { content: Content::Artifact(_), .. }))
}

fn prepare(s: &mut String, plan: &HostPlan) {
    for user in &plan.users {
        let user = sh_quote(user);
        s.push_str(&format!(
            "id -u {user} >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {user}\n"
        ));
    }
    for (path, dir) in &plan.dirs {
        let path = sh_quote(path);
        s.push_str(&format!(
            "mkdir -p {path}\nchown {0}:{0} {path}\nchmod {1:o} {path}\n",
            sh_quote(&dir.owner),
            dir.mode
        ));
    }
    for module in &plan.modules {
        s.push_str(&format!("modprobe {}\n", sh_quote(module)));
    }
    for sysctl in &plan.sysctls {
        let path = format!("/proc/sys/{}", sysctl.name.replace('.', "/"));
        s.push_str(&format!("printf '%s\\n' {} > {}\n", sh_quote(&sysctl.to), sh_quote(&path)));
    }
}

fn receive(s: &mut String, files: &[(String, String, String)], packing: Packing) {
    let heredoc = |s: &mut String, end: &str, lines: &mut dyn Iterator<Item = String>| {
        for line in lines {
            s.push_str(&line);
            s.push('\n');
        }
        s.push_str(end);
        s.push('\n');
    };
    s.push_str("cat > \"$R/staged\" <<'KB_STAGED'\n");
    heredoc(s, "KB_STAGED", &mut files.iter().map(|(path, _, _)| format!("{path}{STAGED}")));
    let unpack = match packing {
        Packing::Zstd => "zstd -q -d -c | ",
        Packing::None => "",
    };
    // The pipe's own status is tar's; a broken zstd stream shows as a tar error or a wrong hash.
    s.push_str(&format!("{unpack}tar -x -p -f - -C / --no-same-owner\n"));
    // coreutils hash without the processor's help, openssl four times as fast; each says which file is wrong.
    s.push_str("verify() {\n  if command -v openssl >/dev/null 2>&1; then\n    while read -r sum file; do\n");
    s.push_str("      [ \"$(openssl dgst -sha256 -r \"$file\" | cut -c 1-64)\" = \"$sum\" ] || { echo \"$file: its SHA-256 is wrong\" >&2; return 1; }\n");
    s.push_str("    done\n  else\n    sha256sum -c --quiet - >&2\n  fi\n}\nverify <<'KB_SUMS'\n");
    heredoc(s, "KB_SUMS", &mut files.iter().map(|(path, sum, _)| format!("{sum}  {path}{STAGED}")));
    for (path, _, owner) in files.iter().filter(|(_, _, owner)| owner != "root") {
        s.push_str(&format!("chown {0}:{0} {1}\n", sh_quote(owner), sh_quote(&format!("{path}{STAGED}"))));
    }
    s.push_str("while IFS= read -r f; do mv -f -- \"$f\" \"${f%");
    s.push_str(STAGED);
    s.push_str("}\"; done < \"$R/staged\"\nrm -f \"$R/staged\"\n");
}

/// Tells how far the stream is, about every megabyte.
struct Counting<'a, R> {
    inner: R,
    done: u64,
    told: u64,
    total: u64,
    push: &'a Push,
    reporter: &'a dyn Reporter,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.done += n as u64;
        if self.done - self.told >= 1 << 20 || (n == 0 && self.told < self.done) {
            self.told = self.done;
            self.reporter.report(&Event::Progress {
                host: self.push.host.clone(),
                step: self.push.title.clone(),
                done: self.done,
                total: self.total,
            });
        }
        Ok(n)
    }
}
