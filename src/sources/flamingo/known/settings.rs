//! What follows from the settings: limits, homes, velocities, and which lights there are.

use bytes::Bytes;

use super::{Known, Lamp};
use crate::model::{Evidence, Light, Limits, PlainText, SIMULATOR_HOSTNAME, Unit, Value};
use crate::protocol::flamingo::light::led_percent;
use crate::protocol::flamingo::{Axis, Document, Laser, LedColour, Settings, Side};

impl Known {
    /// Takes in a settings text; returns what is doubtful, one sentence each.
    pub(super) fn set_settings(&mut self, text: Bytes) -> Vec<String> {
        if text.is_empty() || text == self.settings_text {
            return Vec::new();
        }
        let document = Document::parse(&text);
        let settings = Settings::read(&document);
        let doubts = settings.doubts.iter();
        let mut doubts: Vec<String> = doubts.map(|doubt| format!("settings: {doubt}")).collect();
        for axis in Axis::ALL {
            let its = settings.axis(axis);
            let (limits, forbidden) = self.limits_of(axis, &settings);
            doubts.extend(forbidden.as_deref().map(str::to_owned));
            self.change_axis(axis, |state| state.limits = limits);
            if let Some(track) = self.track(axis) {
                track.forbidden = forbidden;
                track.velocity = its.default_velocity.filter(|v| *v > 0.0);
                track.home = its.home;
            }
        }
        let axes = Axis::ALL.map(Axis::letter);
        for name in self.own_limits.keys() {
            if !axes.contains(&name.to_ascii_lowercase().as_str()) {
                doubts.push(format!(
                    "limits: there is no axis \"{name}\"; there are x, y, z and r"
                ));
            }
        }
        self.describe(&document);
        self.settings = Some(settings);
        self.settings_text = text;
        self.name_lamps();
        self.led_levels(&document);
        self.changed = true;
        doubts
    }

    /// Where an axis may go, and why it may not be moved at all if our own limits are wider.
    fn limits_of(&self, axis: Axis, settings: &Settings) -> (Option<Limits>, Option<PlainText>) {
        let its = settings.axis(axis).allowed();
        let its = its.and_then(|range| Limits::new(range.min, range.max));
        let mut own = self.own_limits.iter();
        let own = own.find(|(name, _)| name.eq_ignore_ascii_case(axis.letter()));
        match (its, own) {
            (its, None) => (its, None),
            (None, Some(_)) => (None, None),
            (Some(its), Some((_, own))) if its.enclose(*own) => (Some(*own), None),
            (Some(its), Some((_, own))) => {
                let unit = super::unit(axis);
                let why = format!(
                    "limits of {axis}: {} to {} {unit} is wider than the instrument's {} to {} {unit}; write a range inside of that. Until then {axis} is not moved",
                    own.min, own.max, its.min, its.max
                );
                (None, Some(why.into()))
            }
        }
    }

    /// Why an axis has no limits.
    pub(in crate::sources::flamingo) fn why_no_limits(&self, axis: Axis) -> PlainText {
        let forbidden = self.tracks.get(axis.index());
        if let Some(why) = forbidden.and_then(|track| track.forbidden.clone()) {
            return why;
        }
        let what = if self.settings.is_some() {
            "the instrument's settings state no usable limits for it"
        } else {
            "the instrument's settings were not read yet"
        };
        format!("{axis} is not moved: {what}; refresh reads them again").into()
    }

    fn describe(&mut self, document: &Document) {
        let kind = document.find("Type");
        let text = |key: &str| {
            let entry = kind.and_then(|section| section.get(key))?;
            Some(PlainText::from_peer(&entry.value())).filter(|text| !text.is_empty())
        };
        let name = text("Microscope name");
        let model = text("Microscope type");
        let magnification = kind
            .and_then(|section| section.get("Objective lens magnification"))
            .and_then(|entry| entry.number());
        if let Some(name) = name {
            if *name == *SIMULATOR_HOSTNAME {
                self.set_value("server/hostname", SIMULATOR_HOSTNAME, "");
            }
            self.set_value("server/name", name, "");
        }
        if let Some(model) = model {
            self.set_value("server/type", model, "");
        }
        if let Some(magnification) = magnification {
            self.set_value("optics/magnification", Value::Float(magnification), "x");
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
    fn led_levels(&mut self, document: &Document) {
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
