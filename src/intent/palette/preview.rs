//! What Enter would do with a line, in one short sentence, while it is being typed.

use super::complete::completions;
use super::error::PaletteError;
use super::line::without_colon;
use super::look;
use super::order::{CommandOrder, Order};
use super::parse;
use super::replay;
use super::vocabulary::Vocabulary;
use crate::model::{Command, Danger, Instrument, Quantity, StopLevel, Target, Unit};

/// What a line means so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Preview {
    /// Nothing is typed.
    Empty,
    /// It may become something: what is still to be written.
    Unfinished(String),
    /// It will never mean anything: why, and what to write.
    Wrong(String),
    /// Enter does this.
    Ready {
        /// What it does, and to which source if there are several.
        sentence: String,
        /// What it may do, if it is for an instrument.
        danger: Option<Danger>,
    },
}

/// What Enter would do with `line`. Only the writing is judged: limits and states are not known
/// here.
pub fn preview(line: &str, vocabulary: &Vocabulary) -> Preview {
    if without_colon(line).is_empty() {
        return Preview::Empty;
    }
    let order = match parse(line, vocabulary) {
        Ok(order) => order,
        Err(error) => {
            let may_go_on = matches!(
                error,
                PaletteError::Missing { .. } | PaletteError::Unfinished { .. }
            ) || !completions(line, vocabulary).is_empty();
            return match may_go_on {
                true => Preview::Unfinished(error.to_string()),
                false => Preview::Wrong(error.to_string()),
            };
        }
    };
    let danger = match &order {
        Order::Command { command, .. } => Some(command.danger()),
        _ => None,
    };
    Preview::Ready {
        sentence: sentence(&order, vocabulary),
        danger,
    }
}

fn sentence(order: &Order, vocabulary: &Vocabulary) -> String {
    match order {
        Order::Screen(name) => format!("go to the {name} screen"),
        Order::Record => "start writing to disk".to_owned(),
        Order::StopRecording => "stop writing to disk".to_owned(),
        Order::BlackBox => "save the last seconds, and the next ten".to_owned(),
        Order::Command { source, command } => asked(source.as_deref(), command, vocabulary),
        Order::Control { take: true } => "take control: commands are sent".to_owned(),
        Order::Control { take: false } => "give control back: nothing is sent any more".to_owned(),
        Order::Stop(StopLevel::Halt) => "stop all motion on every instrument".to_owned(),
        Order::Stop(StopLevel::Safe) => {
            "stop all motion, light and workflows on every instrument".to_owned()
        }
        Order::Clear => "end the stop that holds: commands pass again".to_owned(),
        Order::JogStep(step) => format!("jog in steps of {step}"),
        Order::Filter(text) if text.is_empty() => "show all lines".to_owned(),
        Order::Filter(text) => format!("show only what contains \"{text}\""),
        Order::Sort(column) => format!("sort the signals by {column}"),
        Order::Theme(name) => format!("look {name}"),
        Order::Graphics(name) if name == "auto" => "draw pictures as the terminal can".to_owned(),
        Order::Graphics(name) => format!("draw pictures as {name}"),
        Order::Camera(name) => format!("show {name} on the scope screen"),
        Order::Look(order) => look::sentence(order),
        Order::Save { format, name } => {
            let format = format.map_or(String::new(), |format| format!(" as {}", format.as_str()));
            let name = name
                .as_ref()
                .map_or(String::new(), |name| format!(", named {name}"));
            format!("save the picture shown{format}{name}")
        }
        Order::Freeze => "hold the screen, or let it go on".to_owned(),
        Order::Replay(order) => replay::sentence(order),
        Order::Help => "show the keys and these words".to_owned(),
        Order::Quit => "leave the program".to_owned(),
    }
}

/// A command with its units filled in, behind the source it goes to if there are several.
fn asked(source: Option<&str>, command: &CommandOrder, vocabulary: &Vocabulary) -> String {
    let known = vocabulary.instrument(source);
    let words = match (command, known) {
        (CommandOrder::Send(command), Some(known)) => {
            with_units(command.clone(), &known.state).to_string()
        }
        (command, _) => command.to_string(),
    };
    let addressee = source.or(vocabulary.addressee.as_deref());
    let to = match addressee.filter(|_| vocabulary.sources.len() > 1) {
        Some(name) => format!("{name}: "),
        None => String::new(),
    };
    let arming = match command.danger().needs_arming() {
        true => "; fires only after arming",
        false => "",
    };
    format!("{to}{words}{arming}")
}

/// A bare number is in the unit that the thing has; here it is said which.
fn with_units(mut command: Command, state: &Instrument) -> Command {
    let fill = |quantity: &mut Quantity, unit: Option<Unit>| {
        if quantity.unit == Unit::Raw {
            quantity.unit = unit.unwrap_or(Unit::Raw);
        }
    };
    match &mut command {
        Command::Move { axis, target } => {
            let (Target::To(quantity) | Target::By(quantity)) = target;
            fill(quantity, state.axis(axis).map(|axis| axis.unit));
        }
        Command::SetLight {
            light,
            level: Some(level),
            ..
        } => fill(level, state.light(light).map(|light| light.unit)),
        Command::SetExposure { exposure, .. } => fill(exposure, Some(Unit::Millisecond)),
        _ => {}
    }
    command
}
