//! `deny-calls KIND COMMAND…`: becomes a command on a kernel that lacks something. `seccomp`: no filter of
//! system calls can be set, and there is no landlock, as on a kernel without both; `landlock`: only that is
//! missing; `limits`: no limit of memory can be set.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// Set by a filter that is in force before, so that it is the same to whoever tries.
fn denied(kind: &str) -> Result<BTreeMap<i64, Vec<SeccompRule>>> {
    let landlock = (libc::SYS_landlock_create_ruleset, Vec::new());
    Ok(match kind {
        "landlock" => BTreeMap::from([landlock]),
        "seccomp" => {
            let set = is(
                SeccompCmpOp::Eq,
                0,
                libc::PR_SET_SECCOMP.unsigned_abs().into(),
            )?;
            BTreeMap::from([
                landlock,
                (libc::SYS_seccomp, Vec::new()),
                (libc::SYS_prctl, vec![SeccompRule::new(vec![set])?]),
            ])
        }
        "limits" => {
            // It may still be asked for.
            let memory = is(SeccompCmpOp::Eq, 1, libc::RLIMIT_AS.into())?;
            let set = is(SeccompCmpOp::Ne, 2, 0)?;
            BTreeMap::from([(
                libc::SYS_prlimit64,
                vec![SeccompRule::new(vec![memory, set])?],
            )])
        }
        other => bail!("{other}: seccomp, landlock or limits"),
    })
}

fn is(operator: SeccompCmpOp, argument: u8, value: u64) -> Result<SeccompCondition> {
    let length = SeccompCmpArgLen::Qword;
    Ok(SeccompCondition::new(argument, length, operator, value)?)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().context("deny-calls KIND COMMAND…")?;
    let program = arguments.next().context("deny-calls KIND COMMAND…")?;
    let error = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let machine = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(denied(&kind)?, SeccompAction::Allow, error, machine)?;
    seccompiler::apply_filter(&BpfProgram::try_from(filter)?)?;
    let failed = Command::new(program).args(arguments).exec();
    Err(failed).context("become the command")
}
