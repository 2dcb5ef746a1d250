//! The commands that a source has taken and that have not ended: each goes forward through its
//! life, and every step becomes a report.

use std::collections::BTreeMap;

use crate::model::{Command, CommandId, CommandReport, CommandState, PlainText, Position, Request};

/// The open commands of one source.
#[derive(Debug, Default)]
pub struct Desk {
    open: BTreeMap<CommandId, CommandReport>,
}

impl Desk {
    /// Takes a request. The first report: queued.
    pub fn take(&mut self, request: &Request) -> CommandReport {
        let report = first_report(request, CommandState::Queued);
        self.open.insert(request.id, report.clone());
        report
    }

    /// A report for a request that is refused before anything was sent.
    pub fn refuse(request: &Request, why: impl Into<PlainText>) -> CommandReport {
        CommandReport {
            is_final: true,
            detail: Some(why.into()),
            ..first_report(request, CommandState::Refused)
        }
    }

    /// Its bytes were handed to the connection; `before` says where the axes stood.
    pub fn sent(&mut self, id: CommandId, before: Vec<Position>) -> Option<CommandReport> {
        let report = self.open.get_mut(&id)?;
        if report.state != CommandState::Queued {
            return None;
        }
        report.state = CommandState::Sent;
        report.before = before;
        Some(report.clone())
    }

    /// The instrument took it.
    pub fn acknowledged(&mut self, id: CommandId) -> Option<CommandReport> {
        let report = self.open.get_mut(&id)?;
        let from = matches!(report.state, CommandState::Queued | CommandState::Sent);
        if !from {
            return None;
        }
        report.state = CommandState::Acknowledged;
        Some(report.clone())
    }

    /// It is known no longer what became of it; it stays open to be read back.
    pub fn unknown(&mut self, id: CommandId, why: impl Into<PlainText>) -> Option<CommandReport> {
        let report = self.open.get_mut(&id)?;
        report.state = CommandState::Unknown;
        report.detail = Some(why.into());
        Some(report.clone())
    }

    /// It has ended in `state`, and nothing more is expected.
    pub fn end(
        &mut self,
        id: CommandId,
        state: CommandState,
        detail: Option<PlainText>,
        after: Vec<Position>,
    ) -> Option<CommandReport> {
        let mut report = self.open.remove(&id)?;
        report.state = state;
        report.is_final = true;
        report.detail = detail.or(report.detail);
        report.after = after;
        Some(report)
    }

    /// Whether the command is open.
    pub fn is_open(&self, id: CommandId) -> bool {
        self.open.contains_key(&id)
    }

    /// The open ones in the order of their numbers, with their states.
    pub fn open(&self) -> impl Iterator<Item = (CommandId, CommandState)> + '_ {
        self.open.iter().map(|(id, report)| (*id, report.state))
    }

    /// Drops what was not sent yet, because of a stop or a lost connection: refused.
    pub fn drop_queued(&mut self, why: &str) -> Vec<CommandReport> {
        let queued: Vec<CommandId> = self
            .open()
            .filter(|(_, state)| *state == CommandState::Queued)
            .map(|(id, _)| id)
            .collect();
        queued
            .into_iter()
            .filter_map(|id| self.end(id, CommandState::Refused, Some(why.into()), Vec::new()))
            .collect()
    }

    /// The connection is gone: what was not sent is refused, what was sent is unknown and stays
    /// open to be read back over the next connection.
    pub fn connection_lost(&mut self, why: &str) -> Vec<CommandReport> {
        let mut reports = self.drop_queued(why);
        let sent: Vec<CommandId> = self
            .open()
            .filter(|(_, state)| *state != CommandState::Unknown)
            .map(|(id, _)| id)
            .collect();
        reports.extend(sent.into_iter().filter_map(|id| self.unknown(id, why)));
        reports
    }
}

fn first_report(request: &Request, state: CommandState) -> CommandReport {
    let axis = match &request.command {
        Command::Move { axis, .. } => Some(axis.clone()),
        Command::Home { axis } => axis.clone(),
        _ => None,
    };
    CommandReport {
        id: request.id,
        command: request.command.to_string().into(),
        kind: request.command.kind(),
        danger: request.command.danger(),
        operator: request.operator.clone(),
        state,
        is_final: false,
        detail: None,
        axis,
        before: Vec::new(),
        after: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: u64) -> Request {
        Request {
            id: CommandId(id),
            command: Command::Snap { name: None },
            operator: "ada".into(),
            stop_number: 0,
        }
    }

    #[test]
    fn a_life_goes_forward_only() {
        let mut desk = Desk::default();
        let id = CommandId(1);
        assert_eq!(desk.take(&request(1)).state, CommandState::Queued);
        let states = [
            desk.sent(id, Vec::new()),
            desk.acknowledged(id),
            desk.sent(id, Vec::new()),
            desk.acknowledged(id),
            desk.end(id, CommandState::Done, None, Vec::new()),
            desk.end(id, CommandState::Failed, None, Vec::new()),
        ]
        .map(|report| report.map(|r| (r.state, r.is_final)));
        let (acknowledged, done) = (CommandState::Acknowledged, CommandState::Done);
        assert_eq!(
            states,
            [
                Some((CommandState::Sent, false)),
                Some((acknowledged, false)),
                None,
                None,
                Some((done, true)),
                None
            ]
        );
    }

    #[test]
    fn a_lost_connection_refuses_what_was_not_sent_and_knows_nothing_of_the_rest() {
        let mut desk = Desk::default();
        for id in 1..=3 {
            desk.take(&request(id));
        }
        desk.sent(CommandId(2), Vec::new());
        desk.sent(CommandId(3), Vec::new());
        desk.acknowledged(CommandId(3));
        let reports = desk.connection_lost("connection lost");
        let states: Vec<_> = reports
            .iter()
            .map(|report| (report.id.0, report.state, report.is_final))
            .collect();
        assert_eq!(
            states,
            [
                (1, CommandState::Refused, true),
                (2, CommandState::Unknown, false),
                (3, CommandState::Unknown, false),
            ]
        );
        assert!(desk.connection_lost("again").is_empty());
        let after = desk.end(CommandId(2), CommandState::Done, None, Vec::new());
        assert_eq!(after.map(|r| r.state), Some(CommandState::Done));
        assert!(desk.is_open(CommandId(3)) && !desk.is_open(CommandId(2)));
    }
}
