//! A renderer has its three standard descriptors and no other, whatever its worker was started with.

use std::fs::read_dir;

/// Where a process sees its own descriptors.
const OWN: &str = if cfg!(target_os = "linux") {
    "/proc/self/fd"
} else {
    "/dev/fd"
};

/// Looked at where that is not to be had.
const NUMBERS: i32 = 1 << 16;

/// Closes all but the first three. To be called before anything is opened: what is closed here belongs to
/// nobody in this process. (Rust opens everything so that it is closed in children; what started the
/// worker need not have done so.)
pub(super) fn close_inherited() {
    let open: Vec<i32> = match read_dir(OWN) {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect(),
        Err(_) => (0..NUMBERS).collect(),
    };
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // One of them was that of the list itself, which is closed by now.
        let _ = nix::unistd::close(descriptor);
    }
}
