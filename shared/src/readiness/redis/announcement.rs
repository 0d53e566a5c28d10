//! How the end of a variant is announced: its key, a space, the outcome as JSON, and for a small
//! picture a line feed, which JSON on one line has not, and the bytes.

use bytes::Bytes;

use crate::outcome::Outcome;
use crate::readiness::Ending;
use crate::variant::VariantKey;

/// What comes before the outcome.
pub(super) fn opening(key: &VariantKey) -> String {
    format!("{key} ")
}

/// What comes after it.
pub(super) fn rest(ending: &Ending) -> Vec<u8> {
    match &ending.picture {
        Some(picture) => [b"\n", &**picture].concat(),
        None => Vec::new(),
    }
}

/// Reads an announcement; `None` when it is none. A picture that is not as long as the outcome
/// says is left out: it lies whole in the store.
pub(super) fn read(announced: &Bytes) -> Option<(VariantKey, Ending)> {
    let end = announced.iter().position(|byte| *byte == b'\n');
    let text = announced.get(..end.unwrap_or(announced.len()))?;
    let (key, outcome) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    let key = serde_json::from_value(key.into()).ok()?;
    let ending = match (serde_json::from_str(outcome).ok()?, end) {
        (Outcome::Ready(ready), Some(end)) => Ending::stored(ready, announced.slice(end + 1..)),
        (outcome, _) => outcome.into(),
    };
    Some((key, ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Failure, Ready, Reason};
    use crate::readiness::ANNOUNCED_BYTES;

    fn key() -> VariantKey {
        serde_json::from_value("0123456789abcdef0123456789abcdef".into()).unwrap()
    }

    fn ready(length_bytes: u64) -> Ready {
        Ready {
            length_bytes,
            render_ms: Some(1),
            queued_ms: None,
        }
    }

    fn announce(ending: &Ending) -> Bytes {
        let outcome = serde_json::to_string(&ending.outcome).unwrap();
        let parts = [
            opening(&key()).as_bytes(),
            outcome.as_bytes(),
            &rest(ending),
        ]
        .concat();
        parts.into()
    }

    #[test]
    fn an_ending_survives_the_announcement() {
        let failure = Failure {
            reason: Reason::Corrupt,
            message: "damaged\nin the middle".to_owned(),
        };
        let endings = [
            Ending::stored(ready(5), Bytes::from_static(b"\xff\n\0\n ")),
            Outcome::Ready(ready(5)).into(),
            Outcome::Failed(failure).into(),
        ];
        for ending in endings {
            assert_eq!(read(&announce(&ending)), Some((key(), ending)));
        }
    }

    #[test]
    fn a_large_picture_stays_in_the_store() {
        let bytes = |length: usize| Bytes::from(vec![7; length]);
        let stored = |length: usize| Ending::stored(ready(length as u64), bytes(length)).picture;
        assert_eq!(stored(ANNOUNCED_BYTES), Some(bytes(ANNOUNCED_BYTES)));
        assert_eq!(stored(ANNOUNCED_BYTES + 1), None);
    }

    #[test]
    fn a_picture_that_was_cut_off_is_left_out() {
        let whole = announce(&Ending::stored(ready(5), Bytes::from_static(b"hello")));
        let cut = read(&whole.slice(..whole.len() - 1));
        assert_eq!(cut, Some((key(), Outcome::Ready(ready(5)).into())));
    }

    #[test]
    fn what_is_no_announcement_is_not_read() {
        for text in ["", "hello", "key {}", "key\n", "\n", "key nonsense\nbytes"] {
            assert_eq!(read(&Bytes::from_static(text.as_bytes())), None, "{text}");
        }
    }
}
