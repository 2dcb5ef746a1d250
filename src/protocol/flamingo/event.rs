//! What the server says unasked.
//!
//! Which messages are events at all is the correlator's to say; what an event means is said here.
//!
//! Source: protocol description, section 7.

use bytes::Bytes;

use super::commands::Command;
use super::light::laser_level_percent;
use super::message::Message;
use super::profile::{Notice, Profile, SystemState};
use super::stage::{Axis, positions_in};
use crate::model::PlainText;

/// Something the server said unasked, or a reply that is news to everybody.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An axis has stopped. Which of several moves ended cannot be told.
    MotionStopped {
        /// The axis; `None` when the number is none.
        axis: Option<Axis>,
        /// 1 is done; with any other the wait goes on.
        status: i32,
    },
    /// Where the axes are while they move; those not named are `None`.
    Positions {
        /// By [`Axis::index`], in the unit of each.
        positions: [Option<f64>; 4],
    },
    /// Where one axis is: a reply, perhaps to another client.
    AxisPosition {
        /// The axis.
        axis: Axis,
        /// In its unit.
        position: f64,
    },
    /// How many steps a workflow has.
    GaugeSize {
        /// The last step.
        maximum: i32,
    },
    /// How far a workflow is.
    GaugeValue {
        /// Images acquired.
        acquired: i32,
        /// Images expected.
        expected: i32,
    },
    /// The live view now sends pictures after changes only.
    LiveViewOnChange,
    /// Images are on the disk.
    ImagesSaved {
        /// Written.
        written: i32,
        /// In all.
        total: i32,
    },
    /// A stack is done. Not proof that the workflow is: only the idle state is.
    StackComplete {
        /// Images acquired.
        acquired: i32,
        /// Images expected.
        expected: i32,
        /// Errors.
        errors: i32,
        /// How long it took, microseconds.
        duration_us: f64,
    },
    /// The level of a laser, or that it declines to say.
    LaserLevel {
        /// Its number as sent; 1 to 4 are lasers.
        laser: i32,
        /// Percent; `None` when the text is no number.
        percent: Option<f64>,
        /// What it said.
        text: PlainText,
    },
    /// The LED is off, or its switching off was acknowledged; that cannot be told apart.
    LedOff {
        /// What followed, usually `LEDOFF`.
        text: PlainText,
    },
    /// The settings, whoever asked for them: what is known of them is to be refreshed.
    Settings {
        /// Their text, untouched.
        text: Bytes,
    },
    /// The state has changed.
    State(SystemState),
    /// Anything else: a reply to another client, or a code that means nothing here.
    Other(Message),
    /// A message whose payload was over our limit and is gone.
    Oversize {
        /// The message without its payload.
        message: Message,
        /// How long the payload was.
        payload_bytes: usize,
    },
}

impl Event {
    /// What a message says.
    pub fn from_message(message: &Message, profile: &Profile) -> Self {
        if let Some(notice) = profile.notice(message.code) {
            return Self::from_notice(notice, message);
        }
        match profile.command(message.code) {
            Some(Command::LaserLevelGet) => Self::LaserLevel {
                laser: message.d0(),
                percent: laser_level_percent(&message.text.to_str()),
                text: message.text.to_plain(),
            },
            Some(Command::LedDisable) => Self::LedOff {
                text: PlainText::from_peer_bytes(&message.payload),
            },
            Some(Command::StagePositionGet) if is_position_update(message) => Self::Positions {
                positions: positions_in(&message.text.to_str()),
            },
            Some(Command::StagePositionGet) => match axis_position(message) {
                Some((axis, position)) => Self::AxisPosition { axis, position },
                None => Self::Other(message.clone()),
            },
            _ => Self::Other(message.clone()),
        }
    }

    fn from_notice(notice: Notice, message: &Message) -> Self {
        let [d0, d1, d2] = message.data;
        match notice {
            Notice::Settings => Self::Settings {
                text: message.payload.clone(),
            },
            Notice::StackComplete => Self::StackComplete {
                acquired: d0,
                expected: d1,
                errors: d2,
                duration_us: message.double,
            },
            Notice::MotionStopped => Self::MotionStopped {
                axis: Axis::from_number(d0),
                status: message.status,
            },
            Notice::GaugeSize => Self::GaugeSize { maximum: d0 },
            Notice::GaugeValue => Self::GaugeValue {
                acquired: d0,
                expected: d1,
            },
            Notice::LiveViewOnChange => Self::LiveViewOnChange,
            Notice::ImagesSaved => Self::ImagesSaved {
                written: d0,
                total: d1,
            },
            Notice::StateDisconnected => Self::State(SystemState::Disconnected),
            Notice::StateIdle => Self::State(SystemState::Idle),
            Notice::StateSnapshot => Self::State(SystemState::Snapshot),
            Notice::StateLiveView => Self::State(SystemState::LiveView),
            Notice::StateWorkflow => Self::State(SystemState::Workflow),
        }
    }
}

/// The position in a reply. An exact 0 is what servers send where they have none, so it is no news
/// on x, y and z; who asked for it and knows that nothing moves reads the reply itself.
fn axis_position(message: &Message) -> Option<(Axis, f64)> {
    let axis = Axis::from_number(message.d0())?;
    let position = message.double;
    let is_position = position.is_finite() && (position != 0.0 || axis == Axis::R);
    (is_position && message.status != 0).then_some((axis, position))
}

/// Whether a message with the code of a position is an update of the moving stage and no reply: its
/// floating-point field is 0 then, and would be taken for a position.
///
/// Source: section 10, rule 3.2. Any axis in the text counts, not only the first: an update that
/// names others alone would otherwise answer a question with 0.
pub fn is_position_update(message: &Message) -> bool {
    use super::message::{CALLBACK, POSITIONS_IN_TEXT};
    let flagged = message.bits & POSITIONS_IN_TEXT != 0 && message.bits & CALLBACK == 0;
    flagged || super::stage::names_positions(&message.text.to_str())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::protocol::flamingo::vectors::vector;

    fn event(message: &Message) -> Event {
        Event::from_message(message, &Profile::current())
    }

    #[test]
    fn the_events_on_record_are_read() {
        let cases = [
            (
                "V7",
                Event::MotionStopped {
                    axis: Some(Axis::R),
                    status: 1,
                },
            ),
            (
                "V10",
                Event::LedOff {
                    text: "LEDOFF".into(),
                },
            ),
            (
                "V12",
                Event::Positions {
                    positions: [Some(8.032), Some(23.898), Some(19.753), None],
                },
            ),
            (
                "V5",
                Event::AxisPosition {
                    axis: Axis::X,
                    position: 8.032,
                },
            ),
        ];
        for (name, want) in cases {
            let message = Message::decode(&vector(name).into()).unwrap();
            assert_eq!(event(&message), want, "{name}");
        }
    }

    #[test]
    fn each_notice_has_its_event() {
        let with = |code| Message {
            data: [7, 9, 2],
            double: 5e6,
            status: 1,
            ..Message::new(code)
        };
        let cases = [
            (0x9003, Event::GaugeSize { maximum: 7 }),
            (
                0x9004,
                Event::GaugeValue {
                    acquired: 7,
                    expected: 9,
                },
            ),
            (0x9005, Event::LiveViewOnChange),
            (
                0x9008,
                Event::ImagesSaved {
                    written: 7,
                    total: 9,
                },
            ),
            (
                0x3011,
                Event::StackComplete {
                    acquired: 7,
                    expected: 9,
                    errors: 2,
                    duration_us: 5e6,
                },
            ),
            (
                0x6010,
                Event::MotionStopped {
                    axis: None,
                    status: 1,
                },
            ),
            (0xa001, Event::State(SystemState::Disconnected)),
            (0xa002, Event::State(SystemState::Idle)),
            (0xa003, Event::State(SystemState::Snapshot)),
            (0xa004, Event::State(SystemState::LiveView)),
            (0xa005, Event::State(SystemState::Workflow)),
            (0x9077, Event::Other(with(0x9077))),
            (0x6008, Event::Other(with(0x6008))),
        ];
        for (code, want) in cases {
            assert_eq!(event(&with(code)), want, "{code:#x}");
        }
        let settings = Message::new(0x1007).with_payload("a = 1\r\n");
        assert_eq!(
            event(&settings),
            Event::Settings {
                text: "a = 1\r\n".into()
            }
        );
        let level = Message::new(0x2002).with_d0(3);
        for (text, percent) in [("11.50", Some(11.5)), ("getLevel error", None)] {
            let message = level.clone().with_text(text).unwrap();
            assert_eq!(
                event(&message),
                Event::LaserLevel {
                    laser: 3,
                    percent,
                    text: text.into()
                }
            );
        }
    }

    #[test]
    fn a_position_of_zero_in_motion_is_an_update_and_no_reply() {
        let reply = Message::reply(0x6008).with_d0(1).with_double(3.0);
        let updates = [
            Message {
                bits: 2,
                ..reply.clone()
            },
            reply.clone().with_text("1=8.0\n2=3.0").unwrap(),
            reply.clone().with_text("2=8.0\n").unwrap(),
        ];
        for update in updates {
            assert!(is_position_update(&update), "{update:?}");
        }
        let both = Message {
            bits: 0x8000_0002,
            ..reply.clone()
        };
        for reply in [reply, both] {
            assert!(!is_position_update(&reply), "{reply:?}");
        }
    }
}
