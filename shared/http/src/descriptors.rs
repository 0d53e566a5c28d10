//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is left for files, servers and everything that is no client's connection.
const OWN: u64 = 64;
/// The most connections that the process takes by itself.
const MOST: u64 = 2048;
/// And the fewest.
const FEWEST: u64 = 16;

/// Raises the limit on open files to the most that the system allows this process: the low one is
/// for programs that use select(2).
pub fn raise_open_files() {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    // Where the system does not allow it, the low limit stays, and fewer connections are taken.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// How many connections fit into the limit on open files, if each needs a file beside.
pub(crate) fn connections_that_fit() -> u32 {
    let open_files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    connections_for(open_files)
}

fn connections_for(open_files: u64) -> u32 {
    let fit = (open_files.saturating_sub(OWN) / 2).clamp(FEWEST, MOST);
    u32::try_from(fit).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_files() {
        for (open_files, expected) in [(0, 16), (256, 96), (1024, 480), (u64::MAX, 2048)] {
            assert_eq!(connections_for(open_files), expected, "{open_files}");
        }
    }
}
