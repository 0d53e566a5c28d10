//! `thumbmill sign`: signs URLs.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::{Arg, ArgMatches, Command};
use thumbmill_shared::access::SignedUrl;
use thumbmill_shared::settings::Settings;

use crate::terminal::say;

/// The command's name.
pub(crate) const NAME: &str = "sign";

/// Its flags and what they mean.
pub(crate) fn command() -> Command {
    Command::new(NAME)
        .about("Signs the path and query of a URL with the first of THUMBMILL_SIGNING_KEYS")
        .args([
            Arg::new("url")
                .required(true)
                .help("Path and query, such as '/assets/ID?width=200'; a scheme and host stay in front of it"),
            Arg::new("expires-in")
                .long("expires-in")
                .value_parser(humantime::parse_duration)
                .help("For how long it is good, such as 1h; without it for as long as the key is known"),
        ])
}

/// Signs one.
pub(crate) fn run(settings: &Settings, matches: &ArgMatches) -> anyhow::Result<()> {
    let url = matches
        .get_one::<String>("url")
        .context("there is no URL")?;
    let lifetime = matches.get_one::<Duration>("expires-in").copied();
    let expires = lifetime.map(|lifetime| SystemTime::now().checked_add(lifetime));
    let expires = match expires {
        None => None,
        Some(expires) => Some(expires.context("--expires-in is too long")?),
    };
    let (origin, path_and_query) = split(url);
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    let signed = SignedUrl::of(path, query)
        .signed(&settings.signing_keys, expires)
        .context(
            "THUMBMILL_SIGNING_KEYS has no key, or the URL names a parameter twice: it cannot be signed",
        )?;
    say(format!("{origin}{signed}"))
}

/// What stands before the path, and the rest.
fn split(url: &str) -> (&str, &str) {
    let scheme = url.find("://").filter(|_| !url.starts_with('/'));
    let host = scheme.map(|scheme| scheme + 3);
    let path = host.and_then(|host| Some(host + url.get(host..)?.find('/')?));
    path.map_or(("", url), |path| url.split_at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_and_query_are_signed() {
        for (url, expected) in [
            ("/assets/x?a=1", ("", "/assets/x?a=1")),
            ("https://h:1/assets/x", ("https://h:1", "/assets/x")),
            ("/a?u=http://x/y", ("", "/a?u=http://x/y")),
        ] {
            assert_eq!(split(url), expected);
        }
    }
}
