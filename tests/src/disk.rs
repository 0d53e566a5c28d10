//! A small disk that a process of the service has for itself, and that can be filled.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::service::{Binary, Service};

/// The largest `/dev/shm` that may be filled: a container's own, not a whole machine's.
const LARGEST_SHARED_BYTES: u64 = 256 << 20;
const SIZE: &str = "16m";
const CHUNK_BYTES: usize = 4096;

/// How a process comes to a small disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A user namespace, in which anybody may mount.
    UserNamespace,
    /// A mount namespace: root may have one.
    MountNamespace,
    /// `/dev/shm`, where it is small.
    Shared,
}

impl Way {
    const ALL: [Self; 3] = [Self::UserNamespace, Self::MountNamespace, Self::Shared];

    /// The command that mounts a disk at `folder` and becomes the command behind it.
    fn command(self, folder: &Path) -> Vec<String> {
        let unshare: &[&str] = match self {
            Self::UserNamespace => &["unshare", "--user", "--map-root-user", "--mount"],
            Self::MountNamespace => &["unshare", "--mount"],
            Self::Shared => return Vec::new(),
        };
        let folder = folder.display();
        let mount = format!("mount -t tmpfs -o size={SIZE} none '{folder}' && exec \"$0\" \"$@\"");
        let words = unshare.iter().map(|word| (*word).to_owned());
        words.chain(["sh".into(), "-c".into(), mount]).collect()
    }

    fn works(self) -> bool {
        if self == Self::Shared {
            let small = rustix::fs::statvfs("/dev/shm")
                .is_ok_and(|disk| disk.f_blocks * disk.f_frsize <= LARGEST_SHARED_BYTES);
            return small && tempfile::tempdir_in("/dev/shm").is_ok();
        }
        let folder = tempfile::tempdir().unwrap();
        let words = self.command(folder.path());
        let tried = Command::new(&words[0])
            .args(&words[1..])
            .arg("true")
            .output();
        tried.is_ok_and(|output| output.status.success())
    }
}

/// A process on a small disk.
#[derive(Debug)]
pub struct OnSmallDisk {
    /// The process; its data lie on the disk.
    pub service: Service,
    way: Way,
    folder: TempDir,
}

impl OnSmallDisk {
    /// Starts everything in one process, with a disk of some megabytes and `more` variables.
    pub async fn start(more: &[(&str, String)]) -> Self {
        let way = Way::ALL.into_iter().find(|way| way.works()).expect(
            "a small disk: allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or \
             kernel.apparmor_restrict_unprivileged_userns=0), or run as root with CAP_SYS_ADMIN",
        );
        let folder = match way {
            Way::UserNamespace | Way::MountNamespace => tempfile::tempdir(),
            Way::Shared => tempfile::tempdir_in("/dev/shm"),
        };
        let folder = folder.unwrap();
        let storage = format!("file:{}", folder.path().join("data").display());
        let variables = [&[("THUMBMILL_STORAGE", storage)], more].concat();
        let command = way.command(folder.path());
        let service = Service::start_under(&command, Binary::Thumbmill, &variables).await;
        Self {
            service,
            way,
            folder,
        }
    }

    /// The disk, as it is seen from here.
    fn root(&self) -> PathBuf {
        let folder = self.folder.path();
        match self.way {
            Way::UserNamespace | Way::MountNamespace => {
                let pid = self.service.pid().as_raw_nonzero();
                let below = folder.strip_prefix("/").unwrap();
                PathBuf::from(format!("/proc/{pid}/root")).join(below)
            }
            Way::Shared => folder.to_owned(),
        }
    }

    fn ballast(&self) -> PathBuf {
        self.root().join("ballast")
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        let full = loop {
            if let Err(error) = ballast.write_all(&[0; CHUNK_BYTES]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    }

    /// Gives it back.
    pub fn empty(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    /// Every file of the store.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.root().join("data")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let is_folder = entry.file_type().unwrap().is_dir();
                let list = if is_folder { &mut folders } else { &mut files };
                list.push(entry.path());
            }
        }
        files.sort();
        files
    }
}
