//! One certificate of the specification → as many as its `count` or `each` says, with the placeholders filled in.

use std::collections::BTreeMap;

use super::model::{Certificate, Name};
use crate::document::{Mistake, Path};
use crate::text::nearest;

/// The certificates that one entry stands for.
pub(super) fn certificates(written: &Certificate, at: &Path, mistakes: &mut Vec<Mistake>) -> Vec<Certificate> {
    let values: Vec<BTreeMap<String, String>> = match (written.count, written.each.as_slice()) {
        (None, []) => return vec![written.clone()],
        (Some(_), [_, ..]) => {
            mistakes.push(
                Mistake::key(at.key("count"), "`count` and `each` say the same thing in two ways").hint("keep one"),
            );
            return Vec::new();
        }
        (Some(count), []) => (1..=count).map(|n| BTreeMap::from([("n".to_owned(), n.to_string())])).collect(),
        (None, each) => each.to_vec(),
    };
    let before = mistakes.len();
    let mut all = Vec::with_capacity(values.len());
    for values in &values {
        all.push(filled(written, values, at, mistakes));
        // The same text is wrong in the same way for all of them.
        if mistakes.len() > before {
            break;
        }
    }
    if all.len() > 1 && mistakes.len() == before && all[0].name == all[1].name {
        let some = values[0].keys().next().map_or("n", String::as_str);
        let message = format!("all {} of them would have the name `{}`", values.len(), written.name);
        mistakes.push(Mistake::at(at.key("name"), message).hint(format!("for example `{}-{{{some}}}`", written.name)));
        all.truncate(1);
    }
    all
}

fn filled(
    written: &Certificate,
    values: &BTreeMap<String, String>,
    at: &Path,
    mistakes: &mut Vec<Mistake>,
) -> Certificate {
    let mut fill = |text: &str, path: Path| {
        fill(text, values).unwrap_or_else(|error| {
            mistakes.push(Mistake::at(path, error.0).meant(error.1.as_deref()));
            text.to_owned()
        })
    };
    let names = written.names.as_ref().map(|names| {
        let one = |(i, name): (usize, &Name)| {
            let at = at.key("names").index(i);
            Name {
                c: fill(&name.c, at.key("C")),
                st: fill(&name.st, at.key("ST")),
                l: fill(&name.l, at.key("L")),
                o: fill(&name.o, at.key("O")),
                ou: fill(&name.ou, at.key("OU")),
                e: fill(&name.e, at.key("E")),
                oid: name.oid.iter().map(|(k, v)| (k.clone(), fill(v, at.key("OID").key(k)))).collect(),
            }
        };
        names.iter().enumerate().map(one).collect()
    });
    Certificate {
        name: fill(&written.name, at.key("name")),
        cn: fill(&written.cn, at.key("CN")),
        names,
        serial_number: fill(&written.serial_number, at.key("serialNumber")),
        hosts: written.hosts.iter().enumerate().map(|(i, h)| fill(h, at.key("hosts").index(i))).collect(),
        folder: written.folder.as_ref().map(|folder| fill(folder, at.key("folder"))),
        count: None,
        each: Vec::new(),
        ..written.clone()
    }
}

/// Fills `{key}`s in; what is wrong, and the key that was probably meant.
pub(super) fn fill(text: &str, values: &BTreeMap<String, String>) -> Result<String, (String, Option<String>)> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((key, after)) = after.split_once('}') else {
            return Err((format!("`{text}`: a brace is not closed"), None));
        };
        let Some(value) = values.get(key) else {
            let known: Vec<_> = values.keys().map(|k| format!("{{{k}}}")).collect();
            let near = nearest(key, values.keys().map(String::as_str)).map(|near| format!("{{{near}}}"));
            return Err((format!("`{{{key}}}` stands for nothing: there is only {}", known.join(", ")), near));
        };
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
