//! Shows what was measured: as a table, and in the README. Judges it by what is wanted.

use std::path::Path;

use anyhow::Context;

use crate::cases::{BYTES_RATIO, Case, PEAK_BYTES, PHOTO, PSNR_DB, READ_SHARE};
use crate::run::{Measured, Output, Times};

const BEGIN: &str = "<!-- compare: begin -->\n";
const END: &str = "<!-- compare: end -->";
const HEAD: [&str; 8] = [
    "original → thumbnail",
    "sharp",
    "ours",
    "faster",
    "wanted",
    "bytes, ours : sharp",
    "PSNR, dB",
    "SSIM",
];

/// The table as Markdown. `peaks` are sharp's and ours, in bytes.
pub(crate) fn table(cases: &[Case], measured: &[Measured], peaks: Option<(u64, u64)>) -> String {
    let mut lines = line(&HEAD.map(str::to_owned)) + &line(&HEAD.map(|_| "---".to_owned()));
    for (case, measured) in cases.iter().zip(measured) {
        lines += &line(&case_cells(case, measured));
    }
    if let Some((sharp, ours)) = peaks {
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        lines += &line(&[
            format!("{PHOTO} → 200x200: peak memory of a fresh process"),
            megabytes(sharp),
            megabytes(ours),
            String::new(),
            format!("≤ {} {}", megabytes(PEAK_BYTES), mark(ours <= PEAK_BYTES)),
        ]);
    }
    lines
}

/// Each thumbnail of a job, wall time, and how far the rounds are apart: not for the README.
pub(crate) fn details(cases: &[Case], measured: &[Measured]) -> String {
    let times = |times: &Times| {
        let cpu = sorted(&times.cpu_ms);
        let (least, most) = (cpu[0], cpu[cpu.len() - 1]);
        let wall = median(&times.wall_ms);
        format!("CPU {least:.2} to {most:.2} ms, wall {wall:.2} ms")
    };
    let mut lines = Vec::new();
    for (case, measured) in cases.iter().zip(measured) {
        let ours = measured.ours.as_ref().map_or_else(Clone::clone, times);
        let sharp = times(&measured.sharp);
        lines.push(name(case, measured));
        lines.push(format!("  sharp: {sharp}\n  ours: {ours}"));
        for (variant, outputs) in case.variants.iter().zip(&measured.outputs) {
            let [bytes, psnr, ssim] = made_cells(std::slice::from_ref(outputs));
            lines.push(format!(
                "  {variant}: bytes {bytes}, PSNR {psnr}, SSIM {ssim}"
            ));
        }
    }
    lines.join("\n") + "\n"
}

/// Puts `text` in the place of what is between the README's markers.
pub(crate) fn write_readme(readme: &Path, text: &str) -> anyhow::Result<()> {
    let old = std::fs::read_to_string(readme)?;
    let (before, rest) = old
        .split_once(BEGIN)
        .context("no first marker in the README")?;
    let (_, after) = rest
        .split_once(END)
        .context("no second marker in the README")?;
    std::fs::write(readme, format!("{before}{BEGIN}{text}{END}{after}"))?;
    Ok(())
}

fn line(cells: &[String]) -> String {
    let mut cells = cells.to_vec();
    cells.resize(HEAD.len(), String::new());
    format!("| {} |\n", cells.join(" | "))
}

fn case_cells(case: &Case, measured: &Measured) -> [String; HEAD.len()] {
    let sharp = median(&measured.sharp.cpu_ms);
    let ms = |ms: f64| format!("{ms:.1} ms");
    let [bytes, psnr, ssim] = made_cells(&measured.outputs);
    let (ours, faster) = match &measured.ours {
        Ok(ours) => {
            let ours = median(&ours.cpu_ms);
            (ms(ours), sharp / ours)
        }
        Err(_) => ("not rendered".to_owned(), 0.0),
    };
    let ratio = if faster > 0.0 {
        format!("{faster:.2}×")
    } else {
        String::new()
    };
    let mut aims = Vec::from_iter(
        case.speed
            .map(|speed| format!("{speed:.1}× {}", mark(faster >= speed))),
    );
    if case.reads_less {
        let part = measured.read_share;
        let read = part.map_or("?".to_owned(), |part| format!("{:.1}", part * 100.0));
        let met = mark(part.is_some_and(|part| part < READ_SHARE));
        aims.push(format!(
            "{read} % of the file read, < {:.0} % {met}",
            READ_SHARE * 100.0
        ));
    }
    [
        name(case, measured),
        ms(sharp),
        ours,
        ratio,
        aims.join("; "),
        bytes,
        psnr,
        ssim,
    ]
}

fn name(case: &Case, measured: &Measured) -> String {
    let file = Path::new(&case.file).file_name().unwrap_or_default();
    let megabytes = measured.original_bytes as f64 / 1e6;
    format!("{}, {megabytes:.1} MB → {}", file.display(), case.makes)
}

/// Bytes, PSNR and SSIM: each of the thumbnail that compares worst with sharp's.
fn made_cells(outputs: &[(Output, Output)]) -> [String; 3] {
    let growth = |(sharp, ours): &&(Output, Output)| ours.bytes as f64 / sharp.bytes as f64;
    let largest = outputs
        .iter()
        .max_by(|one, other| growth(one).total_cmp(&growth(other)));
    let bytes = largest.map_or(String::new(), |pair| {
        let ratio = growth(&pair);
        let (sharp, ours) = (pair.0.bytes, pair.1.bytes);
        format!(
            "{ours} : {sharp} = {ratio:.3} {}",
            mark(ratio <= BYTES_RATIO)
        )
    });
    // Alike to the last bit on both sides is no loss, and no number.
    let loss = |(sharp, ours): (f64, f64)| {
        if ours.is_infinite() {
            0.0
        } else {
            sharp - ours
        }
    };
    let likenesses: Option<Vec<_>> = outputs
        .iter()
        .map(|(sharp, ours)| sharp.likeness.zip(ours.likeness))
        .collect();
    let Some(likenesses) = likenesses else {
        let why = "not compared".to_owned();
        return [bytes, why, String::new()];
    };
    let psnr = likenesses
        .iter()
        .map(|((sharp, _), (ours, _))| (*sharp, *ours));
    let psnr = psnr.max_by(|one, other| loss(*one).total_cmp(&loss(*other)));
    let psnr = psnr.map_or(String::new(), |(sharp, ours)| {
        format!(
            "{ours:.2} : {sharp:.2} {}",
            mark(loss((sharp, ours)) <= PSNR_DB)
        )
    });
    let ssim = likenesses
        .iter()
        .map(|((_, sharp), (_, ours))| (*sharp, *ours));
    let ssim = ssim.max_by(|one, other| (one.0 - one.1).total_cmp(&(other.0 - other.1)));
    let ssim = ssim.map_or(String::new(), |(sharp, ours)| {
        format!("{ours:.4} : {sharp:.4}")
    });
    [bytes, psnr, ssim]
}

fn mark(met: bool) -> &'static str {
    if met { "✓" } else { "**missed**" }
}

fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    f64::midpoint(low, high)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
