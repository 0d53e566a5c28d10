//! Writes a picture in the raw PPM or PGM format as JPEG: `ppm_to_jpeg QUALITY [progressive] [444|422|420] < in > out`.
use std::io::{Read, Write};
use thumbmill_jpeg_write::*;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut data = Vec::new();
    std::io::stdin().read_to_end(&mut data).unwrap();
    let mut parts = data.splitn(4, |b| b.is_ascii_whitespace());
    let magic = parts.next().unwrap();
    let num = |b: &[u8]| std::str::from_utf8(b).unwrap().parse::<u32>().unwrap();
    let w = num(parts.next().unwrap());
    let h = num(parts.next().unwrap());
    let rest = parts.next().unwrap();
    let px = &rest[4..];
    let q: u8 = args[0].parse().unwrap();
    let p = if args[1] == "p" {
        Process::Progressive
    } else {
        Process::Baseline
    };
    let s = match args[2].as_str() {
        "444" => Sampling::Full,
        "422" => Sampling::Half,
        _ => Sampling::Quarter,
    };
    let n: u32 = args.get(3).map_or(1, |n| n.parse().unwrap());
    let out = if magic == b"P5" {
        write(
            &Components::Gray(Plane {
                samples: px,
                width: w,
                height: h,
            }),
            q,
            p,
        )
        .unwrap()
    } else {
        let t0 = std::time::Instant::now();
        let planes = ycbcr_from_rgb(px, w, h, s).unwrap();
        let convert = t0.elapsed();
        let mut best = std::time::Duration::MAX;
        let mut out = Vec::new();
        for _ in 0..n {
            let t = std::time::Instant::now();
            out = write(&planes.components(), q, p).unwrap();
            best = best.min(t.elapsed());
        }
        eprintln!("convert {convert:?} write {best:?} bytes {}", out.len());
        out
    };
    std::io::stdout().write_all(&out).unwrap();
}
