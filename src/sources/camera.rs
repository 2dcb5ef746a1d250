//! A camera attached to this machine as a source.
//!
//! One thread reads it and waits for nobody; a task hands its pictures on and says how it stands.
//! On Linux the kernel is asked directly, elsewhere and on request through nokhwa.
//!
//! | question | file |
//! |---|---|
//! | What can a camera do, and what goes wrong with it? | `device.rs` |
//! | Which camera, which format, size and rate? | `choose.rs` |
//! | How do a driver's bytes become a frame? | `pixels.rs` |
//! | Who waits for pictures? | `capture.rs` |
//! | Who says how it stands and looks for it again? | `source.rs` |
//! | Who asks the machine? | `linux.rs`, `anywhere.rs` |

mod anywhere;
mod capture;
mod choose;
mod controls;
mod device;
#[cfg(target_os = "linux")]
mod linux;
mod options;
mod pixels;
mod source;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::control::Intake;
use crate::pipeline::Outlet;

pub use choose::{Wanted, rate_words, size_words};
pub use device::{
    Agreed, Backend, Control, Device, Format, Found, FourCc, Interval, Intervals, Mode, Role, Shot,
    Size, Stream, Trouble,
};
pub use options::{CameraOptions, Layer};
pub use pixels::KNOWN;

/// Reads the camera until `stop`, and again whenever it is plugged in.
pub async fn run(options: CameraOptions, outlet: Outlet, intake: Intake, stop: CancellationToken) {
    let backend = backend(options.layer);
    run_on(backend, options, outlet, intake, stop).await;
}

/// As [`run`], with the cameras of `backend`.
pub async fn run_on(
    backend: Arc<dyn Backend>,
    options: CameraOptions,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
) {
    source::run(backend, options, outlet, intake, stop).await;
}

/// The cameras of this machine.
pub fn backend(layer: Layer) -> Arc<dyn Backend> {
    match layer {
        #[cfg(target_os = "linux")]
        Layer::Native => Arc::new(linux::Linux),
        _ => Arc::new(anywhere::Anywhere),
    }
}
