//! Reading what arguments name, with the words of Go's `os` package where it fails.

use std::io::Read;

use zeroize::Zeroizing;

use super::failure::Failure;

/// A file, or standard input for `-`.
pub fn read(path: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path == "-" {
        let mut bytes = Zeroizing::new(Vec::new());
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        return read.map(|_| bytes).map_err(|e| Failure::file("read", "/dev/stdin", &e));
    }
    if path.is_empty() {
        // What the system says of the empty name.
        return Err(Failure::text("open : no such file or directory"));
    }
    let file = std::fs::File::open(path).map_err(|e| Failure::file("open", path, &e));
    let mut bytes = Zeroizing::new(Vec::new());
    file?.read_to_end(&mut bytes).map_err(|e| Failure::file("read", path, &e))?;
    Ok(bytes)
}

/// A CA's certificate or key: `[file:]PATH` or `env:VARIABLE`.
pub fn read_ca(argument: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match argument.split_once(':') {
        None if argument == "-" => Err(Failure::text("open -: no such file or directory")),
        None => read(argument),
        Some(("file", path)) => read(path),
        Some(("env", variable)) => Ok(Zeroizing::new(std::env::var(variable).unwrap_or_default().into_bytes())),
        Some((prefix, _)) => Err(Failure::text(format!("unknown prefix: {prefix}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_go_says() {
        let error = |argument| read_ca(argument).unwrap_err().to_string();
        assert_eq!(error("none.pem"), "open none.pem: no such file or directory");
        assert_eq!(error("file:none.pem"), "open none.pem: no such file or directory");
        assert_eq!(error("foo:x"), "unknown prefix: foo");
        assert_eq!(error("/"), "read /: is a directory");
        assert!(read_ca("env:KBOOTSTRAP_NO_SUCH_VARIABLE").unwrap().is_empty());
    }
}
