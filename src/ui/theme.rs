//! Twenty roles instead of a colour for each widget.
//!
//! A widget names what a piece of the screen *is* ([`Role`]); a theme file says how that looks.
//! Reading theme files is in `file`, what a terminal can show is in `depth`.

mod depth;
mod file;
mod palette;

use ratatui::style::{Color, Modifier, Style};

pub use depth::ColorDepth;
pub use file::{ThemeError, ThemeProblem};
pub(super) use palette::{NAMED, nearest_index, rgb_of};

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

    /// The key in a theme file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Dim => "dim",
            Self::Title => "title",
            Self::TitleFocused => "title-focused",
            Self::Rule => "rule",
            Self::Selection => "selection",
            Self::Good => "good",
            Self::Starting => "starting",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Held => "held",
            Self::Changed => "changed",
            Self::Value => "value",
            Self::Key => "key",
            Self::Hint => "hint",
            Self::Banner => "banner",
            Self::Recording => "recording",
            Self::Graph => "graph",
            Self::Input => "input",
            Self::Match => "match",
        }
    }

    /// The role of that key in a theme file.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// The themes that come with the program: name and text of the file in `themes/`.
const BUILT_IN: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    (
        "colour-blind",
        include_str!("../../themes/colour-blind.toml"),
    ),
    ("ansi", include_str!("../../themes/ansi.toml")),
];

/// A style for each role.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    name: String,
    /// [`Color::Reset`] leaves the terminal's own.
    background: Color,
    styles: [Style; Role::ALL.len()],
}

impl Theme {
    /// Reads a theme from the text of a theme file. `file` is the path as the user knows it; its
    /// stem is the theme's name.
    ///
    /// # Errors
    /// The first thing wrong with it, with its line and what to write instead.
    pub fn parse(text: &str, file: &str) -> Result<Self, ThemeError> {
        file::parse(text, file)
    }

    /// A theme that comes with the program, or `None` if there is none of that name.
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.into_iter().find(|(known, _)| *known == name)?;
        // `tests/themes.rs` parses every one of them, so this is never `None`.
        Self::parse(text, &format!("themes/{name}.toml")).ok()
    }

    /// The names that [`Theme::built_in`] knows, the default first.
    pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
        BUILT_IN.into_iter().map(|(name, _)| name)
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
        Self {
            name: "monochrome".to_owned(),
            background: Color::Reset,
            styles,
        }
    }

    /// Its name: the stem of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How a role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// What the whole screen is filled with before anything is drawn: the theme's background, so
    /// that a light theme is readable in a dark terminal. Empty where the terminal's own is kept.
    pub fn base(&self) -> Style {
        match self.background {
            Color::Reset => Style::new(),
            background => self.style(Role::Text).bg(background),
        }
    }

    /// The background; [`Color::Reset`] is the terminal's own.
    pub fn background(&self) -> Color {
        self.background
    }

    /// The same theme in the colours a terminal has.
    ///
    /// With 256 colours each takes the nearest one. With 16 the values behind the names belong to
    /// the terminal's palette, and nearest would be a guess (bright black is the background of
    /// some); so a theme that states exact colours gives way to `ansi`, which was made for that.
    /// Without colours it gives way to [`Theme::monochrome`].
    pub fn for_depth(&self, depth: ColorDepth) -> Self {
        match depth {
            ColorDepth::True => self.clone(),
            ColorDepth::Indexed256 => self.map_colors(palette::to_indexed),
            ColorDepth::Ansi16 if self.has_exact_colors() => {
                let ansi = Self::built_in("ansi").unwrap_or_else(Self::monochrome);
                Self {
                    name: self.name.clone(),
                    ..ansi
                }
            }
            ColorDepth::Ansi16 => self.clone(),
            ColorDepth::None => Self {
                name: self.name.clone(),
                ..Self::monochrome()
            },
        }
    }

    fn has_exact_colors(&self) -> bool {
        let exact = |color| matches!(color, Some(Color::Rgb(..)));
        exact(Some(self.background))
            || self
                .styles
                .iter()
                .any(|style| exact(style.fg) || exact(style.bg))
    }

    fn map_colors(&self, map: impl Fn(Color) -> Color) -> Self {
        Self {
            name: self.name.clone(),
            background: map(self.background),
            styles: self.styles.map(|mut style| {
                style.fg = style.fg.map(&map);
                style.bg = style.bg.map(&map);
                style
            }),
        }
    }
}

impl Default for Theme {
    /// The dark theme.
    fn default() -> Self {
        Self::built_in("dark").unwrap_or_else(Self::monochrome)
    }
}
