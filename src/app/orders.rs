//! What the palette's commands do.

use std::sync::Arc;

use super::event::{FileRead, Snapshot};
use super::overlay::Overlay;
use super::screen::Screen;
use super::{App, Effect};
use crate::imaging::ColorMap;
use crate::intent::{CommandOrder, InstrumentWords, Order, Vocabulary, parse};
use crate::model::{PictureFormat, SourceId, StopLevel};
use crate::panels::ScopePanel;
use crate::panels::scope::subject_name;
use crate::panels::signals::SortBy;
use crate::picture_file::About;
use crate::ui::{Graphics, Theme};

impl App {
    /// The names that commands may refer to now.
    pub(super) fn vocabulary(&self) -> Vocabulary {
        let facts = self.view();
        let names = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Vocabulary {
            screens: Screen::ALL
                .iter()
                .map(|screen| screen.context().as_str().to_owned())
                .collect(),
            sources: facts
                .sources
                .iter()
                .map(|source| source.info.name.to_string())
                .collect(),
            cameras: ScopePanel::subjects(facts)
                .iter()
                .map(|subject| subject_name(subject, facts).to_owned())
                .collect(),
            columns: names(&SortBy::ALL.map(SortBy::as_str)),
            themes: Theme::names().map(str::to_owned).collect(),
            graphics: Graphics::words().map(str::to_owned).collect(),
            color_maps: names(&ColorMap::ALL.map(ColorMap::as_str)),
            replay: self.replay,
            addressee: self
                .current_source()
                .and_then(|id| facts.source(id))
                .map(|source| source.info.name.to_string()),
            instruments: facts
                .sources
                .iter()
                .filter_map(|source| {
                    let known = source.instrument.as_ref()?;
                    let words = InstrumentWords::of(Arc::clone(&known.state));
                    Some((source.info.name.to_string(), words))
                })
                .collect(),
        }
    }

    /// Carries out a typed line, or says why it cannot be and what to write.
    pub(super) fn carry_out(&mut self, line: &str) -> Result<Vec<Effect>, String> {
        let order = parse(line, &self.vocabulary()).map_err(|error| error.to_string())?;
        let mut effects = Vec::new();
        match order {
            Order::Screen(name) => {
                let found = Screen::ALL
                    .into_iter()
                    .find(|screen| screen.context().as_str() == name);
                if let Some(screen) = found {
                    self.go_to(screen);
                }
            }
            Order::Record => effects.push(self.start_recording()?),
            Order::StopRecording => effects.push(self.stop_recording()?),
            Order::BlackBox => effects.push(self.save_black_box()?),
            Order::Command { source, command } => {
                let id = self.addressee(source)?;
                effects.extend(self.order(id, command)?);
            }
            Order::Control { take } => self.set_control(take)?,
            // As the key does: a second one within two seconds ends light too.
            Order::Stop(StopLevel::Halt) => effects.push(self.press_stop(None)?),
            Order::Stop(StopLevel::Safe) => {
                effects.push(self.press_stop(Some(StopLevel::Safe))?);
            }
            Order::Clear => effects.push(Effect::ClearStop),
            Order::Replay(order) => effects.push(self.replay_order(order)?),
            Order::JogStep(step) => self.jog_by(step)?,
            Order::Filter(text) => self.set_filter(text)?,
            Order::Sort(column) => {
                if let Some(sort) = SortBy::ALL.into_iter().find(|s| s.as_str() == column) {
                    self.scope.sort = sort;
                    self.go_to(Screen::Scope);
                }
            }
            Order::Theme(name) => {
                if let Some(theme) = Theme::built_in(&name) {
                    self.theme = theme.for_depth(self.color_depth);
                }
            }
            Order::Graphics(name) => {
                self.graphics = Graphics::from_name(&name);
                let why = match self.graphics {
                    Some(_) => "as you chose",
                    None => &self.terminal.why,
                };
                self.note(format!("pictures: {}, {why}", self.graphics().as_str()));
            }
            Order::Camera(name) => {
                let facts = self.held.as_ref().map_or(&self.facts, |held| &held.facts);
                self.scope.choose(&name, facts);
                self.go_to(Screen::Scope);
            }
            Order::Save { format, name } => effects.push(self.snapshot(format, name)?),
            Order::Look(order) => effects.extend(self.look_order(order)?),
            Order::Freeze => self.toggle_freeze(),
            Order::Help => self.overlays.push(Overlay::Help { row: 0 }),
            Order::Quit => effects.extend(self.ask_to_quit()),
        }
        Ok(effects)
    }

    /// The source of that name, or the one that the screen is about.
    fn addressee(&self, name: Option<String>) -> Result<SourceId, String> {
        let found = match name {
            Some(name) => self
                .facts
                .sources
                .iter()
                .find(|source| source.info.name.as_str() == name)
                .map(|source| source.info.id),
            None => self.current_source(),
        };
        found.ok_or_else(|| "there is no source to ask".to_owned())
    }

    /// A command as it was typed: its file is read first, if it has one.
    fn order(&mut self, id: SourceId, order: CommandOrder) -> Result<Vec<Effect>, String> {
        match order {
            CommandOrder::Send(command) => self.ask(id, command),
            CommandOrder::StartWorkflow { path } | CommandOrder::SaveSettings { path }
                if self.replay =>
            {
                Err(format!("{}: a replay sends nothing", path.display()))
            }
            order => Ok(vec![Effect::Read { source: id, order }]),
        }
    }

    /// A file was read, or could not be.
    pub(super) fn take_file(&mut self, file: FileRead) -> Vec<Effect> {
        let asked = match file.command {
            // What asks to be fired must not come up under somebody's fingers.
            Ok(command) if !self.overlays.is_empty() => Err(format!(
                "{command}: the file was read while something else was open; ask again"
            )),
            Ok(command) => self.ask(file.source, command),
            Err(why) => Err(why),
        };
        self.done_or_said(asked)
    }

    /// Saves the picture on the screen: the newest one, or the one that is held.
    pub(super) fn snapshot(
        &mut self,
        format: Option<PictureFormat>,
        name: Option<String>,
    ) -> Result<Effect, String> {
        if self.screen != Screen::Scope {
            return Err("save: no picture is shown here; go to the scope screen".to_owned());
        }
        let facts = self.view();
        let camera = self.scope.subject(facts).and_then(|shown| shown.camera());
        let picture = camera.and_then(|camera| facts.pictures.get(&camera));
        let picture = picture.ok_or("save: there is no picture yet")?;
        let source = facts.source(picture.camera.source);
        let source = source.ok_or("save: the picture's source is gone")?;
        let known = source.instrument.as_ref();
        Ok(Effect::Save(Box::new(Snapshot {
            frame: picture.frame.clone(),
            about: About {
                source: source.info.clone(),
                received: picture.received,
                since_first: None,
                instrument: known.map(|known| Arc::clone(&known.state)),
            },
            format,
            name,
        })))
    }

    /// The source that the screen is about.
    pub(super) fn current_source(&self) -> Option<SourceId> {
        if let Some(jog) = &self.control.jog {
            return Some(jog.source);
        }
        match self.screen {
            Screen::Scope => Some(self.scope.subject(self.view())?.source),
            Screen::Markets => {
                let chosen = self.market.chosen(self.view(), self.view_at());
                Some(chosen?.source.info.id)
            }
            _ => self.overview.source(self.view()),
        }
    }

    /// Sets the filter of what the screen lists.
    pub(super) fn set_filter(&mut self, text: String) -> Result<(), String> {
        match self.screen {
            Screen::Scope => self.scope.filter = text,
            Screen::Markets => self.market.filter = text,
            Screen::Fleet => self.fleet.filter = text,
            Screen::Tables => self.tables.filter = text,
            Screen::Journal => self.journal.filter = text,
            Screen::Overview | Screen::Pipeline => {
                let places = "scope, markets, fleet, tables or journal";
                return Err(format!("filter: nothing to filter here; go to {places}"));
            }
        }
        Ok(())
    }

    /// The filter of what the screen lists.
    pub(super) fn filter(&self) -> &str {
        match self.screen {
            Screen::Scope => &self.scope.filter,
            Screen::Markets => &self.market.filter,
            Screen::Tables => &self.tables.filter,
            Screen::Fleet => &self.fleet.filter,
            Screen::Journal => &self.journal.filter,
            Screen::Overview | Screen::Pipeline => "",
        }
    }
}
