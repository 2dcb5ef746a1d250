//! The player: says what the reader brings when it is due, and does what the remote asks.

mod travel;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::books::Books;
use super::clockwork::Clockwork;
use super::reel::{Journey, Step};
use super::tape::Tape;
use super::timeline::{Position, Timeline};
use super::{AHEAD, Playing, Remote, Replayed};
use crate::model::{
    BookView, Clock, Fault, FaultKind, LaneKind, LinkState, Mark, Payload, PlainText, ReplayOrder,
    ReplayState, ReplayStatus, Severity, Stamp,
};
use crate::pipeline::Outlet;
use crate::recording::Played;

/// Samples that may wait for the screen: far fewer than the lane holds, so that none has to give
/// way.
const SAMPLES_AHEAD: u64 = 1_000;
/// Asking costs a copy of the books, so not every message asks.
const ASK_EVERY: u64 = 64;
/// How often the player says where it is.
const REPORT: Duration = Duration::from_millis(100);
/// What lies between everything that was stamped and what is stamped after a jump.
const JUMP_NS: u64 = 1_000_000_000;
/// Unreadable places that are told apart.
const MAX_BAD: usize = 100_000;
const DAY_NS: u64 = 86_400 * 1_000_000_000;

type Looking = JoinHandle<io::Result<Option<Timeline>>>;

pub(super) struct Player<'a> {
    tape: &'a Tape,
    clockwork: Clockwork,
    outlets: Vec<Outlet>,
    stop: CancellationToken,
    journeys: watch::Sender<Option<Journey>>,
    steps: mpsc::Receiver<Step>,
    /// What is said next.
    next: Option<Say>,
    /// What the operator wants: whether it plays when it can.
    playing: bool,
    loops: bool,
    has_views: bool,
    /// It stands at the end.
    ended: bool,
    /// Each source's last link was an end that the recording knows of.
    over: BTreeSet<usize>,
    /// On the way to a place.
    aim: Option<Aim>,
    /// What is to be done once the timeline is there.
    waiting: Option<ReplayOrder>,
    /// Messages that were asked for one by one.
    owed: u32,
    timeline: Option<Arc<Timeline>>,
    /// The session's beginning on the monotonic clock, and everything before it is of another jump.
    base_ns: u64,
    since: Stamp,
    /// The stamp of the last thing said.
    last: Stamp,
    last_position: Option<Position>,
    part: usize,
    books: Books,
    done: Replayed,
    bad: BTreeSet<(usize, u64, u32)>,
    notice: (u64, PlainText),
    looked: Option<u32>,
}

#[derive(Debug)]
struct Say {
    played: Played,
    at: Stamp,
    position: Position,
}

#[derive(Clone, Copy, Debug)]
struct Aim {
    base_ns: u64,
    /// Where it leads, as far as that is known; further steps count from there.
    elapsed_ns: u64,
}

/// What has to be done next, and when.
enum Turn {
    Say,
    Views(u64),
}

impl<'a> Player<'a> {
    pub fn new(
        tape: &'a Tape,
        playing: Playing,
        clock: Clock,
        outlets: Vec<Outlet>,
        journeys: watch::Sender<Option<Journey>>,
        stop: CancellationToken,
    ) -> Self {
        let began = Stamp {
            unix_ns: tape.started_ns(),
            ..clock.now()
        };
        let (_, nothing) = mpsc::channel(1);
        Self {
            tape,
            clockwork: Clockwork::new(clock, playing.pace, began),
            outlets,
            stop,
            journeys,
            steps: nothing,
            next: None,
            playing: !playing.paused,
            loops: playing.loops,
            has_views: playing.views,
            ended: false,
            over: BTreeSet::new(),
            aim: None,
            waiting: playing.from.map(ReplayOrder::Seek),
            owed: 0,
            timeline: None,
            base_ns: began.mono_ns,
            since: began,
            last: began,
            last_position: None,
            part: 0,
            books: Books::default(),
            done: Replayed::default(),
            bad: BTreeSet::new(),
            notice: (0, PlainText::from("")),
            looked: None,
        }
    }

    /// Plays until it is stopped; without a remote until the end.
    pub async fn play(
        &mut self,
        remote: Option<Remote>,
        mut looking: Option<Looking>,
        looked: &AtomicU32,
    ) {
        let (mut orders, status) = match remote {
            Some(remote) => (Some(remote.orders), Some(remote.status)),
            None => (None, None),
        };
        self.looked = looking.is_some().then_some(0);
        // The first message is on its way while the files are looked through.
        self.travel(None, self.base_ns);
        self.clockwork.run(self.playing, self.last);
        let mut report = interval(REPORT);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.tell(status.as_ref());
        loop {
            let turn = self.turn();
            let due = turn.as_ref().and_then(|(_, due)| *due);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                order = order_of(&mut orders) => match order {
                    Some(order) => {
                        self.obey(order).await;
                        self.tell(status.as_ref());
                    }
                    // Nobody holds the remote any more.
                    None => return,
                },
                found = found_by(&mut looking) => {
                    looking = None;
                    self.take_timeline(found).await;
                    self.tell(status.as_ref());
                }
                _ = report.tick(), if status.is_some() => {
                    self.looked = looking.as_ref().map(|_| looked.load(Ordering::Relaxed));
                    if self.is_going() {
                        let now = self.now();
                        self.clockwork.measure(now);
                    }
                    self.tell(status.as_ref());
                }
                step = self.steps.recv(), if self.next.is_none() && !self.ended => {
                    match step {
                        Some(Step::Say { played, at, position }) => {
                            self.next = Some(Say { played, at, position });
                            self.pay().await;
                        }
                        Some(Step::Unreadable { position, wrong }) => {
                            self.unreadable(position, wrong).await;
                        }
                        Some(Step::Found(found)) => self.arrive(*found, status.as_ref()).await,
                        Some(Step::Lost(why)) => {
                            self.notice(format!("seek: {why}"));
                            self.aim = None;
                            self.end().await;
                        }
                        Some(Step::End) | None => {
                            self.done.to_the_end = true;
                            if self.is_away() {
                                self.ended = true;
                            } else if self.loops && self.done.played > 0 {
                                self.again(status.as_ref()).await;
                            } else if status.is_none() {
                                return;
                            } else {
                                self.end().await;
                            }
                        }
                    }
                    if self.ended {
                        self.tell(status.as_ref());
                    }
                }
                () = until(due), if turn.is_some() => match turn {
                    Some((Turn::Say, _)) => {
                        let goes_on = self.say().await;
                        if !goes_on {
                            return;
                        }
                    }
                    Some((Turn::Views(due_ns), _)) => self.show_at(due_ns).await,
                    None => {}
                },
            }
        }
    }

    /// The last word of each source.
    pub async fn finish(mut self) -> Replayed {
        if !self.ended {
            self.show_last().await;
            self.say_ended().await;
        }
        self.done
    }

    async fn say_ended(&mut self) {
        for (number, outlet) in self.outlets.iter().enumerate() {
            if !self.over.contains(&number) {
                outlet
                    .publish(self.last, Payload::Link(LinkState::Ended))
                    .await;
            }
        }
    }

    fn is_going(&self) -> bool {
        self.playing && !self.ended && !self.is_away()
    }

    /// On the way to another place, or soon to be.
    fn is_away(&self) -> bool {
        self.aim.is_some() || self.waiting.is_some()
    }

    /// What is to be done next, if it plays.
    fn turn(&self) -> Option<(Turn, Option<Instant>)> {
        if !self.is_going() {
            return None;
        }
        let next = self.next.as_ref()?;
        let views = self.books.next_due_ns().filter(|_| self.has_views);
        if let Some(due_ns) = views.filter(|due_ns| *due_ns < next.at.mono_ns) {
            let due_ns = due_ns.max(self.last.mono_ns);
            return Some((Turn::Views(due_ns), self.clockwork.due(due_ns)));
        }
        Some((Turn::Say, self.clockwork.due(next.at.mono_ns)))
    }

    fn now(&self) -> Stamp {
        let next = self.next.as_ref().map(|next| next.at.mono_ns);
        self.clockwork.now(self.last, next)
    }

    /// Says what is next; `false` when stopped meanwhile.
    async fn say(&mut self) -> bool {
        let Some(Say {
            played,
            at,
            position,
        }) = self.next.take()
        else {
            return true;
        };
        self.part = position.part;
        self.last_position = Some(position);
        let Some(outlet) = self.outlets.get(played.source).cloned() else {
            return true;
        };
        if self.done.played.is_multiple_of(ASK_EVERY)
            && !self
                .wait_while(|| outlet.in_flight(LaneKind::Samples) > SAMPLES_AHEAD)
                .await
        {
            return false;
        }
        self.clockwork.said(at);
        self.last = Stamp {
            mono_ns: at.mono_ns.max(self.last.mono_ns),
            ..at
        };
        if let Err(refused) = self.books.take(played.source, &played.payload, at) {
            self.unreadable(position, refused.to_string()).await;
        }
        if let Payload::Link(state) = &played.payload {
            match state {
                LinkState::Ended => self.over.insert(played.source),
                _ => self.over.remove(&played.source),
            };
        }
        outlet.publish(at, played.payload).await;
        self.done.played += 1;
        let views = self.books.due(at);
        self.show(views, at).await;
        true
    }

    /// Says what was asked for message by message, as far as it is there.
    async fn pay(&mut self) {
        if self.owed > 0 && !self.is_away() && self.next.is_some() {
            self.owed -= 1;
            if self.say().await {
                self.clockwork.set(self.last);
                self.show_last().await;
            }
        }
    }

    async fn show_at(&mut self, due_ns: u64) {
        let now = Stamp {
            mono_ns: due_ns,
            unix_ns: self
                .last
                .unix_ns
                .saturating_add(due_ns.saturating_sub(self.last.mono_ns)),
        };
        let views = self.books.due(now);
        self.show(views, now).await;
    }

    /// The books as the last message left them.
    async fn show_last(&mut self) {
        let views = self.books.last(self.last);
        self.show(views, self.last).await;
    }

    async fn show(&self, views: Vec<(usize, BookView)>, now: Stamp) {
        for (source, view) in views {
            let Some(outlet) = self.outlets.get(source).filter(|_| self.has_views) else {
                continue;
            };
            // At full speed too each view is shown: how many there are is the file's business.
            if !self
                .wait_while(|| outlet.in_flight(LaneKind::Books) > SHOWN_AHEAD)
                .await
            {
                return;
            }
            outlet.publish(now, Payload::Book(Arc::new(view))).await;
        }
    }

    /// Waits while the screen is behind; `false` when stopped meanwhile.
    async fn wait_while(&self, is_behind: impl Fn() -> bool) -> bool {
        let mut asked = 0_u32;
        while is_behind() {
            let turn = async {
                // It is mostly a matter of microseconds.
                if asked < 100 {
                    tokio::task::yield_now().await;
                } else {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                () = turn => asked = asked.saturating_add(1),
            }
        }
        true
    }

    /// Counts what cannot be read, once, and tells of it.
    async fn unreadable(&mut self, position: Position, wrong: String) {
        let key = (position.part, position.at, position.nth);
        if self.bad.len() < MAX_BAD && !self.bad.insert(key) {
            return;
        }
        self.done.unreadable += 1;
        if let Some(outlet) = self.outlets.first() {
            let fault = Fault::new(
                FaultKind::Malformed,
                Severity::Warning,
                PlainText::from(format!("replay: {wrong}")),
            );
            outlet.fault(self.last, fault).await;
        }
    }

    async fn end(&mut self) {
        self.ended = true;
        self.show_last().await;
        self.clockwork.run(false, self.last);
        self.say_ended().await;
    }

    fn notice(&mut self, text: String) {
        tracing::info!("replay: {text}");
        self.notice = (self.notice.0 + 1, PlainText::from(text));
    }

    fn tell(&self, status: Option<&watch::Sender<Option<ReplayStatus>>>) {
        let Some(status) = status else { return };
        let now = self.now();
        let state = match () {
            () if self.is_away() => ReplayState::Seeking,
            () if self.ended => ReplayState::Ended,
            () if self.playing => ReplayState::Playing,
            () => ReplayState::Paused,
        };
        let marks = self.timeline.as_ref().map(|timeline| timeline.marks());
        let new = ReplayStatus {
            state,
            pace: self.clockwork.pace(),
            achieved: self.clockwork.achieved().filter(|_| self.is_going()),
            loops: self.loops,
            at_ns: match self.aim {
                Some(aim) => aim.elapsed_ns,
                None => now.mono_ns.saturating_sub(self.base_ns),
            },
            unix_ns: now.unix_ns,
            whole_ns: self.timeline.as_ref().map(|timeline| timeline.whole_ns()),
            part: self.part + 1,
            parts: self.tape.parts.len(),
            marks: marks.unwrap_or_else(no_marks),
            since: self.since,
            looked_through: self.looked,
            unreadable: self.done.unreadable,
            notice: self.notice.clone(),
        };
        status.send_if_modified(|told| {
            let is_new = told.as_ref() != Some(&new);
            if is_new {
                *told = Some(new);
            }
            is_new
        });
    }
}

/// Views of books that may wait for the screen while another is made.
const SHOWN_AHEAD: u64 = 0;

fn no_marks() -> Arc<[Mark]> {
    Arc::from(Vec::new())
}

async fn order_of(orders: &mut Option<mpsc::Receiver<ReplayOrder>>) -> Option<ReplayOrder> {
    match orders {
        Some(orders) => orders.recv().await,
        None => std::future::pending().await,
    }
}

async fn found_by(
    looking: &mut Option<Looking>,
) -> Result<io::Result<Option<Timeline>>, JoinError> {
    match looking {
        Some(looking) => looking.await,
        None => std::future::pending().await,
    }
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}
