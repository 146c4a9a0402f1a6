//! A profile's `name_whitelist` means what it means to Go.

use kbootstrap::pki::NameWhitelist;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::cfssl_both::{Whose, go_ok, ok, sh};
use crate::pki_tools::Folder;

const TEXTS: [&str; 16] =
    ["", "a", "ab", "aab", "b", "c", "A", "é", "Жa", "a.b", "a-b", "[x]", "a&&b", "{,2}", "7 x", "\u{17f}\n^"];

/// Patterns as people write them.
const ORDINARY: [&str; 24] = [
    "example",
    r"^ok$",
    r"\.test$|^leaf$",
    r"^[a-z.]+\.test$",
    r"^[a-z0-9-]+$",
    r"^[a-zA-Z0-9_.-]*$",
    r"^\w+$",
    r"^[\w.-]+@example\.(org|com)$",
    r"^(?:[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.)+example\.com$",
    r"(?i)^WWW\.",
    r"^node-\d{1,3}$",
    r"^system:node:[^:]+$",
    r"^etcd-[0-9]+\.etcd\.svc(\.cluster\.local)?$",
    r"^https://[^/ ]+/.*$",
    r"^\*\.example\.com$",
    r"^.+\.internal$",
    r"^(a|b|c)\b",
    r"^[[:alnum:]-]+$",
    r"^[^@\s]+@[^@\s]+$",
    r"^\pL[\pL ]*$",
    r"\Ahost\z",
    r"^a{2,5}?$",
    r"^(?P<host>[a-z]+)$",
    "^$",
];

/// What Go's compiler and matcher say, line by line, of patterns and [`TEXTS`].
fn go_says(patterns: &[impl AsRef<str>]) -> Vec<String> {
    let folder = Folder::new();
    let lines: Vec<Vec<&str>> = patterns.iter().map(|p| std::iter::once(p.as_ref()).chain(TEXTS).collect()).collect();
    folder.write("patterns.json", serde_json::to_string(&lines).unwrap());
    go_ok(&folder, "match patterns.json").lines().map(str::to_owned).collect()
}

fn ours(pattern: &str) -> kbootstrap::error::Result<String> {
    NameWhitelist::new(pattern).map(|list| TEXTS.map(|text| if list.allows(text) { "y" } else { "n" }).concat())
}

/// What is accepted of made-up patterns matches as with Go; most of what Go accepts is.
#[test]
fn made_up_patterns_match_as_with_go_or_are_refused() {
    let item = r"(a|b|x|é|\.|-|&&|--|~~|\^|\$|\[|\]|\(|\)|\||\{|\}|,|2|1|:|\*|\+|\?|\?i|\(\?i\)|\(\?:|\(\?-s:|\\w|\\W|\\d|\\s|\\S|\\b|\\B|\\pL|\\PL|\\Q|\\E|\\A|\\z|\\x41|\\7|\\-|\[:alpha:\]|\[\^|\[a-|\{2,3\}|\{1\})";
    let strategy = proptest::string::string_regex(&format!("{item}{{1,9}}")).unwrap();
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let patterns: Vec<_> = (0..20_000).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let (mut wrong, mut accepted, mut of) = (Vec::new(), 0, 0);
    for (pattern, theirs) in patterns.iter().zip(go_says(&patterns)) {
        of += usize::from(theirs != "error");
        let Ok(ours) = ours(pattern) else { continue };
        accepted += 1;
        if ours != theirs {
            wrong.push(format!("{pattern}: {ours}, Go says {theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted * 4 > of * 3, "{accepted} accepted of {of} that Go accepts");
}

#[test]
fn ordinary_patterns_are_accepted_and_match_as_with_go() {
    for (pattern, theirs) in ORDINARY.iter().zip(go_says(&ORDINARY)) {
        assert_eq!(ours(pattern).unwrap_or_else(|e| panic!("{pattern}: {e:?}")), theirs, "{pattern}");
    }
}

#[test]
fn the_real_one_signs_and_refuses_the_same_names() {
    let folder = Folder::new();
    folder.write("ca.json", r#"{"CN":"ca"}"#);
    ok(&folder, "cfssl gencert -initca ca.json | cfssljson -bare ca");
    // Whether the real one signs, and whether this one does: what two languages read differently is refused.
    for (pattern, name, theirs, ours) in [
        (r"^\w+$", "Жук", false, false),
        (r"^\w+$", "a_1", true, true),
        (r"^[a&b]+$", "a&b", true, true),
        (r"^[a&&b]+$", "a&b", true, false),
        (r"^a\.b$", "a.b", true, true),
        (r"^\Qa.b\E$", "a.b", true, false),
        (r"^a\{$", "a{", true, true),
        (r"^a{$", "a{", true, false),
        (r"a**", "a", false, false),
        (r"(?x)a", "a", false, false),
    ] {
        let profile = serde_json::json!({"usages": ["any"], "expiry": "1h", "name_whitelist": pattern});
        folder.write("config.json", serde_json::json!({"signing": {"default": profile}}).to_string());
        folder.write("x.json", serde_json::json!({"CN": name}).to_string());
        let line = "cfssl gencert -ca ca.pem -ca-key ca-key.pem -config config.json x.json";
        for whose in [Whose::Ours, Whose::Theirs] {
            let allowed = if whose == Whose::Ours { ours } else { theirs };
            let ran = sh(&folder, whose, line);
            assert_eq!(ran.code == 0, allowed, "{whose:?} {pattern} {name}: {ran:#?}");
        }
    }
}
