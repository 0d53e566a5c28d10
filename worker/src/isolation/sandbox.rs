//! What a child gives up before it meets foreign bytes. On Linux: every system call but those that
//! rendering needs (seccomp), files and connections (landlock). Everywhere: memory, by a limit on
//! its address space, and core dumps, which would hold pictures.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::message::{Hello, Layer};

/// Gives up what can be, and says what is in force: it is tried, not believed.
pub(super) fn enter(address_space_bytes: u64) -> Hello {
    let limits = [(Resource::As, address_space_bytes), (Resource::Core, 0)];
    let missing = limits.iter().find_map(|(resource, most)| {
        let error = limit(*resource, *most).err()?;
        Some(Layer::Missing(format!("{resource:?}: {error}")))
    });
    // Landlock first: the filter does not let it.
    let landlock = system::landlock();
    Hello {
        limits: missing.unwrap_or(Layer::Whole),
        seccomp: system::seccomp(),
        landlock,
    }
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
    if getrlimit(resource) == limits {
        Ok(())
    } else {
        Err(io::Error::other("the limit was not set"))
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeMap;
    use std::error::Error;
    use std::fs::File;

    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    use super::Layer;

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

    pub(super) fn landlock() -> Layer {
        match enter_landlock() {
            Ok(RulesetStatus::NotEnforced) => Layer::Missing("not in this kernel".to_owned()),
            Ok(_) if open_fails_with() != Some(libc::EACCES) => {
                Layer::Missing("a file could be opened all the same".to_owned())
            }
            Ok(RulesetStatus::FullyEnforced) => Layer::Whole,
            Ok(RulesetStatus::PartiallyEnforced) => Layer::Partly,
            Err(error) => Layer::Missing(error.to_string()),
        }
    }

    pub(super) fn seccomp() -> Layer {
        match enter_seccomp() {
            Ok(()) if open_fails_with() == Some(libc::EPERM) => Layer::Whole,
            Ok(()) => Layer::Missing("a file could be opened all the same".to_owned()),
            Err(error) => Layer::Missing(error.to_string()),
        }
    }

    /// The two layers give different errors.
    fn open_fails_with() -> Option<i32> {
        File::open("/dev/null").err()?.raw_os_error()
    }

    /// No files, no connections and no signals to others, as far as the kernel knows how.
    fn enter_landlock() -> Result<RulesetStatus, Box<dyn Error>> {
        let newest = ABI::V6;
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(newest))?
            .handle_access(AccessNet::from_all(newest))?
            .scope(Scope::from_all(newest))?;
        Ok(rules.create()?.restrict_self()?.ruleset)
    }

    fn enter_seccomp() -> Result<(), Box<dyn Error>> {
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
    use super::Layer;

    pub(super) fn landlock() -> Layer {
        Layer::Missing("only Linux has it".to_owned())
    }

    pub(super) fn seccomp() -> Layer {
        Layer::Missing("only Linux has it".to_owned())
    }
}
