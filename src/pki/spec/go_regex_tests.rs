use super::*;
use proptest::prelude::*;
use regex::Regex;

fn matches(pattern: &str, text: &str) -> bool {
    let translated = translate(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
    Regex::new(&translated).unwrap_or_else(|e| panic!("{pattern}: {translated}: {e}")).is_match(text)
}

/// Go 1.24 says the same of each of these.
#[test]
fn means_what_go_means() {
    for (pattern, yes, no) in [
        (r"^\w+$", "a_1", "Жук"),
        (r"^\d$", "7", "٧"),
        (r"^\s$", "\t", "\u{a0}"),
        (r"^\W\D\S$", "Ж٧\u{a0}", "a7 "),
        (r"\bЖ", "aЖ", "Ж"),
        (r"a\B", "ab", "aЖ"),
        (r"^[a&&b]+$", "a&b", "c"),
        (r"^[a-z--x]+$", "b-x", "+"),
        (r"^[a[x]]$", "[]", "a"),
        (r"^[~~a]$", "~", "b"),
        (r"^[]a]$", "]", "b"),
        (r"^[^]a]$", "b", "]"),
        (r"^[a-]$", "-", "b"),
        (r"^[\d-z]$", "-", "a"),
        (r"^[[:alpha:]\]]$", "]", "1"),
        (r"^[[:^alpha:]]$", "1", "a"),
        (r"^[\w.]+$", "a.b", "é"),
        (r"^\Qa.b*\E*$", "a.b**", "aabb"),
        (r"^\Q[x", "[x", "x"),
        (r"^a+\Q\E*$", "", "b"),
        (r"^a{$", "a{", "a"),
        (r"^x{,2}$", "x{,2}", "xx"),
        (r"^x{01}$", "x{01}", "x"),
        (r"^a]}$", "a]}", "a"),
        (r"^(?i)\w$", "\u{17f}", "é"),
        (r"^(?i:a)b$", "Ab", "AB"),
        (r"^((?i)a|b)c$", "Bc", "BC"),
        (r"(?im-s)^a.$", "x\nAb", "xAb"),
        (r"^(?i-i)a$", "a", "A"),
        (r"^(?)(?P<x>a)(?<y>b)$", "ab", "a"),
        (r"^\101\x42\x{0000043}\07$", "ABC\u{7}", "abc"),
        (r"^\_\-\/$", "_-/", "a"),
        (r"^\pL\p{^Greek}\P{Greek}$", "aЖb", "aγb"),
        (r"^\p{C}$", "\u{1}", "\u{378}"),
        (r"^[^\p{Cs}\PL]$", "a", "1"),
        (r"^(a|)*?b{2,3}?$", "aabb", "aab"),
        (r"\A(a{10}){100}\z", &"a".repeat(1000), "a"),
        (r"^*a", "ba", "b"),
    ] {
        assert!(matches(pattern, yes), "{pattern} matches {yes:?}");
        assert!(!matches(pattern, no), "{pattern} does not match {no:?}");
    }
}

#[test]
fn refuses_what_go_refuses_and_what_it_cannot_say() {
    for pattern in [
        "a**",
        "a*+",
        "a{2}{3}",
        "*a",
        "(*)",
        "a|*",
        "(?x)",
        "(?=a)",
        "(?P=a)",
        "(?P<a",
        "(?<1-a>)",
        "(?<a>)(?<a>)",
        "(?-)",
        "(?i--s)",
        "(",
        ")",
        "a)",
        "[",
        "[]",
        "[a",
        "[b-a]",
        "[[:foo:]]",
        r"[a-\d]",
        r"[\",
        r"\",
        r"\1",
        r"\8",
        r"\C",
        r"\Z",
        r"\G",
        r"\e",
        r"\é",
        r"\x",
        r"\x4",
        r"\xg0",
        r"\x{}",
        r"\x{110000}",
        r"\x{1 }",
        r"\p",
        r"\p{L",
        r"\p{greek}",
        r"\p{Alphabetic}",
        r"\p{Grek}",
        "x{1001}",
        "x{2,1}",
        "x{1,99999999999}",
        "((a{11}){10}){10}",
        "(?i)*",
        // Of these Go has a reading.
        "a(?i)*",
        r"\x{D800}",
        r"[\x{D7FF}-\x{DFFF}]",
    ] {
        assert!(translate(pattern).is_err(), "{pattern} {:?}", translate(pattern));
    }
    insta::assert_snapshot!(translate(r"^(a\d)**").unwrap_err(), @"`*` stands after another repetition");
    insta::assert_snapshot!(translate(r"\p{greek}").unwrap_err(), @r"there is no class `\p{greek}`");
    insta::assert_snapshot!(translate(r"^[a&&\w]\.$").unwrap(), @r"^[\x{61}-\x{61}\x{26}-\x{26}\x{26}-\x{26}[0-9A-Za-z_]]\x{2E}$");
}

#[test]
fn every_named_class_is_there() {
    for name in CATEGORIES.iter().chain(&SCRIPTS).chain(&["Any", "C", "Cs"]) {
        assert!(!matches(&format!(r"^\p{{{name}}}\P{{{name}}}{{2}}$"), "a"), "{name}");
    }
    for name in POSIX {
        assert!(!matches(&format!("^[[:{name}:]][[:^{name}:]]$"), "a"), "{name}");
    }
}

proptest! {
    /// What is translated is a regular expression of the other syntax.
    #[test]
    fn never_panics_and_is_always_understood(pattern in r"(\(\?|[\[\](){}|*+?.^$\\:<>,&~a-cimsxwdbpPQE0-9é\-]|\[:|:\]){0,16}") {
        if let Ok(translated) = translate(&pattern) {
            prop_assert!(Regex::new(&translated).is_ok(), "{pattern} {translated}");
        }
    }
}
