//! `thumbmill tokens`: makes tokens for the api's file of tokens.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use clap::{Arg, ArgMatches, Command};
use thumbmill_shared::access::{Role, Token, Tokens, new_token};
use thumbmill_shared::settings::Settings;

use crate::terminal::say;

/// The command's name.
pub(crate) const NAME: &str = "tokens";
const MOST_CHARACTERS: usize = 64;

/// Its flags and what they mean.
pub(crate) fn command() -> Command {
    Command::new(NAME)
        .about("Tokens for clients of the api")
        .subcommand_required(true)
        .subcommand(
            Command::new("new")
                .about("Makes a token, adds it to the file THUMBMILL_TOKENS, and prints it this once")
                .args([
                    Arg::new("name")
                        .required(true)
                        .value_parser(name)
                        .help("Whose it is: letters, digits, `-`, `_` and `.`"),
                    Arg::new("role")
                        .long("role")
                        .required(true)
                        .value_parser(str::parse::<Role>)
                        .help("`read` (private files), `write` (also /files) or `admin` (also /campaigns and /metrics)"),
                    Arg::new("expires-in")
                        .long("expires-in")
                        .value_parser(humantime::parse_duration)
                        .help("For how long it is good, such as 90d; without it until it is removed from the file"),
                ]),
        )
}

fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.len() <= MOST_CHARACTERS && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "1 to {MOST_CHARACTERS} letters, digits, -, _ and ."
        ))
    }
}

/// Makes a token.
pub(crate) fn run(settings: &Settings, matches: &ArgMatches) -> anyhow::Result<()> {
    let Some(("new", matches)) = matches.subcommand() else {
        bail!("tokens has one command: new");
    };
    let argument = |id| matches.get_one::<String>(id).cloned().unwrap_or_default();
    let lifetime = matches.get_one::<Duration>("expires-in");
    let token = Token {
        name: argument("name"),
        role: *matches.get_one("role").context("--role is missing")?,
        expires: match lifetime {
            None => None,
            Some(lifetime) => {
                let expires = SystemTime::now().checked_add(*lifetime);
                Some(expires.context("--expires-in is too long")?)
            }
        },
    };
    let path = settings
        .tokens
        .as_deref()
        .context("THUMBMILL_TOKENS is not set: it names the file that the token is added to")?;
    let (text, table) = new_token(&token);
    add(path, &table).with_context(|| format!("THUMBMILL_TOKENS={}", path.display()))?;
    say(text)
}

/// Adds a table to the file, which is there whole at every moment.
fn add(path: &Path, table: &str) -> anyhow::Result<()> {
    let before = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let joint = if before.is_empty() { "" } else { "\n" };
    let after = format!("{before}{joint}{table}");
    // It may have a token of this name.
    Tokens::parse(&after)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // A temporary file is its owner's only; one that was there before keeps its permissions.
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(after.as_bytes())?;
    if let Ok(known) = fs::metadata(path) {
        file.as_file().set_permissions(known.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}
