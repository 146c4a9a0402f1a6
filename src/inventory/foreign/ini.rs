//! Ansible's INI: sections of hosts, of groups (`:children`) and of variables (`:vars`).

use serde_json::Value;

use super::groups::{ALL, Groups};
use super::range::expand;

/// Whether a text is written in it.
pub fn is_ini(text: &str) -> bool {
    let mut lines = text.lines().map(bare).filter(|line| !line.is_empty()).peekable();
    let sections = lines.clone().any(|line| section(line).is_some());
    let brackets = lines.clone().filter(|line| line.starts_with('[')).all(|line| section(line).is_some());
    let hosts = lines.clone().any(|line| line.contains(" ansible_host="));
    lines.peek().is_some() && (hosts || (sections && brackets && !lines.any(|line| line.starts_with("- "))))
}

enum Section {
    Hosts,
    Children,
    Vars,
}

/// Reads it.
///
/// # Errors
/// Every line that cannot be read: its number, and what is wrong with it.
pub fn read(text: &str) -> Result<Groups, Vec<(usize, String)>> {
    let (mut groups, mut mistakes) = (Groups::default(), vec![]);
    let (mut group, mut kind) = (ALL.to_owned(), Section::Hosts);
    for (number, line) in text.lines().map(bare).enumerate().filter(|(_, line)| !line.is_empty()) {
        if let Some((name, of)) = section(line) {
            (group, kind) = (name.to_owned(), of);
            groups.declare(&group);
            continue;
        }
        let done = match kind {
            Section::Hosts => hosts(&mut groups, &group, line),
            Section::Children => {
                groups.child(&group, line);
                Ok(())
            }
            Section::Vars => variable(line).map(|(key, value)| drop(groups.vars(&group).insert(key, value))),
        };
        mistakes.extend(done.err().map(|why| (number + 1, why)));
    }
    if mistakes.is_empty() { Ok(groups) } else { Err(mistakes) }
}

fn hosts(groups: &mut Groups, group: &str, line: &str) -> Result<(), String> {
    let words = words(line);
    let Some((pattern, vars)) = words.split_first() else { return Ok(()) };
    let (pattern, port) = port(pattern);
    for name in expand(pattern).map_err(|why| format!("`{pattern}` {why}"))? {
        let own = groups.host(group, &name);
        own.extend(port.map(|port| ("ansible_port".to_owned(), Value::from(port))));
        for word in vars {
            let (key, value) = variable(word)?;
            own.insert(key, value);
        }
    }
    Ok(())
}

fn variable(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is no variable: write `name=value`"))?;
    Ok((key.trim().to_owned(), Value::from(unquoted(value.trim()))))
}

/// `name:22` without its port; the colons of a range or an IPv6 address are none before ports.
fn port(pattern: &str) -> (&str, Option<u16>) {
    match pattern.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && (name.ends_with(']') || !name.contains(':')) => {
            port.parse().map_or((pattern, None), |port| (name, Some(port)))
        }
        _ => (pattern, None),
    }
}

/// `[name]`, `[name:children]` or `[name:vars]`.
fn section(line: &str) -> Option<(&str, Section)> {
    let inside = line.strip_prefix('[')?.strip_suffix(']')?.trim();
    let (name, kind) = match inside.split_once(':') {
        None => (inside, Section::Hosts),
        Some((name, "children")) => (name, Section::Children),
        Some((name, "vars")) => (name, Section::Vars),
        Some(_) => return None,
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!name.is_empty() && name.chars().all(good)).then_some((name, kind))
}

/// A line without its comment: `;` at its beginning, `#` there and after a space, outside quotes.
fn bare(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with(';') {
        return "";
    }
    let (mut quote, mut before) = (None, ' ');
    for (i, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if before.is_whitespace() => return line[..i].trim_end(),
            _ => {}
        }
        before = c;
    }
    line
}

/// Words between spaces; quotes hold one together, and stay.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut start, mut quote) = (vec![], 0, None);
    for (i, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ' ' | '\t') => {
                words.push(&line[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    words.push(&line[start..]);
    words.retain(|word| !word.trim().is_empty());
    words
}

fn unquoted(text: &str) -> &str {
    let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_groups_and_variables() {
        let text = "\
; hosts of the site
lonely
[masters]
m[1:2] ansible_host=10.0.0.1 note=\"two words\" # the first
gate:2222
[cluster:children]
masters
[cluster:vars]
ansible_user = 'admin'   # who
";
        assert!(is_ini(text));
        let hosts = read(text).unwrap().resolved();
        let shown: Vec<String> = hosts
            .iter()
            .map(|h| format!("{} {:?} {}", h.name, h.groups, serde_json::to_string(&h.vars).unwrap()))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        lonely [] {}
        m1 ["cluster", "masters"] {"ansible_host":"10.0.0.1","ansible_user":"admin","note":"two words"}
        m2 ["cluster", "masters"] {"ansible_host":"10.0.0.1","ansible_user":"admin","note":"two words"}
        gate ["cluster", "masters"] {"ansible_port":2222,"ansible_user":"admin"}
        "#);
    }

    #[test]
    fn every_line_that_cannot_be_read_is_said() {
        let mistakes = read("[a]\nn[1:]\nm1 10.0.0.1\n[a:vars]\nx\n").unwrap_err();
        assert_eq!(mistakes.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 5]);
    }

    #[test]
    fn other_texts_are_no_ini() {
        for text in ["", "cluster: a\nhosts: []\n", "- a\n- [b]\n", "a: 1\n[\n", "[plugins.\"io.containerd\"]\nx = 1\n"]
        {
            assert!(!is_ini(text), "{text}");
        }
        assert!(is_ini("m1 ansible_host=10.0.0.1\n") && is_ini("[etcd]\nm1\n"));
    }
}
