//! One connection, from its opening to its end.

mod inbound;
mod outbound;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Ended, Errands, Source, sent};
use crate::control::StopWatch;
use crate::model::{EndReason, LinkState, StopPress};
use crate::protocol::flamingo::stream::GIVE_UP_BYTES;
use crate::protocol::flamingo::{Outcome, Token};
use crate::sources::flamingo::errand::Errand;
use crate::sources::flamingo::live::{Live, LiveEvent};
use crate::sources::flamingo::look;
use crate::sources::flamingo::wire::Wire;

/// How long a stream without a message is put up with. Source: protocol description, section 8.4.
const FRAMING: Duration = Duration::from_secs(2);

/// What the live socket says and that was not taken in yet.
const LIVE_EVENTS: usize = 64;

/// What woke the task.
enum Wake {
    Stop(StopPress),
    End,
    Socket(io::Result<()>),
    Sent,
    Kicked,
    Errand,
    Order(crate::model::Request),
    Live(LiveEvent),
    Timer,
}

/// What belongs to one connection.
struct Session {
    wire: Wire,
    /// Since when bytes have come that are no message.
    searching: Option<Instant>,
    /// Halts on their way.
    halts: Vec<Halt>,
    /// The newest stop when the stray message on its way was asked for.
    stray: Option<u64>,
    /// The last request of a stop that ends light too.
    darkens: Option<Token>,
}

/// A halt on its way.
struct Halt {
    token: Token,
    /// The presses that it serves: more than one if it had not left yet when the next came.
    presses: VecDeque<StopPress>,
    is_sent: bool,
    outcome: oneshot::Receiver<Outcome>,
}

impl Halt {
    /// Presses that are told of it at most; the newest are.
    const MOST_PRESSES: usize = 8;

    fn serve(&mut self, press: StopPress) {
        if self.presses.len() >= Self::MOST_PRESSES {
            self.presses.pop_front();
        }
        self.presses.push_back(press);
    }
}

impl Source {
    /// Runs a connection until it ends; `None` if the source is to end.
    pub(super) async fn session(&mut self, wire: Wire) -> Option<Ended> {
        self.exchange.lock().connected(&self.exchange.options);
        self.link(LinkState::Connected);
        let look = self.look();
        self.errands
            .push(Box::pin(drop_end(look::opening(look.clone()))));
        self.errands
            .push(Box::pin(drop_end(look::poll(look.clone()))));
        self.errands.push(Box::pin(drop_end(look::steward(look))));
        let mut session = Session {
            wire,
            searching: None,
            halts: Vec::new(),
            stray: None,
            darkens: None,
        };
        if let Some(press) = held(&mut self.intake.stops) {
            self.stop_pressed(&mut session, press);
        }
        let ended = self.serve(&mut session).await;
        self.errands = Errands::new();
        self.live = None;
        let was_read = self.exchange.lock().is_read;
        if let Some(framing) = session.wire.decoder.take_framing() {
            self.framing(&framing);
        }
        let (reason, detail) = match ended {
            None => {
                return None;
            }
            Some(ended) => ended,
        };
        let peer = self.exchange.options.endpoint.to_string();
        self.exchange.lock().connection_lost("connection lost");
        self.exchange.lock().live = Default::default();
        Some(Ended {
            reason,
            detail: format!("{peer} {detail}"),
            was_read,
        })
    }

    /// A look at the instrument that no stop ends.
    fn look(&self) -> Errand {
        Errand::look(&self.exchange)
    }

    async fn serve(&mut self, session: &mut Session) -> Option<(EndReason, String)> {
        loop {
            self.next_sending();
            self.mind_live();
            self.say_active();
            let timer = self.deadline(session);
            let wake = tokio::select! {
                biased;
                press = self.intake.stops.pressed() => Wake::Stop(press),
                () = self.stop.cancelled() => Wake::End,
                ready = session.wire.ready() => Wake::Socket(ready),
                () = sent(&mut self.sending) => Wake::Sent,
                () = self.exchange.kicked() => Wake::Kicked,
                Some(()) = self.errands.next() => Wake::Errand,
                Some(order) = self.intake.requests.recv() => Wake::Order(order),
                Some(event) = live_event(&mut self.live) => Wake::Live(event),
                () = tokio::time::sleep_until(timer) => Wake::Timer,
            };
            let read = match wake {
                Wake::Stop(press) => {
                    self.stop_pressed(session, press);
                    Ok(())
                }
                Wake::End => return None,
                Wake::Socket(Ok(())) => self.read(session),
                Wake::Socket(Err(error)) => Err(broken(&error)),
                Wake::Sent => {
                    self.sending = None;
                    Ok(())
                }
                Wake::Order(order) => {
                    self.order(order);
                    Ok(())
                }
                Wake::Live(event) => {
                    self.live_event(event);
                    Ok(())
                }
                Wake::Kicked | Wake::Errand | Wake::Timer => Ok(()),
            };
            if let Err(ended) = read {
                return Some(ended);
            }
            self.timers();
            self.everybodys_turn();
            if let Err(error) = self.write(session) {
                return Some(broken(&error));
            }
            self.halts_answered(session);
            if let Some(ended) = self.given_up(session) {
                return Some(ended);
            }
        }
    }

    /// A server that never falls silent must not keep errands and publications from going on.
    fn everybodys_turn(&mut self) {
        while self.errands.next().now_or_never().flatten().is_some() {}
        if sent(&mut self.sending).now_or_never().is_some() {
            self.sending = None;
        }
    }

    /// What is due.
    fn timers(&mut self) {
        let mut state = self.exchange.lock();
        let now = state.now();
        let over = state.correlator.expire(now.mono_ns);
        if !over.is_empty() {
            state.settle(over);
            self.exchange.touch();
        }
        if let Some(reading) = state.known.take_coalesced(now.mono_ns) {
            state.outbox.readings(now, vec![reading]);
        }
        if state.known.is_changed() && state.outbox.next_instrument_ns() <= now.mono_ns {
            state.publish_instrument(now);
        }
    }

    fn deadline(&self, session: &Session) -> Instant {
        let state = self.exchange.lock();
        let now = state.now().mono_ns;
        let publish = state
            .known
            .is_changed()
            .then(|| state.outbox.next_instrument_ns());
        let due = [state.correlator.next_deadline(), publish];
        let ahead = due.into_iter().flatten().min();
        let ahead = ahead.map(|at| Instant::now() + Duration::from_nanos(at.saturating_sub(now)));
        let blocked = session.wire.going_since();
        let blocked = blocked.map(|since| since + self.exchange.options.patience.write);
        let framing = session.searching.map(|since| since + FRAMING);
        let all = [ahead, blocked, framing];
        let far = Instant::now() + Duration::from_secs(3600);
        all.into_iter().flatten().min().unwrap_or(far)
    }

    /// Why the connection is of no use any more, if that is so.
    fn given_up(&self, session: &Session) -> Option<(EndReason, String)> {
        let now = Instant::now();
        let patience = self.exchange.options.patience.write;
        if session
            .wire
            .going_since()
            .is_some_and(|since| now >= since + patience)
        {
            let detail = format!(
                "takes nothing for {} s; connecting again",
                patience.as_secs_f64()
            );
            return Some((EndReason::TransportError, detail));
        }
        let discarded = session.wire.decoder.discarded_bytes();
        let is_long = session
            .searching
            .is_some_and(|since| now >= since + FRAMING);
        if discarded > GIVE_UP_BYTES || is_long {
            let detail = format!(
                "sent {discarded} bytes that are no message; connecting again: is it the right port?"
            );
            return Some((EndReason::TransportError, detail));
        }
        let why = self.exchange.lock().give_up.take()?;
        Some((EndReason::PingTimeout, why))
    }

    fn say_active(&self) {
        let is_active = self.exchange.lock().is_active();
        self.intake.stops.set_active(is_active);
    }

    /// Opens and closes the live socket as it is wanted.
    fn mind_live(&mut self) {
        let mut state = self.exchange.lock();
        match (state.live.is_wanted(), &self.live) {
            (true, None) => {
                let um = state.known.pixel_size_um;
                state.live.is_open = false;
                state.live.lost = None;
                drop(state);
                let (events, inbox) = mpsc::channel(LIVE_EVENTS);
                let options = &self.exchange.options;
                let live = Live::open(options, self.outlet.clone(), um, events);
                self.live = Some((live, inbox));
            }
            (true, Some((live, _))) => live.set_pixel_size_um(state.known.pixel_size_um),
            (false, Some(_)) => {
                state.live.is_open = false;
                drop(state);
                if let Some((live, _)) = self.live.take() {
                    // What it has read is still handed on.
                    self.errands.push(Box::pin(live.close()));
                }
            }
            (false, None) => {}
        }
    }

    fn live_event(&mut self, event: LiveEvent) {
        let mut state = self.exchange.lock();
        let now = state.now();
        match event {
            LiveEvent::Open => {
                state.live.is_open = true;
                state.live.lost = None;
            }
            LiveEvent::Frame { .. } => {
                state.live.is_open = true;
                state.live.frames = state.live.frames.saturating_add(1);
            }
            LiveEvent::Options(readings) => state.outbox.readings(now, readings),
            LiveEvent::Lost { why } => {
                state.live.is_open = false;
                state.live.lost = Some(why);
            }
            LiveEvent::Closed => state.live.is_open = false,
        }
        drop(state);
        self.exchange.touch();
    }
}

/// What the live socket says; never, if there is none. Cancel safe.
async fn live_event(live: &mut Option<(Live, mpsc::Receiver<LiveEvent>)>) -> Option<LiveEvent> {
    match live {
        Some((_, inbox)) => inbox.recv().await,
        None => std::future::pending().await,
    }
}

/// The press that was not served yet, if it still holds: of what was pressed and cleared while there
/// was no connection there is nothing to stop. It is taken before it is asked whether one holds, so
/// that a press in between is served or stays to be taken.
fn held(stops: &mut StopWatch) -> Option<StopPress> {
    let press = stops.take()?;
    stops.is_latched().then_some(press)
}

async fn drop_end<T>(errand: impl Future<Output = T>) {
    // A look that is cut short has nothing to say: the task knows why.
    let _ = errand.await;
}

fn broken(error: &io::Error) -> (EndReason, String) {
    let detail = format!("broke the connection ({error})");
    (EndReason::TransportError, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{StopBoard, Watcher};
    use crate::model::{Clock, SourceId, StopOrigin};

    #[test]
    fn a_press_is_dropped_only_if_it_was_cleared() {
        let board = StopBoard::new(Clock::manual(0), 1);
        let mut stops = board.watch(SourceId(0), Watcher::Source);
        assert_eq!(held(&mut stops), None);
        let cleared = board.press(StopOrigin::Key);
        board.clear(cleared.number);
        assert_eq!(held(&mut stops), None);
        // Nothing that comes after the look is taken by it.
        let press = board.press(StopOrigin::Key);
        assert_eq!(stops.pressed().now_or_never(), Some(press));
        board.clear(press.number);
        let press = board.press(StopOrigin::Key);
        assert_eq!(held(&mut stops), Some(press));
        assert_eq!(held(&mut stops), None);
    }
}
