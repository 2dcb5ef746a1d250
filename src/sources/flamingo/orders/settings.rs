//! Overwriting the instrument's own settings: never with wider limits, and done when they read back
//! as they were sent.

use bytes::Bytes;

use crate::model::CommandState;
use crate::protocol::flamingo::reply;
use crate::protocol::flamingo::{Axis, Command, Document, Request, Settings, StageLimits};
use crate::sources::flamingo::errand::{Answer, Cut, End, Errand};
use crate::sources::flamingo::exchange::Goal;
use crate::sources::flamingo::known::Known;

/// Why settings are not sent: everything that they would let go where it may not go now.
pub(super) fn refusal(known: &Known, text: &str) -> Option<String> {
    if let Some(why) = super::too_long("settings", text) {
        return Some(why);
    }
    let Some(now) = &known.settings else {
        return Some("settings: what they would replace was not read; refresh first".to_owned());
    };
    let then = Settings::read(&Document::parse(text.as_bytes()));
    let mut why = Vec::new();
    let soft = |s: &Settings| StageLimits(s.axes.map(|axis| axis.soft));
    let hard = |s: &Settings| StageLimits(s.axes.map(|axis| axis.hard));
    for (kind, now, then) in [
        ("soft", soft(now), soft(&then)),
        ("hard", hard(now), hard(&then)),
    ] {
        let wider = now.widened_by(&then);
        why.extend(wider.iter().map(|wider| format!("{kind} limits: {wider}")));
        for axis in Axis::ALL {
            if now.of(axis).is_some() && then.of(axis).is_none() {
                why.push(format!("{kind} limits: those of {axis} would be gone"));
            }
        }
    }
    if why.is_empty() {
        return None;
    }
    Some(format!(
        "the settings were not sent, limits may only be narrowed: {}",
        why.join("; ")
    ))
}

pub(super) async fn save(errand: &Errand, text: &str) -> Result<End, Cut> {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let request = Request::save_settings(errand.profile(), bytes.clone())?;
    let answer = errand.send(request, Goal::Settings(bytes.clone())).await?;
    let said = match answer {
        Answer::Taken(_) => String::new(),
        // Its status is not certain: what is read back counts.
        Answer::Declined(why) => format!("; the answer was: {why}"),
        Answer::Sent | Answer::Silent => {
            errand.unknown("not answered; the settings are read back");
            "; it was not answered".to_owned()
        }
    };
    let request = Request::plain(errand.profile(), Command::SettingsLoad)?;
    let Some(message) = errand.question(request).await? else {
        let detail = format!("the settings were not read back{said}");
        return Ok(End::new(CommandState::Unknown, detail));
    };
    Ok(match reply::settings(&message) {
        Ok(found) if found == bytes => {
            let detail = format!("read back as they were sent{said}");
            End::new(CommandState::Done, detail)
        }
        Ok(_) => End::failed(format!("the settings read back are others{said}")),
        Err(error) => End::new(
            CommandState::Unknown,
            format!("the settings were not read back: {error}{said}"),
        ),
    })
}
