//! Floor 0: plain values that every other floor speaks of.
//!
//! Nothing here does I/O, knows a terminal or a runtime; only `std` and `bytes`.

pub mod camera_control;
pub mod command;
pub mod condition;
pub mod decimal;
pub mod fleet;
pub mod frame;
pub mod history;
pub mod instrument;
pub mod latched;
pub mod ledger;
pub mod market;
pub mod metrics;
pub mod order_book;
pub mod picture_format;
pub mod replay;
pub mod rows;
pub mod sample;
pub mod size;
pub mod stamp;
pub mod status;
pub mod stop;
pub mod text;
pub mod trigger;
pub mod unit;

pub use camera_control::{CameraControl, Choice, ControlAccess, ControlKind};
pub use command::{
    Command, CommandId, CommandKind, CommandReport, CommandState, Danger, Request, Target,
};
pub use fleet::{
    EventPace, FiguresFrom, Fleet, FleetMark, FleetTotals, FleetVerdict, Probe, Worker,
    WorkerClass, WorkerWait,
};
pub use frame::{AckWindow, CameraKey, Compression, Frame, FrameEncoding};
pub use history::History;
pub use instrument::{
    Activity, Axis, Camera, Evidence, Instrument, Light, Limits, Motion, Position, Workflow,
    WorkflowState,
};
pub use latched::Latched;
pub use ledger::{Counts, DropReason, Fate, LaneKind, Ledger, LedgerSnapshot, Ticket};
pub use market::{
    BookCounters, BookMetrics, BookState, BookView, DepthWithin, FRESH_FOR_NS, FeedCounters,
    FeedHealth, FeedLatency, FeedWay, Integrity, Light as FeedLight,
};
pub use metrics::{LatencyWindow, Percentiles, RateMeter};
pub use order_book::{
    Aggressor, Book, BookChange, BookEvent, BookId, BookNotes, ClearReason, Level, Scales,
    Sequence, Side, Trade,
};
pub use picture_format::PictureFormat;
pub use replay::{Mark, MarkKind, Pace, ReplayOrder, ReplayState, ReplayStatus, SeekTo};
pub use rows::{Row, Rows, Table};
pub use sample::{
    LogLine, Loss, Message, Origin, Payload, Reading, SIMULATOR_HOSTNAME, Sample, SourceId,
    SourceInfo, Value,
};
pub use size::size_text;
pub use stamp::{Clock, Stamp};
pub use status::{
    BlackBoxStatus, DiskRoom, EndReason, Fault, FaultKind, LinkState, RecorderState,
    RecorderStatus, SavedBlackBox, Severity,
};
pub use stop::{StopEvent, StopLevel, StopOrigin, StopPath, StopPress, StopReport, StopState};
pub use text::PlainText;
pub use trigger::{Cause, Trigger};
pub use unit::{Quantity, Unit};
