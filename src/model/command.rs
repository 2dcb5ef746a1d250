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

impl Command {
    /// What is asked, in words.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::StartLiveView => "start of the live view",
            Self::StopLiveView => "stop of the live view",
            Self::Refresh => "refresh",
        }
    }
}
