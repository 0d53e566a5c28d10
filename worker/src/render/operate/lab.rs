//! Colours as eyes see them: from sRGB to linear light, to CIE L\*a\*b\* (D65, CIE 15) and back.
//! Knows single colours, no pictures.

/// The white that lightness and chroma refer to: D65, with Y = 1.
const WHITE: [f32; 3] = [0.950_47, 1.0, 1.088_827];

/// Where the cube root turns into a line: (6/29)³.
const KNEE: f32 = 0.008_856;
/// The line's slope: (29/6)²/3.
const SLOPE: f32 = 7.787;
/// The line's value at black: 16/116.
const OFFSET: f32 = 16.0 / 116.0;

/// Lightness 0 to 100, green (−) to red (+), blue (−) to yellow (+).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lab {
    pub(super) lightness: f32,
    pub(super) a: f32,
    pub(super) b: f32,
}

/// The linear light of every sRGB sample (IEC 61966-2-1), made once a picture.
pub(super) struct Light([f32; 256]);

impl Light {
    pub(super) fn new() -> Self {
        let mut table = [0.0; 256];
        for (light, sample) in table.iter_mut().zip(0_u8..=255) {
            let share = f32::from(sample) / 255.0;
            *light = if share <= 0.040_45 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            };
        }
        Self(table)
    }

    /// 0 is dark, 1 is as bright as it gets.
    pub(super) fn of(&self, sample: u8) -> f32 {
        self.0.get(usize::from(sample)).copied().unwrap_or_default()
    }

    /// What the eye makes of an sRGB colour.
    pub(super) fn lab(&self, rgb: [u8; 3]) -> Lab {
        let [red, green, blue] = rgb.map(|sample| self.of(sample));
        let x = 0.412_4 * red + 0.357_6 * green + 0.180_5 * blue;
        let y = 0.212_6 * red + 0.715_2 * green + 0.072_2 * blue;
        let z = 0.019_3 * red + 0.119_2 * green + 0.950_5 * blue;
        let [white_x, white_y, white_z] = WHITE;
        let (x, y, z) = (root(x / white_x), root(y / white_y), root(z / white_z));
        Lab {
            lightness: 116.0 * y - 16.0,
            a: 500.0 * (x - y),
            b: 200.0 * (y - z),
        }
    }
}

impl Lab {
    /// The nearest sRGB samples; what no screen can show is cut off channel by channel.
    pub(super) fn to_rgb(self) -> [u8; 3] {
        let y = (self.lightness + 16.0) / 116.0;
        let [white_x, white_y, white_z] = WHITE;
        let x = white_x * cube(y + self.a / 500.0);
        let z = white_z * cube(y - self.b / 200.0);
        let y = white_y * cube(y);
        [
            3.240_625 * x - 1.537_208 * y - 0.498_629 * z,
            -0.968_931 * x + 1.875_756 * y + 0.041_518 * z,
            0.055_710 * x - 0.204_021 * y + 1.056_996 * z,
        ]
        .map(sample_of)
    }
}

/// The sRGB sample of a linear light.
pub(super) fn sample_of(light: f32) -> u8 {
    let share = if light <= 0.003_130_8 {
        12.92 * light
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    };
    rounded(255.0 * share)
}

/// To the nearest sample, and into 0 to 255.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
pub(super) fn rounded(value: f32) -> u8 {
    (value + 0.5) as u8
}

fn root(share: f32) -> f32 {
    if share > KNEE {
        share.cbrt()
    } else {
        SLOPE * share + OFFSET
    }
}

fn cube(root: f32) -> f32 {
    let cubed = root * root * root;
    if cubed > KNEE {
        cubed
    } else {
        (root - OFFSET) / SLOPE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// sRGB's corners in L\*a\*b\*, as the tables of colour science have them.
    #[test]
    fn the_corners_of_srgb_lie_where_they_should() {
        let light = Light::new();
        for (rgb, lightness, a, b) in [
            ([0, 0, 0], 0.0, 0.0, 0.0),
            ([255, 255, 255], 100.0, 0.0, 0.0),
            ([255, 0, 0], 53.24, 80.09, 67.20),
            ([0, 255, 0], 87.73, -86.18, 83.18),
            ([0, 0, 255], 32.30, 79.19, -107.86),
        ] {
            let lab = light.lab(rgb);
            let error = (lab.lightness - lightness)
                .abs()
                .max((lab.a - a).abs())
                .max((lab.b - b).abs());
            assert!(error < 0.05, "{rgb:?} is {lab:?}");
        }
    }

    proptest! {
        #[test]
        fn every_colour_comes_back(rgb: [u8; 3]) {
            prop_assert_eq!(Light::new().lab(rgb).to_rgb(), rgb);
        }

        #[test]
        fn any_number_is_a_colour(lightness: f32, a: f32, b: f32) {
            Lab { lightness, a, b }.to_rgb();
        }
    }
}
