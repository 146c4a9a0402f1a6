//! Versions of Debian's packages and their order (deb-version(7), Debian policy 5.6.12).

use std::cmp::Ordering;

/// Which of two versions is the newer one.
pub fn compare(a: &str, b: &str) -> Ordering {
    let ((a_epoch, a_upstream, a_revision), (b_epoch, b_upstream, b_revision)) = (parts(a), parts(b));
    let numbers = |a: &str, b: &str| number(a).cmp(&number(b));
    numbers(a_epoch, b_epoch).then_with(|| part(a_upstream, b_upstream)).then_with(|| part(a_revision, b_revision))
}

/// Epoch, upstream version and revision.
fn parts(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    (epoch, upstream, revision)
}

/// A number of any length, without its leading zeros: longer is larger.
fn number(digits: &str) -> (usize, &str) {
    let digits = digits.trim_start_matches('0');
    (digits.len(), digits)
}

/// Text and numbers by turns: text by its letters, where a tilde is less than the end, and letters are less than the rest.
fn part(mut a: &str, mut b: &str) -> Ordering {
    let split = |text: &str, is: fn(u8) -> bool| text.bytes().position(|byte| !is(byte)).unwrap_or(text.len());
    loop {
        let (a_text, b_text) = (split(a, |byte| !byte.is_ascii_digit()), split(b, |byte| !byte.is_ascii_digit()));
        let order = words(&a.as_bytes()[..a_text], &b.as_bytes()[..b_text]);
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (&a[a_text..], &b[b_text..]);
        let (a_digits, b_digits) = (split(a, |byte| byte.is_ascii_digit()), split(b, |byte| byte.is_ascii_digit()));
        let order = number(&a[..a_digits]).cmp(&number(&b[..b_digits]));
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (&a[a_digits..], &b[b_digits..]);
        if a.is_empty() && b.is_empty() {
            return Ordering::Equal;
        }
    }
}

fn words(a: &[u8], b: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let longest = a.len().max(b.len());
    (0..longest)
        .map(|at| weight(a.get(at)).cmp(&weight(b.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// Each less than the one behind it.
    const ORDER: [&str; 20] = [
        "0~~",
        "0~",
        "0",
        "0-1",
        "1.0~beta1~svn1245",
        "1.0~beta1",
        "1.0",
        "1.0-1",
        "1.0-1+deb12u1",
        "1.0-1+deb12u2",
        "1.0-1+deb12u10",
        "1.0-1.1",
        "1.0a",
        "1.0+dfsg",
        "1.2.3",
        "1.10",
        "1.010.1",
        "2.6.12-1+deb12u2",
        "3.0.11-1~deb12u2",
        "1:0.1",
    ];

    #[test]
    fn versions_are_ordered_as_the_policy_says() {
        for (at, a) in ORDER.iter().enumerate() {
            for (other, b) in ORDER.iter().enumerate() {
                assert_eq!(compare(a, b), at.cmp(&other), "{a} and {b}");
            }
        }
        assert_eq!(compare("1.0", "1.0-0"), Ordering::Equal);
        assert_eq!(compare("0:1.00", "1.0"), Ordering::Equal);
        assert_eq!(compare("1.00000000000000000000000000001", "1.99999999999999999999999999999"), Ordering::Less);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn dpkg_orders_them_the_same(a in "([0-2]:)?[0-9][0-9a-b.+~]{0,6}(-[0-9a-b.+~]{1,4})?", b in "([0-2]:)?[0-9][0-9a-b.+~]{0,6}(-[0-9a-b.+~]{1,4})?") {
            let says = |relation: &str| {
                let status = Command::new("dpkg").args(["--compare-versions", &a, relation, &b]).status().unwrap();
                status.success()
            };
            let dpkg = if says("lt") { Ordering::Less } else if says("gt") { Ordering::Greater } else { Ordering::Equal };
            prop_assert_eq!(compare(&a, &b), dpkg, "{} and {}", a, b);
        }
    }
}
