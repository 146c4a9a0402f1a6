//! What was done is written down: in the cluster, and on every master.

use std::io::Cursor;

use serde_json::{Value, json};

use super::records;
use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::record::{self, CONFIG_MAP, KEY, NAMESPACE, Record};
use crate::remote::{Transport, host_lock};
use crate::text::sh_quote;

/// The ConfigMap that holds it.
pub(super) fn object(record: &Record) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": CONFIG_MAP, "namespace": NAMESPACE },
        "data": { KEY: record.text() },
    })
}

/// Puts it on a master, in one piece.
pub(super) fn write(transport: &mut dyn Transport, layout: &Layout, record: &Record) -> Result<()> {
    let output = transport.run(&script(layout), &mut Cursor::new(record.text()))?;
    if output.status == 0 {
        return Ok(());
    }
    Err(Error::remote(format!("{}: the record could not be written", transport.host()))
        .detail(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

fn script(layout: &Layout) -> String {
    let file = sh_quote(&record::file(layout));
    format!(
        "set -eu\n{}umask 077\n{}rm -rf -- {file}.new\ncat >{file}.new\nmv -fT {file}.new {file}\n",
        host_lock::hold(),
        records::ready(layout),
    )
}
