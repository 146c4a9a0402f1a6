//! When a certificate is valid, and how a time is written.

use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use yasna::DERWriter;
use yasna::models::TaggedDerValue;
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};

use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::pki::rules::Rules;

/// From when until when, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Validity {
    /// The first moment.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// The last moment.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// Refuses an end before the beginning.
    pub fn new(not_before: OffsetDateTime, not_after: OffsetDateTime) -> Result<Self> {
        if not_after <= not_before {
            let (begin, end) = (day_and_minute(not_before), day_and_minute(not_after));
            return Err(Error::pki(format!("the certificate would end ({end}) before it begins ({begin})")));
        }
        if not_before.year() < 1950 {
            return Err(Error::pki("the certificate would begin before 1950, which X.509 cannot write")
                .hint("shorten the backdate, or begin later"));
        }
        if not_after.year() > 9999 {
            return Err(beyond_9999());
        }
        Ok(Validity { not_before, not_after })
    }

    /// It must end with its CA. One that would outlive the CA by at most 1 % of its life is cut to the CA's end: a CA and
    /// its certificates often have the same life, and a CA is made first. That is said where it is more than a trifle.
    pub fn within(self, ca: &Validity, rules: Rules, warnings: &mut Vec<String>) -> Result<Self> {
        let excess = self.not_after - ca.not_after;
        if !excess.is_positive() {
            return Ok(self);
        }
        let (ca_end, end) = (day_and_minute(ca.not_after), day_and_minute(self.not_after));
        let trifle = self.outlives_by_a_trifle(ca);
        if rules == Rules::Lenient || excess * 100 > self.not_after - self.not_before {
            let doubt = Error::pki(format!("the certificate would end {end}, after its CA, which ends {ca_end}"))
                .hint("shorten the profile's expiry, or renew the CA");
            let done = format!(
                "the certificate ends {end}, after its CA, which ends {ca_end}: from then on it is refused (shorten the \
                 profile's expiry, or renew the CA)"
            );
            let mut said = Vec::new();
            rules.doubt_or(doubt, done, &mut said)?;
            warnings.extend(said.into_iter().filter(|_| !trifle));
            return Ok(self);
        }
        warnings.extend((!trifle).then(|| format!("the certificate ends with its CA, {ca_end}, and not {end}")));
        Validity::new(self.not_before, ca.not_after)
    }

    /// By at most an hour, and a thousandth of its life: nobody plans by that.
    pub(crate) fn outlives_by_a_trifle(&self, ca: &Validity) -> bool {
        let excess = self.not_after - ca.not_after;
        excess.is_positive() && excess <= time::Duration::HOUR && excess * 1000 <= self.not_after - self.not_before
    }

    /// What is wrong with a certificate that has expired when it is made; and the same once it is made.
    pub(crate) fn ended(&self, now: OffsetDateTime) -> Option<(Error, String)> {
        let end = day_and_minute(self.not_after);
        let hint = "an expiry counts from the backdated beginning, five minutes ago if nothing else is said";
        (self.not_after <= now).then(|| {
            let doubt = Error::pki(format!("the certificate would have expired when it is made ({end})")).hint(hint);
            (doubt, format!("the certificate has expired already, on {end} ({hint})"))
        })
    }

    /// The time lies in it.
    pub fn contains(&self, now: OffsetDateTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// `2026-11-21 09:55 UTC`, for messages.
pub(crate) fn day_and_minute(time: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    time.to_offset(time::UtcOffset::UTC).format(form).unwrap_or_else(|_| time.unix_timestamp().to_string())
}

/// Now rounded to the minute as Go rounds (half up), less the backdate; none and zero mean five minutes.
pub(crate) fn backdated(now: OffsetDateTime, backdate: Option<Lifetime>) -> Result<OffsetDateTime> {
    let seconds = now.unix_timestamp();
    let rounded = (seconds + 30).div_euclid(60) * 60;
    let five_minutes = time::Duration::minutes(5);
    let backdate = backdate.filter(|b| !b.is_zero()).map_or(five_minutes, Lifetime::duration);
    let rounded = OffsetDateTime::from_unix_timestamp(rounded).ok();
    rounded.and_then(|r| r.checked_sub(backdate)).ok_or_else(|| Error::pki("the backdate reaches beyond time"))
}

pub(crate) fn beyond_9999() -> Error {
    Error::pki("the certificate would end after the year 9999, which X.509 cannot write").hint("shorten the expiry")
}

/// UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5).
pub(crate) fn write_time(writer: DERWriter<'_>, time: OffsetDateTime) {
    let utc = time.to_offset(UtcOffset::UTC);
    let (year, month) = (utc.year(), u8::from(utc.month()));
    let rest = format!("{month:02}{:02}{:02}{:02}{:02}Z", utc.day(), utc.hour(), utc.minute(), utc.second());
    let (tag, text) = match year {
        1950..2050 => (TAG_UTCTIME, format!("{:02}{rest}", year % 100)),
        _ => (TAG_GENERALIZEDTIME, format!("{year:04}{rest}")),
    };
    writer.write_tagged_der(&TaggedDerValue::from_tag_and_bytes(tag, text.into_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trifle_after_the_ca_is_not_spoken_of() {
        use time::macros::datetime;
        let begin = datetime!(2026-11-21 10:00 UTC);
        let ca = Validity::new(begin, datetime!(2126-11-21 10:00 UTC)).unwrap();
        let said = |begin, end, rules| {
            let mut warnings = Vec::new();
            let made = Validity::new(begin, end).unwrap().within(&ca, rules, &mut warnings);
            made.map_or_else(|e| e.message, |_| warnings.join("\n"))
        };
        let (minute, year) = (datetime!(2126-11-21 10:01 UTC), datetime!(2127-11-21 10:00 UTC));
        assert_eq!(said(begin, minute, Rules::Lenient), "");
        assert_eq!(said(begin, minute, Rules::Strict), "");
        insta::assert_snapshot!(said(begin, year, Rules::Lenient), @"the certificate ends 2127-11-21 10:00 UTC, after its CA, which ends 2126-11-21 10:00 UTC: from then on it is refused (shorten the profile's expiry, or renew the CA)");
        insta::assert_snapshot!(said(begin, datetime!(2127-02-21 10:00 UTC), Rules::Strict), @"the certificate ends with its CA, 2126-11-21 10:00 UTC, and not 2127-02-21 10:00 UTC");
        insta::assert_snapshot!(said(datetime!(2120-11-21 10:00 UTC), year, Rules::Strict), @"the certificate would end 2127-11-21 10:00 UTC, after its CA, which ends 2126-11-21 10:00 UTC");
        // A minute is much of an hour.
        assert_ne!(said(datetime!(2126-11-21 9:01 UTC), minute, Rules::Lenient), "");
    }

    #[test]
    fn times_take_the_form_of_their_century() {
        use time::macros::datetime;
        let text = |time| String::from_utf8(yasna::construct_der(|w| write_time(w, time))[2..].to_vec()).unwrap();
        assert_eq!(text(datetime!(2049-12-31 23:59:59 UTC)), "491231235959Z");
        assert_eq!(text(datetime!(2050-01-01 00:00:00 UTC)), "20500101000000Z");
        assert_eq!(text(datetime!(2026-01-01 01:00:00 +2)), "251231230000Z");
    }
}
