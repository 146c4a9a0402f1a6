//! What configuration files on a host say now, for showing what would change.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::remote::{LOOK, Transport};
use crate::secret::Secret;
use crate::text::sh_quote;

/// At most so many bytes of a file are read. Nothing that is ours has a tenth of it.
const FILE_BYTES: usize = 1 << 20;

/// The texts of the files that are there and readable; bytes that are not UTF-8 are replaced. Of one that is too large
/// its beginning, and a line that says so.
pub fn read_texts(transport: &mut dyn Transport, paths: &[&str]) -> Result<BTreeMap<String, String>> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let text = |(path, held): (String, Held)| {
        let mut text = String::from_utf8_lossy(held.bytes.expose()).into_owned();
        if held.is_cut() {
            text.push_str(&format!("\n(the rest of {} bytes was not read)\n", held.size));
        }
        (path, text)
    };
    Ok(read(transport, &paths)?.into_iter().map(text).collect())
}

/// The bytes of the files that are there and readable.
///
/// # Errors
/// Those of the transport; `Remote` when the answer cannot be read, or a file is too large.
pub fn read_files(transport: &mut dyn Transport, paths: &[String]) -> Result<BTreeMap<String, Secret>> {
    let files = read(transport, paths)?;
    let large = files.iter().filter(|(_, held)| held.is_cut());
    Error::all(large.map(|(path, held)| {
        Error::remote(format!("{}: {path} has {} bytes", transport.host(), held.size))
            .hint(format!("no such file of ours has more than {FILE_BYTES}: see what it is"))
    }))?;
    Ok(files.into_iter().map(|(path, held)| (path, held.bytes)).collect())
}

/// What came of a file.
struct Held {
    /// How large it is there, bytes.
    size: u64,
    /// As much as was read of it.
    bytes: Secret,
}

impl Held {
    fn is_cut(&self) -> bool {
        self.size > self.bytes.expose().len() as u64
    }
}

fn read(transport: &mut dyn Transport, paths: &[String]) -> Result<BTreeMap<String, Held>> {
    let mut script = String::new();
    for path in paths {
        let path = sh_quote(path);
        script.push_str(&format!(
            "if [ -f {path} ]; then stat -L -c '%s %n' {path} && head -c {FILE_BYTES} {path} && echo; fi\n"
        ));
    }
    let output = transport.ask(LOOK, &script)?;
    let stdout = Zeroizing::new(output.stdout);
    parse(&stdout).ok_or_else(|| {
        Error::remote(format!("{}: its files could not be read", transport.host()))
            .detail(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    })
}

/// `<size> <path>\n<contents>\n` again and again; of the contents at most [`FILE_BYTES`].
fn parse(mut bytes: &[u8]) -> Option<BTreeMap<String, Held>> {
    let mut texts = BTreeMap::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|b| *b == b'\n')?;
        let (size, path) = std::str::from_utf8(&bytes[..end]).ok()?.split_once(' ')?;
        let size: u64 = size.parse().ok()?;
        let came = usize::try_from(size).map_or(FILE_BYTES, |size| size.min(FILE_BYTES));
        let contents = bytes.get(end + 1..end + 1 + came)?;
        texts.insert(path.to_owned(), Held { size, bytes: Secret::new(contents) });
        bytes = bytes.get(end + 2 + came..)?;
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_files_with_and_without_a_last_newline() {
        let texts = parse(b"4 /etc/a\none\n\n3 /etc/b b\ntwo\n").unwrap();
        assert_eq!(texts["/etc/a"].bytes.expose(), b"one\n");
        assert_eq!(texts["/etc/b b"].bytes.expose(), b"two");
        assert!(parse(b"9 /etc/a\none\n").is_none());
        assert!(parse(b"18446744073709551615 /etc/a\none\n").is_none());
    }

    #[test]
    fn of_a_large_file_the_beginning_came() {
        let mut answer = b"3221225472 /etc/a\n".to_vec();
        answer.resize(answer.len() + FILE_BYTES, b'x');
        answer.extend_from_slice(b"\n1 /etc/b\nb\n");
        let texts = parse(&answer).unwrap();
        assert!(texts["/etc/a"].is_cut() && !texts["/etc/b"].is_cut());
    }
}
