//! Damaged and hostile files.

use proptest::prelude::*;

use super::*;

/// Every way of decoding, none of which may panic.
fn try_all(bytes: &[u8]) -> Vec<Result<Picture, Error>> {
    let ways = SCALES.into_iter().flat_map(|scale| {
        [MissingEnd::Refuse, MissingEnd::Tolerate].map(|missing_end| Options {
            missing_end,
            budget_bytes: 8 << 20,
            ..options(scale)
        })
    });
    ways.map(|way| decode(bytes, &way, &|| false)).collect()
}

/// A gray file of 8 by 8 pixels out of segments; `scan` is its entropy-coded data.
fn gray(before_scan: &[&[u8]], scan: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    bytes.extend(before_scan.concat());
    bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    bytes.extend(scan);
    bytes
}

fn quantisation() -> Vec<u8> {
    [&[0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat()
}

const FRAME: &[u8] = &[0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0];

/// A table of the given class with the code 0 for 0 and the code 10 for 1.
fn codes(class: u8) -> Vec<u8> {
    let mut segment = vec![0xff, 0xc4, 0, 21, class << 4, 1, 1];
    segment.extend([0; 14]);
    segment.extend([0, 1]);
    segment
}

#[test]
fn each_attack_has_its_error() {
    let (q, dc, ac) = (quantisation(), codes(0), codes(1));
    let end = [0x7f, 0xff, 0xd9];
    let huge = [0xff, 0xc0, 0, 11, 8, 0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0];
    let corrupt = || Error::Corrupt("");
    let unsupported = || Error::Unsupported("");
    let full_table = [&[0xff, 0xc4, 0, 19, 0][..], &[255; 16]].concat();
    let crowded = [&[0xff, 0xc4, 0, 22, 0, 3][..], &[0; 15], &[1, 2, 3]].concat();
    let cases: Vec<(&str, Vec<u8>, Error)> = vec![
        ("no JPEG", b"GIF89a".to_vec(), corrupt()),
        ("nothing", vec![], Error::Truncated),
        ("no scan", vec![0xff, 0xd8, 0xff, 0xd9], corrupt()),
        ("begins twice", vec![0xff, 0xd8, 0xff, 0xd8], corrupt()),
        ("scan before frame", gray(&[&q, &dc, &ac], &end), corrupt()),
        (
            "two frames",
            gray(&[&q, &dc, &ac, FRAME, FRAME], &end),
            corrupt(),
        ),
        (
            "no quantisation table",
            gray(&[FRAME, &dc, &ac], &end),
            corrupt(),
        ),
        ("no Huffman table", gray(&[&q, FRAME, &dc], &end), corrupt()),
        (
            "Huffman table of 4080 codes",
            gray(&[&full_table], &end),
            corrupt(),
        ),
        ("three codes of one bit", gray(&[&crowded], &end), corrupt()),
        (
            "fifth quantisation table",
            gray(&[&[0xff, 0xdb, 0, 3, 4]], &end),
            corrupt(),
        ),
        (
            "half a quantisation table",
            gray(&[&[0xff, 0xdb, 0, 5, 0, 1, 1]], &end),
            corrupt(),
        ),
        (
            "table of class 2",
            gray(&[&[0xff, 0xc4, 0, 3, 0x20]], &end),
            corrupt(),
        ),
        (
            "short restart interval",
            gray(&[&[0xff, 0xdd, 0, 3, 1]], &end),
            corrupt(),
        ),
        (
            "arithmetic coding",
            gray(&[&[0xff, 0xc9, 0, 2]], &end),
            unsupported(),
        ),
        (
            "hierarchy",
            gray(&[&[0xff, 0xde, 0, 2]], &end),
            unsupported(),
        ),
        (
            "length beyond the end",
            vec![0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff],
            Error::Truncated,
        ),
        (
            "4 GB of picture",
            gray(&[&q, &dc, &ac, &huge], &end),
            over_budget(),
        ),
        (
            "end missing",
            gray(&[&q, FRAME, &dc, &ac], &[0x7f]),
            Error::Truncated,
        ),
    ];
    for (attack, bytes, expected) in cases {
        let result = decode(&bytes, &options(Scale::Full), &|| false).unwrap_err();
        let same = std::mem::discriminant(&result) == std::mem::discriminant(&expected);
        assert!(same, "{attack}: {result}");
    }
}

fn over_budget() -> Error {
    Error::OverBudget {
        needed_bytes: 0,
        budget_bytes: 0,
    }
}

#[test]
fn a_file_made_by_hand_is_decoded() {
    let (q, dc, ac) = (quantisation(), codes(0), codes(1));
    // DC: code 10 (one bit), bit 1; EOB: code 0.
    let bytes = gray(&[&q, FRAME, &dc, &ac], &[0b1010_1111, 0xff, 0xd9]);
    assert_eq!(whole(&bytes, Scale::Eighth).planes[0].samples, [128]);
    // Bytes behind the end do not matter.
    let longer = [&bytes[..], b"and more"].concat();
    assert_eq!(whole(&longer, Scale::Full).planes[0].samples, [128; 64]);
}

#[test]
fn every_cut_is_truncated_or_tolerated() {
    for kind in all_kinds().into_iter().step_by(3) {
        let bytes = encoded(&photo(33, 17), &kind);
        for length in 0..bytes.len() {
            let cut = &bytes[..length];
            for (index, result) in try_all(cut).into_iter().enumerate() {
                match result {
                    Err(error) => assert_eq!(error, Error::Truncated, "{length} of {kind:?}"),
                    Ok(_) => assert_eq!(index % 2, 1, "{length} of {kind:?} is a picture"),
                }
            }
        }
    }
}

#[test]
fn a_tolerated_cut_shows_what_there_is() {
    let bytes = encoded(&photo(64, 640), &Kind::default());
    let half = &bytes[..bytes.len() / 2];
    let tolerant = Options {
        missing_end: MissingEnd::Tolerate,
        ..options(Scale::Eighth)
    };
    let cut = decode(half, &tolerant, &|| false).unwrap();
    let all = whole(&bytes, Scale::Eighth);
    let (cut, all) = (&cut.planes[0].samples, &all.planes[0].samples);
    assert_eq!(cut[..160], all[..160]);
    assert!(cut[500..].iter().all(|sample| *sample == 128));
}

#[test]
fn damage_ends_at_the_next_restart() {
    let kind = Kind {
        restart_interval: 4,
        ..Kind::default()
    };
    let mut bytes = encoded(&photo(64, 256), &kind);
    let all = whole(&bytes, Scale::Eighth);
    let restarts: Vec<usize> = bytes
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| matches!(pair, [0xff, 0xd0..=0xd7]).then_some(at))
        .collect();
    // One line of MCUs is lost: to a code of ones, and with its marker.
    for lost in [restarts[4] + 2..restarts[5], restarts[4]..restarts[5]] {
        let mut damaged = bytes.clone();
        damaged.drain(lost);
        let damaged = whole(&damaged, Scale::Eighth);
        let (damaged, all) = (&damaged.planes[0].samples, &all.planes[0].samples);
        assert_eq!(damaged[..80], all[..80]);
        assert_eq!(damaged[96..], all[96..]);
        assert!(damaged[80..96].iter().all(|sample| *sample == 128));
    }
    for byte in &mut bytes[restarts[4] + 2..restarts[5]] {
        *byte = 0x55;
    }
    let damaged = whole(&bytes, Scale::Eighth);
    assert_eq!(damaged.planes[0].samples[96..], all.planes[0].samples[96..]);
}

#[test]
fn a_thousand_empty_scans_are_bounded() {
    let kind = Kind {
        progressive: true,
        ..Kind::default()
    };
    let bytes = encoded(&photo(16, 16), &kind);
    let (body, end) = bytes.split_at(bytes.len() - 2);
    // AC coefficients 1 to 5 of the first component, for ever.
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 1, 5, 0];
    let bomb = [body, &scan.repeat(20_000), end].concat();
    let result = decode(&bomb, &options(Scale::Full), &|| false);
    assert!(matches!(result, Err(Error::Unsupported(_))), "{result:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn flipped_bytes_never_panic(
        kind in 0_usize..20,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let kinds = all_kinds();
        let mut bytes = encoded(&photo(40, 35), &kinds[kind % kinds.len()]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for result in try_all(&bytes) {
            if let Ok(picture) = result {
                let held: usize = picture.planes.iter().map(|plane| plane.samples.len()).sum();
                prop_assert!(held <= 8 << 20);
            }
        }
        if let Ok(header) = read_header(&bytes) {
            prop_assert!(header.width > 0 && header.height > 0);
        }
    }
}
