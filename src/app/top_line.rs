//! The top line: which screens there are, and what is true on all of them.

use super::App;
use super::screen::Screen;
use crate::intent::Action;
use crate::model::{DiskRoom, Origin, RecorderState};
use crate::panels::{ScopePanel, TablesPanel};
use crate::pipeline::TerminalStats;
use crate::ui::text::width;
use crate::ui::{Role, number};

/// A piece of a line.
pub type Piece = (String, Role);

/// What there is room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopLine {
    /// From the left edge.
    pub left: Vec<Piece>,
    /// Blanks between those.
    pub gap: u16,
    /// Whether every screen is there by its name.
    pub has_names: bool,
    /// To the right edge.
    pub right: Vec<Piece>,
}

/// A truth at the right and when it gives way: the highest first; zero stays.
struct Truth {
    text: String,
    /// The same where there is hardly any room.
    short: &'static str,
    /// What is said besides where there is room for everything.
    more: String,
    role: Role,
    leaves: u8,
}

/// Room for everything at the right.
const ALL: u8 = 4;
/// A round trip that is felt at the keyboard.
const SLOW_TRIP_NS: u64 = 50_000_000;

impl Truth {
    fn piece(&self, keep: u8) -> Piece {
        match keep {
            ALL => (format!("{}{}", self.text, self.more), self.role),
            _ => (self.text.clone(), self.role),
        }
    }
}

/// Composes the line for so many columns. Names of screens give way to what must be known.
pub fn compose(app: &App, columns: u16) -> TopLine {
    let truths = truths(app);
    for names in [Names::All, Names::Short, Names::Current, Names::Digits] {
        let left = screens(app, names);
        for keep in (0..=ALL).rev() {
            // Names of screens are worth more than the terminal's rate, less than the clock.
            if matches!(names, Names::All | Names::Short) && keep < 2 {
                break;
            }
            let right: Vec<Piece> = truths
                .iter()
                .filter(|truth| truth.leaves <= keep)
                .map(|truth| truth.piece(keep))
                .collect();
            let gap = if names == Names::Short { 1 } else { 2 };
            if line_width(&left, gap) + line_width(&right, 2) <= columns {
                let has_names = gap == 1 || names == Names::All;
                return TopLine {
                    left,
                    gap,
                    has_names,
                    right,
                };
            }
        }
    }
    let right = truths
        .iter()
        .filter(|truth| truth.leaves == 0)
        .map(|truth| match truth.short {
            "" => truth.piece(0),
            short => (short.to_owned(), truth.role),
        })
        .collect();
    TopLine {
        left: Vec::new(),
        gap: 2,
        has_names: false,
        right,
    }
}

/// Each piece with the blanks around it.
fn line_width(pieces: &[Piece], gap: u16) -> u16 {
    pieces
        .iter()
        .map(|(text, _)| width(text).saturating_add(gap))
        .fold(0, u16::saturating_add)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    All,
    Short,
    Current,
    Digits,
}

fn screens(app: &App, names: Names) -> Vec<Piece> {
    Screen::ALL
        .into_iter()
        .filter(|screen| names != Names::Digits || *screen == app.screen)
        .map(|screen| {
            let is_current = screen == app.screen;
            let key = app.key_text(screen.action());
            let text = match names {
                Names::Short if !is_current => format!("{key} {}", screen.short_title()),
                Names::Current | Names::Digits if !is_current => key,
                _ => format!("{key} {}", screen.title()),
            };
            let role = if is_current {
                Role::TitleFocused
            } else {
                Role::Dim
            };
            (text.trim().to_owned(), role)
        })
        .collect()
}

fn truths(app: &App) -> Vec<Truth> {
    let mut truths = Vec::new();
    let mut say = |text: String, short: &'static str, role: Role, leaves: u8| {
        truths.push(Truth {
            text,
            short,
            more: String::new(),
            role,
            leaves,
        });
    };
    if let Some((text, short)) = origin(app) {
        say(text, short, Role::Banner, 0);
    }
    // A replay has nobody to command.
    if !app.replay {
        match app.control.taken {
            true => say("CONTROL".to_owned(), "CTL", Role::Banner, 0),
            false => say("READ-ONLY".to_owned(), "", Role::Dim, 2),
        }
    }
    if let Some(jog) = &app.control.jog {
        say(jog.banner(), "JOG", Role::Banner, 0);
    }
    for caution in cautions(app) {
        say(caution, "", Role::Banner, 0);
    }
    if let Some(held) = &app.held {
        // The line is drawn once a second: a finer figure would stand there and be wrong.
        let text = match app.now.since(held.since) {
            since if since.as_secs() == 0 => "‖ FROZEN <1 s".to_owned(),
            since => format!("‖ FROZEN {}", number::age(since)),
        };
        say(text, "‖", Role::Held, 0);
    }
    let facts = &app.facts;
    match &facts.recorder.state {
        RecorderState::Recording => {
            let ns = app.now.mono_ns.saturating_sub(facts.recorder.began_mono_ns);
            let time = number::elapsed(std::time::Duration::from_nanos(ns));
            match facts.recorder.disk {
                DiskRoom::Roomy if facts.recorder.trouble.is_some() => {
                    say(format!("✕ rec {time}"), "✕ rec", Role::Error, 0);
                }
                DiskRoom::Roomy => say(format!("● rec {time}"), "● rec", Role::Recording, 0),
                DiskRoom::FramesHeld => say(
                    format!("✕ rec {time} disk full: no frames"),
                    "✕ no frames",
                    Role::Error,
                    0,
                ),
                DiskRoom::OnlyControl | DiskRoom::Full => say(
                    format!("✕ rec {time} disk full: only commands"),
                    "✕ disk full",
                    Role::Error,
                    0,
                ),
            }
        }
        RecorderState::Waiting(_) => {
            let what = match facts.recorder.disk {
                DiskRoom::Full => "✕ not recording: disk full",
                _ => "✕ not recording: disk fails",
            };
            say(what.to_owned(), "✕ rec", Role::Error, 0);
        }
        RecorderState::Draining => say("◌ rec stopping".to_owned(), "◌ rec", Role::Warning, 0),
        RecorderState::Failed(_) => say("✕ rec failed".to_owned(), "✕ rec", Role::Error, 0),
        RecorderState::Off if app.can_record => say("rec off".to_owned(), "", Role::Dim, 2),
        RecorderState::Off => {}
    }
    truths.push(terminal(&facts.terminal));
    let clock = number::clock(app.now.unix_ns, app.utc_offset_s);
    truths.push(Truth {
        text: clock,
        short: "",
        more: String::new(),
        role: Role::Text,
        leaves: 1,
    });
    truths
}

/// What the terminal takes, and how far away it is if that is felt.
fn terminal(terminal: &TerminalStats) -> Truth {
    if terminal.blocked_ns > 1_000_000_000 {
        let time = number::latency(terminal.blocked_ns);
        return Truth {
            text: format!("tty blocked {time}"),
            short: "tty blocked",
            more: String::new(),
            role: Role::Warning,
            leaves: 0,
        };
    }
    let slow_trip_ns = terminal.round_trip_ns.filter(|ns| *ns >= SLOW_TRIP_NS);
    let mut more = String::new();
    if let Some(ns) = slow_trip_ns {
        more.push_str(&format!(" rtt {}", number::latency(ns)));
    }
    let is_reduced = slow_trip_ns.is_some() || !terminal.detail.is_full();
    if is_reduced && terminal.pictures_hz > 0.0 {
        more.push_str(&match terminal.pictures_hz {
            few if few < 2.0 => format!(" img {few:.1} fps"),
            many => format!(" img {many:.0} fps"),
        });
    }
    let rate = number::throughput(terminal.bytes_per_s);
    Truth {
        text: match terminal.skipped {
            skipped if skipped > 0 && more.is_empty() => {
                format!("tty {rate}, {} skipped", number::count(skipped))
            }
            _ => format!("tty {rate}"),
        },
        short: "",
        more,
        role: Role::Dim,
        leaves: 3,
    }
}

/// That what is shown is not real, on every screen: in full and in short.
pub fn origin(app: &App) -> Option<(String, &'static str)> {
    let sources = &app.facts.sources;
    let simulated = sources
        .iter()
        .filter(|source| source.info.origin == Origin::Simulated)
        .count();
    if app.replay || sources.iter().any(|s| s.info.origin == Origin::Replay) {
        Some(("REPLAY".to_owned(), "REPLAY"))
    } else if simulated == 0 {
        None
    } else if simulated == sources.len() {
        Some(("SIMULATED".to_owned(), "SIM"))
    } else {
        let text = format!("SIMULATED {simulated} of {}", sources.len());
        Some((text, "SIM"))
    }
}

/// Each caution once, with how many sources it is about if that is not one.
fn cautions(app: &App) -> Vec<String> {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for source in &app.facts.sources {
        let Some(caution) = &source.info.caution else {
            continue;
        };
        match counted
            .iter_mut()
            .find(|(text, _)| *text == caution.as_str())
        {
            Some((_, count)) => *count += 1,
            None => counted.push((caution, 1)),
        }
    }
    counted
        .into_iter()
        .map(|(text, count)| match count {
            1 => text.to_owned(),
            many => format!("{text} ×{many}"),
        })
        .collect()
}

/// What the keys do here: the line at the bottom, as key and word.
pub fn hints(app: &App, columns: u16) -> Vec<(String, String)> {
    let quit = (app.key_text(Action::Quit), hint_word(app, Action::Quit));
    let wide = |(key, word): &(String, String)| width(key) + width(word) + 3;
    let mut room = columns.saturating_sub(wide(&quit));
    // What the digits on the top line are, where there is no room to say it there.
    let others = screen_keys(app).filter(|hint| {
        let fits = wide(hint) <= room / 2 && !compose(app, columns).has_names;
        room -= if fits { wide(hint) } else { 0 };
        fits
    });
    let mut hints = Vec::new();
    for action in Action::ALL.iter().copied() {
        let has_no_use = match action {
            action if action.is_of_replay() => app.transport.is_none(),
            action if app.replay && action.is_of_live() => true,
            Action::Quit => true,
            Action::Record => !app.can_record,
            // The stop has a line of its own.
            Action::Stop => true,
            Action::Jog => !app.can_jog(),
            Action::NextPane => app.screen.panes().len() < 2,
            Action::NextTable => TablesPanel::all(app.view()).len() < 2,
            Action::Look
            | Action::ZoomIn
            | Action::ZoomOut
            | Action::Fit
            | Action::Contrast
            | Action::ColorMap
            | Action::Difference
            | Action::Reference => !app.has_camera(),
            Action::Split => cameras(app) < 2,
            Action::NextCamera => ScopePanel::subjects(app.view()).len() < 2,
            _ => false,
        };
        let here = action.contexts().contains(&app.context());
        let hint = (app.key_text(action), hint_word(app, action));
        if has_no_use || !here || hint.0.is_empty() || hint.1.is_empty() {
            continue;
        }
        if wide(&hint) > room {
            continue;
        }
        room -= wide(&hint);
        hints.push(hint);
    }
    hints.extend(others);
    hints.push(quit);
    hints
}

fn cameras(app: &App) -> usize {
    let subjects = ScopePanel::subjects(app.view());
    subjects.iter().filter(|s| s.detector.is_some()).count()
}

/// The keys of all screens in one: `1-7`, unless somebody gave them other keys.
fn screen_keys(app: &App) -> Option<(String, String)> {
    let keys = Screen::ALL.map(|screen| app.key_text(screen.action()));
    let digits: Vec<u32> = keys.iter().filter_map(|key| key.parse().ok()).collect();
    let is_run = digits.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let (first, last) = (keys.first()?, keys.last()?);
    (is_run && digits.len() == keys.len())
        .then(|| (format!("{first}-{last}"), "screens".to_owned()))
}

/// The table's word, unless the state of things makes the key do the opposite.
fn hint_word(app: &App, action: Action) -> String {
    let word = match action {
        Action::Freeze if app.held.is_some() => "go on",
        Action::Expand if app.expanded => "shrink",
        Action::Play if app.is_playing() => "hold",
        Action::Record if app.is_recording() => "stop rec",
        _ => action.hint(),
    };
    word.to_owned()
}
