//! What became of commands and stops, counted in bounded memory.

use std::collections::{BTreeMap, BTreeSet};

use super::{CommandsSummary, StopsSummary};
use crate::model::CommandState;
use crate::recording::records::{CommandRecord, StopRecord};

/// Commands and presses of a source that are followed at once. A broken file may begin more; the
/// oldest are then taken as they stand.
const MAX_FOLLOWED: usize = 10_000;

/// The commands to one source.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Numbers of those that have not ended.
    open: BTreeSet<u64>,
    /// How many ended in each state.
    ended: BTreeMap<&'static str, u64>,
    /// How many are followed no longer.
    left: u64,
}

impl Commands {
    pub(super) fn count(&mut self, record: &CommandRecord<'_>) {
        let Some(state) = CommandState::from_name(&record.state) else {
            return;
        };
        if record.is_final {
            self.open.remove(&record.id);
            *self.ended.entry(state.as_str()).or_default() += 1;
            return;
        }
        self.open.insert(record.id);
        if self.open.len() > MAX_FOLLOWED {
            self.open.pop_first();
            self.left += 1;
        }
    }

    pub(super) fn summary(self, source: String) -> CommandsSummary {
        let open = self.open.len() as u64 + self.left;
        CommandsSummary {
            source,
            commands: self.ended.values().sum::<u64>() + open,
            outcomes: self
                .ended
                .into_iter()
                .map(|(state, count)| (state.to_owned(), count))
                .collect(),
            open,
        }
    }
}

/// What is said of a press, from the best to the worst.
const WORDS: [&str; 5] = ["acknowledged", "sent", "no answer", "not sent", "refused"];
const SENT: usize = 1;

/// The stops of one source.
#[derive(Debug, Default)]
pub(super) struct Stops {
    presses: BTreeMap<u64, Press>,
    /// Those that are followed no longer.
    before: Total,
}

/// One press, as far as it has come on all its ways.
#[derive(Clone, Copy, Debug, Default)]
struct Press {
    /// The worst word but `sent`, after which another is expected.
    worst: Option<usize>,
    /// The first answer.
    answered_ns: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Total {
    presses: u64,
    acknowledged: u64,
    slowest_ns: Option<u64>,
    worst: usize,
}

impl Stops {
    pub(super) fn count(&mut self, record: &StopRecord<'_>) {
        let word = WORDS.iter().position(|word| *word == record.state);
        let (Some(word), Some(number)) = (word, record.press) else {
            return;
        };
        let press = self.presses.entry(number).or_default();
        if word != SENT {
            press.worst = press.worst.max(Some(word));
        }
        if word == 0 {
            let answered = press.answered_ns.into_iter().chain(record.after_ns);
            press.answered_ns = answered.min().or(Some(0));
        }
        if self.presses.len() > MAX_FOLLOWED
            && let Some((_, press)) = self.presses.pop_first()
        {
            self.before = self.before.and(press);
        }
    }

    /// `None` if nobody pressed.
    pub(super) fn summary(self, source: String) -> Option<StopsSummary> {
        let total = self.presses.into_values().fold(self.before, Total::and);
        let worst = WORDS.get(total.worst).filter(|_| total.presses > 0)?;
        Some(StopsSummary {
            source,
            presses: total.presses,
            acknowledged: total.acknowledged,
            slowest_ns: total.slowest_ns,
            worst: (*worst).to_owned(),
        })
    }
}

impl Total {
    fn and(self, press: Press) -> Self {
        Self {
            presses: self.presses + 1,
            acknowledged: self.acknowledged + u64::from(press.answered_ns.is_some()),
            slowest_ns: self.slowest_ns.max(press.answered_ns),
            worst: self.worst.max(press.worst.unwrap_or(SENT)),
        }
    }
}
