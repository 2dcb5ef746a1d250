//! The table of words that a line may begin with.

use crate::model::CommandKind;

/// A word the palette knows.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    /// The word.
    pub name: &'static str,
    /// What may follow, as help writes it.
    pub arguments: &'static str,
    /// What it does.
    pub sentence: &'static str,
    pub(super) takes: Takes,
}

/// Which rule understands what follows a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Screen,
    Record,
    StopRecording,
    BlackBox,
    /// A command for an instrument.
    Instrument(CommandKind),
    Control,
    Stop,
    Clear,
    Jog,
    Filter,
    Sort,
    Theme,
    Graphics,
    Camera,
    /// How pictures are looked at.
    Look(LookVerb),
    /// A picture's format and a name, both as one likes.
    Save,
    Freeze,
    /// The player of a recording.
    Replay(ReplayVerb),
    Help,
    Quit,
}

/// What the player of a recording is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplayVerb {
    Play,
    Pause,
    Step,
    Seek,
    Speed,
    Loop,
}

/// What about a picture is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookVerb {
    Zoom,
    Region,
    Profile,
    Contrast,
    Gamma,
    ColorMap,
    Reference,
    Difference,
    Split,
}

impl Verb {
    /// The kind of command that it asks an instrument for, if it does; it is offered only where
    /// the instrument offers that.
    pub fn kind(&self) -> Option<CommandKind> {
        match self.takes {
            Takes::Instrument(kind) => Some(kind),
            Takes::Jog => Some(CommandKind::Move),
            _ => None,
        }
    }

    /// Whether a source may be named in front of it. A stop reaches every instrument whatever
    /// stands there: it is never refused for a word too many.
    pub fn is_addressed(&self) -> bool {
        matches!(self.takes, Takes::Instrument(_) | Takes::Stop)
    }

    /// Whether it is about a recording that is played, and means nothing without one.
    pub fn is_of_replay(&self) -> bool {
        matches!(self.takes, Takes::Replay(_))
    }

    /// Whether nothing may follow it.
    pub(super) fn is_bare(&self) -> bool {
        self.arguments.is_empty()
    }
}

const fn verb(
    name: &'static str,
    arguments: &'static str,
    takes: Takes,
    sentence: &'static str,
) -> Verb {
    Verb {
        name,
        arguments,
        sentence,
        takes,
    }
}

use CommandKind as Kind;
use Takes::Instrument as Ask;
use Takes::Look;

/// How a source is named in front of a command, and what that does; for help.
pub const ADDRESS: (&str, &str) = (
    "SOURCE:COMMAND",
    "Ask another source, e.g. left:move x 1.5mm.",
);

/// All words, in the order of the help. A command for an instrument may have `SOURCE:` in front.
#[rustfmt::skip]
pub const VERBS: [Verb; 47] = [
    verb("screen", "NAME", Takes::Screen, "Go to a screen."),
    verb("record", "", Takes::Record, "Start writing to disk."),
    verb("stop-recording", "", Takes::StopRecording, "Stop writing to disk."),
    verb("black-box", "", Takes::BlackBox, "Save the last seconds of everything."),
    verb("stop", "[safe]", Takes::Stop, "Stop all motion; safe: light and workflows too."),
    verb("clear", "", Takes::Clear, "End a stop that holds."),
    verb("control", "[off]", Takes::Control, "Take control, or give it back."),
    verb("live", "start [PROTOCOL]|stop", Ask(Kind::Live), "Start or stop the live view."),
    verb("refresh", "[SOURCE]", Ask(Kind::Refresh), "Read positions, detectors, streams again."),
    verb("move", "AXIS [to|by] N[UNIT]", Ask(Kind::Move), "Move an axis; a signed number is a step."),
    verb("home", "[AXIS]", Ask(Kind::Home), "Find the reference position."),
    verb("jog", "STEP", Takes::Jog, "Jog in steps of this size, e.g. 10um."),
    verb("laser", "LIGHT [N%] [on|off]", Ask(Kind::Light), "Set a light's level, or switch it."),
    verb("led", "LIGHT [N%] [on|off]", Ask(Kind::Light), "The same as laser."),
    verb("exposure", "[CAMERA] TIME", Ask(Kind::Exposure), "Set the exposure time, e.g. 20ms."),
    verb("gain", "[CAMERA] NUMBER", Ask(Kind::Gain), "Set a camera's gain."),
    verb("set", "[CAMERA] CONTROL [VALUE]", Ask(Kind::Control), "Set a camera's control, e.g. focus 12."),
    verb("stream", "PARAMETER VALUE", Ask(Kind::Stream), "Set a parameter of the live view."),
    verb("snap", "[NAME]", Ask(Kind::Snap), "Take one picture; it stays on the server."),
    verb("server-recording", "start [NAME]|stop", Ask(Kind::ServerRecording), "The server's own recording."),
    verb("workflow", "start FILE|stop", Ask(Kind::Workflow), "Run a workflow from a file, or end it."),
    verb("settings", "save FILE", Ask(Kind::Settings), "Overwrite the instrument's settings."),
    verb("raw", "CALL [NAME=VALUE]…", Ask(Kind::Raw), "Send a call as it is written."),
    verb("filter", "TEXT", Takes::Filter, "Show what contains a text; no text shows all."),
    verb("sort", "COLUMN", Takes::Sort, "Sort the signals."),
    verb("theme", "NAME", Takes::Theme, "Look different."),
    verb("graphics", "NAME", Takes::Graphics, "Draw pictures another way, or auto."),
    verb("camera", "NAME", Takes::Camera, "Show a camera or source on the scope screen."),
    verb("zoom", "TIMES|fit", Look(LookVerb::Zoom), "Zoom the picture, e.g. 4."),
    verb("roi", "X Y WIDTH HEIGHT|off", Look(LookVerb::Region), "The region that is measured, in pixels."),
    verb("profile", "X1 Y1 X2 Y2|off", Look(LookVerb::Profile), "Values along a line, in pixels."),
    verb("contrast", "BLACK WHITE|auto|full", Look(LookVerb::Contrast), "Which values are black and white."),
    verb("gamma", "NUMBER", Look(LookVerb::Gamma), "Over 1 brightens the dark parts."),
    verb("map", "NAME", Look(LookVerb::ColorMap), "Colours of grey pictures."),
    verb("reference", "", Look(LookVerb::Reference), "Take the frame as the reference."),
    verb("difference", "[off]", Look(LookVerb::Difference), "Show the difference to the reference."),
    verb("split", "1|2", Look(LookVerb::Split), "Show so many cameras side by side."),
    verb("save", "[tiff|png|jpeg] [NAME]", Takes::Save, "Save the picture shown to a file here."),
    verb("freeze", "", Takes::Freeze, "Hold the screen, or let it go on."),
    verb("play", "", Takes::Replay(ReplayVerb::Play), "Play the recording on."),
    verb("pause", "", Takes::Replay(ReplayVerb::Pause), "Hold the recording."),
    verb("step", "[back]", Takes::Replay(ReplayVerb::Step), "One message more, or one less."),
    verb("seek", "TIME|±TIME|N%|fault|command [back]", Takes::Replay(ReplayVerb::Seek), "Go there, e.g. 00:01:30, +10s, 14:03:22Z."),
    verb("speed", "TIMES|max", Takes::Replay(ReplayVerb::Speed), "Play at 0.1 to 100 times the pace, or max."),
    verb("loop", "[on|off]", Takes::Replay(ReplayVerb::Loop), "Begin again at the end, or not."),
    verb("help", "", Takes::Help, "Show the keys and these words."),
    verb("quit", "", Takes::Quit, "Leave the program; asks while it records."),
];

/// The verb of that name. Who is in a hurry may write `halt` for `stop`.
pub(super) fn find(name: &str) -> Option<&'static Verb> {
    let name = if name == "halt" { "stop" } else { name };
    VERBS.iter().find(|verb| verb.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_command_has_its_word() {
        for kind in CommandKind::ALL {
            let verb = find(kind.as_str()).unwrap();
            assert_eq!(verb.kind(), Some(kind));
        }
    }

    #[test]
    fn words_are_unique_and_sentences_end() {
        for (index, verb) in VERBS.iter().enumerate() {
            assert!(VERBS[..index].iter().all(|other| other.name != verb.name));
            assert!(verb.sentence.ends_with('.'), "{}", verb.name);
        }
    }
}
