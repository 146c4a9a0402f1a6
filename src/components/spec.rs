//! What a component is: one value with all of its facts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::certificate::CertificateRow;
use super::release::release;
use crate::cluster::{Cluster, Host, Layout, RemovedFlag, RemovedValue, Role, Versions};
use crate::recipes::Project;
use crate::state::{ComponentId, Kept, Ready, Rollout, Wave};

/// A component. What a field lists is all that there is of it: preflight, the artifact store, rendering, the steps of
/// `up`, status and reset read it here and keep no lists of their own.
#[derive(Debug, Clone, Copy)]
pub struct ComponentSpec {
    /// Its name, as the inventory writes it.
    pub id: ComponentId,
    /// For people who complete an inventory in an editor.
    pub about: &'static str,
    /// The role whose hosts run it, by which the inventory's settings are judged; none for what runs in pods.
    pub role: Option<Role>,
    /// Whether the host runs it or, for what runs in pods, holds its images.
    pub runs_on: fn(&Cluster, &Host) -> bool,
    /// Programs on its hosts.
    pub programs: &'static [ProgramSpec],
    /// Packages of its hosts' distribution, which bring the programs that are not ours.
    pub packages: fn(&Cluster) -> Vec<PackageSpec>,
    /// Its service.
    pub unit: Option<UnitSpec>,
    /// What its service runs, where that is the program of a package.
    pub packaged: Option<fn(&Cluster) -> String>,
    /// Its service reads changed configuration files when it is told to, and goes on.
    pub reloads: bool,
    /// The unit of the same host with which its service is stopped and restarted, if any.
    pub part_of: fn(&Cluster, &Host) -> Option<&'static str>,
    /// Ports that it listens on.
    pub ports: &'static [PortSpec],
    /// Configuration files.
    pub configs: &'static [ConfigSpec],
    /// Where it reaches the API, and as whom; the files make its unit restart.
    pub kubeconfig: Option<KubeconfigSpec>,
    /// Kubeconfigs for people.
    pub for_people: &'static [KubeconfigSpec],
    /// Certificates that it uses, in the order in which they are issued.
    pub certificates: fn(&Cluster) -> Vec<CertificateRow>,
    /// System users.
    pub users: &'static [&'static str],
    /// Directories on its hosts, with mode and owner.
    pub dirs: fn(&Layout) -> Vec<(String, u32, &'static str)>,
    /// Directories all of which it reads, whatever lies there, so that nothing in them may be another's.
    pub read_whole: fn(&Layout) -> Vec<String>,
    /// Directories whose file systems need room.
    pub data: fn(&Layout) -> Vec<String>,
    /// Kernel modules.
    pub modules: fn(&Cluster) -> Vec<&'static str>,
    /// Kernel settings.
    pub sysctls: &'static [SysctlSpec],
    /// Images that its hosts hold.
    pub images: &'static [ImageSpec],
    /// Templates of API objects, in the order in which they are applied.
    pub objects: &'static [&'static str],
    /// Templates, by the name under which an inventory overrides them.
    pub templates: &'static [Template],
    /// Flags that take one value each time they are given; all others take lists joined by commas.
    pub repeated_flags: &'static [&'static str],
    /// Flags that it no longer has.
    pub removed_flags: &'static [&'static [RemovedFlag]],
    /// Values that its flags no longer take.
    pub removed_values: &'static [RemovedValue],
    /// The fields of its configuration, a path a line, where it does not itself refuse what it does not know.
    pub fields: &'static str,
    /// What must be there while it runs, besides its process.
    pub kernel: KernelSpec,
    /// What it leaves behind, which a reset takes away.
    pub footprint: Footprint,
}

/// A template: its name and its text.
pub type Template = (&'static str, &'static str);

/// A template of `templates/`, by its path there.
macro_rules! template {
    ($folder:literal, $name:literal) => {
        ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $folder, "/", $name)))
    };
}
pub(super) use template;

/// A program on a host.
#[derive(Debug, Clone, Copy)]
pub struct ProgramSpec {
    /// The artifact's name.
    pub artifact: &'static str,
    /// Its file's name.
    pub file: &'static str,
    /// Which directory it lies in.
    pub kind: ProgramKind,
    /// Whose release it is part of.
    pub project: Project,
    /// When it travels.
    pub wave: Wave,
}

/// Which directory a program lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramKind {
    /// [`Layout::bin`].
    Bin,
    /// [`Layout::cni_bin`].
    Cni,
}

impl ProgramSpec {
    /// A program in [`Layout::bin`] that is named as its artifact.
    pub const fn new(artifact: &'static str, project: Project, wave: Wave) -> Self {
        ProgramSpec { artifact, file: artifact, kind: ProgramKind::Bin, project, wave }
    }
    /// Its path.
    pub fn path(&self, layout: &Layout) -> String {
        let dir = match self.kind {
            ProgramKind::Bin => &layout.bin,
            ProgramKind::Cni => &layout.cni_bin,
        };
        format!("{dir}/{}", self.file)
    }
}

/// A package of the host's distribution.
#[derive(Debug, Clone, Copy)]
pub struct PackageSpec {
    /// Its name, for dpkg and for rpm alike.
    pub name: &'static str,
    /// The file that shows that it is there: its program, or a module of another one's.
    pub program: fn(&Layout) -> String,
    /// The distribution's units that would start by themselves. Where we install the package they are masked before it is
    /// unpacked, and given back by a reset.
    pub units: &'static [&'static str],
    /// The least version of the project itself that is good enough: major and minor.
    pub least: (u64, u64),
}

/// A service of systemd.
#[derive(Debug, Clone, Copy)]
pub struct UnitSpec {
    /// Its program in [`Layout::bin`]; the unit is `PROGRAM.service`, its template too, its flags' `PROGRAM.flags`.
    pub program: &'static str,
    /// How it is brought up, and changed while it runs.
    pub rollout: Rollout,
    /// Files whose change it does not notice while it runs, besides its program, unit, configuration and kubeconfig.
    /// What a service reloads by itself is not among them: certificates and keys that are named by path, the client
    /// CAs of kube-apiserver and kubelet, the encryption configuration.
    pub watched_by_restart: fn(&Cluster) -> Vec<String>,
    /// Seconds before it is started again when it ended.
    pub restart_seconds: u32,
    /// What people may notice of its restart where others of its kind go on; empty where nobody notices anything.
    pub noticed: &'static str,
    /// The same where it is the only one of its kind.
    pub noticed_alone: &'static str,
}

impl UnitSpec {
    /// `etcd.service`; a timer is called as what it starts.
    pub fn name(&self) -> String {
        let kind = if self.is_timer() { "timer" } else { "service" };
        format!("{}.{kind}", self.program)
    }
    /// Whether it has no process of its own.
    pub fn is_timer(&self) -> bool {
        self.rollout.ready == Ready::Timer
    }
}

/// A port that a component listens on.
#[derive(Debug, Clone, Copy)]
pub struct PortSpec {
    /// Its number.
    pub number: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Only on 127.0.0.1.
    pub loopback: bool,
    /// What for: `kubelet, health on 127.0.0.1`.
    pub about: &'static str,
    /// Roles whose hosts must reach it, or the cluster does not work.
    pub reached_by: &'static [Role],
}

/// Protocols with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl PortSpec {
    /// A TCP port that others reach.
    pub const fn open(number: u16, about: &'static str) -> Self {
        PortSpec { number, protocol: Protocol::Tcp, loopback: false, about, reached_by: &[] }
    }
    /// A TCP port on 127.0.0.1.
    pub const fn loopback(number: u16, about: &'static str) -> Self {
        PortSpec { number, protocol: Protocol::Tcp, loopback: true, about, reached_by: &[] }
    }
    /// The same, and the hosts of these roles must reach it.
    pub const fn reached_by(self, reached_by: &'static [Role]) -> Self {
        PortSpec { reached_by, ..self }
    }
    /// The name of the preflight check.
    pub fn check(&self) -> String {
        format!("port-{}", self.number)
    }
}

/// A configuration file; the service reads it when it starts, and so restarts when it changes.
#[derive(Debug, Clone, Copy)]
pub struct ConfigSpec {
    /// Its template.
    pub template: &'static str,
    /// Where it lies.
    pub path: fn(&Layout) -> String,
    /// What is done with it.
    pub format: Format,
    /// Where the unit puts a copy when it has started, if anywhere.
    pub copied_to: Option<fn(&Layout) -> String>,
}

/// What is done with a rendered configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The inventory's `config` is merged into it.
    MergedYaml,
    /// As above.
    MergedJson,
    /// Written as rendered, once it is seen to be valid.
    Yaml,
    /// As [`Format::Yaml`]; where the template comes to nothing, there is no such file.
    YamlOrNone,
    /// As above.
    Json,
    /// Written as rendered.
    Text,
    /// As [`Format::Text`]; where the template comes to nothing, there is no such file.
    TextOrNone,
    /// Not from a template: what Secrets in etcd are encrypted with, which kube-apiserver reloads by itself.
    Encryption,
}

/// A kubeconfig on a host; certificates are named by path, so that a renewed one is picked up.
#[derive(Debug, Clone, Copy)]
pub struct KubeconfigSpec {
    /// File name in [`Layout::kubernetes`].
    pub file: &'static str,
    /// The user's name inside.
    pub user: &'static str,
    /// Certificate and key: `NAME.crt` and `NAME.key` in [`Layout::pki`].
    pub certificate: &'static str,
    /// Through this host's own API server.
    pub local: bool,
}

/// A kernel setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SysctlSpec {
    /// It must have this value.
    Exactly(&'static str, &'static str),
    /// It is raised to at least this, and never lowered.
    AtLeast(&'static str, u64),
}

impl SysctlSpec {
    /// The setting's name.
    pub fn name(&self) -> &'static str {
        match self {
            SysctlSpec::Exactly(name, _) | SysctlSpec::AtLeast(name, _) => name,
        }
    }
}

/// An image.
#[derive(Debug, Clone, Copy)]
pub struct ImageSpec {
    /// The artifact's name; it begins with `image-`.
    pub artifact: &'static str,
    /// Its full name without the version: `registry/repository:`, and `v` where the tag begins with one.
    pub name: &'static str,
    /// Whose release it is part of.
    pub project: Project,
    /// Its own version where that is not the release's.
    pub version: Option<fn(&Versions) -> String>,
}

impl ImageSpec {
    /// Its version without `v`.
    pub fn version(&self, versions: &Versions) -> String {
        self.version.map_or_else(|| release(self.project, versions), |own| own(versions))
    }
    /// `registry/repository:tag`.
    pub fn reference(&self, version: &str) -> String {
        format!("{}{version}", self.name)
    }
}

/// What must be there while a unit runs; a unit without it is restarted.
#[derive(Debug, Clone, Copy)]
pub struct KernelSpec {
    /// By what the component is configured to do on a host.
    pub keeps: fn(&Configured<'_>) -> Vec<Kept>,
    /// What does not work on the host without it, for people: `Services do not work there`.
    pub without: &'static str,
}

/// A component as it is configured on a host.
#[derive(Debug, Clone, Copy)]
pub struct Configured<'a> {
    /// Paths.
    pub layout: &'a Layout,
    /// What its configuration files say, by template, with the inventory's changes.
    pub configs: &'a BTreeMap<&'static str, Value>,
}

impl Configured<'_> {
    /// A value in a configuration file, by JSON pointer; null where there is none.
    pub fn value(&self, template: &str, pointer: &str) -> &Value {
        self.configs.get(template).and_then(|config| config.pointer(pointer)).unwrap_or(&Value::Null)
    }
}

/// What a reset takes away besides programs, units and [`ComponentSpec::dirs`].
#[derive(Debug, Clone, Copy)]
pub struct Footprint {
    /// Directories that go with everything in them.
    pub dirs: fn(&Layout) -> Vec<String>,
    /// Directories that go where nothing is in them, the deepest first.
    pub empty_dirs: fn(&Layout) -> Vec<String>,
    /// Directories that stay.
    pub kept: fn(&Layout) -> Vec<String>,
    /// Files.
    pub files: fn(&Layout) -> Vec<String>,
    /// Everything that is mounted under these directories is unmounted.
    pub mounts: fn(&Layout) -> Vec<String>,
    /// Network devices.
    pub links: &'static [&'static str],
    /// Network namespaces whose names begin so.
    pub namespaces: &'static [&'static str],
    /// Tables of nftables.
    pub tables: &'static [&'static str],
    /// Chains of iptables whose names hold this.
    pub chains: &'static [&'static str],
    /// Slices of systemd whose processes are killed.
    pub slices: &'static [&'static str],
}

impl ComponentSpec {
    /// A component with nothing but a name: the base of each one's value.
    pub const fn named(name: &'static str) -> Self {
        ComponentSpec {
            id: ComponentId(name),
            about: name,
            role: None,
            runs_on: |_, _| false,
            programs: &[],
            packages: |_| Vec::new(),
            unit: None,
            packaged: None,
            reloads: false,
            part_of: |_, _| None,
            ports: &[],
            configs: &[],
            kubeconfig: None,
            for_people: &[],
            certificates: |_| Vec::new(),
            users: &[],
            dirs: |_| Vec::new(),
            read_whole: |_| Vec::new(),
            data: |_| Vec::new(),
            modules: |_| Vec::new(),
            sysctls: &[],
            images: &[],
            objects: &[],
            templates: &[],
            repeated_flags: &[],
            removed_flags: &[],
            removed_values: &[],
            fields: "",
            kernel: KernelSpec { keeps: |_| Vec::new(), without: "" },
            footprint: Footprint::NONE,
        }
    }

    /// The path of what its service runs.
    pub fn program(&self, cluster: &Cluster, unit: &UnitSpec) -> String {
        match self.packaged {
            Some(path) => path(cluster),
            None => format!("{}/{}", cluster.layout.bin, unit.program),
        }
    }

    /// The template's text.
    pub fn template(&self, name: &str) -> Option<&'static str> {
        self.templates.iter().find(|(own, _)| *own == name).map(|(_, text)| *text)
    }

    /// The names of its templates, in alphabetical order.
    pub fn template_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.templates.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }
}

impl Footprint {
    /// Nothing.
    pub const NONE: Footprint = Footprint {
        dirs: |_| Vec::new(),
        empty_dirs: |_| Vec::new(),
        kept: |_| Vec::new(),
        files: |_| Vec::new(),
        mounts: |_| Vec::new(),
        links: &[],
        namespaces: &[],
        tables: &[],
        chains: &[],
        slices: &[],
    };
}
