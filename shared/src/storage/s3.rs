//! The store in an S3 bucket. A put is atomic there; conditions are HTTP's (`If-Match`,
//! `If-None-Match`).

use std::ops::Range;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use futures_util::stream::unfold;

use super::{Condition, Head, Object, S3Options, Source, StorageError, Tag, body};

mod failure;

use failure::{Failure, classify};

const DEFAULT_REGION: &str = "us-east-1";
/// Tries of one operation, with the SDK's back-off and jitter between them.
const TRIES: u32 = 3;
/// A body that stands still for longer is given up.
const STALLED_FOR: Duration = Duration::from_secs(2);
/// An upload slower than this is given up: the time that its length takes is added to its limits.
const SLOWEST_BYTES_PER_SECOND: u64 = 256 * 1024;

/// A prefix in a bucket; clones share their connections.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Client,
    bucket: String,
    prefix: String,
    timeouts: TimeoutConfig,
}

impl S3 {
    pub(super) async fn open(bucket: &str, prefix: &str, options: &S3Options) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(options.connect_timeout)
            .operation_attempt_timeout(options.attempt_timeout)
            .operation_timeout(options.operation_timeout)
            .build();
        let region = aws_config::meta::region::RegionProviderChain::default_provider()
            .or_else(DEFAULT_REGION);
        let shared = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .http_client(http)
            .region(region)
            .load()
            .await;
        let stalled = StalledStreamProtectionConfig::enabled()
            .grace_period(STALLED_FOR)
            .build();
        let mut config = Builder::from(&shared)
            .timeout_config(timeouts.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .stalled_stream_protection(stalled)
            // Servers other than AWS refuse the trailers that the other setting sends.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if shared.region().is_none() {
            config = config.region(Region::from_static(DEFAULT_REGION));
        }
        if let Some(endpoint) = &options.endpoint {
            config = config.endpoint_url(endpoint).force_path_style(true);
        }
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Self {
            client: Client::from_conf(config.build()),
            bucket,
            prefix,
            timeouts,
        }
    }

    fn key(&self, object: &str) -> String {
        format!("{}{object}", self.prefix)
    }

    pub(super) async fn put(
        &self,
        object: &str,
        source: Source,
        media_type: &str,
        condition: Condition,
    ) -> Result<Tag, StorageError> {
        let failed = |cause: String| StorageError::Unavailable {
            operation: "put",
            object: object.to_owned(),
            cause,
        };
        let (body, length) = match source {
            Source::Bytes(bytes) => {
                let length = bytes.len() as u64;
                (ByteStream::from(bytes), length)
            }
            Source::File(path) => {
                let length = tokio::fs::metadata(&path)
                    .await
                    .map_err(|error| failed(error.to_string()))?
                    .len();
                (
                    ByteStream::from_path(&path)
                        .await
                        .map_err(|error| failed(error.to_string()))?,
                    length,
                )
            }
        };
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(object))
            .content_type(media_type);
        let put = match &condition {
            Condition::Always => put,
            Condition::IfAbsent => put.if_none_match("*"),
            Condition::IfTag(tag) => put.if_match(tag.as_str()),
        };
        let config = aws_sdk_s3::Config::builder().timeout_config(self.timeouts_for(length));
        let sent = put
            .body(body)
            .customize()
            .config_override(config)
            .send()
            .await;
        match sent {
            Ok(output) => Ok(Tag(output.e_tag.unwrap_or_default())),
            Err(error) => Err(match classify("put", object, &error) {
                // What is to be replaced is gone.
                Failure::Missing => StorageError::Conflict {
                    object: object.to_owned(),
                },
                Failure::Other(error) => error,
            }),
        }
    }

    fn timeouts_for(&self, length_bytes: u64) -> TimeoutConfig {
        let transfer = Duration::from_secs(length_bytes / SLOWEST_BYTES_PER_SECOND);
        let longer = |limit: Option<Duration>| limit.map(|limit| limit + transfer);
        let mut timeouts = self.timeouts.to_builder();
        timeouts.set_operation_attempt_timeout(longer(self.timeouts.operation_attempt_timeout()));
        timeouts.set_operation_timeout(longer(self.timeouts.operation_timeout()));
        timeouts.build()
    }

    pub(super) async fn head(&self, object: &str) -> Result<Option<Head>, StorageError> {
        match self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(self.key(object))
            .send()
            .await
        {
            Ok(output) => Ok(Some(head(
                length(output.content_length),
                output.last_modified.as_ref(),
                output.e_tag,
            ))),
            Err(error) => classify("head", object, &error).or_absent(),
        }
    }

    pub(super) async fn get(
        &self,
        object: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, StorageError> {
        let range =
            range.map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let get = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(object))
            .set_range(range);
        let output = match get.send().await {
            Ok(output) => output,
            Err(error) => return classify("get", object, &error).or_absent(),
        };
        let sent = length(output.content_length);
        // "bytes 0-9/1400": a part says how long the whole is.
        let whole = output
            .content_range
            .as_deref()
            .and_then(|range| range.rsplit('/').next()?.parse().ok());
        let head = head(
            whole.unwrap_or(sent),
            output.last_modified.as_ref(),
            output.e_tag,
        );
        let chunks = unfold(output.body, async |mut body| {
            body.next().await.map(|chunk| (chunk, body))
        });
        Ok(Some(Object {
            head,
            body: body::exactly(chunks, sent, object.to_owned()),
            name: object.to_owned(),
        }))
    }

    pub(super) async fn delete(&self, object: &str) -> Result<(), StorageError> {
        let deleted = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(self.key(object))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) => classify("delete", object, &error)
                .or_absent()
                .map(|_: Option<()>| ()),
        }
    }

    pub(super) async fn delete_all(&self, folder: &str) -> Result<(), StorageError> {
        let list = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(self.key(folder));
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    return classify("list", folder, &error)
                        .or_absent()
                        .map(|_: Option<()>| ());
                }
            };
            let keys = page
                .contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|object| object.key);
            self.delete_page(folder, keys.collect()).await?;
        }
        Ok(())
    }

    async fn delete_page(&self, folder: &str, keys: Vec<String>) -> Result<(), StorageError> {
        let failed = |cause: String| StorageError::Unavailable {
            operation: "delete",
            object: folder.to_owned(),
            cause,
        };
        let identifiers: Result<Vec<_>, _> = keys
            .into_iter()
            .map(|key| ObjectIdentifier::builder().key(key).build())
            .collect();
        let identifiers = identifiers.map_err(|error| failed(error.to_string()))?;
        if identifiers.is_empty() {
            return Ok(());
        }
        let delete = Delete::builder()
            .set_objects(Some(identifiers))
            .quiet(true)
            .build();
        let delete = delete.map_err(|error| failed(error.to_string()))?;
        match self
            .client
            .delete_objects()
            .bucket(&self.bucket)
            .delete(delete)
            .send()
            .await
        {
            Ok(output) => match output.errors.unwrap_or_default().first() {
                None => Ok(()),
                Some(error) => Err(failed(error.message.clone().unwrap_or_default())),
            },
            Err(error) => classify("delete", folder, &error)
                .or_absent()
                .map(|_: Option<()>| ()),
        }
    }
}

fn length(content_length: Option<i64>) -> u64 {
    content_length
        .and_then(|length| u64::try_from(length).ok())
        .unwrap_or_default()
}

fn head(length_bytes: u64, modified: Option<&DateTime>, tag: Option<String>) -> Head {
    let modified = modified
        .and_then(|time| SystemTime::try_from(*time).ok())
        .unwrap_or(SystemTime::UNIX_EPOCH);
    Head {
        length_bytes,
        modified,
        tag: Tag(tag.unwrap_or_default()),
    }
}
