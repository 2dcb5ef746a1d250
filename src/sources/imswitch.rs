//! An ImSwitch server as a source: pictures and signals over Socket.IO, state over HTTP.
//!
//! One task owns the Socket.IO side and everything that is published; HTTP calls run beside it
//! and report back, because the server answers them on the thread that also sends its pictures.

mod api;
mod call;
mod flight;
mod inventory;
mod judge;
mod motion;
mod options;
mod script;
mod source;
pub mod stop;
mod watch;

use tokio_util::sync::CancellationToken;

use crate::control::Intake;
use crate::pipeline::Outlet;

pub use options::{DEFAULT_PORT, ImSwitchOptions, Patience, StreamProtocol, address, caution};

/// Reads the server until `stop` is cancelled: connects, connects again, publishes everything it
/// says, acknowledges what the pipeline has taken, and carries out commands.
///
/// Returns after the connection was closed in order, or at once if the server does not answer.
pub async fn run(
    options: ImSwitchOptions,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
) {
    let source = source::Source::new(options, outlet, &intake);
    source.run(intake, stop).await;
}
