//! What is written down of an original, and how it is found.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Originals, OriginalsError, unix};
use crate::asset::{AssetId, Filename, Original, OriginalVersion, Title};
use crate::media_type;
use crate::storage::{StorageError, Tag};

/// Longer than any description that this program writes.
const DESCRIPTION_LIMIT_BYTES: u64 = 64 * 1024;

/// The content of `description.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Description {
    /// Another with each change, so that no content ever comes back.
    pub(super) revision: Uuid,
    #[serde(flatten)]
    pub(super) state: State,
}

/// What an original is by its description.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// There, unless its bytes are another tool's and have been taken away.
    Live(Original),
    /// Deleted.
    Deleted {
        /// The bytes it had, for a deletion that has to be finished.
        object: String,
    },
}

/// What is found of an original.
#[derive(Clone, Debug)]
pub(super) struct Current {
    pub(super) described: Option<(Description, Tag)>,
    /// What a reader is told.
    pub(super) original: Option<Original>,
}

impl Current {
    pub(super) fn state(&self) -> Option<&State> {
        self.described
            .as_ref()
            .map(|(description, _)| &description.state)
    }

    pub(super) fn tag(&self) -> Option<&Tag> {
        self.described.as_ref().map(|(_, tag)| tag)
    }
}

impl Originals {
    pub(super) async fn current(&self, id: AssetId) -> Result<Current, OriginalsError> {
        let described = self.described(id).await?;
        let original = match described
            .as_ref()
            .map(|(description, _)| &description.state)
        {
            Some(State::Live(original)) if original.object == foreign_object(id) => {
                self.foreign(id).await?.map(|found| Original {
                    filename: original.filename.clone(),
                    title: original.title.clone(),
                    access: original.access,
                    uploaded_unix: original.uploaded_unix,
                    focal_point_x: original.focal_point_x,
                    focal_point_y: original.focal_point_y,
                    ..found
                })
            }
            Some(State::Live(original)) => Some(original.clone()),
            Some(State::Deleted { .. }) | None => self.foreign(id).await?,
        };
        Ok(Current {
            described,
            original,
        })
    }

    pub(super) async fn described(
        &self,
        id: AssetId,
    ) -> Result<Option<(Description, Tag)>, OriginalsError> {
        let name = description_object(id);
        let Some(object) = self.storage.get(&name, None).await? else {
            return Ok(None);
        };
        let tag = object.head.tag.clone();
        let json = object.bytes(DESCRIPTION_LIMIT_BYTES).await?;
        match serde_json::from_slice(&json) {
            Ok(description) => Ok(Some((description, tag))),
            Err(source) => Err(OriginalsError::Damaged {
                object: name,
                source,
            }),
        }
    }

    /// Describes what another tool has put into the store.
    async fn foreign(&self, id: AssetId) -> Result<Option<Original>, StorageError> {
        let object = foreign_object(id);
        let sample_bytes = media_type::SAMPLE_BYTES as u64;
        let Some(found) = self.storage.get(&object, Some(0..sample_bytes)).await? else {
            return Ok(None);
        };
        let head = found.head.clone();
        let sample = found.bytes(sample_bytes).await?;
        let filename = format!("{id}.{}", media_type::extension(&sample));
        Ok(Some(Original {
            id,
            version: OriginalVersion::of_store_tag(head.tag.as_str()),
            object,
            media_type: media_type::sniff(&sample).to_owned(),
            title: Title::from(id.to_string()),
            filename: Filename::from(filename),
            access: None,
            length_bytes: head.length_bytes,
            focal_point_x: None,
            focal_point_y: None,
            uploaded_unix: unix(head.modified),
            modified_unix: unix(head.modified),
        }))
    }
}

pub(super) fn description_object(id: AssetId) -> String {
    format!("uploads/{id}/description.json")
}

/// Where other tools put originals.
pub(super) fn foreign_object(id: AssetId) -> String {
    format!("originals/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::{Access, FILENAME_CHARACTERS, TITLE_CHARACTERS};

    /// What was written longer than reading allows was an error for ever.
    #[test]
    fn the_longest_description_is_read_again() {
        let id = AssetId::random();
        let original = Original {
            id,
            version: OriginalVersion::of_store_tag("x"),
            object: format!("uploads/{id}/{}", Uuid::nil()),
            media_type: "text/plain; charset=utf-8".into(),
            // JSON writes it as \u0001.
            filename: Filename::of(&"\u{10ffff}".repeat(FILENAME_CHARACTERS)).unwrap(),
            title: Title::parse("\u{1}".repeat(TITLE_CHARACTERS)).unwrap(),
            access: Some(Access::Private),
            length_bytes: u64::MAX,
            focal_point_x: Some(u32::MAX),
            focal_point_y: Some(u32::MAX),
            uploaded_unix: u64::MAX,
            modified_unix: u64::MAX,
        };
        let description = Description {
            revision: Uuid::nil(),
            state: State::Live(original),
        };
        let written = serde_json::to_vec(&description).unwrap();
        assert!(
            written.len() as u64 <= DESCRIPTION_LIMIT_BYTES,
            "{}",
            written.len()
        );
    }

    #[test]
    fn a_description_is_read_as_it_was_written() {
        let id: AssetId = "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f".parse().unwrap();
        let original = Original {
            id,
            version: OriginalVersion::of_store_tag("x"),
            object: foreign_object(id),
            media_type: "image/png".into(),
            filename: Filename::of("a.png").unwrap(),
            title: "A".to_owned().into(),
            access: Some(Access::Private),
            length_bytes: u64::MAX,
            focal_point_x: Some(u32::MAX),
            focal_point_y: None,
            uploaded_unix: 1,
            modified_unix: 2,
        };
        let object = original.object.clone();
        for state in [State::Live(original), State::Deleted { object }] {
            let revision = Uuid::nil();
            let written = serde_json::to_value(Description { revision, state }).unwrap();
            let read: Description = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), written);
        }
    }
}
