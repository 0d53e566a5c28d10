//! What renderers say on standard error, such as the last words of a decoder: shown in the log as theirs,
//! cleaned and bounded, since one that was taken over could forge or flood it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thumbmill_shared::shown::shown;
use tokio::io::{AsyncRead, AsyncReadExt};

/// All renderers together may say so much,
const MOST_BYTES: usize = 16 << 10;
/// in so long.
const WINDOW: Duration = Duration::from_mins(1);
/// Of a line so much is shown.
const MOST_CHARACTERS: usize = 400;

/// What renderers may still say; clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    /// When the window began.
    since: Option<Instant>,
    bytes: usize,
}

impl Words {
    /// May a renderer say so much more?
    fn may(&self, bytes: usize, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said
            .since
            .is_none_or(|since| now.duration_since(since) >= WINDOW)
        {
            *said = Said {
                since: Some(now),
                bytes: 0,
            };
        }
        said.bytes = said.bytes.saturating_add(bytes);
        said.bytes <= MOST_BYTES
    }

    /// Logs what a renderer says, line by line, until it ends. One that says too much is not listened to any
    /// more: its next words are an error to itself, which Rust ignores.
    pub(super) async fn listen(self, renderer: Option<u32>, mut stderr: impl AsyncRead + Unpin) {
        let mut line = Vec::new();
        let mut part = [0; 1024];
        while let Ok(length @ 1..) = stderr.read(&mut part).await {
            if !self.may(length, Instant::now()) {
                tracing::warn!(
                    renderer,
                    "a renderer says too much; its words are not shown any more"
                );
                return;
            }
            for byte in part.iter().take(length) {
                match byte {
                    b'\n' => say(renderer, &mut line),
                    // The rest of a long line is not kept.
                    byte if line.len() < 4 * MOST_CHARACTERS => line.push(*byte),
                    _ => {}
                }
            }
        }
        say(renderer, &mut line);
    }
}

fn say(renderer: Option<u32>, line: &mut Vec<u8>) {
    let words = shown(&String::from_utf8_lossy(line), MOST_CHARACTERS);
    line.clear();
    if !words.is_empty() {
        tracing::warn!(renderer, words, "a renderer says");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_renderers_together_may_say_so_much_a_minute() {
        let (words, now) = (Words::default(), Instant::now());
        assert!(words.may(MOST_BYTES - 1, now));
        assert!(words.clone().may(1, now));
        assert!(!words.may(1, now + WINDOW / 2));
        assert!(words.may(MOST_BYTES, now + WINDOW));
    }

    /// Endless text ends the listening, not the worker.
    #[tokio::test]
    async fn who_never_ends_is_not_listened_to_for_ever() {
        Words::default().listen(None, tokio::io::repeat(b'a')).await;
        Words::default()
            .listen(None, tokio::io::repeat(b'\n'))
            .await;
        Words::default().listen(None, tokio::io::empty()).await;
    }
}
