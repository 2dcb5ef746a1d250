//! What goes out: one message after the other, and a stop ahead of all of them.

use std::collections::VecDeque;
use std::io;

use tokio::sync::oneshot;

use super::{Halt, Session, Source};
use crate::model::{
    CommandState, FaultKind, PlainText, Severity, StopEvent, StopLevel, StopPress, StopReport,
    StopState,
};
use crate::protocol::flamingo::{Axis, Outcome};
use crate::sources::flamingo::calm;
use crate::sources::flamingo::exchange::{Goal, StopPart};
use crate::sources::flamingo::wire::Tag;

impl Source {
    /// Writes what may be written, without waiting.
    pub(super) fn write(&mut self, session: &mut Session) -> io::Result<()> {
        loop {
            let mut state = self.exchange.lock();
            // Asked right before each write: a stop may have been pressed since.
            let stops = &self.intake.stops;
            match session.wire.untouched() {
                Some(Tag::Request(token))
                    if state
                        .stop_number(token)
                        .is_some_and(|n| !stops.lets_pass(n)) =>
                {
                    session.wire.take_back();
                    let settled = state.correlator.recall(token);
                    state.settle(settled);
                }
                Some(Tag::Stray(id)) if !session.stray.is_some_and(|n| stops.lets_pass(n)) => {
                    session.wire.take_back();
                    let why = "stop pressed".into();
                    state.end(id, CommandState::Refused, Some(why), Vec::new());
                }
                _ => {}
            }
            if !session.wire.is_busy() {
                let now = state.now().mono_ns;
                if let Some(outgoing) = state.correlator.next_write(now) {
                    let tag = Tag::Request(outgoing.token);
                    session.wire.put(tag, outgoing.bytes);
                } else if let Some(stray) = state.strays.pop_front() {
                    session.stray = Some(stray.stop_number);
                    session.wire.put(Tag::Stray(stray.id), stray.bytes);
                } else {
                    return Ok(());
                }
                continue;
            }
            drop(state);
            let Some(tag) = session.wire.write()? else {
                return Ok(());
            };
            self.written(session, tag);
        }
    }

    /// A message is in the kernel's hands.
    pub(super) fn written(&mut self, session: &mut Session, tag: Tag) {
        let mut state = self.exchange.lock();
        match tag {
            Tag::Stray(id) => state.sent(id, Goal::Nothing),
            Tag::Request(token) => {
                state.written(token);
                if session.darkens == Some(token) {
                    state.known.darkened();
                }
            }
        }
        drop(state);
        if let Tag::Request(token) = tag
            && let Some(halt) = session.halts.iter_mut().find(|halt| halt.token == token)
            && !std::mem::replace(&mut halt.is_sent, true)
        {
            for press in &halt.presses {
                self.say(*press, |after_ns| StopState::Sent { after_ns }, None);
            }
        }
        self.exchange.touch();
    }

    /// Stops: what waits is dropped, the halt goes out ahead of everything.
    pub(super) fn stop_pressed(&mut self, session: &mut Session, press: StopPress) {
        let requests = calm::requests(&self.exchange.options.profile, press.level);
        let mut state = self.exchange.lock();
        state.press = press.number;
        state.dark = state.dark.saturating_add(1);
        state.withdraw_for_stop();
        for (place, request) in requests.into_iter().enumerate() {
            match state.submit_halt(request) {
                Ok(StopPart::Asked(token, outcome)) if place == 0 => session.halts.push(Halt {
                    token,
                    presses: VecDeque::from([press]),
                    is_sent: false,
                    outcome,
                }),
                Ok(StopPart::Waits(token)) if place == 0 => {
                    let mut halts = session.halts.iter_mut();
                    if let Some(halt) = halts.find(|halt| halt.token == token) {
                        halt.serve(press);
                    }
                }
                // The last one of all.
                Ok(StopPart::Asked(token, _) | StopPart::Waits(token))
                    if press.level == StopLevel::Safe =>
                {
                    session.darkens = Some(token);
                }
                Ok(_) => {}
                Err(error) => {
                    let text = format!("a part of the stop was not sent: {error}");
                    state.fault(FaultKind::Overflow, Severity::Error, text);
                }
            }
        }
        state.known.ask_to_stop();
        for axis in Axis::ALL {
            state.known.look_at(axis);
        }
        drop(state);
        self.exchange.touch();
    }

    /// Says what was answered to the halts.
    pub(super) fn halts_answered(&mut self, session: &mut Session) {
        let mut answered = Vec::new();
        session.halts.retain_mut(|halt| {
            let found = match halt.outcome.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => return true,
                Err(oneshot::error::TryRecvError::Closed) => return false,
                Ok(found) => found,
            };
            answered.push((std::mem::take(&mut halt.presses), found));
            false
        });
        for (presses, outcome) in answered {
            for press in presses {
                self.say_answer(press, &outcome);
            }
        }
    }

    fn say_answer(&self, press: StopPress, outcome: &Outcome) {
        match outcome {
            Outcome::Answered { message, .. } | Outcome::Oversize { message, .. } => {
                if message.status == 0 {
                    let why = format!("status 0 {}", message.text.to_plain());
                    self.say(press, |_| StopState::Refused, Some(why.trim_end().into()));
                } else {
                    self.say(press, |after_ns| StopState::Acknowledged { after_ns }, None);
                }
            }
            Outcome::TimedOut => self.say(press, |_| StopState::NoAnswer, None),
            _ => {}
        }
    }

    pub(super) fn say(
        &self,
        press: StopPress,
        state: impl FnOnce(u64) -> StopState,
        detail: Option<PlainText>,
    ) {
        let now = self.intake.stops.now();
        let state = state(now.mono_ns.saturating_sub(press.mono_ns));
        let report = StopReport {
            press,
            state,
            detail,
        };
        self.intake.stop_reports.say(now, StopEvent::Report(report));
    }
}
