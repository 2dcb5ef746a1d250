//! A stop in the source: what waits is dropped, and a stop of our own goes out behind what may be
//! on its way, because that may overtake the one of the stop path.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Source;
use crate::control::{Desk, StopReporter};
use crate::model::{
    Clock, CommandId, Danger, PlainText, Request, StopEvent, StopLevel, StopPress, StopReport,
    StopState,
};
use crate::sources::imswitch::api::{Api, News};
use crate::sources::imswitch::stop::{Equipment, halt};

/// Time for a stop of our own. The stop path has its own and says what is to be said.
const HALT_LIMIT: Duration = Duration::from_secs(3);

/// A stop that was taken and is not over.
#[derive(Debug)]
pub(super) struct Stopping {
    press: StopPress,
    /// Commands that may be on their way and may move or emit.
    waits_for: BTreeSet<CommandId>,
    /// Stops of our own that have no answer yet.
    halts: usize,
}

/// What a stop of our own needs, apart from the source: it goes out while that waits.
#[derive(Clone)]
pub(super) struct OwnStop {
    api: Arc<Api>,
    equipment: Equipment,
    clock: Clock,
    reports: StopReporter,
    news: mpsc::Sender<News>,
}

impl OwnStop {
    /// Sends a stop, if it is known what to; `true` if so. The source hears of it when it is over.
    pub(super) fn send(&self, press: StopPress, tasks: &mut JoinSet<()>) -> bool {
        let one = self.clone();
        if one.equipment.stages.is_empty() {
            return false;
        }
        tasks.spawn(async move {
            let halted = timeout(HALT_LIMIT, halt(&one.api, &one.equipment, press.level)).await;
            if halted.is_ok_and(|halted| halted.is_ok()) {
                let now = one.clock.now();
                let after_ns = now.mono_ns.saturating_sub(press.mono_ns);
                let report = StopReport {
                    press,
                    state: StopState::Acknowledged { after_ns },
                    detail: Some(PlainText::from("sent once more beside the stop path")),
                };
                one.reports.say(now, StopEvent::Report(report));
            }
            let _ = one.news.send(News::Halted).await;
        });
        true
    }
}

impl Source {
    /// A stop of our own, by what is known now.
    pub(super) fn own_stop(&self) -> OwnStop {
        OwnStop {
            api: Arc::clone(&self.api),
            equipment: Equipment::of(&self.inventory),
            clock: self.outlet.clock().clone(),
            reports: self.stop_reports.clone(),
            news: self.report.clone(),
        }
    }

    /// Takes a press for which a stop of our own is on its way if `is_sent`.
    pub(super) async fn press(
        &mut self,
        press: StopPress,
        is_sent: bool,
        queue: &mut mpsc::Receiver<Request>,
    ) {
        let halts = usize::from(is_sent);
        let why = "a stop came first; :clear lets commands pass again";
        // What makes it quieter still goes out.
        self.withdraw(why, |is_calming| !is_calming).await;
        let mut calming = Vec::new();
        while let Ok(request) = queue.try_recv() {
            if request.command.is_calming() {
                calming.push(request);
            } else {
                self.report(Some(Desk::refuse(&request, why))).await;
            }
        }
        let now = self.now();
        self.inventory.move_axes(|motions| motions.hold(now));
        let before = self.stopping.take();
        let may_be_on_its_way = |danger: Danger| match press.level {
            StopLevel::Halt => danger == Danger::Move || danger == Danger::Destructive,
            StopLevel::Safe => danger >= Danger::Move,
        };
        let flying = self.commands.flying.iter();
        let flying = flying.filter(|(_, one)| may_be_on_its_way(one.danger));
        self.stopping = Some(Stopping {
            press,
            waits_for: flying.map(|(id, _)| *id).collect(),
            halts: halts + before.map_or(0, |before| before.halts),
        });
        self.stop_is_over();
        for request in calming {
            self.request(request).await;
        }
    }

    /// A command's calls are over; if it was the last that a stop waits for, that goes out again.
    pub(super) async fn after_landing(&mut self, id: CommandId) {
        let Some(stopping) = &mut self.stopping else {
            return;
        };
        let was_last = stopping.waits_for.remove(&id) && stopping.waits_for.is_empty();
        let press = stopping.press;
        let goes_again = was_last && self.own_stop().send(press, &mut self.lasting);
        if let Some(stopping) = self.stopping.as_mut().filter(|_| goes_again) {
            stopping.halts += 1;
        }
        self.stop_is_over();
    }

    pub(super) fn halted(&mut self) {
        if let Some(stopping) = &mut self.stopping {
            stopping.halts = stopping.halts.saturating_sub(1);
        }
        self.stop_is_over();
    }

    /// Once nothing can be on its way any more, positions prove something again.
    fn stop_is_over(&mut self) {
        let is_over = |one: &Stopping| one.waits_for.is_empty() && one.halts == 0;
        if self.stopping.as_ref().is_some_and(is_over) {
            self.stopping = None;
            let now = self.now();
            self.inventory.move_axes(|motions| motions.release(now));
            self.positions.stir(now);
            if self.connected {
                self.refresh();
            }
        }
    }
}
