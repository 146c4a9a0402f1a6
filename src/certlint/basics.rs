//! Rules about version, serial number, distinguished names, times and signature.

use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;

use super::der::GENERALIZED_TIME;
use super::rule::Severity::{Error, Notice, Warning};
use super::rule::{Rule, certificate, when};
use super::view::{Name, View};
use crate::pki::dotted;

const STRICT: &str = "openssl -x509_strict, and so Python 3.13";
const VALIDITY: &str = "RFC 5280 §4.1.2.5";

pub(super) const RULES: &[Rule] = &[
    certificate(
        "version-old",
        Error,
        "it is not of version 3",
        "Go, which ignores its extensions, openssl -x509_strict, rustls",
        "RFC 5280 §4.1.2.1",
        |view, _| {
            let extensions = if view.extensions.is_empty() { "" } else { ", but has extensions" };
            when(view.version != 3, format!("it is of version {}{extensions}", view.version))
        },
    ),
    certificate(
        "serial-negative",
        Error,
        "the serial number is negative",
        "Go since 1.23 (\"negative serial number\")",
        "RFC 5280 §4.1.2.2",
        |view, _| when(view.serial.first().is_some_and(|first| first & 0x80 != 0), "the serial number is negative"),
    ),
    certificate(
        "serial-zero",
        Warning,
        "the serial number is zero",
        "linters of public CAs",
        "RFC 5280 §4.1.2.2, BR §7.1.2.7",
        |view, _| when(view.serial.iter().all(|&b| b == 0), "the serial number is zero"),
    ),
    certificate(
        "serial-long",
        Warning,
        "the serial number has more than 20 bytes",
        "linters of public CAs; databases that keep 20 bytes",
        "RFC 5280 §4.1.2.2",
        |view, _| when(view.serial.len() > 20, format!("the serial number has {} bytes", view.serial.len())),
    ),
    certificate(
        "serial-short",
        Notice,
        "the serial number has less than 64 random bits",
        "public CAs may not issue it; two certificates of one number confuse NSS and revocation",
        "BR §7.1.2.7",
        |view, context| {
            // A root's number is nobody's target; zero and negative ones have rules of their own.
            let ordinary =
                view.serial.first().is_some_and(|first| first & 0x80 == 0) && view.serial.iter().any(|&b| b != 0);
            when(ordinary && !context.self_signed && view.serial.len() < 8, "the serial number can be foreseen")
        },
    ),
    certificate("issuer-empty", Error, "the issuer is empty", STRICT, "RFC 5280 §4.1.2.4", |view, _| {
        when(view.issuer.is_empty(), "the issuer is empty")
    }),
    certificate("subject-empty-ca", Error, "a CA's subject is empty", STRICT, "RFC 5280 §4.1.2.6", |view, _| {
        when(view.is_ca() && view.subject.is_empty(), "it is a CA, and its subject is empty")
    }),
    certificate(
        "dn-printable-string",
        Error,
        "a PrintableString has characters outside its alphabet",
        "Go (\"invalid PrintableString\")",
        "X.680 §41.4, RFC 5280 §4.1.2.4",
        |view, _| {
            let bad = |byte: &u8| !byte.is_ascii_alphanumeric() && !b" '()+,-./:=?".contains(byte);
            let values =
                both(view).into_iter().flat_map(|(which, name)| name.attributes.iter().map(move |a| (which, a.value)));
            values
                .filter(|(_, value)| value.tag == PRINTABLE_STRING)
                .filter_map(|(which, value)| Some((which, value, char::from(*value.content.iter().find(|b| bad(b))?))))
                .map(|(which, value, bad)| {
                    let text = String::from_utf8_lossy(value.content);
                    format!("the {which}'s `{text}` is a PrintableString with {bad:?}: it must be a UTF8String")
                })
                .collect()
        },
    ),
    certificate(
        "dn-legacy-string",
        Warning,
        "a name is a TeletexString, BMPString or UniversalString",
        "comparison with the same name in UTF-8 fails",
        "RFC 5280 §4.1.2.4",
        |view, _| {
            let kinds = [(0x14, "TeletexString"), (0x1c, "UniversalString"), (0x1e, "BMPString")];
            let names = both(view).into_iter();
            names
                .flat_map(|(which, name)| {
                    let found = kinds.iter().filter(|(tag, _)| name.attributes.iter().any(|a| a.value.tag == *tag));
                    found.map(move |(_, kind)| format!("the {which} has a {kind}"))
                })
                .collect()
        },
    ),
    certificate(
        "dn-country",
        Warning,
        "a country is not a code of two letters",
        "linters of public CAs; some directories",
        "RFC 5280 Appendix A (X520countryName)",
        |view, _| {
            let countries = view.subject.values(&[2, 5, 4, 6]);
            let wrong = countries.iter().filter(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_alphabetic()));
            wrong.map(|c| format!("the country `{c}` is not a code of two letters")).collect()
        },
    ),
    certificate(
        "dn-too-long",
        Warning,
        "a part of the subject is longer than its upper bound",
        "openssl will not make such a request; databases cut it",
        "RFC 5280 Appendix A (ub-common-name)",
        |view, _| {
            let bounds: [(&[u64], &str, usize); 7] = [
                (&[2, 5, 4, 3], "common name", 64),
                (&[2, 5, 4, 10], "organization", 64),
                (&[2, 5, 4, 11], "organizational unit", 64),
                (&[2, 5, 4, 7], "locality", 128),
                (&[2, 5, 4, 8], "province", 128),
                (&[2, 5, 4, 5], "serial number", 64),
                (&[1, 2, 840, 113_549, 1, 9, 1], "e-mail address", 255),
            ];
            let mut found = Vec::new();
            for (oid, name, most) in bounds {
                let lengths = view.subject.values(oid).into_iter().map(|value| value.chars().count());
                found.extend(
                    lengths
                        .filter(|&length| length > most)
                        .map(|length| format!("the {name} has {length} characters, more than {most}")),
                );
            }
            found
        },
    ),
    certificate(
        "validity-reversed",
        Error,
        "it ends before it begins",
        "everybody: it is never valid",
        VALIDITY,
        |view, _| when(life(view).is_some_and(time::Duration::is_negative), "it ends before it begins"),
    ),
    certificate("expired", Error, "it has expired", "everybody", VALIDITY, |view, context| {
        let end = view.not_after.moment().filter(|&end| end < context.now);
        // One that is never valid has a rule of its own.
        let end = end.filter(|_| !life(view).is_some_and(time::Duration::is_negative));
        end.map(|end| format!("it has expired on {}", end.date())).into_iter().collect()
    }),
    certificate("not-yet-valid", Error, "it is not valid yet", "everybody", VALIDITY, |view, context| {
        let begin = view.not_before.moment().filter(|&begin| begin > context.now);
        let begin = begin.filter(|_| !life(view).is_some_and(time::Duration::is_negative));
        begin.map(|begin| format!("it is not valid before {}", begin.date())).into_iter().collect()
    }),
    certificate(
        "time-format",
        Error,
        "a time is not in UTC with seconds",
        "openssl (\"format error in certificate's notBefore field\"), rustls",
        "RFC 5280 §4.1.2.5.1, §4.1.2.5.2",
        |view, _| {
            let times = [("begin", view.not_before), ("end", view.not_after)];
            let wrong = times.iter().filter(|(_, time)| time.moment().is_none());
            wrong.map(|(which, time)| format!("its {which} is `{}`, which is not YYMMDDhhmmssZ", time.show())).collect()
        },
    ),
    certificate(
        "time-generalized-early",
        Warning,
        "a time before 2050 is a GeneralizedTime",
        "strict readers; openssl and Go take it",
        VALIDITY,
        |view, _| {
            let early = |time: OffsetDateTime| time < datetime!(2050-01-01 0:00 UTC);
            let times = [("begin", view.not_before), ("end", view.not_after)];
            let wrong =
                times.iter().filter(|(_, time)| time.tag == GENERALIZED_TIME && time.moment().is_some_and(early));
            wrong.map(|(which, time)| format!("its {which} `{}` must be a UTCTime", time.show())).collect()
        },
    ),
    certificate(
        "validity-825-days",
        Error,
        "a server's certificate lives longer than 825 days",
        "Apple systems since iOS 13 and macOS 10.15, also of private CAs",
        "Apple HT210176",
        |view, _| {
            let days = server_days(view, APPLE).filter(|&days| days > 825);
            days.map(|days| format!("it lives {days} days")).into_iter().collect()
        },
    ),
    certificate(
        "validity-398-days",
        Notice,
        "a server's certificate lives longer than 398 days",
        "browsers, of public CAs only",
        "BR §6.3.2 (200 days since March 2026)",
        |view, _| {
            let days = server_days(view, FORUM).filter(|&days| days > 398 && days <= 825);
            days.map(|days| format!("it lives {days} days")).into_iter().collect()
        },
    ),
    certificate(
        "signature-mismatch",
        Error,
        "the two places that name the signature algorithm disagree",
        "Go (\"inner and outer signature algorithm identifiers don't match\"), openssl",
        "RFC 5280 §4.1.1.2",
        |view, _| {
            when(
                view.inner_algorithm != view.outer_algorithm,
                "the signature algorithm within it is another than beside it",
            )
        },
    ),
    certificate(
        "signature-md5",
        Error,
        "it is signed with MD5 or MD2",
        "everybody: forgeries have been made",
        "RFC 6151, BR §7.1.3.2",
        |view, context| {
            when(
                !context.self_signed && matches!(view.signature.as_slice(), [1, 2, 840, 113_549, 1, 1, 2..=4]),
                "it is signed with MD5 or MD2",
            )
        },
    ),
    certificate(
        "signature-sha1",
        Error,
        "it is signed with SHA-1",
        "Go since 1.18 (\"insecure algorithm\"), openssl at security level 1, browsers",
        "RFC 9155, BR §7.1.3.2",
        // Nobody checks a root's own signature.
        |view, context| {
            let sha1 = [&[1, 2, 840, 113_549, 1, 1, 5][..], &[1, 2, 840, 10_045, 4, 1], &[1, 2, 840, 10_040, 4, 3]];
            let what = format!("it is signed with SHA-1 ({})", dotted(&view.signature));
            when(!context.self_signed && sha1.contains(&view.signature.as_slice()), what)
        },
    ),
];

const PRINTABLE_STRING: u8 = 0x13;

fn both<'v, 'a>(view: &'v View<'a>) -> Vec<(&'static str, &'v Name<'a>)> {
    let mut names = vec![("subject", &view.subject)];
    if !view.is_self_issued() {
        names.push(("issuer", &view.issuer));
    }
    names
}

fn life(view: &View<'_>) -> Option<time::Duration> {
    Some(view.not_after.moment()? - view.not_before.moment()?)
}

/// When Apple's rule and that of the CA/Browser Forum began.
const APPLE: OffsetDateTime = datetime!(2019-07-01 0:00 UTC);
const FORUM: OffsetDateTime = datetime!(2020-09-01 0:00 UTC);

/// Days that a server's certificate lives which was issued since.
fn server_days(view: &View<'_>, since: OffsetDateTime) -> Option<u64> {
    let issued = view.not_before.moment().filter(|&begin| begin >= since)?;
    let life = Duration::try_from(view.not_after.moment()? - issued).ok()?;
    // The last second counts.
    (view.is_server() && !view.is_self_issued()).then(|| (life.as_secs() + 86_400) / 86_400)
}
