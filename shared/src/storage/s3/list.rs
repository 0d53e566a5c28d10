//! Lists of a bucket, page by page, without what all names of the store begin with.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use futures_util::Stream;

use super::failure::failed;
use super::{S3, tag, time};
use crate::storage::location::{check_name, is_segment};
use crate::storage::{Folders, Head, Listed, Listing, Operation, StorageError};

impl S3 {
    pub(in crate::storage) fn list(&self, prefix: &str) -> Listing {
        let request = self.client.list_objects_v2().bucket(&*self.bucket);
        let request = request.prefix(self.key(prefix));
        let store = self.prefix.clone();
        Listing::new(pages(request, prefix.to_owned(), move |page| {
            objects(&store, page)
        }))
    }

    pub(in crate::storage) fn folders(&self, prefix: &str, begins: &str) -> Folders {
        let request = self.client.list_objects_v2().bucket(&*self.bucket);
        let folder = self.key(prefix);
        let request = request.prefix(format!("{folder}{begins}")).delimiter("/");
        Folders::new(pages(request, prefix.to_owned(), move |page| {
            Ok(names(&folder, page))
        }))
    }
}

fn pages<T>(
    request: ListObjectsV2FluentBuilder,
    prefix: String,
    read: impl Fn(ListObjectsV2Output) -> Result<Vec<T>, StorageError>,
) -> impl Stream<Item = Result<Vec<T>, StorageError>> {
    let pages = request.into_paginator().send();
    futures_util::stream::unfold((pages, prefix, read), |(mut pages, prefix, read)| async {
        let page = match pages.next().await? {
            Ok(page) => read(page),
            Err(error) => Err(failed(Operation::List, &prefix, error)),
        };
        Some((page, (pages, prefix, read)))
    })
}

/// Leaves out what other tools have put there under names that are none here, such as the empty
/// objects that stand for folders.
fn objects(store: &str, page: ListObjectsV2Output) -> Result<Vec<Listed>, StorageError> {
    let mut listed = Vec::new();
    for entry in page.contents.unwrap_or_default() {
        let key = entry.key.unwrap_or_default();
        let Some(object) = key.strip_prefix(store) else {
            continue;
        };
        if check_name(object).is_ok() {
            listed.push(Listed {
                head: Head {
                    length_bytes: super::length(Operation::List, object, entry.size)?,
                    modified: time(entry.last_modified),
                    tag: tag(Operation::List, object, entry.e_tag)?,
                },
                object: object.to_owned(),
            });
        }
    }
    Ok(listed)
}

fn names(folder: &str, page: ListObjectsV2Output) -> Vec<String> {
    let prefixes = page.common_prefixes.unwrap_or_default();
    let name = |prefix: String| {
        let name = prefix.strip_prefix(folder)?.strip_suffix('/')?;
        is_segment(name).then(|| name.to_owned())
    };
    prefixes
        .into_iter()
        .filter_map(|entry| name(entry.prefix?))
        .collect()
}
