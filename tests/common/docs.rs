//! Parts of documents that are made from the code.

use std::fs;
use std::path::Path;

/// Between these marks the document says `now`. With `UPDATE_DOCS` it is written.
pub fn assert_says(document: &str, [begin, end]: [&str; 2], now: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(begin).expect("the part begins somewhere");
    let (_, after) = rest.split_once(end).expect("and ends");
    let now = format!("{before}{begin}{now}{end}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    assert!(now == fs::read_to_string(&file).unwrap(), "{document} is out of date: run this test with UPDATE_DOCS=1");
}
