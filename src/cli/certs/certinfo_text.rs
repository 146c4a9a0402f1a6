use time::OffsetDateTime;

use super::details;
use crate::certs::Entry;
use crate::pki::{CertificateInfo, Field, NameInfo, is_key_usage, second, whole};
use crate::ui::{Cell, Printer, Table};

/// One line per certificate; `soon` is the number of days from which on an end is near.
pub(super) fn table(entries: &[Entry], soon: i64, printer: &Printer) -> String {
    let mut table = Table::new(&["DAYS", "SUBJECT", "NAMES", "KEY", "FOR", "CA", "ISSUER", "CHAIN", "WHERE"]).fitted();
    for entry in entries {
        let info = &entry.certificate;
        table.row(vec![
            days(entry, soon),
            short(&info.subject).into(),
            names(&info.sans),
            info.key.clone().into(),
            purposes(info),
            info.path_length.map_or(ca(info), |length| format!("yes ({length})")).into(),
            issuer(info, short).into(),
            chain(entry),
            Cell::path(&entry.place),
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

/// What a person asks first, and then all that is in it.
pub(super) fn block(entry: &Entry, soon: i64, printer: &Printer) -> String {
    let info = &entry.certificate;
    let chain = match (&entry.chain.verified, entry.chain.path.as_slice()) {
        (false, _) => printer.paint("31", &entry.chain.why),
        (true, []) => "it is trusted itself".to_owned(),
        (true, path) => format!("verifies: {}", path.join(" ← ")),
    };
    let valid = format!("{} to {}", second(info.not_before), second(info.not_after));
    let mut fields = vec![
        Field::new("valid", format!("{valid}, {}", printer.paint(color(entry, soon), &left(entry)))),
        Field::new("chain", chain),
        Field::new("names", info.sans.join(", ")),
        Field::new("usages", info.usages.join(", ")),
        Field::new("CA", ca(info)),
    ];
    fields.retain(|field| !field.value.is_empty());
    fields.extend(whole::certificate(&entry.whole));
    details::block(&entry.place, &fields, printer)
}

/// `10 days left`, `ended 10 days ago`.
fn left(entry: &Entry) -> String {
    let days = |n: u64| if n == 1 { "1 day".to_owned() } else { format!("{n} days") };
    match (entry.ended, entry.days_left) {
        (true, 0) => "ended today".to_owned(),
        (true, ago) => format!("ended {} ago", days(ago.unsigned_abs())),
        (false, left) => format!("{} left", days(left.unsigned_abs())),
    }
}

fn color(entry: &Entry, soon: i64) -> &'static str {
    match entry.days_left {
        _ if entry.ended => "31",
        days if days <= soon => "33",
        _ => "32",
    }
}

fn days(entry: &Entry, soon: i64) -> Cell {
    let text = match entry.days_left {
        // Zero alone would be one that ends today.
        0 if entry.ended => "-0".to_owned(),
        days => days.to_string(),
    };
    Cell::colored(text, color(entry, soon))
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
pub(super) fn short(name: &NameInfo) -> String {
    match (name.common_name.as_str(), name.organizations.as_slice()) {
        ("", _) => name.text.clone(),
        (cn, [group]) if group.starts_with("system:") => format!("{cn} ({group})"),
        (cn, _) => cn.to_owned(),
    }
}

/// Extended usages, which say what it is for; a CA has key usages only.
fn purposes(info: &CertificateInfo) -> Cell {
    let extended: Vec<_> = info.usages.iter().filter(|usage| !is_key_usage(usage)).collect();
    let shown = if extended.is_empty() { info.usages.iter().collect() } else { extended };
    Cell::list(shown.iter().map(|usage| usage.trim_end_matches(" auth").to_owned()).collect())
}

/// Without the type of what needs none.
pub(super) fn names(sans: &[String]) -> Cell {
    let bare = |san: &String| san.strip_prefix("DNS:").or(san.strip_prefix("IP:")).unwrap_or(san).to_owned();
    Cell::list(sans.iter().map(bare).collect())
}

pub(super) fn minute(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    format!("{} {:02}:{:02}", time.date(), time.hour(), time.minute())
}
