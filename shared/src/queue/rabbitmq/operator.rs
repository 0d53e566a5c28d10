//! What the operators' commands have in common: somebody waits for each answer.

use std::time::Duration;

use tokio::time::timeout;

use crate::queue::QueueError;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Waits for an answer, which on a blocked or cut connection may never come.
pub(super) async fn in_time<T>(
    what: &str,
    asked: impl Future<Output = lapin::Result<T>>,
) -> Result<T, QueueError> {
    match timeout(ANSWER_WITHIN, asked).await {
        Ok(answered) => answered.map_err(|error| failed(what, &error)),
        Err(_) => Err(QueueError(format!(
            "{what}: no answer within {ANSWER_WITHIN:?}"
        ))),
    }
}

/// What could not be done, and why.
pub(super) fn failed(what: &str, error: &lapin::Error) -> QueueError {
    QueueError(format!("{what}: {error}"))
}
