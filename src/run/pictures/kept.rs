//! The newest frame of each camera, as it was received, and the one that is drawn.

use std::collections::BTreeMap;

use crate::imaging::PictureRequest;
use crate::model::{CameraKey, Frame, Stamp};

/// Cameras whose frames are kept.
const MAX_CAMERAS: usize = 16;

/// Bytes that are kept of all of them, unless one frame alone is more.
const MAX_BYTES: usize = 256 << 20;

/// A frame; its bytes are shared with whoever else has them.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// As it came.
    pub frame: Frame,
    /// When it came.
    pub received: Stamp,
}

#[derive(Debug)]
struct Camera {
    newest: Kept,
    /// The frame of the picture made last; of a held screen, the one it was held with.
    drawn: Option<Kept>,
}

impl Camera {
    fn size_bytes(&self) -> usize {
        let newest = &self.newest.frame.body;
        // Mostly both are the same bytes.
        let drawn = self.drawn.as_ref().map(|drawn| &drawn.frame.body);
        let drawn = drawn.filter(|drawn| drawn.as_ptr() != newest.as_ptr());
        newest.len() + drawn.map_or(0, |drawn| drawn.len())
    }
}

/// All of them, bounded: the camera that has been silent for longest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct KeptFrames {
    cameras: BTreeMap<CameraKey, Camera>,
}

impl KeptFrames {
    /// A new frame of a camera.
    pub(super) fn take(&mut self, camera: CameraKey, newest: Kept) {
        match self.cameras.get_mut(&camera) {
            Some(known) => known.newest = newest,
            None => {
                let known = Camera {
                    newest,
                    drawn: None,
                };
                self.cameras.insert(camera.clone(), known);
            }
        }
        while self.is_too_much() {
            let others = self.cameras.iter().filter(|(other, _)| **other != camera);
            let silent = others.min_by_key(|(_, known)| known.newest.received.mono_ns);
            let Some(silent) = silent.map(|(silent, _)| silent.clone()) else {
                break;
            };
            self.cameras.remove(&silent);
        }
    }

    fn is_too_much(&self) -> bool {
        let bytes: usize = self.cameras.values().map(Camera::size_bytes).sum();
        self.cameras.len() > MAX_CAMERAS || bytes > MAX_BYTES
    }

    /// A picture was made of this frame.
    pub(super) fn drawn(&mut self, camera: &CameraKey, frame: Kept) {
        if let Some(known) = self.cameras.get_mut(camera) {
            known.drawn = Some(frame);
        }
    }

    /// The newest frame cannot be decoded: the one that is drawn stands for it.
    pub(super) fn refuse(&mut self, camera: &CameraKey) {
        let drawn = self
            .cameras
            .get(camera)
            .and_then(|known| known.drawn.clone());
        match (drawn, self.cameras.get_mut(camera)) {
            (Some(drawn), Some(known)) => known.newest = drawn,
            _ => {
                self.cameras.remove(camera);
            }
        }
    }

    /// The frame that a request is about.
    pub(super) fn wanted(&self, request: &PictureRequest) -> Option<&Kept> {
        let known = self.cameras.get(&request.camera)?;
        match &known.drawn {
            Some(drawn) if request.held => Some(drawn),
            _ => Some(&known.newest),
        }
    }

    /// The frame on the screen; the newest one if none has been drawn.
    pub(super) fn last_drawn(&self, camera: &CameraKey) -> Option<&Kept> {
        let known = self.cameras.get(camera)?;
        Some(known.drawn.as_ref().unwrap_or(&known.newest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameEncoding, PlainText, SourceId};
    use bytes::Bytes;

    fn key(number: usize) -> CameraKey {
        CameraKey {
            source: SourceId(0),
            detector: PlainText::from(format!("camera {number}")),
        }
    }

    fn kept(at: u64, bytes: usize) -> Kept {
        Kept {
            frame: Frame {
                detector: "camera".into(),
                number: Some(at),
                width_px: None,
                height_px: None,
                encoding: FrameEncoding::Jpeg,
                body: Bytes::from(vec![0; bytes]),
                pixel_size_um: None,
                subsampling: 1,
                bit_depth: None,
                device_ns: None,
                lost_before: 0,
            },
            received: Stamp {
                mono_ns: at,
                unix_ns: 0,
            },
        }
    }

    fn number(kept: Option<&Kept>) -> Option<u64> {
        kept.and_then(|kept| kept.frame.number)
    }

    #[test]
    fn a_held_screen_keeps_its_frame_while_newer_ones_come() {
        let mut frames = KeptFrames::default();
        let live = PictureRequest::plain(key(0), 10, 10);
        let held = PictureRequest {
            held: true,
            ..live.clone()
        };
        assert_eq!(number(frames.wanted(&live)), None);
        frames.take(key(0), kept(1, 5));
        assert_eq!(number(frames.wanted(&held)), Some(1));
        frames.drawn(&key(0), kept(1, 5));
        frames.take(key(0), kept(2, 5));
        assert_eq!(number(frames.wanted(&held)), Some(1));
        assert_eq!(number(frames.wanted(&live)), Some(2));
        assert_eq!(number(frames.last_drawn(&key(0))), Some(1));
    }

    #[test]
    fn a_frame_that_is_refused_is_not_tried_again() {
        let mut frames = KeptFrames::default();
        let live = PictureRequest::plain(key(0), 10, 10);
        frames.take(key(0), kept(1, 5));
        frames.drawn(&key(0), kept(1, 5));
        frames.take(key(0), kept(2, 5));
        frames.refuse(&key(0));
        assert_eq!(number(frames.wanted(&live)), Some(1));
        frames.take(key(1), kept(1, 5));
        frames.refuse(&key(1));
        assert_eq!(number(frames.last_drawn(&key(1))), None);
    }

    #[test]
    fn the_camera_that_is_silent_is_forgotten_first() {
        let mut frames = KeptFrames::default();
        for number in 0..MAX_CAMERAS + 2 {
            frames.take(key(number), kept(number as u64, 1));
        }
        assert_eq!(frames.cameras.len(), MAX_CAMERAS);
        assert_eq!(number(frames.last_drawn(&key(1))), None);
        assert_eq!(number(frames.last_drawn(&key(2))), Some(2));
    }

    #[test]
    fn frames_are_kept_up_to_a_bound_in_bytes() {
        let mut frames = KeptFrames::default();
        for number in 0..4 {
            frames.take(key(number), kept(number as u64, MAX_BYTES / 2));
            let bytes: usize = frames.cameras.values().map(Camera::size_bytes).sum();
            assert!(bytes <= MAX_BYTES);
        }
        assert_eq!(number(frames.last_drawn(&key(3))), Some(3));
        // One that is more than the bound is kept all the same, and nothing else.
        frames.take(key(9), kept(9, MAX_BYTES + 1));
        assert_eq!(frames.cameras.len(), 1);
        assert_eq!(number(frames.last_drawn(&key(9))), Some(9));
    }
}
