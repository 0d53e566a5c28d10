//! Folders that come with the first object in them and go with the last.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::permissions::Permissions;

/// Left behind by a process that was killed while it wrote.
const STALE: Duration = Duration::from_hours(24);

/// How often a folder may vanish between its creation and the rename into it.
const RENAME_ATTEMPTS: usize = 100;

/// Renames the file, and makes the folders it goes to. Somebody who removes the last object
/// of a folder may remove the folder just then, which shows as "not found", or as "exists"
/// from their creation; so it is made again.
pub(super) fn rename_into(staged: &Path, path: &Path, permissions: Permissions) -> io::Result<()> {
    let mut result = Ok(());
    for _ in 0..RENAME_ATTEMPTS {
        result = path
            .parent()
            .map_or(Ok(()), |folder| permissions.create_folders(folder))
            .and_then(|()| fs::rename(staged, path));
        match &result {
            Err(error) if is_vanished(error.kind()) && staged.exists() => {}
            _ => return result,
        }
    }
    result
}

fn is_vanished(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::AlreadyExists)
}

/// Removes the folders above `path` that have become empty; the file system refuses to
/// remove others.
pub(super) fn remove_empty(root: &Path, path: &Path) {
    for folder in between(root, path) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// Makes the names in the folders above `path` outlive a power cut.
pub(super) fn sync(root: &Path, path: &Path) -> io::Result<()> {
    for folder in between(root, path).chain([root]) {
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // Removed meanwhile, together with the object.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

/// Removes what has lain in `folder` for a day.
pub(super) fn remove_stale(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map(|modified| {
                SystemTime::now()
                    .duration_since(modified)
                    .unwrap_or_default()
            });
        if age.is_ok_and(|age| age > STALE) {
            let path = entry.path();
            let removed = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            if let Err(error) = removed {
                tracing::warn!(path = %path.display(), %error, "a stale file stays behind");
            }
        }
    }
}

/// The folders above `path`, the nearest first, without the root.
fn between<'a>(root: &'a Path, path: &'a Path) -> impl Iterator<Item = &'a Path> {
    path.ancestors()
        .skip(1)
        .take_while(move |folder| *folder != root)
}
