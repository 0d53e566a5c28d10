//! Lossy pictures, held against libwebp.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut seed = 12345_u32;
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (seed >> 27) as i32;
            let wave = ((x as f32 / 7.0).sin() * 60.0 + (y as f32 / 11.0).cos() * 60.0) as i32;
            let edge = if (x / 24 + y / 40) % 2 == 0 { 70 } else { 0 };
            for c in 0..3 {
                out.push((90 + wave + edge * (c + 1) / 2 + noise).clamp(0, 255) as u8);
            }
        }
    }
    out
}

#[test]
fn whole_pictures_equal_libwebps() {
    use thumbmill_webp_shrink::*;
    for (w, h) in [(1, 1), (2, 2), (17, 33), (16, 16), (100, 75), (257, 130)] {
        let rgb = picture(w, h);
        for quality in [0.0, 20.0, 75.0, 100.0] {
            for method in [0, 3, 6] {
                for simple in [0, 1] {
                    let mut config = webp::WebPConfig::new().unwrap();
                    config.quality = quality;
                    config.method = method;
                    config.filter_type = 1 - simple;
                    config.filter_strength = 60;
                    config.partitions = 2;
                    config.segments = 4;
                    let bytes = webp::Encoder::from_rgb(&rgb, w, h)
                        .encode_advanced(&config)
                        .unwrap();
                    let theirs = webp::Decoder::new(&bytes).decode().unwrap();
                    let ours = decode(
                        &bytes,
                        &Options {
                            scale: Scale::Full,
                            crop: None,
                            budget_bytes: 1 << 30,
                        },
                        &|| false,
                    )
                    .unwrap();
                    assert!(
                        ours.to_rgb() == *theirs,
                        "{w}x{h} {quality} {method} {simple}"
                    );
                }
            }
        }
    }
}
