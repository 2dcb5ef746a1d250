//! The pictures of a report: of each camera the first, the middle and the last, and a strip of
//! small ones between them, as bytes inside the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::html::{Safe, clock, number};
use crate::export::preview::Small;
use crate::export::shots::{CameraName, Shot};
use crate::export::survey::Survey;
use crate::imaging::{ImagingError, Picture};
use crate::picture_file::small_file;

/// Columns and rows of the large ones and of those in the strip.
const LARGE_PX: u16 = 480;
const STRIP_PX: u16 = 120;
/// Pictures of a strip.
const STRIP: u64 = 12;
/// Cameras that have pictures in the report; a page with those of more is no use.
const MAX_CAMERAS: usize = 16;

/// Collects them while the pictures go by.
pub(super) struct Photos {
    small: Small,
    cameras: BTreeMap<CameraName, Album>,
    /// Cameras without a place.
    pub left_out: usize,
}

/// The pictures of one camera.
pub(super) struct Album {
    pub frames: u64,
    /// Which are still to come, the next one last.
    wanted: Vec<u64>,
    large: [u64; 3],
    photos: Vec<Photo>,
    pub unreadable: u64,
}

struct Photo {
    is_large: bool,
    caption: String,
    alt: String,
    size: (u16, u16),
    /// A length in micrometres and the part of the width that it takes.
    bar: Option<(f64, f64)>,
    kind: &'static str,
    base64: String,
}

impl Photos {
    pub(super) fn new(survey: &Survey) -> Self {
        let cameras = survey.iter().take(MAX_CAMERAS).map(|(name, census)| {
            let last = census.frames.saturating_sub(1);
            let large = [0, last / 2, last];
            let steps = STRIP.min(census.frames.max(1)) - 1;
            let mut wanted: Vec<u64> = (0..=steps)
                .map(|step| match steps {
                    0 => 0,
                    steps => (u128::from(last) * u128::from(step) / u128::from(steps)) as u64,
                })
                .chain(large)
                .collect();
            wanted.sort_unstable_by(|a, b| b.cmp(a));
            wanted.dedup();
            let album = Album {
                frames: census.frames,
                wanted,
                large,
                photos: Vec::new(),
                unreadable: 0,
            };
            (name.clone(), album)
        });
        Self {
            small: Small::default(),
            cameras: cameras.collect(),
            left_out: survey.len().saturating_sub(MAX_CAMERAS),
        }
    }

    /// Takes a picture if it is one of those that are wanted.
    ///
    /// # Errors
    /// It cannot be decoded; the next one takes its place.
    pub(super) fn look(&mut self, shot: &Shot<'_>) -> Result<(), ImagingError> {
        let Some(album) = self.cameras.get_mut(&shot.camera) else {
            return Ok(());
        };
        if album.wanted.last().is_none_or(|next| *next > shot.index) {
            return Ok(());
        }
        // A large one that could not be read is large when another one takes its place.
        let due = album.wanted.iter().filter(|wanted| **wanted <= shot.index);
        let is_large = due.clone().any(|wanted| album.large.contains(wanted));
        let side = if is_large { LARGE_PX } else { STRIP_PX };
        let drawn = self.small.draw(shot, side);
        let picture = match drawn {
            Ok(picture) => picture,
            Err(why) => {
                album.unreadable += 1;
                return Err(why);
            }
        };
        album.wanted.retain(|wanted| *wanted > shot.index);
        let is_color = self.small.is_color();
        if let Ok(photo) = Photo::of(shot, picture, is_large, is_color) {
            album.photos.push(photo);
        }
        Ok(())
    }

    pub(super) fn albums(&self) -> impl Iterator<Item = (&CameraName, &Album)> {
        self.cameras.iter()
    }
}

impl Photo {
    fn of(
        shot: &Shot<'_>,
        picture: Picture,
        is_large: bool,
        is_color: bool,
    ) -> Result<Self, crate::picture_file::PictureFileError> {
        let size = (picture.width_px, picture.height_px);
        let (kind, bytes) = small_file(&picture.pixels, size, is_color)?;
        let (width, height) = picture.frame_size_px;
        let frame = shot.frame;
        let number_of = frame
            .number
            .map_or(format!("picture {}", shot.index + 1), |n| {
                format!("frame {n}")
            });
        let time = clock(shot.about.received.unix_ns);
        let mut caption = format!("{number_of}, {time}, {width}×{height}");
        let _ = write!(
            caption,
            ", {} bit, drawn {} to {}",
            picture.bit_depth, picture.window.0, picture.window.1
        );
        if frame.lost_before > 0 {
            let _ = write!(caption, ", {} lost before it", frame.lost_before);
        }
        let alt = format!(
            "{} {number_of} at {time}: values {} to {}",
            shot.camera, picture.value_range.0, picture.value_range.1
        );
        Ok(Self {
            is_large,
            caption,
            alt,
            size,
            bar: picture
                .pixel_size_um
                .and_then(|um| bar(um * f64::from(width))),
            kind,
            base64: STANDARD.encode(bytes),
        })
    }

    fn write(&self, page: &mut String) {
        const WIDE: f64 = 480.0;
        let (width, height) = self.size;
        let high = WIDE * f64::from(height) / f64::from(width.max(1));
        let class = if self.is_large { "large" } else { "small" };
        let _ = write!(
            page,
            "<figure class=\"{class}\"><svg role=\"img\" viewBox=\"0 0 {WIDE} {high:.1}\" \
             aria-label=\"{0}\"><title>{0}</title>\
             <image width=\"{WIDE}\" height=\"{high:.1}\" preserveAspectRatio=\"none\" \
             href=\"data:{1};base64,{2}\"/>",
            Safe(&self.alt),
            self.kind,
            self.base64
        );
        if let (true, Some((um, part))) = (self.is_large, self.bar) {
            let (long, y) = (WIDE * part, high - 16.0);
            let _ = write!(
                page,
                "<path class=\"bar under\" d=\"M16 {y:.1}h{long:.1}\"/>\
                 <path class=\"bar\" d=\"M16 {y:.1}h{long:.1}\"/>\
                 <text class=\"under\" x=\"16\" y=\"{0:.1}\">{1}</text>\
                 <text class=\"over\" x=\"16\" y=\"{0:.1}\">{1}</text>",
                y - 8.0,
                Safe(length_um(um))
            );
        }
        page.push_str("</svg>");
        if self.is_large {
            let _ = write!(page, "<figcaption>{}</figcaption>", Safe(&self.caption));
        }
        page.push_str("</figure>");
    }
}

impl Album {
    /// The large ones side by side, and the strip under them.
    pub(super) fn write(&self, page: &mut String) {
        let (large, small): (Vec<_>, Vec<_>) = self.photos.iter().partition(|photo| photo.is_large);
        for (class, photos) in [("photos", large), ("strip", small)] {
            if photos.is_empty() {
                continue;
            }
            let _ = write!(page, "<div class=\"{class}\">");
            for photo in photos {
                photo.write(page);
            }
            page.push_str("</div>\n");
        }
    }
}

/// The longest of 1, 2, 5, 10 … micrometres that takes at most a third of a width of so many, and
/// the part of it that it takes.
fn bar(width_um: f64) -> Option<(f64, f64)> {
    let most = width_um / 3.0;
    if !most.is_finite() || most <= 0.0 {
        return None;
    }
    let power = 10_f64.powf(most.log10().floor());
    let steps = [5.0, 2.0, 1.0].into_iter().map(|step| step * power);
    let um = steps.clone().find(|um| *um <= most).unwrap_or(power);
    let part = um / width_um;
    (part.is_finite() && part > 0.0).then_some((um, part))
}

fn length_um(um: f64) -> String {
    match um {
        um if um >= 1_000.0 => format!("{} mm", number(um / 1_000.0)),
        um if um >= 1.0 => format!("{} µm", number(um)),
        um => format!("{} nm", number(um * 1_000.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::survey::Census;

    #[test]
    fn a_scale_bar_has_a_round_length() {
        let cases = [
            (100.0, Some("20 µm")),
            (15.0, Some("5 µm")),
            (3.0, Some("1 µm")),
            (1.2, Some("200 nm")),
            (9_000.0, Some("2 mm")),
            (0.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ];
        for (width_um, want) in cases {
            let found = bar(width_um);
            assert_eq!(found.map(|(um, _)| length_um(um)).as_deref(), want);
            assert!(found.is_none_or(|(_, part)| (0.1..=0.34).contains(&part)));
        }
    }

    #[test]
    fn the_strip_is_spread_evenly_and_has_both_ends() {
        let wanted = |frames| {
            let camera = CameraName {
                source: "s".into(),
                detector: "c".into(),
            };
            let census = Census {
                frames,
                first_ns: 0,
                last_ns: 9,
            };
            let photos = Photos::new(&Survey::from([(camera.clone(), census)]));
            photos.cameras[&camera].wanted.clone()
        };
        assert_eq!(wanted(1), [0]);
        assert_eq!(wanted(2), [1, 0]);
        assert_eq!(wanted(23), [22, 20, 18, 16, 14, 12, 11, 10, 8, 6, 4, 2, 0]);
        assert_eq!(wanted(u64::MAX).first(), Some(&(u64::MAX - 1)));
    }
}
