//! `shop clock`: moves the engine's clock forward, so that nobody waits for a timer.

use std::time::Duration;

use anyhow::Result;
use jiff::SignedDuration;
use serde_json::json;
use shop::engine::move_clock;
use shop::failure::{Exit, Failure};
use shop::session::Session;

use crate::ui;

/// Past this, messages that wait for their process expire as well (their time to live).
const MESSAGE_TIME_TO_LIVE: Duration = Duration::from_secs(60 * 60);

/// Move the engine's clock forward
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How far, such as +5m, +90s or PT1H
    #[arg(value_name = "DURATION", allow_hyphen_values = true)]
    by: String,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let by = parse(&args.by)?;
    let Some(management) = session
        .addresses
        .as_ref()
        .and_then(|a| a.management.as_deref())
    else {
        return Err(Failure::new(
            Exit::Refused,
            "only the clock of a store's own engine can be moved, and none is known here",
        )
        .hint("name the store's folder with --data")
        .into());
    };
    if by > MESSAGE_TIME_TO_LIVE {
        ui::note("warning: messages that wait for their process for over an hour expire, too");
    }
    move_clock(management, by).await?;
    if json {
        ui::json(&json!({ "moved_by_ms": u64::try_from(by.as_millis()).unwrap_or(u64::MAX) }));
    } else {
        ui::line(&format!(
            "the engine's clock is {} s further",
            by.as_secs_f64()
        ));
    }
    Ok(())
}

fn parse(text: &str) -> Result<Duration> {
    let forward = text.strip_prefix('+').unwrap_or(text);
    let parsed = forward.parse::<SignedDuration>().ok();
    let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("'{text}' is no time to move forward by, such as +5m, +90s or PT1H"),
            )
            .into()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forward() {
        assert_eq!(parse("+5m").unwrap(), Duration::from_secs(300));
        assert_eq!(parse("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse("PT1H").unwrap(), Duration::from_secs(3600));
        for bad in ["", "+", "-5m", "0s", "five", "5"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
