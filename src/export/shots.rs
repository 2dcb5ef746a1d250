//! The pictures among the messages of a recording, with what is known of each: who took it, when
//! it was in its series, how the instrument stood.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{ExportPlan, Exported, Item};
use crate::model::{Frame, Instrument, Payload, PlainText, SourceId, SourceInfo, Stamp};
use crate::picture_file::About;
use crate::recording::{Session, replayed};

/// Cameras that are told apart; a file may have been made to name any number.
pub(super) const MAX_CAMERAS: usize = 64;

/// A camera of a session, whatever part of it a message is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CameraName {
    pub source: String,
    pub detector: PlainText,
}

impl CameraName {
    /// As files are called that hold its pictures.
    pub(super) fn stem(&self) -> String {
        format!("{}/{}", self.source, self.detector)
    }
}

impl std::fmt::Display for CameraName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {}",
            PlainText::from_peer(&self.source),
            self.detector
        )
    }
}

/// One picture.
pub(super) struct Shot<'a> {
    pub frame: &'a Frame,
    pub camera: CameraName,
    pub about: About,
    /// Which one of its camera it is, from 0.
    pub index: u64,
}

/// What has been seen of the sources and their cameras so far.
#[derive(Debug, Default)]
pub(super) struct Shots {
    /// Only these cameras; all if empty.
    wanted: Vec<String>,
    sources: Vec<SourceInfo>,
    instruments: BTreeMap<String, Arc<Instrument>>,
    cameras: BTreeMap<CameraName, Seen>,
}

#[derive(Debug)]
struct Seen {
    received_ns: u64,
    device_ns: Option<u64>,
    count: u64,
}

impl Shots {
    pub(super) fn new(plan: &ExportPlan) -> Self {
        Self {
            wanted: plan.cameras.clone(),
            ..Self::default()
        }
    }

    /// The next messages are of this part of the session.
    pub(super) fn session(&mut self, session: &Session) {
        self.sources = replayed(session);
    }

    /// The picture that a message has, if it has one; what has none is told to `exported`.
    pub(super) fn look<'a>(
        &mut self,
        item: &Item<'a>,
        exported: &mut Exported,
    ) -> Option<Shot<'a>> {
        const NONE: &str = "not a picture";
        let Some(played) = item.played else {
            match item.message.channel.schema.as_str() {
                // It goes with the picture behind it.
                "ttyscope.Frame" => {}
                "foxglove.RawImage" | "foxglove.CompressedImage" => {
                    exported.skip(item.message, UNREADABLE);
                }
                _ => exported.skip(item.message, NONE),
            }
            return None;
        };
        let frame = match &played.payload {
            Payload::Frame(frame) => frame,
            other => {
                if let Payload::Instrument(instrument) = other {
                    self.instruments
                        .insert(item.source.to_owned(), Arc::clone(instrument));
                }
                exported.skip(item.message, NONE);
                return None;
            }
        };
        let is_wanted = |name: &String| *name == *frame.detector;
        if !self.wanted.is_empty() && !self.wanted.iter().any(is_wanted) {
            exported.skip(item.message, "of another camera");
            return None;
        }
        let camera = CameraName {
            source: item.source.to_owned(),
            detector: frame.detector.clone(),
        };
        if self.cameras.len() >= MAX_CAMERAS && !self.cameras.contains_key(&camera) {
            exported.skip(
                item.message,
                "more than 64 cameras: name those that are wanted, --camera NAME",
            );
            return None;
        }
        let received_ns = played.received_ns;
        let seen = self.cameras.entry(camera.clone()).or_insert(Seen {
            received_ns,
            device_ns: frame.device_ns,
            count: 0,
        });
        let index = seen.count;
        seen.count += 1;
        // The device's own clock where it has one: what is received late was not taken late.
        let since_first = match (frame.device_ns, seen.device_ns) {
            (Some(now), Some(first)) if now >= first => now - first,
            _ => received_ns.saturating_sub(seen.received_ns),
        };
        let source = self.sources.get(played.source).cloned();
        let about = About {
            source: source.unwrap_or_else(|| unknown(item.source)),
            received: Stamp {
                mono_ns: received_ns,
                unix_ns: received_ns,
            },
            since_first: Some(Duration::from_nanos(since_first)),
            instrument: self.instruments.get(item.source).cloned(),
        };
        Some(Shot {
            frame,
            camera,
            about,
            index,
        })
    }
}

/// Why a picture is in no file whose pixels cannot be read; which one and what is wrong with it is
/// said apart.
pub(super) const UNREADABLE: &str = "a picture that cannot be read";

impl Shot<'_> {
    /// This picture is in no file because of `why`.
    pub(super) fn unreadable(
        &self,
        item: &Item<'_>,
        why: impl std::fmt::Display,
        exported: &mut Exported,
    ) {
        exported.skip(item.message, UNREADABLE);
        let number = self.frame.number.map(|number| format!(" frame {number}"));
        exported.miss(format!(
            "{}{} of {}: {why}",
            self.camera,
            number.unwrap_or_default(),
            crate::recording::rfc3339(item.message.log_time_ns),
        ));
    }
}

fn unknown(name: &str) -> SourceInfo {
    SourceInfo {
        id: SourceId(0),
        name: PlainText::from_peer(name),
        address: PlainText::from_peer(""),
        origin: crate::model::Origin::Replay,
        caution: None,
    }
}
