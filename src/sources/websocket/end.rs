//! How a WebSocket ended, in a value for code and a clause for people.

use std::io;

use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::model::{EndReason, PlainText};

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEnd {
    /// In one word.
    pub reason: EndReason,
    /// The code of the peer's close frame, if one came with a code.
    pub code: Option<u16>,
    /// One clause about the peer, printable: "it closed the connection (code 1001 going away)".
    pub detail: String,
}

impl LinkEnd {
    /// An end without a close code.
    pub fn new(reason: EndReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            code: None,
            detail: detail.into(),
        }
    }

    pub(super) fn without_a_word() -> Self {
        Self::new(
            EndReason::TransportClose,
            "it closed the connection without saying why",
        )
    }

    /// A close frame. Its code says nothing about success: servers close with 1000 and 1005 for
    /// all kinds of trouble.
    pub(super) fn closed_by(frame: Option<&CloseFrame>) -> Self {
        let Some(frame) = frame else {
            return Self::without_a_word();
        };
        let code = u16::from(frame.code);
        let words = PlainText::from_peer(&frame.reason);
        let words = match (words.is_empty(), code) {
            (false, _) => format!(" {words}"),
            (true, 1001) => " going away".to_owned(),
            (true, 1008) => " against its policy".to_owned(),
            (true, 1009) => " message too big".to_owned(),
            (true, 1012) => " service restart".to_owned(),
            (true, _) => String::new(),
        };
        Self {
            reason: EndReason::TransportClose,
            code: Some(code),
            detail: format!("it closed the connection (code {code}{words})"),
        }
    }

    /// - `http_answer`: what the peer wrote in HTTP where frames should have come
    /// - `envelope_bytes`: bytes of a message that its sender does not count
    pub(super) fn by_error(
        error: &Error,
        http_answer: Option<&PlainText>,
        envelope_bytes: usize,
    ) -> Self {
        use EndReason::{HandshakeFailed, TransportClose, TransportError};
        if let Some(words) = http_answer {
            return Self::new(
                HandshakeFailed,
                format!("it refused after the upgrade to WebSocket: {words}"),
            );
        }
        match error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
            | Error::ConnectionClosed
            | Error::AlreadyClosed => Self::without_a_word(),
            Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::without_a_word()
            }
            Error::Io(error) => Self::new(TransportError, format!("the connection broke: {error}")),
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => Self::new(
                TransportError,
                format!(
                    "it sent a message of {size} bytes, more than the {} that are read: let it send \
                     smaller ones",
                    max_size.saturating_sub(envelope_bytes)
                ),
            ),
            Error::Utf8(_) => Self::new(TransportError, "it sent text that is not UTF-8"),
            Error::Protocol(error) => Self::new(
                TransportError,
                format!(
                    "it broke the rules of WebSocket: {}",
                    PlainText::from_peer(&error.to_string())
                ),
            ),
            other => Self::new(
                TransportClose,
                PlainText::from_peer(&other.to_string()).to_string(),
            ),
        }
    }
}
