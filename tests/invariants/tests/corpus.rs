//! Inputs that once broke something, and some that reach far, are tried in every run.

use std::path::Path;
use std::sync::Mutex;

/// What is measured is the whole process' memory, so there is one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Tries each file of a target's folder.
fn try_all(target: &str, holds: fn(&[u8])) {
    let alone = ALONE.lock();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/corpus");
    let folder = folder.join(target);
    let files =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut tried = 0;
    for file in files {
        let path = file.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        // The test's output is shown when it fails; the last line names the file.
        println!("{}", path.display());
        holds(&input);
        tried += 1;
    }
    drop(alone);
    assert!(tried > 0, "{} is empty", folder.display());
}

#[test]
fn jpegs_are_rendered_or_refused() {
    try_all("decode_jpeg", thumbmill_invariants::decode_jpeg);
}

#[test]
fn pngs_are_rendered_or_refused() {
    try_all("decode_png", thumbmill_invariants::decode_png);
}

#[test]
fn webps_are_rendered_or_refused() {
    try_all("decode_webp", thumbmill_invariants::decode_webp);
}

#[test]
fn jpegs_are_shrunk_cut_and_called_off() {
    try_all("jpeg_shrink", thumbmill_invariants::jpeg_shrink);
}

#[test]
fn messages_are_no_jobs_or_can_be_written_again() {
    try_all("job", thumbmill_invariants::job);
}

#[test]
fn queries_are_refused_or_can_be_written_again() {
    try_all("query", thumbmill_invariants::query);
}

#[test]
fn transforms_are_refused_or_done_to_any_picture() {
    try_all("transforms", thumbmill_invariants::transforms);
}
