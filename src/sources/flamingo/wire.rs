//! The command socket: bytes in and bytes out, neither waiting for the other.
//!
//! At most one message is on its way out, so that what is urgent goes before everything of which
//! no byte has left. What to send, and what was received, is not known here.

use std::io;

use bytes::{Buf as _, Bytes};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::model::CommandId;
use crate::protocol::flamingo::{MessageDecoder, Token};

/// One connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    /// What was received.
    pub(super) decoder: MessageDecoder,
    going: Option<Going>,
}

/// What a message on its way belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// A request.
    Request(Token),
    /// A command whose reply nobody matches.
    Stray(CommandId),
}

/// A message on its way out.
#[derive(Debug)]
struct Going {
    tag: Tag,
    left: Bytes,
    /// Whether none of it has left yet.
    untouched: bool,
    since: Instant,
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Some bytes.
    Bytes,
    /// Nothing now.
    Nothing,
    /// The server has closed its side.
    End,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            decoder: MessageDecoder::default(),
            going: None,
        }
    }

    /// Waits until something can be read or, if something is on its way, written. Cancel safe.
    pub(super) async fn ready(&self) -> io::Result<()> {
        let interest = match self.going {
            Some(_) => Interest::READABLE | Interest::WRITABLE,
            None => Interest::READABLE,
        };
        self.stream.ready(interest).await.map(drop)
    }

    /// Reads once, without waiting.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn read(&mut self) -> io::Result<Found> {
        match self.stream.try_read_buf(self.decoder.buffer()) {
            Ok(0) => Ok(Found::End),
            Ok(_) => Ok(Found::Bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Whether a message is on its way: then no other may be [`Wire::put`].
    pub(super) fn is_busy(&self) -> bool {
        self.going.is_some()
    }

    /// Since when the message on its way is.
    pub(super) fn going_since(&self) -> Option<Instant> {
        self.going.as_ref().map(|going| going.since)
    }

    /// Takes a message to write.
    pub(super) fn put(&mut self, tag: Tag, left: Bytes) {
        self.going = Some(Going {
            tag,
            left,
            untouched: true,
            since: Instant::now(),
        });
    }

    /// What is on its way and of which no byte has left.
    pub(super) fn untouched(&self) -> Option<Tag> {
        let going = self.going.as_ref().filter(|going| going.untouched)?;
        Some(going.tag)
    }

    /// Takes back what is on its way and of which no byte has left.
    pub(super) fn take_back(&mut self) {
        if self.going.as_ref().is_some_and(|going| going.untouched) {
            self.going = None;
        }
    }

    /// Writes as much as the kernel takes; returns what is written whole.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn write(&mut self) -> io::Result<Option<Tag>> {
        let Some(going) = &mut self.going else {
            return Ok(None);
        };
        while !going.left.is_empty() {
            match self.stream.try_write(&going.left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    going.left.advance(bytes.min(going.left.len()));
                    going.untouched = false;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let tag = going.tag;
        self.going = None;
        Ok(Some(tag))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::protocol::flamingo::{Item, Message};

    async fn both_ends() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        (Wire::new(ours.unwrap()), theirs.unwrap().0)
    }

    #[tokio::test]
    async fn a_write_that_is_not_taken_does_not_stop_the_reading() {
        let (mut wire, mut peer) = both_ends().await;
        let tag = Tag::Stray(CommandId(1));
        // More than the kernel takes in place of the peer.
        let long = Bytes::from(vec![7; 64 << 20]);
        wire.put(tag, long.clone());
        assert_eq!(wire.untouched(), Some(tag));
        assert_eq!(wire.write().unwrap(), None);
        assert!(wire.is_busy() && wire.untouched().is_none());
        wire.take_back();
        assert!(wire.is_busy(), "what has begun to leave is not taken back");

        let told = Message::new(0xa002);
        peer.write_all(&told.encode().unwrap()).await.unwrap();
        let item = loop {
            wire.ready().await.unwrap();
            wire.read().unwrap();
            if let Some(item) = wire.decoder.next_item() {
                break item;
            }
        };
        assert_eq!(item, Item::Message(told));
        assert!(wire.is_busy());

        let length = long.len();
        let taken = tokio::spawn(async move {
            let mut all = vec![0; length];
            peer.read_exact(&mut all).await.unwrap();
            (all, peer)
        });
        let written = loop {
            wire.ready().await.unwrap();
            // As its owner does: otherwise it would stay ready to be read.
            assert_eq!(wire.read().unwrap(), Found::Nothing);
            if let Some(written) = wire.write().unwrap() {
                break written;
            }
        };
        assert_eq!(written, tag);
        assert!(taken.await.unwrap().0 == long && !wire.is_busy());
    }

    #[tokio::test]
    async fn what_has_not_begun_to_leave_is_taken_back() {
        let (mut wire, peer) = both_ends().await;
        wire.put(Tag::Stray(CommandId(1)), Bytes::from_static(b"move"));
        wire.take_back();
        assert!(!wire.is_busy());
        wire.put(Tag::Stray(CommandId(2)), Bytes::from_static(b"halt"));
        assert_eq!(wire.write().unwrap(), Some(Tag::Stray(CommandId(2))));
        let mut got = [0; 8];
        peer.readable().await.unwrap();
        assert_eq!(peer.try_read(&mut got).unwrap(), 4);
        assert_eq!(got.get(..4), Some(&b"halt"[..]));
    }
}
