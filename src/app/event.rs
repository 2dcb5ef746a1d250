//! Everything that can happen to the app, and everything it may ask of the world.

use crate::control::Latch;
use crate::imaging::{Picture, PictureRequest};
use crate::intent::{CommandOrder, KeyChord, Mouse};
use crate::model::{
    CameraKey, Command, Frame, LogLine, PictureFormat, PlainText, ReplayOrder, ReplayStatus,
    Request, Sample, SourceId, Stamp, StopLevel,
};
use crate::picture_file::About;
use crate::pipeline::PipelineSnapshot;
use crate::ui::Terminal;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A key was pressed.
    Key {
        /// Which.
        chord: KeyChord,
        /// When it was read, which may be long before it is handled.
        pressed: Stamp,
    },
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(Mouse),
    /// The terminal has this size now.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The terminal has said what pictures it can show.
    Terminal(Box<Terminal>),
    /// A source said something (frames come as pictures).
    Sample(Sample),
    /// A wanted picture is ready.
    Picture(Box<Picture>),
    /// The figures of the pipeline, four times a second.
    Tick(Box<PipelineSnapshot>),
    /// A line of our own log.
    Log(LogLine),
    /// A stop was pressed or cleared: the one that holds now.
    Stop(Option<Latch>),
    /// A file that a command needs was read, or could not be.
    File(FileRead),
    /// The player of a recording stands like this.
    Replay(Box<ReplayStatus>),
    /// A picture was saved in this file, or could not be.
    Saved(Result<PlainText, String>),
}

/// A picture to be saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The frame, as it was received.
    pub frame: Frame,
    /// What is known of it.
    pub about: About,
    /// What it is written as, if not as usual.
    pub format: Option<PictureFormat>,
    /// The beginning of its file's name, if not the source's.
    pub name: Option<String>,
}

/// What became of a file that a command needs.
#[derive(Clone, Debug, PartialEq)]
pub struct FileRead {
    /// Whose command it is.
    pub source: SourceId,
    /// The command with the file's text in it, or why there is none.
    pub command: Result<Command, String>,
    /// The newest stop when it was asked for.
    pub stop_number: u64,
}

/// What the app would like done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Start writing to disk.
    StartRecording,
    /// Stop writing to disk.
    StopRecording,
    /// Save the last seconds of everything.
    SaveBlackBox,
    /// These pictures are on the screen now, looked at in this way; no others need decoding.
    Watch(Vec<PictureRequest>),
    /// Compare a camera's pictures with the frame that was drawn last, from now on.
    SetReference(CameraKey),
    /// Save a picture; [`Event::Saved`] answers.
    Save(Box<Snapshot>),
    /// Give a source a command.
    Send(SourceId, Request),
    /// Ask the player of the recording for something.
    Replay(ReplayOrder),
    /// Press the stop; without a level as its key does, where a second press ends light too.
    Stop(Option<StopLevel>),
    /// End the stop that holds.
    ClearStop,
    /// Read the file that a command needs; [`Event::File`] answers.
    Read {
        /// Whose command it is.
        source: SourceId,
        /// The command, with the file's path.
        order: CommandOrder,
    },
}
