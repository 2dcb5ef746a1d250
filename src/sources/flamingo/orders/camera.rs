//! Live view, snapshots and the exposure. Pictures come over the live socket, which is open only
//! while somebody wants them.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Activity, CommandState, PlainText, Quantity, Unit};
use crate::protocol::flamingo::reply;
use crate::protocol::flamingo::{Command, LiveMode, Request};
use crate::sources::flamingo::errand::{Answer, Cut, End, Errand};
use crate::sources::flamingo::exchange::{Exchange, Goal};
use crate::sources::flamingo::look;

/// How long the picture of a snapshot may take beyond its exposure.
const PICTURE: Duration = Duration::from_secs(10);

/// A claim on the live socket.
struct Claim(Exchange);

impl Claim {
    /// Opens the live socket, or says why that cannot be.
    async fn open(errand: &Errand) -> Result<Result<Self, PlainText>, Cut> {
        let claim = Self(errand.exchange.clone());
        errand.with(|state| state.live.holds = state.live.holds.saturating_add(1));
        errand.exchange.kick();
        let patience = errand.exchange.options.patience.connect;
        let opened = errand
            .until(Some(Instant::now() + patience), |state| {
                let live = &state.live;
                match &live.lost {
                    _ if live.is_open => Some(Ok(())),
                    Some(why) => Some(Err(why.clone())),
                    None => None,
                }
            })
            .await?;
        Ok(match opened {
            Some(Ok(())) => Ok(claim),
            Some(Err(why)) => Err(why),
            None => Err("the live port does not answer".into()),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let live = &mut self.0.lock().live;
        live.holds = live.holds.saturating_sub(1);
        self.0.kick();
    }
}

/// Why a snapshot or a live view is not to be had now.
pub(super) fn refusal(activity: Activity, command: &crate::model::Command) -> Option<String> {
    use crate::model::Command as C;
    match command {
        C::Snap { name: Some(_) } => Some(
            "snap: the instrument's pictures have no names of their own; leave the name out".to_owned(),
        ),
        C::Snap { name: None } if activity == Activity::LiveView => Some(
            "snap: a live view runs, and its pictures cannot be told from a snapshot; :live stop first"
                .to_owned(),
        ),
        C::StartLiveView { protocol: Some(word) } if mode(word).is_none() => Some(format!(
            "live start: \"{word}\" is no way of this instrument; there is continuous and on-change"
        )),
        _ => None,
    }
}

fn mode(word: &str) -> Option<LiveMode> {
    match word {
        "continuous" => Some(LiveMode::Continuous),
        "on-change" => Some(LiveMode::OnChange),
        _ => None,
    }
}

pub(super) async fn start(errand: &Errand, protocol: Option<&str>) -> Result<End, Cut> {
    let mode = protocol.map_or(Some(LiveMode::Continuous), mode);
    let Some(mode) = mode else {
        return Ok(End::refused("there is continuous and on-change"));
    };
    let claim = match Claim::open(errand).await? {
        Ok(claim) => claim,
        Err(why) => {
            return Ok(End::refused(format!(
                "{why}; the live view was not started"
            )));
        }
    };
    let request = Request::live_start(errand.profile(), mode)?;
    let answer = errand.send(request, Goal::Live(true)).await?;
    let end = match answer {
        Answer::Declined(why) => End::failed(why),
        Answer::Taken(_) => End::done(),
        Answer::Sent | Answer::Silent => {
            errand.unknown("not answered; the state is read back");
            read_back(errand, Goal::Live(true)).await?
        }
    };
    if end.state == CommandState::Done {
        errand.with(|state| state.live.view = true);
    }
    drop(claim);
    Ok(end)
}

pub(super) async fn stop(errand: &Errand) -> Result<End, Cut> {
    let request = Request::plain(errand.profile(), Command::LiveViewStop)?;
    let answer = errand.send(request, Goal::Live(false)).await?;
    errand.with(|state| state.live.view = false);
    errand.exchange.kick();
    Ok(match answer {
        Answer::Taken(_) => End::done(),
        Answer::Declined(why) => {
            // Mostly because none runs.
            let end = read_back(errand, Goal::Live(false)).await?;
            let detail = end.detail.unwrap_or_else(|| "".into());
            End {
                detail: Some(format!("{detail} ({why})").into()),
                ..end
            }
        }
        Answer::Sent | Answer::Silent => {
            errand.unknown("not answered; the state is read back");
            read_back(errand, Goal::Live(false)).await?
        }
    })
}

/// What became of it, by the state that the server says now.
pub(super) async fn read_back(errand: &Errand, goal: Goal) -> Result<End, Cut> {
    if look::ask_state(errand).await? {
        look::verdict(errand, goal).await
    } else {
        Ok(End::new(
            CommandState::Unknown,
            "neither it nor the question for the state was answered",
        ))
    }
}

pub(super) async fn snap(errand: &Errand) -> Result<End, Cut> {
    let claim = match Claim::open(errand).await? {
        Ok(claim) => claim,
        Err(why) => return Ok(End::refused(format!("{why}; no picture was asked for"))),
    };
    let (before, exposure_ms) = errand.with(|state| {
        let camera = state.known.instrument.cameras.first();
        let exposure = camera.and_then(|camera| camera.exposure_ms);
        (state.live.frames, exposure.unwrap_or(0.0))
    });
    let request = Request::plain(errand.profile(), Command::Snapshot)?;
    let answer = errand.send(request, Goal::Nothing).await?;
    let is_answered = match answer {
        Answer::Declined(why) => return Ok(End::failed(why)),
        Answer::Taken(_) => true,
        Answer::Sent | Answer::Silent => {
            errand.unknown("not acknowledged; its picture is waited for");
            false
        }
    };
    let exposure = Duration::try_from_secs_f64(exposure_ms / 1000.0).unwrap_or_default();
    let deadline = Instant::now() + PICTURE + exposure;
    let picture = errand
        .until(Some(deadline), |state| {
            (state.live.frames > before).then_some(())
        })
        .await?;
    drop(claim);
    Ok(match (picture, is_answered) {
        (Some(()), _) => End::done(),
        (None, true) => End::failed("acknowledged, and no picture came"),
        (None, false) => End::new(CommandState::Unknown, "neither acknowledged nor seen"),
    })
}

/// Its code is doubtful, so only what is read back counts.
pub(super) async fn expose(errand: &Errand, exposure: Quantity) -> Result<End, Cut> {
    let us = match exposure.unit {
        // The unit of exposures.
        Unit::Raw => Unit::Millisecond.convert(exposure.value, Unit::Microsecond),
        _ => exposure.in_unit(Unit::Microsecond),
    };
    let us = us.map(f64::round).filter(|us| (1.0..=1e6).contains(us));
    let Some(us) = us.map(|us| us as u32) else {
        return Ok(End::refused(format!(
            "{exposure} is no exposure; 1us to 1s are, e.g. 20ms"
        )));
    };
    let request = Request::set_exposure(errand.profile(), us)?;
    if let Answer::Declined(why) = errand.send(request, Goal::Nothing).await? {
        return Ok(End::failed(why));
    }
    let request = Request::plain(errand.profile(), Command::ExposureGet)?;
    let Some(message) = errand.question(request).await? else {
        return Ok(End::new(
            CommandState::Unknown,
            "it was not read back: no answer",
        ));
    };
    Ok(match reply::exposure_us(&message) {
        Err(error) => End::failed(format!("it was not read back: {error}")),
        Ok(has) => {
            errand.with(|state| state.known.set_exposure_us(has));
            if has == us {
                End::done()
            } else {
                End::failed(format!("the camera has {has} us and not {us} us"))
            }
        }
    })
}
