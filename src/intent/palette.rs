//! The words of the `:` palette: what may be typed, what it means, how it is completed.
//!
//! A line is `[SOURCE:]COMMAND [ARGUMENT…]`. A command for an instrument goes to the source that the
//! screen is about unless another is named in front: `lightsheet:move x 1.5mm`. Numbers have a
//! decimal point and may carry a unit; without one they are in the unit that the thing itself has.
//! A position without a sign is absolute and a signed one is a step: `move z 10um` goes to 10 um,
//! `move z -10um` goes down by 10 um, and `move z to -10um` or `move z =-10um` goes to -10 um.
//!
//! Nothing here reads a file or asks whether an instrument would allow something: limits and states
//! are the business of `control::check`.

mod complete;
mod error;
mod instrument;
mod line;
mod look;
mod names;
mod number;
mod order;
mod preview;
mod replay;
mod verbs;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use complete::completions;
pub use error::PaletteError;
pub use order::{CommandOrder, LookOrder, Order};
pub use preview::{Preview, preview};
pub use replay::place;
pub use verbs::{ADDRESS, VERBS, Verb};
pub use vocabulary::{InstrumentWords, Vocabulary};

use crate::model::{PictureFormat, StopLevel};
use line::{Line, first_word};
use names::one_of;
use verbs::Takes;

/// What a line means. A leading colon and blanks around it do not matter.
///
/// # Errors
/// What is wrong with it and what to write instead.
pub fn parse(line: &str, vocabulary: &Vocabulary) -> Result<Order, PaletteError> {
    let line = Line::split(line, vocabulary)?;
    let (verb, rest) = (line.verb.name, line.rest);
    if !line.verb.is_addressed()
        && let Some(named) = line.source
    {
        return Err(PaletteError::NotAddressed { verb, named });
    }
    let alone = |order: Order| match rest {
        "" => Ok(order),
        got => Err(PaletteError::TooMuch {
            verb,
            got: got.to_owned(),
        }),
    };
    match line.verb.takes {
        Takes::Screen => one_of(verb, rest, &vocabulary.screens).map(Order::Screen),
        Takes::Sort => one_of(verb, rest, &vocabulary.columns).map(Order::Sort),
        Takes::Theme => one_of(verb, rest, &vocabulary.themes).map(Order::Theme),
        Takes::Graphics => one_of(verb, rest, &vocabulary.graphics).map(Order::Graphics),
        Takes::Camera => one_of(verb, rest, &vocabulary.cameras).map(Order::Camera),
        Takes::Look(which) => look::parse(which, verb, rest, vocabulary),
        Takes::Save => Ok(save(rest)),
        Takes::Filter => Ok(Order::Filter(rest.to_owned())),
        Takes::Record => alone(Order::Record),
        Takes::StopRecording => alone(Order::StopRecording),
        Takes::BlackBox => alone(Order::BlackBox),
        Takes::Freeze => alone(Order::Freeze),
        Takes::Help => alone(Order::Help),
        Takes::Quit => alone(Order::Quit),
        Takes::Clear => alone(Order::Clear),
        Takes::Control if rest.is_empty() => Ok(Order::Control { take: true }),
        Takes::Control => {
            let word = one_of(verb, rest, &["on".to_owned(), "off".to_owned()])?;
            Ok(Order::Control { take: word == "on" })
        }
        Takes::Stop if rest.is_empty() => Ok(Order::Stop(StopLevel::Halt)),
        Takes::Stop => {
            one_of(verb, rest, &["safe".to_owned()]).map(|_| Order::Stop(StopLevel::Safe))
        }
        Takes::Jog => number::step(verb, rest).map(Order::JogStep),
        Takes::Replay(which) => replay::parse(which, verb, rest).map(Order::Replay),
        Takes::Instrument(kind) => instrument::parse(kind, &line, vocabulary),
    }
}

/// A format in front, if one is, and a name.
fn save(rest: &str) -> Order {
    let (word, behind) = first_word(rest);
    let format = PictureFormat::from_name(word);
    let name = if format.is_some() { behind } else { rest };
    Order::Save {
        format,
        name: (!name.is_empty()).then(|| name.to_owned()),
    }
}
