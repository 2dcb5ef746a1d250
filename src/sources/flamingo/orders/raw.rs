//! Calls that have no name here: sent as they are written, except where a command of its own keeps
//! the instrument within its limits.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{CommandState, Evidence, PlainText};
use crate::protocol::flamingo::commands::COMMANDS;
use crate::protocol::flamingo::message::TextField;
use crate::protocol::flamingo::{Command, Laser, LedColour, Message, Profile, Request, Side};
use crate::sources::flamingo::errand::{Answer, Cut, End, Errand};
use crate::sources::flamingo::exchange::{Goal, Stray};
use crate::sources::flamingo::known::{Known, Lamp};

/// How long a reply of an unknown kind is waited for.
const REPLY: Duration = Duration::from_secs(1);

/// What a raw call asks for.
#[derive(Debug, PartialEq)]
enum Call {
    /// A command of the table with other fields.
    Known(Command),
    /// A code of which nothing is known.
    Code(u32),
}

/// Why a raw call is not sent.
pub(super) fn refusal(
    profile: &Profile,
    call: &str,
    arguments: &[(PlainText, PlainText)],
) -> Option<String> {
    read(profile, call, arguments).err()
}

/// Reads a call and its arguments.
fn read(
    profile: &Profile,
    call: &str,
    arguments: &[(PlainText, PlainText)],
) -> Result<(Call, Message), String> {
    let (call, code) = call_of(profile, call)?;
    let mut message = Message::request(code);
    for (name, written) in arguments {
        let whole = || {
            let number = written.parse::<i32>();
            number.map_err(|_| format!("raw: {name} = \"{written}\" is not a whole number"))
        };
        match name.as_str() {
            "d0" => message.data[0] = whole()?,
            "d1" => message.data[1] = whole()?,
            "d2" => message.data[2] = whole()?,
            "f" => {
                let number = written.parse().ok().filter(|f: &f64| f.is_finite());
                message.double =
                    number.ok_or_else(|| format!("raw: f = \"{written}\" is not a number"))?;
            }
            "buf" => {
                message.text = TextField::new(written).map_err(|e| format!("raw: buf: {e}"))?;
            }
            other => {
                return Err(format!(
                    "raw: there is no argument \"{other}\"; there are d0, d1, d2, f and buf"
                ));
            }
        }
    }
    Ok((call, message))
}

fn call_of(profile: &Profile, call: &str) -> Result<(Call, u32), String> {
    let upper = call.to_ascii_uppercase();
    let named = COMMANDS.iter().find(|info| info.name == upper);
    let code = match named {
        Some(info) => profile
            .code(info.command)
            .ok_or_else(|| format!("raw: the profile gives {} no code", info.name))?,
        None => {
            let hex = upper.strip_prefix("0X");
            let digits = hex.unwrap_or(&upper);
            let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let radix = if hex.is_some() { 16 } else { 10 };
            let number = u32::from_str_radix(digits, radix).ok();
            number.filter(|number| is_number && *number > 0).ok_or_else(|| {
                format!(
                    "raw: \"{call}\" is neither a command's name, e.g. CAMERA_SNAPSHOT, nor a code, e.g. 0x3006"
                )
            })?
        }
    };
    let Some(command) = profile.command(code) else {
        if profile.notice(code).is_some() {
            return Err(format!(
                "raw: {code:#06x} is what the server says; it is never sent"
            ));
        }
        return Ok((Call::Code(code), code));
    };
    let other = match command {
        Command::StageMove | Command::StagePositionSet => "move, which knows the limits",
        Command::WorkflowStart | Command::CheckStack => "workflow start, which checks its text",
        Command::SettingsSave => "settings save, which checks its text",
        Command::LiveViewStart | Command::LiveViewStop => "live, which also minds the live socket",
        _ => return Ok((Call::Known(command), code)),
    };
    Err(format!(
        "raw: {} is not sent raw; use {other}",
        command.name()
    ))
}

pub(super) async fn call(
    errand: &Errand,
    call: &str,
    arguments: &[(PlainText, PlainText)],
) -> Result<End, Cut> {
    match read(errand.profile(), call, arguments) {
        Err(why) => Ok(End::refused(why)),
        Ok((Call::Known(command), message)) => known(errand, command, &message).await,
        Ok((Call::Code(code), message)) => stray(errand, code, &message).await,
    }
}

async fn known(errand: &Errand, command: Command, message: &Message) -> Result<End, Cut> {
    let request = Request::raw(errand.profile(), command, message)?;
    let answer = errand.send(request, Goal::Nothing).await?;
    if !matches!(answer, Answer::Declined(_)) {
        errand.with(|state| lights(&mut state.known, command, message.d0()));
    }
    Ok(match answer {
        Answer::Taken(reply) => End::new(CommandState::Done, words(&reply)),
        Answer::Declined(why) => End::failed(why),
        Answer::Sent => End::new(CommandState::Sent, "has no answer"),
        Answer::Silent => End::new(CommandState::Unknown, "not answered"),
    })
}

/// What a raw call does to the lights, as far as it is known.
fn lights(known: &mut Known, command: Command, d0: i32) {
    let mut set = |lamp, on| known.set_on(lamp, on, Evidence::Assumed);
    match command {
        Command::LaserPreviewEnable | Command::LaserDisable => {
            if let Some(laser) = Laser::from_number(d0) {
                set(Lamp::Laser(laser), command == Command::LaserPreviewEnable);
            }
        }
        Command::LedEnable | Command::LedDisable => {
            let on = command == Command::LedEnable;
            for colour in LedColour::ALL {
                set(Lamp::Led(colour), on);
            }
        }
        Command::IlluminationLeftEnable => set(Lamp::Sheet(Side::Left), true),
        Command::IlluminationLeftDisable => set(Lamp::Sheet(Side::Left), false),
        Command::IlluminationRightEnable => set(Lamp::Sheet(Side::Right), true),
        Command::IlluminationRightDisable => set(Lamp::Sheet(Side::Right), false),
        _ => {}
    }
}

/// A code of which nothing is known: whatever comes with the same code within a second is shown.
async fn stray(errand: &Errand, code: u32, message: &Message) -> Result<End, Cut> {
    let Some(id) = errand.id else {
        return Ok(End::refused("it belongs to no command"));
    };
    let bytes = match message.encode() {
        Ok(bytes) => bytes,
        Err(error) => return Ok(End::refused(error.to_string())),
    };
    errand.with(|state| {
        state.stray_reply = None;
        state.strays.push_back(Stray {
            id,
            stop_number: errand.stop_number(),
            bytes,
        });
    });
    errand.exchange.kick();
    let is_sent = |state: &mut crate::sources::flamingo::exchange::State| {
        let mut open = state.desk.open();
        let queued = open.any(|(other, s)| other == id && s == CommandState::Queued);
        (!queued).then_some(())
    };
    errand.until(None, is_sent).await?;
    let deadline = Instant::now() + REPLY;
    let reply = errand
        .until(Some(deadline), |state| {
            let reply = state.stray_reply.take_if(|reply| reply.code == code)?;
            Some(reply)
        })
        .await?;
    for axis in crate::protocol::flamingo::Axis::ALL {
        // It may have been anything.
        errand.with(|state| state.known.look_at(axis));
    }
    Ok(match reply {
        Some(reply) => End::new(CommandState::Done, words(&reply)),
        None => End::new(CommandState::Sent, "nothing came with this code within 1 s"),
    })
}

/// A reply for people.
fn words(reply: &Message) -> String {
    let [d0, d1, d2] = reply.data;
    let mut words = format!(
        "status {}, d0 {d0}, d1 {d1}, d2 {d2}, f {}",
        reply.status, reply.double
    );
    if !reply.text.is_empty() {
        words.push_str(&format!(", buf \"{}\"", reply.text.to_plain()));
    }
    if !reply.payload.is_empty() {
        words.push_str(&format!(", {} more bytes", reply.payload.len()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(call: &str, arguments: &[(&str, &str)]) -> Result<(Call, Message), String> {
        let plain = |text: &&str| PlainText::from(*text);
        let arguments: Vec<_> = arguments
            .iter()
            .map(|(name, value)| (plain(name), plain(value)))
            .collect();
        read(&Profile::current(), call, &arguments)
    }

    #[test]
    fn a_call_is_a_name_or_a_code_with_named_fields() {
        let (call, message) = check("0x4006", &[("d0", "2"), ("f", "1.5"), ("buf", "a")]).unwrap();
        assert_eq!(call, Call::Code(0x4006));
        assert_eq!((message.d0(), message.double), (2, 1.5));
        assert_eq!(message.text.to_str(), "a");
        for name in ["camera_snapshot", "12294", "0x3006"] {
            assert_eq!(check(name, &[]).unwrap().0, Call::Known(Command::Snapshot));
        }
    }

    #[test]
    fn what_cannot_be_sent_raw_says_what_can() {
        let cases = [
            ("0x6005", &[][..], "use move"),
            ("STAGE_POSITION_SET_MOVE", &[], "use move"),
            ("0x6010", &[], "never sent"),
            ("0xa002", &[], "never sent"),
            ("0x1007", &[], "never sent"),
            ("0x3004", &[], "workflow start"),
            ("snapshot", &[], "CAMERA_SNAPSHOT"),
            ("-3", &[], "CAMERA_SNAPSHOT"),
            ("0x+3", &[], "CAMERA_SNAPSHOT"),
            ("0x4006", &[("d3", "1")], "d0, d1, d2, f and buf"),
            ("0x4006", &[("d0", "1.5")], "whole number"),
            ("0x4006", &[("f", "inf")], "not a number"),
        ];
        for (call, arguments, part) in cases {
            let why = check(call, arguments).unwrap_err();
            assert!(why.contains(part), "{call}: {why}");
        }
    }
}
