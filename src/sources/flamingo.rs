//! A Flamingo light-sheet microscope as a source: commands and events over one socket, pictures
//! over another.
//!
//! | question | file |
//! |---|---|
//! | Who reads, writes and publishes? | `source.rs`, `source/session.rs`, `socket.rs`, `wire.rs`, `outbox.rs` |
//! | What is known of the instrument? | `known.rs` |
//! | What is read, when, and what follows? | `look.rs` |
//! | How is a command carried out? | `orders.rs`, with `errand.rs` and `exchange.rs` |
//! | What makes it quiet? | `calm.rs`, on a way of its own `stop.rs` |
//! | What do pictures come from? | `live.rs` |

mod calm;
mod errand;
mod exchange;
mod known;
pub mod live;
mod look;
mod options;
mod orders;
mod outbox;
mod retry;
mod socket;
mod source;
pub mod stop;
mod wire;

use tokio_util::sync::CancellationToken;

use crate::control::Intake;
use crate::pipeline::Outlet;

pub use options::{DEFAULT_PORT, FlamingoOptions, Patience, address};

/// Owns the instrument's command socket until `stop` is cancelled: connects, connects again, reads
/// the instrument, publishes everything it says, carries out commands, and halts it when a stop is
/// pressed.
pub async fn run(
    options: FlamingoOptions,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
) {
    source::Source::new(options, outlet, intake, stop)
        .run()
        .await;
}
