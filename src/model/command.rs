//! What the operator may ask of an instrument.

/// One order to a source. It goes into the source's own bounded queue.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ask the server to start its live view.
    StartLiveView,
    /// Ask the server to stop the live view that we started.
    StopLiveView,
    /// Read positions, detectors and streams again.
    Refresh,
}
