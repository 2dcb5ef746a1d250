//! What a recording says of itself: who recorded what (at its beginning), and how it went (at its
//! end). Both are MCAP metadata records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::ledger::DiskCounts;
use crate::model::{DropReason, Origin, SourceInfo};

/// Name of the first metadata record.
pub const SESSION: &str = "ttyscope.session";
/// Name of the last metadata record.
pub const ACCOUNT: &str = "ttyscope.account";

/// Name of the metadata records that say what a black box was saved for.
pub const BLACK_BOX: &str = "ttyscope.black_box";

/// Sources that are read from a file: it may have been made to hold any number.
const MAX_SOURCES: usize = 1024;

/// What was recorded, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The version of ttyscope.
    pub version: String,
    /// When the recording began, Unix nanoseconds.
    pub started_unix_ns: u64,
    /// The sources, in the order of their numbers.
    pub sources: Vec<RecordedSource>,
    /// What all files of one recording share and no other recording has, in hexadecimal digits;
    /// empty in files that do not say it.
    pub id: String,
    /// Which file of the recording this is, from 1.
    pub part: u32,
}

/// One source of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSource {
    /// Its name in the configuration.
    pub name: String,
    /// Where it was, without secrets.
    pub address: String,
    /// `live`, `simulated` or `replay`.
    pub origin: String,
    /// What had to be said of it on every screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
}

impl Session {
    /// The session of these sources, begun now.
    pub fn new(sources: &[SourceInfo], started_unix_ns: u64) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_unix_ns,
            sources: sources
                .iter()
                .map(|source| RecordedSource {
                    name: source.name.to_string(),
                    address: source.address.to_string(),
                    origin: origin_name(source.origin).to_owned(),
                    caution: source.caution.as_ref().map(ToString::to_string),
                })
                .collect(),
            id: String::new(),
            part: 1,
        }
    }

    /// The same as a file of a recording that may have several.
    pub fn as_part(self, id: &str, part: u32) -> Self {
        Self {
            id: id.to_owned(),
            part,
            ..self
        }
    }

    /// As a metadata record.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let simulated = self.sources.iter().any(|source| source.origin != "live");
        let mut map = BTreeMap::from([
            ("version".to_owned(), self.version.clone()),
            ("started".to_owned(), rfc3339(self.started_unix_ns)),
            (
                "started_unix_ns".to_owned(),
                self.started_unix_ns.to_string(),
            ),
            ("sources".to_owned(), to_json(&self.sources)),
            ("all_live".to_owned(), (!simulated).to_string()),
        ]);
        if !self.id.is_empty() {
            map.insert("session".to_owned(), self.id.clone());
            map.insert("part".to_owned(), self.part.to_string());
        }
        map
    }

    /// From a metadata record. What cannot be read is left out.
    pub fn from_map(map: &BTreeMap<String, String>) -> Self {
        let text = |key: &str| map.get(key).map_or("", String::as_str);
        let mut sources: Vec<RecordedSource> =
            serde_json::from_str(text("sources")).unwrap_or_default();
        sources.truncate(MAX_SOURCES);
        Self {
            version: text("version").to_owned(),
            started_unix_ns: text("started_unix_ns").parse().unwrap_or(0),
            sources,
            id: match text("session") {
                id if is_session_id(id) => id.to_owned(),
                _ => String::new(),
            },
            part: text("part").parse().unwrap_or(1).max(1),
        }
    }
}

/// Whether it may be the name of a recording: hexadecimal digits, not too many.
pub(super) fn is_session_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// One thing that a black box was saved for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlackBoxCause {
    /// When it happened, Unix nanoseconds.
    pub at_unix_ns: u64,
    /// What, as a part of a sentence behind "because".
    pub because: String,
}

impl BlackBoxCause {
    /// As a metadata record.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("at".to_owned(), rfc3339(self.at_unix_ns)),
            ("at_unix_ns".to_owned(), self.at_unix_ns.to_string()),
            ("because".to_owned(), self.because.clone()),
        ])
    }

    /// From a metadata record; `None` if it cannot be read.
    pub fn from_map(map: &BTreeMap<String, String>) -> Option<Self> {
        Some(Self {
            at_unix_ns: map.get("at_unix_ns")?.parse().ok()?,
            because: map.get("because")?.clone(),
        })
    }
}

/// How a recording went: the recorder's books, for this file alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// When it ended, Unix nanoseconds.
    pub ended_unix_ns: u64,
    /// Why it ended, as a sentence.
    pub reason: String,
    /// By source.
    pub sources: Vec<SourceAccount>,
    /// The recording did not end here: it goes on in the next part.
    pub goes_on: bool,
}

/// The recorder's books of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceAccount {
    /// Its name.
    pub name: String,
    /// Handed to the recorder.
    pub accepted: u64,
    /// In the file.
    pub written: u64,
    /// Not in the file, by reason.
    pub lost: BTreeMap<String, u64>,
}

impl SourceAccount {
    /// The books of source `name`.
    pub fn new(name: &str, counts: &DiskCounts) -> Self {
        Self {
            name: name.to_owned(),
            accepted: counts.accepted,
            written: counts.written,
            lost: DropReason::ALL
                .into_iter()
                .map(|reason| (reason.as_str().to_owned(), counts.lost[reason as usize]))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }

    /// Adds the books of the same source in another file.
    pub fn add(&mut self, other: &Self) {
        self.accepted = self.accepted.saturating_add(other.accepted);
        self.written = self.written.saturating_add(other.written);
        for (reason, count) in &other.lost {
            let lost = self.lost.entry(reason.clone()).or_default();
            *lost = lost.saturating_add(*count);
        }
    }

    /// All that was accepted is in the file.
    pub fn is_complete(&self) -> bool {
        self.accepted == self.written && self.lost.is_empty()
    }
}

impl Account {
    /// All that was accepted from all sources is in the file.
    pub fn is_complete(&self) -> bool {
        self.sources.iter().all(SourceAccount::is_complete)
    }

    /// As a metadata record.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = BTreeMap::from([
            ("ended".to_owned(), rfc3339(self.ended_unix_ns)),
            ("ended_unix_ns".to_owned(), self.ended_unix_ns.to_string()),
            ("reason".to_owned(), self.reason.clone()),
            ("complete".to_owned(), self.is_complete().to_string()),
            ("sources".to_owned(), to_json(&self.sources)),
        ]);
        if self.goes_on {
            map.insert("goes_on".to_owned(), true.to_string());
        }
        map
    }

    /// From a metadata record; `None` if its books cannot be read.
    pub fn from_map(map: &BTreeMap<String, String>) -> Option<Self> {
        Some(Self {
            ended_unix_ns: map.get("ended_unix_ns")?.parse().ok()?,
            reason: map.get("reason")?.clone(),
            sources: serde_json::from_str(map.get("sources")?).ok()?,
            goes_on: map.get("goes_on").is_some_and(|word| word == "true"),
        })
    }
}

/// The word for an origin in files.
pub fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Live => "live",
        Origin::Simulated => "simulated",
        Origin::Replay => "replay",
    }
}

/// A time for people, in UTC, to the millisecond.
pub fn rfc3339(unix_ns: u64) -> String {
    in_utc(unix_ns, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// A time in UTC, to the nanosecond, always with nine decimals.
pub fn rfc3339_exact(unix_ns: u64) -> String {
    in_utc(unix_ns, "%Y-%m-%dT%H:%M:%S%.9fZ")
}

fn in_utc(unix_ns: u64, form: &str) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(unix_ns)).map_or_else(
        |_| format!("{unix_ns} ns"),
        |time| time.strftime(form).to_string(),
    )
}

fn to_json<T: Serialize>(value: &T) -> String {
    // Strings and numbers only: there is nothing in it that JSON could not say.
    serde_json::to_string(value).unwrap_or_default()
}
