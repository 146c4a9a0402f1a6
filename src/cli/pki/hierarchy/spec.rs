//! `kbootstrap pki spec`.

use std::path::PathBuf;

use crate::cli::Ctx;
use crate::components::Catalogue;
use crate::engine;
use crate::error::{Error, Result};
use crate::inventory;
use crate::trust;
use crate::ui::Format;

/// Print a cluster's certificates as a specification for `pki apply`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap pki spec -i prod.yaml > prod-pki.yaml
  kbootstrap pki spec -i prod.yaml | kbootstrap pki apply - --dry-run
  kbootstrap pki spec -i prod.yaml -o json

`kbootstrap up` uses what `pki apply` has made of it, and checks it as it checks certificates of your own.")]
pub(super) struct Args {
    /// The inventory [default: kbootstrap.yaml in this folder]
    #[arg(short, long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// The cluster's folder [default: clusters/NAME beside the inventory]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// How to print: text (YAML), or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
    output: Format,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub(super) fn run(self, ctx: &Ctx) -> Result<u8> {
        let path = inventory::find(self.inventory.as_deref())?;
        let cluster = engine::resolve(&Catalogue::standard(), &inventory::load(&path)?)?;
        let folder = inventory::state_dir(&path, &cluster.name, self.state.as_deref()).join("pki");
        // It is to mean the same wherever the specification is kept.
        let folder = std::path::absolute(&folder).map_err(|e| Error::io(format!("find {}", folder.display()), &e))?;
        let specification = trust::specification(&Catalogue::standard(), &cluster, &folder.display().to_string());
        match self.output {
            Format::Json => ctx.out.json(&specification)?,
            Format::Text => {
                let text = serde_saphyr::to_string(&specification).map_err(|e| Error::internal(e.to_string()))?;
                ctx.out.text(&text)?;
            }
        }
        Ok(0)
    }
}
