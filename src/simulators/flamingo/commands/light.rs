//! Lasers, LED, light sheets and the filter wheel.

use super::Turn;
use crate::simulators::flamingo::codes;
use crate::simulators::flamingo::lights::filter_of;
use crate::simulators::flamingo::log::Deed;
use crate::simulators::flamingo::message::Message;
use crate::simulators::flamingo::microscope::{Instrument, Microscope};
use crate::simulators::flamingo::settings::LED_FILTER;

/// What follows when the LED is switched off. Source: stray bytes of a recorded session.
const LED_OFF: &[u8] = b"LEDOFF";

pub(super) fn run(turn: &mut Turn<'_>) {
    let laser = laser(turn.request.d0);
    if turn.request.code >> 12 == 2 {
        turn.microscope.set_hardware(turn.request.d0);
    }
    match turn.request.code {
        codes::LASER_LEVEL_SET => set_level(turn),
        codes::LASER_LEVEL_GET => turn.reply(level(turn, laser)),
        codes::LASER_ENABLE => {
            if let Some(laser) = laser {
                turn.microscope.set_laser(turn.instrument, laser, true);
            }
        }
        codes::LASER_PREVIEW_ENABLE => {
            if let Some(laser) = laser {
                preview(turn, laser);
            }
        }
        // By its name all of them, but with the first argument 0 none went off.
        codes::LASER_DISABLE | codes::LASER_ALL_DISABLE => {
            if let Some(laser) = laser {
                turn.microscope.set_laser(turn.instrument, laser, false);
            }
        }
        codes::LED_SET => set_led(turn),
        codes::LED_ENABLE => {
            turn.microscope.set_led(turn.instrument, true);
            turn.microscope.set_filter(turn.instrument, LED_FILTER);
            acknowledge(turn);
        }
        codes::LED_DISABLE => {
            turn.microscope.set_led(turn.instrument, false);
            if turn.microscope.options.acknowledge_lights {
                turn.reply(Message {
                    payload: LED_OFF.into(),
                    ..turn.success()
                });
            }
        }
        codes::LED_SELECTION if (0..4).contains(&turn.request.d0) => {
            turn.instrument.lamps.led_colour = turn.request.d0;
            acknowledge(turn);
        }
        codes::FILTER_SET => turn.microscope.set_filter(turn.instrument, turn.request.d0),
        codes::FILTER_GET => turn.reply(Message {
            d0: turn.instrument.lamps.filter,
            ..turn.success()
        }),
        codes::LEFT_ENABLE | codes::LEFT_DISABLE => {
            let on = turn.request.code == codes::LEFT_ENABLE;
            turn.microscope.set_left(turn.instrument, on);
            acknowledge(turn);
        }
        codes::RIGHT_ENABLE | codes::RIGHT_DISABLE => {
            let on = turn.request.code == codes::RIGHT_ENABLE;
            turn.microscope.set_right(turn.instrument, on);
            acknowledge(turn);
        }
        _ => {}
    }
}

/// The index of a laser numbered from 1.
fn laser(number: i32) -> Option<usize> {
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    (index < 4).then_some(index)
}

fn acknowledge(turn: &Turn<'_>) {
    if turn.microscope.options.acknowledge_lights {
        turn.reply(turn.success());
    }
}

fn set_level(turn: &mut Turn<'_>) {
    let Some(index) = laser(turn.request.d0) else {
        return;
    };
    let text = turn.request.text.clone();
    if let Some(percent) = turn.instrument.lamps.set_level(index, &text) {
        turn.did(Deed::LaserLevel {
            laser: turn.request.d0,
            percent,
        });
    }
}

fn level(turn: &Turn<'_>, laser: Option<usize>) -> Message {
    match laser {
        Some(laser) => Message {
            text: format!("{:.2}", turn.instrument.lamps.percent[laser]),
            ..turn.success()
        },
        None => turn.failure("getLevel error"),
    }
}

/// Arms one laser, turns the others off, and says so.
fn preview(turn: &mut Turn<'_>, laser: usize) {
    for other in (0..4).filter(|other| *other != laser) {
        turn.microscope.set_laser(turn.instrument, other, false);
    }
    turn.microscope.set_laser(turn.instrument, laser, true);
    turn.microscope
        .set_filter(turn.instrument, filter_of(laser));
    turn.microscope.announce_level(turn.instrument, laser);
}

fn set_led(turn: &mut Turn<'_>) {
    let (colour, value) = (turn.request.d0, turn.request.d1);
    let known = usize::try_from(colour)
        .ok()
        .and_then(|colour| turn.instrument.lamps.led_values.get_mut(colour));
    let Some(known) = known else {
        return;
    };
    *known = value;
    turn.instrument.lamps.led_colour = colour;
    turn.did(Deed::LedSet { colour, value });
    acknowledge(turn);
}

impl Microscope {
    /// Switches a laser, counted from 0.
    pub(in crate::simulators::flamingo) fn set_laser(
        &self,
        instrument: &mut Instrument,
        index: usize,
        on: bool,
    ) {
        let Some(state) = instrument.lamps.on.lasers.get_mut(index) else {
            return;
        };
        if std::mem::replace(state, on) != on {
            let laser = index as i32 + 1;
            self.did(if on {
                Deed::LaserOn { laser }
            } else {
                Deed::LaserOff { laser }
            });
        }
    }

    pub(in crate::simulators::flamingo) fn set_led(&self, instrument: &mut Instrument, on: bool) {
        if std::mem::replace(&mut instrument.lamps.on.led, on) != on {
            self.did(if on { Deed::LedOn } else { Deed::LedOff });
        }
    }

    pub(in crate::simulators::flamingo) fn set_left(&self, instrument: &mut Instrument, on: bool) {
        if std::mem::replace(&mut instrument.lamps.on.left, on) != on {
            self.did(Deed::LeftPath { on });
        }
    }

    pub(in crate::simulators::flamingo) fn set_right(&self, instrument: &mut Instrument, on: bool) {
        if std::mem::replace(&mut instrument.lamps.on.right, on) != on {
            self.did(Deed::RightPath { on });
        }
    }

    fn set_filter(&self, instrument: &mut Instrument, position: i32) {
        let fits = (0..8).contains(&position);
        if fits && std::mem::replace(&mut instrument.lamps.filter, position) != position {
            self.did(Deed::Filter { position });
        }
    }

    /// Tells every client the level of a laser, counted from 0.
    pub(in crate::simulators::flamingo) fn announce_level(
        &self,
        instrument: &Instrument,
        index: usize,
    ) {
        if let Some(percent) = instrument.lamps.percent.get(index) {
            self.announce(&Message {
                d0: index as i32 + 1,
                text: format!("{percent:.2}"),
                ..Message::new(codes::LASER_LEVEL_GET)
            });
        }
    }

    /// Tells every client that the LED is off.
    pub(in crate::simulators::flamingo) fn announce_led_off(&self) {
        self.announce(&Message {
            payload: LED_OFF.into(),
            ..Message::new(codes::LED_DISABLE)
        });
    }
}
