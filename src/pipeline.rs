//! Floor 1: the lanes between sources and their two consumers, and the accounts kept of them.
//!
//! Sources hold an [`Outlet`] each and know nothing else. The recorder thread empties the
//! [`DiskLane`], the main loop and the picture worker empty the [`ScreenLanes`]. Every lane has a
//! bound, a policy and counters; none of them knows what is at its other end.

mod disk_lane;
mod meter;
mod outlet;
mod screen_lanes;
mod snapshot;

pub use disk_lane::{
    BlackBoxPlan, DiskItem, DiskLane, DiskReceiver, Order, RecorderGone, RecordingLimits,
    RecordingPlan, Rotation,
};
pub use meter::{Meters, Stage};
pub use outlet::{Outlet, Pipeline};
pub use screen_lanes::{Delivery, LaneGauge, ScreenLanes};
pub use snapshot::{
    CameraSnapshot, LaneSnapshot, LoopStats, PictureDetail, PipelineSnapshot, SourceSnapshot,
    TerminalStats,
};
