//! Turns in Redis. All keys share a hash tag.

use std::time::Duration;

use redis::Script;

use super::{LEASE_FOR, PAUSE, Standing, Turn};
use crate::readiness::{ReadinessError, Redis};
use crate::sweep::Sum;

/// KEYS record, written, lease; ARGV bytes written, most bytes or nothing, name, milliseconds →
/// {is it our turn (0 or 1), bytes written by all, what was left: bytes, thumbnails}.
const NEXT: &str = r"
local written = redis.call('INCRBY', KEYS[2], ARGV[1])
local last = redis.call('HMGET', KEYS[1], 'bytes', 'objects')
local due = not last[1] or (ARGV[2] ~= '' and last[1] + written > tonumber(ARGV[2]))
local turn = due and redis.call('SET', KEYS[3], ARGV[3], 'NX', 'PX', ARGV[4])
return {turn and 1 or 0, written, last[1] or '', last[2] or ''}
";

/// KEYS lease; ARGV name, milliseconds. A lease that vanished comes again.
const KEEP: &str = r"
local owner = redis.call('GET', KEYS[1])
if not owner or owner == ARGV[1] then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
";

/// KEYS record, written, lease; ARGV name, bytes, thumbnails, bytes written before the sweep,
/// milliseconds that the record counts for, milliseconds until the next sweep may begin.
const DONE: &str = r"
redis.call('HSET', KEYS[1], 'bytes', ARGV[2], 'objects', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if redis.call('DECRBY', KEYS[2], ARGV[4]) < 0 then redis.call('DEL', KEYS[2]) end
if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('PEXPIRE', KEYS[3], ARGV[6]) end
";

/// The longest time that Redis keeps a key for, and more than anybody waits for.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 100);

impl Redis {
    fn sweep_key(&self, part: &str) -> String {
        format!("{}:{{sweep}}:{part}", self.namespace())
    }

    pub(super) async fn sweep_next(
        &self,
        name: &str,
        written_bytes: u64,
        most_bytes: Option<u64>,
    ) -> Result<Standing, ReadinessError> {
        let script = Script::new(NEXT);
        let mut call = script.key(self.sweep_key("record"));
        call.key(self.sweep_key("written"))
            .key(self.sweep_key("lease"))
            .arg(written_bytes)
            .arg(most_bytes.map_or(String::new(), |most| most.to_string()))
            .arg(name)
            .arg(millis(LEASE_FOR));
        let (turn, written_bytes, bytes, objects): (u8, i64, String, String) =
            self.run(&call).await?;
        let last = bytes.parse().ok().zip(objects.parse().ok());
        Ok(Standing {
            turn: match turn {
                0 => Turn::Wait,
                _ => Turn::Sweep {
                    written_bytes: u64::try_from(written_bytes).unwrap_or_default(),
                },
            },
            last: last.map(|(bytes, objects)| Sum { objects, bytes }),
        })
    }

    pub(super) async fn sweep_keep(&self, name: &str) -> Result<(), ReadinessError> {
        let script = Script::new(KEEP);
        let mut call = script.key(self.sweep_key("lease"));
        call.arg(name).arg(millis(LEASE_FOR));
        self.run(&call).await
    }

    pub(super) async fn sweep_done(
        &self,
        name: &str,
        kept: Sum,
        written_bytes: u64,
        every: Duration,
    ) -> Result<(), ReadinessError> {
        let script = Script::new(DONE);
        let mut call = script.key(self.sweep_key("record"));
        call.key(self.sweep_key("written"))
            .key(self.sweep_key("lease"))
            .arg(name)
            .arg(kept.bytes)
            .arg(kept.objects);
        call.arg(written_bytes)
            .arg(millis(every.min(LONGEST)))
            .arg(millis(PAUSE));
        self.run(&call).await
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
