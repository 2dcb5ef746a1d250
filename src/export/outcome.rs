//! What became of an export: the files, what is in none of them, and what could not be read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::model::text::printable;
use crate::recording::RecordedMessage;

/// Sentences about what could not be read that are kept; a broken file could fill the memory.
const MAX_SENTENCES: usize = 1000;
/// Files that are listed; an export of pictures may have millions.
const MAX_FILES: usize = 10_000;

/// What an export came to.
#[derive(Debug, Default, Serialize)]
pub struct Exported {
    /// The files that were written.
    pub files: Vec<ExportedFile>,
    /// Files that were written and not listed because there are too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_files: u64,
    /// What else has to be known of them, as sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Messages that were asked for.
    pub messages: u64,
    /// Of them, those that are in no file, and why. A format that has no place for them is no
    /// fault.
    #[serde(serialize_with = "skipped")]
    pub skipped: BTreeMap<Skip, u64>,
    /// What could not be read, as sentences: the recording itself is cut, damaged or wrong there.
    pub missing: Vec<String>,
    /// Such sentences that were not kept.
    pub more_missing: u64,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// Where.
    pub path: PathBuf,
    /// Rows, lines or pictures in it.
    pub items: u64,
    /// Its size.
    pub bytes: u64,
}

/// What was left out together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skip {
    /// Its topic.
    pub topic: String,
    /// Its schema.
    pub schema: String,
    /// Why, as a sentence.
    pub why: String,
}

impl Exported {
    /// Everything that was asked for could be read.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }

    /// A file was written.
    pub fn wrote(&mut self, file: ExportedFile) {
        if self.files.len() < MAX_FILES {
            self.files.push(file);
        } else {
            self.more_files += 1;
        }
    }

    /// Something has to be known of what was written.
    pub fn note(&mut self, what: String) {
        if self.notes.len() < MAX_SENTENCES {
            self.notes.push(what);
        }
    }

    /// A message is in no file.
    pub fn skip(&mut self, message: &RecordedMessage, why: &str) {
        let skip = Skip {
            topic: printable(&message.channel.topic).into_owned(),
            schema: printable(&message.channel.schema).into_owned(),
            why: why.to_owned(),
        };
        *self.skipped.entry(skip).or_default() += 1;
    }

    /// Something could not be read.
    pub fn miss(&mut self, what: String) {
        if self.missing.len() < MAX_SENTENCES {
            self.missing.push(what);
        } else {
            self.more_missing += 1;
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn skipped<S: Serializer>(skipped: &BTreeMap<Skip, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Counted<'a> {
        #[serde(flatten)]
        skip: &'a Skip,
        messages: u64,
    }
    serializer.collect_seq(skipped.iter().map(|(skip, messages)| Counted {
        skip,
        messages: *messages,
    }))
}
