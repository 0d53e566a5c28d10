//! Widths that thumbnails are made in, so that clients who ask for a pixel more or less share one.

use std::num::NonZeroU32;
use std::str::FromStr;

use super::VariantRequest;

/// The widest rung: no picture is wider.
const WIDEST: u32 = 6000;

/// At least one width, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder(Vec<NonZeroU32>);

impl FromStr for Ladder {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let rung = |text: &str| {
            let width = text.trim().parse::<NonZeroU32>().ok();
            width.filter(|width| width.get() <= WIDEST)
        };
        let rungs: Option<Vec<_>> = text.split(',').map(rung).collect();
        let mut rungs = rungs.ok_or("widths from 1 to 6000, such as 100,200,400")?;
        rungs.sort_unstable();
        rungs.dedup();
        Ok(Self(rungs))
    }
}

impl Ladder {
    /// `request` with the sizes that it names on the ladder: a width becomes the next rung, and a
    /// height beside it keeps their ratio; a height alone becomes the next rung. What it leaves
    /// to a preset stays open, and so exact.
    #[must_use]
    pub fn round(&self, request: VariantRequest) -> VariantRequest {
        let (width, height) = match (request.width, request.height) {
            (None, height) => (None, height.map(|height| self.next(height))),
            (Some(width), height) => {
                let rung = self.next(width);
                (Some(rung), height.map(|height| scaled(height, rung, width)))
            }
        };
        VariantRequest {
            width,
            height,
            ..request
        }
    }

    /// The lowest rung that is not below `size`; the last one if all are.
    fn next(&self, size: NonZeroU32) -> NonZeroU32 {
        let above = self.0.iter().find(|rung| **rung >= size);
        above.or(self.0.last()).copied().unwrap_or(size)
    }
}

/// `size * to / from`, rounded, and at least 1.
fn scaled(size: NonZeroU32, to: NonZeroU32, from: NonZeroU32) -> NonZeroU32 {
    let [size, to, from] = [size, to, from].map(|number| u64::from(number.get()));
    let scaled = (size * to + from / 2) / from;
    let scaled = u32::try_from(scaled).unwrap_or(u32::MAX);
    NonZeroU32::new(scaled).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_become_rungs_and_boxes_keep_their_ratio() {
        let ladder: Ladder = "100,200,400".parse().unwrap();
        let table = [
            // asked for, made
            ((None, None), (None, None)),
            ((Some(1), None), (Some(100), None)),
            ((Some(100), None), (Some(100), None)),
            ((Some(101), None), (Some(200), None)),
            ((Some(400), None), (Some(400), None)),
            ((Some(401), None), (Some(400), None)),
            ((Some(u32::MAX), None), (Some(400), None)),
            ((None, Some(150)), (None, Some(200))),
            ((None, Some(9999)), (None, Some(400))),
            ((Some(50), Some(50)), (Some(100), Some(100))),
            ((Some(150), Some(100)), (Some(200), Some(133))),
            ((Some(160), Some(90)), (Some(200), Some(113))),
            ((Some(200), Some(77)), (Some(200), Some(77))),
            ((Some(800), Some(600)), (Some(400), Some(300))),
            ((Some(6000), Some(1)), (Some(400), Some(1))),
            ((Some(1), Some(u32::MAX)), (Some(100), Some(u32::MAX))),
        ];
        let request = |(width, height): (Option<u32>, Option<u32>)| VariantRequest {
            width: width.and_then(NonZeroU32::new),
            height: height.and_then(NonZeroU32::new),
            preset: Some("card".to_owned()),
            ..VariantRequest::default()
        };
        for (asked, made) in table {
            assert_eq!(ladder.round(request(asked)), request(made), "{asked:?}");
            // Who asks for what was made gets just that.
            assert_eq!(ladder.round(request(made)).width, request(made).width);
        }
    }

    #[test]
    fn a_ladder_is_sorted_and_has_only_widths() {
        let ladder: Result<Ladder, _> = "400, 100,200,100".parse();
        assert_eq!(ladder, "100,200,400".parse());
        for bad in ["", ",", "100,", "0", "6001", "-1", "100 200", "wide"] {
            assert!(bad.parse::<Ladder>().is_err(), "{bad:?}");
        }
    }
}
