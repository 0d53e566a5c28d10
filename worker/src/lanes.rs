//! What there is of something for each lane.

use thumbmill_shared::queue::Lane;

/// One of a kind for each lane.
#[derive(Debug, Default)]
pub(crate) struct PerLane<T> {
    /// For jobs that somebody waits for.
    pub(crate) interactive: T,
    /// For jobs that nobody waits for yet.
    pub(crate) bulk: T,
}

impl<T> PerLane<T> {
    /// A lane's own.
    pub(crate) fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Interactive => &self.interactive,
            Lane::Bulk => &self.bulk,
        }
    }
}
