//! Where the machine's own apt gets its packages from.

use std::fs;
use std::iter;
use std::path::{Path, PathBuf};

use super::system::Debian;

/// The first place in the machine's apt sources that has this release's main packages, or else those of another one, which
/// a mirror has beside each other; none: debootstrap's own default.
pub fn find(release: Debian) -> Option<String> {
    let sources = sources(Path::new("/etc/apt"));
    let others = Debian::ALL.into_iter().filter(|other| *other != release);
    iter::once(release).chain(others).find_map(|release| in_sources(&sources, release.suite()))
}

fn in_sources(sources: &[PathBuf], suite: &str) -> Option<String> {
    sources.iter().find_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        if file.extension().is_some_and(|e| e == "sources") { in_stanzas(&text, suite) } else { in_lines(&text, suite) }
    })
}

/// `sources.list`, then `sources.list.d/*` by name (sources.list(5)).
fn sources(apt: &Path) -> Vec<PathBuf> {
    let parts = fs::read_dir(apt.join("sources.list.d")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut parts: Vec<_> = parts.filter(|p| p.extension().is_some_and(|e| e == "sources" || e == "list")).collect();
    parts.sort();
    parts.insert(0, apt.join("sources.list"));
    parts
}

/// `deb [options] URI suite components…`
fn in_lines(text: &str, suite: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let (uri, rest) = words.split_first()?;
        let (its_suite, components) = rest.split_first()?;
        (*its_suite == suite && components.contains(&"main")).then(|| usable(uri)).flatten()
    })
}

/// Blocks of `Field: values…`, set apart by empty lines (deb822(5)).
fn in_stanzas(text: &str, suite: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.split(|line| line.trim().is_empty()).find_map(|stanza| {
        let field = |name: &str| {
            let has = |line: &&&str| line.split_once(':').is_some_and(|(n, _)| n.eq_ignore_ascii_case(name));
            let values = stanza.iter().find(has)?.split_once(':')?.1;
            Some(values.split_ascii_whitespace().collect::<Vec<_>>())
        };
        let fits = field("Types")?.contains(&"deb")
            && field("Suites")?.contains(&suite)
            && field("Components")?.contains(&"main")
            && field("Enabled").is_none_or(|v| v.first() != Some(&"no"));
        if fits { field("URIs")?.into_iter().find_map(usable) } else { None }
    })
}

/// debootstrap knows these ways only.
fn usable(uri: &str) -> Option<String> {
    ["http://", "https://", "file:"].iter().any(|way| uri.starts_with(way)).then(|| uri.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let text = "# deb http://no.test/debian bookworm main\n\
                    deb http://other.test/cloud cloud-bookworm main\n\
                    deb cdrom:[x]/ bookworm main\n\
                    deb-src http://src.test/debian bookworm main\n\
                    deb [arch=amd64 signed-by=/k.gpg]  http://a.test/debian bookworm contrib main\n";
        assert_eq!(in_lines(text, "bookworm").as_deref(), Some("http://a.test/debian"));
        assert_eq!(in_lines(text, "trixie"), None);
    }

    #[test]
    fn stanzas() {
        let text = "Types: deb\nURIs: https://node.test/x\nSuites: nodistro\nComponents: main\n\n\
                    Types: deb\n# URIs: http://old.test\nURIs: http://b.test/debian\n\
                    Suites: bookworm bookworm-updates\nComponents: main\n";
        assert_eq!(in_stanzas(text, "bookworm").as_deref(), Some("http://b.test/debian"));
        assert_eq!(in_stanzas(&text.replace("Types: deb\n#", "Enabled: no\nTypes: deb\n#"), "bookworm"), None);
    }
}
