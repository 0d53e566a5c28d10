//! Who may read and change what the store makes, and that a stranger cannot hold its lock.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use uuid::Uuid;

use crate::settings::FilesMode;

/// All that others than the owner may do.
const OTHERS: u32 = 0o077;
const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// With what permissions files and folders are made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Permissions {
    /// Files 0600 and folders 0700, whatever the umask.
    Private,
    /// As the umask says, which for files means this mode.
    Umask(u32),
}

impl Permissions {
    /// Makes the folders `root` and `spool` if they are missing.
    pub(super) fn begin(mode: FilesMode, root: &Path, spool: &Path) -> io::Result<Self> {
        match mode {
            FilesMode::Private => {
                Self::Private.create_folders(spool)?;
                tighten(spool, PRIVATE_FOLDER)?;
                if let Some(open_to) = open_to_others(root)? {
                    tracing::warn!(
                        folder = %root.display(),
                        mode = format!("{open_to:o}"),
                        "others than the owner may look into the store; `chmod -R go= FOLDER` keeps them out, \
                         THUMBMILL_FILES_MODE=umask says that they may"
                    );
                }
                Ok(Self::Private)
            }
            FilesMode::Umask => {
                fs::create_dir_all(spool)?;
                // The umask cannot be read, but what it makes of a file can.
                let probe = spool.join(Uuid::new_v4().to_string());
                let mode = File::create_new(&probe)?.metadata()?.mode();
                fs::remove_file(&probe)?;
                Ok(Self::Umask(mode & 0o777))
            }
        }
    }

    /// What is there of the lock is from before: whoever can open it could hold up the store.
    pub(super) fn keep_strangers_out(self, lock: &File, root: &Path) -> io::Result<()> {
        match self {
            Self::Private if lock.metadata()?.mode() & OTHERS != 0 => {
                tighten(&root.join("lock"), PRIVATE_FILE)
            }
            Self::Private | Self::Umask(_) => Ok(()),
        }
    }

    /// Opens a file for writing, and makes it if it is missing.
    pub(super) fn creating(self) -> OpenOptions {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        if let Self::Private = self {
            options.mode(PRIVATE_FILE);
        }
        options
    }

    /// Makes the folder and those above it, if they are missing.
    pub(super) fn create_folders(self, folder: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        if let Self::Private = self {
            builder.mode(PRIVATE_FOLDER);
        }
        builder.create(folder)
    }

    /// Gives them to a file that was made elsewhere.
    pub(super) fn give(self, path: &Path) -> io::Result<()> {
        let mode = match self {
            Self::Private => PRIVATE_FILE,
            Self::Umask(mode) => mode,
        };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }
}

/// The mode of a folder that others than its owner may enter, read or change.
fn open_to_others(folder: &Path) -> io::Result<Option<u32>> {
    let mode = fs::metadata(folder)?.mode() & 0o7777;
    Ok((mode & OTHERS != 0).then_some(mode))
}

/// Takes from others what they may do with it, if it is this user's to take.
fn tighten(path: &Path, mode: u32) -> io::Result<()> {
    if open_to_others(path)?.is_none() {
        return Ok(());
    }
    if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(mode)) {
        tracing::warn!(
            path = %path.display(),
            %error,
            "others than the owner may open it, and it belongs to another user; where several users share the \
             store, set THUMBMILL_FILES_MODE=umask"
        );
    }
    Ok(())
}
