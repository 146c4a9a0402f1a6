//! What configuration files on a host say now, for showing what would change.

use std::collections::BTreeMap;
use std::io::empty;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::remote::Transport;
use crate::secret::Secret;
use crate::text::sh_quote;

/// The texts of the files that are there and readable; bytes that are not UTF-8 are replaced.
pub fn read_texts(transport: &mut dyn Transport, paths: &[&str]) -> Result<BTreeMap<String, String>> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let text = |(path, bytes): (String, Secret)| (path, String::from_utf8_lossy(bytes.expose()).into_owned());
    Ok(read_files(transport, &paths)?.into_iter().map(text).collect())
}

/// The bytes of the files that are there and readable.
pub fn read_files(transport: &mut dyn Transport, paths: &[String]) -> Result<BTreeMap<String, Secret>> {
    let mut script = String::new();
    for path in paths {
        let path = sh_quote(path);
        script.push_str(&format!("if [ -f {path} ]; then stat -L -c '%s %n' {path} && cat {path} && echo; fi\n"));
    }
    let output = transport.run(&script, &mut empty())?;
    let stdout = Zeroizing::new(output.stdout);
    parse(&stdout).ok_or_else(|| {
        Error::remote(format!("{}: its files could not be read", transport.host()))
            .detail(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    })
}

/// `<bytes> <path>\n<contents>\n` again and again.
fn parse(mut bytes: &[u8]) -> Option<BTreeMap<String, Secret>> {
    let mut texts = BTreeMap::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|b| *b == b'\n')?;
        let (size, path) = std::str::from_utf8(&bytes[..end]).ok()?.split_once(' ')?;
        let size: usize = size.parse().ok()?;
        let contents = bytes.get(end + 1..end + 1 + size)?;
        texts.insert(path.to_owned(), Secret::new(contents));
        bytes = bytes.get(end + 2 + size..)?;
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_files_with_and_without_a_last_newline() {
        let texts = parse(b"4 /etc/a\none\n\n3 /etc/b b\ntwo\n").unwrap();
        assert_eq!(texts["/etc/a"].expose(), b"one\n");
        assert_eq!(texts["/etc/b b"].expose(), b"two");
        assert!(parse(b"9 /etc/a\none\n").is_none());
    }
}
