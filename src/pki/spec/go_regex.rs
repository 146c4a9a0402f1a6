//! Go's regular expressions (RE2 syntax) for the `regex` crate, by an allow-list: what both read alike is taken as it
//! is, `\w` and its like are written as the ASCII classes that they are in Go, and everything else is refused with its
//! reason. A whitelist must not match other names than its author meant.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassPerlKind, ClassSetBinaryOp, ClassSetItem, ClassUnicode, ClassUnicodeKind, Flag,
    Flags, FlagsItemKind, GroupKind, HexLiteralKind, Literal, LiteralKind, Repetition, RepetitionKind, RepetitionRange,
    Span,
};

/// The most that Go repeats, also by repetitions in repetitions.
const MOST: u32 = 1000;

/// The general categories that mean the same to both.
const CATEGORIES: &str =
    " Cc Cf Co L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";

/// The same pattern for the `regex` crate; or which part of it is refused, and why.
pub(crate) fn translate(pattern: &str) -> Result<String, String> {
    let reading = Reading { pattern, out: String::new(), copied: 0, times: vec![1] };
    let tree = Parser::new().parse(pattern).map_err(|e| reading.refusal(e.span(), &e.kind().to_string()))?;
    ast::visit(&tree, reading)
}

struct Reading<'a> {
    pattern: &'a str,
    out: String,
    /// How much of the pattern is in `out`.
    copied: usize,
    /// What the repetitions around the present place multiply to, outermost first.
    times: Vec<u32>,
}

impl Reading<'_> {
    fn refusal(&self, span: &Span, why: &str) -> String {
        let text = self.pattern.get(span.start.offset..span.end.offset).unwrap_or_default();
        let text = if text.is_empty() { String::new() } else { format!("`{text}` ") };
        format!("{text}at character {}: {why}", span.start.column)
    }

    /// Puts `text` in the place of a part.
    fn replace(&mut self, span: &Span, text: &str) -> Result<(), String> {
        self.out.push_str(&self.pattern[self.copied..span.start.offset]);
        self.out.push_str(text);
        self.copied = span.end.offset;
        Ok(())
    }

    fn literal(&self, literal: &Literal) -> Result<(), String> {
        match literal.kind {
            LiteralKind::Verbatim | LiteralKind::Meta | LiteralKind::Superfluous | LiteralKind::Special(_) => Ok(()),
            LiteralKind::HexFixed(HexLiteralKind::X) | LiteralKind::HexBrace(HexLiteralKind::X) => Ok(()),
            _ => Err(self.refusal(&literal.span, r"Go has no such escape; write `\x{…}`")),
        }
    }

    fn flags(&self, flags: &Flags) -> Result<(), String> {
        let unknown = |kind: &FlagsItemKind| {
            matches!(kind, FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace))
        };
        match flags.items.iter().find(|item| unknown(&item.kind)) {
            Some(item) => Err(self.refusal(&item.span, "Go knows the flags i, m, s and U only")),
            None => Ok(()),
        }
    }

    fn perl(&mut self, class: &ast::ClassPerl) -> Result<(), String> {
        let not = if class.negated { "^" } else { "" };
        let members = match class.kind {
            ClassPerlKind::Digit => "0-9",
            ClassPerlKind::Space => r"\t\n\x0C\r ",
            ClassPerlKind::Word => "0-9A-Za-z_",
        };
        self.replace(&class.span, &format!("[{not}{members}]"))
    }

    fn unicode(&mut self, class: &ClassUnicode) -> Result<(), String> {
        let name = match &class.kind {
            ClassUnicodeKind::OneLetter(letter) => letter.to_string(),
            ClassUnicodeKind::Named(name) => name.clone(),
            ClassUnicodeKind::NamedValue { .. } => String::new(),
        };
        if name.contains(' ') || !CATEGORIES.contains(&format!(" {name} ")) {
            let why = "of Unicode's classes only general categories are taken, such as `\\pL` or `\\p{Lu}`";
            return Err(self.refusal(&class.span, why));
        }
        self.replace(&class.span, &format!(r"\{}{{gc={name}}}", if class.negated { 'P' } else { 'p' }))
    }

    fn repetition(&mut self, repetition: &Repetition) -> Result<(), String> {
        let span = &repetition.op.span;
        if matches!(*repetition.ast, Ast::Repetition(_)) {
            return Err(self.refusal(span, "Go refuses a repetition right after another one; put the first in `(?:…)`"));
        }
        let (most, text) = match &repetition.op.kind {
            RepetitionKind::Range(RepetitionRange::Exactly(n)) => (*n, format!("{{{n}}}")),
            RepetitionKind::Range(RepetitionRange::AtLeast(n)) => (*n, format!("{{{n},}}")),
            RepetitionKind::Range(RepetitionRange::Bounded(low, high)) => (*high, format!("{{{low},{high}}}")),
            _ => (1, String::new()),
        };
        if !self.pattern[span.start.offset..].starts_with(&text) {
            return Err(self.refusal(span, r"Go reads blanks and leading zeros here as text; escape the brace: `\{`"));
        }
        let times = self.times.last().unwrap_or(&1).saturating_mul(most.max(1));
        if times > MOST {
            return Err(self.refusal(span, "Go refuses more than 1000 repetitions, those around it multiplied"));
        }
        self.times.push(times);
        Ok(())
    }
}

impl ast::Visitor for Reading<'_> {
    type Output = String;
    type Err = String;

    fn finish(self) -> Result<String, String> {
        Ok(self.out + &self.pattern[self.copied..])
    }

    fn visit_pre(&mut self, node: &Ast) -> Result<(), String> {
        match node {
            Ast::Empty(_) | Ast::Dot(_) | Ast::Alternation(_) | Ast::Concat(_) | Ast::ClassBracketed(_) => Ok(()),
            Ast::Flags(set) => self.flags(&set.flags),
            Ast::Literal(literal) => self.literal(literal),
            Ast::ClassPerl(class) => self.perl(class),
            Ast::ClassUnicode(class) => self.unicode(class),
            Ast::Repetition(repetition) => self.repetition(repetition),
            Ast::Group(group) => match &group.kind {
                GroupKind::CaptureIndex(_) => Ok(()),
                GroupKind::NonCapturing(flags) => self.flags(flags),
                GroupKind::CaptureName { name, .. } => {
                    let is_word = name.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                    let why = "Go names groups with ASCII letters, digits and `_`";
                    if is_word { Ok(()) } else { Err(self.refusal(&name.span, why)) }
                }
            },
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine | AssertionKind::EndLine => Ok(()),
                AssertionKind::StartText | AssertionKind::EndText => Ok(()),
                AssertionKind::WordBoundary => self.replace(&assertion.span, r"(?-u:\b)"),
                AssertionKind::NotWordBoundary => self.replace(&assertion.span, r"(?-u:\B)"),
                _ => Err(self.refusal(&assertion.span, "Go has no such assertion")),
            },
        }
    }

    fn visit_post(&mut self, node: &Ast) -> Result<(), String> {
        if matches!(node, Ast::Repetition(_)) {
            self.times.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), String> {
        match item {
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) => Ok(()),
            ClassSetItem::Literal(literal) => self.literal(literal),
            ClassSetItem::Range(range) => self.literal(&range.start).and_then(|()| self.literal(&range.end)),
            ClassSetItem::Perl(class) => self.perl(class),
            ClassSetItem::Unicode(class) => self.unicode(class),
            ClassSetItem::Bracketed(class) => {
                Err(self.refusal(&class.span, r"in a class Go reads `[` as a character; escape it: `\[`"))
            }
            ClassSetItem::Union(union) => {
                let inner = union.items.get(1..union.items.len().saturating_sub(1)).unwrap_or_default();
                let dash = |item: &&ClassSetItem| matches!(item, ClassSetItem::Literal(l) if l.c == '-' && l.kind == LiteralKind::Verbatim);
                match inner.iter().find(dash) {
                    Some(item) => {
                        Err(self
                            .refusal(item.span(), r"in the middle of a class it may be a range to Go; escape it: `\-`"))
                    }
                    None => Ok(()),
                }
            }
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, op: &ClassSetBinaryOp) -> Result<(), String> {
        Err(self.refusal(&op.span, "in a class Go reads `&&`, `--` and `~~` as characters; escape them"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn matches(pattern: &str, text: &str) -> bool {
        let translated = translate(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        Regex::new(&translated).unwrap_or_else(|e| panic!("{pattern}: {translated}: {e}")).is_match(text)
    }

    /// Go 1.26 says the same of each of these.
    #[test]
    fn means_what_go_means() {
        for (pattern, yes, no) in [
            (r"^\w+$", "a_1", "Жук"),
            (r"^\d$", "7", "٧"),
            (r"^\s$", "\t", "\u{b}"),
            (r"^\W\D\S$", "Ж٧\u{a0}", "a7 "),
            (r"\bЖ", "aЖ", "Ж"),
            (r"a\B", "ab", "aЖ"),
            (r"^[]a]$", "]", "b"),
            (r"^[^]a]$", "b", "]"),
            (r"^[a-]$", "-", "b"),
            (r"^[-\w]$", "-", "+"),
            (r"^[[:alpha:]\]]$", "]", "1"),
            (r"^[[:^alpha:]]$", "1", "a"),
            (r"^[\w.]+$", "a.b", "é"),
            (r"^a]}$", "a]}", "a"),
            (r"^(?i)\w$", "\u{17f}", "é"),
            (r"^(?i:a)b$", "Ab", "AB"),
            (r"^((?i)a|b)c$", "Bc", "BC"),
            (r"(?im-s)^a.$", "x\nAb", "xAb"),
            (r"^(?P<x>a)(?<y>b)$", "ab", "a"),
            (r"^\x42\x{0000043}\v$", "BC\u{b}", "bc"),
            (r"^\_\-\/$", "_-/", "a"),
            (r"^\pL\p{Nd}\P{Lu}$", "Ж٧b", "٧ЖB"),
            (r"^(a|)*?b{2,3}?$", "aabb", "aab"),
            (r"\A(a{10}){100}\z", &"a".repeat(1000), "a"),
            (r"^*a", "ba", "b"),
        ] {
            assert!(matches(pattern, yes), "{pattern} matches {yes:?}");
            assert!(!matches(pattern, no), "{pattern} does not match {no:?}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for pattern in r"a** a*+ a{2}{3} *a (*) a|* (?x) (?=a) (?P=a) (?P<a (?<1-a>) (?<é>a) (?<a>)(?<a>) (?-) (?i--s) ( ) a)
            [ [] [a [b-a] [[:foo:]] [a-\d] [\ \ \1 \8 \C \Z \G \e \é \x \x4 \xg0 \x{} \x{110000} \u0041 \U00000041 \u{41}
            \p \p{L \p{greek} \p{Alphabetic} \p{Grek} \pl x{1001} x{2,1} x{1,99999999999} ((a{11}){10}){10} (?i)* \b{start}"
            .split_whitespace()
        {
            assert!(translate(pattern).is_err(), "{pattern} {:?}", translate(pattern));
        }
    }

    #[test]
    fn refuses_what_is_read_in_two_ways_and_says_why() {
        let why = |pattern: &str| translate(pattern).unwrap_err();
        insta::assert_snapshot!(why("^(?:[a-z&&b])$"), @"`a-z&&b` at character 6: in a class Go reads `&&`, `--` and `~~` as characters; escape them");
        insta::assert_snapshot!(why("^[a[x]]$"), @r"`[x]` at character 4: in a class Go reads `[` as a character; escape it: `\[`");
        insta::assert_snapshot!(why("[ab-d-f]"), @r"`-` at character 6: in the middle of a class it may be a range to Go; escape it: `\-`");
        insta::assert_snapshot!(why("é[--a]"), @r"`-` at character 4: in the middle of a class it may be a range to Go; escape it: `\-`");
        insta::assert_snapshot!(why("^(a\\d)**"), @"`*` at character 8: Go refuses a repetition right after another one; put the first in `(?:…)`");
        insta::assert_snapshot!(why("a{ 2}"), @r"`{ 2}` at character 2: Go reads blanks and leading zeros here as text; escape the brace: `\{`");
        insta::assert_snapshot!(why("a{02}"), @r"`{02}` at character 2: Go reads blanks and leading zeros here as text; escape the brace: `\{`");
        insta::assert_snapshot!(why(r"\<a"), @r"`\<` at character 1: Go has no such assertion");
        insta::assert_snapshot!(why("(?u)a"), @"`u` at character 3: Go knows the flags i, m, s and U only");
        insta::assert_snapshot!(why(r"\p{Greek}"), @r"`\p{Greek}` at character 1: of Unicode's classes only general categories are taken, such as `\pL` or `\p{Lu}`");
        insta::assert_snapshot!(why("^a{$"), @"at character 4: repetition quantifier expects a valid decimal");
        insta::assert_snapshot!(why(r"^\Qa.b\E$"), @r"`\Q` at character 2: unrecognized escape sequence");
    }

    proptest! {
        /// What is translated is a regular expression of the other syntax.
        #[test]
        fn never_panics_and_is_always_understood(pattern in r"(\(\?|[\[\](){}|*+?.^$\\:<>,&~ a-cimsxwdbpPQE0-9é\-]|\[:|:\]){0,16}") {
            if let Ok(translated) = translate(&pattern) {
                prop_assert!(Regex::new(&translated).is_ok(), "{pattern} {translated}");
            }
        }
    }
}
