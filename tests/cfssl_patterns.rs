//! A profile's `name_whitelist` means what it means to Go.

use kbootstrap::pki::NameWhitelist;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::cfssl_both::{Whose, go_ok, ok, sh};
use crate::pki_tools::Folder;

const TEXTS: [&str; 16] =
    ["", "a", "ab", "aab", "b", "c", "A", "é", "Жa", "a.b", "a-b", "[x]", "a&&b", "{,2}", "7 x", "\u{17f}\n^"];

/// What Go's compiler and matcher say of made-up patterns. What this one refuses must be a pattern that it has words for.
#[test]
fn made_up_patterns_match_as_with_go() {
    let item = r"(a|b|x|é|\.|-|&&|--|~~|\^|\$|\[|\]|\(|\)|\||\{|\}|,|2|1|:|\*|\+|\?|\?i|\(\?i\)|\(\?:|\(\?-s:|\\w|\\W|\\d|\\s|\\S|\\b|\\B|\\pL|\\PL|\\Q|\\E|\\A|\\z|\\x41|\\7|\\-|\[:alpha:\]|\[\^|\[a-|\{2,3\}|\{1\})";
    let strategy = proptest::string::string_regex(&format!("{item}{{1,9}}")).unwrap();
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let patterns: Vec<_> = (0..20_000).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let folder = Folder::new();
    let lines: Vec<Vec<&str>> = patterns.iter().map(|p| std::iter::once(p.as_str()).chain(TEXTS).collect()).collect();
    folder.write("patterns.json", serde_json::to_string(&lines).unwrap());
    let answers = go_ok(&folder, "match patterns.json");
    let (mut wrong, mut read) = (Vec::new(), 0);
    for (pattern, theirs) in patterns.iter().zip(answers.lines()) {
        let ours = match NameWhitelist::new(pattern) {
            Ok(list) => TEXTS.map(|text| if list.allows(text) { "y" } else { "n" }).concat(),
            Err(e) if e.details.iter().any(|d| d.contains("further to the left")) => continue,
            Err(_) => "error".to_owned(),
        };
        read += usize::from(ours != "error");
        if ours != theirs {
            wrong.push(format!("{pattern}: {ours}, Go says {theirs}"));
        }
    }
    assert!(wrong.is_empty() && read > 3000, "{read} read\n{}", wrong.join("\n"));
}

#[test]
fn the_real_one_signs_and_refuses_the_same_names() {
    let folder = Folder::new();
    folder.write("ca.json", r#"{"CN":"ca"}"#);
    ok(&folder, "cfssl gencert -initca ca.json | cfssljson -bare ca");
    for (pattern, name, allowed) in [
        (r"^\w+$", "Жук", false),
        (r"^\w+$", "a_1", true),
        (r"^[a&&b]+$", "a&b", true),
        (r"^\Qa.b\E$", "a.b", true),
        (r"^a{$", "a{", true),
        (r"a**", "a", false),
        (r"(?x)a", "a", false),
    ] {
        let profile = serde_json::json!({"usages": ["any"], "expiry": "1h", "name_whitelist": pattern});
        folder.write("config.json", serde_json::json!({"signing": {"default": profile}}).to_string());
        folder.write("x.json", serde_json::json!({"CN": name}).to_string());
        let line = "cfssl gencert -ca ca.pem -ca-key ca-key.pem -config config.json x.json";
        for whose in [Whose::Ours, Whose::Theirs] {
            let ran = sh(&folder, whose, line);
            assert_eq!(ran.code == 0, allowed, "{whose:?} {pattern} {name}: {ran:#?}");
        }
    }
}
