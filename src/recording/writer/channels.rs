//! The channels of a recording: opened as they are needed, named after what goes through them.

use std::collections::BTreeMap;

use super::super::schemas::SchemaKind;
use super::super::session::Session;
use super::super::topics::{self, Topics};
use super::size_book;
use crate::model::{PlainText, SourceId};

/// Channels whose name a peer chose (events, cameras, books, tables). Past this many, the rest shares one per
/// source and kind.
pub const MAX_NAMED_CHANNELS: usize = 512;

/// What makes a channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChannelKey {
    pub(super) source: SourceId,
    pub(super) kind: SchemaKind,
    /// The camera, event, symbol or table; `None` where there is one channel for all.
    pub(super) name: Option<PlainText>,
    /// Kept by the recorder itself, for all sources.
    pub(super) ours: bool,
}

/// One channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) topic: String,
    pub(super) metadata: BTreeMap<String, String>,
    /// Its number, once it is in the file.
    pub(super) id: Option<u16>,
    /// The number of its last message, over all files of the recording.
    pub(super) sequence: u32,
}

/// The channels of a recording and how far each has counted, for the file that goes on with them:
/// a topic means the same in all files of a recording, and its numbers have no hole between them.
#[derive(Clone, Debug)]
pub struct Numbering(Channels);

/// The channels that there are so far.
#[derive(Clone, Debug)]
pub(super) struct Channels {
    /// First part of the topics of each source.
    roots: Vec<String>,
    names: Vec<String>,
    topics: Topics,
    channels: BTreeMap<ChannelKey, Channel>,
    named: usize,
}

impl Channels {
    pub(super) fn new(session: &Session) -> Self {
        let mut topics = Topics::default();
        // Ours; a source of that name becomes `ttyscope-2`.
        topics.claim("ttyscope");
        let roots = session
            .sources
            .iter()
            .map(|source| topics.claim(&topics::part(&source.name)))
            .collect();
        Self {
            roots,
            names: session.sources.iter().map(|s| s.name.clone()).collect(),
            topics: Topics::default(),
            channels: BTreeMap::new(),
            named: 0,
        }
    }

    /// What the next file of the recording goes on with.
    pub(super) fn numbering(&self) -> Numbering {
        let mut channels = self.clone();
        for channel in channels.channels.values_mut() {
            channel.id = None;
        }
        Numbering(channels)
    }

    /// The key that a record goes by: its own, or the shared one where there are too many names.
    pub(super) fn admit(&mut self, mut key: ChannelKey) -> ChannelKey {
        if self.channels.contains_key(&key) {
            return key;
        }
        if key.name.is_some() && self.named >= MAX_NAMED_CHANNELS {
            key.name = None;
        }
        if !self.channels.contains_key(&key) {
            self.named += usize::from(key.name.is_some());
            let channel = self.describe(&key);
            self.channels.insert(key.clone(), channel);
        }
        key
    }

    pub(super) fn get(&self, key: &ChannelKey) -> Option<&Channel> {
        self.channels.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &ChannelKey) -> Option<&mut Channel> {
        self.channels.get_mut(key)
    }

    /// How many are in the file.
    pub(super) fn written(&self) -> usize {
        self.channels.values().filter(|c| c.id.is_some()).count()
    }

    fn describe(&mut self, key: &ChannelKey) -> Channel {
        let root = match (key.ours, self.roots.get(usize::from(key.source.0))) {
            (true, _) => "ttyscope".to_owned(),
            (false, Some(root)) => root.clone(),
            (false, None) => format!("source-{}", key.source.0),
        };
        let name = key
            .name
            .as_ref()
            .map_or_else(|| "other".to_owned(), |n| topics::part(n));
        let wanted = match key.kind {
            SchemaKind::RawImage | SchemaKind::CompressedImage => {
                // The form a camera begins with has the plain topic.
                let other = match key.kind {
                    SchemaKind::RawImage => SchemaKind::CompressedImage,
                    _ => SchemaKind::RawImage,
                };
                let other = ChannelKey {
                    kind: other,
                    ..key.clone()
                };
                match (self.channels.contains_key(&other), key.kind) {
                    (false, _) => format!("/{root}/{name}/image"),
                    (true, SchemaKind::RawImage) => format!("/{root}/{name}/image_raw"),
                    (true, _) => format!("/{root}/{name}/image_compressed"),
                }
            }
            SchemaKind::Frame => format!("/{root}/{name}/frame"),
            SchemaKind::Message => format!("/{root}/message/{name}"),
            SchemaKind::Log => format!("/{root}/log"),
            SchemaKind::Readings => format!("/{root}/readings"),
            SchemaKind::Link => format!("/{root}/link"),
            SchemaKind::Fault => format!("/{root}/fault"),
            SchemaKind::Loss => format!("/{root}/loss"),
            SchemaKind::Instrument => format!("/{root}/instrument"),
            SchemaKind::Command => format!("/{root}/command"),
            SchemaKind::Stop => format!("/{root}/stop"),
            SchemaKind::Book => format!("/{root}/book/{name}"),
            SchemaKind::Trade => format!("/{root}/trades/{name}"),
            SchemaKind::Feed => format!("/{root}/feed"),
            SchemaKind::Fleet => format!("/{root}/fleet"),
            SchemaKind::Rows => format!("/{root}/table/{name}"),
        };
        let mut metadata = BTreeMap::new();
        if !key.ours {
            metadata.insert("source".to_owned(), self.name_of(key.source));
            metadata.insert("source_index".to_owned(), key.source.0.to_string());
        }
        if let Some(name) = &key.name {
            let what = match key.kind {
                SchemaKind::Message => "event",
                SchemaKind::Book | SchemaKind::Trade => "symbol",
                SchemaKind::Rows => "table",
                _ => "camera",
            };
            metadata.insert(what.to_owned(), name.to_string());
        }
        Channel {
            topic: self.topics.claim(&wanted),
            metadata,
            id: None,
            sequence: 0,
        }
    }

    pub(super) fn name_of(&self, source: SourceId) -> String {
        self.names
            .get(usize::from(source.0))
            .cloned()
            .unwrap_or_else(|| format!("source-{}", source.0))
    }
}

impl From<Numbering> for Channels {
    fn from(numbering: Numbering) -> Self {
        numbering.0
    }
}

impl Channel {
    /// Bytes of its record in the file.
    pub(super) fn record_bytes(&self, kind: SchemaKind) -> u64 {
        let metadata: usize = self
            .metadata
            .iter()
            .map(|(k, v)| 8 + k.len() + v.len())
            .sum();
        size_book::CHANNEL + (self.topic.len() + kind.message_encoding().len() + metadata) as u64
    }
}
