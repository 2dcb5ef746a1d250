//! What one message is: the steps of rule 3, in their order.

use super::{Correlator, InFlight, LateReply, Outcome, Routed, Tombstone};
use crate::protocol::flamingo::commands::{Command, ReplyKind, Selector};
use crate::protocol::flamingo::event::{Event, is_position_update};
use crate::protocol::flamingo::message::Message;
use crate::protocol::flamingo::profile::{Notice, Profile, SystemState};

impl Correlator {
    pub(super) fn route(&mut self, message: Message, oversize: Option<usize>) -> Routed {
        self.learn_state(&message);
        if self.is_only_an_event(&message) {
            return self.event_only(message, oversize);
        }
        let is_nameless = message.d0() == 0;
        // A late acknowledgement must not pass for that of a newer request.
        if let Some(late) = self.take_tombstone(&message, false) {
            return self.late(late, message);
        }
        if let Some(place) = self.find_in_flight(&message) {
            let one = self.in_flight.remove(place);
            if is_nameless && one.selector.is_some() && !self.nameless.contains(&one.code) {
                self.nameless.push(one.code);
            }
            return self.complete(one, message, oversize);
        }
        if let Some(late) = self.take_tombstone(&message, true) {
            return self.late(late, message);
        }
        self.event_only(message, oversize)
    }

    fn learn_state(&mut self, message: &Message) {
        let told = self.profile.notice(message.code).and_then(Notice::state);
        let asked = || {
            let is_reply = self.profile.command(message.code) == Some(Command::SystemStateGet);
            // Of a reply that declines, nothing is to be learned.
            (is_reply && message.status != 0)
                .then(|| self.profile.state(message.d0()))
                .flatten()
        };
        self.state = told.or_else(asked).or(self.state);
    }

    /// Messages that are never replies.
    fn is_only_an_event(&self, message: &Message) -> bool {
        match self.profile.notice(message.code) {
            Some(Notice::Settings) => return false,
            // While a workflow runs, a stack is complete; otherwise it may be the reply that has
            // the same code.
            Some(Notice::StackComplete) => return self.state == Some(SystemState::Workflow),
            Some(_) => return true,
            None => {}
        }
        self.profile.command(message.code) == Some(Command::StagePositionGet)
            && is_position_update(message)
    }

    /// The request that a message answers: the oldest of its code that has its selector. A reply
    /// that names none is taken where only one request can be meant.
    fn find_in_flight(&mut self, message: &Message) -> Option<usize> {
        let profile = &self.profile;
        let fits = |one: &InFlight| {
            one.command.info().reply != ReplyKind::None
                && answers(message, one.command, one.code, profile)
        };
        let named = self.in_flight.iter().position(|one| {
            fits(one) && one.selector.is_none_or(|selector| selector == message.d0())
        });
        if named.is_some() || message.d0() != 0 {
            return named;
        }
        let mut all = self.in_flight.iter().enumerate().filter(|one| fits(one.1));
        match (all.next(), all.next()) {
            (Some((place, _)), None) => Some(place),
            (Some((_, one)), Some(_)) => {
                // Whose reply this is cannot be known; next time one is asked after the other.
                if !self.nameless.contains(&one.code) {
                    self.nameless.push(one.code);
                }
                None
            }
            _ => None,
        }
    }

    /// The oldest request that timed out and that a message may answer, taken off the list.
    ///
    /// - `may_complete`: look among those whose late replies may complete newer requests, or among
    ///   the others
    fn take_tombstone(&mut self, message: &Message, may_complete: bool) -> Option<Tombstone> {
        let profile = &self.profile;
        let place = self.tombstones.iter().position(|t| {
            t.command.info().late_may_complete == may_complete && t.may_be(message, profile)
        })?;
        self.tombstones.remove(place)
    }

    fn complete(&self, one: InFlight, message: Message, oversize: Option<usize>) -> Routed {
        if let Some(payload_bytes) = oversize {
            let outcome = Outcome::Oversize {
                message,
                payload_bytes,
            };
            return Routed {
                settled: Some(one.settled(outcome)),
                ..Routed::default()
            };
        }
        let late = self
            .tombstones
            .iter()
            .any(|t| t.may_be(&message, &self.profile));
        let event = self.news_in_reply(&one, &message);
        Routed {
            settled: Some(one.settled(Outcome::Answered { message, late })),
            late: None,
            event,
        }
    }

    fn late(&self, tombstone: Tombstone, message: Message) -> Routed {
        // Settings are news and a dark LED is dark, whenever it was asked for.
        let event = match tombstone.command {
            Command::SettingsLoad => settings_in(&message),
            Command::LedDisable => Some(Event::from_message(&message, &self.profile)),
            _ => None,
        };
        Routed {
            settled: None,
            late: Some(LateReply {
                token: tombstone.token,
                command: tombstone.command,
                message,
            }),
            event,
        }
    }

    /// What a reply says to others than who asked: that of codes with two meanings, rule 3.7.
    fn news_in_reply(&self, one: &InFlight, message: &Message) -> Option<Event> {
        match one.command {
            Command::SettingsLoad => settings_in(message),
            Command::LedDisable => Some(Event::from_message(message, &self.profile)),
            // It has been told from a complete stack, and is not to look like one.
            Command::RoiTopSet => Some(Event::Other(message.clone())),
            Command::StagePositionGet | Command::LaserLevelGet => {
                let mut named = message.clone();
                if let Some(selector) = one.selector {
                    named.data[0] = selector;
                }
                Some(Event::from_message(&named, &self.profile))
            }
            _ => None,
        }
    }

    fn event_only(&self, message: Message, oversize: Option<usize>) -> Routed {
        let event = match (oversize, self.profile.notice(message.code)) {
            // Only the settings say something in their payload.
            (Some(payload_bytes), None | Some(Notice::Settings)) => Event::Oversize {
                message,
                payload_bytes,
            },
            _ => Event::from_message(&message, &self.profile),
        };
        Routed {
            event: Some(event),
            ..Routed::default()
        }
    }
}

impl Tombstone {
    /// Whether a message may be its reply. One that names no axis or laser may be anybody's.
    fn may_be(&self, message: &Message, profile: &Profile) -> bool {
        let by_name = self.command.info().selector == Selector::None
            || message.d0() == 0
            || self.selector == Some(message.d0());
        by_name && answers(message, self.command, self.code, profile)
    }
}

/// Whether a message has the code of the reply to a request with `code`.
fn answers(message: &Message, command: Command, code: u32, profile: &Profile) -> bool {
    message.code == code
        || (command.info().reply == ReplyKind::EchoAsSettings
            && profile.notice_code(Notice::Settings) == Some(message.code))
}

fn settings_in(message: &Message) -> Option<Event> {
    (!message.payload.is_empty()).then(|| Event::Settings {
        text: message.payload.clone(),
    })
}
