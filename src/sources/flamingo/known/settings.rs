//! What follows from the settings: limits, homes, velocities, and which lights there are.

use bytes::Bytes;

use super::Known;
use crate::model::{Limits, PlainText, SIMULATOR_HOSTNAME, Value};
use crate::protocol::flamingo::{Axis, Document, Settings};

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
}
