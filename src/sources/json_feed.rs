//! Any WebSocket that speaks JSON as a source: each message is kept as it is, and its rows become a
//! live table. What a message means beyond that is not known here.

mod options;
mod queue;
mod reader;
mod teller;

use tokio_util::sync::CancellationToken;

use crate::control::Intake;
use crate::pipeline::Outlet;

pub use options::JsonFeedOptions;
use queue::Queue;

/// Reads a server until `stop`, then leaves it in order and hands on what had arrived.
pub async fn run(
    options: JsonFeedOptions,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
) {
    let queue = Queue::default();
    let picker = options.picker.clone();
    let clock = outlet.clock().clone();
    // Two halves of one task: the reader never waits for whoever takes what it read.
    tokio::join!(
        reader::run(options, clock, intake, &queue, stop),
        teller::run(picker, outlet, &queue),
    );
}
