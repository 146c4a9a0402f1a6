//! How `certinfo` shows certificates to people.

use std::fmt::Write;

use time::OffsetDateTime;

use crate::certs::Entry;
use crate::pki::{CertificateInfo, NameInfo, is_key_usage};
use crate::ui::{Cell, Printer, Table};

/// A cell of the narrow table is cut beyond this; `wide` shows all.
const CELL: usize = 40;

/// One line per certificate; `soon` is the number of days from which on an end is near.
pub(super) fn table(entries: &[Entry], soon: i64, printer: &Printer) -> String {
    let mut table = Table::new(&["DAYS", "SUBJECT", "NAMES", "KEY", "FOR", "CA", "ISSUER", "CHAIN", "WHERE"]);
    for entry in entries {
        let info = &entry.certificate;
        table.row(vec![
            days(entry, soon),
            cut(&short(&info.subject)).into(),
            few(&info.sans).into(),
            info.key.clone().into(),
            purposes(info).into(),
            info.path_length.map_or(ca(info), |length| format!("yes ({length})")).into(),
            issuer(info, short).into(),
            chain(entry),
            entry.place.clone().into(),
        ]);
    }
    table.render(printer)
}

/// The same with nothing cut off, and more columns.
pub(super) fn wide(entries: &[Entry], soon: i64, printer: &Printer) -> String {
    let header =
        ["DAYS", "ENDS", "SUBJECT", "NAMES", "KEY", "SIGNATURE", "USAGES", "CA", "ISSUER", "SERIAL", "CHAIN", "WHERE"];
    let mut table = Table::new(&header);
    for entry in entries {
        let info = &entry.certificate;
        table.row(vec![
            days(entry, soon),
            minute(info.not_after).into(),
            info.subject.text.clone().into(),
            info.sans.join(",").into(),
            info.key.clone().into(),
            info.signature_algorithm.clone().into(),
            info.usages.join(", ").into(),
            ca(info).into(),
            issuer(info, |name| name.text.clone()).into(),
            info.serial_number.clone().into(),
            chain(entry),
            entry.place.clone().into(),
        ]);
    }
    table.render(printer)
}

/// A block per certificate.
pub(super) fn details(entries: &[Entry], soon: i64, printer: &Printer) -> String {
    let blocks: Vec<_> = entries.iter().map(|entry| block(entry, soon, printer)).collect();
    blocks.join("\n")
}

fn block(entry: &Entry, soon: i64, printer: &Printer) -> String {
    let info = &entry.certificate;
    let (left, code) = match entry.days_left {
        days @ ..0 => (format!("expired {} days ago", -days), "31"),
        days if days <= soon => (format!("{days} days left"), "33"),
        days => (format!("{days} days left"), "32"),
    };
    let chain = match (&entry.chain.verified, entry.chain.path.as_slice()) {
        (false, _) => printer.paint("31", &entry.chain.why),
        (true, []) => "it is trusted itself".to_owned(),
        (true, path) => format!("verifies: {}", path.join(" ← ")),
    };
    let rows = [
        ("subject", info.subject.text.clone()),
        ("issuer", issuer(info, |name| name.text.clone())),
        ("names", info.sans.join(", ")),
        ("key", info.key.clone()),
        ("signature", info.signature_algorithm.clone()),
        ("usages", info.usages.join(", ")),
        ("CA", ca(info)),
        ("valid", format!("{} to {}, {}", info.not_before.date(), info.not_after.date(), printer.paint(code, &left))),
        ("chain", chain),
        ("serial", info.serial_number.clone()),
        ("sha256", info.sha256.clone()),
    ];
    let mut text = format!("{}\n", printer.paint("1", &entry.place));
    for (label, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {label:<10} {value}");
    }
    text
}

fn days(entry: &Entry, soon: i64) -> Cell {
    let color = match entry.days_left {
        ..0 => "31",
        days if days <= soon => "33",
        _ => "32",
    };
    Cell::colored(entry.days_left.to_string(), color)
}

fn chain(entry: &Entry) -> Cell {
    match (entry.chain.verified, entry.chain.path.is_empty()) {
        (true, true) => Cell::colored("root", "32"),
        (true, false) => Cell::colored("ok", "32"),
        (false, _) => Cell::colored(entry.chain.why.clone(), "31"),
    }
}

fn issuer(info: &CertificateInfo, text: impl Fn(&NameInfo) -> String) -> String {
    if info.self_issued { "itself".to_owned() } else { text(&info.issuer) }
}

fn ca(info: &CertificateInfo) -> String {
    match (info.is_ca, info.path_length) {
        (false, _) => "no".to_owned(),
        (true, None) => "yes".to_owned(),
        (true, Some(length)) => format!("yes, path length {length}"),
    }
}

/// The common name, with the organization of a Kubernetes user; the whole name where there is none.
fn short(name: &NameInfo) -> String {
    match (name.common_name.as_str(), name.organizations.as_slice()) {
        ("", _) => name.text.clone(),
        (cn, [group]) if group.starts_with("system:") => format!("{cn} ({group})"),
        (cn, _) => cn.to_owned(),
    }
}

/// Extended usages, which say what it is for; a CA has key usages only.
fn purposes(info: &CertificateInfo) -> String {
    let extended: Vec<_> = info.usages.iter().filter(|usage| !is_key_usage(usage)).collect();
    let shown = if extended.is_empty() { info.usages.iter().collect() } else { extended };
    cut(&shown.iter().map(|usage| usage.trim_end_matches(" auth")).collect::<Vec<_>>().join(","))
}

/// As many names as fit, without the type of what needs none.
fn few(sans: &[String]) -> String {
    let names: Vec<_> =
        sans.iter().map(|san| san.strip_prefix("DNS:").or(san.strip_prefix("IP:")).unwrap_or(san)).collect();
    let (mut text, mut shown) = (String::new(), 0);
    for name in &names {
        if shown > 0 && text.chars().count() + name.chars().count() + 1 > CELL {
            break;
        }
        if shown > 0 {
            text.push(',');
        }
        text.push_str(name);
        shown += 1;
    }
    match names.len() - shown {
        0 => text,
        more => format!("{text},+{more}"),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn minute(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    format!("{} {:02}:{:02}", time.date(), time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_by_their_number_and_not_within_one() {
        let names = |list: &[&str]| few(&list.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&[]), "");
        assert_eq!(names(&["DNS:a", "IP:10.0.0.1", "email:a@b"]), "a,10.0.0.1,email:a@b");
        let long = "DNS:kubernetes.default.svc.cluster.local";
        assert_eq!(names(&[long, long, "DNS:a"]), "kubernetes.default.svc.cluster.local,+2");
    }
}
