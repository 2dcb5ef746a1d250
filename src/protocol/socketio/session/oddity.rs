//! What a server may do without harm, and what is counted all the same.

use crate::model::{Fault, FaultKind, Severity};

/// Something that was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A text message without a single character.
    EmptyMessage,
    /// A pong nobody asked for.
    UnaskedPong,
    /// A packet for a namespace that is not connected.
    UnknownNamespace,
    /// A CONNECT answer nobody waits for.
    UnaskedConnect,
    /// An acknowledgement nobody waits for, or no longer.
    LateAck,
    /// An event that was sent twice when the session was recovered.
    RepeatedEvent,
}

impl Oddity {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::EmptyMessage,
        Self::UnaskedPong,
        Self::UnknownNamespace,
        Self::UnaskedConnect,
        Self::LateAck,
        Self::RepeatedEvent,
    ];

    /// What it is, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyMessage => "an empty message",
            Self::UnaskedPong => "a pong that was not asked for",
            Self::UnknownNamespace => "a packet for a namespace that is not connected",
            Self::UnaskedConnect => "a CONNECT answer that was not asked for",
            Self::LateAck => "an acknowledgement that nobody waits for",
            Self::RepeatedEvent => "an event that was already received",
        }
    }
}

/// How often each happened.
#[derive(Debug, Default)]
pub(super) struct Oddities([u64; Oddity::ALL.len()]);

impl Oddities {
    pub(super) fn count(&self, oddity: Oddity) -> u64 {
        self.0.get(oddity as usize).copied().unwrap_or(0)
    }

    /// Counts one. A fault comes of the first, second, fourth, eighth...: a server that keeps doing
    /// it must not fill the journal.
    pub(super) fn add(&mut self, oddity: Oddity, what: &str) -> Option<Fault> {
        let count = self.0.get_mut(oddity as usize)?;
        *count = count.saturating_add(1);
        let times = if *count == 1 { "time" } else { "times" };
        count.is_power_of_two().then(|| {
            let text = format!("ignored {}{what} ({count} {times} so far)", oddity.as_str());
            Fault::new(FaultKind::Peer, Severity::Info, text)
        })
    }
}
