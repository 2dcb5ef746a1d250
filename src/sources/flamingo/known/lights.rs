//! The lights: which there are, and what is known of them.

use super::Known;
use crate::model::{Evidence, Light, Limits, Unit};
use crate::protocol::flamingo::light::led_percent;
use crate::protocol::flamingo::{Document, Laser, LedColour, Side};

/// A light by what it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources::flamingo) enum Lamp {
    Laser(Laser),
    Led(LedColour),
    Sheet(Side),
}

impl Known {
    pub(in crate::sources::flamingo) fn lamp(&self, name: &str) -> Option<Lamp> {
        let lights = self.instrument.lights.iter().zip(&self.lamps);
        let mut named = lights.filter(|(light, _)| light.name.eq_ignore_ascii_case(name));
        named.next().map(|(_, lamp)| *lamp)
    }

    pub(super) fn change_light(
        &mut self,
        lamp: Lamp,
        change: impl FnOnce(&mut crate::model::Light),
    ) {
        let place = self.lamps.iter().position(|other| *other == lamp);
        if let Some(light) = place.and_then(|place| self.instrument.lights.get_mut(place)) {
            let before = light.clone();
            change(light);
            self.changed |= before != *light;
        }
    }

    pub(in crate::sources::flamingo) fn level(&self, lamp: Lamp) -> Option<f64> {
        let place = self.lamps.iter().position(|other| *other == lamp)?;
        self.instrument.lights.get(place)?.level
    }

    pub(in crate::sources::flamingo) fn set_level(
        &mut self,
        lamp: Lamp,
        percent: f64,
        evidence: Evidence,
    ) {
        self.change_light(lamp, |light| {
            light.level = Some(percent);
            if light.on.is_none() {
                light.evidence = evidence;
            }
        });
    }

    pub(in crate::sources::flamingo) fn set_on(
        &mut self,
        lamp: Lamp,
        on: bool,
        evidence: Evidence,
    ) {
        self.change_light(lamp, |light| {
            light.on = Some(on);
            light.evidence = evidence;
        });
    }

    /// Every light was switched off, and none has said so.
    pub(in crate::sources::flamingo) fn darkened(&mut self) {
        for lamp in self.lamps.clone() {
            self.set_on(lamp, false, Evidence::Assumed);
        }
    }

    /// The lights by what they are called, keeping what is known of them.
    pub(super) fn name_lamps(&mut self) {
        let named = self.settings.as_ref().map_or(&[][..], |s| &s.lasers);
        let wavelengths: Vec<(Laser, Option<u32>)> = match named {
            [] => Laser::ALL.map(|laser| (laser, None)).into(),
            named => named.iter().map(|n| (n.laser, n.wavelength_nm)).collect(),
        };
        let mut made: Vec<(Lamp, Light)> = Vec::new();
        for (laser, nm) in &wavelengths {
            let twice = wavelengths.iter().filter(|(_, other)| other == nm).count() > 1;
            let number = laser.number();
            let (name, label) = match nm {
                Some(nm) if !twice => (nm.to_string(), format!("laser {number}, {nm} nm")),
                Some(nm) => (
                    format!("laser-{number}"),
                    format!("laser {number}, {nm} nm"),
                ),
                None => (format!("laser-{number}"), format!("laser {number}")),
            };
            made.push((Lamp::Laser(*laser), light(name, label, true)));
        }
        for colour in LedColour::ALL {
            let word = colour.as_str();
            let lamp = Lamp::Led(colour);
            made.push((
                lamp,
                light(format!("led-{word}"), format!("LED, {word}"), true),
            ));
        }
        for (side, word) in [(Side::Left, "left"), (Side::Right, "right")] {
            let label = format!("light sheet from the {word}");
            made.push((Lamp::Sheet(side), light(word.to_owned(), label, false)));
        }
        let old: Vec<(Lamp, Light)> = self
            .lamps
            .drain(..)
            .zip(self.instrument.lights.drain(..))
            .collect();
        for (lamp, mut light) in made {
            if let Some((_, before)) = old.iter().find(|(other, _)| *other == lamp) {
                light.level = before.level;
                light.on = before.on;
                light.evidence = before.evidence;
            }
            self.lamps.push(lamp);
            self.instrument.lights.push(light);
        }
    }

    /// What the LED's colours are set to; the device itself cannot be asked.
    pub(super) fn led_levels(&mut self, document: &Document) {
        let Some(section) = document.find("LED settings") else {
            return;
        };
        for colour in LedColour::ALL {
            let entry = section.get(&format!("Intensity {}", colour.as_str()));
            let dac = entry.and_then(|entry| entry.number());
            let dac = dac.filter(|dac| (0.0..=65_535.0).contains(dac));
            let lamp = Lamp::Led(colour);
            if let Some(dac) = dac.filter(|_| self.level(lamp).is_none()) {
                let percent = (led_percent(dac as i32) * 10.0).round() / 10.0;
                self.set_level(lamp, percent, Evidence::Assumed);
            }
        }
    }
}

fn light(name: String, label: String, has_level: bool) -> Light {
    Light {
        name: name.into(),
        label: label.into(),
        level: None,
        unit: Unit::Percent,
        range: has_level.then_some(Limits {
            min: 0.0,
            max: 100.0,
        }),
        on: None,
        evidence: Evidence::None,
    }
}
