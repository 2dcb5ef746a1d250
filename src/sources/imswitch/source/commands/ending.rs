//! How commands end that their own answers do not end: runs of axes, answers that are missing, a
//! connection that is gone.

use std::collections::BTreeMap;

use super::{Flying, Goal, Running, Source, Unresolved};
use crate::model::{CommandId, CommandState};
use crate::sources::imswitch::judge::{self, Verdict};
use crate::sources::imswitch::motion::{Aim, RunEnd};

/// Between two tries to find out what became of a command.
const RESOLVE_EVERY_NS: u64 = 2_000_000_000;

impl Source {
    /// The answer of a command is missing: what became of it is read back.
    pub(super) async fn lose(&mut self, id: CommandId, flying: Flying, why: String) {
        let now = self.now();
        self.inventory.move_axes(|motions| motions.lost(id, now));
        self.positions.stir(now);
        let lost = self.commands.desk.unknown(id, why.clone());
        self.report(lost).await;
        let resolvable = match &flying.goal {
            // Positions are looked at until it rests.
            Goal::Runs(runs) if runs.iter().all(|(_, aim)| matches!(aim, Aim::To { .. })) => return,
            Goal::Light { light, .. } => {
                if let Some((place, ..)) = self.inventory.light(light) {
                    self.inventory.doubt_light(place);
                }
                true
            }
            Goal::Exposure { .. } | Goal::Gain { .. } | Goal::Recording(_) => true,
            _ => false,
        };
        if resolvable {
            let unresolved = Unresolved {
                goal: flying.goal,
                danger: flying.danger,
                since_ns: now,
            };
            self.commands.unresolved.insert(id, unresolved);
            self.commands.resolve_at_ns = now;
        } else {
            self.commands.running.remove(&id);
            self.inventory.move_axes(|motions| motions.cancel(id, now));
            let why = format!("{why}; nothing can tell what became of it");
            self.end(id, CommandState::Unknown, why).await;
        }
    }

    /// When something is read again to find out what became of a command.
    pub(in crate::sources::imswitch::source) fn resolve_at(&self) -> Option<u64> {
        let any = self.connected && !self.commands.unresolved.is_empty();
        any.then_some(self.commands.resolve_at_ns)
    }

    pub(in crate::sources::imswitch::source) fn resolve(&mut self, now_ns: u64) {
        if self.resolve_at().is_some_and(|at| at <= now_ns) {
            self.commands.resolve_at_ns = now_ns.saturating_add(RESOLVE_EVERY_NS);
            self.refresh();
        }
    }

    /// A round of reading everything is over.
    pub(in crate::sources::imswitch::source) async fn refreshed(
        &mut self,
        round: u64,
        read: Result<(), String>,
    ) {
        let open = std::mem::take(&mut self.commands.unresolved);
        for (id, one) in open {
            match judge::of_state(&one.goal, &self.inventory, one.since_ns) {
                Some(verdict) => {
                    let detail = format!("read back: {}", verdict.detail);
                    self.end(id, verdict.state, detail).await;
                }
                None => {
                    self.commands.unresolved.insert(id, one);
                }
            }
        }
        for (from, end, running) in std::mem::take(&mut self.commands.homed) {
            if round < from {
                self.commands.homed.push((from, end, running));
                continue;
            }
            let axis = self.inventory.shown().axes.get(end.place);
            let axis = axis.map(|axis| axis.name.to_string()).unwrap_or_default();
            let homing = self.inventory.homing;
            let told = homing.ended.filter(|told| told.at_ns >= running.since_ns);
            let homed = homing.homed == Some(true) && !running.homed_before;
            let cancelled = told.map(|told| told.cancelled);
            let verdict = judge::of_home(&axis, end, cancelled, homed);
            self.end_run(end.id, running, verdict).await;
        }
        if let Some(id) = self.commands.refreshing.remove(&round) {
            let (state, detail) = match read {
                Ok(()) => (CommandState::Done, "everything was read again".to_owned()),
                Err(why) => (CommandState::Failed, why),
            };
            self.end(id, state, detail).await;
        }
    }

    /// Runs of axes have ended.
    pub(in crate::sources::imswitch::source) async fn end_runs(&mut self, ends: Vec<RunEnd>) {
        for end in ends {
            let Some(running) = self.commands.running.remove(&end.id) else {
                continue;
            };
            let axis = self.inventory.shown().axes.get(end.place);
            let axis = axis.map(|axis| axis.name.to_string()).unwrap_or_default();
            let verdict = match end.aim {
                Aim::To { .. } => judge::of_move(&axis, end),
                Aim::Home => {
                    let told = self.inventory.homing.ended;
                    let told = told.filter(|told| told.at_ns >= running.since_ns);
                    let told = told.map(|told| told.cancelled);
                    if told.is_none() && running.left == 1 && self.connected {
                        // Not every stage tells it in a signal.
                        let round = self.refresh();
                        self.commands.homed.push((round, end, running));
                        continue;
                    }
                    judge::of_home(&axis, end, told, false)
                }
            };
            self.end_run(end.id, running, verdict).await;
        }
    }

    async fn end_run(&mut self, id: CommandId, mut running: Running, verdict: Verdict) {
        let verdict = judge::worse(running.worst.take(), verdict);
        running.left = running.left.saturating_sub(1);
        if running.left > 0 {
            running.worst = Some(verdict);
            self.commands.running.insert(id, running);
        } else {
            self.end(id, verdict.state, verdict.detail).await;
        }
    }

    /// Nobody knows where the axes of running moves are.
    pub(in crate::sources::imswitch::source) async fn doubt_runs(&mut self, why: &str) {
        let now = self.now();
        let running: Vec<CommandId> = self.commands.running.keys().copied().collect();
        let states: BTreeMap<_, _> = self.commands.desk.open().collect();
        for id in running {
            let is_known = states.get(&id).is_some_and(|s| *s != CommandState::Unknown);
            if is_known && !self.commands.flying.contains_key(&id) {
                self.inventory.move_axes(|motions| motions.lost(id, now));
                let why = format!("where it is cannot be read: {why}");
                let unknown = self.commands.desk.unknown(id, why);
                self.report(unknown).await;
            }
        }
    }

    /// There are no such axes any more.
    pub(in crate::sources::imswitch::source) async fn lose_axes(&mut self, gone: Vec<CommandId>) {
        for id in gone {
            self.commands.running.remove(&id);
            let why = "the server does not have its axis any more";
            self.end(id, CommandState::Unknown, why).await;
        }
    }

    /// The connection is gone: what was not sent is refused, of the rest nobody knows.
    pub(in crate::sources::imswitch::source) async fn lose_commands(&mut self, detail: &str) {
        let now = self.now();
        self.withdraw(&format!("the connection was lost: {detail}"), |_| true)
            .await;
        let why = format!("the connection was lost: {detail}");
        for report in self.commands.desk.connection_lost(&why) {
            self.report(Some(report)).await;
        }
        for (_, id) in std::mem::take(&mut self.commands.refreshing) {
            self.end(id, CommandState::Failed, why.clone()).await;
        }
        for (_, end, _) in std::mem::take(&mut self.commands.homed) {
            let why = format!("{why}; nothing says whether it is homed");
            self.end(end.id, CommandState::Unknown, why).await;
        }
        self.inventory.set_connected(false, now);
        self.forget_positions();
    }

    /// Refuses everything of which nothing was sent, of those `which` (whether it is calming) picks.
    /// What of them may be on the wire is called sent.
    pub(in crate::sources::imswitch::source) async fn withdraw(
        &mut self,
        why: &str,
        which: impl Fn(bool) -> bool,
    ) {
        let waiting = std::mem::take(&mut self.commands.waiting);
        for request in waiting {
            if which(request.command.is_calming()) {
                self.end(request.id, CommandState::Refused, why).await;
            } else {
                self.commands.waiting.push_back(request);
            }
        }
        let flying = self.commands.flying.iter();
        let flights = flying
            .filter(|(_, one)| which(one.is_calming))
            .map(|(id, one)| (*id, one.flight.withdraw()));
        let flights: Vec<(CommandId, bool)> = flights.collect();
        for (id, is_withdrawn) in flights {
            if is_withdrawn {
                self.call_off(id, CommandState::Refused, why).await;
            } else {
                self.sent(id).await;
            }
        }
    }

    /// The source ends: what is open stays unknown for good.
    pub(in crate::sources::imswitch::source) async fn abandon_commands(&mut self) {
        self.withdraw("the program ends", |_| true).await;
        let open: Vec<CommandId> = self.commands.desk.open().map(|(id, _)| id).collect();
        for id in open {
            let why = "the program ended before it was known what became of it";
            self.end(id, CommandState::Unknown, why).await;
        }
    }
}
