//! Which thumbnails are wanted of each original.

use clap::{Arg, ArgAction, ArgGroup, ArgMatches};
use thumbmill_shared::settings::Settings;
use thumbmill_shared::transform::VariantRequest;

/// As jobs name them, and what they mean.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Each as it was asked for, and with its preset filled in.
    pub(super) requests: Vec<(VariantRequest, VariantRequest)>,
}

/// One of the arguments, at least.
pub(super) fn group() -> ArgGroup {
    ArgGroup::new("thumbnails")
        .args(["preset", "variant"])
        .required(true)
        .multiple(true)
}

pub(super) fn arguments() -> [Arg; 2] {
    [
        Arg::new("preset")
            .long("preset")
            .value_name("NAME,…")
            .value_delimiter(',')
            .action(ArgAction::Append)
            .help("Presets to make; may be repeated"),
        Arg::new("variant")
            .long("variant")
            .value_name("QUERY")
            .action(ArgAction::Append)
            .help("Thumbnails to make, as in a URL: 'width=200&height=200&format=webp'; may be repeated"),
    ]
}

impl Wanted {
    /// Errors: a preset or parameter that there is not.
    pub(super) fn read(settings: &Settings, matches: &ArgMatches) -> Result<Self, String> {
        let presets = thumbmill_api::presets(settings).map_err(|error| error.to_string())?;
        let names = matches.get_many::<String>("preset").unwrap_or_default();
        let presets_named = names.map(|name| {
            Ok(VariantRequest {
                preset: Some(name.clone()),
                ..VariantRequest::default()
            })
        });
        let queries = matches.get_many::<String>("variant").unwrap_or_default();
        let explicit = queries.map(|query| match thumbmill_api::read_query(query) {
            Ok(request) if request.is_original() => {
                Err(format!("--variant {query}: this is the original itself"))
            }
            // As it would be when a client asks for it.
            Ok(request) => Ok(presets.rounded(request)),
            Err(error) => Err(format!("--variant {query}: {error}")),
        });
        let requests = presets_named.chain(explicit).map(|request| {
            let request = request?;
            let expanded = presets.expand(request.clone());
            Ok((request, expanded.map_err(|error| error.to_string())?))
        });
        let mut requests = requests.collect::<Result<Vec<_>, String>>()?;
        // The same thumbnail twice would be counted twice.
        let mut seen = Vec::new();
        requests.retain(|(_, expanded)| {
            let new = !seen.contains(expanded);
            seen.push(expanded.clone());
            new
        });
        Ok(Self { requests })
    }
}
