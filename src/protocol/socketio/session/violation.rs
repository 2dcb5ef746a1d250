//! A rule the server broke: none is survived.

use crate::model::FaultKind;
use crate::protocol::socketio::packet::{PacketError, PacketKind};

/// A rule was broken: the connection ends.
#[derive(Debug)]
pub(super) struct Violation {
    pub(super) kind: FaultKind,
    pub(super) what: String,
}

impl Violation {
    pub(super) fn malformed(what: impl ToString) -> Self {
        Self {
            kind: FaultKind::Malformed,
            what: what.to_string(),
        }
    }

    pub(super) fn too_large(what: impl ToString) -> Self {
        Self {
            kind: FaultKind::TooLarge,
            what: what.to_string(),
        }
    }

    pub(super) fn payload(kind: PacketKind, why: impl ToString) -> Self {
        let why = why.to_string();
        Self::malformed(PacketError::BadPayload { kind, why })
    }
}

impl From<PacketError> for Violation {
    fn from(error: PacketError) -> Self {
        let kind = match error {
            PacketError::TooManyAttachments { .. } => FaultKind::TooLarge,
            _ => FaultKind::Malformed,
        };
        let what = error.to_string();
        Self { kind, what }
    }
}
