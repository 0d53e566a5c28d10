//! What a child gives up before it meets foreign bytes. On Linux: every system call but those that
//! rendering needs (seccomp), files and connections (landlock). Everywhere: memory, by a limit on
//! its address space, and core dumps, which would hold pictures.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Gives up what can be; returns what could not, in words.
pub(super) fn enter(address_space_bytes: u64) -> Vec<String> {
    let limits = [(Resource::As, address_space_bytes), (Resource::Core, 0)];
    let mut not = Vec::new();
    for (resource, most) in limits {
        if let Err(error) = limit(resource, most) {
            not.push(format!("{resource:?}: {error}"));
        }
    }
    not.extend(system::enter());
    not
}

/// Ends the process when it has worked so long from now on.
pub(super) fn limit_cpu(most: Duration) -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec.unsigned_abs();
    // Whole seconds, both rounded up.
    let most = used + most.as_secs() + 2;
    let maximum = getrlimit(Resource::Cpu).maximum;
    let limits = Rlimit {
        current: Some(maximum.map_or(most, |maximum| maximum.min(most))),
        maximum,
    };
    setrlimit(Resource::Cpu, limits)?;
    Ok(())
}

/// For good, unless it is limited more already.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let most = maximum.map_or(most, |maximum| maximum.min(most));
    let limits = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(resource, limits)?;
    Ok(())
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeMap;
    use std::error::Error;

    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    /// The system calls of a renderer that has its memory and its socket. Any other is an error
    /// to it: libraries can do without, and what was taken over gets nowhere.
    const CALLS: [i64; 21] = [
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_madvise,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_read,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
        libc::SYS_write,
    ];

    /// Landlock first: the filter does not let it.
    pub(super) fn enter() -> Vec<String> {
        let mut not = Vec::new();
        match landlock() {
            Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => {}
            Ok(RulesetStatus::NotEnforced) => not.push("landlock: not in this kernel".to_owned()),
            Err(error) => not.push(format!("landlock: {error}")),
        }
        if let Err(error) = seccomp() {
            not.push(format!("seccomp: {error}"));
        }
        not
    }

    /// No files, no connections and no signals to others, as far as the kernel knows how.
    fn landlock() -> Result<RulesetStatus, Box<dyn Error>> {
        let newest = ABI::V6;
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(newest))?
            .handle_access(AccessNet::from_all(newest))?
            .scope(Scope::from_all(newest))?;
        Ok(rules.create()?.restrict_self()?.ruleset)
    }

    fn seccomp() -> Result<(), Box<dyn Error>> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            CALLS.into_iter().map(|call| (call, Vec::new())).collect();
        // A limit of its own CPU time.
        let own_cpu = [is(0, 0)?, is(1, u64::from(libc::RLIMIT_CPU))?];
        rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(own_cpu.into())?]);
        // To abort.
        let itself = u64::from(std::process::id());
        rules.insert(
            libc::SYS_tgkill,
            vec![SeccompRule::new(vec![is(0, itself)?])?],
        );
        let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let machine = std::env::consts::ARCH.try_into()?;
        let filter = SeccompFilter::new(rules, denied, SeccompAction::Allow, machine)?;
        seccompiler::apply_filter(&BpfProgram::try_from(filter)?)?;
        Ok(())
    }

    fn is(argument: u8, value: u64) -> Result<SeccompCondition, Box<dyn Error>> {
        let (length, equal) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
        Ok(SeccompCondition::new(argument, length, equal, value)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn enter() -> Vec<String> {
        vec!["system calls and files: only Linux lets it".to_owned()]
    }
}
