//! Why a line means nothing, and what to write.

use crate::model::text::printable;

/// A command that cannot be carried out as typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaletteError {
    /// The first word is not known.
    #[error("there is no command \"{}\"; write {}, or press Tab", printable(.got), any_of(.known))]
    UnknownVerb {
        /// What was typed.
        got: String,
        /// The words that begin like it, or all.
        known: Vec<String>,
    },
    /// The source in front is not known.
    #[error("there is no source \"{}\"; write {}", printable(.got), any_of(.known))]
    UnknownSource {
        /// What was typed.
        got: String,
        /// The sources, with their colon.
        known: Vec<String>,
    },
    /// A source in front makes no sense.
    #[error("{verb}: goes to no source; write it without \"{named}:\"")]
    NotAddressed {
        /// The command.
        verb: &'static str,
        /// The source that was named.
        named: String,
    },
    /// Something has to follow.
    #[error("{verb}: which? write {verb} and {}", any_of(.known))]
    Missing {
        /// The command.
        verb: &'static str,
        /// What may follow.
        known: Vec<String>,
    },
    /// Something has to follow that is no name.
    #[error("{verb}: {question}? write {example}")]
    Unfinished {
        /// The command.
        verb: &'static str,
        /// What is not said yet.
        question: String,
        /// A whole line, and what else there is to know.
        example: String,
    },
    /// The name is not known.
    #[error("{verb}: there is no \"{}\"; write {}", printable(.got), any_of(.known))]
    UnknownName {
        /// The command.
        verb: &'static str,
        /// What was typed.
        got: String,
        /// What may be written.
        known: Vec<String>,
    },
    /// Nothing may follow.
    #[error("{verb}: \"{}\" is too much; write {verb} alone", printable(.got))]
    TooMuch {
        /// The command.
        verb: &'static str,
        /// What was typed behind it.
        got: String,
    },
    /// Nothing may follow what is there already.
    #[error("{verb}: \"{}\" is too much; write {example}", printable(.got))]
    Surplus {
        /// The command.
        verb: &'static str,
        /// What was typed behind it.
        got: String,
        /// A whole line.
        example: String,
    },
    /// It is no number.
    #[error("{verb}: \"{}\" is no number; write {example}", printable(.got))]
    NotANumber {
        /// The command.
        verb: &'static str,
        /// What was typed.
        got: String,
        /// A whole line.
        example: String,
    },
    /// The number cannot be this.
    #[error("{verb}: {} is {problem}; write {example}", printable(.got))]
    WrongNumber {
        /// The command.
        verb: &'static str,
        /// The number as it was typed.
        got: String,
        /// What is wrong with it.
        problem: &'static str,
        /// A whole line.
        example: String,
    },
    /// The unit is none, or measures something else.
    #[error("{verb}: \"{}\" is no unit for it; write {example}, in {}", printable(.got), any_of(.known))]
    WrongUnit {
        /// The command.
        verb: &'static str,
        /// What was typed.
        got: String,
        /// The units there are.
        known: Vec<String>,
        /// A whole line.
        example: String,
    },
    /// An argument of a call is no pair.
    #[error("{verb}: \"{}\" is no argument; write NAME=VALUE, a VALUE with blanks in \"\"", printable(.got))]
    NotAPair {
        /// The command.
        verb: &'static str,
        /// What was typed.
        got: String,
    },
}

fn any_of(known: &[String]) -> String {
    match known {
        [] => "nothing: there is none yet".to_owned(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}
