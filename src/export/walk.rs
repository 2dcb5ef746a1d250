//! The one walk over the files of a session: whole, unfinished and damaged ones alike.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::outcome::Skip;
use super::{ExportError, ExportPlan, Exported, Item, Sink};
use crate::model::text::printable;
use crate::recording::records::LossRecord;
use crate::recording::{
    ACCOUNT, Account, Decoder, Ending, Entry, RecordedMessage, RecordingReader, SESSION, Session,
};

/// Takes a sink through the files once.
///
/// - `progress`: is told bytes read
pub(super) fn walk(
    plan: &ExportPlan,
    sink: Box<dyn Sink>,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    Walk {
        plan,
        sink,
        exported: Exported::default(),
        decoder: None,
        sources: Vec::new(),
        part: 0,
        goes_on_behind: None,
    }
    .run(progress)
}

/// On the way over the files of a session.
struct Walk<'a> {
    plan: &'a ExportPlan,
    sink: Box<dyn Sink>,
    exported: Exported,
    decoder: Option<Decoder>,
    /// Names that were seen.
    sources: Vec<String>,
    /// The part that is being read.
    part: u32,
    /// The part that the recording goes on behind, if its last file so far says that.
    goes_on_behind: Option<u32>,
}

impl Walk<'_> {
    fn run(mut self, progress: &mut dyn FnMut(u64)) -> Result<Exported, ExportError> {
        let mut done_bytes = 0;
        for absent in &self.plan.absent {
            self.exported.miss(absent.clone());
        }
        for file in &self.plan.files {
            let mut reader = RecordingReader::open(file)?;
            self.decoder = None;
            while let Some(entry) = reader.next() {
                if self.plan.interrupted.load(Ordering::Relaxed) {
                    return Err(ExportError::Interrupted);
                }
                progress(done_bytes + reader.position_bytes());
                self.entry(file, entry)?;
            }
            done_bytes += reader.size_bytes();
            if let Some(Ending::Cut {
                readable_bytes,
                unreadable_bytes,
                why,
            }) = reader.ending()
            {
                self.exported.miss(format!(
                    "{}: not finished; byte {readable_bytes}: {why}; {unreadable_bytes} bytes left over",
                    file.display()
                ));
            }
        }
        // Of a single part it is known that it is one.
        if let (Some(part), 2..) = (self.goes_on_behind, self.plan.files.len()) {
            self.exported.miss(goes_on(part));
        }
        self.plan.check_sources(&self.sources)?;
        if self.exported.messages == 0 {
            return Err(ExportError::Nothing);
        }
        self.sink.finish(&mut self.exported)?;
        Ok(self.exported)
    }

    fn entry(&mut self, file: &Path, entry: Entry) -> Result<(), ExportError> {
        match entry {
            Entry::Message(message) => self.message(file, &message)?,
            Entry::Metadata { name, values } => {
                if name == SESSION {
                    let session = Session::from_map(&values);
                    for source in &session.sources {
                        self.know(&source.name);
                    }
                    self.sink.session(&session)?;
                    self.goes_on_behind = None;
                    self.part = session.part;
                    self.decoder = self.sink.wants_payload().then(|| Decoder::new(session));
                }
                if name == ACCOUNT && Account::from_map(&values).is_some_and(|told| told.goes_on) {
                    self.goes_on_behind = Some(self.part);
                }
                self.sink.metadata(file, &name, &values)?;
            }
            Entry::Attachment(attachment) => {
                let skip = Skip {
                    topic: printable(&attachment.name).into_owned(),
                    schema: printable(&attachment.media_type).into_owned(),
                    why: "a file within the recording".to_owned(),
                };
                *self.exported.skipped.entry(skip).or_default() += 1;
            }
            Entry::Damage(damage) => self.exported.miss(format!(
                "{}: byte {}: {}; {} bytes skipped",
                file.display(),
                damage.at,
                damage.what,
                damage.skipped_bytes
            )),
        }
        Ok(())
    }

    fn message(&mut self, file: &Path, message: &RecordedMessage) -> Result<(), ExportError> {
        // Everything is decoded, because a picture is understood with what stands before it.
        let played = match self.decoder.as_mut().map(|decoder| decoder.decode(message)) {
            Some(Ok(played)) => played,
            Some(Err(what)) => {
                self.exported.miss(format!("{}: {what}", file.display()));
                None
            }
            None => None,
        };
        let shared_loss = shared_loss(message);
        let named = message.channel.metadata.get("source");
        let source = named.or(shared_loss.as_ref()).map_or("", String::as_str);
        self.know(source);
        if !self.plan.takes(message, source) {
            return Ok(());
        }
        self.exported.messages += 1;
        let item = Item {
            message,
            source,
            played: played.as_ref(),
        };
        self.sink.message(item, &mut self.exported)
    }

    /// Only those that somebody asked for are kept in mind where a file has any number.
    fn know(&mut self, source: &str) {
        const MOST: usize = 1024;
        let is_new = !source.is_empty() && !self.sources.iter().any(|known| known == source);
        if is_new && (self.sources.len() < MOST || self.plan.sources.iter().any(|s| s == source)) {
            self.sources.push(source.to_owned());
        }
    }
}

/// That files are not all of their recording.
pub(super) fn goes_on(behind: u32) -> String {
    let next = behind.saturating_add(1);
    format!("the recording goes on in part {next}, which is not among the files")
}

/// Whose loss it is, on the topic that all sources share.
fn shared_loss(message: &RecordedMessage) -> Option<String> {
    if message.channel.schema != "ttyscope.Loss" {
        return None;
    }
    let loss: LossRecord<'_> = serde_json::from_slice(&message.data).ok()?;
    loss.source.map(|source| source.into_owned())
}
