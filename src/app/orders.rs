//! What the palette's commands do.

use super::overlay::Overlay;
use super::screen::Screen;
use super::{App, Effect};
use crate::intent::{CommandOrder, Order, Vocabulary, parse};
use crate::model::{Command, CommandId, Request, SourceId};
use crate::panels::ScopePanel;
use crate::panels::scope::subject_name;
use crate::panels::signals::SortBy;
use crate::ui::Theme;

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
            ..Vocabulary::default()
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
            Order::Command {
                source,
                command:
                    CommandOrder::Send(
                        command @ (Command::Refresh
                        | Command::StartLiveView { .. }
                        | Command::StopLiveView),
                    ),
            } => effects.push(self.send(source, command)?),
            Order::Command { .. }
            | Order::Control { .. }
            | Order::Stop(_)
            | Order::Clear
            | Order::JogStep(_) => return Err("not wired".to_owned()),
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
            Order::Camera(name) => {
                let facts = self.held.as_ref().map_or(&self.facts, |held| &held.facts);
                self.scope.choose(&name, facts);
                self.go_to(Screen::Scope);
            }
            Order::Freeze => self.toggle_freeze(),
            Order::Help => self.overlays.push(Overlay::Help { row: 0 }),
            Order::Quit => effects.extend(self.ask_to_quit()),
        }
        Ok(effects)
    }

    /// A command for the source of that name, or for the one the screen is about.
    fn send(&mut self, name: Option<String>, command: Command) -> Result<Effect, String> {
        let id = match name {
            Some(name) => self
                .facts
                .sources
                .iter()
                .find(|source| source.info.name.as_str() == name)
                .map(|source| source.info.id),
            None => self.current_source(),
        };
        let id = id.ok_or("there is no source to ask")?;
        self.ask(id, command)
    }

    /// The source that the screen is about.
    pub(super) fn current_source(&self) -> Option<SourceId> {
        match self.screen {
            Screen::Scope => Some(self.scope.subject(self.view())?.source),
            _ => self.overview.source(self.view()),
        }
    }

    /// Asks a source for something, and says so.
    pub(super) fn ask(&mut self, id: SourceId, command: Command) -> Result<Effect, String> {
        let source = self.facts.source(id).ok_or("there is no such source")?;
        if self.replay {
            return Err("a replay asks nothing of an instrument".to_owned());
        }
        let name = &source.info.name;
        let words = match &command {
            Command::StartLiveView { .. } => format!("asked {name} to start its live view"),
            Command::StopLiveView => {
                format!("asked {name} to stop the live view that was started here")
            }
            Command::Refresh => format!("asked {name} for its state again"),
            _ => format!("{name}: {command}"),
        };
        self.note(words);
        self.commands += 1;
        let request = Request {
            id: CommandId(self.commands),
            command,
            operator: self.operator.clone(),
        };
        Ok(Effect::Send(id, request))
    }

    /// Sets the filter of what the screen lists.
    pub(super) fn set_filter(&mut self, text: String) -> Result<(), String> {
        match self.screen {
            Screen::Scope => self.scope.filter = text,
            Screen::Journal => self.journal.filter = text,
            Screen::Overview | Screen::Pipeline => {
                return Err("filter: nothing to filter here; go to scope or journal".to_owned());
            }
        }
        Ok(())
    }

    /// The filter of what the screen lists.
    pub(super) fn filter(&self) -> &str {
        match self.screen {
            Screen::Scope => &self.scope.filter,
            Screen::Journal => &self.journal.filter,
            Screen::Overview | Screen::Pipeline => "",
        }
    }
}
