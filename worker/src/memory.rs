//! How much memory jobs may take at a time, and how much there is. Knows no jobs and no pixels.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use thumbmill_shared::settings::Memory;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Memory is counted in such pieces.
const PIECE_BYTES: u64 = 64 << 10;

/// What was taken; dropped it is given back.
pub(crate) type Share<'a> = SemaphorePermit<'a>;

/// Memory that is taken and given back, first come, first served.
#[derive(Debug)]
pub(crate) struct Budget {
    free: Semaphore,
    pieces: u32,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let pieces = u32::try_from(bytes / PIECE_BYTES)
            .unwrap_or(u32::MAX)
            .max(1);
        Self {
            free: Semaphore::new(pieces as usize),
            pieces,
        }
    }

    /// Waits until so much is free. Whoever needs more than there is gets all, and so works alone.
    pub(crate) async fn take(&self, bytes: u64) -> Option<Share<'_>> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX);
        // It is never closed.
        self.free.acquire_many(pieces.min(self.pieces)).await.ok()
    }
}

/// What jobs may take at a time, in bytes: by itself half of what the process may have.
pub(crate) fn bytes(setting: Memory) -> u64 {
    match setting {
        Memory::Bytes(size) => size.bytes(),
        Memory::Auto => {
            let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
            let system = System::new_with_specifics(memory);
            let group = system.cgroup_limits().map(|limits| limits.total_memory);
            group.unwrap_or_else(|| system.total_memory()) / 2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_waited_for_and_who_needs_more_than_there_is_works_alone() {
        let budget = Budget::new(10 * PIECE_BYTES);
        let small = budget.take(1).await;
        assert_eq!(budget.free.available_permits(), 9);
        let large = budget.take(u64::MAX);
        tokio::select! {
            biased;
            _ = large => panic!("there was not as much"),
            () = std::future::ready(()) => {}
        }
        drop(small);
        let all = budget.take(u64::MAX).await;
        assert_eq!(budget.free.available_permits(), 0);
        drop(all);
    }
}
