//! How alike two pictures are. Pure functions on samples of 0 to 255.

/// Peak signal-to-noise ratio in dB: 10 lg (255² / mean squared error). Alike to the last bit is
/// infinite.
pub(crate) fn psnr_db(truth: &[f32], found: &[f32]) -> f64 {
    let squares = truth.iter().zip(found).map(|(truth, found)| {
        let error = f64::from(truth - found);
        error * error
    });
    let mean = squares.sum::<f64>() / truth.len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

/// Pixels across and down that SSIM looks at at once.
pub(crate) const WINDOW_PX: usize = 2 * RADIUS + 1;
const RADIUS: usize = 5;
const SIGMA: f64 = 1.5;

/// Mean structural similarity of two gray pictures, `width` pixels a row, 1 for the same picture:
/// Gaussian windows of 11 x 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03 (Wang, Bovik, Sheikh
/// and Simoncelli, "Image quality assessment", 2004). Only windows inside the picture count; it
/// must be 11 pixels wide and high at least.
pub(crate) fn ssim(truth: &[f32], found: &[f32], width: usize) -> f64 {
    let (c1, c2) = ((0.01f64 * 255.0).powi(2), (0.03f64 * 255.0).powi(2));
    let product = |one: &[f32], other: &[f32]| {
        let products = one
            .iter()
            .zip(other)
            .map(|(one, other)| f64::from(*one) * f64::from(*other));
        blurred(&products.collect::<Vec<_>>(), width)
    };
    let mean = |samples: &[f32]| {
        let samples: Vec<f64> = samples.iter().copied().map(f64::from).collect();
        blurred(&samples, width)
    };
    let (mean_x, mean_y) = (mean(truth), mean(found));
    let (xx, yy, xy) = (
        product(truth, truth),
        product(found, found),
        product(truth, found),
    );
    let similarity = (0..mean_x.len()).map(|at| {
        let (x, y) = (mean_x[at], mean_y[at]);
        let (variance_x, variance_y) = (xx[at] - x * x, yy[at] - y * y);
        let covariance = xy[at] - x * y;
        (2.0 * x * y + c1) * (2.0 * covariance + c2)
            / ((x * x + y * y + c1) * (variance_x + variance_y + c2))
    });
    similarity.sum::<f64>() / mean_x.len() as f64
}

/// Gaussian means of all windows inside the picture.
fn blurred(samples: &[f64], width: usize) -> Vec<f64> {
    let weights: Vec<f64> = (0..WINDOW_PX)
        .map(|at| {
            let distance = at as f64 - RADIUS as f64;
            (-distance * distance / (2.0 * SIGMA * SIGMA)).exp()
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    let weighted = |values: &mut dyn Iterator<Item = &f64>| {
        let terms = values.zip(&weights).map(|(value, weight)| value * weight);
        terms.sum::<f64>() / sum
    };
    let kept = width - 2 * RADIUS;
    let across: Vec<f64> = samples
        .chunks_exact(width)
        .flat_map(|row| row.windows(WINDOW_PX))
        .map(|window| weighted(&mut window.iter()))
        .collect();
    (0..across.len() - 2 * RADIUS * kept)
        .map(|first| weighted(&mut across[first..].iter().step_by(kept)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gray ramp with a coarse pattern.
    fn pattern() -> Vec<f32> {
        (0..32 * 24u16)
            .map(|at| f32::from(at % 32 * 5 + at / 32 % 4 * 20))
            .collect()
    }

    #[test]
    fn psnr_is_that_of_the_mean_squared_error() {
        let truth = pattern();
        let off_by_one: Vec<f32> = truth.iter().map(|sample| sample + 1.0).collect();
        assert!((psnr_db(&truth, &off_by_one) - 48.1308).abs() < 1e-3);
        assert!(psnr_db(&truth, &truth).is_infinite());
    }

    #[test]
    fn ssim_is_one_for_the_same_picture_and_small_for_another() {
        let truth = pattern();
        let flat = vec![100.0; truth.len()];
        assert!((ssim(&truth, &truth, 32) - 1.0).abs() < 1e-9);
        assert!(ssim(&truth, &flat, 32) < 0.1);
    }

    /// Flat pictures have no variance: only the means count, (2xy + C1) / (x² + y² + C1).
    #[test]
    fn ssim_of_flat_pictures_is_that_of_their_means() {
        let (dark, light) = (vec![100.0; 11 * 11], vec![120.0; 11 * 11]);
        let expected = (2.0 * 12000.0 + 6.5025) / (10000.0 + 14400.0 + 6.5025);
        assert!((ssim(&dark, &light, 11) - expected).abs() < 1e-9);
    }
}
