//! What a store lists, page by page: nobody holds all names of a store at once.

use std::pin::Pin;

use futures_util::{Stream, StreamExt, TryStreamExt};

use super::{Head, StorageError};

/// An object that was found in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, as all operations of the store take it.
    pub object: String,
    /// What the store knows of it. S3 may give `modified` here to the millisecond, and in
    /// answer to a head to the second.
    pub head: Head,
}

/// Objects below a folder.
pub type Listing = Pages<Listed>;

/// Names of folders, without slashes.
pub type Folders = Pages<String>;

type Stored<T> = Pin<Box<dyn Stream<Item = Result<Vec<T>, StorageError>> + Send>>;

/// A list that is still being read. In no particular order; what is put or deleted meanwhile
/// may be in it or not.
pub struct Pages<T> {
    /// `None` once it has ended.
    pages: Option<Stored<T>>,
}

impl<T: Send + 'static> Pages<T> {
    pub(super) fn new(
        pages: impl Stream<Item = Result<Vec<T>, StorageError>> + Send + 'static,
    ) -> Self {
        let filled = pages.try_filter(|page| std::future::ready(!page.is_empty()));
        Self {
            pages: Some(Box::pin(filled)),
        }
    }

    pub(super) fn failed(error: StorageError) -> Self {
        Self::new(futures_util::stream::iter([Err(error)]))
    }

    /// The next page: between one and some thousand of them. `None` at the end, and after an
    /// error.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, StorageError> {
        let Some(pages) = self.pages.as_mut() else {
            return Ok(None);
        };
        let page = pages.next().await;
        if !matches!(page, Some(Ok(_))) {
            self.pages = None;
        }
        page.transpose()
    }
}

impl<T> std::fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Operation;

    #[tokio::test]
    async fn empty_pages_are_left_out_and_nothing_follows_an_error() {
        let error = Operation::List.unavailable("t/", "cut off");
        let pages = [Ok(vec![]), Ok(vec![1, 2]), Err(error), Ok(vec![3])];
        let mut pages = Pages::new(futures_util::stream::iter(pages));
        assert_eq!(pages.next().await.unwrap(), Some(vec![1, 2]));
        assert!(pages.next().await.is_err());
        assert_eq!(pages.next().await.unwrap(), None);
    }
}
