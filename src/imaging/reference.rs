//! The frames that others are compared with, one for each camera.

use super::decode::{Decoder, ImagingError};
use super::picture::Reference;
use super::raster::{Layout, Raster};
use super::reduce::Reducer;
use super::view::Roi;
use crate::model::{CameraKey, Frame, Stamp};

/// References kept; the oldest gives way. Each holds a frame as it was received.
const MAX_REFERENCES: usize = 16;
/// Bytes that they hold, all together; a single one may be larger.
const MAX_BYTES: usize = 256 << 20;

/// One camera's reference.
#[derive(Debug)]
struct Kept {
    camera: CameraKey,
    frame: Frame,
    received: Stamp,
    size: (u32, u32),
    sixteen: bool,
    /// What `small` is: which part, and at what size.
    reduced: Option<(Roi, (u16, u16))>,
    /// Its luma, as the picture has it that it is compared with.
    small: Vec<u16>,
}

/// All of them. Kept as they were received: to be decoded again only when another part of a frame
/// is looked at.
#[derive(Debug, Default)]
pub(super) struct References {
    kept: Vec<Kept>,
}

/// A reference made ready for a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready<'a> {
    /// Its number at the source.
    pub number: Option<u64>,
    /// When it was received.
    pub received: Stamp,
    /// Its luma.
    pub small: &'a [u16],
}

impl References {
    /// Compares with `frame` from now on.
    ///
    /// # Errors
    /// It cannot be decoded; the reference before stays.
    pub(super) fn set(
        &mut self,
        camera: CameraKey,
        frame: Frame,
        received: Stamp,
    ) -> Result<(), ImagingError> {
        let mut decoder = Decoder::default();
        let raster = decoder.decode(&frame, false)?;
        let (size, sixteen) = (raster.size(), raster.layout() == Layout::Grey16);
        self.kept.retain(|kept| kept.camera != camera);
        let bytes = |kept: &Vec<Kept>| kept.iter().map(|one| one.frame.body.len()).sum::<usize>();
        while !self.kept.is_empty()
            && (self.kept.len() >= MAX_REFERENCES
                || bytes(&self.kept) + frame.body.len() > MAX_BYTES)
        {
            self.kept.remove(0);
        }
        self.kept.push(Kept {
            camera,
            frame,
            received,
            size,
            sixteen,
            reduced: None,
            small: Vec::new(),
        });
        Ok(())
    }

    /// The reference of a camera, reduced as the picture of `raster` is; what is to be said of it
    /// if there is none that fits.
    pub(super) fn ready(
        &mut self,
        camera: &CameraKey,
        raster: &Raster<'_>,
        part: Roi,
        size: (u16, u16),
    ) -> Result<Ready<'_>, Reference> {
        let kept = self.kept.iter_mut().find(|kept| kept.camera == *camera);
        let kept = kept.ok_or(Reference::Missing)?;
        let sixteen = raster.layout() == Layout::Grey16;
        if kept.size != raster.size() || kept.sixteen != sixteen {
            return Err(Reference::Unlike { size_px: kept.size });
        }
        if kept.reduced != Some((part, size)) {
            let mut decoder = Decoder::default();
            let raster = decoder.decode(&kept.frame, false);
            let raster = raster.map_err(|_| Reference::Missing)?;
            Reducer::default().reduce(&raster, part, size, false, &mut kept.small);
            kept.reduced = Some((part, size));
        }
        Ok(Ready {
            number: kept.frame.number,
            received: kept.received,
            small: &kept.small,
        })
    }
}
