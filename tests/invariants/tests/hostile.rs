//! Originals and requests that are made to take much memory and time. None takes more of a worker
//! with the default limits than those allow.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use jpeg_encoder::{ColorType, Encoder};
use thumbmill_invariants::{Taken, taken};
use thumbmill_worker::render::RenderError;

/// The limit on decoded pixels, and what may be beside them: metadata, and a small variant.
const MOST_BYTES: u64 = (256 + 16) << 20;
/// And one of 36 megapixels.
const LARGE_VARIANT_BYTES: u64 = 4 * 36_000_000;
/// Metadata may take so much beside what a render says that it takes.
const BESIDE: u64 = 12 << 20;
const DEADLINE: Duration = Duration::from_secs(1);
/// What may pass between two looks at the clock, on a busy machine.
const LATE: Duration = Duration::from_secs(1);

/// What is measured is the whole process' memory, so there is one at a time, and none is drawn
/// meanwhile.
static ALONE: Mutex<()> = Mutex::new(());

/// A PNG of the same byte over and over.
fn flat_png(side: u32, depth: png::BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    let row = vec![0; side as usize * depth as usize / 2];
    for _ in 0..side {
        stream.write_all(&row).unwrap();
    }
    stream.finish().unwrap();
    drop(writer);
    bytes
}

/// The same, in seven passes: most of its data is missing then, or is too much.
fn interlaced(mut png: Vec<u8>) -> Vec<u8> {
    png[28] = 1;
    let sum = crc32fast::hash(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&sum);
    png
}

/// A JPEG of 16 by 16 pixels whose header says that it has `side` by `side`.
fn inflated_jpeg(side: u16, progressive: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 75);
    encoder.set_progressive(progressive);
    let samples: Vec<u8> = (0..768_u32)
        .map(|at| u8::try_from(at * 37 % 251).unwrap())
        .collect();
    encoder.encode(&samples, 16, 16, ColorType::Rgb).unwrap();
    let frame = bytes
        .windows(2)
        .position(|pair| pair == [0xff, if progressive { 0xc2 } else { 0xc0 }])
        .unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
    bytes
}

/// With more scans of the first component's first coefficients, all of them empty.
fn with_scans(jpeg: &[u8], count: usize) -> Vec<u8> {
    let (body, end) = jpeg.split_at(jpeg.len() - 2);
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 1, 5, 0];
    [body, &scan.repeat(count), end].concat()
}

fn riff_length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap().to_le_bytes()
}

fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let padding: &[u8] = if data.len() % 2 == 1 { &[0] } else { &[] };
    [&name, &riff_length(data.len())[..], data, padding].concat()
}

fn webp(chunks: &[u8]) -> Vec<u8> {
    [b"RIFF", &riff_length(4 + chunks.len())[..], b"WEBP", chunks].concat()
}

/// A lossless one of `side` by `side` pixels of one colour, none of which takes a bit.
fn lossless_webp(side: u32) -> Vec<u8> {
    let sides = (side - 1) | ((side - 1) << 14);
    // Five prefix codes, each of a single symbol.
    let codes = [0x88, 0x88, 0x08, 0];
    let data = [&[0x2f], &sides.to_le_bytes()[..], &codes].concat();
    webp(&chunk(*b"VP8L", &data))
}

/// A lossy key frame of `side` by `side` pixels, of which the first partition is zeros.
fn lossy_webp(side: u16, partition_bytes: u32) -> Vec<u8> {
    let [low, middle, high, _] = ((partition_bytes << 5) | 0x10).to_le_bytes();
    let [left, right] = side.to_le_bytes();
    let head = [
        low, middle, high, 0x9d, 0x01, 0x2a, left, right, left, right,
    ];
    let zeros = vec![0; partition_bytes as usize + 100];
    webp(&chunk(*b"VP8 ", &[&head[..], &zeros].concat()))
}

fn check_all(attacks: impl IntoIterator<Item = (&'static str, Vec<u8>)>) {
    for (attack, original) in attacks {
        for (request, most_bytes) in [
            (r#"{"width":60,"format":"jpg"}"#, MOST_BYTES),
            (r#"{"format":"png"}"#, MOST_BYTES + LARGE_VARIANT_BYTES),
        ] {
            check(attack, &taken(&original, request, DEADLINE), most_bytes);
        }
    }
}

#[test]
fn no_png_takes_more_than_a_worker_allows() {
    let _alone = ALONE.lock();
    let eight = || flat_png(6000, png::BitDepth::Eight);
    let sixteen = || flat_png(6000, png::BitDepth::Sixteen);
    check_all([
        ("144 MB of zeros", eight()),
        ("288 MB of zeros", sixteen()),
        ("144 MB in passes", interlaced(eight())),
        ("288 MB in passes", interlaced(sixteen())),
        ("8 MB of nothing", vec![0; 8 << 20]),
    ]);
}

#[test]
fn no_jpeg_takes_more_than_a_worker_allows() {
    let _alone = ALONE.lock();
    let whole = inflated_jpeg(16, false);
    let progressive = |side| inflated_jpeg(side, true);
    let begun_with = |bytes: Vec<u8>| [&whole[..2], &bytes, &whole[2..]].concat();
    let table = [&b"\xff\xc4\0\x13\0"[..], &[0; 16]].concat();
    check_all([
        ("36 MP that are not there", inflated_jpeg(6000, false)),
        ("36 MP, progressive", progressive(6000)),
        ("900 scans of 36 MP", with_scans(&progressive(6000), 900)),
        ("900 scans of 4 MP", with_scans(&progressive(2000), 900)),
        ("more pixels than allowed", inflated_jpeg(6001, false)),
        ("most pixels of a JPEG", progressive(u16::MAX)),
        ("8 MB of fill bytes", begun_with(vec![0xff; 8 << 20])),
        (
            "a million comments",
            begun_with(b"\xff\xfe\0\x02".repeat(1 << 20)),
        ),
        ("4 MB of Huffman tables", begun_with(table.repeat(200_000))),
    ]);
}

#[test]
fn no_webp_takes_more_than_a_worker_allows() {
    let _alone = ALONE.lock();
    let none = chunk(*b"none", b"").repeat(1 << 20);
    let chunks = [chunk(*b"VP8X", &[0; 10]), none].concat();
    check_all([
        ("36 MP of one lossless colour", lossless_webp(6000)),
        ("most pixels of a WebP", lossless_webp(1 << 14)),
        ("36 MP of zeros, lossy", lossy_webp(6000, 500_000)),
        ("36 MP that are not there, lossy", lossy_webp(6000, 8)),
        ("a million chunks", webp(&chunks)),
    ]);
}

fn check(attack: &str, taken: &Taken, most_bytes: u64) {
    let Taken {
        result,
        peak_bytes,
        estimated_bytes,
        time,
    } = taken;
    let end = result.as_ref().map(|variant| variant.bytes.len());
    println!("{attack}: {end:?}, {peak_bytes} of {estimated_bytes:?} bytes, {time:?}");
    assert!(*peak_bytes <= most_bytes);
    assert!(estimated_bytes.is_none_or(|estimated| *peak_bytes <= estimated + BESIDE));
    assert!(*time <= DEADLINE + LATE);
    if let Err(error) = result {
        assert!(!matches!(error, RenderError::Encode(_)));
        assert!(!error.to_string().contains("gave up"));
    }
}

#[test]
fn no_transform_takes_more_than_a_worker_allows() {
    let _alone = ALONE.lock();
    let jpeg = inflated_jpeg(16, false);
    for operation in [
        r#"["blur",8]"#,
        r#"["blur",1000]"#,
        r#"["sharpen",10]"#,
        r#"["normalise"]"#,
        r#"["rotate",45]"#,
        r#"["extend",{"left":3000,"background":"transparent"}]"#,
    ] {
        let operations = format!(r#""transforms":[["flip"],{operation}]"#);
        let request = format!(r#"{{"width":2500,"height":2500,"format":"png",{operations}}}"#);
        check(operation, &taken(&jpeg, &request, DEADLINE), MOST_BYTES);
    }
}

/// What takes much more than its decoded pixels: a render says so before it begins.
#[test]
fn a_render_says_before_how_much_it_takes() {
    let _alone = ALONE.lock();
    let small = inflated_jpeg(16, false);
    let photo = std::fs::read("../data/photos/astronaut.png").unwrap();
    let flat = flat_png(3000, png::BitDepth::Eight);
    let in_passes = interlaced(flat_png(3000, png::BitDepth::Eight));
    for (original, request) in [
        (
            &small,
            r#"{"width":2000,"height":2000,"format":"png","transforms":[["trim"]]}"#,
        ),
        (
            &small,
            r#"{"width":2000,"format":"jpg","transforms":[["rotate",30]]}"#,
        ),
        (
            &small,
            r#"{"width":20,"format":"png","transforms":[["extend",{"left":2500,"top":2500}]]}"#,
        ),
        (
            &photo,
            r#"{"width":2000,"height":2000,"format":"png","quality":80}"#,
        ),
        (&photo, r#"{"width":400,"height":400,"format":"avif"}"#),
        (
            &flat,
            r#"{"width":200,"format":"png","transforms":[["rotate",30]]}"#,
        ),
        (
            &flat,
            r#"{"width":2500,"format":"png","transforms":[["blur",9]]}"#,
        ),
        (&in_passes, r#"{"width":200,"format":"jpg"}"#),
        (
            &inflated_jpeg(3000, true),
            r#"{"width":200,"format":"jpg"}"#,
        ),
        (&inflated_jpeg(3000, true), r#"{"format":"jpg"}"#),
        (&lossless_webp(3000), r#"{"width":200,"format":"jpg"}"#),
    ] {
        let taken = taken(original, request, Duration::from_mins(1));
        let (peak, said) = (taken.peak_bytes, taken.estimated_bytes.unwrap());
        println!("{request}: {peak} of {said} bytes");
        assert!(peak <= said + (3 << 20), "{request}: {peak} of {said}");
    }
}
