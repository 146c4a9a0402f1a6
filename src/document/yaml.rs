//! YAML text → a tree that remembers where every key and value stands. Nothing is typed yet.

use std::collections::hash_map::Entry as Place;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::path::{Path, Step};
use super::text::{SourceText, Span};
use super::{MOST_MISTAKES, lookalike};
use crate::error::{Error, Reason};

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands; of a mapping or list: where it begins.
    pub span: Span,
    /// What it is.
    pub yaml: Yaml,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// Text, number, true, false or nothing.
    Scalar {
        /// As it is written, without quotes and escapes.
        text: String,
        /// Without quotes, so that `1` is a number and `true` is a truth value.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping; no key occurs twice.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Key.
    pub key: String,
    /// Where the key stands.
    pub span: Span,
    /// Value.
    pub value: Node,
}

impl Node {
    /// The key's place where the last step is a key that is there; the deepest value on the way otherwise.
    pub fn key_span(&self, path: &Path) -> Span {
        self.walk(path).1
    }
    /// The value's place, or that of the deepest value on the way that is there.
    pub fn value_span(&self, path: &Path) -> Span {
        self.walk(path).0.span
    }

    fn walk(&self, path: &Path) -> (&Node, Span) {
        let (mut node, mut span) = (self, self.span);
        for step in path.steps() {
            match (step, &node.yaml) {
                (Step::Key(key), Yaml::Map(entries)) => match entries.iter().find(|e| e.key == *key) {
                    Some(entry) => (node, span) = (&entry.value, entry.span),
                    None => return (node, span),
                },
                (Step::Index(index), Yaml::List(items)) => match items.get(*index) {
                    Some(item) => (node, span) = (item, item.span),
                    None => return (node, span),
                },
                _ => return (node, span),
            }
        }
        (node, span)
    }

    fn size(&self) -> Size {
        let one = Size { nodes: 1, bytes: 0 };
        match &self.yaml {
            Yaml::Scalar { text, .. } => Size { bytes: text.len(), ..one },
            Yaml::List(items) => items.iter().map(Node::size).fold(one, Size::and),
            Yaml::Map(entries) => {
                let entry = |e: &Entry| e.value.size().and(Size { nodes: 0, bytes: e.key.len() });
                entries.iter().map(entry).fold(one, Size::and)
            }
        }
    }
}

/// Deeper documents than this do not exist; text that nests deeper is refused, not followed.
const MAX_DEPTH: usize = 64;
/// More values than this, aliases counted each time, are refused ("a billion laughs").
const MAX_NODES: usize = 200_000;
/// More text than this in keys and values, aliases counted each time.
const MAX_BYTES: usize = 16 << 20;

/// What a tree takes.
#[derive(Debug, Clone, Copy)]
struct Size {
    nodes: usize,
    bytes: usize,
}

impl Size {
    fn and(self, more: Size) -> Size {
        Size { nodes: self.nodes + more.nodes, bytes: self.bytes + more.bytes }
    }
}

/// A mistake and its place, for putting mistakes in the order of the text.
pub type Located = (Span, Error);

/// Reads one YAML document. Duplicate keys come back beside the tree: the first one counts there.
///
/// # Errors
/// The first place where the text is not YAML; an empty text; aliases that explode.
pub fn parse(source: &SourceText) -> Result<(Node, Vec<Located>), Error> {
    let mut parser = Parser::new_from_str(source.text());
    let left = Size { nodes: MAX_NODES, bytes: MAX_BYTES };
    let mut builder = Builder { source, frames: vec![], anchors: HashMap::new(), root: None, left, twice: vec![] };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|e| syntax(source, &e))?;
        let place = place(span.start, span.end);
        match event {
            Event::StreamEnd => break,
            event => builder.take(event, place)?,
        }
    }
    match builder.root {
        Some(root) => Ok((root, builder.twice)),
        None => Err(Error::input(format!("{}: the file is empty", source.name())).because(Reason::Empty)),
    }
}

enum Frame {
    List {
        span: Span,
        anchor: usize,
        items: Vec<Node>,
    },
    Map {
        span: Span,
        anchor: usize,
        entries: Vec<Entry>,
        places: HashMap<String, Span>,
        merged: Vec<Entry>,
        key: Option<Key>,
    },
}

struct Key {
    text: String,
    span: Span,
    merge: bool,
}

struct Builder<'a> {
    source: &'a SourceText,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    left: Size,
    twice: Vec<Located>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Error> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                return Err(self.source.error(span, "a second document begins here").hint("keep one per file"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let core = tag.as_deref().filter(|t| t.is_yaml_core_schema()).map(|t| t.suffix.as_str());
                if let (Some(tag), None) = (&tag, core) {
                    return Err(self.source.error(span, format!("unknown tag `{tag}`")));
                }
                let plain = style == ScalarStyle::Plain && core != Some("str");
                self.finish(Node { span, yaml: Yaml::Scalar { text: text.into_owned(), plain } }, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.open(Frame::List { span, anchor, items: vec![] }, span)?,
            Event::MappingStart(anchor, _) => {
                self.open(
                    Frame::Map { span, anchor, entries: vec![], places: HashMap::new(), merged: vec![], key: None },
                    span,
                )?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.frames.pop() {
                Some(Frame::List { span, anchor, items }) => {
                    self.finish(Node { span, yaml: Yaml::List(items) }, anchor)?;
                }
                Some(Frame::Map { span, anchor, mut entries, places, merged, .. }) => {
                    let mut keys: HashSet<String> = places.into_keys().collect();
                    entries.extend(merged.into_iter().filter(|entry| keys.insert(entry.key.clone())));
                    self.finish(Node { span, yaml: Yaml::Map(entries) }, anchor)?;
                }
                None => {}
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let size = node.size();
                    spend(&mut self.left, size, self.source, span)?;
                    self.finish(node.clone(), 0)?;
                }
                None => return Err(self.source.error(span, "an alias to what is not complete yet")),
            },
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, frame: Frame, span: Span) -> Result<(), Error> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(self.source.error(span, format!("more than {MAX_DEPTH} levels deep")));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// A value is complete: it becomes a key, a value, an element, or the whole.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        let bytes = if let Yaml::Scalar { text, .. } = &node.yaml { text.len() } else { 0 };
        spend(&mut self.left, Size { nodes: 1, bytes }, self.source, node.span)?;
        if anchor != 0 {
            // It is kept a second time.
            spend(&mut self.left, node.size(), self.source, node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, places, merged, key, .. }) => match key.take() {
                None => match node.yaml {
                    Yaml::Scalar { text, plain } => {
                        *key = Some(Key { merge: plain && text == "<<", text, span: node.span });
                    }
                    _ => return Err(self.source.error(node.span, "a list or mapping cannot be a key")),
                },
                Some(Key { merge: true, span, .. }) => match node.yaml {
                    Yaml::Map(more) => merged.extend(more),
                    Yaml::List(items) if items.iter().all(|i| matches!(i.yaml, Yaml::Map(_))) => {
                        merged.extend(items.into_iter().flat_map(|item| match item.yaml {
                            Yaml::Map(more) => more,
                            _ => vec![],
                        }));
                    }
                    _ => return Err(self.source.error(span, "`<<` merges mappings only")),
                },
                Some(Key { text, span, .. }) => match places.entry(text) {
                    Place::Occupied(first) => {
                        let (text, line) = (first.key(), first.get().line);
                        // Each is shown with its line; of so many nobody reads the last.
                        if self.twice.len() <= MOST_MISTAKES {
                            let message = format!("duplicate key `{text}`, first written in line {line}");
                            self.twice.push((span, self.source.error(span, message).hint("keep one of the two")));
                        }
                    }
                    Place::Vacant(place) => {
                        entries.push(Entry { key: place.key().clone(), span, value: node });
                        place.insert(span);
                    }
                },
            },
        }
        Ok(())
    }
}

fn spend(left: &mut Size, size: Size, source: &SourceText, span: Span) -> Result<(), Error> {
    let less = |message: String| source.error(span, message + ", counting those that aliases repeat");
    left.nodes = left.nodes.checked_sub(size.nodes).ok_or_else(|| less(format!("more than {MAX_NODES} values")))?;
    let bytes = left.bytes.checked_sub(size.bytes);
    left.bytes = bytes.ok_or_else(|| less(format!("more than {} MiB of keys and values", MAX_BYTES >> 20)))?;
    Ok(())
}

fn place(start: Marker, end: Marker) -> Span {
    let width = if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { usize::MAX / 4 };
    Span { line: start.line().max(1), column: start.col() + 1, width: width.max(1) }
}

fn syntax(source: &SourceText, e: &ScanError) -> Error {
    let span = place(*e.marker(), *e.marker());
    let error = source.error(span, format!("not YAML: {}", e.info()));
    let line = source.line(span.line);
    // A key whose colon is not one runs on into the next line, and the parser stumbles there.
    let before = (1..span.line).rev().find(|n| !source.line(*n).trim().is_empty()).unwrap_or(span.line);
    let code = |n: usize| source.line(n).split(" #").next().unwrap_or("");
    let odd = [span.line, before].into_iter().find_map(|n| lookalike::find(code(n)).map(|odd| odd.explain(n)));
    match odd {
        Some(odd) => error.hint(odd),
        None if line.trim_start_matches(' ').starts_with('\t') => {
            error.hint("indent with spaces: YAML allows no tabs there")
        }
        None if e.info().contains("quoted scalar") => error.hint("is the quote that opens here closed?"),
        None if e.info().contains("not allowed in this context") || e.info().contains("indent") => {
            error.hint("keys of one mapping begin in the same column; a text with `: ` in it needs quotes")
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(Node, Vec<Located>), Error> {
        parse(&SourceText::new("x.yaml", text.as_bytes()).unwrap())
    }

    fn path(keys: &[&str]) -> Path {
        keys.iter().fold(Path::root(), |p, k| p.key(*k))
    }

    #[test]
    fn every_key_and_value_has_its_place() {
        let (node, _) = parsed("a: 1\nb:\n  c: \"x y\"\n").unwrap();
        assert_eq!(node.key_span(&path(&["b", "c"])), Span { line: 3, column: 3, width: 1 });
        assert_eq!(node.value_span(&path(&["b", "c"])), Span { line: 3, column: 6, width: 5 });
        assert_eq!(node.value_span(&path(&["b", "nothing"])).line, 3);
    }

    #[test]
    fn duplicate_keys_are_all_found() {
        let (node, twice) = parsed("a: 1\nb: {c: 1, c: 2}\na: 3\n").unwrap();
        let messages: Vec<_> = twice.iter().map(|(_, e)| e.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "x.yaml:2:11: duplicate key `c`, first written in line 2",
                "x.yaml:3:1: duplicate key `a`, first written in line 1"
            ]
        );
        assert_eq!(node.walk(&path(&["a"])).0.yaml, Yaml::Scalar { text: "1".into(), plain: true });
    }

    #[test]
    fn aliases_and_merge_keys_are_followed() {
        let (node, _) = parsed("d: &d {x: 1, y: 2}\na: *d\nm:\n  <<: *d\n  y: 3\n").unwrap();
        let text = |keys: &[&str]| match &node.walk(&path(keys)).0.yaml {
            Yaml::Scalar { text, .. } => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((text(&["a", "y"]), text(&["m", "x"]), text(&["m", "y"])), ("2".into(), "1".into(), "3".into()));
    }

    #[test]
    fn exploding_aliases_and_deep_nesting_are_refused() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..10 {
            let again = vec![format!("*a{}", i - 1); 10].join(", ");
            laughs.push_str(&format!("a{i}: &a{i} [{again}]\n"));
        }
        assert!(parsed(&laughs).unwrap_err().message.contains("more than 200000 values"));
        assert!(parsed(&"[".repeat(100)).unwrap_err().message.contains("levels deep"));
        assert!(parsed(&"[".repeat(5000)).is_err());
    }

    #[test]
    fn text_that_aliases_repeat_is_counted() {
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100_000].join(", "));
        assert!(parsed(&long).unwrap_err().message.contains("more than 16 MiB of keys and values"));
        let keys = format!("a: &a {{{}: 1}}\nb: [{}]\n", "x".repeat(1000), vec!["*a"; 50_000].join(", "));
        assert!(parsed(&keys).unwrap_err().message.contains("more than 16 MiB of keys and values"));
        // Anchors within anchors are kept as often as they are deep.
        let mut nested = vec!["x"; 100_000].join(", ");
        for n in 0..60 {
            nested = format!("&a{n} [{nested}]");
        }
        assert!(parsed(&nested).unwrap_err().message.contains("more than 200000 values"));
    }

    #[test]
    fn many_keys_take_little_time() {
        let keys: String = (0..95_000).map(|n| format!("k{n}: 1\n")).collect();
        let began = std::time::Instant::now();
        let (node, twice) = parsed(&format!("a: &a\n  x: 1\n{keys}<<: *a\n")).unwrap();
        assert_eq!((node.size().nodes, twice.len()), (95_004, 0));
        let (_, twice) = parsed(&"a: 1\n".repeat(95_000)).unwrap();
        assert_eq!(twice.len(), MOST_MISTAKES + 1);
        // Of the square of them a debug build needs minutes.
        assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    }

    #[test]
    fn an_empty_file_and_a_second_document_are_refused() {
        assert_eq!(parsed("# nothing\n").unwrap_err().message, "x.yaml: the file is empty");
        assert_eq!(parsed("a: 1\n---\nb: 2\n").unwrap_err().message, "x.yaml:2:1: a second document begins here");
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_a_tree_or_an_error(text in "[ -~\\n\\t，：&*\\[\\]{}'\"|>#-]{0,200}") {
            let _ = parsed(&text);
        }
        #[test]
        fn any_bytes_give_a_tree_or_an_error(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            if let Ok(source) = SourceText::new("x.yaml", &bytes) {
                let _ = parse(&source);
            }
        }
    }
}
