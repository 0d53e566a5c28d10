//! Which thumbnails are meant: the flags, and whether one found in the store is among them.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};
use thumbmill_shared::asset::{AssetId, Original, OriginalVersion};
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::SourceFormat;
use thumbmill_shared::preset::{PresetError, Presets};
use thumbmill_shared::storage::Listed;
use thumbmill_shared::transform::VariantRequest;
use thumbmill_shared::variant::{Variant, VariantName};

/// A thumbnail that lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thumbnail {
    pub(super) name: VariantName,
    pub(super) length_bytes: u64,
    pub(super) modified: SystemTime,
}

impl Thumbnail {
    /// `None` for what other tools have put among the thumbnails.
    pub(super) fn of(listed: &Listed) -> Option<Self> {
        Some(Self {
            name: VariantName::of_object(&listed.object)?,
            length_bytes: listed.head.length_bytes,
            modified: listed.head.modified,
        })
    }
}

/// Which thumbnails are meant: those that pass all that is said.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// Of these originals; of any when empty.
    pub(super) assets: Vec<AssetId>,
    /// Made by these presets; by anything when empty.
    pub(super) presets: Vec<VariantRequest>,
    /// With a date before this.
    before: Option<SystemTime>,
}

/// Adds the flags; `required`: something has to be said.
pub(super) fn flags(command: Command, required: bool) -> Command {
    let flag = |name, value, help| Arg::new(name).long(name).value_name(value).help(help);
    let several = |name, value, help| flag(name, value, help).action(ArgAction::Append);
    let all = Arg::new("all")
        .long("all")
        .action(ArgAction::SetTrue)
        .conflicts_with_all(["asset", "preset", "older-than"])
        .help("All that there are");
    command
        .arg(
            several("asset", "ID", "Those of an original; may be repeated")
                .value_parser(|text: &str| text.parse::<AssetId>()),
        )
        .arg(
            several("preset", "NAME", "Those that a preset makes of the present originals, under the present settings; may be repeated")
                .value_parser(NonEmptyStringValueParser::new()),
        )
        .arg(
            flag("older-than", "DURATION", "Those with an older date in the store, such as 90d")
                .value_parser(duration),
        )
        .arg(all)
        .group(
            ArgGroup::new("which")
                .args(["asset", "preset", "older-than", "all"])
                .multiple(true)
                .required(required),
        )
}

fn duration(text: &str) -> anyhow::Result<Duration> {
    humantime::parse_duration(text).map_err(|_| anyhow!("a duration such as 12h or 90d"))
}

impl Choice {
    /// What the flags say at the moment `now`.
    pub(super) fn read(
        matches: &ArgMatches,
        presets: &Presets,
        now: SystemTime,
    ) -> Result<Self, PresetError> {
        let assets = matches.get_many::<AssetId>("asset").into_iter().flatten();
        let names = matches.get_many::<String>("preset").into_iter().flatten();
        let presets = names.map(|name| {
            presets.expand(VariantRequest {
                preset: Some(name.clone()),
                ..VariantRequest::default()
            })
        });
        let age = matches.get_one::<Duration>("older-than");
        let mut assets: Vec<_> = assets.copied().collect();
        assets.sort_unstable();
        assets.dedup();
        Ok(Self {
            assets,
            presets: presets.collect::<Result<_, _>>()?,
            // Nothing is older than time itself.
            before: age.map(|age| now.checked_sub(*age).unwrap_or(SystemTime::UNIX_EPOCH)),
        })
    }

    /// Is it old enough?
    pub(super) fn has_date(&self, modified: SystemTime) -> bool {
        self.before.is_none_or(|before| modified < before)
    }

    /// Where the presets' thumbnails of `original` lie, if its bytes are of `version`.
    pub(super) fn objects(
        &self,
        original: &Original,
        version: &OriginalVersion,
        encoding: Encoding,
        avif_pixels: u64,
    ) -> HashSet<String> {
        let Some(source) = SourceFormat::of_media_type(&original.media_type) else {
            return HashSet::new();
        };
        let requests = self.presets.iter();
        let transforms = requests
            .flat_map(|request| request.focused_as(original).transforms(source, avif_pixels));
        let variant = |transform| Variant {
            asset: original.id,
            original_version: version.clone(),
            transform,
            encoding,
        };
        transforms.map(|t| variant(t).object()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Choice, String> {
        let command = flags(Command::new("purge"), true).no_binary_name(true);
        let matches = command.try_get_matches_from(arguments);
        let matches = matches.map_err(|error| error.to_string())?;
        let presets = Presets::parse("[card]\nwidth = 200\nformat = \"auto\"").unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        Choice::read(&matches, &presets, now).map_err(|error| error.to_string())
    }

    const ID: &str = "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";

    #[test]
    fn what_is_meant_has_to_be_said() {
        for bad in [
            &[][..],
            &["--all", "--asset", ID],
            &["--all", "--older-than", "1d"],
            &["--asset", "x"],
            &["--asset", ""],
            &["--older-than", "old"],
            &["--preset", ""],
            &["--preset", "nowhere"],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        let choice = read(&["--asset", ID, "--asset", ID, "--preset", "card"]).unwrap();
        assert_eq!((choice.assets.len(), choice.presets.len()), (1, 1));
        assert!(read(&["--all"]).unwrap().assets.is_empty());
    }

    #[test]
    fn a_thumbnail_is_old_when_its_date_is_before_the_age() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let choice = read(&["--older-than", "100s"]).unwrap();
        assert!(choice.has_date(at(899)));
        assert!(!choice.has_date(at(900)));
        assert!(!choice.has_date(at(2000)));
        assert!(!read(&["--older-than", "90y"]).unwrap().has_date(at(0)));
        assert!(read(&["--all"]).unwrap().has_date(at(2000)));
    }

    #[test]
    fn a_preset_makes_one_thumbnail_in_each_format_that_it_may_become() {
        let original: Original = serde_json::from_value(serde_json::json!({
            "id": ID, "version": "0".repeat(32), "object": "x", "media_type": "image/png",
            "filename": "", "title": "", "length_bytes": 1, "uploaded_unix": 0, "modified_unix": 0,
        }))
        .unwrap();
        let choice = read(&["--preset", "card"]).unwrap();
        let endings = |avif_pixels| {
            let encoding = Encoding::default();
            let objects = choice.objects(&original, &original.version, encoding, avif_pixels);
            let ending = |object: &String| object.rsplit_once('.').unwrap().1.to_owned();
            let mut endings: Vec<_> = objects.iter().map(ending).collect();
            endings.sort();
            endings
        };
        assert_eq!(endings(40_000), ["avif", "png", "webp"]);
        assert_eq!(endings(39_999), ["png", "webp"]);
    }
}
