//! Compares the renderer with sharp: CPU time, bytes, likeness to a ground truth, memory. Started
//! by `worker/bench/compare`, which installs sharp.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for developers, on pictures of known size"
)]

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::json;

mod cases;
mod drawing;
mod ours;
mod quality;
mod run;
mod side;
mod table;
mod truth;

use run::{Keep, Run};
use side::Side;

const HELP: &str = "\
Compares thumbnails of ours with sharp's, one thread each, in turn in one run.

worker/bench/compare [OPTIONS] [PICTURE]...

  --rounds N        how often each case is measured (default 7)
  --only TEXT       only cases whose picture or result has TEXT in its name
  --keep-originals  draws only originals that are missing
  --write-readme    puts the table into worker/README.md
  PICTURE           is measured, too: 200x200 in the format that its name says

Originals are drawn, and encoded by sharp; they and all thumbnails are left in
target/bench-compare. Times are CPU time of the whole process a job, the median
of all rounds. Ground truth: the original decoded at full size by jpeg-decoder
or image, then exact Lanczos3 on stored samples, alpha premultiplied; PSNR of
all (premultiplied) channels, SSIM of the luma on black. Where the ratio gives no
whole pixels there are two, one stretched and one centred, and each side is
compared with the nearer. Of a job with several thumbnails the table has the one
that compares worst with sharp's.
";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--serve") => ours::serve(),
        _ if arguments.iter().any(|argument| argument == "--help") => {
            print!("{HELP}");
            Ok(())
        }
        _ => compare(Options::parse(arguments)?),
    }
}

struct Options {
    sharp: PathBuf,
    rounds: usize,
    only: String,
    keep: Keep,
    write_readme: bool,
    pictures: Vec<String>,
}

impl Options {
    fn parse(arguments: Vec<String>) -> anyhow::Result<Self> {
        let mut options = Self {
            sharp: PathBuf::new(),
            rounds: 7,
            only: String::new(),
            keep: Keep::Nothing,
            write_readme: false,
            pictures: Vec::new(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} of what?"))
            };
            match argument.as_str() {
                "--sharp" => options.sharp = value()?.into(),
                "--rounds" => options.rounds = value()?.parse()?,
                "--only" => options.only = value()?,
                "--keep-originals" => options.keep = Keep::Existing,
                "--write-readme" => options.write_readme = true,
                unknown if unknown.starts_with("--") => bail!("no such option: {unknown}"),
                _ => options.pictures.push(argument),
            }
        }
        if options.rounds == 0 {
            bail!("--rounds is 1 or more");
        }
        Ok(options)
    }
}

fn compare(options: Options) -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .nth(3)
        .context("not in a target folder")?;
    let run = Run {
        folder: target.join("bench-compare"),
        sharp: options.sharp,
    };
    let mut cases = cases::cases();
    for case in &mut cases {
        case.file = run.folder.join(&case.file).display().to_string();
    }
    let photo = run.folder.join(cases::PHOTO).display().to_string();
    cases.retain(|case| case.file.contains(&options.only) || case.makes.contains(&options.only));
    cases.extend(options.pictures.iter().map(|picture| cases::given(picture)));
    run.originals(&cases, options.keep)?;
    let measured = run.measure(&cases, options.rounds)?;
    let photo_is_there = cases.iter().any(|case| case.file == photo);
    let peaks = photo_is_there
        .then(|| run.peaks(&cases::given(&photo)))
        .transpose()?;
    let about = |mut side: Side| {
        let answer = side.ask(&json!({ "command": "about" }))?;
        anyhow::Ok(answer["version"].as_str().unwrap_or_default().to_owned())
    };
    let (sharp, ours) = (about(Side::sharp(&run.sharp)?)?, about(Side::ours()?)?);
    let table = table::table(&cases, &measured, peaks);
    let text = format!(
        "\n{table}\n{ours}; {sharp}; rounds: {}; {}.\n",
        options.rounds,
        processor()
    );
    println!("{}{text}", table::details(&cases, &measured));
    if options.write_readme {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        table::write_readme(readme.as_ref(), &text)?;
    }
    Ok(())
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split(": ").nth(1));
    name.unwrap_or("an unnamed processor").to_owned()
}
