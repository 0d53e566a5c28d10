//! Pictures that no JPEG can hold, and planes that are not what they say.

use super::{Picture, decoded, written};
use crate::{Components, Error, Plane, Process, Sampling, write, ycbcr_from_rgb};

#[test]
fn sides_that_a_jpeg_cannot_have_are_refused() {
    let samples = vec![0; 65536];
    for (width, height) in [(0, 1), (1, 0), (65536, 1), (1, 65536)] {
        let plane = Plane {
            samples: &samples[..(width * height) as usize],
            width,
            height,
        };
        let refused = write(&Components::Gray(plane), 80, Process::Baseline);
        assert_eq!(refused, Err(Error::Side { width, height }));
        let refused = ycbcr_from_rgb(&[], width, height, Sampling::Full);
        assert_eq!(refused, Err(Error::Side { width, height }));
    }
    let plane = Plane {
        samples: &samples[1..],
        width: 65535,
        height: 1,
    };
    assert_eq!(
        decoded(&written(&Components::Gray(plane), 80, Process::Baseline)),
        samples[1..]
    );
}

#[test]
fn planes_of_other_sizes_than_they_say_are_refused() {
    let mut picture = Picture::soft((9, 9), Sampling::Quarter);
    picture.sampling = Sampling::Half;
    let refused = write(&picture.colour(), 80, Process::Progressive);
    assert_eq!(
        refused,
        Err(Error::Length {
            width: 5,
            height: 9,
            found: 25
        })
    );
    let plane = Plane {
        samples: &[1, 2, 3],
        width: 2,
        height: 2,
    };
    let refused = write(&Components::Gray(plane), 80, Process::Baseline);
    assert_eq!(
        refused,
        Err(Error::Length {
            width: 2,
            height: 2,
            found: 3
        })
    );
    let (y, cb) = (
        Plane {
            samples: &[0; 9],
            width: 3,
            height: 3,
        },
        Plane {
            samples: &[0],
            width: 1,
            height: 1,
        },
    );
    let components = Components::Ycbcr {
        y,
        cb,
        cr: cb,
        sampling: Sampling::Quarter,
    };
    let refused = write(&components, 80, Process::Baseline);
    assert_eq!(
        refused,
        Err(Error::ChromaSize {
            expected: (2, 2),
            found: (1, 1)
        })
    );
}
