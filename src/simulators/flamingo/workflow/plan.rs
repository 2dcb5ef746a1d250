//! From the text of a workflow to what is to be done.

use crate::simulators::flamingo::settings::{LIMITS, number, value};
use crate::simulators::flamingo::stage::Axis;

/// Most planes of a stack and most stacks of a workflow.
const MOST_PLANES: f64 = 100_000.0;
const MOST_STACKS: usize = 10_000;
/// Pictures per second if the text says nothing.
const USUAL_HZ: f64 = 20.0;

/// What a workflow does.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::simulators::flamingo) struct Plan {
    /// Where each stack begins.
    pub stacks: Vec<[f64; 4]>,
    /// Where the last stack ends.
    pub end: [f64; 4],
    pub planes: u32,
    /// From one plane to the next.
    pub step_mm: f64,
    pub hz: f64,
    /// Levels of the lasers that are used.
    pub lasers: [Option<String>; 4],
    pub led: bool,
    pub left: bool,
    pub right: bool,
    /// Whether the pictures are shown to viewers.
    pub live: bool,
    /// Whether the projection of a stack is.
    pub project: bool,
    pub saves: bool,
    pub is_tiled: bool,
}

impl Plan {
    /// Reads the text. What it does not say is as the instrument is.
    ///
    /// - `field_mm`: width and height of what the camera sees
    pub(in crate::simulators::flamingo) fn new(
        text: &str,
        positions: [f64; 4],
        field_mm: (f64, f64),
    ) -> Self {
        let experiment = |key| value(text, "Experiment Settings", key);
        let is_true = |key| experiment(key).is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let keys = ["X (mm)", "Y (mm)", "Z (mm)", "Angle (degrees)"];
        let corner = |section: &str, default: [f64; 4]| {
            let mut corner = default;
            for (coordinate, key) in corner.iter_mut().zip(keys) {
                *coordinate = number(text, section, key).unwrap_or(*coordinate);
            }
            corner
        };
        let start = corner("Start Position", positions);
        let end = corner("End Position", start);
        let stack = |key: &str| number(text, "Stack Settings", key);
        let option = value(text, "Stack Settings", "Stack option").unwrap_or("None");
        let is_tiled = option.eq_ignore_ascii_case("Tile");
        let planes = stack("Number of planes").unwrap_or(1.0);
        let planes = planes.clamp(1.0, MOST_PLANES) as u32;
        let way_mm = stack("Change in Z axis (mm)")
            .or_else(|| Some(end[Axis::Z.index()] - start[Axis::Z.index()]))
            .unwrap_or(0.0);
        let spacing = number(text, "Experiment Settings", "Plane spacing (um)");
        let step_mm = spacing.map_or_else(
            || way_mm / f64::from(planes.saturating_sub(1).max(1)),
            |um| um / 1000.0 * if way_mm < 0.0 { -1.0 } else { 1.0 },
        );
        let stacks = if is_tiled {
            let overlap = [1, 2].map(|nth| {
                let percent = stack(&format!("Stack option settings {nth}"));
                percent.unwrap_or(0.0).clamp(0.0, 50.0)
            });
            tiles(start, end, field_mm, overlap)
        } else {
            let angles = number(text, "Experiment Settings", "Number of angles");
            let step = number(text, "Experiment Settings", "Angle step size");
            angles_of(start, angles.unwrap_or(1.0), step.unwrap_or(0.0))
        };
        let path = |key| value(text, "Illumination Path", key).is_some_and(|v| v.starts_with("ON"));
        Self {
            stacks,
            end,
            planes,
            step_mm,
            hz: number(text, "Experiment Settings", "Frame rate (f/s)").unwrap_or(USUAL_HZ),
            lasers: [1, 2, 3, 4].map(|laser| source(text, &format!("Laser {laser} "))),
            led: source(text, "LED_RGB_Board").is_some(),
            left: path("Left path"),
            right: path("Right path"),
            live: is_true("Work flow live view enabled"),
            project: is_true("Display max projection"),
            saves: experiment("Save image data").is_some_and(|v| v != "NotSaved"),
            is_tiled,
        }
    }

    /// Pictures it takes.
    pub(in crate::simulators::flamingo) fn images(&self) -> u32 {
        let stacks = u32::try_from(self.stacks.len()).unwrap_or(u32::MAX);
        self.planes.saturating_mul(stacks)
    }

    /// Why it cannot be done, if it cannot.
    pub(in crate::simulators::flamingo) fn out_of_reach(&self) -> Option<String> {
        let top = |corner: &[f64; 4]| {
            let mut top = *corner;
            top[Axis::Z.index()] += f64::from(self.planes - 1) * self.step_mm;
            top
        };
        let ends = self.stacks.iter().map(top);
        let mut corners = self.stacks.iter().copied().chain(ends).chain([self.end]);
        corners.find_map(|corner| {
            Axis::ALL.into_iter().find_map(|axis| {
                let (low, high) = LIMITS[axis.index()];
                let at = corner[axis.index()];
                (!(low..=high).contains(&at)).then(|| {
                    format!("{axis:?} axis: {at:.3} exceeds hard limit {low:.3} to {high:.3}\n")
                })
            })
        })
    }
}

/// The power of a light source that is used: its value is the power, a blank, and 1.
fn source(text: &str, prefix: &str) -> Option<String> {
    let (_, rest) = text.split_once("<Illumination Source>")?;
    let (section, _) = rest.split_once("</Illumination Source>")?;
    let line = section
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with(prefix))?;
    let (_, value) = line.split_once('=')?;
    let mut words = value.split_whitespace();
    let power = words.next()?;
    (words.next() == Some("1")).then(|| power.to_owned())
}

fn angles_of(start: [f64; 4], count: f64, step: f64) -> Vec<[f64; 4]> {
    let count = count.clamp(1.0, MOST_STACKS as f64) as usize;
    (0..count)
        .map(|nth| {
            let mut corner = start;
            corner[Axis::R.index()] += step * nth as f64;
            corner
        })
        .collect()
}

/// Centres of the tiles between two corners, row by row.
/// Source: the server's own count of tiles.
fn tiles(
    start: [f64; 4],
    end: [f64; 4],
    field_mm: (f64, f64),
    overlap_percent: [f64; 2],
) -> Vec<[f64; 4]> {
    let along = |axis: Axis, field: f64, overlap: f64| {
        let way = end[axis.index()] - start[axis.index()];
        let pitch = field * (100.0 - overlap) / 100.0;
        let count = ((way.abs() + field) / pitch).ceil();
        let count = count.clamp(1.0, (MOST_STACKS as f64).sqrt()) as usize;
        let first = start[axis.index()];
        let gap = way / count.saturating_sub(1).max(1) as f64;
        (0..count).map(move |nth| first + gap * nth as f64)
    };
    along(Axis::Y, field_mm.1, overlap_percent[1])
        .flat_map(|y| {
            along(Axis::X, field_mm.0, overlap_percent[0]).map(move |x| {
                let mut corner = start;
                corner[Axis::X.index()] = x;
                corner[Axis::Y.index()] = y;
                corner
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
