//! The pictures of the reference's cases by name, drawn here: the same size, format and damage.

use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbaImage};

use super::damage::{find, png_bomb, png_chunk, png_with_corrupt_data, truncated};
use super::{exif, jpeg, photo, photo_jpeg, png, webp};

/// A file as a client uploads it.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The name that is sent with the bytes.
    pub filename: String,
    /// The field `filename_download`, if it is sent.
    pub rename: Option<&'static str>,
    /// The fields `focal_point_x` and `focal_point_y`, if they are sent.
    pub focal_point: [Option<u32>; 2],
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The file that the reference's cases call `name`.
pub fn named(name: &str) -> Upload {
    let sent = |filename: &str| Upload {
        filename: filename.to_owned(),
        rename: None,
        focal_point: [None, None],
        bytes: bytes(filename),
    };
    match name {
        "mime_svg_as_png" => sent("vector.svg"),
        "mime_gif_as_png" => sent("gif_static.gif"),
        "mime_pdf_as_jpeg" => sent("document.pdf"),
        "mime_html_as_jpeg" => sent("page.html"),
        "mime_bmp_as_jpeg" => sent("landscape_600x400.bmp"),
        "mime_animwebp_as_png" => sent("webp_animated.webp"),
        "noext_jpeg_image" => sent("noext_jpeg"),
        "dims_lie_small" => sent("landscape_1800x1200.jpg"),
        _ if name.starts_with("focal_") => Upload {
            focal_point: focal_point(name),
            ..sent("landscape_1800x1200.jpg")
        },
        _ => match rename(name) {
            Some(rename) => Upload {
                rename: Some(rename),
                ..sent("tiny_10x10.jpg")
            },
            None => sent(name),
        },
    }
}

fn focal_point(name: &str) -> [Option<u32>; 2] {
    match name {
        "focal_tl" => [Some(100), Some(100)],
        "focal_br" => [Some(1700), Some(1100)],
        "focal_mid" => [Some(900), Some(600)],
        "focal_zero" => [Some(0), Some(0)],
        "focal_x_only" => [Some(100), None],
        "focal_outside" => [Some(99_999), Some(0)],
        "focal_form" => [Some(300), Some(200)],
        _ => panic!("{name}"),
    }
}

fn rename(name: &str) -> Option<&'static str> {
    Some(match name.split_once('_')? {
        ("name" | "upname", "unicode") => "naïve 文件 ☃.jpg",
        ("name", "quotes") => "a\"b'c\\d.jpg",
        ("name", "newline") => "line1\nline2.jpg",
        ("name", "crlf") => "x\r\nSet-Cookie: a=b.jpg",
        ("name", "semicolon") => "a;b,c.jpg",
        ("name", "percent") => "%41%2F 100%.jpg",
        ("name", "slash") => "sub\\f.jpg",
        ("name" | "upname", "noext") => "photo",
        ("name", "space") => "my photo (1).jpg",
        ("name", "latin1") => "café.jpg",
        ("name", "ctrl") => "a\u{1}b\u{7f}c.jpg",
        ("upname", "quotes") => "a\"b.jpg",
        ("upname", "path") => "../../x.jpg",
        ("upname", "upper") => "PHOTO.JPG",
        ("upname", "exe") => "x.exe",
        _ => return None,
    })
}

fn bytes(filename: &str) -> Vec<u8> {
    let (stem, ending) = filename.rsplit_once('.').unwrap_or((filename, ""));
    match ending {
        "txt" => b"Text of fourteen hundred bytes. "
            .iter()
            .copied()
            .cycle()
            .take(1400)
            .collect(),
        "svg" => b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"60\" height=\"40\"/>".to_vec(),
        "pdf" => b"%PDF-1.4\n%%EOF\n".to_vec(),
        "html" => b"<!DOCTYPE html><p>page</p>".to_vec(),
        "gif" => b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;".to_vec(),
        "bmp" => [b"BM".as_slice(), &[0; 52]].concat(),
        "webp" => webp_bytes(stem),
        "png" if stem == "jpeg_named" => photo_jpeg(200, 200),
        "png" => png_bytes(stem),
        "jpg" if stem == "png_named" => png(&photo(200, 200).into()),
        "jpg" if stem == "text_as" => b"no picture at all, only text".to_vec(),
        _ => jpeg_bytes(stem),
    }
}

/// `landscape_1800x1200` is 1800x1200 large.
fn size_in(stem: &str) -> Option<(u32, u32)> {
    let (width, height) = stem.rsplit_once('_')?.1.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

fn jpeg_bytes(stem: &str) -> Vec<u8> {
    let oriented = |orientation| exif::jpeg(&photo_jpeg(200, 300), orientation);
    match stem {
        "photo12mp_4000x3000" => photo_jpeg(4000, 3000),
        "exif_orientation_1" => exif::jpeg(&photo_jpeg(300, 200), 1),
        "exif_orientation_5" => oriented(5),
        "exif_orientation_6" => oriented(6),
        "exif_orientation_7" => oriented(7),
        "exif_orientation_9_invalid" => exif::jpeg(&photo_jpeg(300, 200), 9),
        "gray" => jpeg(&DynamicImage::from(photo(640, 427)).into_luma8().into()),
        "cmyk_profile" => {
            let samples = [10, 200, 90, 30].repeat(300 * 200);
            let mut bytes = Vec::new();
            let encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
            encoder
                .encode(&samples, 300, 200, jpeg_encoder::ColorType::Cmyk)
                .unwrap();
            bytes
        }
        "truncated_60pct" => truncated(&photo_jpeg(640, 427), 60),
        "truncated_header" => photo_jpeg(640, 427)[..100].to_vec(),
        "trailing_garbage" => [photo_jpeg(640, 427), vec![7; 500]].concat(),
        "subsampling444" => photo_jpeg(640, 427),
        _ => {
            let (width, height) = size_in(stem).unwrap_or((200, 200));
            photo_jpeg(width, height)
        }
    }
}

fn png_bytes(stem: &str) -> Vec<u8> {
    let swatch = || png(&photo(200, 200).into());
    let rgba = |width, height, pixel: [u8; 4]| {
        png(&RgbaImage::from_pixel(width, height, pixel.into()).into())
    };
    // A chunk behind the header.
    let with_chunk = |bytes: Vec<u8>, chunk: Vec<u8>| [&bytes[..33], &chunk, &bytes[33..]].concat();
    match stem {
        "bomb_header_only" => png_bomb(30_000, 30_000),
        "corrupt_idat" => png_with_corrupt_data(&png(&photo(640, 427).into())),
        "truncated" => truncated(&png(&photo(640, 427).into()), 50),
        "exif_orientation_6" => exif::png(&png(&photo(200, 300).into()), 6),
        "one_1x1_rgba" => rgba(1, 1, [9, 8, 7, 6]),
        "png_rgba" | "png_rgba_shape" => rgba(300, 200, [200, 100, 50, 128]),
        "png_rgba_opaque" => rgba(300, 200, [200, 100, 50, 255]),
        "png_fully_transparent_blue" => rgba(300, 200, [0, 0, 255, 0]),
        "png_logo_rgba" => rgba(500, 500, [1, 2, 3, 200]),
        "png_horse" => rgba(400, 328, [90, 60, 30, 255]),
        "png_animated_apng" => animated_png(),
        "png_rgb_trns" => with_chunk(
            png(&photo(120, 80).into()),
            png_chunk(*b"tRNS", &[0, 220, 0, 40, 0, 40]),
        ),
        "png_gamma_1" => with_chunk(swatch(), png_chunk(*b"gAMA", &100_000u32.to_be_bytes())),
        "png_bad_ancillary_crc" => {
            let mut chunk = png_chunk(*b"tEXt", b"Comment\0damaged");
            *chunk.last_mut().unwrap() ^= 1;
            with_chunk(swatch(), chunk)
        }
        "png_bad_idat_crc" => {
            let mut bytes = swatch();
            let end = find(&bytes, b"IEND") - 8;
            bytes[end] ^= 1;
            bytes
        }
        "png_trailing_garbage" => [swatch(), vec![7; 350]].concat(),
        "png_gray16" => png(&DynamicImage::ImageLuma16(ImageBuffer::from_pixel(
            300,
            200,
            Luma([0x1234]),
        ))),
        "png_rgb16" => png(&DynamicImage::ImageRgb16(ImageBuffer::from_pixel(
            300,
            200,
            Rgb([1, 0x8000, 0xffff]),
        ))),
        "png_interlaced" => interlaced_png(300, 200),
        "swatch_gray" => png(&GrayImage::from_pixel(200, 200, Luma([77])).into()),
        _ => {
            let (width, height) = size_in(stem).unwrap_or((200, 200));
            png(&photo(width, height).into())
        }
    }
}

fn webp_bytes(stem: &str) -> Vec<u8> {
    let lossy = |width, height| {
        let photo = photo(width, height);
        webp::Encoder::from_rgb(&photo, width, height)
            .encode(80.0)
            .to_vec()
    };
    match stem {
        "exif_orientation_6" => exif::webp(&webp(&photo(200, 300).into()), (200, 300), 6),
        "webp_lossy" => lossy(640, 427),
        "truncated" => truncated(&lossy(640, 427), 50),
        "webp_lossless_alpha" => {
            webp(&RgbaImage::from_pixel(300, 200, [200, 100, 50, 128].into()).into())
        }
        "webp_animated" => {
            let config = webp::WebPConfig::new().unwrap();
            let mut encoder = webp::AnimEncoder::new(150, 100, &config);
            let frames = [
                photo(150, 100),
                image::imageops::rotate180(&photo(150, 100)),
            ];
            for (frame, time) in frames.iter().zip([0, 100]) {
                encoder.add_frame(webp::AnimFrame::from_rgb(frame, 150, 100, time));
            }
            encoder.encode().to_vec()
        }
        _ => {
            let (width, height) = size_in(stem).unwrap_or((200, 200));
            lossy(width, height)
        }
    }
}

fn animated_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, 120, 80);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for frame in [photo(120, 80), image::imageops::rotate180(&photo(120, 80))] {
        writer.write_image_data(&frame).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// Adam7 (W3C PNG, 8.2), each row without a filter, in stored deflate blocks (RFC 1951, 3.2.4).
fn interlaced_png(width: u32, height: u32) -> Vec<u8> {
    const PASSES: [(u32, u32, usize, usize); 7] = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let picture = photo(width, height);
    let mut rows = Vec::new();
    for (left, top, step_x, step_y) in PASSES {
        for y in (top..height).step_by(step_y) {
            rows.push(0);
            rows.extend(
                (left..width)
                    .step_by(step_x)
                    .flat_map(|x| picture.get_pixel(x, y).0),
            );
        }
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in &rows {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut data = vec![0x78, 0x01];
    let blocks = rows.chunks(60_000).count();
    for (n, block) in rows.chunks(60_000).enumerate() {
        let length = block.len() as u16;
        data.push(u8::from(n + 1 == blocks));
        data.extend(length.to_le_bytes());
        data.extend((!length).to_le_bytes());
        data.extend(block);
    }
    data.extend((b << 16 | a).to_be_bytes());
    let header = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[8, 2, 0, 0, 1],
    ]
    .concat();
    let chunks = [
        png_chunk(*b"IHDR", &header),
        png_chunk(*b"IDAT", &data),
        png_chunk(*b"IEND", &[]),
    ];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}
