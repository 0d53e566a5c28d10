//! `thumbmill pregenerate`: publishes bulk jobs for many originals, as one campaign, and waits for
//! them if asked to. What is there already costs a look into the store, so a command that was
//! interrupted is simply given again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use thumbmill_shared::backends::Backends;
use thumbmill_shared::campaigns::CampaignName;
use thumbmill_shared::queue::{Lane, QueueLocation};
use thumbmill_shared::readiness::{Hears, ReadinessLocation};
use thumbmill_shared::settings::{self, Program, Settings};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::trace::TraceContext;
use thumbmill_worker::isolation::{self, Audience};

use crate::report::{self, Form};
use crate::terminal;
use check::Checks;
use choice::{Choice, Ids};
use progress::Progress;
use publish::Publisher;
use wanted::Wanted;

mod check;
mod choice;
mod dry_run;
mod progress;
mod publish;
mod sent;
mod wanted;

pub(crate) use dry_run::Counted;
pub(crate) use sent::Sent;

/// The command's name.
pub(crate) const NAME: &str = "pregenerate";

const FORGOTTEN: &str = "the ledger has forgotten the campaign (was Redis emptied?); its jobs go on, and the same \
                         command again costs only checks";

/// How often the ledger is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Its flags and what they mean.
pub(crate) fn command() -> Command {
    let flag = |id: &'static str, name: &'static str, help: &'static str| {
        Arg::new(id)
            .long(name)
            .action(ArgAction::SetTrue)
            .help(help)
    };
    Command::new(NAME)
        .about("Has thumbnails made before anybody asks for them")
        .args(wanted::arguments())
        .args(choice::arguments())
        .groups([wanted::group(), choice::group()])
        .arg(
            Arg::new("campaign")
                .long("campaign")
                .value_name("NAME")
                .value_parser(str::parse::<CampaignName>)
                .help("The campaign that it begins or goes on with [default: one of its own]"),
        )
        .arg(
            Arg::new("rate")
                .long("rate")
                .value_name("N/s")
                .value_parser(publish::rate)
                .help("Jobs that are published a second at most, for example 100/s"),
        )
        .arg(
            Arg::new("priority")
                .long("priority")
                .value_name("LANE")
                .value_parser(["bulk", "interactive"])
                .default_value("bulk")
                .help("Do the jobs wait behind people, or among them"),
        )
        .arg(flag(
            "dry-run",
            "dry-run",
            "Only counts what there is and what there is to do",
        ))
        .arg(flag(
            "until-done",
            "wait",
            "Waits until all is made; then code 0 means that nothing failed",
        ))
        .arg(flag("json", "json", "Says everything as lines of JSON"))
}

/// Obeys, and says on standard error why it could not.
pub(crate) async fn run(
    settings: Settings,
    matches: &ArgMatches,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let done = obey(settings, matches, shutdown).await;
    if let Err(error) = &done {
        terminal::complain(error);
    }
    done
}

async fn obey(settings: Settings, matches: &ArgMatches, shutdown: &Shutdown) -> anyhow::Result<()> {
    // Whatever is wrong is said before anything is published.
    let wanted = Wanted::read(&settings, matches).unwrap_or_else(refuse);
    let choice = Choice::read(matches).unwrap_or_else(refuse);
    let here = in_this_process(&settings).unwrap_or_else(refuse);
    let backends = Backends::open(&settings, Hears::Changes, shutdown).await?;
    let checks = Arc::new(Checks::new(&settings, backends.clone(), wanted, &choice));
    let form = Form::of(matches);
    let ids = choice.open(&backends);
    if matches.get_flag("dry-run") {
        return dry_run::run(&checks, ids, form, shutdown).await;
    }
    let name = campaign_name(matches);
    let lane = match matches.get_one::<String>("priority").map(String::as_str) {
        Some("interactive") => Lane::Interactive,
        _ => Lane::Bulk,
    };
    let publisher = Publisher {
        backends: backends.clone(),
        name: name.clone(),
        lane,
        rate: matches.get_one::<f64>("rate").copied(),
        most_outstanding: here.then_some(publish::MOST_HERE),
        encoding: settings.encoding(),
        max_variants: settings.max_variants as usize,
    };
    let run = Run {
        publisher,
        progress: Progress::new(form, &name),
        form,
        shutdown,
    };
    if here {
        let worker = async {
            let ended = work(&settings, backends, shutdown.clone()).await;
            // If it cannot work, nobody shall wait for it.
            shutdown.begin();
            ended
        };
        let generating = async {
            let done = run.to_end(checks, ids, After::Wait).await;
            shutdown.begin();
            done
        };
        let (ended, done) = tokio::join!(worker, generating);
        return ended.and(done);
    }
    let after = if matches.get_flag("until-done") {
        After::Wait
    } else {
        After::Leave
    };
    run.to_end(checks, ids, after).await
}

/// What to do once all is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Leave,
    Wait,
}

/// One campaign on its way.
struct Run<'a> {
    publisher: Publisher,
    progress: Progress,
    form: Form,
    shutdown: &'a Shutdown,
}

impl Run<'_> {
    /// Publishes, and waits if asked to.
    async fn to_end(&self, checks: Arc<Checks>, ids: Ids, after: After) -> anyhow::Result<()> {
        let Publisher { backends, name, .. } = &self.publisher;
        let again = "the same command goes on from there";
        let sent = self.publisher.begin().await.context("begin the campaign")?;
        let all = tokio::select! {
            all = self.publisher.publish_all(checks, ids, &sent) => all,
            never = self.watch(&sent) => never,
            () = self.shutdown.begun() => Err(anyhow::anyhow!("interrupted")),
        };
        let told = sent.tell(&backends.campaigns, name).await;
        all.with_context(|| format!("stopped after {sent}; {again}"))?;
        told?;
        if after == After::Leave {
            self.progress.end();
            return report::published(self.form, name, &sent);
        }
        tokio::select! {
            done = self.wait_for(&sent) => done?,
            () = self.shutdown.begun() => bail!("interrupted; {again}"),
        }
        self.progress.end();
        let campaign = backends.campaigns.show(name).await?;
        let campaign = campaign.filter(|campaign| campaign.begun_unix == sent.begun.at_unix);
        let campaign = campaign.context(FORGOTTEN)?;
        let retry = match self.publisher.most_outstanding {
            // The campaign ends with this process.
            Some(_) => "the same command".to_owned(),
            None => format!("thumbmill campaigns retry-failed {name}"),
        };
        report::ended(self.form, &backends.campaigns, &campaign, &retry).await
    }

    /// Tells and shows how far it is, for ever.
    async fn watch(&self, sent: &Sent) -> anyhow::Result<()> {
        let Publisher { backends, name, .. } = &self.publisher;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // Without the ledger nothing is told and shown for a while.
            if let Err(error) = sent.tell(&backends.campaigns, name).await {
                tracing::debug!(%error, "the ledger");
            }
            let known = backends.campaigns.show(name).await;
            self.progress.show(known.ok().flatten().as_ref(), sent);
        }
    }

    /// Waits until every job that this command published has its end.
    async fn wait_for(&self, sent: &Sent) -> anyhow::Result<()> {
        let Publisher { backends, name, .. } = &self.publisher;
        loop {
            match backends.campaigns.show(name).await {
                Ok(Some(campaign)) if campaign.begun_unix == sent.begun.at_unix => {
                    self.progress.show(Some(&campaign), sent);
                    let left = sent.unsettled(&backends.campaigns, name).await;
                    if left.is_ok_and(|left| left == 0) {
                        return Ok(());
                    }
                }
                // A worker may have begun it anew.
                Ok(_) => bail!(FORGOTTEN),
                Err(error) => tracing::debug!(%error, "the ledger"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Renders in this process, which nobody else can reach.
async fn work(settings: &Settings, backends: Backends, shutdown: Shutdown) -> anyhow::Result<()> {
    let renderer = isolation::start(settings, Audience::Machine).await?;
    thumbmill_worker::run(renderer, settings, backends, shutdown).await
}

/// Is the work done here? Then nobody else could.
fn in_this_process(settings: &Settings) -> Result<bool, String> {
    match (&settings.queue, &settings.readiness) {
        (QueueLocation::Embedded, ReadinessLocation::Embedded) => Ok(true),
        (QueueLocation::Embedded, ReadinessLocation::Redis(_)) => Err(
            "THUMBMILL_QUEUE=embedded: campaigns in Redis need a queue that others reach, too: set it to \
             amqp://USER:PASSWORD@HOST:PORT/VHOST, or THUMBMILL_READINESS to embedded"
                .to_owned(),
        ),
        (QueueLocation::Amqp(_), ReadinessLocation::Redis(_)) => Ok(false),
        (QueueLocation::Amqp(_), ReadinessLocation::Embedded) => Err(
            "THUMBMILL_READINESS=embedded: the workers behind THUMBMILL_QUEUE would never tell how their jobs \
             ended: set it to redis://HOST:PORT/DB"
                .to_owned(),
        ),
    }
}

fn campaign_name(matches: &ArgMatches) -> CampaignName {
    let given = matches.get_one::<CampaignName>("campaign").cloned();
    given.unwrap_or_else(|| {
        let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
        // Two may be begun in one second.
        let trace = TraceContext::random();
        let unique: String = trace.trace_id().chars().take(6).collect();
        let name = format!("pregenerate-{}-{unique}", now.replace(':', ""));
        // All its characters are those of names.
        name.parse().unwrap_or_else(|_| refuse(name))
    })
}

/// Ends the process: nothing was published.
fn refuse<T>(problem: String) -> T {
    settings::exit_with(Program::Everything, &[problem])
}
