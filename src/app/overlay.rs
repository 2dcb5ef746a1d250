//! What lies over a screen: help, a line being typed, the question before quitting.

pub mod draw;

use tui_input::{Input, InputRequest};

pub use super::control::Armed;
use crate::intent::{Key, KeyChord, Vocabulary, completions};

/// What lies over a screen. The newest gets the keys.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// All keys and words.
    Help {
        /// The first line shown.
        row: usize,
    },
    /// A line being typed.
    Prompt(Prompt),
    /// Whether to quit although a recording runs or something moves or emits.
    QuitQuestion,
    /// A command that waits to be fired.
    Armed(Armed),
}

/// What a typed line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// A command for the palette.
    Command,
    /// What lines must contain; was this before.
    Filter {
        /// The filter to go back to.
        before: String,
    },
}

/// A line being typed.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What it is for.
    pub kind: PromptKind,
    /// Why the line could not be carried out.
    pub error: Option<String>,
    input: Input,
    completing: Option<Completing>,
    /// How far back in the history, and what was typed before going there.
    recalled: Option<(usize, String)>,
}

#[derive(Clone, Debug)]
struct Completing {
    offers: Vec<String>,
    chosen: usize,
}

/// What a key did to a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The line is another one now.
    Changed,
    /// Nothing that matters outside.
    Moved,
    /// The line is finished.
    Finished(String),
    /// It was given up.
    Left,
}

/// The longest line; a paste of a whole file is not a command.
const MOST_CHARS: usize = 500;

impl Prompt {
    /// An empty palette line.
    pub fn command() -> Self {
        Self::with(PromptKind::Command, String::new())
    }

    /// A filter line that begins with the present filter.
    pub fn filter(present: String) -> Self {
        Self::with(
            PromptKind::Filter {
                before: present.clone(),
            },
            present,
        )
    }

    fn with(kind: PromptKind, text: String) -> Self {
        Self {
            kind,
            error: None,
            input: Input::new(text),
            completing: None,
            recalled: None,
        }
    }

    /// What is typed.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The cursor's place in columns of cells.
    pub fn cursor_column(&self) -> usize {
        self.input.visual_cursor()
    }

    /// What may be meant, and which of it is chosen.
    pub fn offers(&self, vocabulary: &Vocabulary) -> (Vec<String>, Option<usize>) {
        match (&self.kind, &self.completing) {
            (PromptKind::Filter { .. }, _) => (Vec::new(), None),
            (_, Some(completing)) => (completing.offers.clone(), Some(completing.chosen)),
            (_, None) => (completions(self.text(), vocabulary), None),
        }
    }

    /// Takes a key.
    pub fn press(&mut self, chord: KeyChord, history: &[String], vocabulary: &Vocabulary) -> Typed {
        match (chord.key, chord.ctrl, chord.alt) {
            (Key::Esc, ..) => return Typed::Left,
            (Key::Enter, ..) => return Typed::Finished(self.text().to_owned()),
            (Key::Backspace, ..) if self.text().is_empty() => return Typed::Left,
            (Key::Tab, ..) => return self.complete(true, vocabulary),
            (Key::BackTab, ..) => return self.complete(false, vocabulary),
            (Key::Up, ..) => return self.recall(true, history),
            (Key::Down, ..) => return self.recall(false, history),
            _ => {}
        }
        let Some(request) = request(chord) else {
            return Typed::Moved;
        };
        let has_room = self.text().chars().count() < MOST_CHARS;
        if matches!(request, InputRequest::InsertChar(_)) && !has_room {
            return Typed::Moved;
        }
        match self.input.handle(request) {
            Some(done) if done.value => {
                self.typed();
                Typed::Changed
            }
            _ => Typed::Moved,
        }
    }

    /// Takes pasted text: one line of it, without control characters.
    pub fn paste(&mut self, text: &str) -> Typed {
        let room = MOST_CHARS.saturating_sub(self.text().chars().count());
        let line = text.lines().find(|line| !line.trim().is_empty());
        for c in line
            .unwrap_or("")
            .chars()
            .filter(|c| !c.is_control())
            .take(room)
        {
            self.input.handle(InputRequest::InsertChar(c));
        }
        self.typed();
        Typed::Changed
    }

    fn typed(&mut self) {
        self.completing = None;
        self.recalled = None;
        self.error = None;
    }

    fn complete(&mut self, forward: bool, vocabulary: &Vocabulary) -> Typed {
        if self.kind != PromptKind::Command {
            return Typed::Moved;
        }
        self.error = None;
        let next = match self.completing.take() {
            Some(Completing { offers, chosen }) => {
                let step = if forward { 1 } else { offers.len() - 1 };
                Completing {
                    chosen: (chosen + step) % offers.len(),
                    offers,
                }
            }
            None => {
                let offers = completions(self.text(), vocabulary);
                let last = match offers.len().checked_sub(1) {
                    Some(last) => last,
                    None => return Typed::Moved,
                };
                Completing {
                    chosen: if forward { 0 } else { last },
                    offers,
                }
            }
        };
        self.input = Input::new(next.offers[next.chosen].clone());
        // With a single offer the word is finished: the next Tab completes what follows it.
        self.completing = (next.offers.len() > 1).then_some(next);
        Typed::Changed
    }

    fn recall(&mut self, back: bool, history: &[String]) -> Typed {
        if self.kind != PromptKind::Command {
            return Typed::Moved;
        }
        let (depth, typed) = match self.recalled.take() {
            Some(recalled) => recalled,
            None => (0, self.text().to_owned()),
        };
        let depth = if back {
            (depth + 1).min(history.len())
        } else {
            depth.saturating_sub(1)
        };
        let line = match history
            .len()
            .checked_sub(depth)
            .and_then(|at| history.get(at))
        {
            Some(line) if depth > 0 => line.clone(),
            _ => typed.clone(),
        };
        self.completing = None;
        self.error = None;
        self.input = Input::new(line);
        self.recalled = Some((depth, typed));
        Typed::Changed
    }
}

fn request(chord: KeyChord) -> Option<InputRequest> {
    Some(match (chord.key, chord.ctrl) {
        (Key::Char(c), false) if !chord.alt && !c.is_control() => InputRequest::InsertChar(c),
        (Key::Backspace, _) | (Key::Char('h'), true) => InputRequest::DeletePrevChar,
        (Key::Delete, _) => InputRequest::DeleteNextChar,
        (Key::Left, _) => InputRequest::GoToPrevChar,
        (Key::Right, _) => InputRequest::GoToNextChar,
        (Key::Home, _) | (Key::Char('a'), true) => InputRequest::GoToStart,
        (Key::End, _) | (Key::Char('e'), true) => InputRequest::GoToEnd,
        (Key::Char('w'), true) => InputRequest::DeletePrevWord,
        (Key::Char('u'), true) => InputRequest::DeleteFromStart,
        (Key::Char('k'), true) => InputRequest::DeleteTillEnd,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Presses keys written as in the configuration; single characters are typed.
    fn after(keys: &str, history: &[&str]) -> (String, Typed) {
        let history: Vec<String> = history.iter().map(|line| (*line).to_owned()).collect();
        let vocabulary = Vocabulary {
            themes: vec!["dark".into(), "light".into()],
            ..Vocabulary::default()
        };
        let mut prompt = Prompt::command();
        let mut last = Typed::Moved;
        for key in keys.split(' ') {
            last = prompt.press(key.parse().unwrap(), &history, &vocabulary);
        }
        (prompt.text().to_owned(), last)
    }

    #[test]
    fn lines_are_edited_completed_and_recalled() {
        let history = ["record", "theme light"];
        let cases = [
            ("a b", "ab", Typed::Changed),
            ("a b left c", "acb", Typed::Changed),
            ("a b ctrl-u", "", Typed::Changed),
            ("t h tab", "theme ", Typed::Changed),
            ("t h tab tab", "theme dark", Typed::Changed),
            ("t h tab tab tab", "theme light", Typed::Changed),
            ("t h tab tab tab tab", "theme dark", Typed::Changed),
            ("t h tab tab shift-tab", "theme light", Typed::Changed),
            ("x tab", "x", Typed::Moved),
            ("up", "theme light", Typed::Changed),
            ("up up", "record", Typed::Changed),
            ("up up up", "record", Typed::Changed),
            ("x up down", "x", Typed::Changed),
            ("x enter", "x", Typed::Finished("x".into())),
            ("x esc", "x", Typed::Left),
            ("x backspace backspace", "", Typed::Left),
            ("x F5", "x", Typed::Moved),
        ];
        for (keys, line, last) in cases {
            assert_eq!(after(keys, &history), (line.to_owned(), last), "{keys}");
        }
    }

    #[test]
    fn a_paste_is_one_short_line_of_text() {
        let mut prompt = Prompt::command();
        prompt.paste("\n screen \x1b[31m\nquit\n");
        assert_eq!(prompt.text(), " screen [31m");
        prompt.paste(&"x".repeat(10_000));
        assert_eq!(prompt.text().chars().count(), MOST_CHARS);
    }
}
