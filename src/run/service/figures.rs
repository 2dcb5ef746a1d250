//! All that is told to others about a run, as plain values: the status line, the ledger that is
//! asked for, and the figures for other programs are made of the same.

use crate::model::{LinkState, Origin, PlainText};
use crate::pipeline::PipelineSnapshot;
use crate::run::headless::Links;
use crate::run::session::Session;

/// A run at one moment.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The sources, in the order of the snapshot's.
    pub sources: Vec<SourceState>,
    /// The accounts and meters.
    pub snapshot: PipelineSnapshot,
    /// What was taken away to make room: files and bytes.
    pub removed: (u64, u64),
}

/// A source as others see it.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// Its name.
    pub name: PlainText,
    /// Whether it is one of our simulators.
    pub simulated: bool,
    /// Its link; `None` before it has said anything.
    pub link: Option<LinkState>,
    /// How often the link was lost.
    pub losses: u64,
}

impl SourceState {
    /// One word for its link.
    pub fn word(&self) -> &'static str {
        self.link.as_ref().map_or("starting", LinkState::word)
    }

    /// Whether it is connected.
    pub fn is_up(&self) -> bool {
        matches!(
            self.link,
            Some(LinkState::Connected | LinkState::Live | LinkState::Stale { .. })
        )
    }
}

impl Figures {
    /// How it stands now.
    pub fn of(session: &Session, snapshot: PipelineSnapshot, links: &Links) -> Self {
        let states = session.sources.iter().zip(&snapshot.sources);
        let sources = states
            .map(|(info, figures)| SourceState {
                name: info.name.clone(),
                simulated: info.origin == Origin::Simulated || figures.simulated,
                link: links.state(info.id).cloned(),
                losses: links.losses.get(&info.id).copied().unwrap_or(0),
            })
            .collect();
        Self {
            sources,
            removed: (0, 0),
            snapshot,
        }
    }

    /// Which file of the recording is being written, from 1; 0 while there is none.
    pub fn part(&self) -> u32 {
        let recorder = &self.snapshot.recorder;
        // A recording that is to stay one file does not number it.
        recorder.part.max(u32::from(recorder.file.is_some()))
    }

    /// How old the newest thing is that a loss of power would cost, in seconds; `None` while nothing
    /// is on the disk.
    pub fn durable_age_s(&self) -> Option<f64> {
        let recorder = &self.snapshot.recorder;
        // Before anything is on the disk, what is missing there goes back to the beginning.
        let since_ns = recorder.durable_mono_ns.max(recorder.began_mono_ns);
        let age_ns = self.snapshot.at.mono_ns.saturating_sub(since_ns);
        (since_ns > 0).then_some(age_ns as f64 / 1e9)
    }
}
