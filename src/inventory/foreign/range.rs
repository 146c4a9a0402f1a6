//! Several names in one, as Ansible writes them: `node[01:03]`, `db-[a:c].example.com`, `n[1:9:2]`.

/// More names than this in one pattern are refused.
const MOST: usize = 10_000;

/// The names that a pattern stands for, in order.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = pattern.split_once('[') else { return Ok(vec![pattern.to_owned()]) };
    let (inside, after) = rest.split_once(']').ok_or("has a `[` without its `]`")?;
    let pieces = pieces(inside)?;
    let tails = expand(after)?;
    if pieces.len().saturating_mul(tails.len()) > MOST {
        return Err(format!("stands for more than {MOST} names"));
    }
    Ok(pieces.iter().flat_map(|piece| tails.iter().map(move |tail| format!("{before}{piece}{tail}"))).collect())
}

fn pieces(range: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("has `[{range}]`, which is no range: write `[01:03]` or `[a:c]`");
    let mut parts = range.split(':');
    let (first, last) = parts.next().zip(parts.next()).ok_or_else(wrong)?;
    let step = parts.next().map_or(Ok(1), str::parse::<usize>).ok().filter(|step| *step > 0).ok_or_else(wrong)?;
    if parts.next().is_some() {
        return Err(wrong());
    }
    if let (Ok(from), Ok(to)) = (if first.is_empty() { "0" } else { first }.parse::<usize>(), last.parse::<usize>()) {
        let width = if first.starts_with('0') { first.len() } else { 0 };
        if from > to || (to - from) / step >= MOST {
            return Err(wrong());
        }
        return Ok((from..=to).step_by(step).map(|n| format!("{n:0width$}")).collect());
    }
    match (letter(first), letter(last)) {
        (Some(from), Some(to)) if from <= to => {
            Ok((from..=to).step_by(step).map(|c| char::from(c).to_string()).collect())
        }
        _ => Err(wrong()),
    }
}

fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [one] if one.is_ascii_alphabetic() => Some(*one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_ansible() {
        let names = |pattern: &str| expand(pattern).unwrap().join(" ");
        assert_eq!(names("node[01:03]"), "node01 node02 node03");
        assert_eq!(names("node[8:10]"), "node8 node9 node10");
        assert_eq!(names("n[1:7:3].example.com"), "n1.example.com n4.example.com n7.example.com");
        assert_eq!(names("r[a:b]-[1:2]"), "ra-1 ra-2 rb-1 rb-2");
        assert_eq!(names("plain"), "plain");
        for bad in ["n[1:3", "n[3:1]", "n[1]", "n[a:3]", "n[1:2:0]", "n[1:2:3:4]", "n[0:99999]", "n[1:9999][1:9999]"] {
            assert!(expand(bad).is_err(), "{bad}");
        }
    }
}
