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
