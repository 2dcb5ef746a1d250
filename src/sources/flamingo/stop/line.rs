//! The stop path's connection, read and written by hand: a write that the server does not take
//! never keeps what it says from being read, and whole messages that can wait make room for a
//! stop.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout};

use crate::model::StopPress;
use crate::protocol::flamingo::MessageDecoder;

/// How long what the server still says is read at the end. A socket that is closed with bytes
/// unread is reset, and a server that is reset may not read what was sent to it.
const FAREWELL: Duration = Duration::from_millis(500);

/// What bytes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To see whether the way is open.
    Question,
    /// A stop, for the first time on this connection.
    Stop(StopPress),
    /// The same stop again.
    Again(StopPress),
}

/// The connection.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    /// Takes apart what is received.
    pub decoder: MessageDecoder,
    outgoing: Outgoing,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            decoder: MessageDecoder::default(),
            outgoing: Outgoing::default(),
        }
    }

    /// Puts bytes behind all others; a stop before every question.
    pub(super) fn put(&mut self, bytes: Bytes, purpose: Purpose, now: Instant) {
        self.outgoing.put(bytes, purpose, now);
    }

    /// Hands over what the connection takes now, and says what is handed over whole.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn flush(&mut self, now: Instant) -> io::Result<Vec<Purpose>> {
        let mut whole = Vec::new();
        while let Some(rest) = self.outgoing.rest() {
            match self.stream.try_write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => whole.extend(self.outgoing.advance(count, now)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(whole)
    }

    /// Since when the server takes nothing of what waits for it.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.outgoing.waiting_since()
    }

    /// Waits until there is something to read, or room for what waits. Cancel safe.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) async fn ready(&self) -> io::Result<()> {
        let interest = match self.outgoing.rest() {
            Some(_) => Interest::READABLE | Interest::WRITABLE,
            None => Interest::READABLE,
        };
        self.stream.ready(interest).await.map(drop)
    }

    /// Reads once what there is; `false` when the server has closed.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn read(&mut self) -> io::Result<bool> {
        match self.stream.try_read_buf(self.decoder.buffer()) {
            Ok(count) => Ok(count > 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Ends the connection so that the server can read what was sent to it.
    pub(super) async fn close(mut self) {
        if self.stream.shutdown().await.is_ok() {
            let mut rest = [0; 4096];
            let stream = &mut self.stream;
            let drained = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} };
            let _ = timeout(FAREWELL, drained).await;
        }
    }
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Outgoing {
    parcels: VecDeque<(Bytes, Purpose)>,
    /// Whether some bytes of the first are written: it cannot be taken back any more.
    is_begun: bool,
    since: Option<Instant>,
}

impl Outgoing {
    fn put(&mut self, bytes: Bytes, purpose: Purpose, now: Instant) {
        if purpose != Purpose::Question {
            // Half a message cannot be taken back, a whole one can.
            let mut is_cut = self.is_begun;
            self.parcels.retain(|(_, waiting)| {
                std::mem::take(&mut is_cut) || *waiting != Purpose::Question
            });
        }
        if self.parcels.is_empty() {
            self.since = Some(now);
        }
        self.parcels.push_back((bytes, purpose));
    }

    fn rest(&self) -> Option<&[u8]> {
        self.parcels.front().map(|(bytes, _)| bytes.as_ref())
    }

    /// Notes that so many bytes of the first parcel were taken; its purpose once it is whole.
    fn advance(&mut self, count: usize, now: Instant) -> Option<Purpose> {
        let (bytes, purpose) = self.parcels.front_mut()?;
        let purpose = *purpose;
        let _ = bytes.split_to(count.min(bytes.len()));
        self.is_begun = !bytes.is_empty();
        if !self.is_begun {
            self.parcels.pop_front();
        }
        self.since = (!self.parcels.is_empty()).then_some(now);
        (!self.is_begun).then_some(purpose)
    }

    fn waiting_since(&self) -> Option<Instant> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{StopLevel, StopOrigin};

    fn stop() -> Purpose {
        Purpose::Stop(StopPress {
            number: 1,
            level: StopLevel::Halt,
            origin: StopOrigin::Key,
            mono_ns: 0,
        })
    }

    /// What would be written, in order, after the first `begun` bytes were.
    fn written(begun: usize) -> String {
        let now = Instant::now();
        let mut outgoing = Outgoing::default();
        outgoing.put(Bytes::from_static(b"first?"), Purpose::Question, now);
        outgoing.put(Bytes::from_static(b"second?"), Purpose::Question, now);
        if begun > 0 {
            assert_eq!(outgoing.advance(begun, now), None);
        }
        outgoing.put(Bytes::from_static(b"HALT"), stop(), now);
        let mut text = String::new();
        while let Some(rest) = outgoing.rest() {
            text.push_str(std::str::from_utf8(rest).unwrap());
            let length = rest.len();
            assert!(outgoing.advance(length, now).is_some());
        }
        assert_eq!(outgoing.waiting_since(), None);
        text
    }

    #[test]
    fn a_stop_goes_before_every_question_that_has_not_begun() {
        assert_eq!(written(0), "HALT");
        assert_eq!(written(2), "rst?HALT");
    }

    #[test]
    fn what_is_taken_in_pieces_is_handed_over_with_its_last_byte() {
        let start = Instant::now();
        let mut outgoing = Outgoing::default();
        outgoing.put(Bytes::from_static(b"HALT"), stop(), start);
        let later = start + Duration::from_secs(1);
        assert_eq!(outgoing.advance(3, later), None);
        assert_eq!(outgoing.waiting_since(), Some(later), "something was taken");
        assert_eq!(outgoing.advance(1, later), Some(stop()));
    }
}
