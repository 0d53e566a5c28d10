//! The forward cosine transform of 8 × 8 samples (T.81 A.3.3), after Arai, Agui and Nakajima.
//!
//! In single precision it is more exact than the usual sixteen-bit integers, and all eight columns
//! go through the same lines side by side, which the compiler turns into vector instructions.
//! Knows nothing of quantisation, except that whoever quantises divides by [`scale`] as well.

#![expect(
    clippy::indexing_slicing,
    reason = "hot loops; every index is below the constant length of its array"
)]

/// Eight rows of eight numbers.
pub(crate) type Matrix = [[f32; 8]; 8];

/// Transforms samples from 0 to 255.
///
/// The result is transposed: its first index is the frequency across, its second the frequency
/// down. Each coefficient is too large by [`scale`]; the first is not yet shifted by the 128 that
/// T.81 A.3.1 subtracts from every sample, so that it is too large by 64 × 128 more.
#[inline]
pub(crate) fn forward(samples: &[&[u8; 8]; 8]) -> Matrix {
    let mut matrix = [[0.0; 8]; 8];
    for (row, samples) in matrix.iter_mut().zip(samples) {
        for (number, &sample) in row.iter_mut().zip(*samples) {
            *number = f32::from(sample);
        }
    }
    transform_columns(&mut matrix);
    let mut across = transposed(&matrix);
    transform_columns(&mut across);
    across
}

/// By how much [`forward`]'s coefficient of these two frequencies is too large.
pub(crate) fn scale(across: u8, down: u8) -> f64 {
    let one = |frequency: u8| match frequency {
        0 => 1.0,
        _ => (f64::from(frequency) * std::f64::consts::PI / 16.0).cos() * std::f64::consts::SQRT_2,
    };
    8.0 * one(across) * one(down)
}

#[inline]
fn transposed(matrix: &Matrix) -> Matrix {
    std::array::from_fn(|row| std::array::from_fn(|column| matrix[column][row]))
}

#[inline]
fn transform_columns(matrix: &mut Matrix) {
    let mut out = [[0.0; 8]; 8];
    for column in 0..8 {
        let line = transform_line(std::array::from_fn(|row| matrix[row][column]));
        for row in 0..8 {
            out[row][column] = line[row];
        }
    }
    *matrix = out;
}

/// Five multiplications and 29 additions; the factors are cosines of sixteenths of π.
#[inline]
fn transform_line(line: [f32; 8]) -> [f32; 8] {
    const COS_4: f32 = std::f32::consts::FRAC_1_SQRT_2;
    const COS_6: f32 = 0.382_683_43;
    const COS_2_LESS_COS_6: f32 = 0.541_196_1;
    const COS_2_PLUS_COS_6: f32 = 1.306_563;

    let sums: [f32; 4] = std::array::from_fn(|i| line[i] + line[7 - i]);
    let differences: [f32; 4] = std::array::from_fn(|i| line[i] - line[7 - i]);

    let outer = sums[0] + sums[3];
    let inner = sums[1] + sums[2];
    let outer_difference = sums[0] - sums[3];
    let turned = (sums[1] - sums[2] + outer_difference) * COS_4;

    let low = differences[3] + differences[2];
    let middle = (differences[2] + differences[1]) * COS_4;
    let high = differences[1] + differences[0];
    let shared = (low - high) * COS_6;
    let rotated_low = low * COS_2_LESS_COS_6 + shared;
    let rotated_high = high * COS_2_PLUS_COS_6 + shared;
    let near = differences[0] + middle;
    let far = differences[0] - middle;

    [
        outer + inner,
        near + rotated_high,
        outer_difference + turned,
        far - rotated_low,
        outer - inner,
        far + rotated_low,
        outer_difference - turned,
        near - rotated_high,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T.81 A.3.3 word for word, in double precision, without the shift by 128.
    fn by_definition(samples: &[[u8; 8]; 8], across: u8, down: u8) -> f64 {
        let half = |frequency: u8| if frequency == 0 { 0.5_f64.sqrt() } else { 1.0 };
        let wave = |place: u8, frequency: u8| {
            (f64::from(2 * place + 1) * f64::from(frequency) * std::f64::consts::PI / 16.0).cos()
        };
        let mut sum = 0.0;
        for (y, row) in (0..).zip(samples) {
            for (x, &sample) in (0..).zip(row) {
                sum += f64::from(sample) * wave(x, across) * wave(y, down);
            }
        }
        sum * half(across) * half(down) / 4.0
    }

    #[test]
    fn every_coefficient_is_that_of_the_definition() {
        let mut seed = 7_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if seed >> 31 == 0 {
                0
            } else {
                seed.to_be_bytes()[1] | 0xC0
            }
        };
        for _ in 0..50 {
            let samples = [[0; 8]; 8].map(|row: [u8; 8]| row.map(|_| random()));
            let matrix = forward(&samples.each_ref());
            for across in 0..8_u8 {
                for down in 0..8_u8 {
                    let found = f64::from(matrix[usize::from(across)][usize::from(down)]);
                    let expected = by_definition(&samples, across, down);
                    let error = found / scale(across, down) - expected;
                    assert!(error.abs() < 1e-3, "({across}, {down}): off by {error}");
                }
            }
        }
    }
}
