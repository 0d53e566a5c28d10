//! How much memory this process may have: what its control group allows, or the machine has.

use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const MOUNTED: &str = "/sys/fs/cgroup";
/// Where the kernel tells nothing.
const UNKNOWN_BYTES: u64 = 1 << 30;

/// What this process may have, in bytes.
pub(super) fn available_bytes() -> u64 {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups, Path::new(MOUNTED));
    let limits = limits.iter().filter_map(|file| limit(file));
    limits
        .chain([machine_bytes()])
        .min()
        .unwrap_or(UNKNOWN_BYTES)
}

/// Every file that may limit a process of these groups (cgroups(7), proc(5)): its own group's and
/// all above it, of either version. In a container only the last of them may be there.
fn limit_files(groups: &str, mounted: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => (mounted.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (mounted.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let path = Path::new(path.trim_start_matches('/'));
        files.extend(path.ancestors().map(|above| root.join(above).join(file)));
    }
    files
}

/// What a file says; `None` if it is not there, or says `max`.
fn limit(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(target_os = "linux")]
fn machine_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    u64::from(info.mem_unit).saturating_mul(info.totalram)
}

#[cfg(not(target_os = "linux"))]
fn machine_bytes() -> u64 {
    UNKNOWN_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_limited_by_all_above_it() {
        let files = |groups| {
            let files = limit_files(groups, Path::new("/c"));
            files
                .into_iter()
                .map(|file| file.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            files("0::/system.slice/thumbmill.service\n"),
            [
                "/c/system.slice/thumbmill.service/memory.max",
                "/c/system.slice/memory.max",
                "/c/memory.max",
            ]
        );
        assert_eq!(
            files("9:cpu,cpuacct:/a\n4:memory:/docker/x\n0::/\n"),
            [
                "/c/memory/docker/x/memory.limit_in_bytes",
                "/c/memory/docker/memory.limit_in_bytes",
                "/c/memory/memory.limit_in_bytes",
                "/c/memory.max",
            ]
        );
        assert!(files("nonsense").is_empty());
    }

    #[test]
    fn a_group_without_a_limit_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.max");
        for (text, expected) in [("max\n", None), ("268435456\n", Some(1 << 28))] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(limit(&file), expected);
        }
        assert_eq!(limit(&folder.path().join("none")), None);
    }
}
