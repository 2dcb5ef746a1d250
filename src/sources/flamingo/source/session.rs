//! One connection, from its opening to its end.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Ended, Errands, Source, sent};
use crate::model::{
    EndReason, Fault, FaultKind, LinkState, Message as Event, PlainText, Severity, StopEvent,
    StopPress, StopReport, StopState,
};
use crate::protocol::flamingo::correlator::Routed;
use crate::protocol::flamingo::stream::GIVE_UP_BYTES;
use crate::protocol::flamingo::{Event as Notice, Item, Message, Outcome, Token};
use crate::sources::flamingo::errand::Errand;
use crate::sources::flamingo::exchange::Goal;
use crate::sources::flamingo::known::News;
use crate::sources::flamingo::live::{Live, LiveEvent};
use crate::sources::flamingo::wire::{Found, Tag, Wire};
use crate::sources::flamingo::{calm, look};

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
    /// Halts on their way, by the press that they serve.
    halts: Vec<(StopPress, oneshot::Receiver<Outcome>)>,
    /// Halts whose bytes have not left yet.
    unsent: HashMap<Token, StopPress>,
    /// The last request of a stop that ends light too.
    darkens: Option<Token>,
}

impl Source {
    /// Runs a connection until it ends; `None` if the source is to end.
    pub(super) async fn session(&mut self, wire: Wire) -> Option<Ended> {
        self.exchange.lock().connected(&self.exchange.options);
        self.link(LinkState::Connected);
        if !self.intake.stops.is_latched() {
            // Pressed and cleared while there was no connection: there is nothing to stop.
            let _ = self.intake.stops.take();
        }
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
            unsent: HashMap::new(),
            darkens: None,
        };
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
        Errand::new(&self.exchange, None, true)
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

    /// What is there, up to the size of the buffer.
    fn read(&mut self, session: &mut Session) -> Result<(), (EndReason, String)> {
        match session.wire.read() {
            Ok(Found::Nothing) => {}
            Ok(Found::Bytes) => {
                if self.take_items(session) {
                    self.exchange.touch();
                }
            }
            Ok(Found::End) => {
                let inside = match session.wire.decoder.incomplete_bytes() {
                    0 => String::new(),
                    bytes => format!(", {bytes} bytes into a message"),
                };
                let detail = format!("closed the connection{inside}");
                return Err((EndReason::TransportClose, detail));
            }
            Err(error) => return Err(broken(&error)),
        }
        session.searching = match session.wire.decoder.is_searching() {
            true => session.searching.or_else(|| Some(Instant::now())),
            false => None,
        };
        Ok(())
    }

    /// Takes in what has become whole. Whether there was anything.
    fn take_items(&mut self, session: &mut Session) -> bool {
        let mut any = false;
        while let Some(item) = session.wire.decoder.next_item() {
            any = true;
            let mut state = self.exchange.lock();
            let now = state.now();
            let routed = match item {
                Item::Framing(framing) => {
                    drop(state);
                    self.framing(&framing);
                    continue;
                }
                Item::Message(message) => {
                    state.is_alive = true;
                    state.correlator.on_message(message, now.mono_ns)
                }
                Item::Oversize {
                    message,
                    payload_bytes,
                } => {
                    state.is_alive = true;
                    let correlator = &mut state.correlator;
                    correlator.on_oversize(message, payload_bytes, now.mono_ns)
                }
            };
            drop(state);
            self.routed(routed);
        }
        any
    }

    fn routed(&mut self, routed: Routed) {
        let mut state = self.exchange.lock();
        let now = state.now();
        // What it says is known before those who waited for it go on.
        let news = routed.event.map(|event| state.take(event));
        match news {
            None | Some(News::None) => {}
            Some(News::Doubts(doubts)) => {
                for doubt in doubts {
                    state.fault(FaultKind::Peer, Severity::Warning, doubt);
                }
            }
            Some(News::Keep(Notice::Oversize {
                message,
                payload_bytes,
            })) => {
                let text = format!(
                    "message {:#06x} came with a payload of {payload_bytes} bytes, which was passed over",
                    message.code
                );
                state.fault(FaultKind::TooLarge, Severity::Warning, text);
            }
            Some(News::Keep(event)) => {
                if let Notice::Other(message) = &event {
                    state.stray_reply = Some(message.clone());
                }
                if let Some(event) = kept(&event) {
                    state.outbox.event(now, event);
                }
            }
        }
        if let Some(late) = routed.late {
            let mut event = as_event(&late.message);
            event.name = format!("late reply to {}", late.command.name()).into();
            state.outbox.event(now, event);
        }
        state.settle(routed.settled);
    }

    fn framing(&mut self, framing: &crate::protocol::flamingo::stream::Framing) {
        let mut state = self.exchange.lock();
        let now = state.now();
        let text = format!(
            "{} bytes that belong to no message were passed over; the next message was found",
            framing.discarded_bytes
        );
        let fault = Fault::new(FaultKind::Malformed, Severity::Warning, text);
        state.outbox.fault(now, fault.with_sample(&framing.sample));
    }

    /// Writes what may be written, without waiting.
    fn write(&mut self, session: &mut Session) -> io::Result<()> {
        loop {
            // Asked right before each write: a stop may have been pressed since.
            let is_latched = self.intake.stops.is_latched();
            let mut state = self.exchange.lock();
            if is_latched {
                match session.wire.untouched() {
                    Some(Tag::Request(token)) if !state.is_calming(token) => {
                        session.wire.take_back();
                        let settled = state.correlator.recall(token);
                        state.settle(settled);
                    }
                    Some(Tag::Stray(_)) => session.wire.take_back(),
                    _ => {}
                }
                state.strays.clear();
            }
            if !session.wire.is_busy() {
                let now = state.now().mono_ns;
                if let Some(outgoing) = state.correlator.next_write(now) {
                    let tag = Tag::Request(outgoing.token);
                    session.wire.put(tag, outgoing.bytes);
                } else if let Some(stray) = state.strays.pop_front() {
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
    fn written(&mut self, session: &mut Session, tag: Tag) {
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
            && let Some(press) = session.unsent.remove(&token)
        {
            self.say(press, |after_ns| StopState::Sent { after_ns }, None);
        }
        self.exchange.touch();
    }

    /// Stops: what waits is dropped, the halt goes out ahead of everything.
    fn stop_pressed(&mut self, session: &mut Session, press: StopPress) {
        let requests = calm::requests(&self.exchange.options.profile, press.level);
        let mut state = self.exchange.lock();
        state.press = press.number;
        state.dark = state.dark.saturating_add(1);
        for report in state.desk.drop_queued("stop pressed") {
            state.report(Some(report));
        }
        state.withdraw_for_stop();
        for (place, request) in requests.into_iter().enumerate() {
            match state.submit_halt(request) {
                Ok((token, outcome)) if place == 0 => {
                    session.unsent.insert(token, press);
                    session.halts.push((press, outcome));
                }
                Ok((token, _)) => session.darkens = Some(token),
                Err(error) => {
                    let text = format!("a part of the stop was not sent: {error}");
                    state.fault(FaultKind::Overflow, Severity::Error, text);
                }
            }
        }
        if press.level == crate::model::StopLevel::Safe {
            state.known.ask_to_stop();
        }
        for axis in crate::protocol::flamingo::Axis::ALL {
            state.known.look_at(axis);
        }
        drop(state);
        self.exchange.touch();
    }

    /// Says what was answered to the halts.
    fn halts_answered(&mut self, session: &mut Session) {
        let mut answered = Vec::new();
        session.halts.retain_mut(|(press, outcome)| {
            let found = match outcome.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => return true,
                Err(oneshot::error::TryRecvError::Closed) => return false,
                Ok(found) => found,
            };
            answered.push((*press, found));
            false
        });
        for (press, outcome) in answered {
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
    }

    fn say(
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

async fn drop_end<T>(errand: impl Future<Output = T>) {
    // A look that is cut short has nothing to say: the task knows why.
    let _ = errand.await;
}

fn broken(error: &io::Error) -> (EndReason, String) {
    let detail = format!("broke the connection ({error})");
    (EndReason::TransportError, detail)
}

/// An event that is worth keeping as it is.
fn kept(event: &Notice) -> Option<Event> {
    match event {
        Notice::Other(message) => Some(as_event(message)),
        Notice::StackComplete {
            acquired,
            expected,
            errors,
            duration_us,
        } => Some(named(
            "stack complete",
            &json!({
                "acquired": acquired,
                "expected": expected,
                "errors": errors,
                "duration_us": number(*duration_us),
            }),
        )),
        _ => None,
    }
}

/// A message with all its fields.
fn as_event(message: &Message) -> Event {
    let fields = json!({
        "code": message.code,
        "status": message.status,
        "hardware_id": message.hardware_id,
        "subsystem_id": message.subsystem_id,
        "client_id": message.client_id,
        "data": message.data,
        "bits": message.bits,
        "double": number(message.double),
        "text": message.text.to_plain().as_str(),
        "payload_bytes": message.payload.len(),
    });
    named(&format!("{:#06x}", message.code), &fields)
}

fn named(name: &str, fields: &Json) -> Event {
    Event {
        name: name.into(),
        json: Bytes::from(fields.to_string()),
        attachments: Vec::new(),
    }
}

/// JSON has no infinity.
fn number(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number)
}
