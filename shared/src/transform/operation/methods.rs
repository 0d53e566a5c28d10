//! Every operation's name, and how its arguments become what it does. Names, arguments and
//! defaults are those of the reference, whose `transforms` are methods of the library sharp.

use std::num::NonZeroU32;

use serde_json::Value;

use super::arguments::{Arguments, Takes};
use super::{BadOperation, Modulate, Operation, Sharpen};
use crate::shown::{VALUE_CHARACTERS, shown};
use crate::transform::colour::Colour;
use crate::transform::decimal::Decimal;

/// What no factor and no summand is beyond.
const LARGE: f64 = 1e6;
/// What no place and no edge is beyond, in pixels.
const FAR_PX: u32 = 1_000_000;

type Made = Result<Operation, BadOperation>;

struct Method {
    name: &'static str,
    takes: Takes,
    make: fn(&Arguments) -> Made,
}

const fn method(
    name: &'static str,
    places: &'static [&'static str],
    names: &'static [&'static str],
    make: fn(&Arguments) -> Made,
) -> Method {
    let takes = Takes { places, names };
    Method { name, takes, make }
}

const EDGES: [&str; 4] = ["top", "right", "bottom", "left"];

#[rustfmt::skip]
const METHODS: [Method; 20] = [
    method("rotate", &["angle"], &["background"], rotate),
    method("flip", &[], &[], |_| Ok(Operation::Flip)),
    method("flop", &[], &[], |_| Ok(Operation::Flop)),
    method("grayscale", &[], &[], |_| Ok(Operation::Grayscale)),
    method("greyscale", &[], &[], |_| Ok(Operation::Grayscale)),
    method("blur", &["sigma"], &["sigma"], blur),
    method("sharpen", &["sigma", "m1", "m2"], &["sigma", "m1", "m2", "x1", "y2", "y3"], sharpen),
    method("tint", &["tint"], &[], tint),
    method("negate", &[], &["alpha"], negate),
    method("modulate", &[], &["brightness", "saturation", "hue", "lightness"], modulate),
    method("extract", &[], &["left", "top", "width", "height"], extract),
    method("trim", &[], &["background", "threshold"], trim),
    method("normalise", &[], &["lower", "upper"], normalise),
    method("normalize", &[], &["lower", "upper"], normalise),
    method("threshold", &["threshold"], &["grayscale", "greyscale"], threshold),
    method("linear", &["a", "b"], &[], linear),
    method("flatten", &[], &["background"], flatten),
    method("removeAlpha", &[], &[], |_| Ok(Operation::RemoveAlpha)),
    method("ensureAlpha", &["alpha"], &[], ensure_alpha),
    method("extend", &["edges"], &["top", "right", "bottom", "left", "background"], extend),
];

impl TryFrom<Value> for Operation {
    type Error = BadOperation;

    fn try_from(value: Value) -> Made {
        let Value::Array(values) = value else {
            return Err(BadOperation::NotAnArray);
        };
        let Some((Value::String(name), values)) = values.split_first() else {
            return Err(BadOperation::NotAnArray);
        };
        let Some(method) = METHODS.iter().find(|method| method.name == name) else {
            return Err(BadOperation::Unknown(shown(name, VALUE_CHARACTERS)));
        };
        (method.make)(&Arguments::read(method.name, method.takes, values)?)
    }
}

fn rotate(given: &Arguments) -> Made {
    let angle = given.number("angle", -LARGE, LARGE)?;
    Ok(Operation::Rotate {
        angle: given.needed("angle", angle)?.as_angle(),
        background: given.colour("background")?.unwrap_or(Colour::BLACK),
    })
}

fn blur(given: &Arguments) -> Made {
    let sigma = given.number("sigma", 0.3, 1000.0)?;
    Ok(Operation::Blur { sigma })
}

fn sharpen(given: &Arguments) -> Made {
    if given.is_empty() {
        return Ok(Operation::Sharpen(None));
    }
    let or = |name, default| {
        let number = given.number(name, 0.0, LARGE)?;
        Ok(number.unwrap_or(Decimal::thousandths(default)))
    };
    let sigma = given.number("sigma", 0.001, 10.0)?;
    Ok(Operation::Sharpen(Some(Sharpen {
        sigma: given.needed("sigma", sigma)?,
        m1: or("m1", 1_000)?,
        m2: or("m2", 2_000)?,
        x1: or("x1", 2_000)?,
        y2: or("y2", 10_000)?,
        y3: or("y3", 20_000)?,
    })))
}

fn tint(given: &Arguments) -> Made {
    let tint = given.needed("tint", given.colour("tint")?)?;
    Ok(Operation::Tint(tint))
}

fn negate(given: &Arguments) -> Made {
    let alpha = given.boolean("alpha")?.unwrap_or(true);
    Ok(Operation::Negate { alpha })
}

fn modulate(given: &Arguments) -> Made {
    let one = Decimal::thousandths(1_000);
    let zero = Decimal::thousandths(0);
    Ok(Operation::Modulate(Modulate {
        brightness: given.number("brightness", 0.0, LARGE)?.unwrap_or(one),
        saturation: given.number("saturation", 0.0, LARGE)?.unwrap_or(one),
        hue: given
            .number("hue", -LARGE, LARGE)?
            .unwrap_or(zero)
            .as_angle(),
        lightness: given.number("lightness", -LARGE, LARGE)?.unwrap_or(zero),
    }))
}

fn extract(given: &Arguments) -> Made {
    let place = |name| given.needed(name, given.whole(name, FAR_PX)?);
    let side = |name| {
        let whole = place(name)?;
        given.check(name, "at least 1", || whole > 0)?;
        Ok(NonZeroU32::new(whole).unwrap_or(NonZeroU32::MIN))
    };
    Ok(Operation::Extract {
        left: place("left")?,
        top: place("top")?,
        width: side("width")?,
        height: side("height")?,
    })
}

fn trim(given: &Arguments) -> Made {
    let threshold = given.number("threshold", 0.0, LARGE)?;
    Ok(Operation::Trim {
        background: given.colour("background")?,
        threshold: threshold.unwrap_or(Decimal::thousandths(10_000)),
    })
}

fn normalise(given: &Arguments) -> Made {
    let lower = given.number("lower", 0.0, 99.0)?;
    let upper = given.number("upper", 1.0, 100.0)?;
    let lower = lower.unwrap_or(Decimal::thousandths(1_000));
    let upper = upper.unwrap_or(Decimal::thousandths(99_000));
    given.check("lower", "less than upper", || lower < upper)?;
    Ok(Operation::Normalise { lower, upper })
}

fn threshold(given: &Arguments) -> Made {
    let level = given.whole("threshold", 255)?.unwrap_or(128);
    let spelling = if given.has("greyscale") {
        "greyscale"
    } else {
        "grayscale"
    };
    Ok(Operation::Threshold {
        level: u8::try_from(level).unwrap_or(u8::MAX),
        grayscale: given.boolean(spelling)?.unwrap_or(true),
    })
}

fn linear(given: &Arguments) -> Made {
    let (a, b) = (
        given.number("a", -LARGE, LARGE)?,
        given.number("b", -LARGE, LARGE)?,
    );
    Ok(Operation::Linear {
        a: given.needed("a", a)?,
        b: b.unwrap_or(Decimal::thousandths(0)),
    })
}

fn flatten(given: &Arguments) -> Made {
    let background = given.colour("background")?.unwrap_or(Colour::BLACK);
    Ok(Operation::Flatten(background))
}

fn ensure_alpha(given: &Arguments) -> Made {
    let alpha = given.number("alpha", 0.0, 1.0)?;
    Ok(Operation::EnsureAlpha {
        alpha: alpha.unwrap_or(Decimal::thousandths(1_000)),
    })
}

fn extend(given: &Arguments) -> Made {
    let all = given.whole("edges", FAR_PX)?.unwrap_or(0);
    let mut edges = [all; 4];
    for (edge, name) in edges.iter_mut().zip(EDGES) {
        *edge = given.whole(name, FAR_PX)?.unwrap_or(*edge);
    }
    Ok(Operation::Extend {
        edges,
        background: given.colour("background")?.unwrap_or(Colour::BLACK),
    })
}
