//! A cluster's folder of another version of kbootstrap: a newer one's is not written to, and an older one's is kept as it
//! was before it is.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use super::session::Session;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::record::{self, KEY};
use crate::trust;

/// Refuses a folder that a newer kbootstrap has written to.
pub(super) fn refuse_newer(dir: &Path) -> Result<()> {
    trust::refuse_newer(dir)?;
    let path = dir.join(KEY);
    let Ok(text) = files::bounded::text(&path) else { return Ok(()) };
    match record::parse(&text, &path.display().to_string()) {
        Err(error) if error.kind == Kind::Usage => Err(error),
        // One that cannot be read is reported by those who need it.
        _ => Ok(()),
    }
}

/// Whether an older kbootstrap has made the folder.
pub(super) fn is_older(dir: &Path) -> Result<bool> {
    // Without generated.json, which may be deleted, it can only be told from what else was left there.
    let left = || dir.join(trust::ADMIN_KUBECONFIG).exists() && !dir.join(KEY).exists();
    Ok(trust::is_older(dir)?.unwrap_or_else(left))
}

/// Before anything is written to an older folder it is kept beside itself; from then on it is this version's.
pub(super) fn take_over(session: &Session) -> Result<()> {
    if !is_older(&session.dir)? {
        return Ok(());
    }
    let kept = kept_as(&session.dir, env!("CARGO_PKG_VERSION"), OffsetDateTime::now_utc())?;
    files::copy_folder(&session.dir, &kept, session.log_path()).map_err(|error| {
        error.hint("an older kbootstrap's folder is kept before it is written to; nothing was changed")
    })?;
    trust::mark_format(&session.dir)?;
    session.reporter().info(&format!(
        "the cluster's folder is an older kbootstrap's; as it was, it is kept as {}: with its keys, so keep it closed",
        kept.display()
    ));
    Ok(())
}

/// `clusters/prod` → `clusters/prod.before-0.2.0-20260102T030405Z`.
fn kept_as(dir: &Path, version: &str, now: OffsetDateTime) -> Result<PathBuf> {
    let real = fs::canonicalize(dir).map_err(|e| Error::io(format!("find {}", dir.display()), &e))?;
    let stamp = now
        .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
        .map_err(|e| Error::internal(e.to_string()))?;
    let Some(name) = real.file_name() else {
        return Err(Error::io(format!("keep {}", dir.display()), &ErrorKind::InvalidInput.into()));
    };
    Ok(real.with_file_name(format!("{}.before-{version}-{stamp}", name.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_folder_is_kept_beside_itself() {
        let at = tempfile::tempdir().unwrap();
        let clusters = at.path().canonicalize().unwrap();
        let dir = clusters.join("prod");
        fs::create_dir(&dir).unwrap();
        let kept = kept_as(&dir.join("."), "0.2.0", datetime!(2026-01-02 03:04:05 UTC)).unwrap();
        assert_eq!(kept, clusters.join("prod.before-0.2.0-20260102T030405Z"));
    }

    #[test]
    fn an_older_folder_is_known_also_without_its_list() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_older(dir.path()).unwrap(), "a new one");
        fs::create_dir(dir.path().join("pki")).unwrap();
        fs::write(dir.path().join("pki/ca.pem"), "a person's own CA, before the first `up`").unwrap();
        assert!(!is_older(dir.path()).unwrap());
        fs::write(dir.path().join(trust::ADMIN_KUBECONFIG), "").unwrap();
        assert!(is_older(dir.path()).unwrap());
        fs::write(dir.path().join(KEY), "{}").unwrap();
        assert!(!is_older(dir.path()).unwrap());
    }

    #[test]
    fn a_newer_folder_is_refused_by_its_list_or_its_record() {
        let dir = tempfile::tempdir().unwrap();
        refuse_newer(dir.path()).unwrap();
        fs::write(dir.path().join(KEY), "damaged").unwrap();
        refuse_newer(dir.path()).unwrap();
        fs::write(dir.path().join(KEY), r#"{"format": 1, "kbootstrap": "99.0.0"}"#).unwrap();
        assert_eq!(refuse_newer(dir.path()).unwrap_err().kind, Kind::Usage);
        fs::remove_file(dir.path().join(KEY)).unwrap();
        fs::create_dir(dir.path().join("pki")).unwrap();
        fs::write(dir.path().join("pki/generated.json"), r#"{"format": 99}"#).unwrap();
        assert_eq!(refuse_newer(dir.path()).unwrap_err().kind, Kind::Usage);
    }
}
