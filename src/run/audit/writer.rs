//! The thread that writes the audit log.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::file::{LogFile, Opener};
use super::line::{Body, Line};
use super::{Entry, Item, Shared};
use crate::model::{Clock, PlainText};

/// Lines that are made durable together when many come at once.
const BATCH: usize = 256;

/// The far end of the audit log.
pub(super) struct Writer {
    open: Opener,
    file: Option<Box<dyn LogFile>>,
    shared: Arc<Shared>,
    operator: PlainText,
    clock: Clock,
    /// Lines that are missing behind the last that was written.
    gap: u64,
    /// Why the last of them could not be written.
    gap_why: PlainText,
}

impl Writer {
    pub(super) fn new(
        open: Opener,
        shared: Arc<Shared>,
        operator: PlainText,
        clock: Clock,
    ) -> Self {
        Self {
            open,
            file: None,
            shared,
            operator,
            clock,
            gap: 0,
            gap_why: "".into(),
        }
    }

    /// Writes until nobody can hand anything over any more.
    pub(super) fn run(mut self, queue: &Receiver<Item>) {
        // At once, so that trouble shows before the first order.
        self.write(&[], false);
        let mut batch = Vec::new();
        while let Ok(first) = queue.recv() {
            batch.push(first);
            batch.extend(queue.try_iter().take(BATCH - 1));
            let trouble = self.write(&batch, false);
            for item in batch.drain(..) {
                self.settle(item, trouble.as_ref());
            }
        }
        self.write(&[], true);
    }

    /// Sends an order on, now that its line is written or cannot be.
    fn settle(&self, item: Item, trouble: Option<&PlainText>) {
        let Entry::Order(request, Some(permit)) = item.entry else {
            return;
        };
        let refusal = {
            let mut state = self.shared.state();
            let at = state
                .waiting
                .iter()
                .position(|w| w.request.id == request.id);
            // It is not there if it was taken back.
            let Some(at) = at else { return };
            let waiting = state.waiting.remove(at);
            let now = self.clock.now();
            // Under the lock: nobody overtakes it between being allowed and being sent.
            waiting.settle(&self.shared.name, trouble, now.mono_ns)
        };
        if let Err(refusal) = refusal {
            permit.send(refusal);
        }
    }

    /// Writes the lines of a batch; what went wrong if it did.
    fn write(&mut self, batch: &[Item], is_last: bool) -> Option<PlainText> {
        let lost_at_last = {
            let mut state = self.shared.state();
            state.busy_since_ns = Some(self.clock.now().mono_ns);
            let lost = if is_last {
                std::mem::take(&mut state.unqueued)
            } else {
                0
            };
            state.missing += lost;
            lost
        };
        let outcome = self.try_write(batch, lost_at_last, is_last);
        let mut state = self.shared.state();
        state.busy_since_ns = None;
        match outcome {
            Ok(lines) => {
                state.lines += lines;
                state.why = None;
                self.gap = 0;
                None
            }
            Err(error) => {
                // It is opened anew, and looked at anew, before the next line.
                self.file = None;
                let why = PlainText::from(error.to_string());
                let lines = batch.len() as u64;
                state.missing += lines;
                let sentence = format!("{} cannot be written: {why}", self.shared.name);
                state.why = Some(sentence.into());
                let missed: u64 = batch.iter().map(|item| item.missed_before).sum();
                self.gap += lines + missed + lost_at_last;
                self.gap_why = why.clone();
                Some(why)
            }
        }
    }

    /// Opens the file if need be and appends. How many lines that made.
    fn try_write(
        &mut self,
        batch: &[Item],
        lost_at_last: u64,
        is_last: bool,
    ) -> std::io::Result<u64> {
        let now = self.clock.now();
        let mut text = Text::default();
        if let Some(file) = &self.file
            && !file.is_current()
        {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                text.line(&Line::new(
                    now,
                    Body::Opened {
                        operator: &self.operator,
                        version: env!("CARGO_PKG_VERSION"),
                    },
                ));
                none.insert((self.open)()?)
            }
        };
        let gap = |missing: u64, detail| Line::new(now, Body::Gap { missing, detail });
        if self.gap > 0 {
            text.line(&gap(self.gap, &self.gap_why));
        }
        for item in batch {
            if item.missed_before > 0 {
                text.line(&gap(item.missed_before, NO_ROOM));
            }
            text.line(&Line::of(item, &self.operator));
        }
        if lost_at_last > 0 {
            text.line(&gap(lost_at_last, NO_ROOM));
        }
        if is_last {
            let operator = &self.operator;
            text.line(&Line::new(now, Body::Closed { operator }));
        }
        if text.lines > 0 {
            file.append(&text.text)?;
        }
        Ok(text.lines)
    }
}

/// Why lines are missing that were never handed over.
const NO_ROOM: &str = "too many lines waited to be written";

#[derive(Default)]
struct Text {
    text: String,
    lines: u64,
}

impl Text {
    fn line(&mut self, line: &Line<'_>) {
        line.write_to(&mut self.text);
        self.lines += 1;
    }
}
