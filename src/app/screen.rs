//! The table of screens and the panes that can have the focus on them.

use crate::intent::{Action, Context};

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    /// Every source, the recorder, what happened last.
    Overview,
    /// A picture, its figures, the signals.
    Scope,
    /// Books and the feeds they come by.
    Markets,
    /// A supervised fleet of workers.
    Fleet,
    /// The rows of generic feeds.
    Tables,
    /// The ledger and the latencies.
    Pipeline,
    /// What happened, line by line.
    Journal,
}

/// A part of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The table of sources.
    Sources,
    /// What the recorder is doing.
    Recorder,
    /// The readings an operator looks at first.
    Values,
    /// The newest lines of the journal.
    Recent,
    /// The names of the cameras, if there are several.
    Subjects,
    /// The picture and its figures.
    Picture,
    /// Axes, lights, cameras and commands.
    Instrument,
    /// Readings and events.
    Signals,
    /// All books, a row each.
    Books,
    /// The levels of a book.
    Ladder,
    /// The depth of a book over time.
    Heat,
    /// An instrument over the venues that have it.
    Venues,
    /// Figures of a book, and its last trades.
    Figures,
    /// How a feed goes.
    Feed,
    /// The live table and its cell under the cursor.
    Rows,
    /// The list of all tables, if there are several.
    Tables,
    /// The verdict on a fleet, and its figures.
    Fleet,
    /// The workers of a fleet.
    Workers,
    /// What a fleet's server logs.
    FleetLog,
    /// What happened to a fleet's figures.
    FleetMarks,
    /// The ledger.
    Ledger,
    /// Where the time goes.
    Latency,
    /// The loop and the terminal.
    Loop,
    /// The journal.
    Journal,
    /// The worst state, alone: all that a tiny terminal has room for.
    Worst,
}

impl Screen {
    /// All screens, in the order of the top line.
    pub const ALL: [Self; 7] = [
        Self::Overview,
        Self::Scope,
        Self::Markets,
        Self::Fleet,
        Self::Tables,
        Self::Pipeline,
        Self::Journal,
    ];

    /// Its name on the top line.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Scope => "Scope",
            Self::Markets => "Markets",
            Self::Tables => "Tables",
            Self::Fleet => "Fleet",
            Self::Pipeline => "Pipeline",
            Self::Journal => "Journal",
        }
    }

    /// Its name where there is little room.
    pub fn short_title(self) -> &'static str {
        match self {
            Self::Overview => "Over",
            Self::Markets => "Mkts",
            Self::Tables => "Tabs",
            Self::Pipeline => "Pipe",
            Self::Journal => "Jrnl",
            Self::Scope | Self::Fleet => self.title(),
        }
    }

    /// Which keys count on it.
    pub fn context(self) -> Context {
        match self {
            Self::Overview => Context::Overview,
            Self::Scope => Context::Scope,
            Self::Markets => Context::Markets,
            Self::Tables => Context::Tables,
            Self::Fleet => Context::Fleet,
            Self::Pipeline => Context::Pipeline,
            Self::Journal => Context::Journal,
        }
    }

    /// The action that goes to it.
    pub fn action(self) -> Action {
        match self {
            Self::Overview => Action::ScreenOverview,
            Self::Scope => Action::ScreenScope,
            Self::Markets => Action::ScreenMarkets,
            Self::Tables => Action::ScreenTables,
            Self::Fleet => Action::ScreenFleet,
            Self::Pipeline => Action::ScreenPipeline,
            Self::Journal => Action::ScreenJournal,
        }
    }

    /// The panes that can have the focus; the first has it at the start.
    pub fn panes(self) -> &'static [Pane] {
        match self {
            Self::Overview => &[Pane::Sources, Pane::Recent],
            Self::Scope => &[Pane::Picture, Pane::Instrument, Pane::Signals],
            Self::Markets => &[
                Pane::Books,
                Pane::Ladder,
                Pane::Heat,
                Pane::Venues,
                Pane::Figures,
                Pane::Feed,
            ],
            Self::Tables => &[Pane::Rows, Pane::Tables],
            Self::Fleet => &[Pane::Workers, Pane::Fleet, Pane::FleetLog],
            Self::Pipeline => &[Pane::Ledger, Pane::Latency],
            Self::Journal => &[Pane::Journal],
        }
    }

    /// The screen `steps` further, around the end.
    pub fn step(self, forward: bool) -> Self {
        let count = Self::ALL.len();
        let step = if forward { 1 } else { count - 1 };
        Self::ALL[(self as usize + step) % count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_through_the_screens_as_the_top_line_names_them() {
        for (index, screen) in Screen::ALL.into_iter().enumerate() {
            let next = Screen::ALL[(index + 1) % Screen::ALL.len()];
            assert_eq!(screen.step(true), next);
            assert_eq!(next.step(false), screen);
        }
    }
}
