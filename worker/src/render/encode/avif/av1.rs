//! Planes become an AV1 picture, by rav1e. Knows no container and no colours.

use rav1e::prelude::{
    BlockSize, ChromaSampling, ColorDescription, ColorPrimaries, Config, Context, EncoderConfig,
    EncoderStatus, FrameType, MatrixCoefficients, PartitionRange, PixelRange,
    PredictionModesSetting, SceneDetectionSpeed, SpeedSettings, TransferCharacteristics, Tune,
};

use super::refused;
use crate::render::RenderError;
use crate::render::plan::Size;

/// What cannot be interrupted has to be quick: what would take longer is done with less effort.
const MOST_MS: u64 = 4000;
/// rav1e's speeds, from 1 (slow) to 10, and the milliseconds of a photo of 200x200 px.
const SPEEDS: [(u8, u64); 5] = [(1, 2113), (2, 565), (4, 385), (8, 148), (10, 26)];

/// How planes are encoded.
pub(super) struct Av1 {
    pub(super) size: Size,
    /// 1 (fine) to 255.
    pub(super) quantizer: u8,
    /// 0 (fast) to 9 (small).
    pub(super) effort: u8,
}

impl Av1 {
    /// Three planes of one size are Y, Cb and Cr in BT.601, one is how opaque the pixels are.
    pub(super) fn encoded(&self, planes: &[&[u8]]) -> Result<Vec<u8>, RenderError> {
        let config = Config::new()
            .with_encoder_config(self.config(planes.len() == 1))
            .with_threads(1);
        let mut context: Context<u8> = config.new_context().map_err(|error| refused(&error))?;
        let mut frame = context.new_frame();
        let width = self.size.width as usize;
        for (plane, samples) in frame.planes.iter_mut().zip(planes) {
            plane.copy_from_raw_u8(samples, width, 1);
        }
        context.send_frame(frame).map_err(|error| refused(&error))?;
        context.flush();
        let mut bytes = Vec::new();
        loop {
            match context.receive_packet() {
                Ok(mut packet) if packet.frame_type == FrameType::KEY => {
                    bytes.append(&mut packet.data);
                }
                Ok(_) | Err(EncoderStatus::Encoded) => {}
                Err(EncoderStatus::LimitReached) => return Ok(bytes),
                Err(error) => return Err(refused(&error)),
            }
        }
    }

    fn config(&self, gray: bool) -> EncoderConfig {
        let colours = ColorDescription {
            color_primaries: ColorPrimaries::BT709,
            transfer_characteristics: TransferCharacteristics::SRGB,
            matrix_coefficients: MatrixCoefficients::BT601,
        };
        EncoderConfig {
            width: self.size.width as usize,
            height: self.size.height as usize,
            bit_depth: 8,
            chroma_sampling: if gray {
                ChromaSampling::Cs400
            } else {
                ChromaSampling::Cs444
            },
            pixel_range: PixelRange::Full,
            color_description: (!gray).then_some(colours),
            still_picture: true,
            quantizer: self.quantizer.into(),
            min_quantizer: self.quantizer,
            min_key_frame_interval: 0,
            max_key_frame_interval: 0,
            low_latency: false,
            // The other takes a third more time, and 3 % more bytes for the same PSNR.
            tune: Tune::Psnr,
            speed_settings: settings(speed(self.effort, self.size.area())),
            ..EncoderConfig::default()
        }
    }
}

/// rav1e's speed that takes about as long as libaom does with sharp's effort; for larger pictures
/// one that takes no longer than may be.
///
/// sharp's milliseconds of the same photo: effort 3: 40; 4: 261; 5: 333; 6: 598; 7: 916; 9: 2759.
pub(super) fn speed(effort: u8, pixels: usize) -> u8 {
    let least = match effort {
        0..=3 => 10,
        4 => 8,
        5 => 4,
        6 | 7 => 2,
        _ => 1,
    };
    let takes_ms = |ms: u64| pixels as u64 * ms / 40_000;
    let mut slow_enough = SPEEDS.iter().filter(|(speed, _)| *speed >= least);
    slow_enough
        .find(|(_, ms)| takes_ms(*ms) <= MOST_MS)
        .map_or(10, |(speed, _)| *speed)
}

/// What pays for one small picture: rav1e's own settings are for films.
///
/// At speed 8, on photos of 200 px with a quality of 80, blocks of 4 px are worth 9 % of the bytes
/// for 1.3 times the time, directions in between 3 % for 1.2 times, the filters that come after
/// 7 % for 1.7 times; a search for the best transform another 6 %, but for more than twice the
/// time, so it begins with speed 4.
fn settings(speed: u8) -> SpeedSettings {
    let mut settings = SpeedSettings::from_preset(speed);
    let fast = speed == 10;
    settings.multiref = false;
    settings.rdo_lookahead_frames = 1;
    settings.scene_detection_mode = SceneDetectionSpeed::None;
    settings.cdef = !fast;
    settings.lrf = !fast;
    let smallest = if fast {
        BlockSize::BLOCK_16X16
    } else {
        BlockSize::BLOCK_4X4
    };
    settings.partition.partition_range = PartitionRange::new(smallest, BlockSize::BLOCK_16X16);
    settings.partition.encode_bottomup = speed <= 2;
    settings.transform.rdo_tx_decision = speed <= 4;
    settings.transform.reduced_tx_set = fast;
    settings.transform.tx_domain_rate = fast;
    settings.prediction.fine_directional_intra = !fast;
    settings.prediction.prediction_modes = if speed == 1 {
        PredictionModesSetting::ComplexAll
    } else {
        PredictionModesSetting::Simple
    };
    settings
}
