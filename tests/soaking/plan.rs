//! How long, and what is drawn at random: each task draws from a generator of its own, so that a
//! seed gives every task the same draws again, however the tasks interleave.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// What is asked for on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long there are load and faults.
    pub load: Duration,
    /// What all draws begin with.
    pub seed: u64,
}

impl Plan {
    /// `MINUTES [--seed N]`.
    pub fn read(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (mut minutes, mut seed) = (None, None);
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            if argument == "--seed" {
                let number = arguments.next().context("--seed has no number")?;
                seed = Some(number.parse().context("--seed")?);
            } else if minutes.is_none() {
                minutes = Some(argument.parse::<f64>().context("MINUTES")?);
            } else {
                bail!("usage: tests/soak MINUTES [--seed N]");
            }
        }
        let minutes = minutes.context("usage: tests/soak MINUTES [--seed N]")?;
        Ok(Self {
            load: Duration::try_from_secs_f64(minutes * 60.0).context("MINUTES")?,
            seed: seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
        })
    }

    /// The generator of the task with this name and number.
    pub fn random(&self, task: &str, number: usize) -> StdRng {
        // FNV-1a: the same in every run and on every machine.
        let name = task.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        StdRng::seed_from_u64(self.seed ^ name.wrapping_add(number as u64))
    }

    /// The longest outage: a sixth of a short run.
    pub fn longest_outage(&self) -> Duration {
        Duration::from_secs(30).min(self.load / 6)
    }
}
