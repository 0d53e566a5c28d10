//! `thumbmill variants`: lists or removes thumbnails, which are made again when they are asked for.

use std::collections::HashMap;
use std::time::SystemTime;

use anyhow::{Context, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use futures_util::{StreamExt, TryStreamExt};
use serde_json::json;
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::backends::open_storage;
use thumbmill_shared::originals::Originals;
use thumbmill_shared::settings::{self, ByteSize, Program, Settings};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::storage::Storage;
use thumbmill_shared::sweep::{Bound, Rules, Sum, Swept, sweep};
use thumbmill_shared::variant::{VARIANTS, variants_of};

use crate::terminal::{obey, say, say_json};
use choice::{Choice, Thumbnail};

mod choice;

/// The command's name.
pub(crate) const NAME: &str = "variants";
/// The flag that says how much may stay.
const DOWN_TO: &str = "down-to";
/// How many are removed at the same time.
const DELETES_AT_ONCE: usize = 32;
/// How many originals are looked at at the same time.
const ORIGINALS_AT_ONCE: usize = 16;

/// What is done with those that are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// A line for each.
    List,
    /// JSON for each.
    ListJson,
    /// They are removed.
    Purge,
    /// They are counted.
    DryRun,
}

/// Its flags and what they mean.
pub(crate) fn command() -> Command {
    let switch = |name: &'static str, help| {
        let switch = Arg::new(name).long(name).action(ArgAction::SetTrue);
        switch.help(help)
    };
    let list = Command::new("list")
        .about("One line for each: date, bytes, original, file; then how many and how many bytes")
        .override_usage("thumbmill variants list [--asset ID]... [--preset NAME]... [--older-than DURATION] [--json]")
        .arg(switch("json", "One line of JSON for each, and no sum"));
    let purge = Command::new("purge")
        .about("Removes some; they are made again when they are asked for")
        .override_usage("thumbmill variants purge <--down-to BYTES | --all | --asset ID | --preset NAME | --older-than DURATION>... [--dry-run]")
        .arg(switch("dry-run", "Only says how many there are"));
    let down_to = Arg::new(DOWN_TO)
        .long(DOWN_TO)
        .value_name("BYTES")
        .value_parser(|text: &str| text.parse::<ByteSize>())
        .conflicts_with_all(["asset", "preset", "older-than", "all", "dry-run"])
        .help("Those that were not asked for for longest, until all that stay have so many bytes, such as 50GB");
    let purge = choice::flags(purge, true).arg(down_to);
    let purge = purge.mut_group("which", |which| which.arg(DOWN_TO));
    Command::new(NAME)
        .about("Thumbnails that lie in the store")
        .subcommand_required(true)
        .subcommands([choice::flags(list, false), purge])
}

/// Obeys, and says on standard error why it could not.
pub(crate) async fn run(
    settings: &Settings,
    matches: &ArgMatches,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    obey(Box::pin(go(settings, matches)), shutdown).await
}

async fn go(settings: &Settings, matches: &ArgMatches) -> anyhow::Result<()> {
    let (action, matches) = match matches.subcommand() {
        Some(("list", matches)) if matches.get_flag("json") => (Action::ListJson, matches),
        Some(("list", matches)) => (Action::List, matches),
        Some(("purge", matches)) if matches.get_flag("dry-run") => (Action::DryRun, matches),
        Some(("purge", matches)) => (Action::Purge, matches),
        _ => bail!("list or purge?"),
    };
    if action == Action::Purge
        && let Some(bytes) = matches.get_one::<ByteSize>(DOWN_TO)
    {
        return purge_down_to(*bytes, settings).await;
    }
    let presets = thumbmill_api::presets(settings)?;
    let choice = match Choice::read(matches, &presets, SystemTime::now()) {
        Ok(choice) => choice,
        Err(error) => settings::exit_with(Program::Everything, &[format!("--preset: {error}")]),
    };
    let storage = open_storage(settings).await?;
    let mut search = Search {
        originals: Originals::new(storage.clone()),
        settings,
        choice,
        sink: Sink {
            storage: storage.clone(),
            action,
            count: 0,
            bytes: 0,
        },
        storage,
    };
    let found = search.go_through().await;
    let Sink { count, bytes, .. } = search.sink;
    found.with_context(|| format!("stopped after {count}"))?;
    let sum = sum(count, bytes);
    match action {
        Action::List => say(sum),
        Action::ListJson => Ok(()),
        Action::Purge => say(format_args!("purged {sum}")),
        Action::DryRun => say(format_args!("would purge {sum}")),
    }
}

/// As the workers do for `THUMBMILL_VARIANTS_MAX_BYTES`.
async fn purge_down_to(bytes: ByteSize, settings: &Settings) -> anyhow::Result<()> {
    let storage = open_storage(settings).await?;
    let bound = Bound {
        most_bytes: bytes.bytes(),
        down_to_bytes: bytes.bytes(),
    };
    let rules = Rules {
        bound: Some(bound),
        oldest: None,
    };
    let mut swept = Swept::default();
    let ended = sweep(&storage, &rules, SystemTime::now(), &mut swept).await;
    let Sum { objects, bytes } = swept.evicted;
    ended.with_context(|| format!("stopped after {objects}"))?;
    say(format_args!("purged {}", sum(objects, bytes)))?;
    match swept.first_failure {
        None => Ok(()),
        Some(error) => Err(error).context(format!("{} could not be removed", swept.failures)),
    }
}

fn sum(count: u64, bytes: u64) -> String {
    let thumbnails = if count == 1 {
        "thumbnail"
    } else {
        "thumbnails"
    };
    format!("{count} {thumbnails}, {bytes} bytes")
}

/// Where those that are found go, and how many there were.
struct Sink {
    storage: Storage,
    action: Action,
    count: u64,
    bytes: u64,
}

impl Sink {
    async fn take(&mut self, found: Vec<Thumbnail>) -> anyhow::Result<()> {
        match self.action {
            Action::List => found
                .iter()
                .try_for_each(|thumbnail| say(line(thumbnail)))?,
            Action::ListJson => found
                .iter()
                .try_for_each(|thumbnail| say_json(json(thumbnail)))?,
            Action::DryRun => {}
            Action::Purge => return self.purge(found).await,
        }
        for thumbnail in &found {
            self.count(thumbnail);
        }
        Ok(())
    }

    async fn purge(&mut self, found: Vec<Thumbnail>) -> anyhow::Result<()> {
        let storage = self.storage.clone();
        let mut deletes = futures_util::stream::iter(found)
            .map(|thumbnail| {
                let storage = storage.clone();
                async move {
                    storage.delete(&thumbnail.name.object()).await?;
                    Ok::<_, anyhow::Error>(thumbnail)
                }
            })
            .buffer_unordered(DELETES_AT_ONCE);
        while let Some(deleted) = deletes.try_next().await? {
            self.count(&deleted);
        }
        Ok(())
    }

    fn count(&mut self, thumbnail: &Thumbnail) {
        self.count += 1;
        self.bytes += thumbnail.length_bytes;
    }
}

/// The way through the store to those that are meant.
struct Search<'a> {
    storage: Storage,
    originals: Originals,
    settings: &'a Settings,
    choice: Choice,
    sink: Sink,
}

impl Search<'_> {
    async fn go_through(&mut self) -> anyhow::Result<()> {
        let assets = std::mem::take(&mut self.choice.assets);
        match (assets.is_empty(), self.choice.presets.is_empty()) {
            (true, true) => self.below(VARIANTS).await,
            (false, true) => {
                for asset in assets {
                    self.below(&variants_of(asset)).await?;
                }
                Ok(())
            }
            (false, false) => self.made_by_presets(assets).await,
            (true, false) => {
                let mut folders = self.storage.folders(VARIANTS, "");
                while let Some(names) = folders.next().await? {
                    let assets = names.iter().filter_map(|name| name.parse().ok());
                    self.made_by_presets(assets.collect()).await?;
                }
                Ok(())
            }
        }
    }

    /// All in a folder, whatever they were made by.
    async fn below(&mut self, prefix: &str) -> anyhow::Result<()> {
        let mut pages = self.storage.list(prefix);
        while let Some(page) = pages.next().await? {
            let found = page.iter().filter_map(Thumbnail::of);
            let found = found.filter(|found| self.choice.has_date(found.modified));
            self.sink.take(found.collect()).await?;
        }
        Ok(())
    }

    async fn made_by_presets(&mut self, assets: Vec<AssetId>) -> anyhow::Result<()> {
        let Self { sink, .. } = self;
        let looker = Looker {
            storage: &self.storage,
            originals: &self.originals,
            settings: self.settings,
            choice: &self.choice,
        };
        let mut found = futures_util::stream::iter(assets)
            .map(|asset| looker.made_by_presets(asset))
            .buffer_unordered(ORIGINALS_AT_ONCE);
        while let Some(found) = found.try_next().await? {
            sink.take(found).await?;
        }
        Ok(())
    }
}

/// Looks at one original.
struct Looker<'a> {
    storage: &'a Storage,
    originals: &'a Originals,
    settings: &'a Settings,
    choice: &'a Choice,
}

impl Looker<'_> {
    async fn made_by_presets(&self, asset: AssetId) -> anyhow::Result<Vec<Thumbnail>> {
        let Some(original) = self.originals.describe(asset).await? else {
            return Ok(Vec::new());
        };
        let (encoding, avif_pixels) = (self.settings.encoding(), self.settings.max_avif_pixels);
        // By the original's version, of which there is more than one for a moment only.
        let mut objects = HashMap::new();
        let mut found = Vec::new();
        let mut pages = self.storage.list(&variants_of(asset));
        while let Some(page) = pages.next().await? {
            for thumbnail in page.iter().filter_map(Thumbnail::of) {
                let version = &thumbnail.name.version;
                let made = objects.entry(version.clone()).or_insert_with(|| {
                    self.choice
                        .objects(&original, version, encoding, avif_pixels)
                });
                if made.contains(&thumbnail.name.object())
                    && self.choice.has_date(thumbnail.modified)
                {
                    found.push(thumbnail);
                }
            }
        }
        Ok(found)
    }
}

fn line(thumbnail: &Thumbnail) -> String {
    let Thumbnail {
        name,
        length_bytes,
        modified,
    } = thumbnail;
    let date = humantime::format_rfc3339_seconds(*modified);
    format!("{date}  {length_bytes:8}  {}  {}", name.asset, name.file)
}

fn json(thumbnail: &Thumbnail) -> serde_json::Value {
    let Thumbnail {
        name,
        length_bytes,
        modified,
    } = thumbnail;
    json!({
        "modified": humantime::format_rfc3339_millis(*modified).to_string(),
        "bytes": length_bytes,
        "asset": name.asset,
        "version": name.version.as_str(),
        "file": name.file,
        "object": name.object(),
    })
}
