//! From a reduced frame to colours: as it is, or as the difference to a reference.

use super::color_map::Table;
use super::peaks::Peaks;
use super::picture::Reference;
use super::raster::Raster;
use super::reference::{Ready, References};
use super::tone::{Tone, draw_difference};
use super::view::{Contrast, Roi, View};
use super::window::{Percentiles, Scale, Window};
use crate::model::{CameraKey, Stamp};

/// A reduced frame and what was chosen for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas<'a> {
    /// The frame itself.
    pub raster: &'a Raster<'a>,
    /// The part of it that is drawn.
    pub part: Roi,
    /// Columns and rows of dots.
    pub size: (u16, u16),
    /// The dots' values, each of one or three.
    pub values: &'a [u16],
    /// Values of a dot.
    pub channels: usize,
    /// How it is looked at.
    pub view: &'a View,
    /// The values drawn black and white.
    pub window: (u16, u16),
    /// The camera's scale.
    pub scale: Scale,
    /// When the frame was received.
    pub received: Stamp,
}

/// Colours pictures; keeps its tables and the references from one to the next.
#[derive(Debug, Default)]
pub(super) struct Painter {
    table: Table,
    peaks: Peaks,
    percentiles: Percentiles,
    /// How far values are from the reference, either way.
    distances: Vec<u16>,
    pub references: References,
}

impl Painter {
    /// The colours of all dots, and what became of the difference if one was asked for.
    ///
    /// - `span`: how far differences of this camera go, followed from picture to picture
    pub(super) fn paint(
        &mut self,
        camera: &CameraKey,
        canvas: &Canvas<'_>,
        span: &mut Window,
    ) -> (Vec<[u8; 3]>, Reference) {
        if !canvas.view.difference {
            return (self.plain(canvas), Reference::NotAsked);
        }
        let Canvas {
            raster, part, size, ..
        } = *canvas;
        match self.references.ready(camera, raster, part, size) {
            Ok(Ready {
                number,
                received,
                small,
            }) => {
                let pairs = canvas.values.iter().zip(small);
                self.distances.clear();
                self.distances.extend(pairs.map(|(a, b)| a.abs_diff(*b)));
                let (_, most) = self.percentiles.of(&self.distances);
                let followed = span.follow((0, most), canvas.scale, canvas.received).1;
                let span = match canvas.view.contrast {
                    Contrast::Auto => followed,
                    Contrast::Full => canvas.scale.top(),
                    // As many values from end to end.
                    Contrast::Fixed { .. } => ((canvas.window.1 - canvas.window.0) / 2).max(1),
                };
                let table = self.table.of_differences(canvas.view);
                let marked = canvas.view.mark_clipped;
                let colors = draw_difference(canvas.values, small, span, marked, table);
                let reference = Reference::Subtracted {
                    number,
                    received,
                    span: canvas.scale.as_sent(span),
                };
                (colors, reference)
            }
            Err(why) => (self.plain(canvas), why),
        }
    }

    fn plain(&mut self, canvas: &Canvas<'_>) -> Vec<[u8; 3]> {
        let Canvas {
            raster, part, size, ..
        } = *canvas;
        let marked = canvas.view.mark_clipped;
        let tone = Tone {
            window: canvas.window,
            peaks: marked.then(|| self.peaks.find(raster, part, size)),
        };
        let table = self.table.of_levels(canvas.view, canvas.channels == 3);
        tone.draw(canvas.values, canvas.channels, table)
    }
}
