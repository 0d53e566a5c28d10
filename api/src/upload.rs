//! Receives an upload: streamed to a file beside the store, hashed on the way, never whole in
//! memory; then its type is found from its bytes.

use std::time::Duration;

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use thumbmill_shared::asset::{AssetId, OriginalVersion};
use thumbmill_shared::media_type::{SAMPLE_BYTES, sniff};
use thumbmill_shared::originals::Upload;
use thumbmill_shared::settings::ByteSize;
use tokio::io::AsyncWriteExt;

use crate::App;
use crate::delivery::safe_filename;
use crate::error::ApiError;

/// Multipart framing and text fields that an upload may have beside its file.
const ENVELOPE_BYTES: u64 = 64 * 1024;
/// Longest text field.
const FIELD_BYTES: usize = 8 * 1024;
/// How long a client that is refused in the middle of its file may go on sending.
const LINGER: Duration = Duration::from_secs(5);

/// Refuses by `Content-Length`, before a byte is read.
pub(crate) fn refuse_if_announced_too_large(
    headers: &HeaderMap,
    limit: ByteSize,
) -> Result<(), ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let too_large =
        announced.is_some_and(|length| length > limit.bytes().saturating_add(ENVELOPE_BYTES));
    if too_large {
        Err(ApiError::TooLarge {
            limit_bytes: limit.bytes(),
        })
    } else {
        Ok(())
    }
}

/// What was received, and the file that it lies in until the store has taken it.
pub(crate) struct Received {
    /// What to make an original of.
    pub(crate) upload: Upload,
    /// Removes the file unless the store has moved it away.
    pub(crate) spool: TempPath,
}

/// The fields that may come before the file.
#[derive(Default)]
struct Fields {
    id: Option<AssetId>,
    filename: Option<String>,
    title: Option<String>,
    focal_point: (Option<u32>, Option<u32>),
}

/// Reads fields up to and including the file; what comes after it is ignored.
pub(crate) async fn receive(app: &App, mut body: Multipart) -> Result<Received, ApiError> {
    let mut fields = Fields::default();
    while let Some(mut field) = body.next_field().await.map_err(malformed)? {
        if field.file_name().is_some() {
            let received = receive_file(app, fields, &mut field).await;
            if received.is_err() {
                linger(field).await;
            }
            return received;
        }
        let name = field.name().unwrap_or_default().to_owned();
        let text = read_text(field).await?;
        match name.as_str() {
            "id" => {
                let id = text
                    .parse()
                    .map_err(|error| ApiError::Payload(format!("\"id\": {error}")))?;
                fields.id = Some(id);
            }
            "filename_download" => fields.filename = Some(text),
            "title" => fields.title = Some(text),
            "focal_point_x" => fields.focal_point.0 = coordinate(&name, &text)?,
            "focal_point_y" => fields.focal_point.1 = coordinate(&name, &text)?,
            _ => {}
        }
    }
    Err(ApiError::Payload(
        "No file was sent: send a part with a filename, after all fields".to_owned(),
    ))
}

/// Empty: none.
fn coordinate(name: &str, text: &str) -> Result<Option<u32>, ApiError> {
    let error = |_| ApiError::Payload(format!("\"{name}\" is no whole number"));
    match text {
        "" => Ok(None),
        _ => text.parse().map(Some).map_err(error),
    }
}

async fn read_text(mut field: Field<'_>) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(malformed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FIELD_BYTES {
            return Err(ApiError::Payload(format!(
                "A field is longer than {FIELD_BYTES} bytes"
            )));
        }
    }
    String::from_utf8(bytes).map_err(|_| ApiError::Payload("A field is not UTF-8".to_owned()))
}

async fn receive_file(
    app: &App,
    fields: Fields,
    field: &mut Field<'_>,
) -> Result<Received, ApiError> {
    let sent_name = field.file_name().and_then(safe_filename);
    let limit_bytes = app.settings.max_original_bytes.bytes();
    let internal = full_or_internal;
    let spool = tempfile::Builder::new()
        .prefix("upload-")
        .tempfile_in(app.storage.spool())
        .map_err(internal)?;
    let (file, spool) = spool.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let (mut hash, mut sample, mut length_bytes) = (Sha256::new(), Vec::new(), 0u64);
    while let Some(chunk) = field.chunk().await.map_err(malformed)? {
        length_bytes += chunk.len() as u64;
        if length_bytes > limit_bytes {
            return Err(ApiError::TooLarge { limit_bytes });
        }
        hash.update(&chunk);
        let missing = SAMPLE_BYTES.saturating_sub(sample.len()).min(chunk.len());
        sample.extend_from_slice(chunk.get(..missing).unwrap_or_default());
        file.write_all(&chunk).await.map_err(internal)?;
    }
    file.flush().await.map_err(internal)?;
    if length_bytes == 0 {
        return Err(ApiError::Payload("The file is empty".to_owned()));
    }
    let given = fields.filename.as_deref().and_then(safe_filename);
    let filename = given.or(sent_name).unwrap_or_else(|| "file".to_owned());
    let upload = Upload {
        id: fields.id,
        spooled: spool.to_path_buf(),
        version: OriginalVersion::of_digest(&hash.finalize().into()),
        length_bytes,
        media_type: sniff(&sample).to_owned(),
        title: fields.title.unwrap_or_else(|| title_of(&filename)),
        filename,
        focal_point: fields.focal_point,
    };
    Ok(Received { upload, spool })
}

/// Takes what a refused client still sends, for a while: on a connection that is closed with bytes
/// unread it might not see the answer.
async fn linger(mut field: Field<'_>) {
    let rest = async { while let Ok(Some(_)) = field.chunk().await {} };
    // Who sends for longer than that sees that the connection is closed.
    let _ = tokio::time::timeout(LINGER, rest).await;
}

/// `sea-view_2.jpg` becomes `Sea View 2`.
fn title_of(filename: &str) -> String {
    let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
    let words = stem.split(['-', '_', ' ']).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    words.filter_map(capital).collect::<Vec<_>>().join(" ")
}

fn malformed(error: MultipartError) -> ApiError {
    let text = error.body_text();
    match error.status() {
        StatusCode::INTERNAL_SERVER_ERROR => ApiError::Internal(error.into()),
        _ => ApiError::Payload(text),
    }
}

fn full_or_internal(error: std::io::Error) -> ApiError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            ApiError::StoreFull(thumbmill_shared::storage::StorageError::Full {
                object: "upload".to_owned(),
                source: error.into(),
            })
        }
        _ => ApiError::Internal(anyhow::Error::new(error).context("spool an upload")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_made_of_the_file_name() {
        for (filename, title) in [
            ("sea-view_2.jpg", "Sea View 2"),
            ("photo", "Photo"),
            ("ünï.png", "Ünï"),
        ] {
            assert_eq!(title_of(filename), title);
        }
    }
}
