//! The table of actions: the only place where a default key is mentioned.
//!
//! Hints, the help overlay, the README's table and the check of the configuration are made from
//! [`Action::ALL`]. A new action is one line here and one arm in `App::act`.

/// Where a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// The overview screen.
    Overview,
    /// The scope screen.
    Scope,
    /// The pipeline screen.
    Pipeline,
    /// The journal screen.
    Journal,
}

impl Context {
    /// All of them, in the order of the screens.
    pub const ALL: [Self; 4] = [Self::Overview, Self::Scope, Self::Pipeline, Self::Journal];

    /// The word in help and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Scope => "scope",
            Self::Pipeline => "pipeline",
            Self::Journal => "journal",
        }
    }
}

const EVERYWHERE: &[Context] = &Context::ALL;
const SOURCES: &[Context] = &[Context::Overview, Context::Scope];

macro_rules! actions {
    ($($(#[doc = $sentence:literal])+ $action:ident = $name:literal, $hint:literal, $keys:expr, $contexts:expr;)+) => {
        /// What the operator asked for with a key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[doc = $sentence])+ $action,)+ }

        impl Action {
            /// All actions, in the order of help and hints.
            pub const ALL: &'static [Self] = &[$(Self::$action),+];

            /// The name in the configuration.
            pub fn name(self) -> &'static str {
                match self { $(Self::$action => $name,)+ }
            }

            /// One or two words for the hint bar; empty if it is not worth a place there.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$action => $hint,)+ }
            }

            /// What it does, as a sentence.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$action => concat!($($sentence),+).trim_ascii(),)+ }
            }

            /// The keys it has unless the configuration says otherwise.
            pub fn default_keys(self) -> &'static [&'static str] {
                match self { $(Self::$action => $keys,)+ }
            }

            /// Where its keys count.
            pub fn contexts(self) -> &'static [Context] {
                match self { $(Self::$action => $contexts,)+ }
            }
        }
    };
}

actions! {
    /// Show or leave this help.
    Help = "help", "help", &["?"], EVERYWHERE;
    /// Type a command, with completion and history.
    Palette = "palette", "command", &[":"], EVERYWHERE;
    /// Show only the lines that contain a text.
    Filter = "filter", "filter", &["/"], &[Context::Scope, Context::Journal];
    /// Show the selected source on the scope screen.
    Open = "open", "open", &["enter"], &[Context::Overview];
    /// Hold the screen still; data and recording go on.
    Freeze = "freeze", "freeze", &["f"], EVERYWHERE;
    /// Give the focused pane the whole screen, or take it back.
    Expand = "expand", "expand", &["e"], EVERYWHERE;
    /// Start or stop writing to disk.
    Record = "record", "rec", &["R"], EVERYWHERE;
    /// Start the source's live view, or stop what was started here.
    LiveView = "live-view", "live", &["L"], SOURCES;
    /// Move the focus to the next pane.
    NextPane = "next-pane", "pane", &["tab"], EVERYWHERE;
    /// The next camera, or source without one.
    NextCamera = "next-camera", "camera", &["n", "l", "right"], &[Context::Scope];
    /// Sort the signals by relevance, name, age or change.
    Sort = "sort", "sort", &["s"], &[Context::Scope];
    /// Show all lines, warnings and errors, or errors alone.
    Severity = "severity", "severity", &["s"], &[Context::Journal];
    /// Read positions, detectors and streams of the source again.
    Refresh = "refresh", "refresh", &["r"], SOURCES;
    /// Leave the program; asks first while a recording runs.
    Quit = "quit", "quit", &["q"], EVERYWHERE;
    /// Move the focus to the pane before.
    PreviousPane = "previous-pane", "", &["shift-tab"], EVERYWHERE;
    /// The camera before, or source without one.
    PreviousCamera = "previous-camera", "", &["N", "h", "left"], &[Context::Scope];
    /// Move down.
    Down = "down", "", &["j", "down"], EVERYWHERE;
    /// Move up.
    Up = "up", "", &["k", "up"], EVERYWHERE;
    /// Go to the first line.
    Top = "top", "", &["gg", "home"], EVERYWHERE;
    /// Go to the last line; the journal follows from there.
    Bottom = "bottom", "", &["G", "end"], EVERYWHERE;
    /// A screenful down.
    PageDown = "page-down", "", &["pgdn", "ctrl-d"], EVERYWHERE;
    /// A screenful up.
    PageUp = "page-up", "", &["pgup", "ctrl-u"], EVERYWHERE;
    /// Leave overlay, expanded pane, filter, held screen. Never quits.
    Back = "back", "", &["esc"], EVERYWHERE;
    /// The overview screen.
    ScreenOverview = "screen-overview", "", &["1"], EVERYWHERE;
    /// The scope screen.
    ScreenScope = "screen-scope", "", &["2"], EVERYWHERE;
    /// The pipeline screen.
    ScreenPipeline = "screen-pipeline", "", &["3"], EVERYWHERE;
    /// The journal screen.
    ScreenJournal = "screen-journal", "", &["4"], EVERYWHERE;
    /// The next screen.
    NextScreen = "next-screen", "", &["]"], EVERYWHERE;
    /// The screen before.
    PreviousScreen = "previous-screen", "", &["["], EVERYWHERE;
}

impl Action {
    /// The action of that name in the configuration.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.name() == name)
    }
}

/// The table for the README.
pub fn markdown_table() -> String {
    let mut text = String::from("| key | action | what it does |\n|---|---|---|\n");
    for action in Action::ALL {
        let keys: Vec<String> = action
            .default_keys()
            .iter()
            .map(|key| format!("`{key}`"))
            .collect();
        let place = match action.contexts() {
            all if all.len() == Context::ALL.len() => String::new(),
            some => {
                let words: Vec<&str> = some.iter().map(|context| context.as_str()).collect();
                format!(" ({})", words.join(", "))
            }
        };
        text.push_str(&format!(
            "| {} | `{}` | {}{place} |\n",
            keys.join(" "),
            action.name(),
            action.sentence()
        ));
    }
    text.push_str(
        "| `ctrl-c` | | Quit; asks while a recording runs, the second press does not |\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for (index, action) in Action::ALL.iter().enumerate() {
            assert_eq!(Action::from_name(action.name()), Some(*action));
            assert!(!action.sentence().is_empty() && action.sentence().ends_with('.'));
            assert!(!action.contexts().is_empty());
            assert!(
                action.sentence().len() <= 63,
                "too long for help at 80 columns: {action:?}"
            );
            assert_eq!(*action as usize, index);
        }
        assert_eq!(Action::from_name("stop-the-world"), None);
    }

    #[test]
    fn the_table_names_every_action() {
        let table = markdown_table();
        assert_eq!(table.lines().count(), Action::ALL.len() + 3);
        assert!(table.contains("| `f` | `freeze` | Hold the screen still;"));
        assert!(table.contains("(scope, journal)"));
    }
}
