//! What the commands say: text for people, lines of JSON for programs.

use std::fmt::Write;

use anyhow::bail;
use clap::ArgMatches;
use serde_json::json;
use thumbmill_shared::campaigns::{Campaign, CampaignName, CampaignState, Campaigns, Failed};
use thumbmill_shared::transform::VariantRequest;

use crate::pregenerate::{Counted, Sent};
use crate::terminal::{say, say_json};

/// For whom it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

impl Form {
    /// As the flag `--json` says.
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        if matches.get_flag("json") {
            Self::Json
        } else {
            Self::Text
        }
    }
}

/// One campaign in one line.
pub(crate) fn line(campaign: &Campaign) -> String {
    let Campaign {
        name,
        state,
        published,
        done,
        ..
    } = campaign;
    // Whoever published them need not have said how many.
    let state = match state {
        CampaignState::Running if campaign.outstanding() == 0 => "ended",
        state => state.name(),
    };
    let published = (*published).max(campaign.settled());
    format!(
        "{name}  {state}  {done} of {published} done, {}",
        rest(campaign)
    )
}

/// What else there is to say of it.
pub(crate) fn rest(campaign: &Campaign) -> String {
    let (skipped, failed) = (campaign.skipped, campaign.failures());
    let mut text = format!("{skipped} skipped, {failed} failed");
    if campaign.cancelled > 0 {
        let _ = write!(text, ", {} cancelled", campaign.cancelled);
    }
    if campaign.outstanding() > 0 {
        let _ = write!(text, ", {:.1}/s", campaign.per_second);
        if let Some(left) = campaign.left() {
            let whole = std::time::Duration::from_secs(left.as_secs());
            let _ = write!(text, ", {} left", humantime::format_duration(whole));
        }
    }
    text
}

/// All is published, and nobody waits.
pub(crate) fn published(form: Form, name: &CampaignName, sent: &Sent) -> anyhow::Result<()> {
    let now = sent.now();
    match form {
        Form::Json => say_json(
            json!({"campaign": name, "originals": now.originals, "published": now.published,
                                 "skipped": now.skipped}),
        ),
        Form::Text => {
            say(sent)?;
            say(format_args!(
                "How far it is: thumbmill campaigns show {name}"
            ))
        }
    }
}

/// All has its end: what came of it, and `again`, how failures are tried again. Errors: something
/// failed.
pub(crate) async fn ended(
    form: Form,
    campaigns: &Campaigns,
    campaign: &Campaign,
    again: &str,
) -> anyhow::Result<()> {
    failures(form, campaigns, campaign).await?;
    match form {
        Form::Json => say_json(json!({"campaign": campaign.to_json()}))?,
        Form::Text => say(line(campaign))?,
    }
    let failed = campaign.failures();
    if failed > 0 {
        bail!("{failed} thumbnails failed; to try them again: {again}");
    }
    if campaign.cancelled > 0 {
        bail!("{} thumbnails were cancelled", campaign.cancelled);
    }
    Ok(())
}

/// Every failure in a line of its own, and how many there are of each cause.
pub(crate) async fn failures(
    form: Form,
    campaigns: &Campaigns,
    campaign: &Campaign,
) -> anyhow::Result<()> {
    let mut from = Some(0);
    while let Some(part) = from {
        let page = campaigns.failed(&campaign.name, part).await?;
        for failed in &page.failed {
            match form {
                Form::Json => say_json(json!({"failure": failed.to_json()}))?,
                Form::Text => say_failed(failed)?,
            }
        }
        from = page.next;
    }
    if form == Form::Text {
        for (reason, count) in &campaign.failed {
            say(format_args!("{count} failed: {reason}"))?;
        }
    }
    Ok(())
}

fn say_failed(failed: &Failed) -> anyhow::Result<()> {
    for (request, failure) in &failed.variants {
        let (asset, variant) = (failed.asset, named(request));
        say(format_args!(
            "{asset}  {variant}  {}: {}",
            failure.reason, failure.message
        ))?;
    }
    Ok(())
}

/// A thumbnail as people name it.
fn named(request: &VariantRequest) -> String {
    let exactly = VariantRequest {
        preset: request.preset.clone(),
        ..VariantRequest::default()
    };
    match &request.preset {
        Some(preset) if *request == exactly => preset.clone(),
        _ => serde_json::to_string(request).unwrap_or_default(),
    }
}

/// What a dry run found.
pub(crate) fn counted(form: Form, counted: &Counted) -> anyhow::Result<()> {
    let Counted {
        originals,
        missing_originals,
        not_pictures,
        there,
        to_make,
        bytes,
        cpu_seconds,
    } = counted;
    match form {
        Form::Json => say_json(json!({
            "originals": originals,
            "missing_originals": missing_originals,
            "not_pictures": not_pictures,
            "there": there,
            "to_make": to_make,
            "bytes_to_read": bytes,
            "cpu_seconds_estimated": cpu_seconds,
        })),
        Form::Text => {
            say(format_args!(
                "{originals} originals, {missing_originals} of them missing, {not_pictures} no pictures"
            ))?;
            say(format_args!(
                "{there} thumbnails are there, {to_make} would be made from {:.1} MB of originals: about \
                 {cpu_seconds:.0} seconds of one CPU",
                megabytes(*bytes)
            ))?;
            say("Nothing was published.")
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
