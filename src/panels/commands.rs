//! The commands given to one source: those that are open, and what became of the last ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::model::{CommandId, CommandReport, CommandState, PlainText, Severity, Stamp};

/// A command and when it came how far.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownCommand {
    /// The newest that was said of it.
    pub report: Arc<CommandReport>,
    /// When the source took it; `None` if that was not seen.
    pub queued: Option<Stamp>,
    /// When it was handed to the connection; `None` while it was not, as far as is known.
    pub sent: Option<Stamp>,
    /// When it came to its present state.
    pub changed: Stamp,
}

/// All of a source's commands, bounded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commands {
    open: BTreeMap<CommandId, KnownCommand>,
    /// Newest last.
    ended: VecDeque<KnownCommand>,
    forgotten: u64,
}

impl Commands {
    /// Ended commands that are kept.
    pub const MOST_ENDED: usize = 32;
    /// Open commands that are kept. A source's queue holds fewer.
    pub const MOST_OPEN: usize = 256;

    /// Takes in a report. Says whether it tells anything new.
    pub fn take(&mut self, report: &Arc<CommandReport>, at: Stamp) -> bool {
        let known = self.open.remove(&report.id);
        let begins = report.state == CommandState::Queued;
        if known.is_none() && !begins && self.has_ended(report) {
            // The end was said; nothing that comes behind it takes it back.
            return false;
        }
        let is_new = known
            .as_ref()
            .is_none_or(|k| (k.report.state, k.report.is_final) != (report.state, report.is_final));
        let command = KnownCommand {
            report: Arc::clone(report),
            queued: known.as_ref().map_or(begins.then_some(at), |k| k.queued),
            sent: known
                .as_ref()
                .and_then(|k| k.sent)
                .or((report.state == CommandState::Sent).then_some(at)),
            changed: match known {
                Some(known) if !is_new => known.changed,
                _ => at,
            },
        };
        if report.is_final {
            if self.ended.len() >= Self::MOST_ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back(command);
        } else {
            self.open.insert(report.id, command);
            if self.open.len() > Self::MOST_OPEN {
                self.open.pop_first();
                self.forgotten = self.forgotten.saturating_add(1);
            }
        }
        is_new
    }

    fn has_ended(&self, report: &CommandReport) -> bool {
        self.ended.iter().any(|known| known.report.id == report.id)
    }

    /// Those that have not ended, oldest first.
    pub fn open(&self) -> impl ExactSizeIterator<Item = &KnownCommand> {
        self.open.values()
    }

    /// The last ones that have ended, newest first.
    pub fn ended(&self) -> impl ExactSizeIterator<Item = &KnownCommand> {
        self.ended.iter().rev()
    }

    /// Open ones that found no room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Whether there was never one.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.ended.is_empty()
    }
}

/// The line of the journal for a report, where it is worth one: an outcome, good or not.
pub fn outcome(report: &CommandReport) -> Option<(Severity, PlainText)> {
    let severity = match report.state {
        CommandState::Failed => Severity::Error,
        CommandState::Refused | CommandState::Unknown => Severity::Warning,
        _ if report.is_final => Severity::Info,
        _ => return None,
    };
    let follows = match (report.state, report.is_final) {
        (CommandState::Unknown, false) => ", it is being read back",
        (CommandState::Sent, true) => ", there is no answer to it",
        _ => "",
    };
    let mut text = format!("{}: {}{follows}", report.command, report.state.as_str());
    if let Some(detail) = &report.detail {
        text.push_str(&format!(": {detail}"));
    }
    Some((severity, text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CommandKind, Danger};

    fn at(ms: u64) -> Stamp {
        Stamp {
            mono_ns: ms * 1_000_000,
            unix_ns: 0,
        }
    }

    fn report(id: u64, state: CommandState, is_final: bool) -> Arc<CommandReport> {
        Arc::new(CommandReport {
            id: CommandId(id),
            command: "move z by +10 um".into(),
            kind: CommandKind::Move,
            danger: Danger::Move,
            operator: "ada".into(),
            state,
            is_final,
            detail: None,
            axis: Some("z".into()),
            before: Vec::new(),
            after: Vec::new(),
        })
    }

    #[test]
    fn a_command_knows_when_it_came_how_far() {
        let mut commands = Commands::default();
        use CommandState::{Acknowledged, Done, Queued, Sent, Unknown};
        let life = [
            (10, Queued, false),
            (20, Sent, false),
            (30, Acknowledged, false),
            (40, Unknown, false),
        ];
        for (ms, state, is_final) in life {
            assert!(commands.take(&report(1, state, is_final), at(ms)));
        }
        assert!(!commands.take(&report(1, Unknown, false), at(45)));
        let known = commands.open().next().unwrap();
        assert_eq!(
            (known.queued, known.sent, known.changed),
            (Some(at(10)), Some(at(20)), at(40))
        );
        commands.take(&report(1, Done, true), at(50));
        assert_eq!(commands.open().len(), 0);
        assert_eq!(commands.ended().next().unwrap().changed, at(50));
        assert!(!commands.take(&report(1, Sent, false), at(60)));
        assert_eq!((commands.open().len(), commands.ended().len()), (0, 1));
    }

    #[test]
    fn commands_without_end_do_not_fill_the_memory() {
        let mut commands = Commands::default();
        for id in 0..1_000 {
            commands.take(&report(id, CommandState::Queued, false), at(id));
            commands.take(&report(id + 1_000, CommandState::Refused, true), at(id));
        }
        assert_eq!(commands.open().len(), Commands::MOST_OPEN);
        assert_eq!(commands.forgotten(), 1_000 - Commands::MOST_OPEN as u64);
        assert_eq!(commands.ended().len(), Commands::MOST_ENDED);
        assert_eq!(commands.ended().next().unwrap().report.id.0, 1_999);
        assert_eq!(commands.open().next().unwrap().report.id.0, 744);
    }

    #[test]
    fn only_outcomes_are_worth_a_line() {
        use CommandState::{Acknowledged, Done, Failed, Queued, Refused, Sent, Stopped, Unknown};
        let cases = [
            (Queued, false, None),
            (Sent, false, None),
            (Acknowledged, false, None),
            (
                Sent,
                true,
                Some((Severity::Info, "sent, there is no answer to it")),
            ),
            (Done, true, Some((Severity::Info, "done"))),
            (Failed, true, Some((Severity::Error, "failed"))),
            (Stopped, true, Some((Severity::Info, "stopped"))),
            (Refused, true, Some((Severity::Warning, "refused"))),
            (
                Unknown,
                false,
                Some((Severity::Warning, "unknown, it is being read back")),
            ),
            (Unknown, true, Some((Severity::Warning, "unknown"))),
        ];
        for (state, is_final, expected) in cases {
            let line = outcome(&report(1, state, is_final));
            let expected = expected
                .map(|(severity, words)| (severity, format!("move z by +10 um: {words}").into()));
            assert_eq!(line, expected, "{state:?}");
        }
    }
}
