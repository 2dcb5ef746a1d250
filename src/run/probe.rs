//! What pictures the terminal can show: a few questions at the start, and what the answers mean.
//!
//! Nobody waits for the answers: the screen begins with half blocks and changes when they are
//! there. The last question is one that every terminal answers; a terminal that has not answered it
//! after a second is not believed to know anything. Answers are outside data: what is not
//! understood counts as not answered.

mod choice;
mod memory;

use super::keys::Answer;
use crate::imaging::pixels::through_tmux;
use crate::model::Stamp;
use crate::ui::Terminal;
use choice::{Environment, Multiplexer, choose};
use memory::Memory;

/// How long answers are waited for.
const PATIENCE_NS: u64 = 1_000_000_000;

/// Is the kitty protocol known? A picture of one pixel that is checked and not shown. Source: kitty's
/// graphics protocol, "Querying support and available transmission mediums".
const KITTY: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";
/// Who is it (XTVERSION)? How large is a cell? And last what every terminal answers: its device
/// attributes, which name sixels. Source: xterm's control sequences.
const OTHERS: &[u8] = b"\x1b[>q\x1b[16t\x1b[c";

/// What the terminal has said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Answers {
    /// It knows kitty's protocol.
    kitty: bool,
    /// Name and version.
    version: Option<String>,
    /// Columns and rows of pixels of a cell.
    cell_px: Option<(u8, u8)>,
    /// It draws sixels.
    sixel: bool,
    /// It has answered the last question.
    complete: bool,
}

/// The questions and what became of them.
#[derive(Debug, Default)]
pub struct Probe {
    environment: Environment,
    answers: Answers,
    memory: Memory,
    /// When it was asked; `None` where nothing was, and once that is settled.
    waiting_since: Option<Stamp>,
}

impl Probe {
    /// Of the terminal of this process. To be begun at `now`, when [`Probe::questions`] are written.
    pub fn begin(now: Stamp) -> Self {
        let environment = Environment::read(|name| std::env::var(name).ok());
        Self::of(environment, Memory::load(), now)
    }

    fn of(environment: Environment, memory: Memory, now: Stamp) -> Self {
        Self {
            waiting_since: environment.may_be_asked().then_some(now),
            environment,
            answers: Answers::default(),
            memory,
        }
    }

    /// The bytes to write; empty if there is nothing to ask.
    pub fn questions(&self) -> Vec<u8> {
        if self.waiting_since.is_none() {
            return Vec::new();
        }
        let kitty = match self.environment.multiplexer {
            // To tmux itself a bare one would be the title of its window.
            Multiplexer::Tmux => through_tmux(KITTY),
            Multiplexer::None | Multiplexer::Screen => KITTY.to_vec(),
        };
        [&kitty, OTHERS].concat()
    }

    /// What is known before any answer: what the environment says where nothing is asked, else what
    /// the terminal answered in an earlier run.
    pub fn first(&self) -> Option<Terminal> {
        match self.waiting_since {
            None => Some(choose(&self.environment, &self.answers)),
            Some(_) => self.memory.recall(&self.environment),
        }
    }

    /// Takes an answer. When it was the last one, what is known now.
    pub fn take(&mut self, answer: &Answer) -> Option<Terminal> {
        self.waiting_since?;
        self.answers.take(answer);
        if !self.answers.complete {
            return None;
        }
        self.waiting_since = None;
        let terminal = choose(&self.environment, &self.answers);
        self.memory.keep(&self.environment, &terminal);
        Some(terminal)
    }

    /// What is known once nothing more is waited for; `None` while it is, and after it was said.
    pub fn give_up(&mut self, now: Stamp) -> Option<Terminal> {
        let since = self.waiting_since?;
        let waited = now.mono_ns.saturating_sub(since.mono_ns);
        if waited < PATIENCE_NS {
            return None;
        }
        self.waiting_since = None;
        Some(choose(&self.environment, &self.answers))
    }

    /// Hands over what is to be kept for the next run, if there is anything new.
    pub fn take_news(&mut self) -> Option<Memory> {
        self.memory
            .has_news()
            .then(|| std::mem::take(&mut self.memory))
    }
}

impl Answers {
    fn take(&mut self, answer: &Answer) {
        match answer {
            Answer::Text {
                introducer: b'_',
                text,
            } => self.kitty |= text.starts_with(b"Gi=31;OK"),
            Answer::Text {
                introducer: b'P',
                text,
            } => {
                if let Some(version) = text.strip_prefix(b">|") {
                    let printable = version.iter().filter(|byte| (0x20..0x7f).contains(*byte));
                    let version = printable.take(64).map(|byte| char::from(*byte)).collect();
                    self.version = Some(version);
                }
            }
            Answer::Control {
                parameters,
                last: b't',
            } => self.cell_px = cell_size(parameters).or(self.cell_px),
            Answer::Control {
                parameters,
                last: b'c',
            } => {
                if let Some(attributes) = parameters.strip_prefix(b"?") {
                    self.sixel = attributes
                        .split(|byte| *byte == b';')
                        .any(|one| one == b"4");
                    self.complete = true;
                }
            }
            Answer::Text { .. } | Answer::Control { .. } => {}
        }
    }
}

/// Columns and rows of `6 ; rows ; columns`; `None` for what no cell is.
fn cell_size(parameters: &[u8]) -> Option<(u8, u8)> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut numbers = text.split(';').map(|number| number.parse::<u8>().ok());
    if numbers.next()?? != 6 {
        return None;
    }
    let (rows, columns) = (numbers.next()??, numbers.next()??);
    let is_cell = (4..=64).contains(&columns) && (6..=128).contains(&rows);
    (is_cell && numbers.next().is_none()).then_some((columns, rows))
}

#[cfg(test)]
mod tests;
