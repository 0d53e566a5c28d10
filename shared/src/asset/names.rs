//! What people call an original: the name that a browser saves it as, and its title. Both have a
//! bound, so that a description is never longer than what reading it allows.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// Most characters of a [`Filename`]: as many bytes as file systems allow, if it is ASCII.
pub const FILENAME_CHARACTERS: usize = 255;
/// Most characters of a [`Title`].
pub const TITLE_CHARACTERS: usize = 1000;
/// What is kept of a name that is too long, from its last dot on.
const ENDING_CHARACTERS: usize = 16;

/// A name that is safe to save as: one segment of a path, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Filename(String);

impl Filename {
    /// The last segment of a path, without control characters. One that is too long loses its middle
    /// and keeps its ending. `None`: nothing is left that names a file.
    pub fn of(name: &str) -> Option<Self> {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let clean: String = last.chars().filter(|c| !c.is_control()).collect();
        let clean = shortened(clean.trim());
        match clean.as_str() {
            "" | "." | ".." => None,
            _ => Some(Self(clean)),
        }
    }

    /// The name where there is no other.
    pub fn unnamed() -> Self {
        Self("file".to_owned())
    }

    /// A title made of the name: `sea-view_2.jpg` becomes `Sea View 2`.
    pub fn title(&self) -> Title {
        let stem = self.rsplit_once('.').map_or(&*self.0, |(stem, _)| stem);
        let words = stem.split(['-', '_', ' ']).filter(|word| !word.is_empty());
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect::<String>())
        };
        Title::from(words.filter_map(capital).collect::<Vec<_>>().join(" "))
    }
}

fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= FILENAME_CHARACTERS {
        return name.to_owned();
    }
    let ending = name.rfind('.').and_then(|dot| name.get(dot..));
    let ending = ending.filter(|ending| ending.chars().count() <= ENDING_CHARACTERS);
    let ending = ending.unwrap_or_default();
    let kept = FILENAME_CHARACTERS - ending.chars().count();
    let mut name: String = name.chars().take(kept).collect();
    name.push_str(ending);
    name
}

/// As it was written, which was by this type: another's is made one.
impl From<String> for Filename {
    fn from(text: String) -> Self {
        Self::of(&text).unwrap_or_else(Self::unnamed)
    }
}

/// A name for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Title(String);

/// The text has more than [`TITLE_CHARACTERS`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("A title has at most {TITLE_CHARACTERS} characters, this one has {characters}")]
pub struct TitleTooLong {
    characters: usize,
}

impl Title {
    /// A title of somebody who can be told that it is too long.
    pub fn parse(text: String) -> Result<Self, TitleTooLong> {
        match text.chars().count() {
            0..=TITLE_CHARACTERS => Ok(Self(text)),
            characters => Err(TitleTooLong { characters }),
        }
    }
}

/// What is too long is cut.
impl From<String> for Title {
    fn from(text: String) -> Self {
        match text.char_indices().nth(TITLE_CHARACTERS) {
            None => Self(text),
            Some((end, _)) => Self(text.get(..end).unwrap_or_default().to_owned()),
        }
    }
}

macro_rules! text {
    ($($type:ident)*) => {
        $(
            impl Deref for $type {
                type Target = str;

                fn deref(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }
        )*
    };
}

text!(Filename Title);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_one_segment_without_control_characters() {
        for (name, expected) in [
            ("sea.jpg", Some("sea.jpg")),
            ("/etc/passwd", Some("passwd")),
            ("..\\..\\x.png", Some("x.png")),
            ("a\r\nb.jpg", Some("ab.jpg")),
            (" spaced ", Some("spaced")),
            ("ünï.png", Some("ünï.png")),
            ("", None),
            ("..", None),
            ("a/", None),
        ] {
            let filename = Filename::of(name);
            assert_eq!(filename.as_deref(), expected, "{name:?}");
        }
    }

    #[test]
    fn a_long_file_name_keeps_its_ending() {
        let long = Filename::of(&format!("{}.jpeg", "ü".repeat(400))).unwrap();
        assert_eq!(long.chars().count(), FILENAME_CHARACTERS);
        assert!(long.ends_with("ü.jpeg"), "{long}");
        let dots = Filename::of(&format!("a.{}", "b".repeat(400))).unwrap();
        assert_eq!(dots.chars().count(), FILENAME_CHARACTERS);
    }

    #[test]
    fn a_title_is_made_of_the_file_name() {
        for (filename, title) in [
            ("sea-view_2.jpg", "Sea View 2"),
            ("photo", "Photo"),
            ("ünï.png", "Ünï"),
        ] {
            assert_eq!(&*Filename::of(filename).unwrap().title(), title);
        }
    }

    #[test]
    fn a_title_has_a_bound_and_who_breaks_it_is_told() {
        let longest = "ü".repeat(TITLE_CHARACTERS);
        assert_eq!(&*Title::parse(longest.clone()).unwrap(), longest);
        let error = Title::parse(format!("{longest}x")).unwrap_err();
        assert!(error.to_string().contains("1000"), "{error}");
        // What another program wrote is read all the same.
        assert_eq!(&*Title::from(format!("{longest}x")), longest);
    }
}
