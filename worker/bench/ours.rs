//! Our side of the comparison: a process that lives as long as the run, reads one JSON command a
//! line and answers each with one JSON line, as `sharp.mjs` does. Knows no cases and no rounds.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use serde_json::{Value, json};
use thumbmill_jpeg_shrink::{Options, Scale, decode};
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::Format;
use thumbmill_shared::transform::{Transform, VariantRequest};
use thumbmill_worker::render::{self, Deadline, Limits, MissingEnd};

/// What decoded pixels may take: the default of the setting.
const MEMORY_BYTES: u64 = 256 << 20;

/// The one call of the renderer, with its default budget; given pictures may be large.
fn render(original: &[u8], transforms: &[Transform]) -> anyhow::Result<Vec<Vec<u8>>> {
    let limits = Limits {
        original_pixels: 100_000_000,
        dimension_px: 20_000,
        variant_pixels: 36_000_000,
        avif_pixels: 4_000_000,
        memory_bytes: MEMORY_BYTES,
        missing_end: MissingEnd::Refuse,
    };
    let deadline = Deadline::after(Duration::from_mins(1));
    let rendered = render::render(original, transforms, &limits, Encoding::default(), deadline)?;
    let thumbnails: Result<_, _> = rendered
        .into_iter()
        .map(|one| one.map(|it| it.bytes))
        .collect();
    Ok(thumbnails?)
}

/// What share of a JPEG its decoder looks at for a thumbnail of an eighth of its size and less.
fn read_share(original: &[u8]) -> anyhow::Result<f64> {
    let options = Options {
        scale: Scale::Eighth,
        crop: None,
        budget_bytes: MEMORY_BYTES,
        missing_end: MissingEnd::Refuse,
    };
    let picture = decode(original, &options, &|| false)?;
    Ok(picture.bytes_read as f64 / original.len() as f64)
}

/// Answers commands until the input ends.
pub(crate) fn serve() -> anyhow::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line?)?;
        let answer =
            obey(&command).unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn obey(command: &Value) -> anyhow::Result<Value> {
    match command["command"].as_str() {
        Some("about") => Ok(json!({ "version": concat!("Thumbmill ", env!("CARGO_PKG_VERSION")) })),
        Some("render") => measure(command),
        Some("read") => {
            let original = std::fs::read(text(&command["file"])?)?;
            Ok(json!({ "readShare": read_share(&original)? }))
        }
        _ => bail!("no such command: {command}"),
    }
}

fn text(value: &Value) -> anyhow::Result<&str> {
    value.as_str().context("a path")
}

/// Renders all variants of a file `times` times; writes what the last time gave.
fn measure(command: &Value) -> anyhow::Result<Value> {
    let list = |name: &str| command[name].as_array().context("a list");
    let original = std::fs::read(text(&command["file"])?)?;
    let transforms: Result<Vec<_>, _> = list("variants")?.iter().map(transform).collect();
    let transforms = transforms?;
    let times = command["times"]
        .as_u64()
        .filter(|times| *times > 0)
        .context("times")?;
    let (wall, cpu) = (Instant::now(), cpu_ms());
    let mut thumbnails = render(&original, &transforms)?;
    for _ in 1..times {
        thumbnails = render(&original, &transforms)?;
    }
    let cpu = cpu_ms() - cpu;
    let wall = wall.elapsed().as_secs_f64() * 1e3;
    for (path, thumbnail) in list("outputs")?.iter().zip(&thumbnails) {
        std::fs::write(text(path)?, thumbnail)?;
    }
    Ok(json!({
        "cpuMs": cpu / times as f64,
        "wallMs": wall / times as f64,
        "peakBytes": peak_bytes()?,
    }))
}

fn transform(variant: &Value) -> anyhow::Result<Transform> {
    let request = VariantRequest::deserialize(variant)?;
    Ok(request.literal(Format::Jpeg, Format::Jpeg))
}

/// CPU time of all threads of this process so far, in milliseconds.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// The most memory that this process ever had at once.
fn peak_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.context("the kernel tells no VmHWM")?.parse::<u64>()? * 1024)
}
