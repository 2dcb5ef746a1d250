//! Lasers, the LED and the light sheets, in the order in which they have to be switched.
//!
//! Source: protocol description, sections 12.1, 12.3 and 12.4.

use std::time::Duration;

use crate::model::{CommandState, Evidence, Quantity};
use crate::protocol::flamingo::reply;
use crate::protocol::flamingo::{Command, Laser, LedColour, Request, Side};
use crate::sources::flamingo::errand::{Answer, Cut, End, Errand};
use crate::sources::flamingo::exchange::Goal;
use crate::sources::flamingo::known::{Known, Lamp};

/// When a laser's level can be read back.
const READ_BACK: Duration = Duration::from_millis(100);

/// How far the level that a laser takes may be from the one asked for, percent: the device has
/// steps.
const STEP: f64 = 1.0;

/// What a light takes that the general rules do not know.
pub(super) fn refusal(known: &Known, name: &str, has_level: bool) -> Option<String> {
    match known.lamp(name)? {
        Lamp::Sheet(_) if has_level => Some(format!(
            "{name} is a light sheet: it takes on and off, and no level"
        )),
        _ => None,
    }
}

pub(super) async fn set(
    errand: &Errand,
    name: &str,
    level: Option<Quantity>,
    on: Option<bool>,
) -> Result<End, Cut> {
    let found = errand.with(|state| {
        let light = state.known.instrument.light(name)?;
        let level = level.map(|level| crate::control::level_of(light, level));
        Some((state.known.lamp(name)?, level.transpose()))
    });
    let Some((lamp, level)) = found else {
        return Ok(End::refused(format!("there is no light \"{name}\"")));
    };
    let level = match level {
        Ok(level) => level,
        Err(refusal) => return Ok(End::refused(refusal.to_string())),
    };
    if on == Some(false) {
        // Whoever is about to switch something on must not come after this.
        errand.with(|state| state.dark = state.dark.saturating_add(1));
        errand.exchange.touch();
        let end = off(errand, lamp).await?;
        return match level {
            Some(level) => set_level(errand, lamp, level).await,
            None => Ok(end),
        };
    }
    let errand = &errand.clone().until_dark();
    match (on, level) {
        (Some(true), level) => switch_on(errand, lamp, level).await,
        (_, Some(level)) => set_level(errand, lamp, level).await,
        (_, None) => Ok(End::refused("neither a level nor on or off was asked for")),
    }
}

async fn off(errand: &Errand, lamp: Lamp) -> Result<End, Cut> {
    let profile = errand.profile();
    let request = match lamp {
        Lamp::Laser(laser) => Request::laser_off(profile, laser)?,
        Lamp::Led(_) => Request::plain(profile, Command::LedDisable)?,
        Lamp::Sheet(side) => Request::illumination(profile, side, false)?,
    };
    let answer = errand.send(request, Goal::Nothing).await?;
    let evidence = match &answer {
        Answer::Declined(why) => return Ok(End::failed(why.clone())),
        Answer::Taken(_) => Evidence::Read,
        _ => Evidence::Assumed,
    };
    errand.with(|state| match lamp {
        // One board: what is off is off in every colour.
        Lamp::Led(_) => {
            for colour in LedColour::ALL {
                state.known.set_on(Lamp::Led(colour), false, evidence);
            }
        }
        lamp => state.known.set_on(lamp, false, evidence),
    });
    Ok(ended(&answer))
}

async fn switch_on(errand: &Errand, lamp: Lamp, level: Option<f64>) -> Result<End, Cut> {
    match lamp {
        Lamp::Laser(laser) => laser_on(errand, laser, level).await,
        Lamp::Led(colour) => led_on(errand, colour, level).await,
        Lamp::Sheet(side) => sheet_on(errand, side).await,
    }
}

/// The LED off, the level, then the laser; it turns the other lasers off.
async fn laser_on(errand: &Errand, laser: Laser, level: Option<f64>) -> Result<End, Cut> {
    let profile = errand.profile();
    errand
        .prepare(Request::plain(profile, Command::LedDisable)?)
        .await?;
    let mut detail = "switching a laser has no answer".to_owned();
    if let Some(level) = level {
        errand
            .prepare(Request::set_laser_level(profile, laser, level)?)
            .await?;
        match level_of(errand, laser).await? {
            Ok(taken) if (taken - level).abs() <= STEP => {
                detail = format!("level {taken} % read back; {detail}");
            }
            Ok(taken) => {
                return Ok(End::failed(format!(
                    "not switched on: the device has {taken} % and not {level} %"
                )));
            }
            Err(why) => return Ok(End::failed(format!("not switched on: its level: {why}"))),
        }
    }
    let answer = errand
        .send(Request::laser_preview(profile, laser)?, Goal::Nothing)
        .await?;
    if let Answer::Declined(why) = answer {
        return Ok(End::failed(why));
    }
    errand.with(|state| {
        for other in Laser::ALL {
            let on = other == laser;
            state
                .known
                .set_on(Lamp::Laser(other), on, Evidence::Assumed);
        }
    });
    Ok(End::new(CommandState::Sent, detail))
}

/// Every laser off, the brightness, then the LED.
async fn led_on(errand: &Errand, colour: LedColour, level: Option<f64>) -> Result<End, Cut> {
    let profile = errand.profile();
    let lamp = Lamp::Led(colour);
    let Some(level) = level.or_else(|| errand.with(|state| state.known.level(lamp))) else {
        return Ok(End::refused(format!(
            "how bright led-{0} would be is not known; write a level, e.g. led-{0} 5% on",
            colour.as_str()
        )));
    };
    for laser in Laser::ALL {
        errand.prepare(Request::laser_off(profile, laser)?).await?;
        errand.with(|s| s.known.set_on(Lamp::Laser(laser), false, Evidence::Assumed));
    }
    match errand
        .prepare(Request::set_led(profile, colour, level)?)
        .await?
    {
        Answer::Declined(why) => {
            return Ok(End::failed(format!("not switched on: its level: {why}")));
        }
        answer => {
            let evidence = evidence(&answer);
            errand.with(|state| state.known.set_level(lamp, level, evidence));
        }
    }
    let request = Request::plain(profile, Command::LedEnable)?;
    let answer = errand.send(request, Goal::Nothing).await?;
    if let Answer::Declined(why) = answer {
        return Ok(End::failed(why));
    }
    let evidence = evidence(&answer);
    errand.with(|state| {
        for other in LedColour::ALL {
            let on = other == colour;
            state.known.set_on(Lamp::Led(other), on, evidence);
        }
    });
    Ok(ended(&answer))
}

async fn sheet_on(errand: &Errand, side: Side) -> Result<End, Cut> {
    let request = Request::illumination(errand.profile(), side, true)?;
    let answer = errand.send(request, Goal::Nothing).await?;
    if let Answer::Declined(why) = answer {
        return Ok(End::failed(why));
    }
    let evidence = evidence(&answer);
    errand.with(|state| state.known.set_on(Lamp::Sheet(side), true, evidence));
    Ok(ended(&answer))
}

async fn set_level(errand: &Errand, lamp: Lamp, level: f64) -> Result<End, Cut> {
    let profile = errand.profile();
    match lamp {
        Lamp::Sheet(_) => Ok(End::refused("a light sheet has no level")),
        Lamp::Led(colour) => {
            let request = Request::set_led(profile, colour, level)?;
            let answer = errand.send(request, Goal::Nothing).await?;
            if let Answer::Declined(why) = answer {
                return Ok(End::failed(why));
            }
            let evidence = evidence(&answer);
            errand.with(|state| state.known.set_level(lamp, level, evidence));
            Ok(ended(&answer))
        }
        Lamp::Laser(laser) => {
            let request = Request::set_laser_level(profile, laser, level)?;
            errand.send(request, Goal::Level(laser, level)).await?;
            level_end(errand, laser, level).await
        }
    }
}

/// What became of a level, by what the device has.
pub(in crate::sources::flamingo) async fn level_end(
    errand: &Errand,
    laser: Laser,
    level: f64,
) -> Result<End, Cut> {
    Ok(match level_of(errand, laser).await? {
        Ok(taken) if (taken - level).abs() <= STEP => {
            End::new(CommandState::Done, format!("the device has {taken} %"))
        }
        Ok(taken) => End::failed(format!("the device has {taken} % and not {level} %")),
        Err(why) => End::failed(format!("the level was not read back: {why}")),
    })
}

/// The level that the device has a moment later, or what it says instead.
async fn level_of(errand: &Errand, laser: Laser) -> Result<Result<f64, String>, Cut> {
    errand.pause(READ_BACK).await?;
    let request = Request::laser_level(errand.profile(), laser)?;
    Ok(match errand.question(request).await? {
        None => Err("no answer".to_owned()),
        Some(message) => match reply::laser_level(&message) {
            Ok(percent) => {
                errand.with(|state| {
                    state
                        .known
                        .set_level(Lamp::Laser(laser), percent, Evidence::Read);
                });
                Ok(percent)
            }
            Err(error) => Err(error.to_string()),
        },
    })
}

fn evidence(answer: &Answer) -> Evidence {
    match answer {
        Answer::Taken(_) => Evidence::Read,
        _ => Evidence::Assumed,
    }
}

/// An acknowledgement is all that a light ever says; without one, sent is all that is known.
fn ended(answer: &Answer) -> End {
    match answer {
        Answer::Taken(_) => End::new(CommandState::Done, "acknowledged by the device"),
        _ => End::new(CommandState::Sent, "has no answer"),
    }
}
