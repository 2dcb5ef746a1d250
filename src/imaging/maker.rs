//! From a frame as it was received to a picture for a few cells, as the operator looks at it.

use std::collections::HashMap;

use super::decode::{Decoder, ImagingError};
use super::painter::{Canvas, Painter};
use super::picture::{Picture, PictureRequest};
use super::raster::{Layout, Raster};
use super::reduce::{Reducer, Room};
use super::trace;
use super::view::{Contrast, Roi};
use super::window::{Depth, Percentiles, Scale, Window};
use crate::model::{CameraKey, Clock, Frame, Stamp};

/// Cameras whose windows are remembered. A peer may invent any number of names.
const MAX_CAMERAS: usize = 64;

/// What is remembered of a camera from one picture to the next.
#[derive(Debug, Default)]
struct Camera {
    /// Whether it sends 16-bit values; when that changes, what was seen before says nothing.
    sixteen: bool,
    depth: Depth,
    window: Window,
    /// Of differences to the reference: how far they go either way.
    span: Window,
}

/// Makes pictures, one frame at a time. Each worker thread has its own: the buffers and what is
/// known of each camera live here.
#[derive(Debug, Default)]
pub struct PictureMaker {
    decoder: Decoder,
    reducer: Reducer,
    small: Vec<u16>,
    /// The whole frame, where `small` is a part of it.
    glance: Vec<u16>,
    percentiles: Percentiles,
    painter: Painter,
    cameras: HashMap<CameraKey, Camera>,
}

impl PictureMaker {
    /// A maker that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The pixels of the frame that the last picture was made of, for who wants numbers of it:
    /// nothing is decoded twice. `None` if it could not be decoded.
    ///
    /// Where no colours were wanted, those of a colour JPEG are its luma.
    pub fn raster(&self) -> Option<Raster<'_>> {
        self.decoder.raster()
    }

    /// From now on differences of a camera are those to this frame.
    ///
    /// # Errors
    /// It cannot be decoded; the reference before stays.
    pub fn set_reference(
        &mut self,
        camera: CameraKey,
        frame: Frame,
        received: Stamp,
    ) -> Result<(), ImagingError> {
        self.painter.references.set(camera, frame, received)
    }

    /// Decodes a frame and reduces what is wanted of it to the dots at hand, drawn as the view
    /// has it. In automatic contrast the window follows the pictures of a camera without flicker;
    /// it is that of the whole frame, whatever part is drawn.
    ///
    /// Takes nothing on trust: every size is checked before room is made for it.
    ///
    /// # Errors
    /// The frame is damaged, too large, or not what it was announced to be. The next one may well
    /// be fine.
    pub fn make(
        &mut self,
        camera: CameraKey,
        frame: &Frame,
        received: Stamp,
        request: &PictureRequest,
        clock: &Clock,
    ) -> Result<Picture, ImagingError> {
        let view = &request.view;
        // A pixel is asked for as it is; a difference is one number, so it is that of the luma.
        let raster = self
            .decoder
            .decode(frame, request.color || request.probe.is_some())?;
        let frame_size_px = raster.size();
        let all = Roi::all(frame_size_px);
        let part = view
            .part
            .and_then(|part| part.within(frame_size_px))
            .unwrap_or(all);
        let size = request.room().fit((part.width, part.height));
        let color = request.color && !view.difference;
        let reduced = self
            .reducer
            .reduce(&raster, part, size, color, &mut self.small);

        let (extent, seen) = if part == all {
            (reduced.extent, &self.small)
        } else {
            let size = Room::half_blocks(request.cols, request.rows).fit(frame_size_px);
            let whole = self
                .reducer
                .reduce(&raster, all, size, color, &mut self.glance);
            (whole.extent, &self.glance)
        };
        let wanted = self.percentiles.of(seen);
        let sixteen = raster.layout() == Layout::Grey16;
        let known = remembered(&mut self.cameras, &camera, sixteen);
        known.depth.note(extent);
        let scale = match sixteen {
            true => known.depth.scale_as_said(frame.bit_depth),
            false => Scale::BYTES,
        };
        // It follows even where another one is drawn, so that going back to it is no jump.
        let followed = known.window.follow(wanted, scale, received);
        let window = chosen(view.contrast, followed, scale);
        let canvas = Canvas {
            raster: &raster,
            part,
            size,
            values: &self.small,
            channels: reduced.channels,
            view,
            window,
            scale,
            received,
        };
        let (pixels, reference) = self.painter.paint(&camera, &canvas, &mut known.span);
        let both_as_sent = |(low, high)| (scale.as_sent(low), scale.as_sent(high));
        // Of 16 bits only those in the high byte are moved; what has 8 is read as it is.
        let as_read = |value| if sixteen { scale.as_sent(value) } else { value };
        let probe = request.probe.and_then(|at| {
            let values = raster.pixel(at)?;
            Some((at, values.into_iter().map(as_read).collect()))
        });
        let profile = request.profile.map(|segment| {
            let (segment, values) = trace::profile(&raster, segment);
            (segment, values.into_iter().map(as_read).collect())
        });
        Ok(Picture {
            camera,
            frame: frame.clone(),
            received,
            decoded: clock.now(),
            number: frame.number,
            frame_size_px,
            bit_depth: scale.bits(),
            value_range: both_as_sent((extent.min, extent.max)),
            window: both_as_sent(window),
            pixel_size_um: frame.pixel_size_um,
            width_px: size.0,
            height_px: size.1,
            view: request.view,
            part,
            held: request.held,
            dots: request.dots,
            pixels,
            encoded: None,
            reference,
            probe,
            profile,
            measures: None,
        })
    }
}

/// The values drawn black and white; the second is the larger.
fn chosen(contrast: Contrast, followed: (u16, u16), scale: Scale) -> (u16, u16) {
    match contrast {
        Contrast::Auto => followed,
        Contrast::Full => (0, scale.top()),
        Contrast::Fixed { black, white } => {
            // Full scale is at least 1.
            let black = scale.as_kept(black).min(scale.top() - 1);
            (black, scale.as_kept(white).max(black + 1))
        }
    }
}

fn remembered<'a>(
    cameras: &'a mut HashMap<CameraKey, Camera>,
    key: &CameraKey,
    sixteen: bool,
) -> &'a mut Camera {
    if cameras.len() >= MAX_CAMERAS && !cameras.contains_key(key) {
        // Nobody watches that many at once. Forgetting costs a window its rest, nothing else.
        cameras.clear();
    }
    let camera = cameras.entry(key.clone()).or_default();
    if camera.sixteen != sixteen {
        *camera = Camera {
            sixteen,
            ..Camera::default()
        };
    }
    camera
}

#[cfg(test)]
mod tests;
