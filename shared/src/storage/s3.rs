//! Objects in a bucket of Amazon S3 or of a server that speaks its protocol.
//!
//! Uses what such servers have in common: single puts (so objects of at most 5 GB), `If-Match`
//! and `If-None-Match: *` on puts, ranged gets, paged lists, and deletes one by one. The
//! credentials must allow `s3:ListBucket`: without it S3 answers 403 for an absent object.

mod client;
mod failure;
mod list;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder as ConfigBuilder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::MetadataDirective;
use futures_util::{StreamExt, TryStreamExt};

use super::error::Cause;
use super::{Body, Condition, Head, Object, Operation, S3Options, Source, StorageError, Tag};
use failure::{Answer, answer, failed};

/// A put gets this much more time for each second's worth of bytes.
const SLOWEST_UPLOAD_BYTES_PER_SECOND: u64 = 1024 * 1024;
/// How many objects of a list are removed at the same time.
const DELETES_AT_ONCE: usize = 16;

/// A bucket, and what all names in it begin with.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Client,
    bucket: Arc<str>,
    /// Empty, or with `/` at its end.
    prefix: Arc<str>,
    options: Arc<S3Options>,
}

impl S3 {
    pub(super) async fn open(bucket: &str, prefix: &str, options: &S3Options) -> Self {
        let prefix = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self {
            client: client::build(options).await,
            bucket: bucket.into(),
            prefix: prefix.into(),
            options: Arc::new(options.clone()),
        }
    }

    fn key(&self, object: &str) -> String {
        format!("{}{object}", self.prefix)
    }

    /// A conditional put is tried once only: after a lost answer a second try could find the
    /// first one's object and call it a conflict. So a conflict always means "not written".
    pub(super) async fn put(
        &self,
        object: &str,
        source: Source,
        media_type: &str,
        condition: Condition,
    ) -> Result<Tag, StorageError> {
        let (body, length_bytes) = open_source(object, source).await?;
        let (if_none_match, if_match) = match &condition {
            Condition::Always => (None, None),
            Condition::IfAbsent => (Some("*".to_owned()), None),
            Condition::IfTag(tag) => (None, Some(tag.as_str().to_owned())),
        };
        let conditional = condition != Condition::Always;
        let request = self.client.put_object().bucket(&*self.bucket);
        let request = request
            .key(self.key(object))
            .content_type(media_type)
            .body(body)
            .set_if_none_match(if_none_match)
            .set_if_match(if_match);
        let result = match self.put_config(length_bytes, conditional) {
            Some(config) => request.customize().config_override(config).send().await,
            None => request.send().await,
        };
        match result {
            Ok(output) => tag(Operation::Put, object, output.e_tag),
            Err(error) if conditional && answer(&error) == Answer::ConditionFailed => {
                Err(StorageError::Conflict {
                    object: object.to_owned(),
                })
            }
            // There is nothing that the tag could match.
            Err(error) if conditional && answer(&error) == Answer::Absent => {
                Err(StorageError::Conflict {
                    object: object.to_owned(),
                })
            }
            Err(error) => Err(failed(Operation::Put, object, error)),
        }
    }

    /// What a put does differently from other requests. A small one in any case nothing: the SDK
    /// takes longer to change its configuration than to make the rest of the request.
    fn put_config(&self, length_bytes: u64, conditional: bool) -> Option<ConfigBuilder> {
        if length_bytes < SLOWEST_UPLOAD_BYTES_PER_SECOND && !conditional {
            return None;
        }
        let mut timeouts = timeouts(&self.options, length_bytes).to_builder();
        let mut config = ConfigBuilder::new();
        if conditional {
            // The one try has the time of all; SeaweedFS lets rivals wait for whole seconds.
            timeouts.set_operation_attempt_timeout(None);
            config = config.retry_config(RetryConfig::standard().with_max_attempts(1));
        }
        Some(config.timeout_config(timeouts.build()))
    }

    pub(super) async fn head(&self, object: &str) -> Result<Option<Head>, StorageError> {
        let request = self.client.head_object().bucket(&*self.bucket);
        let result = request.key(self.key(object)).send().await;
        let output = match result {
            Ok(output) => output,
            Err(error) if answer(&error) == Answer::Absent => return Ok(None),
            Err(error) => return Err(failed(Operation::Head, object, error)),
        };
        let length_bytes = length(Operation::Head, object, output.content_length)?;
        let tag = tag(Operation::Head, object, output.e_tag)?;
        Ok(Some(Head {
            length_bytes,
            modified: time(output.last_modified),
            tag,
        }))
    }

    pub(super) async fn get(
        &self,
        object: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, StorageError> {
        let header = range.map(|r| format!("bytes={}-{}", r.start, r.end.saturating_sub(1)));
        let ranged = header.is_some();
        let request = self.client.get_object().bucket(&*self.bucket);
        let result = request.key(self.key(object)).set_range(header).send().await;
        match result {
            Ok(output) => opened(object, output, ranged).map(Some),
            Err(error) => match answer(&error) {
                Answer::Absent => Ok(None),
                // Nothing lies in the range.
                Answer::RangeBehindEnd => Ok(self.head(object).await?.map(|head| Object {
                    head,
                    body: Body::empty(object),
                })),
                Answer::ConditionFailed | Answer::Refused | Answer::Unavailable => {
                    Err(failed(Operation::Get, object, error))
                }
            },
        }
    }

    /// A copy onto itself, which S3 takes only if something about it is replaced.
    pub(super) async fn renew(&self, object: &str, media_type: &str) -> Result<(), StorageError> {
        let key = self.key(object);
        // Needs no escapes: names have none of the characters that do.
        let source = format!("{}/{key}", self.bucket);
        let request = self.client.copy_object().bucket(&*self.bucket).key(key);
        let request = request
            .copy_source(source)
            .metadata_directive(MetadataDirective::Replace)
            .content_type(media_type);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if answer(&error) == Answer::Absent => Ok(()),
            Err(error) => Err(failed(Operation::Renew, object, error)),
        }
    }

    pub(super) async fn delete(&self, object: &str) -> Result<(), StorageError> {
        self.delete_key(object, self.key(object)).await
    }

    /// One by one: not every server has the request that deletes many.
    pub(super) async fn delete_all(&self, prefix: &str) -> Result<(), StorageError> {
        let request = self.client.list_objects_v2().bucket(&*self.bucket);
        let mut pages = request.prefix(self.key(prefix)).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(Operation::Delete, prefix, error))?;
            let keys = page.contents.unwrap_or_default();
            futures_util::stream::iter(keys.into_iter().filter_map(|object| object.key))
                .map(|key| self.delete_key(prefix, key))
                .buffer_unordered(DELETES_AT_ONCE)
                .try_collect::<()>()
                .await?;
        }
        Ok(())
    }

    async fn delete_key(&self, object: &str, key: String) -> Result<(), StorageError> {
        let request = self.client.delete_object().bucket(&*self.bucket);
        match request.key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) if answer(&error) == Answer::Absent => Ok(()),
            Err(error) => Err(failed(Operation::Delete, object, error)),
        }
    }
}

async fn open_source(object: &str, source: Source) -> Result<(ByteStream, u64), StorageError> {
    match source {
        Source::Bytes(bytes) => {
            let length_bytes = bytes.len() as u64;
            Ok((ByteStream::from(bytes), length_bytes))
        }
        Source::File(path) => {
            let metadata = tokio::fs::metadata(&path)
                .await
                .map_err(|error| Operation::Put.failed(object, error))?;
            let body = ByteStream::from_path(&path)
                .await
                .map_err(|error| Operation::Put.unavailable(object, error))?;
            Ok((body, metadata.len()))
        }
    }
}

/// The limits of one try and of all tries, and more for a long upload: a try's time includes
/// its upload. It does not include the download, where a stall is noticed by itself.
fn timeouts(options: &S3Options, upload_bytes: u64) -> TimeoutConfig {
    let upload = Duration::from_secs(upload_bytes / SLOWEST_UPLOAD_BYTES_PER_SECOND);
    TimeoutConfig::builder()
        .connect_timeout(options.connect_timeout)
        .operation_attempt_timeout(options.attempt_timeout.saturating_add(upload))
        .operation_timeout(options.operation_timeout.saturating_add(upload))
        .build()
}

/// The answer to a get, whose length and range are checked before the first byte is given out.
fn opened(object: &str, output: GetObjectOutput, ranged: bool) -> Result<Object, StorageError> {
    let body_bytes = length(Operation::Get, object, output.content_length)?;
    let length_bytes = match (ranged, output.content_range.as_deref()) {
        (false, _) => body_bytes,
        (true, Some(range)) => range
            .rsplit_once('/')
            .and_then(|(_, total)| total.parse().ok())
            .ok_or_else(|| {
                Operation::Get.unavailable(object, "a Content-Range without a length")
            })?,
        (true, None) => {
            return Err(Operation::Get.misconfigured(object, "the server ignores Range"));
        }
    };
    let head = Head {
        length_bytes,
        modified: time(output.last_modified),
        tag: tag(Operation::Get, object, output.e_tag)?,
    };
    let chunks = futures_util::stream::unfold(output.body, |mut body| async {
        let chunk = body.next().await?;
        Some((chunk.map_err(Cause::from), body))
    });
    let body = Body::new(object, body_bytes, chunks);
    Ok(Object { head, body })
}

fn length(operation: Operation, object: &str, length: Option<i64>) -> Result<u64, StorageError> {
    length
        .and_then(|length| u64::try_from(length).ok())
        .ok_or_else(|| operation.unavailable(object, "the answer has no Content-Length"))
}

fn tag(operation: Operation, object: &str, tag: Option<String>) -> Result<Tag, StorageError> {
    tag.map(Tag)
        .ok_or_else(|| operation.misconfigured(object, "the server gives no ETag"))
}

fn time(time: Option<DateTime>) -> SystemTime {
    time.and_then(|time| SystemTime::try_from(time).ok())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
