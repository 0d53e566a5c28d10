//! Receives an upload: streamed to a file beside the store, hashed on the way, never whole in
//! memory; then its type is found from its bytes.

use axum::RequestExt;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{Multipart, Request};
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use thumbmill_shared::asset::{Access, AssetId, Filename, OriginalVersion, Title};
use thumbmill_shared::media_type::{SAMPLE_BYTES, sniff};
use thumbmill_shared::originals::Upload;
use thumbmill_shared::settings::Settings;
use thumbmill_shared::shown::shown;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::App;
use crate::error::ApiError;
use crate::limits::{Limit, body_error, is_multipart};

mod pieces;

use pieces::{Pieces, Position};

/// Of what is wrong with a form: the text may repeat what was sent.
const SHOWN_CHARACTERS: usize = 100;

/// Of a file, before it is written: each write is a visit to another thread.
const BUFFER_BYTES: usize = 64 * 1024;

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
    filename: Option<Filename>,
    title: Option<Title>,
    access: Option<Access>,
    focal_point: (Option<u32>, Option<u32>),
}

/// Reads a form with fields and one file. Fields behind the file are ignored, and another file is
/// an error.
pub(crate) async fn receive(app: &App, request: Request) -> Result<Received, ApiError> {
    if !is_multipart(request.headers()) {
        return Err(ApiError::MediaType(""));
    }
    if boundary_is_long(request.headers()) {
        return Err(ApiError::Payload(
            "The boundary has more than 70 characters (RFC 2046, 5.1.1)".to_owned(),
        ));
    }
    let settings = &app.settings;
    let position = Position::before_the_file(Limit::fields(settings));
    let in_pieces = |body| Body::from_stream(Pieces::of(body, position.clone()));
    let body: Multipart = request
        .map(in_pieces)
        .extract()
        .await
        .map_err(|_| ApiError::Payload("The Content-Type names no boundary".to_owned()))?;
    Form {
        app,
        body,
        position,
    }
    .receive()
    .await
}

/// Every piece of a body is searched for the boundary.
fn boundary_is_long(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    let text = content_type.and_then(|value| value.to_str().ok());
    let boundary = text.and_then(|text| {
        let at = text.to_ascii_lowercase().find("boundary=")? + "boundary=".len();
        text.get(at..)?.split(';').next()
    });
    boundary.is_some_and(|boundary| boundary.trim().trim_matches('"').len() > 70)
}

/// A form that is being read.
struct Form<'a> {
    app: &'a App,
    body: Multipart,
    position: Position,
}

impl Form<'_> {
    async fn receive(mut self) -> Result<Received, ApiError> {
        let mut fields = Fields::default();
        let settings = &self.app.settings;
        while let Some(field) = self.body.next_field().await.map_err(unread(settings))? {
            check_headers(&field, settings)?;
            if field.file_name().is_some() {
                self.position.in_file();
                let received = receive_file(self.app, fields, field).await?;
                self.position.behind_the_file();
                self.end().await?;
                return Ok(received);
            }
            let name = field.name().unwrap_or_default().to_owned();
            let text = field.bytes().await.map_err(unread(settings))?;
            let text = String::from_utf8(text.into())
                .map_err(|_| ApiError::Payload("A field is not UTF-8".to_owned()))?;
            fields.set(&name, text)?;
        }
        Err(ApiError::Payload(
            "No file was sent: send a part with a filename, after all fields".to_owned(),
        ))
    }

    /// Reads what comes behind the file.
    async fn end(&mut self) -> Result<(), ApiError> {
        let settings = &self.app.settings;
        while let Some(field) = self.body.next_field().await.map_err(unread(settings))? {
            if field.file_name().is_some() {
                return Err(ApiError::Payload(
                    "Two files were sent: send each in a request of its own".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

impl Fields {
    fn set(&mut self, name: &str, text: String) -> Result<(), ApiError> {
        let wrong = |why: String| ApiError::Payload(format!("\"{name}\": {why}"));
        match name {
            "id" => self.id = Some(text.parse().map_err(|e| wrong(format!("{e}")))?),
            "filename_download" => self.filename = Filename::of(&text),
            "title" => self.title = Some(Title::parse(text).map_err(|e| wrong(e.to_string()))?),
            "access" => {
                self.access = match text.as_str() {
                    "" => None,
                    text => Some(text.parse().map_err(|e| wrong(format!("it is {e}")))?),
                }
            }
            "focal_point_x" => self.focal_point.0 = coordinate(name, &text)?,
            "focal_point_y" => self.focal_point.1 = coordinate(name, &text)?,
            _ => {}
        }
        Ok(())
    }
}

/// Empty: none.
fn coordinate(name: &str, text: &str) -> Result<Option<u32>, ApiError> {
    let error = |_| ApiError::Payload(format!("\"{name}\" is no whole number"));
    match text {
        "" => Ok(None),
        _ => text.parse().map(Some).map_err(error),
    }
}

fn check_headers(field: &Field<'_>, settings: &Settings) -> Result<(), ApiError> {
    let limit = Limit::part_headers(settings);
    let headers = field.headers().iter();
    let bytes: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if bytes as u64 > limit.bytes {
        return Err(ApiError::TooLong(limit));
    }
    Ok(())
}

async fn receive_file(
    app: &App,
    fields: Fields,
    mut field: Field<'_>,
) -> Result<Received, ApiError> {
    let sent_name = field.file_name().and_then(Filename::of);
    let limit = Limit::file(&app.settings);
    let spool = tempfile::Builder::new()
        .prefix("upload-")
        .tempfile_in(app.storage.spool())
        .map_err(ApiError::spool)?;
    let (file, spool) = spool.into_parts();
    let file = tokio::fs::File::from_std(file);
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
    let (mut hash, mut sample, mut length_bytes) = (Sha256::new(), Vec::new(), 0u64);
    while let Some(chunk) = field.chunk().await.map_err(unread(&app.settings))? {
        length_bytes += chunk.len() as u64;
        if length_bytes > limit.bytes {
            return Err(ApiError::TooLong(limit));
        }
        hash.update(&chunk);
        let missing = SAMPLE_BYTES.saturating_sub(sample.len()).min(chunk.len());
        sample.extend_from_slice(chunk.get(..missing).unwrap_or_default());
        file.write_all(&chunk).await.map_err(ApiError::spool)?;
    }
    file.flush().await.map_err(ApiError::spool)?;
    if length_bytes == 0 {
        return Err(ApiError::Payload("The file is empty".to_owned()));
    }
    let filename = fields.filename.or(sent_name);
    let filename = filename.unwrap_or_else(Filename::unnamed);
    let upload = Upload {
        id: fields.id,
        spooled: spool.to_path_buf(),
        version: OriginalVersion::of_digest(&hash.finalize().into()),
        length_bytes,
        media_type: sniff(&sample).to_owned(),
        title: fields.title.unwrap_or_else(|| filename.title()),
        filename,
        access: fields.access,
        focal_point: fields.focal_point,
    };
    Ok(Received { upload, spool })
}

/// What a client is told whose form could not be read.
fn unread(settings: &Settings) -> impl Fn(MultipartError) -> ApiError {
    move |error| {
        if error.status().is_server_error() || error.status() == 413 {
            body_error(&error, Limit::file(settings), settings)
        } else {
            ApiError::Payload(shown(&error.body_text(), SHOWN_CHARACTERS))
        }
    }
}
