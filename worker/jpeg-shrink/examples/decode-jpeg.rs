//! Decodes a file again and again, and prints what it costs: `decode FILE DENOMINATOR [TIMES]`.

use std::error::Error;
use std::io::Write;

use rustix::time::{ClockId, clock_gettime};
use thumbmill_jpeg_shrink::{MissingEnd, Options, Scale, decode};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let scale = match arguments.next().as_deref() {
        Some("1") => Scale::Full,
        Some("2") => Scale::Half,
        Some("4") => Scale::Quarter,
        Some("8") => Scale::Eighth,
        _ => return Err("the denominator is 1, 2, 4 or 8".into()),
    };
    let times: u32 = arguments.next().map_or(Ok(1), |times| times.parse())?;
    let bytes = std::fs::read(&file)?;
    let options = Options {
        scale,
        crop: None,
        budget_bytes: 1 << 30,
        missing_end: MissingEnd::Refuse,
    };
    let mut best_ms = f64::INFINITY;
    let mut size = (0, 0);
    for _ in 0..times {
        let begin = cpu_ms();
        let picture = decode(&bytes, &options, &|| false)?;
        best_ms = best_ms.min(cpu_ms() - begin);
        size = (picture.full_width, picture.full_height);
    }
    let (width, height) = size;
    writeln!(
        std::io::stdout(),
        "{file}: {width} x {height}, best {best_ms:.2} ms"
    )?;
    Ok(())
}

/// The CPU time of this process.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = std::time::Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    );
    seconds.as_secs_f64() * 1000.0
}
