//! Floor 3: what the operator is looking at. Plain code: no I/O, no clock, no channel.

pub mod event;
pub mod layout;
pub mod screen;

mod control;
mod draw;
mod keys;
mod look;
mod orders;
mod overlay;
mod replay;
mod stop_line;
mod summary;
mod top_line;

pub use event::{Effect, Event, FileRead, Snapshot};

use crate::control::Latch;
use crate::imaging::PictureRequest;
use crate::imaging::pixels::{DELETE_KITTY, Encoding, FIRST_IMAGE, through_tmux};
use crate::intent::{Action, KeyChord, Keymap};
use crate::model::{LinkState, Payload, PlainText, RecorderState, ReplayStatus, SourceInfo, Stamp};
use crate::panels::{
    Facts, FleetPanel, InstrumentPanel, JournalPanel, MarketPanel, OverviewPanel, PipelinePanel,
    ScopePanel, SourceFacts, TablesPanel, instrument, market, overview, pipeline,
};
use crate::pipeline::PipelineSnapshot;
use crate::ui::{ColorDepth, Graphics, Protocol, Rect, Role, Terminal, Theme};
use layout::{Layout, Needs};
use overlay::{Overlay, Typed};
use screen::{Pane, Screen};

/// What the app is told once, at the start.
#[derive(Clone, Debug)]
pub struct AppOptions {
    /// The sources of this run, by [`SourceId`](crate::model::SourceId).
    pub sources: Vec<SourceInfo>,
    /// How things look, already reduced to the terminal's colours.
    pub theme: Theme,
    /// How many colours there are, for pictures and for other themes.
    pub color_depth: ColorDepth,
    /// How pictures are drawn, where the operator said so; else as the terminal can.
    pub graphics: Option<Graphics>,
    /// Which keys do what.
    pub keymap: Keymap,
    /// Whether there is a recorder to start.
    pub can_record: bool,
    /// Whether the sources are played from a file.
    pub replay: bool,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The moment of the start.
    pub started: Stamp,
    /// Seconds to add to UTC for the clock on the screen.
    pub utc_offset_s: i32,
    /// Whether commands may be sent from the start.
    pub control: bool,
    /// Who sits at the keyboard, for the record of commands.
    pub operator: PlainText,
    /// Lines typed into the palette in earlier runs, oldest first.
    pub palette_history: Vec<String>,
}

/// Everything on the screen and everything the keys can change.
#[derive(Debug)]
pub struct App {
    keymap: Keymap,
    theme: Theme,
    color_depth: ColorDepth,
    /// What the operator chose.
    graphics: Option<Graphics>,
    /// What the terminal can.
    terminal: Terminal,
    can_record: bool,
    replay: bool,
    /// How the player of the recording stands, once it has said so.
    transport: Option<Box<ReplayStatus>>,
    utc_offset_s: i32,
    size: (u16, u16),
    now: Stamp,
    facts: Facts,
    held: Option<Held>,
    screen: Screen,
    /// By [`Screen::ALL`].
    focus: [Pane; Screen::ALL.len()],
    expanded: bool,
    overview: OverviewPanel,
    scope: ScopePanel,
    fleet: FleetPanel,
    instrument: InstrumentPanel,
    market: MarketPanel,
    /// What is shown of a book where there is room for one thing only.
    market_detail: Pane,
    tables: TablesPanel,
    pipeline: PipelinePanel,
    journal: JournalPanel,
    overlays: Vec<Overlay>,
    /// Keys of a sequence that is not finished.
    pressed: Vec<KeyChord>,
    notice: Option<Notice>,
    palette_history: Vec<String>,
    watching: Vec<PictureRequest>,
    /// The mouse's button that is held on a picture.
    grab: Option<look::Grab>,
    /// The stop that holds.
    latch: Option<Latch>,
    control: control::Control,
    /// Commands given so far.
    commands: u64,
    operator: PlainText,
    dirty: bool,
}

/// The facts as they were when the screen was held.
#[derive(Debug)]
struct Held {
    facts: Box<Facts>,
    since: Stamp,
    /// The moment ages are counted to: the same, or in a replay the recording's.
    data_at: Stamp,
}

/// Something said in passing.
#[derive(Debug)]
struct Notice {
    text: String,
    role: Role,
    since: Stamp,
}

/// Lines of the palette that are kept.
const HISTORY_BOUND: usize = 200;
/// Pixels of a picture at most, where the terminal draws them: what it and the line to it can take
/// many times a second.
const MOST_PIXELS: u32 = 400_000;
/// How long a notice stands, unless a key is pressed.
const NOTICE_NS: u64 = 6_000_000_000;

impl App {
    /// The first screen, before anything has happened.
    pub fn new(options: AppOptions) -> Self {
        Self {
            keymap: options.keymap,
            theme: options.theme,
            color_depth: options.color_depth,
            graphics: options.graphics,
            terminal: Terminal::default(),
            can_record: options.can_record,
            replay: options.replay,
            transport: None,
            utc_offset_s: options.utc_offset_s,
            size: options.size,
            now: options.started,
            facts: Facts::new(options.sources, options.started),
            held: None,
            screen: Screen::Overview,
            focus: Screen::ALL.map(|screen| screen.panes()[0]),
            expanded: false,
            overview: OverviewPanel::default(),
            scope: ScopePanel::default(),
            fleet: FleetPanel::default(),
            instrument: InstrumentPanel::default(),
            market: MarketPanel::default(),
            market_detail: Pane::Ladder,
            tables: TablesPanel::default(),
            pipeline: PipelinePanel::default(),
            journal: JournalPanel::default(),
            overlays: Vec::new(),
            pressed: Vec::new(),
            notice: None,
            palette_history: options.palette_history,
            watching: Vec::new(),
            grab: None,
            latch: None,
            control: control::Control::new(options.control),
            commands: 0,
            operator: options.operator,
            dirty: true,
        }
    }

    /// Takes in what happened at `at` and says what should be done.
    pub fn update(&mut self, at: Stamp, event: Event) -> Vec<Effect> {
        let before = self.now;
        // Cameras are known by the figures of a tick; samples, the most frequent events, cost
        // nothing here.
        let may_change_cameras =
            !matches!(event, Event::Sample(_) | Event::Picture(_) | Event::Log(_));
        if at.mono_ns >= self.now.mono_ns {
            self.now = at;
        }
        let mut effects = match event {
            Event::Key { chord, pressed } => {
                self.dirty = true;
                self.press(chord, pressed)
            }
            Event::Paste(text) => {
                self.paste(&text);
                Vec::new()
            }
            Event::Mouse(mouse) => {
                self.mouse(mouse);
                Vec::new()
            }
            Event::Resize { cols, rows } => {
                self.size = (cols, rows);
                self.dirty = true;
                Vec::new()
            }
            Event::Terminal(terminal) => {
                self.terminal = *terminal;
                self.dirty = true;
                Vec::new()
            }
            Event::Sample(sample) if self.is_past(sample.received) => Vec::new(),
            Event::Picture(picture) if self.is_past(picture.received) => Vec::new(),
            Event::Replay(status) => {
                self.take_replay(status);
                Vec::new()
            }
            Event::Sample(sample) => {
                self.facts.take_sample(&sample);
                match &sample.payload {
                    Payload::Command(report) => self.take_report(sample.source, report),
                    Payload::Link(LinkState::Down { .. }) => self.forget_steps(sample.source),
                    _ => {}
                }
                self.dirty |= self.shows(&sample.payload);
                Vec::new()
            }
            Event::Picture(picture) => {
                let is_visible = self.watching.iter().any(|w| w.camera == picture.camera);
                let is_held = picture.held;
                match &mut self.held {
                    // The held frame, looked at in another way.
                    Some(held) if is_held => held.facts.take_picture(*picture),
                    _ => self.facts.take_picture(*picture),
                }
                self.dirty |= is_visible && is_held == self.held.is_some();
                Vec::new()
            }
            Event::Tick(snapshot) => {
                self.tick(before, *snapshot);
                Vec::new()
            }
            Event::File(file) => {
                self.dirty = true;
                self.take_file(file)
            }
            Event::Saved(saved) => {
                self.dirty = true;
                match saved {
                    Ok(path) => self.note(format!("saved {path}")),
                    Err(why) => self.say(why, Role::Error),
                }
                Vec::new()
            }
            Event::Stop(latch) => {
                self.take_latch(latch);
                Vec::new()
            }
            Event::Log(line) => {
                self.facts.take_log(at, &line);
                self.dirty |= self.lists_journal() && self.held.is_none();
                Vec::new()
            }
        };
        if may_change_cameras {
            let visible = self.visible_cameras();
            if visible != self.watching {
                self.watching.clone_from(&visible);
                effects.push(Effect::Watch(visible));
            }
        }
        effects
    }

    /// Whether the screen would look different from the last [`App::drawn`].
    pub fn needs_draw(&self) -> bool {
        self.dirty
    }

    /// Whether letters are typed into a text field now.
    pub fn is_typing(&self) -> bool {
        matches!(self.overlays.last(), Some(Overlay::Prompt(_)))
    }

    /// Notes that a picture with everything so far was given to the terminal.
    pub fn drawn(&mut self) {
        self.armed_drawn();
        self.dirty = false;
    }

    /// The cameras whose pictures are on the screen, and how they are looked at.
    pub fn visible_cameras(&self) -> Vec<PictureRequest> {
        let (cols, rows) = self.size;
        let layout = self.layout(Rect::new(0, 0, cols, rows));
        let pane = layout.of(Pane::Picture);
        let wanted = pane.map(|pane| self.scope.requests(self.view(), pane));
        let wanted = wanted.unwrap_or_default().into_iter();
        let held = self.held.is_some();
        let as_drawn = |(request, image): (PictureRequest, u8)| match self.encoding(image) {
            Some(encoding) => PictureRequest {
                dots: self.pixels_of_cell(request.cols, request.rows),
                cell_px: (encoding.cell_px.0.into(), encoding.cell_px.1.into()),
                encoding: Some(encoding),
                held,
                ..request
            },
            None => PictureRequest {
                dots: self.graphics().glyphs().dots(),
                color: self.color_depth != ColorDepth::None,
                held,
                ..request
            },
        };
        wanted.zip(FIRST_IMAGE..).map(as_drawn).collect()
    }

    /// How pictures are drawn: as the operator chose, else as the terminal can.
    pub fn graphics(&self) -> Graphics {
        self.graphics.unwrap_or(self.terminal.best)
    }

    /// Pixels that are sent of a cell, of a picture of so many.
    fn pixels_of_cell(&self, cols: u16, rows: u16) -> (u8, u8) {
        let (mut across, mut down) = self.terminal.cell_px;
        let cells = u32::from(cols) * u32::from(rows);
        let count =
            |across: u8, down: u8| cells.saturating_mul(u32::from(across) * u32::from(down));
        while count(across, down) > MOST_PIXELS && across > 2 {
            (across, down) = (across.div_ceil(2), down.div_ceil(2));
        }
        (across, down)
    }

    /// How the picture of that number is encoded where the terminal draws pixels.
    fn encoding(&self, image: u8) -> Option<Encoding> {
        let protocol = self.graphics().protocol()?;
        Some(Encoding {
            protocol,
            image,
            cell_px: self.terminal.cell_px,
            through_tmux: self.terminal.through_tmux,
        })
    }

    /// What is to be written when the terminal is left, so that no picture stays in its memory.
    pub fn farewell(&self) -> Option<Vec<u8>> {
        let is_kept = self.graphics().protocol() == Some(Protocol::Kitty);
        is_kept.then(|| match self.terminal.through_tmux {
            true => through_tmux(DELETE_KITTY.as_bytes()),
            false => DELETE_KITTY.as_bytes().to_vec(),
        })
    }

    /// What was typed into the palette, oldest first, to be kept for the next run.
    pub fn palette_history(&self) -> &[String] {
        &self.palette_history
    }

    /// Whether something is being written.
    pub fn is_recording(&self) -> bool {
        matches!(
            self.facts.recorder.state,
            RecorderState::Recording | RecorderState::Draining | RecorderState::Waiting(_)
        )
    }

    /// The facts on the screen: those of now, or those it was held with.
    fn view(&self) -> &Facts {
        self.held.as_ref().map_or(&self.facts, |held| &held.facts)
    }

    /// The moment ages are counted to.
    fn view_at(&self) -> Stamp {
        let held = self.held.as_ref().map(|held| held.data_at);
        held.unwrap_or_else(|| self.data_now())
    }

    /// The pane that has the focus; where that is not there now, the first one.
    fn focused(&self) -> Pane {
        let chosen = self.focus[self.screen as usize];
        let panes = self.panes();
        match panes.contains(&chosen) {
            true => chosen,
            false => panes.first().copied().unwrap_or(chosen),
        }
    }

    /// The panes of the screen that can have the focus now.
    fn panes(&self) -> Vec<Pane> {
        let source = self.shown_source();
        let has_instrument = source.is_some_and(|source| source.instrument.is_some());
        let is_there = |pane: &Pane| match pane {
            Pane::Instrument => has_instrument,
            // Without pictures the instrument stands in their place.
            Pane::Picture => !has_instrument || self.has_camera(),
            Pane::Tables => TablesPanel::all(self.view()).len() > 1,
            _ => true,
        };
        let all = self.screen.panes().iter().copied();
        all.filter(is_there).collect()
    }

    fn has_camera(&self) -> bool {
        let subject = self.scope.subject(self.view());
        subject.is_some_and(|subject| subject.detector.is_some())
    }

    /// The source whose instrument the scope shows.
    fn shown_source(&self) -> Option<&SourceFacts> {
        self.scope.source(self.view())
    }

    /// The key to show for an action; empty if it has none.
    fn key_text(&self, action: Action) -> String {
        self.keymap
            .keys(action)
            .next()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    fn layout(&self, area: Rect) -> Layout {
        let facts = self.view();
        let needs = Needs {
            source_rows: overview::Detail::ALL
                .map(|detail| overview::source_rows(facts, self.view_at(), area.width, detail)),
            subjects: ScopePanel::subjects(facts).len(),
            has_camera: self.has_camera(),
            split: self.scope.split && self.has_camera(),
            instrument_rows: match self.screen {
                Screen::Scope => self.shown_source().map_or(0, |source| {
                    instrument::draw::rows(source, self.view_at(), area.width / 2)
                }),
                _ => 0,
            },
            stop_line: self.has_stop_line(),
            replay_line: self.transport.is_some(),
            tables: TablesPanel::all(facts).len(),
            ledger_rows: u16::try_from(pipeline::ledger_rows(facts) + 1).unwrap_or(u16::MAX),
            book_rows: market::list::rows_for(market::panel::all(facts).count()),
            detail: Some(self.market_detail),
        };
        layout::layout(area, self.screen, self.focused(), self.expanded, needs)
    }

    fn tick(&mut self, before: Stamp, snapshot: PipelineSnapshot) {
        // Rates of loop and terminal move with every picture drawn: they alone are no reason to
        // draw another one. The clock is, once a second, and takes them along.
        let second = |stamp: Stamp| stamp.unix_ns / 1_000_000_000;
        let clock_moved = second(before) != second(self.now);
        let figures_moved = self.held.is_none()
            && snapshot.sources.iter().any(|new| {
                let known = self.facts.source(new.id);
                known.is_some_and(|source| source.snapshot.as_ref() != Some(new))
            });
        let recorder_moved = snapshot.recorder.state != self.facts.recorder.state;
        let black_box = |facts: &Facts| {
            let kept = facts.recorder.black_box.as_ref();
            kept.map(|kept| (kept.saves, kept.is_saving))
        };
        let kept = black_box(&self.facts);
        self.facts.take_snapshot(snapshot);
        if black_box(&self.facts) != kept {
            self.dirty = true;
            self.tell_saved(kept.map_or(0, |(saves, _)| saves));
        }
        self.dirty |= clock_moved || figures_moved || recorder_moved;
        self.control_tick();
        let is_over =
            |notice: &Notice| self.now.mono_ns.saturating_sub(notice.since.mono_ns) >= NOTICE_NS;
        if self.notice.as_ref().is_some_and(is_over) {
            self.notice = None;
            self.dirty = true;
        }
    }

    /// Says where the last seconds were saved, if they were since there were so many files.
    fn tell_saved(&mut self, before: u64) {
        let kept = self.facts.recorder.black_box.as_ref();
        let saved = kept.filter(|kept| kept.saves > before);
        if let Some(saved) = saved.and_then(|kept| kept.last.clone()) {
            let role = match saved.trouble {
                Some(_) => Role::Error,
                None => Role::Text,
            };
            self.say(saved.sentence(), role);
        }
    }

    /// Whether the screen shows something of a payload of this kind.
    fn shows(&self, payload: &Payload) -> bool {
        match payload {
            // The top line and tiny screens speak of these, held or not.
            Payload::Link(_)
            | Payload::Fault(_)
            | Payload::Loss(_)
            | Payload::Command(_)
            | Payload::Stop(_) => true,
            Payload::Log(_) => self.lists_journal() && self.held.is_none(),
            Payload::Readings(_) | Payload::Message(_) | Payload::Instrument(_) => {
                matches!(self.screen, Screen::Scope | Screen::Overview) && self.held.is_none()
            }
            Payload::Book(_) | Payload::Trade(_) | Payload::Feed(_) => {
                self.screen == Screen::Markets && self.held.is_none()
            }
            Payload::Fleet(_) => self.screen == Screen::Fleet && self.held.is_none(),
            Payload::Rows(_) => self.screen == Screen::Tables && self.held.is_none(),
            Payload::Frame(_) | Payload::BookEvent(_) => false,
        }
    }

    fn lists_journal(&self) -> bool {
        match self.screen {
            Screen::Overview | Screen::Journal => true,
            Screen::Scope | Screen::Fleet => true,
            Screen::Markets | Screen::Tables | Screen::Pipeline => false,
        }
    }

    fn paste(&mut self, text: &str) {
        if let Some(Overlay::Prompt(prompt)) = self.overlays.last_mut() {
            prompt.paste(text);
            self.dirty = true;
            self.apply_typed(Typed::Changed);
        }
    }

    fn note(&mut self, text: String) {
        self.say(text, Role::Text);
    }

    fn say(&mut self, text: String, role: Role) {
        self.notice = Some(Notice {
            text,
            role,
            since: self.now,
        });
    }

    fn go_to(&mut self, screen: Screen) {
        self.scope.looking &= screen == self.screen;
        self.screen = screen;
        self.expanded = false;
    }

    fn toggle_freeze(&mut self) {
        self.held = match self.held.take() {
            Some(_) => None,
            None => Some(Held {
                facts: Box::new(self.facts.clone()),
                since: self.now,
                data_at: self.data_now(),
            }),
        };
    }

    fn start_recording(&mut self) -> Result<Effect, String> {
        if self.replay {
            return Err("a replay is not recorded again; its files are there already".to_owned());
        }
        if !self.can_record {
            return Err("this run has no recorder".to_owned());
        }
        match self.facts.recorder.state {
            RecorderState::Recording => Err("it is recording already".to_owned()),
            RecorderState::Draining => Err("the last recording is still being written".to_owned()),
            RecorderState::Waiting(_) => Err(
                "a recording waits for its disk and goes on by itself; stop it first".to_owned(),
            ),
            RecorderState::Off | RecorderState::Failed(_) => Ok(Effect::StartRecording),
        }
    }

    fn stop_recording(&mut self) -> Result<Effect, String> {
        if self.replay {
            return Err("a replay records nothing".to_owned());
        }
        match self.facts.recorder.state {
            RecorderState::Recording | RecorderState::Waiting(_) => Ok(Effect::StopRecording),
            RecorderState::Draining => Err("it is stopping already".to_owned()),
            RecorderState::Off | RecorderState::Failed(_) => {
                Err("nothing is being recorded".to_owned())
            }
        }
    }

    fn save_black_box(&mut self) -> Result<Effect, String> {
        if self.replay {
            return Err("this is a recording: there is nothing to save".to_owned());
        }
        let Some(kept) = &self.facts.recorder.black_box else {
            return Err("nothing is kept of the last seconds: [black_box] seconds is 0".to_owned());
        };
        if !kept.is_saving {
            self.note("saving the last seconds, and the next ten".to_owned());
        }
        Ok(Effect::SaveBlackBox)
    }

    /// Whether an instrument moves or emits, or may.
    pub fn is_anything_active(&self) -> bool {
        let mut instruments = self.facts.sources.iter().filter_map(|s| s.instrument());
        instruments.any(|instrument| instrument.may_move() || instrument.may_emit())
    }

    /// Quits, or asks first while a recording runs or an instrument moves or emits.
    fn ask_to_quit(&mut self) -> Option<Effect> {
        let may_go = !self.is_recording() && (self.replay || !self.is_anything_active());
        if may_go {
            return Some(Effect::Quit);
        }
        self.overlays.push(Overlay::QuitQuestion);
        None
    }
}
