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
    /// The markets screen.
    Markets,
    /// The tables screen.
    Tables,
    /// The fleet screen.
    Fleet,
    /// The pipeline screen.
    Pipeline,
    /// The journal screen.
    Journal,
    /// Look mode, on the scope screen: the keys that move about there move a cursor on the picture.
    Look,
    /// Jog mode, on whatever screen: the keys that move about there move the stage instead.
    Jog,
}

impl Context {
    /// The screens, in their order.
    pub const SCREENS: [Self; 7] = [
        Self::Overview,
        Self::Scope,
        Self::Markets,
        Self::Fleet,
        Self::Tables,
        Self::Pipeline,
        Self::Journal,
    ];
    /// All of them: the screens, then the modes.
    pub const ALL: [Self; 9] = [
        Self::Overview,
        Self::Scope,
        Self::Markets,
        Self::Fleet,
        Self::Tables,
        Self::Pipeline,
        Self::Journal,
        Self::Look,
        Self::Jog,
    ];

    /// The word in help and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Scope => "scope",
            Self::Markets => "markets",
            Self::Tables => "tables",
            Self::Fleet => "fleet",
            Self::Pipeline => "pipeline",
            Self::Journal => "journal",
            Self::Look => "look mode",
            Self::Jog => "jog mode",
        }
    }

    /// Where that is, to go on in a sentence.
    pub fn place(self) -> String {
        match self {
            Self::Jog | Self::Look => format!("in {}", self.as_str()),
            screen => format!("on the {} screen", screen.as_str()),
        }
    }
}

const EVERYWHERE: &[Context] = &Context::ALL;
/// What moves about on a screen; in jog mode such a key would move the stage or nothing, in look
/// mode the cursor on the picture.
const SCREENS: &[Context] = &Context::SCREENS;
const SOURCES: &[Context] = &[
    Context::Overview,
    Context::Scope,
    Context::Look,
    Context::Jog,
];
/// Where there is a picture.
const PICTURE: &[Context] = &[Context::Scope, Context::Look];
/// Where a recording can be moved about in: everywhere but in jog mode, which no replay has.
const REPLAY: &[Context] = &[
    Context::Overview,
    Context::Scope,
    Context::Markets,
    Context::Fleet,
    Context::Tables,
    Context::Pipeline,
    Context::Journal,
    Context::Look,
];
const LOOK: &[Context] = &[Context::Look];
const TABLES: &[Context] = &[Context::Tables];
const JOG: &[Context] = &[Context::Jog];
const MARKETS: &[Context] = &[Context::Markets];
/// Where there are lines to choose from.
const LISTS: &[Context] = &[
    Context::Scope,
    Context::Markets,
    Context::Fleet,
    Context::Tables,
    Context::Journal,
];

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
    /// Stop all motion; again within 2 s: light and workflows too.
    Stop = "stop", "STOP", &["ctrl-x", "space"], EVERYWHERE;
    /// Send what is armed. Enter arms, and never fires.
    Fire = "fire", "", &["!"], EVERYWHERE;
    /// Enter or leave jog mode: a step of the stage for each press.
    Jog = "jog", "jog", &["J"], EVERYWHERE;
    /// One step back on the first axis.
    JogLeft = "jog-left", "left", &["h", "left"], JOG;
    /// One step forth on the first axis.
    JogRight = "jog-right", "right", &["l", "right"], JOG;
    /// One step back on the second axis.
    JogDown = "jog-down", "down", &["j", "down"], JOG;
    /// One step forth on the second axis.
    JogUp = "jog-up", "up", &["k", "up"], JOG;
    /// One step back on the third axis.
    JogIn = "jog-in", "in", &["i", "pgdn"], JOG;
    /// One step forth on the third axis.
    JogOut = "jog-out", "out", &["o", "pgup"], JOG;
    /// One step back on the fourth axis.
    JogTurnLeft = "jog-turn-left", "turn", &["{", ","], JOG;
    /// One step forth on the fourth axis.
    JogTurnRight = "jog-turn-right", "turn", &["}", "."], JOG;
    /// The next larger step.
    StepUp = "step-up", "larger", &["+", "="], JOG;
    /// The next smaller step.
    StepDown = "step-down", "smaller", &["-"], JOG;
    /// Play the recording, or hold it; so does the space bar.
    Play = "play", "play", &["p"], REPLAY;
    /// Hold the recording and say one message more.
    StepForward = "step-forward", "step", &["."], REPLAY;
    /// Hold the recording and go back by one message.
    StepBack = "step-back", "back", &[","], REPLAY;
    /// Go 10 s forward in the recording.
    SeekForward = "seek-forward", "+10 s", &[")"], REPLAY;
    /// Go 10 s back in the recording.
    SeekBack = "seek-back", "-10 s", &["("], REPLAY;
    /// Go to the next fault of the recording.
    NextFault = "next-fault", "to fault", &["t"], REPLAY;
    /// Go to the fault before.
    PreviousFault = "previous-fault", "", &["T"], REPLAY;
    /// Go to the next command of the recording.
    NextCommand = "next-command", "to command", &["w"], REPLAY;
    /// Go to the command before.
    PreviousCommand = "previous-command", "", &["W"], REPLAY;
    /// Play faster, up to as fast as possible.
    Faster = "faster", "faster", &["}"], REPLAY;
    /// Play slower, down to a tenth.
    Slower = "slower", "slower", &["{"], REPLAY;
    /// Begin the recording again at its end, or not.
    Loop = "loop", "loop", &["P"], REPLAY;
    /// Show or leave this help.
    Help = "help", "help", &["?"], EVERYWHERE;
    /// Type a command, with completion and history.
    Palette = "palette", "command", &[":"], EVERYWHERE;
    /// Show only the lines that contain a text.
    Filter = "filter", "filter", &["/"], LISTS;
    /// Go from a source to its screen, from a book to its ladder.
    Open = "open", "open", &["enter"], &[Context::Overview, Context::Markets];
    /// Put a cursor on the picture: values, lines, regions.
    Look = "look", "look", &["v"], &[Context::Scope];
    /// Begin a line at the cursor; again: keep it; again: none.
    Line = "line", "line", &["v"], LOOK;
    /// Begin a region at the cursor; again: keep it; again: none.
    Region = "region", "region", &["b"], LOOK;
    /// Keep the line or region that is being drawn.
    Keep = "keep", "keep", &["enter"], LOOK;
    /// Hold the screen still; data and recording go on.
    Freeze = "freeze", "freeze", &["f"], EVERYWHERE;
    /// Give the focused pane the whole screen, or take it back.
    Expand = "expand", "expand", &["e"], EVERYWHERE;
    /// Start or stop writing to disk.
    Record = "record", "rec", &["R"], EVERYWHERE;
    /// Save the last seconds, and the next ten, to a file.
    BlackBox = "black-box", "", &["B"], EVERYWHERE;
    /// Save the picture shown to a file, with all that is known of it.
    Snapshot = "snapshot", "", &["S"], &[Context::Scope, Context::Look, Context::Jog];
    /// Start the source's live view, or stop what was started here.
    LiveView = "live-view", "live", &["L"], SOURCES;
    /// Move the focus to the next pane.
    NextPane = "next-pane", "pane", &["tab"], EVERYWHERE;
    /// Zoom in about the cursor, or the middle.
    ZoomIn = "zoom-in", "zoom", &["+", "="], PICTURE;
    /// Zoom out.
    ZoomOut = "zoom-out", "out", &["-"], PICTURE;
    /// Show the whole frame.
    Fit = "fit", "fit", &["0"], PICTURE;
    /// The next camera, or source without one.
    NextCamera = "next-camera", "camera", &["n", "l", "right"], &[Context::Scope];
    /// Contrast: automatic, the full scale, fixed as it is now.
    Contrast = "contrast", "contrast", &["c"], PICTURE;
    /// Draw grey pictures in the next colour map.
    ColorMap = "color-map", "map", &["m"], PICTURE;
    /// Sort signals or books in the next way.
    Sort = "sort", "sort", &["s"], &[Context::Scope, Context::Markets];
    /// Show the difference to the reference frame, or the frame.
    Difference = "difference", "diff", &["d"], PICTURE;
    /// Take the frame as the reference.
    Reference = "reference", "reference", &["D"], PICTURE;
    /// Show two cameras side by side, or one.
    Split = "split", "split", &["|"], PICTURE;
    /// The next book, whichever pane has the focus.
    NextBook = "next-book", "book", &["n", "l", "right"], MARKETS;
    /// Show 10, 20, 50 or 5 levels of each side.
    Depth = "depth", "depth", &["d"], MARKETS;
    /// Put more ticks together into one level.
    Coarser = "coarser", "group", &["+", "="], MARKETS;
    /// Put fewer ticks together into one level.
    Finer = "finer", "", &["-"], MARKETS;
    /// Show the next table.
    NextTable = "next-table", "table", &["n"], TABLES;
    /// Sort by the column under the cursor, or not at all.
    SortTable = "sort-table", "sort", &["s"], TABLES;
    /// Turn the order of the table round.
    ReverseTable = "reverse-table", "reverse", &["S"], TABLES;
    /// Mark changes from now on; then show only those; then neither.
    MarkChanges = "mark-changes", "mark", &["m"], TABLES;
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
    /// Brighten the dark parts of the picture.
    GammaUp = "gamma-up", "", &[">"], PICTURE;
    /// Darken the dark parts of the picture.
    GammaDown = "gamma-down", "", &["<"], PICTURE;
    /// Draw white black, or as it was.
    Invert = "invert", "", &["i"], PICTURE;
    /// Mark what is darker or brighter than can be drawn.
    MarkClipped = "mark-clipped", "", &["o"], PICTURE;
    /// Fill the picture with the region.
    ZoomRegion = "zoom-region", "", &["z"], PICTURE;
    /// Mark the middle of the frame; lines at the cursor; neither.
    Cross = "cross", "", &["x"], PICTURE;
    /// Counts of the histogram as logarithms, or plain.
    LogHistogram = "log-histogram", "", &["y"], PICTURE;
    /// The cursor to the left.
    CursorLeft = "cursor-left", "", &["h", "left"], LOOK;
    /// The cursor to the right.
    CursorRight = "cursor-right", "", &["l", "right"], LOOK;
    /// The cursor down.
    CursorDown = "cursor-down", "", &["j", "down"], LOOK;
    /// The cursor up.
    CursorUp = "cursor-up", "", &["k", "up"], LOOK;
    /// The cursor one pixel to the left.
    PixelLeft = "pixel-left", "", &["ctrl-left"], LOOK;
    /// The cursor one pixel to the right.
    PixelRight = "pixel-right", "", &["ctrl-right"], LOOK;
    /// The cursor one pixel down.
    PixelDown = "pixel-down", "", &["ctrl-down"], LOOK;
    /// The cursor one pixel up.
    PixelUp = "pixel-up", "", &["ctrl-up"], LOOK;
    /// Half of what is seen to the left.
    PanLeft = "pan-left", "", &["home"], LOOK;
    /// Half of what is seen to the right.
    PanRight = "pan-right", "", &["end"], LOOK;
    /// Half of what is seen down.
    PanDown = "pan-down", "", &["pgdn", "ctrl-d"], LOOK;
    /// Half of what is seen up.
    PanUp = "pan-up", "", &["pgup", "ctrl-u"], LOOK;
    /// The book before.
    PreviousBook = "previous-book", "", &["N", "h", "left"], MARKETS;
    /// Show the table before.
    PreviousTable = "previous-table", "", &["N"], TABLES;
    /// The next column of the table.
    NextColumn = "next-column", "", &["l", "right"], TABLES;
    /// The column before.
    PreviousColumn = "previous-column", "", &["h", "left"], TABLES;
    /// Move down.
    Down = "down", "", &["j", "down"], SCREENS;
    /// Move up.
    Up = "up", "", &["k", "up"], SCREENS;
    /// Go to the first line.
    Top = "top", "", &["gg", "home"], SCREENS;
    /// Go to the last line; the journal follows from there.
    Bottom = "bottom", "", &["G", "end"], SCREENS;
    /// A screenful down.
    PageDown = "page-down", "", &["pgdn", "ctrl-d"], SCREENS;
    /// A screenful up.
    PageUp = "page-up", "", &["pgup", "ctrl-u"], SCREENS;
    /// Leave overlay, mode, pane, filter, freeze. Never quits.
    Back = "back", "", &["esc"], EVERYWHERE;
    /// The overview screen.
    ScreenOverview = "screen-overview", "", &["1"], EVERYWHERE;
    /// The scope screen.
    ScreenScope = "screen-scope", "", &["2"], EVERYWHERE;
    /// The markets screen.
    ScreenMarkets = "screen-markets", "", &["3"], EVERYWHERE;
    /// The fleet screen.
    ScreenFleet = "screen-fleet", "", &["4"], EVERYWHERE;
    /// The tables screen.
    ScreenTables = "screen-tables", "", &["5"], EVERYWHERE;
    /// The pipeline screen.
    ScreenPipeline = "screen-pipeline", "", &["6"], EVERYWHERE;
    /// The journal screen.
    ScreenJournal = "screen-journal", "", &["7"], EVERYWHERE;
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

    /// Whether it moves about in a recording, and means nothing without one.
    pub fn is_of_replay(self) -> bool {
        matches!(
            self,
            Self::Play
                | Self::StepForward
                | Self::StepBack
                | Self::SeekForward
                | Self::SeekBack
                | Self::NextFault
                | Self::PreviousFault
                | Self::NextCommand
                | Self::PreviousCommand
                | Self::Faster
                | Self::Slower
                | Self::Loop
        )
    }

    /// Whether it has no use in a replay: there is nothing to command and nothing to record.
    pub fn is_of_live(self) -> bool {
        matches!(
            self,
            Self::Stop | Self::Fire | Self::Jog | Self::Record | Self::LiveView | Self::Refresh
        )
    }

    /// Whether its keys count on every screen, whatever the modes.
    pub fn is_on_every_screen(self) -> bool {
        let here = self.contexts();
        Context::SCREENS.iter().all(|screen| here.contains(screen))
    }
}

/// What Ctrl-C does. It is in no table, so that nothing can take it away.
pub const INTERRUPT: &str = "Stops while anything moves or emits; pressed again, quits.";

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
            _ if action.is_of_replay() => " (in a replay)".to_owned(),
            _ if action.is_on_every_screen() => " (not in a mode)".to_owned(),
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
        "| `ctrl-c` | | Stops first while anything moves or emits; quits on the second press. \
         At rest it quits at once, and asks while a recording runs |\n",
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
        assert!(table.contains("(scope, markets, fleet, tables, journal)"));
        assert!(table.contains("Move down. (not in a mode)"));
    }

    #[test]
    fn no_key_moves_both_the_stage_and_the_screen() {
        for action in [
            Action::Down,
            Action::Up,
            Action::Top,
            Action::Bottom,
            Action::PageDown,
            Action::PageUp,
            Action::NextCamera,
            Action::PreviousCamera,
            Action::NextBook,
            Action::PreviousBook,
        ] {
            assert!(!action.contexts().contains(&Context::Jog), "{action:?}");
        }
        for action in Action::ALL.iter().filter(|a| a.name().starts_with("jog-")) {
            assert_eq!(action.contexts(), [Context::Jog], "{action:?}");
        }
        for action in [Action::Stop, Action::Fire, Action::Palette, Action::Back] {
            assert_eq!(action.contexts(), Context::ALL, "{action:?}");
        }
    }
}
