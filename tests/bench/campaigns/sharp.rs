//! Four presets of many originals: a campaign from its command to its last thumbnail, beside a script
//! that calls sharp once for each thumbnail of the same pictures. The campaign's store is a folder,
//! as the script's, and then S3. All CPU time of the machine counts, the servers' too, so nothing
//! else may run.

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::iter;
use image::DynamicImage;
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::{decode, jpeg, photo};
use tokio::process::Command;

const WIDTHS: [u32; 4] = [64, 200, 400, 800];
/// Pictures that differ; each is uploaded several times.
const DIFFERENT: usize = 20;
const SIZE: (u32, u32) = (4000, 3000);
/// Thumbnails of both sides that are compared.
const COMPARED: usize = 5;

/// Seconds of all CPUs in which anything was done.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let fields: Vec<f64> = stat
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .map(|field| field.parse().unwrap())
        .collect();
    // All but idle (3) and iowait (4); guests (8, 9) are among the others.
    let busy: f64 = fields[..3].iter().chain(&fields[5..8]).sum();
    busy / 100.0
}

struct Took {
    cpu: f64,
    wall: f64,
}

async fn measured(work: impl Future<Output = ()>) -> Took {
    // What was written before is not to be paid for here.
    let status = Command::new("sync").status().await;
    assert!(status.expect("sync").success(), "sync");
    let (cpu, begin) = (cpu_seconds(), Instant::now());
    work.await;
    Took {
        cpu: cpu_seconds() - cpu,
        wall: begin.elapsed().as_secs_f64(),
    }
}

/// Draws the originals as files.
fn draw(folder: &Path, originals: usize) -> Vec<PathBuf> {
    let (width, height) = SIZE;
    let scene = DynamicImage::from(photo(width + DIFFERENT as u32, height));
    let pictures: Vec<_> = (0..DIFFERENT.min(originals))
        .map(|number| jpeg(&scene.crop_imm(number as u32, 0, width, height)))
        .collect();
    (0..originals)
        .map(|number| {
            let path = folder.join(format!("{number}.jpg"));
            std::fs::write(&path, &pictures[number % pictures.len()]).unwrap();
            path
        })
        .collect()
}

async fn upload(cluster: &Cluster, paths: &[PathBuf]) -> Vec<String> {
    let uploads = iter(paths).map(|path| async move {
        cluster
            .upload("photo.jpg", std::fs::read(path).unwrap())
            .await
    });
    uploads.buffered(4).collect().await
}

async fn npm_install(folder: &Path) {
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--silent",
        "--prefix",
    ]);
    let status = npm.arg(folder).arg("sharp@latest").status().await;
    assert!(status.expect("npm").success(), "npm install sharp");
}

async fn script(sharp: &Path, originals: &Path, thumbnails: &Path) {
    let mut node = Command::new("node");
    node.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/bench/campaigns/sharp.mjs"
    ));
    node.args([sharp, originals, thumbnails]);
    let status = node.args(WIDTHS.map(|width| width.to_string())).status();
    assert!(status.await.expect("node").success(), "the script");
}

/// Prints both sides.
pub(super) async fn run(originals: usize) {
    let folder = tempfile::tempdir().unwrap();
    let [drawn, made, sharp] = ["originals", "thumbnails", "sharp"].map(|name| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    });
    npm_install(&sharp).await;
    let presets = folder.path().join("presets.toml");
    let text = WIDTHS.map(|width| format!("[w{width}]\nwidth = {width}\nformat = \"jpg\"\n"));
    std::fs::write(&presets, text.concat()).unwrap();
    let cores = std::thread::available_parallelism().unwrap().to_string();
    let more = [
        ("THUMBMILL_PRESETS", presets.display().to_string()),
        ("THUMBMILL_BULK_SLOTS", cores),
    ];
    let store = folder.path().join("store");
    let files = ("THUMBMILL_STORAGE", format!("file:{}", store.display()));
    let paths = draw(&drawn, originals);
    let on_files = Cluster::distributed(1, 1, &[&more[..], &[files]].concat()).await;
    let ids = upload(&on_files, &paths).await;
    let ours = campaign(&on_files).await;
    let theirs = measured(script(&sharp, &drawn, &made)).await;
    let thumbnails = (originals * WIDTHS.len()) as f64;
    println!(
        "{originals} originals of {}x{}, {} presets: {thumbnails} thumbnails",
        SIZE.0,
        SIZE.1,
        WIDTHS.len()
    );
    println!("                    CPU, s  wall, s  thumbnails a CPU second  ratio");
    let line = |name: &str, took: &Took| {
        let (rate, ratio) = (thumbnails / took.cpu, theirs.cpu / took.cpu);
        let Took { cpu, wall } = took;
        println!("  {name:20}{cpu:6.1}{wall:9.1}{rate:25.1}{ratio:7.2}");
    };
    line("a script with sharp", &theirs);
    line("a campaign, files", &ours);
    compare(&on_files, &ids, &made).await;
    on_files.finish(0).await;
    std::fs::remove_dir_all(&store).unwrap();
    let on_s3 = Cluster::distributed(1, 1, &more).await;
    upload(&on_s3, &paths).await;
    line("a campaign, S3", &campaign(&on_s3).await);
    on_s3.finish(0).await;
}

async fn campaign(cluster: &Cluster) -> Took {
    measured(async {
        let names = WIDTHS.map(|width| format!("w{width}")).join(",");
        let command = ["pregenerate", "--all", "--preset", &names, "--wait"];
        let (code, output) = tokio::task::block_in_place(|| cluster.command(&command));
        let last = output.lines().last().unwrap_or_default();
        assert_eq!(code, 0, "{last}");
    })
    .await
}

/// They are the same pictures.
async fn compare(cluster: &Cluster, ids: &[String], made: &Path) {
    let mut worst = f64::INFINITY;
    for (number, id) in ids.iter().enumerate().take(COMPARED) {
        for width in WIDTHS {
            let answer = cluster.get(&format!("/assets/{id}?key=w{width}")).await;
            let ours = decode(&answer.bytes().await.unwrap()).to_rgb8();
            let theirs = std::fs::read(made.join(format!("{number}-{width}.jpg"))).unwrap();
            let theirs = decode(&theirs).to_rgb8();
            assert_eq!(ours.dimensions(), theirs.dimensions());
            let squares = ours.iter().zip(theirs.iter());
            let squares = squares.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
            let mean = squares.sum::<f64>() / ours.len() as f64;
            worst = worst.min(10.0 * (255.0_f64.powi(2) / mean).log10());
        }
    }
    println!(
        "  ours beside theirs: PSNR of {} at least {worst:.1} dB",
        COMPARED * WIDTHS.len()
    );
}
