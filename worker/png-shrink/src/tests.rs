//! The whole way from bytes to picture, against the `png` crate and straightforward sums.

mod averages;
mod hostile;
mod photos;
mod pictures;

use pictures::{KINDS, Kind, expanded, photo};

use crate::{Alpha, Channels, Crop, Error, Options, Picture, PictureChannels, decode, read_header};

/// Everything, in as much memory as it takes.
pub(super) const ALL: Options = Options {
    shrink: (1, 1),
    crop: None,
    budget_bytes: u64::MAX,
};

pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Picture, Error> {
    decode(bytes, options, &|| false)
}

/// Gray with alpha as [`decode()`] hands it out.
fn as_rgba(kind: Kind, samples: Vec<u8>) -> Vec<u8> {
    match kind.expanded_channels() {
        2 => samples
            .chunks(2)
            .flat_map(|pixel| [pixel[0], pixel[0], pixel[0], pixel[1]])
            .collect(),
        _ => samples,
    }
}

fn cut(samples: &[u8], width: u32, channels: usize, crop: Crop) -> Vec<u8> {
    let rows = samples.chunks(width as usize * channels);
    rows.skip(crop.y as usize)
        .take(crop.height as usize)
        .flat_map(|row| {
            let from = crop.x as usize * channels;
            &row[from..from + crop.width as usize * channels]
        })
        .copied()
        .collect()
}

#[test]
fn every_kind_of_pixel_is_read_as_another_reader_reads_it() {
    for kind in KINDS {
        for (width, height) in [(1, 1), (7, 5), (61, 43)] {
            for filter in pictures::FILTERS {
                let bytes = photo(kind, width, height, filter);
                let picture = read(&bytes, &ALL).unwrap();
                let expected = as_rgba(kind, expanded(&bytes));
                assert_eq!((picture.width, picture.height), (width, height));
                assert_eq!(picture.samples, expected, "{kind:?} {filter:?} {width}");
            }
        }
    }
}

#[test]
fn interlaced_pictures_are_put_together() {
    for kind in KINDS {
        for (width, height) in [(1, 1), (2, 3), (4, 4), (5, 9), (33, 21)] {
            let bytes = pictures::interlaced(kind, width, height);
            let expected = as_rgba(kind, expanded(&bytes));
            assert_eq!(read(&bytes, &ALL).unwrap().samples, expected, "{kind:?}");
            assert!(read_header(&bytes).unwrap().interlaced);
            let crop = Crop {
                x: width / 3,
                y: height / 2,
                width: width - width / 3,
                height: height.div_ceil(2),
            };
            let options = Options {
                crop: Some(crop),
                ..ALL
            };
            let channels = if kind.expanded_channels() == 2 {
                4
            } else {
                kind.expanded_channels()
            };
            let found = read(&bytes, &options).unwrap().samples;
            assert_eq!(found, cut(&expected, width, channels, crop), "{kind:?}");
        }
    }
}

#[test]
fn a_crop_is_that_part_of_the_picture() {
    let (width, height) = (61, 43);
    for kind in KINDS {
        let bytes = photo(kind, width, height, pictures::FILTERS[5]);
        let whole = read(&bytes, &ALL).unwrap();
        let channels = whole.samples.len() / (width * height) as usize;
        for (x, y, across, down) in [
            (0, 0, 1, 1),
            (3, 2, 17, 11),
            (13, 0, 48, 43),
            (60, 42, 1, 1),
        ] {
            let crop = Crop {
                x,
                y,
                width: across,
                height: down,
            };
            let options = Options {
                crop: Some(crop),
                ..ALL
            };
            let found = read(&bytes, &options).unwrap();
            assert_eq!((found.width, found.height), (across, down));
            assert_eq!(found.samples, cut(&whole.samples, width, channels, crop));
        }
    }
}

#[test]
fn a_crop_that_reaches_out_of_the_picture_is_refused() {
    let bytes = photo(KINDS[0], 8, 8, pictures::FILTERS[0]);
    for (x, y, width, height) in [
        (0, 0, 9, 8),
        (8, 0, 1, 1),
        (0, 0, 0, 1),
        (u32::MAX, 0, 2, 2),
    ] {
        let crop = Some(Crop {
            x,
            y,
            width,
            height,
        });
        let options = Options { crop, ..ALL };
        assert_eq!(read(&bytes, &options), Err(Error::CropOutside));
    }
}

#[test]
fn the_header_says_what_a_pixel_becomes() {
    for kind in KINDS {
        let bytes = photo(kind, 5, 3, pictures::FILTERS[0]);
        let header = read_header(&bytes).unwrap();
        let channels = header.channels.count();
        assert_eq!(channels, kind.expanded_channels(), "{kind:?}");
        assert_eq!((header.width, header.height), (5, 3));
        assert_eq!(header.bit_depth, kind.bits());
        let picture = read(&bytes, &ALL).unwrap();
        let expected = match header.channels {
            Channels::Gray => PictureChannels::Gray,
            Channels::Rgb => PictureChannels::Rgb,
            Channels::GrayAlpha | Channels::Rgba => PictureChannels::Rgba,
        };
        assert_eq!(picture.channels, expected);
        assert_eq!(picture.alpha == Alpha::None, channels % 2 == 1);
    }
}

#[test]
fn profiles_and_exif_are_handed_out() {
    let profile = b"a profile".repeat(5000);
    let (bytes, exif) = pictures::with_profile_and_exif(&profile);
    let header = read_header(&bytes).unwrap();
    assert_eq!(header.icc, Some(profile));
    assert_eq!(header.exif, Some(exif));
}

#[test]
fn an_animation_gives_its_default_image() {
    let (bytes, first) = pictures::animation();
    assert_eq!(read(&bytes, &ALL).unwrap().samples, first);
}

#[test]
fn an_alpha_channel_without_transparency_is_called_opaque() {
    for (alpha, expected) in [(255, Alpha::Opaque), (254, Alpha::Straight)] {
        let mut samples = [9, 8, 7, 255].repeat(300);
        samples[4 * 299 + 3] = alpha;
        let bytes = pictures::rgba(30, 10, &samples);
        for shrink in [(1, 1), (4, 4)] {
            let options = Options { shrink, ..ALL };
            assert_eq!(read(&bytes, &options).unwrap().alpha, expected);
        }
    }
}
