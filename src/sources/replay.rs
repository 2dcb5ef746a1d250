//! A recording as a source: what was recorded comes again, through the same outlets.
//!
//! No socket is opened, and nothing here writes. The file is read and decoded on a thread of its
//! own, a few messages ahead. Order books are kept as a live source keeps them, from the recorded
//! changes.

mod books;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::{
    BookView, Fault, FaultKind, LaneKind, LinkState, Payload, PlainText, Severity, Stamp,
};
use crate::pipeline::Outlet;
use crate::recording::{Decoder, Ending, Entry, Played, ReadError, RecordingReader, session_of};
use books::Books;

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// With the pauses it was recorded with.
    Real,
    /// As fast as the pipeline takes it; nothing but pictures is skipped.
    Max,
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Messages handed to the outlets.
    pub played: u64,
    /// Messages and places of the file that could not be read.
    pub unreadable: u64,
    /// The file was played to its end, not stopped.
    pub to_the_end: bool,
}

/// Messages decoded ahead. Each may hold a picture.
const AHEAD: usize = 8;
/// At full speed, samples that may wait for the screen: far fewer than the lane holds, so that
/// none has to give way.
const SAMPLES_AHEAD: u64 = 1_000;
/// Asking costs a copy of the books, so not every message asks.
const ASK_EVERY: u64 = 64;

enum Step {
    Say(Played),
    Unreadable(String),
}

/// Plays a recording. `outlets` are those of the sources of
/// [`sources_of`](crate::recording::sources_of), in that order. Ends at the file's end or when
/// `stop` is cancelled; each source's last word is [`LinkState::Ended`] either way.
///
/// What is received carries the recorded wall-clock time, and on the monotonic clock the time since
/// the recording's beginning counted from now, at either speed.
///
/// # Errors
/// The file cannot be read, or was not recorded by ttyscope.
pub async fn run(
    path: &Path,
    speed: Speed,
    outlets: Vec<Outlet>,
    stop: CancellationToken,
) -> Result<Replayed, ReadError> {
    let session = session_of(path)?;
    let reader = RecordingReader::open(path)?;
    let Some(first) = outlets.first() else {
        return Ok(Replayed::default());
    };
    let began = first.clock().now();
    let mut player = Player {
        speed,
        began,
        books: Books::default(),
        began_at: tokio::time::Instant::now(),
        started_ns: session.started_unix_ns,
        last: began,
        done: Replayed::default(),
        outlets,
        stop,
    };
    let (sender, steps) = mpsc::channel(AHEAD);
    let decoder = Decoder::new(session).beginning_at(began.mono_ns);
    let reading = tokio::task::spawn_blocking(move || read(reader, decoder, &sender));
    player.play(steps).await;
    player.show_last().await;
    // The channel is closed: the reader ends at its next message.
    if reading.await.is_err() {
        player
            .unreadable("reading the file failed".to_owned())
            .await;
    }
    for outlet in &player.outlets {
        outlet
            .publish(player.last, Payload::Link(LinkState::Ended))
            .await;
    }
    Ok(player.done)
}

fn read(mut reader: RecordingReader, mut decoder: Decoder, sender: &mpsc::Sender<Step>) {
    for entry in &mut reader {
        let step = match entry {
            Entry::Message(message) => match decoder.decode(&message) {
                Ok(Some(played)) => Step::Say(played),
                Ok(None) => continue,
                Err(wrong) => Step::Unreadable(wrong),
            },
            Entry::Metadata { .. } | Entry::Attachment(_) => continue,
            Entry::Damage(damage) => {
                Step::Unreadable(format!("byte {}: {}", damage.at, damage.what))
            }
        };
        if sender.blocking_send(step).is_err() {
            return;
        }
    }
    if let Some(Ending::Cut {
        readable_bytes,
        why,
        ..
    }) = reader.ending()
    {
        let text = format!("the recording was not finished: byte {readable_bytes}: {why}");
        // The player may be gone; then nobody asks how it ended.
        let _ = sender.blocking_send(Step::Unreadable(text));
    }
}

struct Player {
    speed: Speed,
    outlets: Vec<Outlet>,
    stop: CancellationToken,
    began: Stamp,
    began_at: tokio::time::Instant,
    started_ns: u64,
    /// The stamp of the last thing said.
    last: Stamp,
    books: Books,
    done: Replayed,
}

impl Player {
    async fn play(&mut self, mut steps: mpsc::Receiver<Step>) {
        loop {
            let step = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                step = steps.recv() => step,
            };
            match step {
                None => {
                    self.done.to_the_end = true;
                    return;
                }
                Some(Step::Unreadable(wrong)) => self.unreadable(wrong).await,
                Some(Step::Say(played)) => {
                    if !self.say(played).await {
                        return;
                    }
                }
            }
        }
    }

    /// `false` when stopped while waiting for its time.
    async fn say(&mut self, played: Played) -> bool {
        let elapsed_ns = played.received_ns.saturating_sub(self.started_ns);
        let at = Stamp {
            mono_ns: self.began.mono_ns.saturating_add(elapsed_ns),
            unix_ns: played.received_ns,
        };
        if !self.show_until(at).await || !self.wait_for(at).await {
            return false;
        }
        let Some(outlet) = self.outlets.get(played.source).cloned() else {
            return true;
        };
        if self.speed == Speed::Max
            && self.done.played.is_multiple_of(ASK_EVERY)
            && !self
                .wait_while(|| outlet.in_flight(LaneKind::Samples) > SAMPLES_AHEAD)
                .await
        {
            return false;
        }
        self.last = at;
        if let Err(refused) = self.books.take(played.source, &played.payload, at) {
            self.unreadable(refused.to_string()).await;
        }
        outlet.publish(at, played.payload).await;
        self.done.played += 1;
        let views = self.books.due(at);
        self.show(views, at).await;
        true
    }

    /// Waits for the moment `at` where the pauses count; `false` when stopped meanwhile.
    async fn wait_for(&self, at: Stamp) -> bool {
        if self.speed == Speed::Max {
            return true;
        }
        let elapsed_ns = at.mono_ns.saturating_sub(self.began.mono_ns);
        let due = self.began_at + Duration::from_nanos(elapsed_ns);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep_until(due) => true,
        }
    }

    /// Shows the books that are due before `at`, each at its time; `false` when stopped meanwhile.
    async fn show_until(&mut self, at: Stamp) -> bool {
        while let Some(due_ns) = self.books.next_due_ns().filter(|due| *due < at.mono_ns) {
            let due_ns = due_ns.max(self.last.mono_ns);
            let now = Stamp {
                mono_ns: due_ns,
                unix_ns: at.unix_ns.saturating_sub(at.mono_ns.saturating_sub(due_ns)),
            };
            if !self.wait_for(now).await {
                return false;
            }
            let views = self.books.due(now);
            self.show(views, now).await;
        }
        true
    }

    /// The books as the end of the playing left them.
    async fn show_last(&mut self) {
        let views = self.books.last(self.last);
        self.show(views, self.last).await;
    }

    async fn show(&self, views: Vec<(usize, BookView)>, now: Stamp) {
        for (source, view) in views {
            let Some(outlet) = self.outlets.get(source) else {
                continue;
            };
            // At full speed too each view is shown: how many there are is the file's business.
            if self.speed == Speed::Max
                && !self
                    .wait_while(|| outlet.in_flight(LaneKind::Books) > 0)
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

    async fn unreadable(&mut self, wrong: String) {
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
}
