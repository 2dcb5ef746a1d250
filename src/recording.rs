//! Floor 1: recordings on disk: channels, schemas, writing, reading back, saying what is missing.
//!
//! Files are MCAP, so that other tools open them. Nothing here owns a thread, a clock or a queue:
//! the recorder does, and it alone decides when something is written and made durable.

mod decode;
mod encode;
pub mod files;
pub mod foxglove;
mod last_words;
mod manifest;
mod parts;
mod read_error;
mod reader;
pub mod records;
mod recover;
mod schemas;
mod session;
pub mod summary;
mod topics;
mod verify;
mod writer;

pub use decode::{Decoder, Played, held_since, is_said};
pub use last_words::last_words;
pub use manifest::{EndRecord, Fingerprint, MANIFEST_ENDING, Manifest, ManifestError, PartRecord};
pub use parts::{Beside, SessionVerdict, check_hash, judge};
pub use read_error::ReadError;
pub use reader::{
    Attachment, Damage, Ending, Entry, KnownChannels, Place, Placed, RecordedChannel,
    RecordedMessage, RecordedSchema, RecordingReader, Statistics,
};
pub use recover::{RECOVERY, RecoverError, Recovery, recover};
pub use session::{
    ACCOUNT, Account, BLACK_BOX, BlackBoxCause, RecordedSource, SESSION, Session, SourceAccount,
    rfc3339, rfc3339_exact,
};
pub use summary::{
    Gap, GapKind, Summary, inspect, inspect_telling, replayed, session_of, session_record,
    sources_of,
};
pub use topics::{Topics, part};
pub use verify::{Finding, SET_BACK_NS, Verdict, verify};
pub use writer::{CHUNK_BYTES, MAX_NAMED_CHANNELS, Numbering, RecordingWriter};
