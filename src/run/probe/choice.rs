//! From what the environment says and the terminal answers to the best picture it can show.

use super::Answers;
use crate::imaging::pixels::Protocol;
use crate::ui::graphics::USUAL_CELL_PX;
use crate::ui::theme::ColorDepth;
use crate::ui::{Glyphs, Graphics, Terminal};

/// What stands between us and the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Multiplexer {
    /// Nothing that is known of.
    #[default]
    None,
    /// tmux: hands sequences through that are wrapped, if it is set up to.
    Tmux,
    /// GNU screen: hands nothing through that can be relied on.
    Screen,
}

/// What the environment says of the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `TERM`.
    pub term: String,
    /// `TERM_PROGRAM` or `LC_TERMINAL`, with its version.
    pub program: String,
    /// What stands between.
    pub multiplexer: Multiplexer,
    /// A variable of kitty or Ghostty is set, which a multiplexer hands on.
    pub has_placeholders: bool,
    /// No colours are wanted, or none are there.
    pub no_color: bool,
}

impl Environment {
    /// Reads the variables through `env`.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| env(name).unwrap_or_default();
        let is_set = |name: &str| !var(name).is_empty();
        let term = var("TERM");
        let multiplexer = if is_set("TMUX") || term.starts_with("tmux") {
            Multiplexer::Tmux
        } else if is_set("STY") || term.starts_with("screen") {
            Multiplexer::Screen
        } else {
            Multiplexer::None
        };
        let named = |name: &str, version: &str| {
            let text = format!("{} {}", var(name), var(version));
            text.trim().to_owned()
        };
        let program = match named("TERM_PROGRAM", "TERM_PROGRAM_VERSION") {
            program if program.is_empty() => named("LC_TERMINAL", "LC_TERMINAL_VERSION"),
            program => program,
        };
        Self {
            has_placeholders: ["KITTY_WINDOW_ID", "GHOSTTY_RESOURCES_DIR"]
                .into_iter()
                .any(is_set),
            no_color: ColorDepth::detect(&env) == ColorDepth::None,
            term,
            program,
            multiplexer,
        }
    }

    /// Whether questions reach a terminal that may answer with more than rubbish.
    pub fn may_be_asked(&self) -> bool {
        self.multiplexer != Multiplexer::Screen && !self.is_plain() && self.term != "linux"
    }

    /// Whether it has signs of 7 bits only.
    fn is_plain(&self) -> bool {
        let is_old = |kind: &str| self.term.starts_with(kind);
        self.term == "dumb" || ["vt1", "vt2", "vt3", "vt5", "ansi"].into_iter().any(is_old)
    }
}

/// The best that is known to work, and why.
pub(super) fn choose(environment: &Environment, answers: &Answers) -> Terminal {
    let (best, why) = best(environment, answers);
    Terminal {
        best,
        cell_px: answers.cell_px.unwrap_or(USUAL_CELL_PX),
        through_tmux: environment.multiplexer == Multiplexer::Tmux,
        why,
    }
}

fn best(environment: &Environment, answers: &Answers) -> (Graphics, String) {
    let halves = Graphics::Cells(Glyphs::HalfBlocks);
    let term = &environment.term;
    if environment.is_plain() {
        let why = format!("TERM={term} has signs of 7 bits only");
        return (Graphics::Cells(Glyphs::Ascii), why);
    }
    if environment.no_color {
        return (halves, "no colours are wanted (NO_COLOR)".to_owned());
    }
    if environment.multiplexer == Multiplexer::Screen {
        return (halves, "GNU screen hands no pictures through".to_owned());
    }
    if !environment.may_be_asked() {
        return (halves, format!("TERM={term} shows no pixels"));
    }
    if !answers.complete {
        return (halves, "the terminal did not answer in a second".to_owned());
    }
    let name = match &answers.version {
        Some(version) if !version.is_empty() => version.as_str(),
        _ if environment.program.is_empty() => "the terminal",
        _ => &environment.program,
    };
    let is = |known: &[&str]| {
        let begins = |name: &str| {
            let lower = name.to_ascii_lowercase();
            known.iter().any(|known| lower.starts_with(known))
        };
        begins(name) || begins(&environment.program)
    };
    // WezTerm and Konsole know the protocol too, without placeholders.
    if answers.kitty && (environment.has_placeholders || is(&["kitty", "ghostty"])) {
        let why = format!("{name} answered in kitty's protocol");
        return (Graphics::Pixels(Protocol::Kitty), why);
    }
    let is_direct = environment.multiplexer == Multiplexer::None;
    if is_direct && is(&["iterm", "wezterm", "mintty"]) {
        let why = format!("{name} shows inline pictures");
        return (Graphics::Pixels(Protocol::ITerm2), why);
    }
    if answers.sixel && Protocol::Sixel.is_built_in() {
        let why = format!("{name} says that it draws sixels");
        return (Graphics::Pixels(Protocol::Sixel), why);
    }
    (halves, format!("{name} says nothing of pixels"))
}
