//! What is measured: the originals, what is made of them, and what is wanted. Pure lists.

use serde_json::{Value, json};

use crate::drawing::Drawing;

/// An original that is drawn, and then encoded by sharp, so that nothing of ours shapes it.
pub(crate) struct Original {
    pub(crate) file: &'static str,
    pub(crate) drawing: Drawing,
    /// The format and its options, as sharp names them.
    pub(crate) encoding: (&'static str, Value),
}

/// A row of the table.
pub(crate) struct Case {
    /// The original's file.
    pub(crate) file: String,
    /// What is made of it, in words; the picture's own description comes before it.
    pub(crate) makes: String,
    /// What is made of it in one job, as query parameters; sharp makes one after the other.
    pub(crate) variants: Vec<Value>,
    /// How many times as fast as sharp it should be; `None` for information only.
    pub(crate) speed: Option<f64>,
    /// Is the share of the file that was read of interest, and should be below [`READ_SHARE`]?
    pub(crate) reads_less: bool,
}

/// Of a progressive JPEG at 1/8 no more than this share should be read.
pub(crate) const READ_SHARE: f64 = 0.15;
/// How far below sharp's the PSNR may be, in dB.
pub(crate) const PSNR_DB: f64 = 0.3;
/// How many times as many bytes as sharp's a thumbnail may have.
pub(crate) const BYTES_RATIO: f64 = 1.03;
/// The largest peak of the memory of a process that renders one thumbnail of [`PHOTO`].
pub(crate) const PEAK_BYTES: u64 = 40_000_000;
/// The original of 12 megapixels.
pub(crate) const PHOTO: &str = "photo-4000x3000.jpg";

/// Every drawn original. Sizes and bytes are those of pictures that the renderer was designed for.
pub(crate) fn originals() -> Vec<Original> {
    let original = |file, (width, height), (smallest, texture), encoding| Original {
        file,
        drawing: Drawing {
            width,
            height,
            cut_out: false,
            smallest,
            texture,
        },
        encoding,
    };
    let jpeg = |quality: u8, progressive: bool| {
        let options = json!({ "quality": quality, "progressive": progressive });
        ("jpeg", options)
    };
    let mut cut_out = original(
        "cut-out-5120x2880.png",
        (5120, 2880),
        (8.0, 8.0),
        (
            "png",
            json!({ "compressionLevel": 6, "adaptiveFiltering": true }),
        ),
    );
    cut_out.drawing.cut_out = true;
    vec![
        original(
            "baseline-2725x2225.jpg",
            (2725, 2225),
            (8.0, 15.0),
            jpeg(80, false),
        ),
        original(
            "baseline-3840x2400.jpg",
            (3840, 2400),
            (6.0, 25.0),
            jpeg(82, false),
        ),
        original(
            "progressive-5120x2880.jpg",
            (5120, 2880),
            (6.0, 40.0),
            jpeg(88, true),
        ),
        original(
            "progressive-5640x3172.jpg",
            (5640, 3172),
            (5.0, 85.0),
            jpeg(98, true),
        ),
        original(PHOTO, (4000, 3000), (6.0, 28.0), jpeg(85, false)),
        cut_out,
        original(
            "lossy-4096x4096.webp",
            (4096, 4096),
            (6.0, 47.0),
            ("webp", json!({ "quality": 94 })),
        ),
    ]
}

/// Every case on a drawn original.
pub(crate) fn cases() -> Vec<Case> {
    let square =
        |format: &str| json!({ "width": 200, "height": 200, "fit": "cover", "format": format });
    let jpeg =
        json!({ "width": 200, "height": 200, "fit": "cover", "format": "jpg", "quality": 80 });
    let inside =
        json!({ "width": 720, "height": 588, "fit": "inside", "format": "jpg", "quality": 80 });
    let widths =
        [64, 200, 400, 800].map(|width| json!({ "width": width, "format": "jpg", "quality": 80 }));
    let case = |file: &str, makes: &str, variant: &Value, speed| Case {
        file: file.to_owned(),
        makes: makes.to_owned(),
        variants: vec![variant.clone()],
        speed: Some(speed),
        reads_less: false,
    };
    let progressive = |file| Case {
        reads_less: true,
        ..case(file, "200x200", &jpeg, 20.0)
    };
    let webp =
        json!({ "width": 200, "height": 200, "fit": "cover", "format": "webp", "quality": 80 });
    let photo = |makes, variant: &Value| case(PHOTO, makes, variant, 1.0);
    let mut palette = square("png");
    palette["quality"] = 80.into();
    let mut avif = square("avif");
    avif["quality"] = 80.into();
    vec![
        case("baseline-2725x2225.jpg", "200x200", &jpeg, 2.5),
        case("baseline-3840x2400.jpg", "200x200", &jpeg, 2.5),
        progressive("progressive-5120x2880.jpg"),
        progressive("progressive-5640x3172.jpg"),
        case("baseline-2725x2225.jpg", "720x588 inside", &inside, 1.5),
        case("cut-out-5120x2880.png", "200x200", &square("png"), 2.5),
        case("lossy-4096x4096.webp", "200x200", &webp, 1.0),
        Case {
            variants: widths.to_vec(),
            ..case(
                PHOTO,
                "64, 200, 400 and 800 wide in one job",
                &json!(null),
                4.0,
            )
        },
        photo("200x200 AVIF", &avif),
        photo("200x200 PNG with a palette", &palette),
    ]
}

/// The case of a picture that was given: a square in the format that its name says.
pub(crate) fn given(file: &str) -> Case {
    let format = match file
        .rsplit('.')
        .next()
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("png") => "png",
        Some("webp") => "webp",
        _ => "jpg",
    };
    let mut variant = json!({ "width": 200, "height": 200, "fit": "cover", "format": format });
    if format != "png" {
        variant["quality"] = 80.into();
    }
    Case {
        file: file.to_owned(),
        makes: "200x200".to_owned(),
        variants: vec![variant],
        speed: None,
        reads_less: false,
    }
}
