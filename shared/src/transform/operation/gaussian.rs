//! The weights of the Gaussians that blur and sharpen: rounded to twentieths, so that many a sigma
//! has the same.

/// Steps that the reference's Gaussian weights are rounded to.
const STEPS: f32 = 20.0;
/// Where the reference cuts the Gaussian of `blur` off, as a share of its peak.
pub const BLUR_LEAST: f32 = 0.2;
/// Where it cuts that of `sharpen` off.
pub const SHARPEN_LEAST: f32 = 0.1;

/// The weights of a pixel and of its neighbours outwards, in twentieths of its own: a Gaussian that
/// is cut off where it falls below `least` of its peak. Never empty.
pub fn gaussian_weights(sigma: f32, least: f32) -> impl Iterator<Item = f32> {
    let weights = (0_u16..).map(f32::from).map_while(move |distance| {
        let weight = (-distance * distance / (2.0 * sigma * sigma)).exp();
        // Not `<`: a sigma that is no number must end here as well.
        let ends = distance > 0.0 && !(weight >= least && distance < f32::from(u16::MAX));
        (!ends).then_some(weight)
    });
    weights.map(|weight| (STEPS * weight).round())
}
