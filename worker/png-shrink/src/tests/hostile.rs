//! Files that are damaged or mean harm, named for what is wrong.

use std::cell::Cell;

use proptest::prelude::*;

use super::pictures::{FILTERS, KINDS, Noise, chunk, file, ihdr, interlaced, photo, stored};
use super::{ALL, read};
use crate::{Error, Options, decode, read_header};

const GRAY: [u8; 5] = [8, 0, 0, 0, 0];

/// 3x2 gray pixels, of this zlib stream.
fn gray(stream: &[u8]) -> Vec<u8> {
    file(&[ihdr(3, 2, GRAY), chunk(*b"IDAT", stream)])
}

/// A zlib stream of these bits, the first of each number lowest, and zeros.
fn bits(parts: &[(u32, u32)]) -> Vec<u8> {
    let (mut stream, mut bit) = (vec![0x78, 1], 16);
    for &(value, width) in parts {
        for index in 0..width {
            if bit % 8 == 0 {
                stream.push(0);
            }
            *stream.last_mut().unwrap() |= ((value >> index & 1) as u8) << (bit % 8);
            bit += 1;
        }
    }
    stream.extend([0; 16]);
    stream
}

const ROWS: [u8; 8] = [0, 1, 2, 3, 0, 4, 5, 6];
const PIXELS: [u8; 6] = [1, 2, 3, 4, 5, 6];

fn refusal(bytes: &[u8]) -> Error {
    read(bytes, &ALL).unwrap_err()
}

#[test]
fn files_that_break_a_rule_are_refused() {
    let good = || chunk(*b"IDAT", &stored(&ROWS));
    let shaped = |rest| file(&[ihdr(3, 2, rest), good()]);
    let indexed = [8, 3, 0, 0, 0];
    let palette = |bytes: usize| {
        file(&[
            ihdr(3, 2, indexed),
            chunk(*b"PLTE", &vec![7; bytes]),
            good(),
        ])
    };
    let unknown = |kind| file(&[ihdr(3, 2, GRAY), chunk(kind, b"?"), good()]);
    let mut bad_ihdr = ihdr(3, 2, GRAY);
    bad_ihdr[8 + 13] ^= 1;
    let table: [(&str, Vec<u8>, &str); 22] = [
        ("no PNG", b"GIF89a..........".to_vec(), "corrupt"),
        ("no width", file(&[ihdr(0, 2, GRAY), good()]), "corrupt"),
        ("no height", file(&[ihdr(3, 0, GRAY), good()]), "corrupt"),
        (
            "a negative width",
            file(&[ihdr(1 << 31, 2, GRAY), good()]),
            "corrupt",
        ),
        (
            "a short IHDR",
            file(&[chunk(*b"IHDR", &[0; 12]), good()]),
            "corrupt",
        ),
        ("no IHDR", file(&[good()]), "corrupt"),
        ("a bad CRC of IHDR", file(&[bad_ihdr, good()]), "corrupt"),
        ("three bits a sample", shaped([3, 0, 0, 0, 0]), "corrupt"),
        ("16 bits an index", shaped([16, 3, 0, 0, 0]), "corrupt"),
        ("colour type 5", shaped([8, 5, 0, 0, 0]), "corrupt"),
        ("compression 1", shaped([8, 0, 1, 0, 0]), "supported"),
        ("filter method 1", shaped([8, 0, 0, 1, 0]), "supported"),
        ("interlace 2", shaped([8, 0, 0, 0, 2]), "supported"),
        ("no palette", shaped(indexed), "corrupt"),
        ("an empty palette", palette(0), "corrupt"),
        ("a palette of 4 bytes", palette(4), "corrupt"),
        ("a palette of 257", palette(257 * 3), "corrupt"),
        ("an unknown critical chunk", unknown(*b"ABCD"), "supported"),
        ("a chunk that is not named", unknown(*b"ab\0d"), "corrupt"),
        ("no data", file(&[ihdr(3, 2, GRAY)]), "corrupt"),
        ("empty data", gray(&[]), "corrupt"),
        (
            "a filter 5",
            gray(&stored(&[0, 1, 2, 3, 5, 4, 5, 6])),
            "corrupt",
        ),
    ];
    for (name, bytes, expected) in table {
        let error = refusal(&bytes).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn streams_that_break_a_rule_are_refused() {
    let fixed = (0b011, 3);
    let dynamic = |literals: u32, distances: u32| vec![(0b101, 3), (literals, 5), (distances, 5)];
    let mut no_lengths = dynamic(0, 0);
    no_lengths.extend([(0, 4), (0, 12)]);
    let mut far = vec![fixed, (0b0011_0000_u32.reverse_bits() >> 24, 8)];
    // Length 3, distance 2 after one byte.
    far.extend([(0b100_0000, 7), (0b10000, 5)]);
    let cases: [(&str, Vec<u8>); 12] = [
        ("a stream that is not zlib", vec![0x79, 1, 0, 0]),
        ("a checksum of the header that is off", vec![0x78, 2, 1]),
        ("a preset dictionary", vec![0x78, 0x20, 0, 0]),
        ("one byte", vec![0x78]),
        ("block type 3", bits(&[(0b111, 3)])),
        (
            "a stored length that is off",
            vec![0x78, 1, 1, 8, 0, 8, 0, 1, 2, 3],
        ),
        ("287 literals", bits(&dynamic(30, 0))),
        ("31 distances", bits(&dynamic(0, 30))),
        ("no code lengths", bits(&no_lengths)),
        ("a match before the data", bits(&far)),
        ("too few rows", stored(&ROWS[..7])),
        ("a stream that breaks off", stored(&ROWS)[..9].to_vec()),
    ];
    for (name, stream) in cases {
        let error = refusal(&gray(&stream));
        assert!(matches!(error, Error::Corrupt(_)), "{name}: {error}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let photos = [
        photo(KINDS[21], 9, 7, FILTERS[4]),
        photo(KINDS[24], 20, 20, FILTERS[5]),
        interlaced(KINDS[10], 9, 7),
    ];
    for whole in photos {
        assert!(read(&whole, &ALL).is_ok());
        for length in 0..whole.len() {
            let error = refusal(&whole[..length]);
            assert_eq!(error, Error::Truncated, "{length} of {}", whole.len());
        }
    }
}

#[test]
fn a_damaged_chunk_that_matters_is_refused_wherever_it_is() {
    let whole = photo(KINDS[24], 40, 40, FILTERS[5]);
    let top = Options {
        crop: Some(crate::Crop {
            x: 0,
            y: 0,
            width: 1,
            height: 1,
        }),
        ..ALL
    };
    assert!(read(&whole, &top).is_ok());
    for from_end in [1, 13, 20, 200] {
        let mut damaged = whole.clone();
        let at = damaged.len() - from_end;
        damaged[at] ^= 0x10;
        assert!(matches!(read(&damaged, &top), Err(Error::Corrupt(_))));
    }
}

#[test]
fn what_does_not_matter_does_not_matter() {
    let idat = || chunk(*b"IDAT", &stored(&ROWS));
    let mut bad_text = chunk(*b"tEXt", b"Comment\0damaged");
    bad_text[20] ^= 1;
    let mut bad_key = chunk(*b"tRNS", &[0, 1]);
    bad_key[9] ^= 1;
    let single: Vec<Vec<u8>> = stored(&ROWS)
        .iter()
        .map(|byte| chunk(*b"IDAT", &[*byte]))
        .collect();
    let empty = vec![chunk(*b"IDAT", &[]); 5000];
    let head = vec![ihdr(3, 2, GRAY)];
    let with = |more: &[Vec<u8>]| file(&[&head, more].concat());
    let files = [
        ("a damaged text", with(&[bad_text, idat()])),
        ("a damaged tRNS", with(&[bad_key, idat()])),
        (
            "a tRNS of a wrong length",
            with(&[chunk(*b"tRNS", &[0; 3]), idat()]),
        ),
        (
            "a palette of gray",
            with(&[chunk(*b"PLTE", &[0; 5]), idat()]),
        ),
        ("data byte by byte", with(&single)),
        (
            "empty chunks of data",
            with(&[empty, vec![idat()]].concat()),
        ),
        (
            "a text behind the data",
            with(&[idat(), chunk(*b"tEXt", b"a\0b")]),
        ),
        ("more rows", gray(&stored(&[ROWS, ROWS].concat()))),
        (
            "bytes after the end",
            [gray(&stored(&ROWS)), vec![7; 99]].concat(),
        ),
        (
            "a profile that is none",
            with(&[chunk(*b"iCCP", b"x\0\0nothing"), idat()]),
        ),
    ];
    for (name, bytes) in files {
        assert_eq!(read(&bytes, &ALL).unwrap().samples, PIXELS, "{name}");
        assert_eq!(read_header(&bytes).unwrap().icc, None);
    }
}

#[test]
fn an_index_that_the_palette_does_not_have_is_black() {
    let rows = [0, 0, 1, 200, 0, 1, 0, 1];
    let bytes = file(&[
        ihdr(3, 2, [8, 3, 0, 0, 0]),
        chunk(*b"PLTE", &[10, 20, 30, 40, 50, 60]),
        chunk(*b"IDAT", &stored(&rows)),
    ]);
    let picture = read(&bytes, &ALL).unwrap();
    assert_eq!(picture.samples[..9], [10, 20, 30, 40, 50, 60, 0, 0, 0]);
}

#[test]
fn a_profile_that_inflates_without_end_counts_as_none() {
    // Each bit of the fixed code 11000101, 00000 is a match of 258 bytes, one byte back.
    let mut parts = vec![(0b011, 3), (0b0000_1100, 8)];
    parts.extend([(0b1010_0011, 8), (0, 5)].repeat(40_000));
    parts.push((0, 7));
    let profile = [b"bomb\0\0".as_slice(), &bits(&parts)].concat();
    let idat = chunk(*b"IDAT", &stored(&ROWS));
    let bytes = file(&[ihdr(3, 2, GRAY), chunk(*b"iCCP", &profile), idat]);
    assert_eq!(read_header(&bytes).unwrap().icc, None);
    assert_eq!(read(&bytes, &ALL).unwrap().samples, PIXELS);
}

#[test]
fn a_profile_of_endless_empty_blocks_counts_as_none() {
    let mut parts = [(0b010, 3), (0, 7)].repeat(100_000);
    parts.extend([(0b011, 3), (0, 7)]);
    let profile = [b"empty\0\0".as_slice(), &bits(&parts)].concat();
    let idat = chunk(*b"IDAT", &stored(&ROWS));
    let bytes = file(&[ihdr(3, 2, GRAY), chunk(*b"iCCP", &profile), idat]);
    assert_eq!(read_header(&bytes).unwrap().icc, None);
}

#[test]
fn a_bomb_is_over_budget_before_anything_is_allocated() {
    for (width, height) in [
        (0x7fff_ffff, 0x7fff_ffff),
        (30_000, 30_000),
        (0x7fff_ffff, 1),
    ] {
        for rest in [[16, 6, 0, 0, 0], [8, 6, 0, 0, 1], [16, 4, 0, 0, 0]] {
            let idat = chunk(*b"IDAT", &stored(&ROWS));
            let bytes = file(&[ihdr(width, height, rest), idat]);
            let budget_bytes = 100 << 20;
            let options = Options {
                budget_bytes,
                ..ALL
            };
            let error = read(&bytes, &options).unwrap_err();
            let over = matches!(error, Error::OverBudget { needed_bytes, .. } if needed_bytes > budget_bytes);
            assert!(over, "{error}");
        }
    }
}

#[test]
fn a_large_picture_shrinks_in_little_memory() {
    let (width, height) = (3000, 200);
    let bytes = photo(KINDS[24], width, height, FILTERS[4]);
    let options = Options {
        shrink: (10, 10),
        budget_bytes: 600_000,
        ..ALL
    };
    assert!(read(&bytes, &options).is_ok());
}

#[test]
fn reading_ends_when_it_is_cancelled() {
    let progressive = photo(KINDS[24], 60, 300, FILTERS[4]);
    let interlaced = interlaced(KINDS[10], 60, 60);
    // Without any progress: blocks that are empty.
    let mut parts = [(0b010, 3), (0, 7)].repeat(5000);
    parts.push((0b111, 3));
    let empty_blocks = gray(&bits(&parts));
    for bytes in [progressive, interlaced, empty_blocks] {
        let asked = Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > 10
        };
        let result = decode(&bytes, &ALL, &cancelled);
        assert_eq!(result, Err(Error::Cancelled));
        assert_eq!(asked.get(), 11);
    }
}

/// A file whose CRCs all fit, whatever is in its chunks.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let Some(sealed) = bytes.get(at + 4..at + 8 + length) else {
            break;
        };
        let crc = crc32fast::hash(sealed).to_be_bytes();
        match bytes.get_mut(at + 8 + length..at + 12 + length) {
            Some(slot) => slot.copy_from_slice(&crc),
            None => break,
        }
        at += 12 + length;
    }
    bytes
}

proptest! {
    #[test]
    fn damaged_files_do_no_harm(
        kind in 0..KINDS.len(),
        adam7: bool,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u32), 1..6),
        shrink in (1u32..9, 1u32..9),
    ) {
        let mut bytes = if adam7 {
            interlaced(KINDS[kind], 19, 23)
        } else {
            photo(KINDS[kind], 19, 23, FILTERS[5])
        };
        for (index, bit) in flips {
            let at = index.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let options = Options { shrink, crop: None, budget_bytes: 1 << 22 };
        let bytes = resealed(bytes);
        let (header, picture) = (read_header(&bytes), read(&bytes, &options));
        if let Ok(picture) = picture {
            prop_assert_eq!(picture.width, header.unwrap().width.div_ceil(shrink.0));
        }
    }

    #[test]
    fn streams_of_noise_do_no_harm(seed: u64, length in 0..2000usize, kind in 0..3u32) {
        let mut noise = Noise(seed);
        let mut stream = bits(&[(kind << 1 | 1, 3)]);
        stream.truncate(3);
        stream.extend((0..length).map(|_| noise.next()));
        let bytes = file(&[ihdr(60, 60, GRAY), chunk(*b"IDAT", &stream)]);
        prop_assert!(!matches!(read(&bytes, &ALL), Err(Error::Truncated)));
    }
}
