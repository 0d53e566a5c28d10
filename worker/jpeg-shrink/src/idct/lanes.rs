//! Four numbers side by side, written so that the compiler uses vector instructions.

/// Four numbers that are treated alike.
pub(super) type Lanes = [f32; 4];

#[inline(always)]
pub(super) fn add(a: Lanes, b: Lanes) -> Lanes {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
}

#[inline(always)]
pub(super) fn subtract(a: Lanes, b: Lanes) -> Lanes {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]]
}

#[inline(always)]
pub(super) fn scale(a: Lanes, factor: f32) -> Lanes {
    [a[0] * factor, a[1] * factor, a[2] * factor, a[3] * factor]
}

/// Coefficients times factors.
#[inline(always)]
pub(super) fn dequantised(coefficients: [i16; 4], factors: Lanes) -> Lanes {
    [
        f32::from(coefficients[0]) * factors[0],
        f32::from(coefficients[1]) * factors[1],
        f32::from(coefficients[2]) * factors[2],
        f32::from(coefficients[3]) * factors[3],
    ]
}

/// Swaps rows and columns.
#[inline(always)]
pub(super) fn transposed([a, b, c, d]: [Lanes; 4]) -> [Lanes; 4] {
    [
        [a[0], b[0], c[0], d[0]],
        [a[1], b[1], c[1], d[1]],
        [a[2], b[2], c[2], d[2]],
        [a[3], b[3], c[3], d[3]],
    ]
}

/// Rounds to the nearest number, shifts the level by 128 and clamps (ITU T.81, A.3.1).
#[inline(always)]
pub(super) fn samples(levels: Lanes) -> [u8; 4] {
    [
        sample(levels[0]),
        sample(levels[1]),
        sample(levels[2]),
        sample(levels[3]),
    ]
}

/// Two halves of a row.
#[inline(always)]
pub(super) fn joined([a0, a1, a2, a3]: [u8; 4], [b0, b1, b2, b3]: [u8; 4]) -> [u8; 8] {
    [a0, a1, a2, a3, b0, b1, b2, b3]
}

/// One of [`samples`].
#[inline(always)]
fn sample(level: f32) -> u8 {
    // Where f32 has no bits behind the point, its lowest bits are the integer.
    const SHIFT: f32 = 12_582_912.0;
    let above = if level > -128.0 { level } else { -128.0 };
    let within = if above < 127.0 { above } else { 127.0 };
    (within + (SHIFT + 128.0)).to_bits() as u8
}
