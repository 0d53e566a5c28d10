use super::*;

const LEVEL: u8 = 6;

/// A file as it was written, and as it is shown.
struct File {
    depth: png::BitDepth,
    colours: usize,
    /// Entries of `tRNS`.
    translucent: usize,
    pixels: Vec<Colour>,
}

impl File {
    fn of(pixels: &Pixels, quality: u8) -> Self {
        let bytes = palette(pixels, quality, LEVEL).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let info = decoder.read_header_info().unwrap();
        assert_eq!(info.color_type, png::ColorType::Indexed);
        assert_eq!((info.width, info.height), {
            let Size { width, height } = pixels.size();
            (width, height)
        });
        let depth = info.bit_depth;
        let reader = decoder.read_info().unwrap();
        let colours = reader.info().palette.as_ref().unwrap().len() / 3;
        let translucent = reader.info().trns.as_ref().map_or(0, |trns| trns.len());
        let shown = image::load_from_memory(&bytes).unwrap().into_rgba8();
        Self {
            depth,
            colours,
            translucent,
            pixels: shown.pixels().map(|pixel| pixel.0).collect(),
        }
    }

    /// The mean squared error of a visible sample.
    fn error(&self, pixels: &Pixels) -> f64 {
        let samples = rgba(pixels);
        let (expected, _) = samples.as_chunks::<4>();
        let visible =
            |[r, g, b, a]: Colour| [r, g, b].map(|sample| f64::from(sample) * f64::from(a) / 255.0);
        let pairs = self.pixels.iter().zip(expected);
        let errors = pairs.flat_map(|(found, expected)| {
            let (found, expected) = (visible(*found), visible(*expected));
            [0, 1, 2].map(|n| (found[n] - expected[n]).powi(2))
        });
        let samples = u32::try_from(expected.len() * 3).unwrap();
        errors.sum::<f64>() / f64::from(samples)
    }
}

fn picture(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u32; 4]) -> Pixels {
    let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let samples = rows.flat_map(|(x, y)| colour(x, y).map(|sample| u8::try_from(sample).unwrap()));
    Pixels::new(Size { width, height }, samples.collect(), Channels::Rgba).unwrap()
}

/// Some 20,000 colours; a round hole with a soft edge in the middle.
fn photo() -> Pixels {
    picture(200, 160, |x, y| {
        let grain = (x * 7 + y * 13) % 23;
        let (right, down) = (x.abs_diff(100), y.abs_diff(80));
        let alpha = (right * right + down * down).saturating_sub(400).min(255);
        [x + grain, y + grain, (x + y) / 3 + grain, alpha]
    })
}

#[test]
fn up_to_256_colours_are_kept_in_as_few_bits_as_do() {
    use png::BitDepth::{Eight, Four, One, Two};
    for (colours, depth) in [
        (1, One),
        (2, One),
        (3, Two),
        (4, Two),
        (5, Four),
        (16, Four),
        (17, Eight),
        (256, Eight),
    ] {
        // Rows that do not end with a byte.
        let pixels = picture(37, 11, |x, y| {
            let n = (x + y * 37) % colours;
            [n, 255 - n, n / 2, 255 - n % 3]
        });
        let file = File::of(&pixels, 1);
        assert_eq!((file.depth, file.colours), (depth, colours as usize));
        assert_eq!(file.pixels.as_flattened(), pixels.samples(), "{colours}");
        let translucent = (0..colours).filter(|n| n % 3 > 0).count();
        assert_eq!(file.translucent, translucent, "{colours}");
    }
}

#[test]
fn gray_and_opaque_pictures_have_palettes_without_transparency() {
    let size = Size {
        width: 64,
        height: 8,
    };
    let gray: Vec<u8> = (0..=255).flat_map(|n| [n, n]).collect();
    let expected: Vec<Colour> = gray.iter().map(|n| [*n, *n, *n, 255]).collect();
    let gray = Pixels::new(size, gray, Channels::Gray).unwrap();
    for pixels in [gray.clone(), gray.widened(Channels::Rgb)] {
        let file = File::of(&pixels, 30);
        assert_eq!((file.colours, file.translucent), (256, 0));
        assert_eq!(file.pixels, expected);
    }
}

#[test]
fn what_is_invisible_has_one_colour() {
    let pixels = picture(64, 64, |x, y| [x, y, 0, 0]);
    let file = File::of(&pixels, 50);
    assert_eq!((file.colours, file.depth), (1, png::BitDepth::One));
    assert!(file.pixels.iter().all(|pixel| *pixel == INVISIBLE));
}

#[test]
fn more_quality_is_more_colours_and_less_error() {
    let pixels = photo();
    let files = [1, 10, 30, 60, 80, 99].map(|quality| File::of(&pixels, quality));
    let colours = files.each_ref().map(|file| file.colours);
    assert!(colours.is_sorted(), "{colours:?}");
    let errors = files.each_ref().map(|file| file.error(&pixels));
    assert!(errors.is_sorted_by(|a, b| a >= b), "{errors:?}");
    assert!(colours[0] <= 128 && colours[5] == 256, "{colours:?}");
    assert!(errors[5] < 40.0, "{errors:?}");
}

#[test]
fn dithering_makes_nothing_invisible_visible_and_nothing_opaque_translucent() {
    let pixels = photo();
    let samples = rgba(&pixels);
    for quality in [1, 30, 80] {
        let file = File::of(&pixels, quality);
        for (found, expected) in file.pixels.iter().zip(samples.as_chunks::<4>().0) {
            match expected[3] {
                0 => assert_eq!(*found, INVISIBLE, "{quality}"),
                255 => assert!(found[3] > 250, "{quality}: {found:?}"),
                _ => {}
            }
        }
    }
}

#[test]
fn a_picture_has_one_file() {
    let file = || palette(&photo(), 60, LEVEL).unwrap();
    assert_eq!(file(), file());
}
