//! Of an animation, the first frame on its canvas.

use thumbmill_webp_shrink::{Error, Pixels, Scale, read_header};
use webp::PixelLayout::{Rgb, Rgba};
use webp::{AnimDecoder, AnimEncoder, AnimFrame, WebPConfig};

use crate::drawn::{at, decoded, drawing, encoded, photo};

/// A chunk of a RIFF file.
fn chunk(name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = name.to_vec();
    chunk.extend_from_slice(&(body.len() as u32).to_le_bytes());
    chunk.extend_from_slice(body);
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn number24(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}

/// An animation on a canvas of 50 x 40, whose first frame is the picture in `bytes` at `place`.
fn animation(bytes: &[u8], place: (u32, u32), size: (u32, u32)) -> Vec<u8> {
    // Of a file with an extended header, what follows that; else all that follows the RIFF header.
    let image = if &bytes[12..16] == b"VP8X" {
        &bytes[30..]
    } else {
        &bytes[12..]
    };
    let numbers = [place.0 / 2, place.1 / 2, size.0 - 1, size.1 - 1, 100];
    let mut frame: Vec<u8> = numbers.map(number24).concat();
    frame.push(0);
    frame.extend_from_slice(image);
    let mut header = vec![0x12, 0, 0, 0];
    header.extend([49, 39].map(number24).concat());
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(*b"VP8X", &header));
    body.extend(chunk(*b"ANIM", &[0; 6]));
    body.extend(chunk(*b"ANMF", &frame));
    chunk(*b"RIFF", &body)
}

#[test]
fn the_first_frame_equals_libwebps() {
    let (first, second) = (photo(60, 44), drawing(60, 44, 9));
    for lossless in [0, 1] {
        let mut config = WebPConfig::new().unwrap();
        config.lossless = lossless;
        let mut encoder = AnimEncoder::new(60, 44, &config);
        encoder.add_frame(AnimFrame::from_rgba(&first, 60, 44, 0));
        encoder.add_frame(AnimFrame::from_rgba(&second, 60, 44, 100));
        let bytes = encoder.encode();
        assert!(read_header(&bytes).unwrap().animated);
        let frames = AnimDecoder::new(&bytes).decode().unwrap();
        let theirs = frames.get_frame(0).unwrap();
        let ours = decoded(&bytes, &at(Scale::Full)).unwrap().to_rgba();
        assert!(ours == theirs.get_image(), "lossless: {lossless}");
    }
}

#[test]
fn around_a_small_first_frame_nothing_is_seen() {
    let samples = photo(21, 15);
    for (layout, lossless) in [(Rgb, 0), (Rgba, 0), (Rgb, 1), (Rgba, 1)] {
        let still = encoded(&samples, layout, (21, 15), |config| {
            config.lossless = lossless;
        });
        let bytes = animation(&still, (6, 10), (21, 15));
        let frame = decoded(&still, &at(Scale::Full)).unwrap().to_rgba();
        let ours = decoded(&bytes, &at(Scale::Full)).unwrap();
        assert_eq!((ours.full_width, ours.full_height), (50, 40));
        let mut inside = Vec::new();
        for (n, pixel) in ours.to_rgba().as_chunks::<4>().0.iter().enumerate() {
            if (6..27).contains(&(n % 50)) && (10..25).contains(&(n / 50)) {
                inside.extend_from_slice(pixel);
            } else {
                assert_eq!(pixel[3], 0);
            }
        }
        // At the frame's edge chroma is interpolated with what lies around, so that opacity counts.
        let alphas = |samples: &[u8]| {
            samples
                .iter()
                .skip(3)
                .step_by(4)
                .copied()
                .collect::<Vec<_>>()
        };
        assert_eq!(alphas(&inside), alphas(&frame));
        assert!(lossless == 0 || inside == frame);
    }
}

#[test]
fn scaled_canvases_are_means_of_boxes() {
    let still = encoded(&photo(21, 15), Rgb, (21, 15), |_| {});
    let bytes = animation(&still, (6, 10), (21, 15));
    let whole = decoded(&bytes, &at(Scale::Full)).unwrap();
    let scaled = decoded(&bytes, &at(Scale::Eighth)).unwrap();
    let (Pixels::Ycbcr { y, .. }, Pixels::Ycbcr { y: small, .. }) = (whole.pixels, scaled.pixels)
    else {
        panic!("a lossy picture has planes");
    };
    let inside = (8..16).flat_map(|row| &y.samples[row * 50 + 8..][..8]);
    let sum: u32 = inside.map(|sample| u32::from(*sample)).sum();
    assert_eq!(u32::from(small.samples[7 + 1]), (sum + 32) / 64);
}

#[test]
fn a_frame_beside_its_canvas_is_corrupt() {
    let still = encoded(&photo(21, 15), Rgb, (21, 15), |_| {});
    for place in [(30, 0), (0, 26), (1 << 24, 0)] {
        let bytes = animation(&still, place, (21, 15));
        assert!(matches!(
            decoded(&bytes, &at(Scale::Full)),
            Err(Error::Corrupt(_))
        ));
    }
    let bytes = animation(&still, (0, 0), (22, 15));
    assert!(matches!(
        decoded(&bytes, &at(Scale::Full)),
        Err(Error::Corrupt(_))
    ));
}
