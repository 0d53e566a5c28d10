//! Damaged files are refused, and nothing takes more memory or time than it may.

use std::{cell::Cell, sync::LazyLock};

use proptest::prelude::*;
use thumbmill_webp_shrink::{Error, Options, Scale, decode, read_header};
use webp::PixelLayout::{Rgb, Rgba};

use crate::drawn::{at, decoded, drawing, encoded, photo};

/// One small file of each kind.
static FILES: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
    let (photo, drawing) = (photo(40, 30), drawing(40, 30, 7));
    [
        encoded(&photo, Rgb, (40, 30), |config| config.partitions = 2),
        encoded(&photo, Rgba, (40, 30), |config| config.quality = 20.0),
        encoded(&photo, Rgba, (40, 30), |config| config.lossless = 1),
        encoded(&drawing, Rgba, (40, 30), |config| config.lossless = 1),
    ]
});

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    for bytes in FILES.iter() {
        for length in 0..bytes.len() - 1 {
            let refused = decoded(&bytes[..length], &at(Scale::Full));
            assert_eq!(
                refused,
                Err(Error::Truncated),
                "{length} of {}",
                bytes.len()
            );
        }
    }
}

/// The sizes in the file agree with what is left of it, so that only the data can tell. Its last bytes
/// may be of no use.
#[test]
fn data_that_ends_too_early_is_refused() {
    for partitions in [0, 2] {
        let bytes = encoded(&photo(40, 70), Rgb, (40, 70), |config| {
            config.partitions = partitions;
        });
        let whole = decoded(&bytes, &at(Scale::Full));
        for length in 0..=bytes.len() - 20 {
            let mut cut = bytes[..20 + length].to_vec();
            cut[16..20].copy_from_slice(&(length as u32).to_le_bytes());
            cut[4..8].copy_from_slice(&(length as u32 + 12).to_le_bytes());
            let ours = decoded(&cut, &at(Scale::Full));
            if webp::Decoder::new(&cut).decode().is_some() {
                assert!(ours == whole, "{length}");
            } else {
                assert!(ours == Err(Error::Truncated), "{length}");
            }
        }
    }
}

#[test]
fn a_budget_that_is_too_small_is_respected() {
    for bytes in FILES.iter() {
        let with = |budget_bytes| {
            decoded(
                bytes,
                &Options {
                    budget_bytes,
                    ..at(Scale::Half)
                },
            )
        };
        assert!(matches!(with(1000), Err(Error::OverBudget { .. })));
        assert!(with(1 << 20).is_ok());
    }
}

#[test]
fn a_small_file_with_a_huge_picture_takes_no_memory() {
    let mut bytes = encoded(&photo(40, 30), Rgb, (40, 30), |config| config.lossless = 1);
    // 16384 x 16384 pixels.
    bytes[21..25].copy_from_slice(&[0xff, 0xff, 0xff, 0x0f]);
    let refused = decoded(
        &bytes,
        &Options {
            budget_bytes: 1 << 24,
            ..at(Scale::Eighth)
        },
    );
    assert!(matches!(refused, Err(Error::OverBudget { .. })));
}

#[test]
fn a_cancelled_decode_ends_at_the_next_row() {
    for bytes in FILES.iter() {
        let asked = Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > 1
        };
        let ended = decode(bytes, &at(Scale::Full), &cancelled);
        assert_eq!(ended, Err(Error::Cancelled));
        assert_eq!(asked.get(), 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_files_never_panic(
        file in 0..4_usize,
        damage in prop::collection::vec((12..2000_usize, any::<u8>()), 1..8),
        scale in prop::sample::select(vec![Scale::Full, Scale::Half, Scale::Eighth]),
    ) {
        let mut bytes = FILES[file].clone();
        for (at, value) in damage {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        let options = Options { budget_bytes: 1 << 22, ..at(scale) };
        if let Ok(picture) = decoded(&bytes, &options) {
            let pixels = (picture.crop.width * picture.crop.height) as usize;
            prop_assert_eq!(picture.to_rgba().len(), 4 * pixels);
        }
        let _ = read_header(&bytes);
    }
}
