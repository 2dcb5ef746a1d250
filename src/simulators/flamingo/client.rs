//! One client of the command port as the rest of the simulator sees it: what waits to be written
//! to it, and after how many bytes its connection is to end.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::lock;

/// Bytes waiting for a client above which it is cut off.
const OUTBOX_BYTES: usize = 16 << 20;
/// Bytes handed to a socket at once.
const BATCH_BYTES: usize = 64 << 10;

/// When a command connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After exactly this many more bytes were received. What they complete is still done, and not
    /// answered.
    AfterReceived(u64),
    /// After exactly this many more bytes were sent.
    AfterSent(u64),
}

/// Something to be written.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub bytes: Bytes,
    /// How many messages it holds.
    pub messages: u64,
    /// Code and first argument, if this is a reply.
    pub reply: Option<(u32, i32)>,
}

/// What is written at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub bytes: Vec<u8>,
    pub messages: u64,
    /// Codes and first arguments of the replies in it, with the offset of their end.
    pub replies: Vec<(usize, u32, i32)>,
}

/// What a writer has to do next.
#[derive(Debug)]
pub(super) enum Next {
    Write(Batch),
    /// Wait for more, or until then.
    Wait(Option<Instant>),
    /// The client has fallen behind too far.
    Overflow,
}

/// One client.
pub(super) struct Client {
    pub number: u64,
    pub received_bytes: AtomicU64,
    pub sent_bytes: AtomicU64,
    /// Something was put into the outbox, or another end was decided on.
    pub filled: Notify,
    /// Another end was decided on.
    pub recut: Notify,
    outbox: Mutex<Outbox>,
    cut: Mutex<Option<Cut>>,
    hung: AtomicBool,
}

#[derive(Default)]
struct Outbox {
    ready: VecDeque<Parcel>,
    /// Replies for later, in the order in which they were given.
    late: VecDeque<(Instant, Parcel)>,
    bytes: usize,
    overflow: bool,
}

impl Client {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            received_bytes: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            filled: Notify::new(),
            recut: Notify::new(),
            outbox: Mutex::default(),
            cut: Mutex::default(),
            hung: AtomicBool::new(false),
        }
    }

    /// Whether the server has stopped serving this connection.
    pub(super) fn is_hung(&self) -> bool {
        self.hung.load(Ordering::Relaxed)
    }

    pub(super) fn hang(&self) {
        self.hung.store(true, Ordering::Relaxed);
    }

    /// Puts something into the outbox, or there later.
    pub(super) fn push(&self, parcel: Parcel, due: Option<Instant>) {
        {
            let mut outbox = lock(&self.outbox);
            if outbox.bytes + parcel.bytes.len() > OUTBOX_BYTES {
                outbox.overflow = true;
            } else {
                outbox.bytes += parcel.bytes.len();
                match due {
                    Some(due) => outbox.late.push_back((due, parcel)),
                    None => outbox.ready.push_back(parcel),
                }
            }
        }
        self.filled.notify_one();
    }

    /// What is to be written, in order; what was to come later and is due now comes last.
    pub(super) fn next(&self, now: Instant) -> Next {
        let mut outbox = lock(&self.outbox);
        if outbox.overflow {
            return Next::Overflow;
        }
        while outbox.late.front().is_some_and(|(due, _)| *due <= now) {
            let due = outbox.late.pop_front();
            outbox.ready.extend(due.map(|(_, parcel)| parcel));
        }
        let mut batch = Batch::default();
        while let Some(parcel) = outbox.ready.pop_front() {
            batch.bytes.extend_from_slice(&parcel.bytes);
            batch.messages += parcel.messages;
            let end = batch.bytes.len();
            batch
                .replies
                .extend(parcel.reply.map(|(code, d0)| (end, code, d0)));
            if end >= BATCH_BYTES {
                break;
            }
        }
        outbox.bytes -= batch.bytes.len();
        if batch.bytes.is_empty() {
            return Next::Wait(outbox.late.front().map(|(due, _)| *due));
        }
        Next::Write(batch)
    }

    /// Decides when the connection is to end, in place of what was decided before.
    pub(super) fn set_cut(&self, cut: Option<Cut>) {
        *lock(&self.cut) = cut;
        self.filled.notify_one();
        self.recut.notify_one();
    }

    /// How many bytes may still be received; `None` if there is no end to them.
    pub(super) fn may_receive(&self) -> Option<u64> {
        match *lock(&self.cut) {
            Some(Cut::AfterReceived(left)) => Some(left),
            _ => None,
        }
    }

    /// How many bytes may still be sent.
    pub(super) fn may_send(&self) -> Option<u64> {
        match *lock(&self.cut) {
            Some(Cut::AfterSent(left)) => Some(left),
            _ => None,
        }
    }

    pub(super) fn count_received(&self, bytes: usize) {
        let bytes = bytes as u64;
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(Cut::AfterReceived(left)) = &mut *lock(&self.cut) {
            *left = left.saturating_sub(bytes);
        }
    }

    pub(super) fn count_sent(&self, bytes: usize) {
        let bytes = bytes as u64;
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(Cut::AfterSent(left)) = &mut *lock(&self.cut) {
            *left = left.saturating_sub(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn parcel(bytes: &'static [u8], reply: Option<(u32, i32)>) -> Parcel {
        Parcel {
            bytes: Bytes::from_static(bytes),
            messages: 1,
            reply,
        }
    }

    #[test]
    fn late_parcels_wait_for_their_time_and_keep_their_order() {
        let client = Client::new(1);
        let now = Instant::now();
        let due = now + Duration::from_secs(3);
        client.push(parcel(b"c", Some((7, 1))), Some(due));
        client.push(parcel(b"d", None), Some(due));
        client.push(parcel(b"a", None), None);
        client.push(parcel(b"b", Some((8, 2))), None);
        let Next::Write(batch) = client.next(now) else {
            panic!("something is ready");
        };
        assert_eq!((&batch.bytes[..], batch.messages), (&b"ab"[..], 2));
        assert_eq!(batch.replies, [(2, 8, 2)]);
        assert!(matches!(client.next(now), Next::Wait(Some(at)) if at == due));
        let Next::Write(batch) = client.next(due) else {
            panic!("something is due");
        };
        assert_eq!(
            (&batch.bytes[..], &batch.replies[..]),
            (&b"cd"[..], &[(1, 7, 1)][..])
        );
        assert!(matches!(client.next(due), Next::Wait(None)));
    }

    #[test]
    fn an_outbox_has_an_end() {
        let client = Client::new(1);
        let large: &'static [u8] = &[0; 1 << 20];
        for _ in 0..=OUTBOX_BYTES / large.len() {
            client.push(parcel(large, None), None);
        }
        assert!(matches!(client.next(Instant::now()), Next::Overflow));
    }
}
