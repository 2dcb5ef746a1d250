//! Twenty roles instead of a colour for each widget.

use ratatui::style::{Modifier, Style};

/// What a piece of the screen is, which decides how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// What is healthy, secondary or unchanged.
    Dim,
    /// The title of a pane.
    Title,
    /// The title of the pane that has the focus.
    TitleFocused,
    /// Rules between panes.
    Rule,
    /// The row under the cursor.
    Selection,
    /// Works as it should, where that is worth saying.
    Good,
    /// On its way, waiting.
    Starting,
    /// Worth a look: stale, coalesced, retrying.
    Warning,
    /// Lost, down, broken.
    Error,
    /// Held still: frozen, paused.
    Held,
    /// A value that changed a moment ago.
    Changed,
    /// A number that matters.
    Value,
    /// A key in hints and help.
    Key,
    /// What a key does.
    Hint,
    /// SIMULATED, REPLAY and other truths that are on every screen.
    Banner,
    /// The recorder at work.
    Recording,
    /// Bars and sparklines.
    Graph,
    /// Text being typed.
    Input,
    /// What a filter or a completion matched.
    Match,
}

impl Role {
    /// All roles, in the order of the theme files.
    pub const ALL: [Self; 20] = [
        Self::Text,
        Self::Dim,
        Self::Title,
        Self::TitleFocused,
        Self::Rule,
        Self::Selection,
        Self::Good,
        Self::Starting,
        Self::Warning,
        Self::Error,
        Self::Held,
        Self::Changed,
        Self::Value,
        Self::Key,
        Self::Hint,
        Self::Banner,
        Self::Recording,
        Self::Graph,
        Self::Input,
        Self::Match,
    ];
}

/// A style for each role.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    styles: [Style; Role::ALL.len()],
}

impl Theme {
    /// How a role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// No colour at all: bold, dim and reverse only.
    pub fn monochrome() -> Self {
        let styles = Role::ALL.map(|role| match role {
            Role::Dim | Role::Rule | Role::Hint => Style::new().add_modifier(Modifier::DIM),
            Role::TitleFocused | Role::Value | Role::Key | Role::Changed => {
                Style::new().add_modifier(Modifier::BOLD)
            }
            Role::Warning | Role::Error | Role::Recording => {
                Style::new().add_modifier(Modifier::BOLD)
            }
            Role::Selection | Role::Banner | Role::Held => {
                Style::new().add_modifier(Modifier::REVERSED)
            }
            Role::Match => Style::new().add_modifier(Modifier::UNDERLINED),
            _ => Style::new(),
        });
        Self { styles }
    }
}
