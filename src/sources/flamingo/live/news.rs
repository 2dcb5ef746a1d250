//! What the owner of the instrument is told about the live socket: a few times a second, and
//! never by waiting for it. What finds no room is told later, as it is then.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::LiveEvent;
use crate::model::{PlainText, Reading};

/// From one telling to the next.
const EVERY: Duration = Duration::from_millis(200);

/// What is to be told.
#[derive(Debug)]
pub(super) struct News {
    to: mpsc::Sender<LiveEvent>,
    /// Open or lost, if that is news.
    state: Option<LiveEvent>,
    /// Pictures by camera.
    frames: BTreeMap<PlainText, u64>,
    /// By name.
    readings: BTreeMap<PlainText, Reading>,
    /// Not before this moment, unless the state is news.
    next: Option<Instant>,
}

impl News {
    pub(super) fn new(to: mpsc::Sender<LiveEvent>) -> Self {
        Self {
            to,
            state: None,
            frames: BTreeMap::new(),
            readings: BTreeMap::new(),
            next: None,
        }
    }

    /// The socket is open, or lost. Told at once; pictures that came before are forgotten if there
    /// is no room.
    pub(super) fn state(&mut self, event: LiveEvent, now: Instant) {
        self.tell(now);
        self.frames.clear();
        self.state = Some(event);
        self.tell(now);
        if self.state.is_none() {
            // The first picture after it is news too.
            self.next = None;
        }
    }

    /// A picture came.
    pub(super) fn frame(&mut self, detector: PlainText) {
        let count = self.frames.entry(detector).or_default();
        *count = count.saturating_add(1);
    }

    /// Readings have changed.
    pub(super) fn readings(&mut self, readings: Vec<Reading>) {
        for reading in readings {
            self.readings.insert(reading.name.clone(), reading);
        }
    }

    /// Waits until it is time to tell something; for ever if there is nothing. Cancel safe.
    pub(super) async fn due(&self) {
        if self.is_empty() {
            std::future::pending().await
        }
        if let Some(next) = self.next {
            sleep_until(next).await;
        }
    }

    /// Tells what it is time for.
    pub(super) fn tell_due(&mut self, now: Instant) {
        if !self.is_empty() && self.next.is_none_or(|next| next <= now) {
            self.tell(now);
        }
    }

    fn is_empty(&self) -> bool {
        self.state.is_none() && self.frames.is_empty() && self.readings.is_empty()
    }

    fn tell(&mut self, now: Instant) {
        self.next = Some(now + EVERY);
        if let Some(state) = self.state.take()
            && self.to.try_send(state.clone()).is_err()
        {
            self.state = Some(state);
            return;
        }
        let to = &self.to;
        self.frames.retain(|detector, count| {
            let event = LiveEvent::Frame {
                detector: detector.clone(),
                count: *count,
            };
            to.try_send(event).is_err()
        });
        if !self.readings.is_empty() {
            let all = self.readings.values().cloned().collect();
            if to.try_send(LiveEvent::Options(all)).is_ok() {
                self.readings.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: &mut mpsc::Receiver<LiveEvent>) -> Vec<String> {
        std::iter::from_fn(|| events.try_recv().ok())
            .map(|event| match event {
                LiveEvent::Frame { detector, count } => format!("{count} of {detector}"),
                LiveEvent::Options(readings) => format!("{} readings", readings.len()),
                LiveEvent::Lost { why } => format!("lost: {why}"),
                LiveEvent::Open => "open".to_owned(),
                LiveEvent::Closed => "closed".to_owned(),
            })
            .collect()
    }

    #[test]
    fn pictures_are_told_a_few_times_a_second_and_none_is_left_out() {
        let (to, mut events) = mpsc::channel(8);
        let mut news = News::new(to);
        let start = Instant::now();
        let mut all = Vec::new();
        for ms in 0..1_000 {
            news.frame("camera-1".into());
            news.tell_due(start + Duration::from_millis(ms));
            all.extend(told(&mut events));
        }
        news.state(LiveEvent::Lost { why: "gone".into() }, start);
        all.extend(told(&mut events));
        let ends = ["1 of camera-1", "200 of camera-1"];
        assert_eq!(all[..2], ends);
        assert_eq!(all[5..], ["199 of camera-1", "lost: gone"]);
    }

    #[test]
    fn what_finds_no_room_is_told_later_as_it_is_then() {
        let (to, mut events) = mpsc::channel(1);
        let mut news = News::new(to);
        let start = Instant::now();
        news.state(LiveEvent::Open, start);
        news.state(LiveEvent::Lost { why: "once".into() }, start);
        news.state(
            LiveEvent::Lost {
                why: "twice".into(),
            },
            start,
        );
        for white in [1_i64, 2] {
            news.readings(vec![Reading::new("live/white", white, "")]);
        }
        assert_eq!(told(&mut events), ["open"]);
        for (after, expected) in [(1, "lost: twice"), (2, "1 readings")] {
            news.tell_due(start + EVERY * after);
            assert_eq!(told(&mut events), [expected]);
        }
        assert!(news.is_empty());
    }
}
