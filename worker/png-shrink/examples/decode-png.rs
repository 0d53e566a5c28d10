//! Reads a PNG as the service would for a square thumbnail, again and again, and prints the CPU
//! time it takes: `decode FILE [TIMES [SHRINK]]`. `png` as last argument: the `png` crate instead,
//! all of the picture.
#![expect(clippy::print_stdout, reason = "it is a program for a person")]

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use thumbmill_png_shrink::{Crop, Options, decode, read_header};

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::from_secs(time.tv_sec.unsigned_abs())
        + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse().ok());
    let bytes = std::fs::read(arguments.first().ok_or("a file, please")?)?;
    let header = read_header(&bytes)?;
    let side = header.width.min(header.height);
    let shrink = number(2).unwrap_or((side / 400).max(1));
    let crop = Crop {
        x: (header.width - side) / 2,
        y: (header.height - side) / 2,
        width: side,
        height: side,
    };
    let options = Options {
        shrink: (shrink, shrink),
        crop: Some(crop),
        budget_bytes: 1 << 30,
    };
    let plain = arguments.last().is_some_and(|last| last == "png");
    let mut best = Duration::MAX;
    for _ in 0..number(1).unwrap_or(1) {
        let before = cpu_time();
        if plain {
            let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info()?;
            let mut samples = vec![0; reader.output_buffer_size().unwrap_or(0)];
            reader.next_frame(&mut samples)?;
        } else {
            decode(&bytes, &options, &|| false)?;
        }
        best = best.min(cpu_time().saturating_sub(before));
    }
    println!("{:.1} ms", best.as_secs_f64() * 1000.0);
    Ok(())
}
