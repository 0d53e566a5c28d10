//! The child's side: one render after the other.

use std::fs::File;
use std::io::{Read, Result, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use thumbmill_shared::format::Format;
use thumbmill_shared::job::Priority;
use thumbmill_shared::transform::Transform;

use super::message::{Answer, Ask, Decoded, Made, Needs, Request, frame, read};
use super::{LATE, cpu, descriptors, sandbox};
use crate::render::{Deadline, Rendered, Rendering};

/// The argument that makes a program a child; the next are its address space in bytes and its priority.
pub(super) const ARGUMENT: &str = "render-child";

/// Room for an original that is kept for the next one.
const KEPT_BYTES: usize = 16 << 20;

/// Renders for the worker that started this process, until it ends; `None` if that is not what
/// the process is for. To be called before anything else, by every program that has a worker.
pub fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    descriptors::close_inherited();
    let address_space_bytes = arguments.next()?.parse().ok()?;
    if arguments.next()? == Priority::Bulk.name() {
        cpu::give_way();
    }
    // Whom could it tell? The worker sees that it has ended.
    Some(match serve(address_space_bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn serve(address_space_bytes: u64) -> Result<()> {
    // Systemd and terminals send their signals to all processes: the worker is meant, which lets
    // its children finish.
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    // Read and written as a file: those calls are allowed.
    let mut worker = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let hello = sandbox::enter(address_space_bytes);
    worker.write_all(&frame(&hello)?)?;
    let mut original = Vec::new();
    while let Some(request) = read::<Request>(&mut worker)? {
        original.resize(request.original_bytes, 0);
        worker.read_exact(&mut original)?;
        answer(&request, &original, &mut worker)?;
        if original.len() > KEPT_BYTES {
            original = Vec::new();
        }
    }
    Ok(())
}

fn answer(request: &Request, original: &[u8], worker: &mut File) -> Result<()> {
    let timeout = Duration::from_millis(request.timeout_ms);
    sandbox::limit_cpu(timeout + LATE)?;
    let transforms: Vec<Transform> = request
        .variants
        .iter()
        .map(|variant| variant.literal(Format::Jpeg, Format::Jpeg))
        .collect();
    let rendering = Rendering::begin(original, &transforms, &request.limits, request.encoding);
    let needs: Needs = match &rendering {
        Ok(rendering) => Ok(rendering.needed_bytes()),
        Err(refused) => Err(refused.clone()),
    };
    worker.write_all(&frame(&needs)?)?;
    let Ok(rendering) = rendering else {
        return Ok(());
    };
    worker.read_exact(&mut [0])?;
    sandbox::limit_cpu(timeout + LATE)?;
    let mut decoded = match rendering.decode(Deadline::after(timeout)) {
        Ok(decoded) => decoded,
        Err(refused) => return worker.write_all(&frame(&Decoded::Err(refused))?),
    };
    worker.write_all(&frame(&Decoded::Ok(()))?)?;
    while let Some(Ask::Variant(index)) = read(worker)? {
        sandbox::limit_cpu(timeout + LATE)?;
        let variant = decoded.variant(index, Deadline::after(timeout));
        let answer: Answer = variant.as_ref().map(described).map_err(Clone::clone);
        worker.write_all(&frame(&answer)?)?;
        if let Ok(rendered) = variant {
            worker.write_all(&rendered.bytes)?;
        }
    }
    Ok(())
}

fn described(rendered: &Rendered) -> Made {
    Made {
        width_px: rendered.width_px,
        height_px: rendered.height_px,
        bytes: rendered.bytes.len(),
    }
}
