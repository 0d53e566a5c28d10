//! Decodes a file several times and prints the CPU time of the fastest decode:
//! `decode FILE [SCALE: 1, 2, 4 or 8] [TIMES]`.

use std::{error::Error, io::Write, time::Duration};

use thumbmill_webp_shrink::{Options, Scale, decode};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let bytes = std::fs::read(arguments.next().ok_or("which file?")?)?;
    let scale = match arguments.next().as_deref() {
        None | Some("1") => Scale::Full,
        Some("2") => Scale::Half,
        Some("4") => Scale::Quarter,
        Some("8") => Scale::Eighth,
        Some(_) => return Err("the scale is 1, 2, 4 or 8".into()),
    };
    let times: u32 = arguments.next().map_or(Ok(1), |times| times.parse())?;
    let options = Options {
        scale,
        crop: None,
        budget_bytes: 1 << 30,
    };
    let mut best = Duration::MAX;
    for _ in 0..times {
        let before = cpu_time()?;
        std::hint::black_box(decode(&bytes, &options, &|| false)?);
        best = best.min(cpu_time()?.saturating_sub(before));
    }
    writeln!(std::io::stdout(), "{:.1} ms", best.as_secs_f64() * 1e3)?;
    Ok(())
}

/// CPU time of this thread so far, as Linux counts it.
fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split(' ').next().ok_or("no statistics")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}
