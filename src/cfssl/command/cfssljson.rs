//! `cfssljson`.

use base64::Engine;

use crate::cfssl::answers::cfssljson::{Item, items};
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::answers::output::with_suffix;
use crate::cfssl::call::Call;
use crate::cfssl::go;
use crate::files::{self, Pending};

use crate::secret::Secret;

pub fn run(call: &mut Call) -> Result<(), Failure> {
    if call.flags.on("version") {
        return Ok(call.out.text(super::VERSION)?);
    }
    let path = Some(call.flag("f")).filter(|path| !path.is_empty()).unwrap_or("-");
    let json = go::file::read(path).map_err(|e| e.within("Failed to read input: "))?;
    // All is looked at before the first file is written.
    let items = items(&json, call.flags.on("bare"))?;
    let base = call.args.first().map_or("cert", String::as_str);
    for item in &items {
        if call.flags.on("stdout") {
            print(call, item)?;
        }
    }
    if call.flags.on("stdout") {
        return Ok(());
    }
    // A missing folder is reported with the first file that cfssljson would open.
    items.first().map_or(Ok(()), |item| check_folder(base, item))?;
    // Keys first: whoever sees the certificate can use it.
    let (secret, public): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.secret);
    let files = secret.into_iter().chain(public).map(|item| pending(base, item)).collect::<Result<Vec<_>, _>>()?;
    Ok(files::persist(files)?)
}

fn print(call: &Call, item: &Item) -> Result<(), Failure> {
    if item.binary {
        call.out.text(&base64::engine::general_purpose::STANDARD.encode(&item.bytes))?;
    } else {
        call.out.bytes(&item.bytes)?;
    }
    Ok(call.out.text("\n")?)
}

fn check_folder(base: &str, item: &Item) -> Result<(), Failure> {
    let path = with_suffix(&go::file::path(base), item.suffix);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.map(std::fs::metadata) {
        Some(Err(e)) => Err(Failure::file("open", &path.display().to_string(), &e)),
        _ => Ok(()),
    }
}

fn pending(base: &str, item: &Item) -> Result<Pending, Failure> {
    let path = with_suffix(&go::file::path(base), item.suffix);
    Ok(match item.secret {
        true => Pending::key(&path, &Secret::new(item.bytes.as_slice()))?,
        false => Pending::public(&path, &item.bytes)?,
    })
}
