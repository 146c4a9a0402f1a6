//! A node that was revoked is one of the cluster's again.

use crate::cli::{Ctx, confirm};
use crate::engine::{PlanOptions, Session, forget_keys, prepare, preview};
use crate::error::{Error, Result};
use crate::plan;

pub(super) fn run(
    ctx: &Ctx,
    session: &Session,
    name: &str,
    dry_run: bool,
    yes: bool,
    how: PlanOptions<'_>,
) -> Result<()> {
    let found = preview(session, how)?;
    let keys = match session.cluster.host(name) {
        Some(_) => "it gets new keys, and ",
        None => "the inventory does not have it; ",
    };
    let secrets = match found.exposed.as_slice() {
        [] => String::new(),
        secrets => {
            format!("If anybody had it, these Secrets, which its pods could read, are known: {}\n", secrets.join(", "))
        }
    };
    let question = format!(
        "{}{name} is let in again: {keys}whoever has its old ones is let in with it, until they end.\n{secrets}",
        found.meaning.text(&ctx.out)
    );
    if dry_run {
        return ctx.out.text(&(question + &plan::total(&found.plan, false)));
    }
    if !yes && !confirm::can_ask() {
        ctx.out.text(&question)?;
        return Err(Error::usage(format!("{name} would be let in, and there is no terminal to ask on"))
            .hint("nothing was touched; the same command with --yes does it"));
    }
    if !yes {
        confirm::go_on(&question)?;
    }
    if session.cluster.host(name).is_some() {
        forget_keys(session, name)?;
    }
    prepare(session, how, &|_| Ok(()))?.apply(session)?;
    ctx.out.text(&format!("{name} is no longer revoked\n{secrets}"))
}
