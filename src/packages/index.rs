//! The index of an archive: `Packages`.

use super::control::{paragraphs, value};
use super::universe::{Candidate, Origin};

/// The packages of an index, of that archive. Paragraphs that lack something are passed by.
pub fn read(text: &str, archive: &str) -> Vec<Candidate> {
    let candidates = paragraphs(text).filter_map(|fields| {
        let path = value(&fields, "filename").trim_start_matches("./");
        let is_inside = !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| part != "..");
        let size = value(&fields, "size").parse().ok()?;
        let from = Origin::Archive(archive.to_owned(), path.to_owned());
        Candidate::of(&fields, value(&fields, "sha256"), size, from).filter(|_| is_inside)
    });
    candidates.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_index_has_and_what_is_none() {
        let sha256 = "a".repeat(64);
        let whole = |name: &str, path: &str| {
            format!(
                "Package: {name}\nVersion: 1-1\nArchitecture: amd64\nDepends: b\nFilename: {path}\nSize: 7\nSHA256: {sha256}\n"
            )
        };
        let text = [
            whole("haproxy", "pool/main/h/haproxy/haproxy_1-1_amd64.deb"),
            whole("up", "../../etc/passwd"),
            whole("root", "/etc/passwd"),
            whole("-rf", "pool/x.deb"),
            "Package: nothing\n".to_owned(),
            whole("last", "./last.deb"),
        ]
        .join("\n");
        let all = read(&text, "http://archive");
        let names: Vec<_> = all.iter().map(|one| (one.name.as_str(), &one.from)).collect();
        let from = |path: &str| Origin::Archive("http://archive".into(), path.into());
        let expected = [("haproxy", &from("pool/main/h/haproxy/haproxy_1-1_amd64.deb")), ("last", &from("last.deb"))];
        assert_eq!(names, expected);
        assert_eq!((all[0].size, all[0].depends.as_str()), (7, "b"));
    }
}
