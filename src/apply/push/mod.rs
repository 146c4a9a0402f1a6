//! One push: everything of one wave in one stream, verified against the lock on arrival, renamed into place.

pub(super) mod before;
mod receive;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::Read;

pub use stream::Compression;
use stream::{Item, PushStream};

use super::steps::Push;
use crate::artifacts::Store;
use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::facts::{self, NETWORK_MANAGER};
use crate::plan::HostPlan;
use crate::remote::{ONLY_ROOT, Transport, host_lock};
use crate::state::{Content, HostState};
use crate::text::sh_quote;
use crate::ui::{Event, Reporter};

/// How bytes get to hosts.
pub struct PushContext<'a> {
    /// Paths on the host.
    pub layout: &'a Layout,
    /// How the stream is packed.
    pub compression: Compression,
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
    context: &PushContext<'_>,
) -> Result<u64> {
    let items = items(push, state, context.layout)?;
    let stream = PushStream::new(&items, context.compression, context.store)?;
    let total = stream.total();
    let receive = receive::script(&items, &stream, context.compression, push.keep.is_some());
    let script = script(push, plan, state, context.layout, &receive);
    let mut input = Counting { inner: stream, done: 0, told: 0, total, push, reporter: context.reporter };
    let output = transport.run(&script, &mut input)?;
    match output.status {
        0 => Ok(total),
        status => Err(failed(push, &items, context.store, status, &output.stderr)),
    }
}

/// Where wrong bytes arrived, the cache is read whole: they may lie there, or have been damaged on the way.
fn failed(push: &Push, items: &[Item], store: &Store, status: i32, stderr: &[u8]) -> Error {
    let wrong = if status == receive::WRONG { items } else { &[] };
    let here = wrong.iter().filter_map(Item::artifact).filter_map(|artifact| store.check(artifact).err());
    let error = Error::remote(format!("{}: {} failed with status {status}", push.host, push.title))
        .detail(String::from_utf8_lossy(stderr).trim());
    let error = here.fold(error, |error, bad| {
        let error = error.detail(bad.message.clone());
        bad.hints.into_iter().fold(error, Error::hint)
    });
    error.hint("nothing half-written is left in place: files are renamed only after their SHA-256 is right; run `kbootstrap up` again")
}

/// What the push carries.
fn items(push: &Push, state: &HostState, layout: &Layout) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for path in &push.files {
        let file = state.files.get(path);
        let file = file.ok_or_else(|| Error::internal(format!("{}: no file {path} in the state", push.host)))?;
        let (owner, content) = (file.owner.clone(), file.content.clone());
        items.push(Item { path: path.clone(), owner, mode: file.mode, content });
    }
    for name in &push.images {
        let image = state.images.iter().find(|i| i.name == *name);
        let image = image.ok_or_else(|| Error::internal(format!("{}: no image {name} in the state", push.host)))?;
        let path = image_path(layout, &image.artifact.name);
        let content = Content::Artifact(image.artifact.clone());
        items.push(Item { path, owner: "root".into(), mode: 0o600, content });
    }
    for name in &push.packages {
        let file = state.install.iter().find(|file| file.package == *name && !file.artifact.sha256.is_empty());
        let file = file.ok_or_else(|| Error::internal(format!("{}: no package {name} in the state", push.host)))?;
        let content = Content::Artifact(file.artifact.clone());
        items.push(Item { path: package_path(layout, name), owner: "root".into(), mode: 0o600, content });
    }
    Ok(items)
}

/// Where an image's tar lies until it is imported.
pub fn image_path(layout: &Layout, artifact: &str) -> String {
    format!("{}/images/{artifact}.tar", layout.records)
}

/// Where a package lies until it is installed.
pub fn package_path(layout: &Layout, package: &str) -> String {
    format!("{}/{package}.deb", layout.packages())
}

/// The script that receives the stream. No secret is in it: those travel in the stream.
fn script(push: &Push, plan: &HostPlan, state: &HostState, layout: &Layout, receive: &str) -> String {
    let records = sh_quote(&layout.records);
    let mut s = format!("set -eu\numask 077\n{}R={records}\n", host_lock::hold());
    s.push_str(ONLY_ROOT);
    s.push_str(OWNERS);
    if push.first {
        prepare(&mut s, plan);
    }
    s.push_str(OURS);
    s.push_str("mkdir -p -m 700 \"$R\" \"$R/units\" \"$R/images\"\n");
    if !push.packages.is_empty() {
        s.push_str(&format!("mkdir -p -m 700 {}\n", sh_quote(&layout.packages())));
    }
    only_root(&mut s, push, layout);
    s.push_str(&receive::clean());
    if push.first {
        s.push_str("rm -f \"$R\"/images/*.tar \"$R\"/packages/*.deb\n");
    }
    if let Some(unit) = &push.keep {
        s.push_str(&before::begin(unit, layout));
    }
    for unit in &push.forget {
        let quoted = sh_quote(unit);
        s.push_str(&format!("rm -f \"$R/units/\"{quoted}\n"));
        // One that starts with what is new has nothing that it ran with.
        if push.keep.as_ref() != Some(unit) {
            s.push_str(&format!("rm -rf \"$R/before/\"{quoted}\n"));
        }
    }
    if push.files.contains(&layout.encryption()) {
        s.push_str(&format!("rm -f {}\n", sh_quote(&layout.encryption_read())));
    }
    s.push_str(receive);
    // Images do not stay; what stays and is large is hashed here, once, and not at every look.
    let programs = push.files.iter().filter_map(|path| match &state.files.get(path)?.content {
        Content::Artifact(artifact) => Some((path.as_str(), artifact.sha256.as_str())),
        Content::Text(_) | Content::Secret(_) | Content::ToIssue => None,
    });
    s.push_str(&facts::record_hashes(layout, &programs.collect::<Vec<_>>()));
    for path in &push.modes {
        if let Some(file) = state.files.get(path) {
            let path = sh_quote(path);
            s.push_str(&format!("owned {} {:05o} {path}\n", sh_quote(&file.owner), file.mode));
        }
    }
    if push.files.iter().any(|f| f.starts_with(&layout.units)) {
        s.push_str("systemctl daemon-reload\n");
    }
    // One that does not run reads it when it starts. A reload of its unit would also rewrite /etc/resolv.conf, without name
    // servers where others look after the host's interfaces.
    if push.files.contains(&layout.network_manager) {
        s.push_str(&format!(
            "if systemctl -q is-active {NETWORK_MANAGER}; then nmcli general reload conf >/dev/null 2>&1 || :; fi\n"
        ));
    }
    s
}

/// `folder OWNER MODE PATH` makes a folder, or gives it back to its owner, without an ACL. Where the one above is a group's,
/// too, a link could come into its place meanwhile: so it is entered, and what is changed is what was entered, if that is
/// the folder of that name. A link to it that is root's own is state of the site. A default ACL takes the place of the umask:
/// a folder is closed from birth, and what had to be made above it is judged, too. `owned OWNER MODE PATH` changes a file in
/// a folder that is root's alone; one that has another name elsewhere may be another's.
///
/// `no_acl PATH` takes the ACL from the folder that was entered. Where there is no setfacl, tar does so when it unpacks a
/// folder that has none: the same host has packed one.
const OWNERS: &str = r#"
folder() {
  above=${3%/*}
  kb_only_root "$above" || exit 77
  [ -d "$above" ] || { mkdir -p -- "$above" && kb_only_root "$above" || exit 77; }
  mkdir -p -m 700 -- "$3"
  is=$(readlink -f -- "$above/")
  is=${is%/}/${3##*/}
  if [ -L "$3" ]; then
    kb_only_root_to "$3" || exit 77
    is=$(readlink -f -- "$3")
  fi
  cd -P -- "$3"
  [ "$(pwd -P)" = "$is" ] || { echo "$3 has become $(pwd -P): see who may write in $above" >&2; exit 77; }
  chown "$1:$1" .
  chmod "$2" .
  if has_acl; then
    no_acl "$3"
    chown "$1:$1" .
    chmod "$2" .
  fi
  cd /
}
has_acl() {
  case $(LC_ALL=C ls -ld .) in d?????????+*) ;; *) return 1 ;; esac
}
no_acl() {
  if command -v setfacl >/dev/null 2>&1; then
    setfacl -b -k .
  else
    mkdir -p -m 700 "$R"
    rm -rf -- "$R/plain"
    mkdir -m 700 "$R/plain"
    tar -C "$R/plain" --format=posix -cf - . | tar --acls -p -xf - . || :
    rmdir "$R/plain"
  fi
  ! has_acl || { echo "$1 has an ACL that cannot be taken away here: install setfacl (package acl), and \`setfacl -b -k $1\`" >&2; exit 77; }
}
owned() {
  case $(LC_ALL=C stat -c '%h %F' -- "$3") in
  '1 regular'*) ;;
  *) echo "$3 is a link, has a second name, or is no file: remove it, and run \`kbootstrap up\` again" >&2; exit 77 ;;
  esac
  chown -h "$1:$1" "$3"
  chmod "$2" "$3"
}
"#;

/// What others left among our records, when they could once write there, tells root nothing. Where they still can, nothing is
/// removed: whoever can exchange a folder on the way would say what.
pub(super) const OURS: &str = r#"if [ -d "$R" ] && kb_only_root "$R" 2>/dev/null; then
  find "$R" -mindepth 1 -maxdepth 2 \( ! -user root -o -type l -o -perm /022 \) -prune -exec rm -rf -- {} +
fi
"#;

/// Stops before anything is written where somebody else could have it written elsewhere.
fn only_root(s: &mut String, push: &Push, layout: &Layout) {
    let folder = |path: &String| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let mut folders: BTreeSet<String> = push.files.iter().chain(&push.modes).filter_map(folder).collect();
    folders.extend([layout.records.clone(), format!("{}/images", layout.records)]);
    folders.extend((!push.packages.is_empty()).then(|| layout.packages()));
    s.push_str("others=\n");
    for folder in folders {
        s.push_str(&format!("kb_only_root {} || others=1\n", sh_quote(&folder)));
    }
    s.push_str("[ -z \"$others\" ] || exit 77\n");
}

fn prepare(s: &mut String, plan: &HostPlan) {
    for user in &plan.users {
        let user = sh_quote(user);
        s.push_str(&format!(
            "id -u {user} >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {user}\n"
        ));
    }
    for (path, dir) in &plan.dirs {
        s.push_str(&format!("folder {} {:05o} {}\n", sh_quote(&dir.to.owner), dir.to.mode, sh_quote(path)));
    }
    for module in &plan.modules {
        s.push_str(&format!("modprobe {}\n", sh_quote(module)));
    }
    for sysctl in &plan.sysctls {
        let path = format!("/proc/sys/{}", sysctl.name.replace('.', "/"));
        s.push_str(&format!("printf '%s\\n' {} > {}\n", sh_quote(&sysctl.to), sh_quote(&path)));
    }
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
