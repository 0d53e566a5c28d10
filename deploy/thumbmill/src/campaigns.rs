//! `thumbmill campaigns`: looks at campaigns and steers them.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use thumbmill_shared::backends::Backends;
use thumbmill_shared::campaigns::{Begin, CampaignName, CampaignState, Failed, Published};
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::queue::{Lane, Message, QueueLocation, Seen};
use thumbmill_shared::readiness::{Hears, ReadinessLocation};
use thumbmill_shared::settings::{self, Program, Settings};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::trace::TraceContext;

use crate::report::{self, Form};
use crate::terminal::{self, say, say_json};

/// The command's name.
pub(crate) const NAME: &str = "campaigns";

/// Until then every worker has heard that a campaign does not pause any more.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// Its flags and what they mean.
pub(crate) fn command() -> Command {
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Says it as lines of JSON");
    let name = Arg::new("name")
        .required(true)
        .value_parser(str::parse::<CampaignName>)
        .help("The campaign's name");
    let one = |verb: &'static str, about: &'static str| {
        Command::new(verb)
            .about(about)
            .args([name.clone(), json.clone()])
    };
    Command::new(NAME)
        .about("Bulk jobs under one name: how far they are, and what failed")
        .subcommand_required(true)
        .subcommands([
            Command::new("list")
                .about("One line for each")
                .arg(json.clone()),
            one("show", "One of them, with every failure"),
            one("pause", "Workers put its jobs aside"),
            one("resume", "They do them again"),
            one("cancel", "They throw them away"),
            one("retry-failed", "Publishes what failed again"),
        ])
}

/// Obeys, and says on standard error why it could not.
pub(crate) async fn run(
    settings: &Settings,
    matches: &ArgMatches,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let apart = settings.queue != QueueLocation::Embedded;
    if settings.readiness == ReadinessLocation::Embedded || !apart {
        let problem = "THUMBMILL_QUEUE or _READINESS=embedded: campaigns live in the process that does them; ask it at \
                       GET /campaigns, or set both";
        settings::exit_with(Program::Everything, &[problem]);
    }
    terminal::obey(Box::pin(obey(settings, matches, shutdown)), shutdown).await
}

async fn obey(
    settings: &Settings,
    matches: &ArgMatches,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let backends = Backends::open(settings, Hears::Changes, shutdown).await?;
    let Some((verb, matches)) = matches.subcommand() else {
        bail!("list, show, pause, resume, cancel or retry-failed?");
    };
    let form = Form::of(matches);
    if verb == "list" {
        let all = backends.campaigns.list().await?;
        return match form {
            Form::Json => all.iter().try_for_each(|one| say_json(one.to_json())),
            Form::Text => all.iter().try_for_each(|one| say(report::line(one))),
        };
    }
    let name: &CampaignName = matches.get_one("name").context("a campaign's name")?;
    let Some(campaign) = backends.campaigns.show(name).await? else {
        return forgotten(&backends, name, verb).await;
    };
    match verb {
        "show" => {
            report::failures(form, &backends.campaigns, &campaign).await?;
            match form {
                Form::Json => say_json(campaign.to_json()),
                Form::Text => say(report::line(&campaign)),
            }
        }
        "pause" => {
            backends.queue.pause(name).await?;
            steer(&backends, name, CampaignState::Paused).await?;
            say(format_args!("{name} pauses"))
        }
        "resume" => {
            let moved = go_on(&backends, name, CampaignState::Running).await?;
            say(format_args!(
                "{name} goes on; {moved} jobs had been put aside"
            ))
        }
        "cancel" => {
            let moved = go_on(&backends, name, CampaignState::Cancelled).await?;
            say(format_args!(
                "{name} is cancelled: workers throw its jobs away, also {moved} that had been put aside"
            ))
        }
        "retry-failed" => {
            let most = settings.max_variants as usize;
            let count = retry_failed(&backends, name, most).await?;
            say(format_args!("{count} thumbnails are tried again"))
        }
        _ => bail!("list, show, pause, resume, cancel or retry-failed?"),
    }
}

/// The ledger does not know it. But its jobs may have been put aside before it forgot.
async fn forgotten(backends: &Backends, name: &CampaignName, verb: &str) -> anyhow::Result<()> {
    let moved = match verb {
        "resume" | "cancel" => backends.queue.resume(name).await?,
        _ => 0,
    };
    match moved {
        0 => bail!("there is no campaign {name}; `thumbmill campaigns list` tells which there are"),
        _ => say(format_args!(
            "the ledger has forgotten {name}; {moved} jobs that had been put aside go on"
        )),
    }
}

async fn steer(
    backends: &Backends,
    name: &CampaignName,
    state: CampaignState,
) -> anyhow::Result<()> {
    if backends.campaigns.steer(name, state).await? {
        Ok(())
    } else {
        bail!("there is no campaign {name}; `thumbmill campaigns list` tells which there are");
    }
}

/// Jobs that had been put aside come to the workers again.
async fn go_on(
    backends: &Backends,
    name: &CampaignName,
    state: CampaignState,
) -> anyhow::Result<u64> {
    let before = backends.campaigns.state(name).await?;
    steer(backends, name, state).await?;
    if before == CampaignState::Paused {
        tokio::time::sleep(HEARD_WITHIN).await;
    }
    Ok(backends.queue.resume(name).await?)
}

/// How many thumbnails are tried again, so many in a job at most.
async fn retry_failed(
    backends: &Backends,
    name: &CampaignName,
    most: usize,
) -> anyhow::Result<u64> {
    let begun_unix = backends.campaigns.begin(name, Begin::Again).await?;
    let (mut count, mut from) = (0, Some(0));
    while let Some(part) = from {
        let page = backends.campaigns.failed(name, part).await?;
        let parts = page.failed.iter().flat_map(|failed| {
            let parts = failed.variants.chunks(most);
            parts.map(|variants| Failed {
                asset: failed.asset,
                variants: variants.to_vec(),
            })
        });
        for failed in parts {
            count += retry(backends, name, begun_unix, &failed)
                .await
                .with_context(|| format!("stopped after {count} thumbnails"))?;
        }
        from = page.next;
    }
    Ok(count)
}

/// As a new job, whatever is remembered of its failure. Once it has ended, its new end counts
/// instead of the old one.
async fn retry(
    backends: &Backends,
    name: &CampaignName,
    begun_unix: u64,
    failed: &Failed,
) -> anyhow::Result<u64> {
    let requests = failed.variants.iter().map(|(request, _)| request.clone());
    let job = RenderJob {
        campaign: Some(name.clone()),
        begun_unix: Some(begun_unix),
        ..RenderJob::new(failed.asset, requests.collect())
    };
    let message = Message::new(&job, Seen::Failed, TraceContext::random())?;
    backends.queue.publish(Lane::Bulk, message).await?;
    let count = failed.variants.len() as u64;
    let published = Published {
        published: count,
        ..Published::default()
    };
    let campaigns = &backends.campaigns;
    campaigns.published(name, begun_unix, published).await?;
    Ok(count)
}
