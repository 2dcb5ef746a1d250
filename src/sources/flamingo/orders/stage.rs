//! Moves: one axis, one move at a time, and done when the axis stands where it was to go.

use std::time::Duration;

use tokio::time::Instant;

use super::axis_of;
use crate::control::target_of;
use crate::model::{CommandState, Motion, Target};
use crate::protocol::flamingo::{Axis, Request};
use crate::sources::flamingo::errand::{Answer, Cut, End, Errand};
use crate::sources::flamingo::exchange::{Exchange, Goal};
use crate::sources::flamingo::look;

/// What is taken for a velocity that the settings do not state, units per second.
const SLOW: f64 = 0.1;

/// The longest time that a way may ask for.
const LONGEST: Duration = Duration::from_secs(3600);

/// An axis while a command of ours has it.
struct Hold {
    exchange: Exchange,
    axis: Axis,
}

impl Hold {
    /// Nobody else may have it; `None` if somebody does.
    fn take(errand: &Errand, axis: Axis) -> Option<Self> {
        let is_free = errand.with(|state| {
            let track = state.known.track(axis)?;
            (!std::mem::replace(&mut track.is_ours, true)).then_some(())
        });
        is_free.map(|()| Self {
            exchange: errand.exchange.clone(),
            axis,
        })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(track) = self.exchange.lock().known.track(self.axis) {
            track.is_ours = false;
        }
        self.exchange.touch();
    }
}

pub(super) async fn move_axis(errand: &Errand, name: &str, target: Target) -> Result<End, Cut> {
    let Some(axis) = axis_of(name) else {
        return Ok(End::refused(format!("there is no axis \"{name}\"")));
    };
    // It was allowed when it was taken; from where it stands now it is computed.
    let target = errand.with(|state| target_of(&state.known.instrument, name, target));
    match target {
        Ok(target) => go(errand, axis, target).await,
        Err(refusal) => Ok(End::refused(refusal.to_string())),
    }
}

/// The positions that the settings call home, axis by axis.
pub(super) async fn home(errand: &Errand, name: Option<&str>) -> Result<End, Cut> {
    let axes: Vec<Axis> = match name {
        None => Axis::ALL.into(),
        Some(name) => axis_of(name).into_iter().collect(),
    };
    let mut way = Vec::new();
    for axis in axes {
        let (home, limits) = errand.with(|state| {
            let home = state.known.track(axis).and_then(|track| track.home);
            let limits = state.known.axis(axis).and_then(|axis| axis.limits);
            (home, limits)
        });
        let Some(limits) = limits else {
            let why = errand.with(|state| state.known.why_no_limits(axis));
            return Ok(End::refused(why));
        };
        let unit = axis.unit();
        match home {
            None => {
                return Ok(End::refused(format!(
                    "{axis}: the settings state no \"Home {axis}-axis\""
                )));
            }
            Some(home) if !limits.contain(home) => {
                return Ok(End::refused(format!(
                    "{axis}: home is {home} {unit}, and it may go from {} to {} {unit}",
                    limits.min, limits.max
                )));
            }
            Some(home) => way.push((axis, home)),
        }
    }
    let mut last = End::refused("there is no such axis");
    for (axis, home) in way {
        last = go(errand, axis, home).await?;
        if last.state != CommandState::Done {
            return Ok(last);
        }
    }
    Ok(last)
}

/// Moves an axis and waits until it stands there.
async fn go(errand: &Errand, axis: Axis, target: f64) -> Result<End, Cut> {
    let Some(hold) = Hold::take(errand, axis) else {
        return Ok(End::refused(format!("{axis} has another move under way")));
    };
    let (mut stops, from, velocity) = errand.with(|state| {
        let velocity = state.known.track(axis).and_then(|track| track.velocity);
        let from = state.known.axis(axis).and_then(|axis| axis.position);
        (state.known.stops(axis), from, velocity)
    });
    let request = Request::move_to(errand.profile(), axis, target)?;
    match errand.send(request, Goal::At(axis, target)).await? {
        Answer::Taken(_) | Answer::Sent => {}
        Answer::Declined(why) => {
            // What was declined may have been done all the same.
            let found = look::at(errand, axis, target).await?;
            let detail = found.detail.unwrap_or_else(|| "".into());
            return Ok(End::failed(format!("{why}; {detail}")).after(found.after));
        }
        Answer::Silent => {
            errand.unknown("not acknowledged; its position is read back");
            return look::at(errand, axis, target).await;
        }
    }
    let distance = from.map_or(0.0, |from| (target - from).abs());
    let way = Duration::try_from_secs_f64(distance / velocity.unwrap_or(SLOW) * 1.5);
    let way = way.unwrap_or(LONGEST).min(LONGEST);
    let deadline = Instant::now() + errand.exchange.options.patience.motion + way;
    loop {
        let said = |state: &mut crate::sources::flamingo::exchange::State| {
            let now = state.known.stops(axis);
            (now > stops).then_some(now)
        };
        let stopped = errand.until(Some(deadline), said).await?;
        let position = errand.position(axis).await?;
        if let Some(position) = position
            && (position - target).abs() <= axis.tolerance()
        {
            errand.with(|state| {
                let now = state.now().mono_ns;
                state.known.set_settled(axis, position, now);
            });
            drop(hold);
            return Ok(End::done().after(errand.positions()));
        }
        let Some(now) = stopped else {
            drop(hold);
            let end = look::at(errand, axis, target).await?;
            return Ok(end);
        };
        // The end of somebody else's move, or of ours in another place.
        let soon = Instant::now() + Duration::from_millis(300);
        stops = now;
        if let Some(rest) = errand.rest(axis, soon.min(deadline)).await? {
            let unit = axis.unit();
            let end = if (rest - target).abs() <= axis.tolerance() {
                End::done()
            } else {
                End::failed(format!(
                    "{axis} stopped at {rest} {unit} and not at {target} {unit}"
                ))
            };
            return Ok(end.after(errand.positions()));
        }
    }
}

/// Waits until every axis has been found at rest after a stop.
pub(super) async fn all_rest(errand: &Errand) -> Result<(), Cut> {
    let patience = errand.exchange.options.patience.motion;
    let deadline = Instant::now() + patience;
    let rest = |state: &mut crate::sources::flamingo::exchange::State| {
        let known = &state.known;
        let settled = known.instrument.axes.iter().zip(&known.tracks);
        settled
            .into_iter()
            .all(|(axis, track)| axis.motion == Motion::Settled && !track.look)
            .then_some(())
    };
    errand.until(Some(deadline), rest).await.map(drop)
}
