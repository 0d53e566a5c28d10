//! Smooths colours that nobody sees: of what is invisible, and the uncertain ones of what nearly is.
//! An edge there is bytes all the same, and blurs into what is seen.

/// Moves the colour of every pixel that is not opaque to the mean of its neighbours', as far as
/// that does not show: coming from opaque ones at the left and top, then at the right and bottom.
pub(super) fn fill(pixels: &mut [[u8; 4]], width: usize) {
    let mut known: Vec<bool> = pixels.iter().map(|[.., alpha]| *alpha == 255).collect();
    if width == 0 || known.iter().all(|known| *known) {
        return;
    }
    for at in 0..pixels.len() {
        let left = if at % width > 0 {
            at.checked_sub(1)
        } else {
            None
        };
        take(pixels, &mut known, at, [left, at.checked_sub(width)]);
    }
    for at in (0..pixels.len()).rev() {
        let right = (at % width + 1 < width).then_some(at + 1);
        take(pixels, &mut known, at, [right, Some(at + width)]);
    }
}

/// Moves the pixel's colour to the mean of those neighbours that are done, if itself is not.
fn take(pixels: &mut [[u8; 4]], known: &mut [bool], at: usize, neighbours: [Option<usize>; 2]) {
    if known.get(at) != Some(&false) {
        return;
    }
    let colour = |at: Option<usize>| {
        let at = at.filter(|at| known.get(*at) == Some(&true))?;
        pixels.get(at).copied()
    };
    let mean = match neighbours.map(colour) {
        [None, None] => return,
        [Some(one), None] | [None, Some(one)] => one,
        [Some([r, g, b, _]), Some([red, green, blue, _])] => {
            [r.midpoint(red), g.midpoint(green), b.midpoint(blue), 0]
        }
    };
    if let (Some([colour @ .., alpha]), Some(known)) = (pixels.get_mut(at), known.get_mut(at)) {
        for (sample, mean) in colour.iter_mut().zip(mean) {
            let (least, most) = alike(*sample, *alpha);
            *sample = mean.clamp(least, most);
        }
        *known = true;
    }
}

/// The least and the greatest sample that are the same shade as this one, where so much of it shows.
fn alike(sample: u8, alpha: u8) -> (u8, u8) {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    if alpha == 0 {
        return (0, u8::MAX);
    }
    let shown = (sample * alpha + 127) / 255 * 255;
    let byte = |sample| u8::try_from(sample).unwrap_or(u8::MAX);
    let least = shown.saturating_sub(127).div_ceil(alpha);
    (byte(least), byte((shown + 127) / alpha))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: [u8; 4] = [9, 9, 9, 0];

    #[test]
    fn what_is_invisible_takes_the_colours_around_it() {
        let (red, blue) = ([200, 0, 0, 255], [0, 0, 100, 255]);
        let mut pixels = [CLEAR, red, CLEAR, CLEAR, blue, CLEAR];
        fill(&mut pixels, 3);
        let mean = [100, 0, 50, 0];
        assert_eq!(
            pixels,
            [mean, red, [200, 0, 0, 0], [0, 0, 100, 0], blue, mean]
        );
    }

    #[test]
    fn what_is_visible_keeps_its_shade_and_nothing_takes_nothing() {
        let mut pixels = [[40, 80, 120, 255], [0, 255, 90, 2], [200, 0, 30, 128]];
        fill(&mut pixels, 3);
        assert_eq!(
            pixels,
            [[40, 80, 120, 255], [40, 192, 120, 2], [199, 0, 30, 128]]
        );
        for pixel in [CLEAR, [1, 2, 3, 1]] {
            let mut pixels = [pixel; 6];
            fill(&mut pixels, 2);
            assert_eq!(pixels, [pixel; 6]);
        }
    }

    #[test]
    fn samples_that_are_alike_are_one_shade_and_no_others() {
        let shade = |sample: u8, alpha: u8| (u32::from(sample) * u32::from(alpha) + 127) / 255;
        for alpha in [1, 2, 7, 8, 100, 127, 128, 254, 255] {
            for sample in 0..=255 {
                let same = |other: &u8| shade(*other, alpha) == shade(sample, alpha);
                let (least, most) = alike(sample, alpha);
                assert_eq!((0..=255).find(same), Some(least), "{sample} {alpha}");
                assert_eq!((0..=255).rfind(same), Some(most), "{sample} {alpha}");
            }
        }
    }
}
