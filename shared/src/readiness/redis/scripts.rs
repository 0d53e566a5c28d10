//! The decisions, each made inside Redis at one moment.

use redis::Script;

/// All scripts; Redis keeps them by their hash.
pub(super) struct Scripts {
    /// KEYS state, pending; ARGV `JOB PRIORITY`, milliseconds, priority → {word, state}.
    pub(super) enqueue: Script,
    /// KEYS state, lease; ARGV job, attempt, owner, delivered again (0 or 1), milliseconds → {word, state}.
    pub(super) claim: Script,
    /// KEYS state, pending, lease; ARGV outcome, milliseconds (0: it is not kept), owner, overwrite (0 or 1), channel,
    /// what is announced before the outcome, and after it.
    pub(super) finish: Script,
    /// KEYS key; ARGV value, milliseconds: only while the key has this value.
    pub(super) extend: Script,
    /// KEYS key; ARGV value: only while the key has this value.
    pub(super) remove: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            enqueue: Script::new(ENQUEUE),
            claim: Script::new(CLAIM),
            finish: Script::new(FINISH),
            extend: Script::new(EXTEND),
            remove: Script::new(REMOVE),
        }
    }
}

const ENQUEUE: &str = r"
local state = redis.call('GET', KEYS[1])
if state then return {'known', state} end
local pending = redis.call('GET', KEYS[2])
local behind = pending and ARGV[3] == 'interactive' and string.find(pending, ' bulk$')
if pending and not behind then return {'pending', ''} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'publish', ''}
";

const CLAIM: &str = r"
local state = redis.call('GET', KEYS[1])
if state then return {'known', state} end
local lease = redis.call('GET', KEYS[2])
if lease then
    local job, attempt = string.match(lease, '^(%S+) (%d+) ')
    local gone = ARGV[4] == '1' or tonumber(ARGV[2]) > tonumber(attempt)
    if not (job == ARGV[1] and gone) then return {'held', ''} end
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[5])
return {'won', ''}
";

const FINISH: &str = r"
local outcome = ARGV[1]
local known = ARGV[4] == '0' and redis.call('GET', KEYS[1])
if known then outcome = known
elseif ARGV[2] ~= '0' then redis.call('SET', KEYS[1], outcome, 'PX', ARGV[2]) end
redis.call('DEL', KEYS[2])
if redis.call('GET', KEYS[3]) == ARGV[3] then redis.call('DEL', KEYS[3]) end
redis.call('PUBLISH', ARGV[5], ARGV[6] .. outcome .. ARGV[7])
";

const EXTEND: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
";

const REMOVE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
";
