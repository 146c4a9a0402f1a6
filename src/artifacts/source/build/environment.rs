//! The environment that builds run in: stated here, and not whatever the shell happens to have.
//!
//! Go and the C compiler obey dozens of variables, and some of them change what is built without a trace: `GOFLAGS` can
//! replace source files (`-overlay`) and run any program (`-toolexec`), `GOSUMDB=off` believes every proxy, `CPATH` and
//! `LD_PRELOAD` bring other code. What is needed to reach a proxy, to find the caches and the compilers is taken over by
//! name; all else is left out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;

/// Taken over from the person's environment: no value of these changes what is built from given sources.
const KEPT: [&str; 26] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NETRC",
    "SSH_AUTH_SOCK",
    "GOMAXPROCS",
    "GOGC",
    "GOMEMLIMIT",
    "CC",
    "PKG_CONFIG_PATH",
    "PKG_CONFIG_LIBDIR",
    "PKG_CONFIG_SYSROOT_DIR",
];

/// Taken over as `go env` tells them, which also knows those of `go env -w`.
const OF_GO: [&str; 9] =
    ["GOPROXY", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOAUTH", "GOCACHE", "GOMODCACHE", "GOPATH", "GOTOOLCHAIN"];

/// Always so.
const STATED: [(&str, &str); 5] =
    [("GOENV", "off"), ("GOFLAGS", ""), ("GOWORK", "off"), ("GO111MODULE", "on"), ("LC_ALL", "C")];

/// Flags that change how Go works and not what comes out; nobody has to be told that they are left out.
const HARMLESS: [&str; 7] = ["-buildvcs=", "-modcacherw", "-p=", "-trimpath", "-v", "-x", "-mod=readonly"];

/// Variables for builds, and what is to be said of those that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    /// What the person has set that would have weakened the build, one sentence each.
    pub left_out: Vec<String>,
    /// Modules that the checksum database is not asked about (`GONOSUMDB`); empty: none.
    pub unchecked: String,
}

impl Environment {
    /// From what `go env` says and the person's environment.
    pub fn new(go: &BTreeMap<String, String>, person: impl Fn(&str) -> Option<OsString>) -> Self {
        let of_go = |name: &str| go.get(name).map(String::as_str).unwrap_or_default();
        let kept = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), person(name)?)));
        let asked = OF_GO
            .iter()
            .map(|name| (*name, of_go(name)))
            .filter(|(name, value)| !value.is_empty() && (*name, *value) != ("GOSUMDB", "off"));
        let stated = STATED.iter().copied();
        let set = asked.chain(stated).map(|(name, value)| (name.to_owned(), value.into()));
        Environment {
            variables: kept.chain(set).collect(),
            left_out: left_out(&of_go, &person),
            unchecked: of_go("GONOSUMDB").to_owned(),
        }
    }

    /// Gives a command these variables and no others.
    pub fn give(&self, command: &mut Command) {
        command.env_clear().envs(&self.variables);
    }
}

fn left_out<'g>(go: &impl Fn(&str) -> &'g str, person: &impl Fn(&str) -> Option<OsString>) -> Vec<String> {
    let mut all = Vec::new();
    if go("GOSUMDB") == "off" {
        all.push(
            "GOSUMDB=off does not hold for builds: modules that no go.sum fixes are looked up in sum.golang.org".into(),
        );
    }
    let flags: Vec<&str> = go("GOFLAGS").split_whitespace().filter(|flag| !harmless(flag)).collect();
    if !flags.is_empty() {
        all.push(format!("GOFLAGS does not hold for builds: {} could change what is built", flags.join(" ")));
    }
    if !go("GOINSECURE").is_empty() {
        all.push(format!("GOINSECURE={} does not hold for builds: modules come over TLS", go("GOINSECURE")));
    }
    let c = ["CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_LDFLAGS", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "LD_PRELOAD"];
    let set: Vec<&str> = c.into_iter().filter(|name| person(name).is_some_and(|value| !value.is_empty())).collect();
    if !set.is_empty() {
        all.push(format!("{} would bring other code into what is built, and is left out", set.join(", ")));
    }
    all
}

fn harmless(flag: &str) -> bool {
    HARMLESS.iter().any(|known| if known.ends_with('=') { flag.starts_with(known) } else { flag == *known })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(go: &[(&str, &str)], person: &[(&str, &str)]) -> Environment {
        let go = go.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let find = |name: &str| person.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into());
        Environment::new(&go, find)
    }

    fn shown(environment: &Environment) -> String {
        let one = |(name, value): (&String, &OsString)| format!("{name}={}", value.to_string_lossy());
        environment.variables.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_reaches_a_proxy_is_taken_over_and_the_rest_is_stated() {
        let quiet = environment(
            &[
                ("GOPROXY", "https://go.example.org"),
                ("GOSUMDB", "sum.golang.org"),
                ("GOFLAGS", "-buildvcs=false -p=2"),
            ],
            &[("PATH", "/bin"), ("HTTPS_PROXY", "http://proxy:3128"), ("EDITOR", "vi"), ("GOAMD64", "v4")],
        );
        assert_eq!(quiet.left_out, [""; 0]);
        insta::assert_snapshot!(shown(&quiet), @"GO111MODULE=on GOENV=off GOFLAGS= GOPROXY=https://go.example.org GOSUMDB=sum.golang.org GOWORK=off HTTPS_PROXY=http://proxy:3128 LC_ALL=C PATH=/bin");
    }

    #[test]
    fn what_weakens_a_build_is_left_out_and_said() {
        let weak = environment(
            &[
                ("GOSUMDB", "off"),
                ("GOINSECURE", "*"),
                ("GOFLAGS", "-mod=mod -overlay=/tmp/o.json -v"),
                ("GONOSUMDB", "*"),
            ],
            &[("CGO_LDFLAGS", "-lother"), ("LD_PRELOAD", "x.so"), ("GOFLAGS", "-mod=mod -overlay=/tmp/o.json -v")],
        );
        insta::assert_snapshot!(weak.left_out.join("\n"), @r"
        GOSUMDB=off does not hold for builds: modules that no go.sum fixes are looked up in sum.golang.org
        GOFLAGS does not hold for builds: -mod=mod -overlay=/tmp/o.json could change what is built
        GOINSECURE=* does not hold for builds: modules come over TLS
        CGO_LDFLAGS, LD_PRELOAD would bring other code into what is built, and is left out
        ");
        insta::assert_snapshot!(shown(&weak), @"GO111MODULE=on GOENV=off GOFLAGS= GONOSUMDB=* GOWORK=off LC_ALL=C");
        assert_eq!(weak.unchecked, "*");
    }
}
