//! How many bright spots there are: groups of touching pixels that stand out of the background.
//!
//! A pixel stands out if it is above the median by more than five times the spread of the
//! background, which is 1.4826 times the median absolute deviation and at least one count. Groups
//! touch by edges or corners and have at least four pixels, so that a hot pixel is none. The same
//! as `skimage.measure.label(image > threshold, connectivity=2)` less the small ones.

use super::levels::Tally;

/// Deviations of the background that a spot stands above it.
pub const SPOT_SIGMAS: f64 = 5.0;

/// The fewest pixels of a spot.
pub const SPOT_LEAST_PX: u32 = 4;

/// Standard deviation of normally distributed values whose median absolute deviation is 1.
/// Source: Rousseeuw and Croux, 1993.
const SIGMA_OF_DEVIATION: f64 = 1.4826;

/// Bright spots in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spots {
    /// How many.
    pub count: u32,
    /// Their pixels are above this, in counts.
    pub threshold: u16,
}

/// Above which value a pixel is part of a spot, as the values were counted; at most full scale,
/// so that a picture without a background has no spots.
///
/// - `step`: by how much values differ at least
pub(super) fn threshold(tally: &Tally, step: u16, full_scale: u16) -> u16 {
    let spread = (SIGMA_OF_DEVIATION * tally.median_deviation()).max(f64::from(step));
    // Rounds down: whole values are above the one if they are above the other.
    let threshold = (tally.percentile(50.0) + SPOT_SIGMAS * spread) as u16;
    threshold.min(full_scale)
}

/// A group as far as it is known: some of its pixels, and who speaks for it.
#[derive(Clone, Copy, Debug)]
struct Group {
    parent: usize,
    pixels: u32,
    /// Its place among those that the newest row goes on with.
    kept_as: Option<usize>,
}

impl Group {
    fn new(number: usize, pixels: u32) -> Self {
        Self {
            parent: number,
            pixels,
            kept_as: None,
        }
    }
}

/// Pixels of a row that stand out side by side.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: usize,
    to: usize,
    group: usize,
}

/// Counts spots row by row. Only the groups that touch the newest row are kept, so what it takes
/// is bounded by a row whatever the picture.
#[derive(Debug, Default)]
pub(super) struct SpotCounter {
    above: Vec<Run>,
    here: Vec<Run>,
    groups: Vec<Group>,
    kept: Vec<Group>,
    count: u32,
}

impl SpotCounter {
    /// Begins a picture.
    pub(super) fn clear(&mut self) {
        self.above.clear();
        self.groups.clear();
        self.count = 0;
    }

    /// Takes in the next row.
    pub(super) fn add(&mut self, row: &[u16], threshold: u16) {
        find_runs(row, threshold, &mut self.here);
        if self.here.is_empty() && self.groups.is_empty() {
            return;
        }
        let mut first = 0;
        for run in &mut self.here {
            let own = self.groups.len();
            self.groups
                .push(Group::new(own, (run.to - run.from) as u32));
            run.group = own;
            // Corners touch, so a run reaches one column further on both sides.
            while self.above.get(first).is_some_and(|up| up.to < run.from) {
                first += 1;
            }
            let touching = self.above.iter().skip(first);
            for up in touching.take_while(|up| up.from <= run.to) {
                join(&mut self.groups, up.group, own);
            }
        }
        self.close();
        std::mem::swap(&mut self.above, &mut self.here);
    }

    /// The spots, once all rows are in.
    pub(super) fn finish(&mut self) -> u32 {
        self.here.clear();
        self.close();
        self.above.clear();
        self.count
    }

    /// Counts the groups that no run of the newest row is part of, and keeps the others.
    fn close(&mut self) {
        self.kept.clear();
        for run in &mut self.here {
            let root = root(&mut self.groups, run.group);
            let group = &mut self.groups[root];
            let number = *group.kept_as.get_or_insert(self.kept.len());
            if number == self.kept.len() {
                self.kept.push(Group::new(number, group.pixels));
            }
            run.group = number;
        }
        for (index, group) in self.groups.iter().enumerate() {
            let has_ended = group.parent == index && group.kept_as.is_none();
            self.count += u32::from(has_ended && group.pixels >= SPOT_LEAST_PX);
        }
        std::mem::swap(&mut self.groups, &mut self.kept);
    }
}

/// Who speaks for a group. Halves the way for the next who asks.
fn root(groups: &mut [Group], mut group: usize) -> usize {
    while groups[group].parent != group {
        groups[group].parent = groups[groups[group].parent].parent;
        group = groups[group].parent;
    }
    group
}

fn join(groups: &mut [Group], one: usize, other: usize) {
    let (one, other) = (root(groups, one), root(groups, other));
    if one != other {
        groups[other].parent = one;
        groups[one].pixels = groups[one].pixels.saturating_add(groups[other].pixels);
    }
}

/// Pixels looked at together: most rows have nothing in most of them.
const CHUNK: usize = 32;

fn find_runs(row: &[u16], threshold: u16, runs: &mut Vec<Run>) {
    runs.clear();
    let mut from = None;
    for (index, chunk) in row.chunks(CHUNK).enumerate() {
        let start = index * CHUNK;
        let highest = chunk.iter().fold(0, |most, &value| value.max(most));
        let lowest = chunk
            .iter()
            .fold(u16::MAX, |least, &value| value.min(least));
        if (from.is_none() && highest <= threshold) || (from.is_some() && lowest > threshold) {
            continue;
        }
        for (x, &value) in chunk.iter().enumerate() {
            match (from, value > threshold) {
                (None, true) => from = Some(start + x),
                (Some(begun), false) => {
                    runs.push(run(begun, start + x));
                    from = None;
                }
                _ => {}
            }
        }
    }
    if let Some(begun) = from {
        runs.push(run(begun, row.len()));
    }
}

fn run(from: usize, to: usize) -> Run {
    Run { from, to, group: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rows: &[&str]) -> u32 {
        let mut counter = SpotCounter::default();
        // What was left half-way must leave nothing behind.
        counter.add(&[9; 40], 5);
        counter.clear();
        for row in rows {
            let values: Vec<u16> = row.bytes().map(|c| if c == b'#' { 6 } else { 5 }).collect();
            counter.add(&values, 5);
        }
        counter.finish()
    }

    #[test]
    fn touching_pixels_are_one_spot() {
        let cases: [(&str, &[&str], u32); 10] = [
            ("nothing", &["....", "...."], 0),
            ("too small", &["##..", "#..."], 0),
            ("just large enough", &["##..", "##.."], 1),
            ("by a corner", &["##...", "..##."], 1),
            ("not by a gap", &["####.####"], 2),
            ("a ring", &["###", "#.#", "###"], 1),
            ("a fork joins", &["#..#", "#..#", "####"], 1),
            ("a fork parts", &["####", "#..#", "#..#"], 1),
            ("one above, one below", &["####", "....", "####"], 2),
            (
                "a spiral",
                &[
                    "#########",
                    "........#",
                    "######..#",
                    "#....#..#",
                    "#..###..#",
                    "#.......#",
                    "#########",
                ],
                1,
            ),
        ];
        for (name, rows, want) in cases {
            assert_eq!(count(rows), want, "{name}");
        }
    }

    #[test]
    fn runs_go_on_over_the_parts_that_are_looked_at_together() {
        let row = [
            ".".repeat(30),
            "#".repeat(70),
            ".".repeat(40),
            "####".to_owned(),
        ]
        .concat();
        assert_eq!(count(&[&row]), 2);
        assert_eq!(count(&[&"#".repeat(64), &"#".repeat(64)]), 1);
    }

    /// Paints each spot over, the plain way.
    fn flooded(picture: &[Vec<bool>]) -> u32 {
        let (height, width) = (picture.len(), picture[0].len());
        let mut left = picture.to_vec();
        let mut count = 0;
        for y in 0..height {
            for x in 0..width {
                let mut todo = vec![(x, y)];
                let mut pixels = 0;
                while let Some((x, y)) = todo.pop() {
                    if !std::mem::take(&mut left[y][x]) {
                        continue;
                    }
                    pixels += 1;
                    for y in y.saturating_sub(1)..height.min(y + 2) {
                        for x in x.saturating_sub(1)..width.min(x + 2) {
                            todo.push((x, y));
                        }
                    }
                }
                count += u32::from(pixels >= SPOT_LEAST_PX);
            }
        }
        count
    }

    #[test]
    fn random_pictures_have_as_many_as_a_flood_finds() {
        let mut random = fastrand::Rng::with_seed(4);
        for case in 0..300 {
            let (width, height) = (random.usize(1..90), random.usize(1..40));
            let density = random.f64();
            let picture: Vec<Vec<bool>> = (0..height)
                .map(|_| (0..width).map(|_| random.f64() < density).collect())
                .collect();
            let rows: Vec<String> = picture
                .iter()
                .map(|row| row.iter().map(|&on| if on { '#' } else { '.' }).collect())
                .collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            assert_eq!(count(&rows), flooded(&picture), "case {case}");
        }
    }
}
