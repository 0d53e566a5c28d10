//! Which originals are meant. They are never all in memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches};
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::backends::Backends;
use thumbmill_shared::originals::Every;

/// How many ids of a file are read at a time.
const PAGE: usize = 1000;

/// The originals that are meant.
#[derive(Debug)]
pub(super) struct Choice {
    source: Source,
    /// Only those whose bytes, or what is said of them, changed after this.
    pub(super) newer_than: Option<SystemTime>,
}

#[derive(Debug)]
enum Source {
    /// All whose id begins so.
    Prefix(String),
    /// Those of a list, which has been read once and is all ids.
    List(BufReader<File>),
}

/// Their ids, as they come.
#[derive(Debug)]
pub(super) enum Ids {
    Every(Every),
    List(BufReader<File>),
}

/// One of them says which.
pub(super) fn group() -> ArgGroup {
    ArgGroup::new("originals")
        .args(["all", "prefix", "ids-from"])
        .required(true)
}

pub(super) fn arguments() -> [Arg; 4] {
    [
        Arg::new("all")
            .long("all")
            .action(ArgAction::SetTrue)
            .help("Of all originals"),
        Arg::new("prefix")
            .long("prefix")
            .value_name("TEXT")
            .help("Of those whose id begins so"),
        Arg::new("ids-from")
            .long("ids-from")
            .value_name("FILE")
            .help("Of those in a file, one id a line; `-` is standard input"),
        Arg::new("newer-than")
            .long("newer-than")
            .value_name("WHEN")
            .value_parser(moment)
            .help("And only if uploaded or changed since then: `2026-01-31T00:00:00Z`, or `7d` for seven days ago"),
    ]
}

fn moment(text: &str) -> Result<SystemTime, String> {
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(time);
    }
    let ago: Duration = humantime::parse_duration(text).map_err(|_| {
        "a moment such as 2026-01-31T00:00:00Z, or a duration such as 7d".to_owned()
    })?;
    SystemTime::now()
        .checked_sub(ago)
        .ok_or_else(|| "too long ago".to_owned())
}

impl Choice {
    /// Reads a list of ids once, to its end. Errors: it cannot be read, or a line is no id.
    pub(super) fn read(matches: &ArgMatches) -> Result<Self, String> {
        let text = |name| matches.get_one::<String>(name).map(String::as_str);
        let source = match (text("ids-from"), text("prefix")) {
            (Some(path), _) => Source::List(checked(path)?),
            (None, Some(prefix)) => Source::Prefix(prefix.to_lowercase()),
            (None, None) => Source::Prefix(String::new()),
        };
        Ok(Self {
            source,
            newer_than: matches.get_one::<SystemTime>("newer-than").copied(),
        })
    }

    /// Is each named by its id?
    pub(super) fn is_list(&self) -> bool {
        matches!(self.source, Source::List(_))
    }

    pub(super) fn open(self, backends: &Backends) -> Ids {
        match self.source {
            Source::List(list) => Ids::List(list),
            Source::Prefix(prefix) => Ids::Every(backends.originals.every(&prefix)),
        }
    }
}

impl Ids {
    /// The next ids, one or more; none at the end.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Vec<AssetId>>> {
        match self {
            Self::Every(every) => every.next().await.context("list the originals"),
            Self::List(list) => Ok(Some(page(list)?).filter(|page| !page.is_empty())),
        }
    }
}

fn page(list: &mut impl BufRead) -> anyhow::Result<Vec<AssetId>> {
    let mut page = Vec::new();
    for line in list.lines() {
        page.extend(id(&line?).transpose()?);
        if page.len() == PAGE {
            break;
        }
    }
    Ok(page)
}

/// The id on a line; none on an empty one.
fn id(line: &str) -> Option<Result<AssetId, thumbmill_shared::asset::NotAnAssetId>> {
    let text = line.trim();
    (!text.is_empty()).then(|| text.parse())
}

/// A list of ids to read from its beginning, of which every line is one.
fn checked(path: &str) -> Result<BufReader<File>, String> {
    let failed = |error: std::io::Error| format!("--ids-from {path}: {error}");
    let mut copy = None;
    let reader: Box<dyn BufRead> = if path == "-" {
        copy = Some(tempfile::tempfile().map_err(failed)?);
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).map_err(failed)?))
    };
    for (number, line) in reader.lines().enumerate() {
        let line = line.map_err(failed)?;
        if let Some(Err(error)) = id(&line) {
            let shown = thumbmill_shared::shown::shown(&line, 60);
            return Err(format!(
                "--ids-from {path}: line {}, \"{shown}\": {error}",
                number + 1
            ));
        }
        if let Some(copy) = &mut copy {
            writeln!(copy, "{line}").map_err(failed)?;
        }
    }
    let file = match copy {
        Some(mut copy) => {
            copy.rewind().map_err(failed)?;
            copy
        }
        None => File::open(Path::new(path)).map_err(failed)?,
    };
    Ok(BufReader::new(file))
}
