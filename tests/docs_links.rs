//! README and docs point to files that exist, and their command lines are those of the program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli_help::{command_lines, refused};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The documents at the top and everything below docs/.
fn documents() -> Vec<PathBuf> {
    fn below(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                below(&entry.path(), all);
            } else if entry.path().extension().is_some_and(|e| e == "md") {
                all.push(entry.path());
            }
        }
    }
    let mut all =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name)).to_vec();
    below(&root().join("docs"), &mut all);
    all.sort();
    all
}

/// Targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// GitHub's names of headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |heading: &str| {
        let letters = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
            .collect::<String>();
        letters.replace(' ', "-")
    };
    headings.map(kept).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            let there = match anchor {
                None => target.exists(),
                Some(anchor) => {
                    fs::read_to_string(&target).is_ok_and(|text| anchors(&text).iter().any(|a| a == anchor))
                }
            };
            if !there {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert_eq!(dead, Vec::<String>::new());
}

/// Fenced blocks of a document.
fn fenced(text: &str) -> String {
    text.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').map_or("", |(_, code)| code)).collect()
}

#[test]
fn command_lines_of_the_documents_parse() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let lines = command_lines(&fenced(&text));
        // `up -i X / verify`, an ellipsis: prose in a code block, not a command line.
        let lines =
            lines.iter().filter(|line| !line.contains(['…', '/']) || line.contains("-i ") || line.contains("-o "));
        wrong.extend(lines.filter_map(|line| refused(line)).map(|why| format!("{}: {why}", document.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_document_is_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for document in documents() {
        let path = document.strip_prefix(root()).unwrap().display().to_string();
        let listed =
            readme.contains(&format!("({path})")) || path.starts_with("docs/decisions/") || path == "README.md";
        assert!(listed, "{path} is not in the README's list");
    }
}

#[test]
fn source_paths_that_documents_name_exist() {
    let mut gone = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let words = text.split(|c: char| c.is_whitespace() || "`()[],;".contains(c));
        let paths = words.filter(|w| w.starts_with("src/") || w.starts_with("tests/") || w.starts_with("templates/"));
        for path in paths.map(|p| p.trim_end_matches(['.', ':'])).filter(|p| !p.contains(['*', '<', 'N', 'S'])) {
            if !root().join(path).exists() {
                gone.push(format!("{}: {path}", document.display()));
            }
        }
    }
    assert_eq!(gone, Vec::<String>::new());
}

#[test]
fn exit_codes_are_those_of_the_error_type() {
    use kbootstrap::error::Kind;
    let text = fs::read_to_string(root().join("docs/exit-codes.md")).unwrap();
    let kinds = [
        Kind::Internal,
        Kind::Local,
        Kind::Usage,
        Kind::Input,
        Kind::Pki,
        Kind::Connect,
        Kind::Remote,
        Kind::Health,
        Kind::Artifact,
        Kind::Refused,
        Kind::Interrupted,
    ];
    for kind in kinds {
        let row = format!("| {} |", kind.exit_code());
        assert!(text.lines().any(|line| line.starts_with(&row)), "{kind:?} is not in the table");
    }
}

#[test]
fn every_template_and_every_preflight_check_is_documented() {
    let templates = fs::read_to_string(root().join("docs/templates.md")).unwrap();
    let mut missing = Vec::new();
    for folder in fs::read_dir(root().join("templates")).unwrap().map(|e| e.unwrap().path()) {
        for file in fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()) {
            // Parts of others: they are not overridden by themselves.
            if !folder.ends_with("shared") && !templates.contains(&format!("`{file}`")) {
                missing.push(file);
            }
        }
    }
    let checks = fs::read_to_string(root().join("docs/preflight.md")).unwrap();
    let undocumented = kbootstrap::preflight::checks(&kbootstrap::components::Catalogue::standard())
        .into_iter()
        .filter(|(name, _)| !checks.contains(&format!("| `{name}` |")));
    missing.extend(undocumented.map(|(name, _)| (*name).to_owned()));
    assert_eq!(missing, Vec::<String>::new());
}
