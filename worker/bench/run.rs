//! Runs the cases: originals first, then both sides in turn, round after round. Knows how to
//! measure, and neither what is wanted nor how it is shown.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use crate::cases::{self, Case};
use crate::drawing;
use crate::quality;
use crate::side::Side;
use crate::truth::{self, Picture, Placement};

/// CPU time that one measurement takes at least, in milliseconds: cheap renders are repeated.
const MEASUREMENT_MS: f64 = 250.0;

/// What one side needed for a case, one value a round.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) cpu_ms: Vec<f64>,
    pub(crate) wall_ms: Vec<f64>,
}

/// What one side made: its bytes, and how like the ground truth it is.
pub(crate) struct Output {
    pub(crate) bytes: usize,
    /// PSNR in dB and SSIM; `None` without a ground truth of that size.
    pub(crate) likeness: Option<(f64, f64)>,
}

/// What was measured of a case.
pub(crate) struct Measured {
    pub(crate) original_bytes: u64,
    pub(crate) sharp: Times,
    /// Or why our side does not render it.
    pub(crate) ours: Result<Times, String>,
    pub(crate) read_share: Option<f64>,
    /// For each variant sharp's and ours.
    pub(crate) outputs: Vec<(Output, Output)>,
}

/// A run's folder and sharp's.
pub(crate) struct Run {
    pub(crate) folder: PathBuf,
    pub(crate) sharp: PathBuf,
}

impl Run {
    /// Draws and encodes the originals that `cases` need; keeps those that exist when told so.
    pub(crate) fn originals(&self, cases: &[Case], keep: Keep) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let mut sharp = Side::sharp(&self.sharp)?;
        let raw = self.folder.join("pixels.raw");
        for original in cases::originals() {
            let file = self.folder.join(original.file);
            let needed = cases.iter().any(|case| Path::new(&case.file) == file);
            if !needed || (keep == Keep::Existing && file.exists()) {
                continue;
            }
            let drawing = original.drawing;
            std::fs::write(&raw, drawing::draw(&drawing))?;
            let (format, options) = original.encoding;
            sharp.ask(&json!({
                "command": "encode", "raw": raw, "file": file, "format": format, "options": options,
                "width": drawing.width, "height": drawing.height,
                "channels": if drawing.cut_out { 4 } else { 3 },
            }))?;
            std::fs::remove_file(&raw)?;
        }
        Ok(())
    }

    /// Measures all cases `rounds` times, sharp and ours in turn, and then what they made.
    pub(crate) fn measure(&self, cases: &[Case], rounds: usize) -> anyhow::Result<Vec<Measured>> {
        let mut sides = (Side::sharp(&self.sharp)?, Side::ours()?);
        let mut pairs = Vec::new();
        for (index, case) in cases.iter().enumerate() {
            let ask = |name: &str| Question::new(case, &self.output(name, index));
            pairs.push((
                Meter::new(&mut sides.0, ask("sharp"))?,
                Meter::new(&mut sides.1, ask("ours")).map_err(|error| format!("{error:#}")),
            ));
        }
        for round in 0..rounds {
            eprintln!("round {} of {rounds}", round + 1);
            for (sharp, ours) in &mut pairs {
                // Who comes first changes, so that neither always finds the machine warm.
                if round % 2 == 0 {
                    sharp.measure(&mut sides.0)?;
                }
                if let Ok(ours) = ours {
                    ours.measure(&mut sides.1)?;
                }
                if round % 2 == 1 {
                    sharp.measure(&mut sides.0)?;
                }
            }
        }
        let measured = cases.iter().zip(pairs).map(|(case, (sharp, ours))| {
            let outputs = match &ours {
                Ok(ours) => outputs(case, &sharp.question, &ours.question, &mut sides.0)?,
                Err(_) => Vec::new(),
            };
            Ok(Measured {
                original_bytes: std::fs::metadata(&case.file)?.len(),
                sharp: sharp.times,
                read_share: read_share(case, &mut sides.1)?,
                ours: ours.map(|ours| ours.times),
                outputs,
            })
        });
        measured.collect()
    }

    /// The peak memory in bytes of fresh processes, sharp's and ours, that render `case` once.
    pub(crate) fn peaks(&self, case: &Case) -> anyhow::Result<(u64, u64)> {
        let peak = |mut side: Side| {
            let question = Question::new(case, &self.output("peak", 0));
            let answer = side.ask(&question.times(1))?;
            answer["peakBytes"].as_u64().context("no peak")
        };
        Ok((peak(Side::sharp(&self.sharp)?)?, peak(Side::ours()?)?))
    }

    /// Where a side's thumbnails of a case go, without their number and ending.
    fn output(&self, side: &str, case: usize) -> PathBuf {
        self.folder.join(format!("{side}-{case}"))
    }
}

/// Are originals that exist used again?
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Keep {
    Existing,
    Nothing,
}

/// What a side is asked for a case.
struct Question {
    json: Value,
    outputs: Vec<PathBuf>,
}

impl Question {
    fn new(case: &Case, output: &Path) -> Self {
        let name = |(number, variant): (usize, &Value)| {
            let format = variant["format"].as_str().unwrap_or("bin");
            PathBuf::from(format!("{}-{number}.{format}", output.display()))
        };
        let outputs: Vec<PathBuf> = case.variants.iter().enumerate().map(name).collect();
        let json = json!({
            "command": "render", "file": case.file, "variants": case.variants, "outputs": outputs,
        });
        Self { json, outputs }
    }

    fn times(&self, times: u64) -> Value {
        let mut json = self.json.clone();
        json["times"] = times.into();
        json
    }
}

/// One side's measurements of a case.
struct Meter {
    question: Question,
    repeats: u64,
    times: Times,
}

impl Meter {
    /// Renders once to warm up, and to see how often it must be repeated.
    fn new(side: &mut Side, question: Question) -> anyhow::Result<Self> {
        let answer = side.ask(&question.times(1))?;
        let once = answer["cpuMs"].as_f64().context("no CPU time")?;
        Ok(Self {
            question,
            repeats: (MEASUREMENT_MS / once).ceil().clamp(1.0, 100.0) as u64,
            times: Times::default(),
        })
    }

    fn measure(&mut self, side: &mut Side) -> anyhow::Result<()> {
        let answer = side.ask(&self.question.times(self.repeats))?;
        let number = |name: &str| answer[name].as_f64().context("no time");
        self.times.cpu_ms.push(number("cpuMs")?);
        self.times.wall_ms.push(number("wallMs")?);
        Ok(())
    }
}

/// The share of a case's file that our decoder looks at, where that is of interest.
fn read_share(case: &Case, ours: &mut Side) -> anyhow::Result<Option<f64>> {
    if !case.reads_less {
        return Ok(None);
    }
    let answer = ours.ask(&json!({ "command": "read", "file": case.file }))?;
    Ok(answer["readShare"].as_f64())
}

/// Compares what both sides made with the ground truth.
fn outputs(
    case: &Case,
    sharp: &Question,
    ours: &Question,
    decoder: &mut Side,
) -> anyhow::Result<Vec<(Output, Output)>> {
    // No ground truth, for CMYK for example, is no reason not to measure speed.
    let original = Picture::decode(&std::fs::read(&case.file)?).inspect_err(|error| {
        eprintln!("{}: {error:#}", case.file);
    });
    let mut outputs = Vec::new();
    for ((variant, sharp), ours) in case.variants.iter().zip(&sharp.outputs).zip(&ours.outputs) {
        let mut truths = Vec::new();
        if let Ok(original) = &original {
            for placement in [Placement::Stretched, Placement::Centred] {
                let plan = truth::plan(original, variant, placement)?;
                truths.push(truth::scale(original, plan));
            }
        }
        let mut look = |file: &Path| output(file, &truths, decoder);
        outputs.push((look(sharp)?, look(ours)?));
    }
    Ok(outputs)
}

fn output(file: &Path, truths: &[Picture], decoder: &mut Side) -> anyhow::Result<Output> {
    let encoded = std::fs::read(file)?;
    let found = if file.extension().is_some_and(|format| format == "avif") {
        let png = file.with_extension("avif.png");
        decoder.ask(&json!({ "command": "decode", "file": file, "png": png }))?;
        Picture::decode(&std::fs::read(png)?)?
    } else {
        Picture::decode(&encoded)?
    };
    let likenesses = truths.iter().filter_map(|truth| likeness(truth, &found));
    let likeness = likenesses.max_by(|(one, _), (other, _)| one.total_cmp(other));
    if likeness.is_none() {
        let Picture {
            width,
            height,
            channels,
            ..
        } = found;
        eprintln!(
            "{}: {width}x{height}x{channels} is not compared",
            file.display()
        );
    }
    Ok(Output {
        bytes: encoded.len(),
        likeness,
    })
}

/// PSNR in dB and SSIM, if the pictures have the same shape and are large enough.
fn likeness(truth: &Picture, found: &Picture) -> Option<(f64, f64)> {
    let shape = |picture: &Picture| (picture.width, picture.height, picture.channels);
    let comparable = truth.width.min(truth.height) >= quality::WINDOW_PX;
    (comparable && shape(truth) == shape(found)).then(|| {
        let psnr = quality::psnr_db(&truth.samples, &found.samples);
        (
            psnr,
            quality::ssim(&truth.luma(), &found.luma(), truth.width),
        )
    })
}
