//! The arguments of one operation by name, whether they were given by place or in an object.
//! One that is `null` counts as absent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::BadOperation;
use crate::shown::{VALUE_CHARACTERS, shown};
use crate::transform::colour::Colour;
use crate::transform::decimal::Decimal;

/// What a method takes: arguments by place, and after them an object of named ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Takes {
    pub(super) places: &'static [&'static str],
    pub(super) names: &'static [&'static str],
}

/// What a method was given.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    method: &'static str,
    by_name: BTreeMap<&'static str, &'a Value>,
}

impl<'a> Arguments<'a> {
    pub(super) fn read(
        method: &'static str,
        takes: Takes,
        values: &'a [Value],
    ) -> Result<Self, BadOperation> {
        let surplus = |argument: &str| BadOperation::Surplus {
            method,
            argument: shown(argument, VALUE_CHARACTERS),
        };
        let mut by_name = BTreeMap::new();
        for (place, value) in values.iter().enumerate() {
            let last = place + 1 == values.len();
            match value {
                Value::Object(named) if last && !takes.names.is_empty() => {
                    for (name, value) in named {
                        let known = takes.names.iter().find(|known| *known == name);
                        by_name.insert(*known.ok_or_else(|| surplus(name))?, value);
                    }
                }
                value => {
                    let name = takes.places.get(place);
                    let name = name.ok_or_else(|| surplus(&value.to_string()))?;
                    by_name.insert(*name, value);
                }
            }
        }
        by_name.retain(|_, value| !value.is_null());
        Ok(Self { method, by_name })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The argument, if it is there; `expected` says what it has to be when `read` cannot read it.
    fn get<T>(
        &self,
        argument: &'static str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, BadOperation> {
        let Some(value) = self.by_name.get(argument) else {
            return Ok(None);
        };
        read(value)
            .map(Some)
            .ok_or_else(|| self.wrong(argument, expected))
    }

    fn wrong(&self, argument: &'static str, expected: &str) -> BadOperation {
        BadOperation::Argument {
            method: self.method,
            argument,
            expected: expected.to_owned(),
        }
    }

    /// A number from `least` to `most`.
    pub(super) fn number(
        &self,
        argument: &'static str,
        least: f64,
        most: f64,
    ) -> Result<Option<Decimal>, BadOperation> {
        let within = |value: &Value| {
            let number = value.as_f64().filter(|n| (least..=most).contains(n))?;
            // Rounding must not lead out of the range: nobody shall divide by 0.
            Decimal::nearest(number).filter(|n| (least..=most).contains(&n.value()))
        };
        let expected = format!("a number between {least} and {most}");
        self.get(argument, &expected, within)
    }

    /// A whole number from 0 to `most`.
    pub(super) fn whole(
        &self,
        argument: &'static str,
        most: u32,
    ) -> Result<Option<u32>, BadOperation> {
        let within = |value: &Value| {
            let whole = value.as_u64().or_else(|| whole_of(value.as_f64()?))?;
            u32::try_from(whole).ok().filter(|whole| *whole <= most)
        };
        let expected = format!("a whole number between 0 and {most}");
        self.get(argument, &expected, within)
    }

    pub(super) fn boolean(&self, argument: &'static str) -> Result<Option<bool>, BadOperation> {
        self.get(argument, "true or false", Value::as_bool)
    }

    pub(super) fn colour(&self, argument: &'static str) -> Result<Option<Colour>, BadOperation> {
        let expected =
            "a colour such as \"#f80\", \"rgb(255,136,0)\" or {\"r\":255,\"g\":136,\"b\":0}";
        self.get(argument, expected, colour)
    }

    /// What must be there.
    pub(super) fn needed<T>(
        &self,
        argument: &'static str,
        value: Option<T>,
    ) -> Result<T, BadOperation> {
        value.ok_or(BadOperation::Missing {
            method: self.method,
            argument,
        })
    }

    /// What is in order by itself, but not with the others.
    pub(super) fn check(
        &self,
        argument: &'static str,
        expected: &str,
        holds: impl FnOnce() -> bool,
    ) -> Result<(), BadOperation> {
        if holds() {
            Ok(())
        } else {
            Err(self.wrong(argument, expected))
        }
    }
}

/// `200.0`, as TOML and some clients write it.
fn whole_of(number: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the filter leaves only what a u32 holds"
    )]
    Some(number)
        .filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n))
        .map(|n| n as u64)
}

/// As CSS writes it, or as an object of `r`, `g`, `b` and `alpha` from 0 to 1.
fn colour(value: &Value) -> Option<Colour> {
    match value {
        Value::String(text) => text.parse().ok().or_else(|| functional(text)),
        Value::Object(parts) => {
            let known = |name: &String| ["r", "g", "b", "alpha"].contains(&name.as_str());
            if !parts.keys().all(known) {
                return None;
            }
            let part = |name: &str, absent| parts.get(name).map_or(Some(absent), Value::as_f64);
            Some(Colour::new([
                sample(part("r", 0.0)?)?,
                sample(part("g", 0.0)?)?,
                sample(part("b", 0.0)?)?,
                sample(part("alpha", 1.0)? * 255.0)?,
            ]))
        }
        _ => None,
    }
}

/// `rgb(255, 136, 0)`, and `rgba(255, 136, 0, 0.5)`.
fn functional(text: &str) -> Option<Colour> {
    let (name, rest) = text.split_once('(')?;
    if !matches!(name, "rgb" | "rgba") {
        return None;
    }
    let numbers: Option<Vec<f64>> = rest
        .strip_suffix(')')?
        .split(',')
        .map(|part| part.trim().parse().ok())
        .collect();
    let (r, g, b, alpha) = match numbers?[..] {
        [r, g, b] => (r, g, b, 1.0),
        [r, g, b, alpha] => (r, g, b, alpha),
        _ => return None,
    };
    Some(Colour::new([
        sample(r)?,
        sample(g)?,
        sample(b)?,
        sample(alpha * 255.0)?,
    ]))
}

fn sample(value: f64) -> Option<u8> {
    u8::try_from(whole_of(value.round())?).ok()
}
