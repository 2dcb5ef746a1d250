//! The settings text, and the text format it shares with workflows.

use super::options::SimulatorOptions;
use super::stage::Axis;

/// How the settings name the instrument. Whoever reads it knows that nothing real is behind it.
pub(super) const MICROSCOPE_NAME: &str = "ttyscope-simulator";
/// Lowest and highest position by axis, hard and soft limits alike.
pub(super) const LIMITS: [(f64, f64); 4] =
    [(1.0, 15.0), (5.0, 25.0), (11.0, 25.0), (-720.0, 720.0)];
/// Where home is, by axis.
pub(super) const HOME: [f64; 4] = [7.5, 23.5, 20.0, 0.0];
/// Wavelengths of the lasers, nm.
pub(super) const LASERS_NM: [u32; 4] = [405, 488, 561, 640];
/// Positions of the filter wheel that belong to the lasers, and to the LED.
pub(super) const LASER_FILTERS: [i32; 4] = [0, 1, 2, 3];
pub(super) const LED_FILTER: i32 = 4;
/// Filters by their position in the wheel.
const FILTERS: [&str; 8] = [
    "460/50", "525/50", "595LP", "655LP", "open", "empty", "empty", "empty",
];
/// Magnification of the objective: makes the pixels of [`SENSOR_UM`] half a micrometre wide.
const MAGNIFICATION: f64 = 13.0;
/// Pitch of the sensor's pixels.
pub(super) const SENSOR_UM: f64 = 6.5;
/// Width of a pixel in the sample.
pub(super) const PIXEL_UM: f64 = SENSOR_UM / MAGNIFICATION;

/// What the instrument's settings file says at the start.
/// Source of the sections and keys: a settings file of a real instrument.
pub(super) fn text(options: &SimulatorOptions) -> String {
    let mut out = String::with_capacity(3000);
    section(&mut out, "Type", |out| {
        line(out, "Microscope type", "simulated light sheet");
        line(out, "Microscope name", MICROSCOPE_NAME);
        line(out, "Microscope builder", "ttyscope");
        line(out, "Objective lens magnification", MAGNIFICATION);
        line(out, "Tube lens design focal length (mm)", 200);
        line(out, "Tube lens length (mm)", 200);
    });
    section(&mut out, "Filter wheel encoder counts", |out| {
        let counts = [1780, 2300, 2850, 3333, 1230, 5, 6, 7];
        for (nth, count) in (1..).zip(counts) {
            let value = format!("{count} {}", 8 - nth);
            line(out, &format!("Filter wheel position {nth}"), value);
        }
        for (nth, filter) in (1..).zip(FILTERS) {
            line(out, &format!("Filter wheel description {nth}"), filter);
        }
    });
    section(&mut out, "Filter wheel position assignments", |out| {
        for (laser, filter) in (1..).zip(LASER_FILTERS) {
            line(out, &format!("Laser {laser}"), filter);
        }
        line(out, "LED", LED_FILTER);
    });
    section(&mut out, "Laser parameters", |out| {
        for (laser, wavelength) in (1..).zip(LASERS_NM) {
            line(out, &format!("Laser {laser} wave length (nm)"), wavelength);
            line(out, &format!("Laser {laser} max power (mw)"), 20);
        }
        line(out, "Laser lines", LASERS_NM.len());
    });
    section(&mut out, "Illumination settings", |out| {
        for (side, offset) in [("left", 1500), ("right", 2300)] {
            line(out, &format!("Offset {side} x-axis"), offset);
            line(out, &format!("Amplitude {side} x-axis"), 290);
        }
        line(out, "Sample scan frequency (Hz)", 200);
    });
    section(&mut out, "Stage limits", |out| {
        let axes = || Axis::ALL.into_iter().zip(["x", "y", "z", "r"]);
        for kind in ["Hard", "Soft"] {
            for (axis, name) in axes() {
                let (low, high) = LIMITS[axis.index()];
                line(
                    out,
                    &format!("{kind} limit min {name}-axis"),
                    format!("{low:.3}"),
                );
                line(
                    out,
                    &format!("{kind} limit max {name}-axis"),
                    format!("{high:.3}"),
                );
            }
        }
        for (axis, name) in axes() {
            let home = HOME[axis.index()];
            line(out, &format!("Home {name}-axis"), format!("{home:.3}"));
        }
        for (axis, name) in axes() {
            let speed = options.speeds[axis.index()];
            let key = format!("Default velocity {name}-axis");
            line(out, &key, format!("{speed:.3}"));
        }
    });
    section(&mut out, "LED settings", |out| {
        line(out, "LED selection (0 red, 1 green, 2 blue, 3 white)", 0);
        line(out, "Preview on", 0);
        line(out, "Recording on", 0);
        for colour in ["red", "green", "blue", "white"] {
            line(out, &format!("Intensity {colour}"), 42_000);
        }
        line(out, "UI slider min (match LED DAC)", 3_200_000);
        line(out, "UI slider max (match LED DAC)", 6_553_400);
        line(out, "UI slider factor adjustment", 100);
    });
    section(&mut out, "Camera overlap settings", |out| {
        line(out, "Camera 1 overlap percent", 100);
        let key = "Camera 1 capture mode (0: full, 1: from front, 2: from back)";
        line(out, key, 0);
    });
    out
}

fn section(out: &mut String, name: &str, lines: impl FnOnce(&mut String)) {
    out.push_str(&format!("<{name}>\n"));
    lines(out);
    out.push_str(&format!("</{name}>\n"));
}

fn line(out: &mut String, key: &str, value: impl std::fmt::Display) {
    out.push_str(&format!("  {key} = {value}\n"));
}

/// The text without one of its sections.
pub(super) fn without_section(text: &str, name: &str) -> String {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        inside |= line.trim() == begin;
        if !inside {
            out.push_str(line);
        }
        inside &= line.trim() != end;
    }
    out
}

/// The value of a key in a section, at any depth; empty values count as missing.
pub(super) fn value<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('<').and_then(|l| l.strip_suffix('>')) {
            inside = name == section;
        } else if let (true, Some((left, right))) = (inside, line.split_once('='))
            && left.trim() == key
        {
            return Some(right.trim()).filter(|value| !value.is_empty());
        }
    }
    None
}

/// The same as a finite number; old files have commas between thousands.
pub(super) fn number(text: &str, section: &str, key: &str) -> Option<f64> {
    let value = value(text, section, key)?.replace(',', "");
    value.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_have_the_size_and_the_values_of_real_ones() {
        let text = text(&SimulatorOptions::default());
        assert!((2500..3300).contains(&text.len()), "{} bytes", text.len());
        for (section, key, expected) in [
            ("Type", "Microscope name", "ttyscope-simulator"),
            ("Stage limits", "Soft limit min x-axis", "1.000"),
            ("Stage limits", "Hard limit max r-axis", "720.000"),
            ("Stage limits", "Home z-axis", "20.000"),
            ("Stage limits", "Default velocity r-axis", "50.000"),
            ("Laser parameters", "Laser 3 wave length (nm)", "561"),
            (
                "Filter wheel encoder counts",
                "Filter wheel description 2",
                "525/50",
            ),
            ("Camera overlap settings", "Camera 1 overlap percent", "100"),
        ] {
            assert_eq!(value(&text, section, key), Some(expected), "{key}");
        }
        assert_eq!(value(&text, "Type", "Laser lines"), None);
    }

    #[test]
    fn one_section_can_be_left_out() {
        let text = text(&SimulatorOptions::default());
        let less = without_section(&text, "Stage limits");
        assert!(!less.contains("limit"));
        assert!(less.contains("</Illumination settings>\n<LED settings>"));
    }

    #[test]
    fn numbers_are_read_as_old_files_have_them() {
        let text = "<A>\n <B>\n # C = 1\n C = 9,002\n D = \n E = x = 3\n </B>\n</A>";
        assert_eq!(number(text, "B", "C"), Some(9002.0));
        assert_eq!(value(text, "B", "D"), None);
        assert_eq!(value(text, "B", "E"), Some("x = 3"));
        assert_eq!(number(text, "A", "C"), None);
    }
}
