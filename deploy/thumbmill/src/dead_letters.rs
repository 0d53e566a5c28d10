//! `thumbmill dead-letters`: looks at jobs that were put aside, does them again, or drops them.

use anyhow::{Context, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};
use thumbmill_shared::queue::{DeadLetter, DeadLetters, Queue};
use thumbmill_shared::settings::Settings;
use thumbmill_shared::shutdown::Shutdown;

use crate::terminal::{obey, say, say_json};

/// The command's name.
pub(crate) const NAME: &str = "dead-letters";

/// What is done with those that are meant.
enum Action {
    List,
    Show,
    Replay,
    Drop,
}

/// Which are meant.
enum Meant {
    All,
    /// Ids of jobs, or how they begin.
    Ids(Vec<String>),
}

impl Meant {
    fn has(&self, letter: &DeadLetter) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids
                .iter()
                .any(|id| letter.message.id.as_str().starts_with(id)),
        }
    }
}

/// Its flags and what they mean.
pub(crate) fn command() -> Command {
    let ids = || {
        Arg::new("id")
            .action(ArgAction::Append)
            // Every id begins with nothing: an unset variable must not mean all.
            .value_parser(clap::builder::NonEmptyStringValueParser::new())
            .help("A job's id, or how it begins; may be repeated")
    };
    let all = Arg::new("all")
        .long("all")
        .action(ArgAction::SetTrue)
        .conflicts_with("id")
        .help("All that there are");
    let some = |name: &'static str, about: &'static str| {
        let chosen = ids().required_unless_present("all");
        Command::new(name).about(about).args([chosen, all.clone()])
    };
    Command::new(NAME)
        .about("Jobs that were put aside: each with its reason")
        .subcommand_required(true)
        .subcommands([
            Command::new("list").about("One line for each: when, attempts, id, reason"),
            Command::new("show")
                .about("All that is known of some, as JSON, one a line")
                .arg(ids().required(true)),
            some("replay", "Does some again, as new jobs"),
            some("drop", "Removes some for good"),
        ])
}

/// Obeys, and says on standard error why it could not.
pub(crate) async fn run(
    settings: &Settings,
    matches: &ArgMatches,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    obey(Box::pin(go(settings, matches, shutdown)), shutdown).await
}

async fn go(settings: &Settings, matches: &ArgMatches, shutdown: &Shutdown) -> anyhow::Result<()> {
    let (action, matches) = match matches.subcommand() {
        Some(("list", matches)) => (Action::List, matches),
        Some(("show", matches)) => (Action::Show, matches),
        Some(("replay", matches)) => (Action::Replay, matches),
        Some(("drop", matches)) => (Action::Drop, matches),
        _ => bail!("list, show, replay or drop?"),
    };
    let ids = matches.try_get_many::<String>("id").ok().flatten();
    let meant = match ids {
        Some(ids) => Meant::Ids(ids.cloned().collect()),
        None => Meant::All,
    };
    let queue = Queue::open(settings, shutdown)?;
    let letters = queue.dead_letters().await?;
    let touched = go_through(letters, &action, &meant).await?;
    match (action, touched, meant) {
        (Action::Replay, count, _) => say(format_args!("replayed {count}")),
        (Action::Drop, count, _) => say(format_args!("dropped {count}")),
        (_, 0, Meant::Ids(ids)) => bail!("no dead letter is called {}", ids.join(" or ")),
        (Action::List | Action::Show, ..) => Ok(()),
    }
}

/// Goes through all of them; how many were meant.
async fn go_through(
    mut letters: DeadLetters,
    action: &Action,
    meant: &Meant,
) -> anyhow::Result<u64> {
    let mut count = 0;
    // What is only looked at is held until the end, lest it comes again.
    let mut seen = Vec::new();
    while let Some(mut taken) = letters.next().await? {
        if !meant.has(&taken.letter) {
            taken.letter.message.body = Vec::new();
            seen.push(taken);
            continue;
        }
        count += 1;
        match action {
            Action::List => say(line(&taken.letter))?,
            Action::Show => say_json(described(&taken.letter))?,
            Action::Replay => {
                letters.replay(taken).await.with_context(|| after(count))?;
                continue;
            }
            Action::Drop => {
                letters.remove(taken).await.with_context(|| after(count))?;
                continue;
            }
        }
        // Held without its body: there may be many.
        taken.letter.message.body = Vec::new();
        seen.push(taken);
    }
    drop(seen);
    Ok(count)
}

fn after(count: u64) -> String {
    format!("stopped after {}", count - 1)
}

fn line(letter: &DeadLetter) -> String {
    let died = letter.died.map(humantime::format_rfc3339_seconds);
    let died = died.map_or_else(|| "-".to_owned(), |died| died.to_string());
    let DeadLetter {
        message, reason, ..
    } = letter;
    format!("{died}  {:2}  {}  {reason}", message.attempt, message.id)
}

fn described(letter: &DeadLetter) -> Value {
    let DeadLetter {
        message,
        lane,
        reason,
        worker,
        died,
    } = letter;
    // What is no JSON is shown as text.
    let job = serde_json::from_slice(&message.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&message.body).into_owned()));
    json!({
        "id": message.id.as_str(),
        "reason": reason,
        "attempts": message.attempt,
        "worker": worker,
        "died": died.map(|died| humantime::format_rfc3339_millis(died).to_string()),
        "published": humantime::format_rfc3339_millis(message.published).to_string(),
        "trace_id": message.trace.trace_id(),
        "lane": lane.name(),
        "job": job,
    })
}
