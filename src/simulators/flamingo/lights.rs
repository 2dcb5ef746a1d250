//! Lasers, LED and the two light sheets: what is set, and what emits.

use super::settings::{LASER_FILTERS, LED_FILTER};

/// Steps of a laser's power: the hardware has a converter of 12 bits.
const LASER_STEPS: f64 = 4095.0;
/// Converter values of a dark LED and of the brightest.
const LED_DARK: i32 = 32_000;
const LED_RANGE: f64 = 33_534.0;

/// What is switched on. Nothing leaves the instrument by a light sheet that is off, but a laser
/// that is on emits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lights {
    /// Lasers 1 to 4.
    pub lasers: [bool; 4],
    /// The LED.
    pub led: bool,
    /// The light sheet from the left.
    pub left: bool,
    /// The light sheet from the right.
    pub right: bool,
}

impl Lights {
    /// Whether a laser or the LED emits.
    pub fn any(&self) -> bool {
        self.led || self.lasers.contains(&true)
    }
}

/// Everything about light that can be set.
#[derive(Clone, Debug)]
pub(super) struct Lamps {
    pub on: Lights,
    /// By laser, as the hardware has it.
    pub percent: [f64; 4],
    pub led_colour: i32,
    /// Converter values by colour.
    pub led_values: [i32; 4],
    pub filter: i32,
}

impl Lamps {
    pub(super) fn new() -> Self {
        Self {
            on: Lights::default(),
            percent: [quantised(5.0); 4],
            led_colour: 0,
            led_values: [42_000; 4],
            filter: LED_FILTER,
        }
    }

    /// Sets the level of a laser, given as text; returns what the hardware made of it.
    pub(super) fn set_level(&mut self, laser: usize, text: &str) -> Option<f64> {
        let percent: f64 = text.trim().parse().ok()?;
        let percent = Some(percent).filter(|p| (0.0..=100.0).contains(p))?;
        let level = self.percent.get_mut(laser)?;
        *level = quantised(percent);
        Some(*level)
    }

    /// How much light the specimen gets: on its cells and on its surroundings, 1 is usual.
    pub(super) fn light(&self) -> (f64, f64) {
        if !self.on.left && !self.on.right {
            return (0.0, 0.0);
        }
        let lasers = self.on.lasers.iter().zip(self.percent);
        let percent: f64 = lasers.filter(|(on, _)| **on).map(|(_, p)| p).sum();
        let value = self.led_values.get(self.led_colour as usize);
        let led = value.map_or(0.0, |value| {
            f64::from(value.saturating_sub(LED_DARK)).max(0.0) / LED_RANGE
        });
        let led = if self.on.led { led } else { 0.0 };
        // A laser's own scattered light brightens the surroundings a little.
        (percent / 10.0, led * 3.0 + percent / 100.0)
    }
}

fn quantised(percent: f64) -> f64 {
    (percent / 100.0 * LASER_STEPS).round() * 100.0 / LASER_STEPS
}

/// Where the filter wheel goes for a laser, counted from 0.
pub(super) fn filter_of(laser: usize) -> i32 {
    LASER_FILTERS.get(laser).copied().unwrap_or(LED_FILTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_what_the_hardware_can_do() {
        let mut lamps = Lamps::new();
        for (text, expected) in [
            ("11.49", Some("11.50")),
            ("0", Some("0.00")),
            ("100.00", Some("100.00")),
            ("100.01", None),
            ("-1", None),
            ("NaN", None),
            ("much", None),
        ] {
            let level = lamps.set_level(2, text).map(|p| format!("{p:.2}"));
            assert_eq!(level.as_deref(), expected, "{text}");
        }
        assert_eq!(lamps.set_level(4, "5"), None);
    }

    #[test]
    fn light_needs_a_source_and_a_path() {
        let mut lamps = Lamps::new();
        lamps.set_level(0, "10.00");
        lamps.on.lasers[0] = true;
        assert_eq!(lamps.light(), (0.0, 0.0));
        lamps.on.right = true;
        assert!((0.9..1.1).contains(&lamps.light().0));
        lamps.on = Lights {
            led: true,
            left: true,
            ..Lights::default()
        };
        assert!(lamps.light().0 == 0.0 && lamps.light().1 > 0.5);
        lamps.led_values[0] = 0;
        assert_eq!(lamps.light(), (0.0, 0.0));
    }
}
