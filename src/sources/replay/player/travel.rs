//! What the remote asks of the player, and the way to another place of the recording.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;

use super::{AHEAD, Aim, DAY_NS, JUMP_NS, Player};
use crate::model::{LinkState, Payload, ReplayOrder, ReplayStatus, SeekTo, Stamp};
use crate::recording::rfc3339;
use crate::sources::replay::books::Books;
use crate::sources::replay::held::Found;
use crate::sources::replay::reel::Journey;
use crate::sources::replay::timeline::{Target, Timeline};

impl Player<'_> {
    /// From the beginning once more.
    pub(super) async fn again(&mut self, status: Option<&watch::Sender<Option<ReplayStatus>>>) {
        let base_ns = self.next_base();
        let found = Found::start(self.tape);
        self.travel(None, base_ns);
        self.aim = Some(Aim {
            base_ns,
            elapsed_ns: 0,
        });
        self.arrive(found, status).await;
    }

    /// Past all that was ever stamped.
    fn next_base(&self) -> u64 {
        let now = self.clockwork.now(self.last, None).mono_ns;
        let aim = self.aim.map_or(0, |aim| aim.base_ns);
        self.last.mono_ns.max(now).max(aim).saturating_add(JUMP_NS)
    }

    pub(super) fn travel(&mut self, to: Option<(Target, Option<Arc<Timeline>>)>, base_ns: u64) {
        let (send, steps) = mpsc::channel(AHEAD);
        self.steps = steps;
        self.next = None;
        self.ended = false;
        self.owed = 0;
        // The reader is there as long as the player is.
        self.journeys.send_replace(Some(Journey {
            to,
            base_ns,
            steps: send,
        }));
    }

    /// The state at the place that was asked for is there: everything before is forgotten.
    pub(super) async fn arrive(
        &mut self,
        found: Found,
        status: Option<&watch::Sender<Option<ReplayStatus>>>,
    ) {
        let Some(aim) = self.aim.take() else { return };
        let at = Stamp {
            mono_ns: aim.base_ns.saturating_add(found.elapsed_ns),
            unix_ns: found.unix_ns,
        };
        self.base_ns = aim.base_ns;
        self.since = Stamp {
            mono_ns: aim.base_ns,
            unix_ns: at.unix_ns,
        };
        self.last = at;
        self.last_position = found.said;
        self.part = found.on.part.min(self.tape.parts.len().saturating_sub(1));
        self.over.clear();
        self.books = Books::default();
        self.clockwork.run(self.playing, at);
        for outlet in &self.outlets {
            outlet.forget();
        }
        // Whoever shows it hears of the jump before anything that comes after it.
        self.tell(status);
        for sample in found.samples {
            let source = usize::from(sample.source.0);
            if let Payload::Feed(_) | Payload::Trade(_) = &sample.payload {
                // A trade that no book can be made of is shown as a trade.
                let _ = self.books.take(source, &sample.payload, sample.received);
            }
            if let Payload::Link(LinkState::Ended) = &sample.payload {
                self.over.insert(source);
            }
            if let Some(outlet) = self.outlets.get(source) {
                outlet.publish(sample.received, sample.payload).await;
            }
        }
        for (source, event, since) in found.books {
            let payload = Payload::BookEvent(Arc::new(event));
            if self
                .books
                .take(usize::from(source.0), &payload, since)
                .is_err()
            {
                self.done.unreadable += 1;
            }
        }
        self.show_last().await;
        if found.unreadable > 0 {
            let many = found.unreadable;
            self.notice(format!(
                "{many} messages before this place could not be read"
            ));
        }
    }

    pub(super) async fn take_timeline(
        &mut self,
        found: Result<io::Result<Option<Timeline>>, JoinError>,
    ) {
        self.looked = None;
        match found {
            Ok(Ok(Some(timeline))) => self.timeline = Some(Arc::new(timeline)),
            Ok(Ok(None)) => return,
            Ok(Err(error)) => self.notice(format!("the files cannot be looked through: {error}")),
            Err(_) => self.notice("the files cannot be looked through".to_owned()),
        }
        if let Some(order) = self.waiting.take() {
            self.obey(order).await;
        }
    }

    pub(super) async fn obey(&mut self, order: ReplayOrder) {
        match order {
            ReplayOrder::Toggle => self.set_playing(!self.playing || self.ended).await,
            ReplayOrder::Play => self.set_playing(true).await,
            ReplayOrder::Pause => self.set_playing(false).await,
            ReplayOrder::Pace(pace) => self.set_pace(pace),
            ReplayOrder::Faster => self.set_pace(self.clockwork.pace().faster()),
            ReplayOrder::Slower => self.set_pace(self.clockwork.pace().slower()),
            ReplayOrder::Loop(loops) => self.loops = loops.unwrap_or(!self.loops),
            ReplayOrder::Step { forward: true } => {
                self.set_playing(false).await;
                if self.ended {
                    self.notice("step: this is the end".to_owned());
                } else {
                    self.owed = self.owed.saturating_add(1);
                    self.pay().await;
                }
            }
            ReplayOrder::Seek(SeekTo::Start) => self.jump(Target::Start, 0),
            ReplayOrder::Step { forward: false } | ReplayOrder::Seek(_) => match &self.timeline {
                Some(timeline) => {
                    let timeline = Arc::clone(timeline);
                    self.seek(order, &timeline).await;
                }
                None if self.looked.is_some() => self.waiting = Some(order),
                None => self.notice("seek: the files cannot be looked through".to_owned()),
            },
        }
    }

    async fn set_playing(&mut self, playing: bool) {
        self.playing = playing;
        if playing && self.ended {
            // As with any player: once more from the beginning.
            self.jump(Target::Start, 0);
            return;
        }
        let now = self.now();
        self.clockwork.run(playing && !self.ended, now);
        if !playing && !self.is_away() {
            self.show_last().await;
        }
    }

    fn set_pace(&mut self, pace: crate::model::Pace) {
        let now = self.now();
        self.clockwork.set_pace(pace, now);
    }

    async fn seek(&mut self, order: ReplayOrder, timeline: &Timeline) {
        let whole_ns = timeline.whole_ns();
        let here_ns = match self.aim {
            Some(aim) => aim.elapsed_ns,
            None => self.now().mono_ns.saturating_sub(self.base_ns),
        };
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let to = match order {
            ReplayOrder::Seek(to) => to,
            _ => {
                self.playing = false;
                let Some(position) = self.last_position.filter(|_| self.aim.is_none()) else {
                    self.notice("step: this is the beginning".to_owned());
                    return;
                };
                self.jump(Target::Before(position), here_ns);
                return;
            }
        };
        let elapsed_ns = match to {
            SeekTo::Start => 0,
            SeekTo::End => whole_ns,
            SeekTo::At(time) => nanos(time),
            SeekTo::Forward(time) => here_ns.saturating_add(nanos(time)),
            SeekTo::Back(time) => here_ns.saturating_sub(nanos(time)),
            SeekTo::Millionths(part) => {
                let ns = u128::from(whole_ns) * u128::from(part) / 1_000_000;
                u64::try_from(ns).unwrap_or(u64::MAX)
            }
            SeekTo::Clock(unix_ns) => match self.is_within(unix_ns, whole_ns) {
                true => timeline.elapsed_of(unix_ns),
                false => u64::MAX,
            },
            SeekTo::TimeOfDay(ns) => {
                let began = self.tape.started_ns();
                let today = began - began % DAY_NS + ns % DAY_NS;
                let unix_ns = match today < began {
                    true => today.saturating_add(DAY_NS),
                    false => today,
                };
                match self.is_within(unix_ns, whole_ns) {
                    true => timeline.elapsed_of(unix_ns),
                    false => u64::MAX,
                }
            }
            SeekTo::Mark { kind, forward } => {
                match timeline.mark(kind, self.last_position, forward) {
                    Some((position, mark)) => {
                        self.jump(Target::Before(position), mark.at_ns);
                        // The state before it, and then the thing itself.
                        self.owed = 1;
                    }
                    None => {
                        let where_to = if forward { "later" } else { "earlier" };
                        self.notice(format!("seek: there is no {where_to} {}", kind.as_str()));
                    }
                }
                return;
            }
        };
        if elapsed_ns > whole_ns && !matches!(to, SeekTo::Forward(_)) {
            let began_ns = self.tape.started_ns();
            let (began, end) = (
                rfc3339(began_ns),
                rfc3339(began_ns.saturating_add(whole_ns)),
            );
            self.notice(format!("seek: not there; {began} to {end}"));
            return;
        }
        self.jump(
            Target::Elapsed(elapsed_ns.min(whole_ns)),
            elapsed_ns.min(whole_ns),
        );
    }

    /// Whether something can have been recorded at that time of the clock.
    fn is_within(&self, unix_ns: u64, whole_ns: u64) -> bool {
        let began_ns = self.tape.started_ns();
        (began_ns..=began_ns.saturating_add(whole_ns)).contains(&unix_ns)
    }

    fn jump(&mut self, target: Target, elapsed_ns: u64) {
        let base_ns = self.next_base();
        // Only the beginning is ever found without it.
        let timeline = self.timeline.clone().filter(|_| target != Target::Start);
        self.travel(Some((target, timeline)), base_ns);
        self.aim = Some(Aim {
            base_ns,
            elapsed_ns,
        });
    }
}
