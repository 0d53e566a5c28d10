//! How long a client will wait: the `Prefer` header (RFC 7240).

use std::time::Duration;

/// What a client wants when its variant is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Wait this long for it.
    Wait(Duration),
    /// Do not wait: 202.
    Async,
}

/// Reads `Prefer` (all its values joined by commas); `default` when it says nothing of this,
/// at most `longest`.
pub(crate) fn patience(prefer: &str, default: Duration, longest: Duration) -> Patience {
    let mut patience = Patience::Wait(default.min(longest));
    for preference in prefer.split([',', ';']).map(str::trim) {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        if name.eq_ignore_ascii_case("respond-async") {
            return Patience::Async;
        }
        if let (true, Ok(seconds)) = (name.eq_ignore_ascii_case("wait"), value.parse::<u32>()) {
            patience = Patience::Wait(Duration::from_secs(seconds.into()).min(longest));
        }
    }
    patience
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_and_bounded() {
        let wait = |seconds| Patience::Wait(Duration::from_secs(seconds));
        let table = [
            ("", wait(10)),
            ("wait=3", wait(3)),
            ("Wait = \"3\"", wait(3)),
            ("wait=3600", wait(30)),
            ("wait=0", wait(0)),
            ("wait=-1", wait(10)),
            ("wait=soon", wait(10)),
            ("respond-async, wait=5", Patience::Async),
            ("return=minimal; foo=bar, respond-async", Patience::Async),
        ];
        for (prefer, expected) in table {
            assert_eq!(
                patience(prefer, Duration::from_secs(10), Duration::from_secs(30)),
                expected,
                "{prefer}"
            );
        }
    }
}
