//! What keys do: to the overlay on top, else through the keymap to an action.

use super::overlay::{Overlay, Prompt, PromptKind, Typed};
use super::screen::{Pane, Screen};
use super::{App, Effect, HISTORY_BOUND};
use crate::intent::{Action, Context, Key, KeyChord, Lookup};
use crate::model::{Command, Stamp};
use crate::panels::tables::Since;
use crate::panels::{Facts, JournalPanel, SourceFacts, Step};
use crate::ui::Role;

/// Stops where something may move; plays and holds a recording.
const SPACE: KeyChord = KeyChord::plain(Key::Char(' '));

impl App {
    pub(super) fn press(&mut self, chord: KeyChord, pressed: Stamp) -> Vec<Effect> {
        self.notice = None;
        if chord == KeyChord::ctrl('c') {
            return self.interrupt().into_iter().collect();
        }
        match self.overlays.last() {
            Some(Overlay::QuitQuestion) => self.answer_quit(chord),
            Some(Overlay::Armed(_)) => self.press_armed(chord, pressed),
            Some(Overlay::Prompt(_)) => self.type_key(chord),
            Some(Overlay::Help { .. }) => self.press_in_help(chord),
            None => self.press_on_screen(chord),
        }
    }

    /// Ctrl-C quits; while a recording runs the second one does. It is not in the keymap, so that
    /// no configuration can take it away.
    fn interrupt(&mut self) -> Option<Effect> {
        if matches!(self.overlays.last(), Some(Overlay::QuitQuestion)) {
            return Some(Effect::Quit);
        }
        self.ask_to_quit()
    }

    fn answer_quit(&mut self, chord: KeyChord) -> Vec<Effect> {
        match chord.key {
            Key::Char('y' | 'Y' | 'q') => vec![Effect::Quit],
            // Enter is pressed too easily to end a recording.
            Key::Esc | Key::Char('n' | 'N') => {
                self.overlays.pop();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn press_on_screen(&mut self, chord: KeyChord) -> Vec<Effect> {
        let context = self.context();
        if self.replay && chord == SPACE {
            // There is nothing to be stopped.
            self.pressed.clear();
            return self.act(Action::Play);
        }
        self.pressed.push(chord);
        match self.keymap.look_up(&self.pressed, context) {
            Lookup::Action(action) => {
                self.pressed.clear();
                self.act(action)
            }
            Lookup::Pending => Vec::new(),
            Lookup::Unbound if self.pressed.len() > 1 => {
                // The sequence came to nothing; the last key may mean something on its own.
                self.pressed.clear();
                self.press_on_screen(chord)
            }
            Lookup::Unbound => {
                self.pressed.clear();
                Vec::new()
            }
        }
    }

    /// Which keys count now.
    pub(super) fn context(&self) -> Context {
        match self.control.jog {
            Some(_) => Context::Jog,
            None if self.is_looking() => Context::Look,
            None => self.screen.context(),
        }
    }

    fn press_in_help(&mut self, chord: KeyChord) -> Vec<Effect> {
        self.pressed.push(chord);
        let found = self.keymap.look_up(&self.pressed, self.screen.context());
        if found == Lookup::Pending {
            return Vec::new();
        }
        self.pressed.clear();
        let Lookup::Action(action) = found else {
            return Vec::new();
        };
        match (action, step_of(action)) {
            (Action::Help | Action::Back | Action::Quit, _) => {
                self.overlays.pop();
            }
            (_, Some(step)) => {
                let rows = self.help_lines().len();
                if let Some(Overlay::Help { row }) = self.overlays.last_mut() {
                    *row = step.apply(*row, rows);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        if let Some(step) = step_of(action) {
            self.step(step);
            return Vec::new();
        }
        match action {
            Action::Help => self.overlays.push(Overlay::Help { row: 0 }),
            Action::Palette => self.overlays.push(Overlay::Prompt(Prompt::command())),
            Action::Filter => {
                let prompt = Prompt::filter(self.filter().to_owned());
                self.overlays.push(Overlay::Prompt(prompt));
            }
            Action::Open => self.open(),
            Action::NextPane => self.move_focus(true),
            Action::PreviousPane => self.move_focus(false),
            Action::Expand => self.expanded = !self.expanded,
            Action::Freeze => self.toggle_freeze(),
            Action::NextCamera => self.cycle_camera(true),
            Action::PreviousCamera => self.cycle_camera(false),
            Action::Look => {
                let entered = self.toggle_look().map(|()| Vec::new());
                return self.done_or_said(entered);
            }
            Action::Line
            | Action::Region
            | Action::Keep
            | Action::ZoomIn
            | Action::ZoomOut
            | Action::Fit
            | Action::ZoomRegion
            | Action::Contrast
            | Action::ColorMap
            | Action::GammaUp
            | Action::GammaDown
            | Action::Invert
            | Action::MarkClipped
            | Action::Difference
            | Action::Reference
            | Action::Cross
            | Action::LogHistogram
            | Action::Split
            | Action::CursorLeft
            | Action::CursorRight
            | Action::CursorDown
            | Action::CursorUp
            | Action::PixelLeft
            | Action::PixelRight
            | Action::PixelDown
            | Action::PixelUp
            | Action::PanLeft
            | Action::PanRight
            | Action::PanDown
            | Action::PanUp => {
                let looked = self.look(action);
                return self.done_or_said(looked);
            }
            Action::Snapshot => {
                let asked = self.snapshot(None, None);
                return self.done_or_said(asked.map(|effect| vec![effect]));
            }
            Action::LiveView => return self.toggle_live_view(),
            Action::Refresh => return self.ask_current(Command::Refresh),
            Action::Sort if self.screen == Screen::Markets => {
                self.market.sort = self.market.sort.next();
            }
            Action::Sort => self.scope.sort = self.scope.sort.next(),
            Action::NextBook => self.step_book(Step::Down),
            Action::PreviousBook => self.step_book(Step::Up),
            Action::Depth => self.market.next_depth(),
            Action::Coarser => self.market.change_grouping(true),
            Action::Finer => self.market.change_grouping(false),
            Action::Severity => self.journal.next_severity(),
            Action::Record => return self.toggle_recording(),
            action if action.is_of_replay() => {
                let asked = self.replay_key(action).map(|effect| vec![effect]);
                return self.done_or_said(asked);
            }
            Action::Stop => {
                let pressed = self.press_stop(None).map(|effect| vec![effect]);
                return self.done_or_said(pressed);
            }
            Action::BlackBox => {
                let asked = self.save_black_box();
                return self.done_or_said(asked.map(|effect| vec![effect]));
            }
            Action::Fire => self.say("nothing is armed".to_owned(), Role::Warning),
            Action::Jog => {
                let entered = self.toggle_jog().map(|()| Vec::new());
                return self.done_or_said(entered);
            }
            Action::JogLeft => return self.jogged(0, false),
            Action::JogRight => return self.jogged(0, true),
            Action::JogDown => return self.jogged(1, false),
            Action::JogUp => return self.jogged(1, true),
            Action::JogIn => return self.jogged(2, false),
            Action::JogOut => return self.jogged(2, true),
            Action::JogTurnLeft => return self.jogged(3, false),
            Action::JogTurnRight => return self.jogged(3, true),
            Action::StepUp => self.change_step(true),
            Action::StepDown => self.change_step(false),
            Action::Quit => return self.ask_to_quit().into_iter().collect(),
            Action::Back => self.back(),
            Action::ScreenOverview => self.go_to(Screen::Overview),
            Action::ScreenScope => self.go_to(Screen::Scope),
            Action::ScreenMarkets => self.go_to(Screen::Markets),
            Action::ScreenTables => self.go_to(Screen::Tables),
            Action::NextTable => self.tables.cycle(true, view(&self.held, &self.facts)),
            Action::PreviousTable => self.tables.cycle(false, view(&self.held, &self.facts)),
            Action::NextColumn => {
                self.tables.step_column(true, view(&self.held, &self.facts));
            }
            Action::PreviousColumn => {
                self.tables
                    .step_column(false, view(&self.held, &self.facts));
            }
            Action::SortTable => self.tables.sort(view(&self.held, &self.facts)),
            Action::ReverseTable => self.tables.reverse(view(&self.held, &self.facts)),
            Action::MarkChanges => self.tables.mark(self.view_at()),
            Action::ScreenFleet => self.go_to(Screen::Fleet),
            Action::ScreenPipeline => self.go_to(Screen::Pipeline),
            Action::ScreenJournal => self.go_to(Screen::Journal),
            Action::NextScreen => self.go_to(self.screen.step(true)),
            Action::PreviousScreen => self.go_to(self.screen.step(false)),
            Action::Down
            | Action::Up
            | Action::Top
            | Action::Bottom
            | Action::PageDown
            | Action::PageUp
            | Action::Play
            | Action::StepForward
            | Action::StepBack
            | Action::SeekForward
            | Action::SeekBack
            | Action::NextFault
            | Action::PreviousFault
            | Action::NextCommand
            | Action::PreviousCommand
            | Action::Faster
            | Action::Slower
            | Action::Loop => {}
        }
        Vec::new()
    }

    fn jogged(&mut self, axis: usize, forward: bool) -> Vec<Effect> {
        let asked = self.jog(axis, forward);
        self.done_or_said(asked)
    }

    pub(super) fn step(&mut self, step: Step) {
        let focused = self.focused();
        let facts = view(&self.held, &self.facts);
        match focused {
            Pane::Sources => self.overview.step(step, facts),
            Pane::Picture | Pane::Signals => self.scope.step(step, facts),
            Pane::Instrument => {
                if let Some(source) = self.scope.source(facts) {
                    self.instrument.step(step, source);
                }
            }
            Pane::Ladder => {
                let at = self.view_at();
                let facts = view(&self.held, &self.facts);
                self.market.step_level(step, facts, at);
            }
            Pane::Books | Pane::Heat | Pane::Venues | Pane::Figures | Pane::Feed => {
                self.step_book(step);
            }
            Pane::Rows => self.tables.step(step, facts),
            Pane::Tables => self.tables.step_table(step, facts),
            Pane::Workers => self.fleet.step(step, facts),
            Pane::Ledger => self.pipeline.step_ledger(step, facts),
            Pane::Latency => self.pipeline.step_latency(step, facts),
            Pane::Journal => self.journal.step(step, &facts.journal),
            Pane::Recorder
            | Pane::Values
            | Pane::Recent
            | Pane::Subjects
            | Pane::Loop
            | Pane::Fleet
            | Pane::FleetLog
            | Pane::FleetMarks
            | Pane::Worst => {}
        }
    }

    fn open(&mut self) {
        if self.screen == Screen::Markets {
            self.set_focus(Pane::Ladder);
        } else if self.focused() == Pane::Recent {
            self.go_to(Screen::Journal);
        } else if let Some(source) = self.overview.source(self.view()) {
            let at = self.view_at();
            let facts = view(&self.held, &self.facts);
            let is = |what: fn(&SourceFacts) -> bool| facts.source(source).is_some_and(what);
            let screen = if is(|source| !source.market.is_empty()) {
                self.market.choose_source(source, facts, at);
                Screen::Markets
            } else if is(|source| source.fleet.is_some()) {
                self.fleet.source = Some(source);
                Screen::Fleet
            } else if is(|source| source.tables.iter().len() > 0 && source.cameras().is_empty()) {
                self.tables.choose_source(source, facts);
                Screen::Tables
            } else {
                self.scope.choose_source(source);
                Screen::Scope
            };
            self.go_to(screen);
        }
    }

    fn step_book(&mut self, step: Step) {
        let at = self.view_at();
        let facts = view(&self.held, &self.facts);
        self.market.step(step, facts, at);
    }

    fn move_focus(&mut self, forward: bool) {
        let panes = self.panes();
        let now = panes.iter().position(|pane| *pane == self.focused());
        let step = if forward { 1 } else { panes.len() - 1 };
        self.scope.looking = false;
        self.set_focus(panes[(now.unwrap_or(0) + step) % panes.len()]);
    }

    pub(super) fn set_focus(&mut self, pane: Pane) {
        self.set_focus_on(self.screen, pane);
    }

    pub(super) fn set_focus_on(&mut self, screen: Screen, pane: Pane) {
        if screen == Screen::Markets && pane != Pane::Books {
            self.market_detail = pane;
        }
        self.focus[screen as usize] = pane;
    }

    fn cycle_camera(&mut self, forward: bool) {
        self.scope.cycle(forward, view(&self.held, &self.facts));
    }

    fn toggle_live_view(&mut self) -> Vec<Effect> {
        let is_streaming = self
            .current_source()
            .and_then(|id| self.facts.source(id))
            .is_some_and(|source| source.is_streaming());
        self.ask_current(if is_streaming {
            Command::StopLiveView
        } else {
            Command::StartLiveView { protocol: None }
        })
    }

    fn ask_current(&mut self, command: Command) -> Vec<Effect> {
        let asked = match self.current_source() {
            Some(id) => self.ask(id, command),
            None => Err("there is no source to ask".to_owned()),
        };
        self.done_or_said(asked)
    }

    fn toggle_recording(&mut self) -> Vec<Effect> {
        let result = if self.is_recording() {
            self.stop_recording()
        } else {
            self.start_recording()
        };
        self.done_or_said(result.map(|effect| vec![effect]))
    }

    pub(super) fn done_or_said(&mut self, result: Result<Vec<Effect>, String>) -> Vec<Effect> {
        match result {
            Ok(effects) => effects,
            Err(why) => {
                self.say(why, Role::Warning);
                Vec::new()
            }
        }
    }

    /// Leaves one thing at a time: jog mode, look mode, the expanded pane, the filter, the ladder's cursor, the
    /// held screen, the severity and place in the journal, the mark in a table.
    fn back(&mut self) {
        if self.control.jog.is_some() {
            self.control.jog = None;
        } else if self.leave_look() {
            // What was being drawn is gone, or look mode.
        } else if self.expanded {
            self.expanded = false;
        } else if !self.filter().is_empty() {
            // The screen has a filter, so it takes an empty one.
            let _ = self.set_filter(String::new());
        } else if self.screen == Screen::Markets && self.market.leave_level() {
            // The ladder's cursor is gone.
        } else if self.held.is_some() {
            self.held = None;
        } else if self.screen == Screen::Journal {
            self.journal = JournalPanel::default();
        } else if self.screen == Screen::Tables {
            self.tables.since = Since::Moment;
        }
    }

    fn type_key(&mut self, chord: KeyChord) -> Vec<Effect> {
        let vocabulary = self.vocabulary();
        let Some(Overlay::Prompt(prompt)) = self.overlays.last_mut() else {
            return Vec::new();
        };
        let typed = prompt.press(chord, &self.palette_history, &vocabulary);
        self.apply_typed(typed)
    }

    pub(super) fn apply_typed(&mut self, typed: Typed) -> Vec<Effect> {
        let Some(Overlay::Prompt(prompt)) = self.overlays.last() else {
            return Vec::new();
        };
        let (kind, text) = (prompt.kind.clone(), prompt.text().to_owned());
        match (kind, typed) {
            (_, Typed::Moved) | (PromptKind::Command, Typed::Changed) => {}
            (PromptKind::Command, Typed::Left) => {
                self.overlays.pop();
            }
            (PromptKind::Command, Typed::Finished(line)) => return self.finish_command(&line),
            (PromptKind::Filter { .. }, Typed::Changed) => {
                // A filter line opens only where there is something to filter.
                let _ = self.set_filter(text);
            }
            (PromptKind::Filter { .. }, Typed::Finished(line)) => {
                self.overlays.pop();
                let _ = self.set_filter(line);
            }
            (PromptKind::Filter { before }, Typed::Left) => {
                self.overlays.pop();
                let _ = self.set_filter(before);
            }
        }
        Vec::new()
    }

    /// Carries out a line; one that cannot be stays, with the reason.
    fn finish_command(&mut self, line: &str) -> Vec<Effect> {
        let line = line.trim();
        let prompt = self.overlays.pop();
        if line.is_empty() {
            return Vec::new();
        }
        match self.carry_out(line) {
            Ok(effects) => {
                self.remember(line);
                effects
            }
            Err(why) => {
                if let Some(Overlay::Prompt(mut prompt)) = prompt {
                    prompt.error = Some(why);
                    self.overlays.push(Overlay::Prompt(prompt));
                }
                Vec::new()
            }
        }
    }

    fn remember(&mut self, line: &str) {
        self.palette_history.retain(|known| known != line);
        if self.palette_history.len() >= HISTORY_BOUND {
            self.palette_history.remove(0);
        }
        self.palette_history.push(line.to_owned());
    }
}

/// As [`App::view`], where a panel is borrowed at the same time.
fn view<'a>(held: &'a Option<super::Held>, facts: &'a Facts) -> &'a Facts {
    held.as_ref().map_or(facts, |held| &held.facts)
}

fn step_of(action: Action) -> Option<Step> {
    Some(match action {
        Action::Down => Step::Down,
        Action::Up => Step::Up,
        Action::Top => Step::Top,
        Action::Bottom => Step::Bottom,
        Action::PageDown => Step::PageDown,
        Action::PageUp => Step::PageUp,
        _ => return None,
    })
}
