//! Goes through a folder of objects, a page at a time. Holds one open folder for each level and
//! no names but those of the page, so that the tree may be of any size.

use std::fs::{self, DirEntry, ReadDir};
use std::io;
use std::path::Path;

use super::{head_of, if_there};
use crate::storage::Listed;
use crate::storage::location::is_segment;

/// At most so many names are in a page.
const PAGE: usize = 1000;

/// A way through all folders below one.
pub(super) struct Walk {
    /// From the outermost to the one whose entries are read at present.
    open: Vec<Folder>,
}

struct Folder {
    /// Ends with `/`.
    name: String,
    entries: ReadDir,
}

impl Walk {
    /// At `prefix`, which may be missing.
    pub(super) fn begin(root: &Path, prefix: &str) -> io::Result<Self> {
        let mut walk = Self { open: Vec::new() };
        walk.enter(prefix.to_owned(), &root.join(prefix))?;
        Ok(walk)
    }

    /// The next objects; none at the end.
    pub(super) fn objects(&mut self) -> io::Result<Vec<Listed>> {
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(folder) = self.open.last_mut() else {
                break;
            };
            match folder.entries.next() {
                None => drop(self.open.pop()),
                Some(entry) => {
                    let entry = entry?;
                    let name = name_of(&entry).map(|name| format!("{}{name}", folder.name));
                    if let Some(name) = name {
                        page.extend(self.visit(name, &entry)?);
                    }
                }
            }
        }
        Ok(page)
    }

    /// The next names of folders that lie directly in the one it began at; none at the end.
    pub(super) fn folders(&mut self, begins: &str) -> io::Result<Vec<String>> {
        let Some(folder) = self.open.last_mut() else {
            return Ok(Vec::new());
        };
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(entry) = folder.entries.next().transpose()? else {
                break;
            };
            if let Some(name) = name_of(&entry).filter(|name| name.starts_with(begins))
                && entry.file_type()?.is_dir()
            {
                page.push(name);
            }
        }
        Ok(page)
    }

    fn visit(&mut self, name: String, entry: &DirEntry) -> io::Result<Option<Listed>> {
        if entry.file_type()?.is_dir() {
            self.enter(format!("{name}/"), &entry.path())?;
            return Ok(None);
        }
        // Follows links as every other operation does; one to a folder could lead in a circle.
        let there = || Ok(Some(fs::metadata(entry.path())?));
        match if_there(there())? {
            Some(metadata) if metadata.is_file() => Ok(Some(Listed {
                object: name,
                head: head_of(&metadata)?,
            })),
            _ => Ok(None),
        }
    }

    /// Goes on with the folder's entries, unless it has vanished.
    fn enter(&mut self, name: String, path: &Path) -> io::Result<()> {
        let open = || Ok(Some(fs::read_dir(path)?));
        if let Some(entries) = if_there(open())? {
            self.open.push(Folder { name, entries });
        }
        Ok(())
    }
}

/// `None` for what cannot be part of an object's name.
fn name_of(entry: &DirEntry) -> Option<String> {
    let name = entry.file_name().into_string().ok()?;
    is_segment(&name).then_some(name)
}
