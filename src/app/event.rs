//! Everything that can happen to the app, and everything it may ask of the world.

use crate::control::Latch;
use crate::imaging::{Picture, PictureRequest};
use crate::intent::KeyChord;
use crate::model::{LogLine, Request, Sample, SourceId};
use crate::pipeline::PipelineSnapshot;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A key was pressed.
    Key(KeyChord),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this size now.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// A source said something (frames come as pictures).
    Sample(Sample),
    /// A wanted picture is ready.
    Picture(Box<Picture>),
    /// The figures of the pipeline, four times a second.
    Tick(Box<PipelineSnapshot>),
    /// A line of our own log.
    Log(LogLine),
    /// A stop holds, or none does any more.
    Stop(Option<Latch>),
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
    /// These pictures are on the screen now; no others need decoding.
    Watch(Vec<PictureRequest>),
    /// Give a source a command.
    Send(SourceId, Request),
}
