//! Shows how far a campaign is: bars on a terminal, else lines.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use thumbmill_shared::campaigns::{Campaign, CampaignName};

use super::sent::Sent;
use crate::report::{self, Form};
use crate::terminal;

/// Between two lines, where there are no bars.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// And of JSON, which is for programs.
const JSON_EVERY: Duration = Duration::from_secs(1);

/// Where it is shown.
pub(super) enum Progress {
    /// On a terminal: what was published, and what became of it.
    Bars(ProgressBar, ProgressBar),
    /// Line by line on standard error.
    Lines(Cell<Option<Instant>>),
    /// The same as JSON on standard output.
    Json(Cell<Option<Instant>>),
}

impl Progress {
    pub(super) fn new(form: Form, name: &CampaignName) -> Self {
        match form {
            Form::Json => Self::Json(Cell::default()),
            Form::Text if std::io::stderr().is_terminal() => {
                let bars = MultiProgress::new();
                let published = bars.add(ProgressBar::new_spinner());
                let done = bars.add(ProgressBar::new(0));
                let style = |template: &str| ProgressStyle::with_template(template).ok();
                if let Some(style) = style("{spinner} {msg}") {
                    published.set_style(style);
                }
                if let Some(style) = style("{wide_bar} {pos}/{len} {msg}") {
                    done.set_style(style);
                }
                published.set_message(format!("campaign {name}"));
                Self::Bars(published, done)
            }
            Form::Text => Self::Lines(Cell::default()),
        }
    }

    /// What is known now, of the campaign and of this command's part in it.
    pub(super) fn show(&self, campaign: Option<&Campaign>, sent: &Sent) {
        match self {
            Self::Bars(published, done) => {
                published.set_message(sent.to_string());
                published.tick();
                if let Some(campaign) = campaign {
                    done.set_length(campaign.published);
                    done.set_position(campaign.published - campaign.outstanding());
                    done.set_message(report::rest(campaign));
                }
            }
            Self::Lines(last) => {
                if due(last, LINE_EVERY)
                    && let Some(campaign) = campaign
                {
                    let line = report::line(campaign);
                    terminal::tell(&line);
                }
            }
            Self::Json(last) => {
                if due(last, JSON_EVERY)
                    && let Some(campaign) = campaign
                {
                    let progress = serde_json::json!({"progress": campaign.to_json()});
                    // If nobody can read it, nobody misses it.
                    let _ = terminal::say_json(progress);
                }
            }
        }
    }

    /// Nothing more is shown.
    pub(super) fn end(&self) {
        if let Self::Bars(published, done) = self {
            published.finish();
            done.finish();
            // The bars leave the cursor behind their last one.
            let _ = writeln!(std::io::stderr());
        }
    }
}

fn due(last: &Cell<Option<Instant>>, every: Duration) -> bool {
    let due = last.get().is_none_or(|last| last.elapsed() >= every);
    if due {
        last.set(Some(Instant::now()));
    }
    due
}
