//! What is to be said over a picture that is not what it seems, and instead of one that is not there.

use std::time::Duration;

use crate::imaging::Picture;
use crate::model::{FaultKind, LinkState, Stamp};
use crate::panels::facts::SourceFacts;
use crate::panels::{Look, Standing};
use crate::pipeline::CameraSnapshot;
use crate::ui::number;

/// A picture older than this is not live any more; slower cameras get four of their intervals.
const STALE_AFTER: Duration = Duration::from_secs(2);

/// What to say of a picture that is not live, if it is not.
pub fn held_words(
    source: &SourceFacts,
    camera: Option<&CameraSnapshot>,
    picture: &Picture,
    at: Stamp,
) -> Option<String> {
    let age = at.since(picture.received);
    let interval = camera
        .filter(|camera| camera.fps > 0.0)
        .map_or(Duration::ZERO, |camera| {
            Duration::from_secs_f64((4.0 / camera.fps).min(3_600.0))
        });
    match &source.link {
        Some(LinkState::Down { .. } | LinkState::Connecting { .. }) => Some(format!(
            "‖ held: last frame before the link was lost, {} ago",
            number::age(age)
        )),
        Some(LinkState::Ended) => Some("‖ held: last frame".to_owned()),
        _ if age > STALE_AFTER.max(interval) => {
            let come = camera.map(|camera| camera.last_received);
            let goes_on = come.is_some_and(|come| come.since(picture.received) > STALE_AFTER);
            let age = number::age(age);
            Some(match goes_on && undecodable(source) > 0 {
                true => format!("✕ frames cannot be decoded: last picture {age} ago"),
                false => format!("◐ stale: last frame {age} ago"),
            })
        }
        _ => None,
    }
}

/// Frames that could not be decoded.
fn undecodable(source: &SourceFacts) -> u64 {
    let faults = source.snapshot.iter().flat_map(|known| &known.faults);
    faults
        .filter(|(kind, _)| *kind == FaultKind::Undecodable)
        .map(|(_, count)| *count)
        .sum()
}

/// Why there is no picture.
pub fn why_no_picture(
    source: &SourceFacts,
    camera: Option<&CameraSnapshot>,
    look: &Look<'_>,
) -> String {
    let standing = Standing::of(source, look.at);
    let name = &source.info.name;
    match (&source.link, camera) {
        // No picture is made for a held screen: to wait for one would be in vain.
        (_, Some(_)) if look.held => {
            "no picture was drawn before the screen was held: f lets it go on".to_owned()
        }
        (Some(LinkState::Live | LinkState::Connected | LinkState::Stale { .. }), Some(_)) => {
            match undecodable(source) {
                0 => "waiting for the picture".to_owned(),
                many => format!(
                    "{} frames cannot be decoded: the journal says why",
                    number::count(many)
                ),
            }
        }
        (Some(LinkState::Live | LinkState::Connected | LinkState::Stale { .. }), None)
            if look.replay =>
        {
            format!("no picture from {name} in the recording up to here")
        }
        (Some(LinkState::Live | LinkState::Connected | LinkState::Stale { .. }), None) => {
            // Of the kinds of sources only this one can be asked for pictures.
            if source.info.address.starts_with("imswitch") {
                format!("no picture from {name} yet: L asks it to start its live view")
            } else {
                format!("no picture from {name}")
            }
        }
        _ => {
            let mut text = standing.text();
            if let Some(why) = standing.explanation {
                text.push_str(&format!(" · {why}"));
            }
            text
        }
    }
}
