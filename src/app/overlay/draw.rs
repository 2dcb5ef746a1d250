//! How overlays look: bands over the lowest rows, and help over all of them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Armed, Overlay, Prompt, PromptKind};
use crate::app::App;
use crate::intent::{ADDRESS, Action, Context, INTERRUPT, Preview, VERBS, preview};
use crate::panels::first_row;
use crate::ui::text::{clear, fit, put, select, width, wrap};
use crate::ui::{Role, pane::pane};

/// Offers of a completion shown at a time.
const OFFERS: usize = 8;

/// What Enter would do with a line, while it is being typed, and how that looks.
fn meaning_words(meaning: Preview) -> Option<(String, Role)> {
    match meaning {
        Preview::Empty => None,
        Preview::Unfinished(words) => Some((words, Role::Dim)),
        Preview::Wrong(words) => Some((words, Role::Warning)),
        Preview::Ready { sentence, danger } => {
            let role = match danger {
                Some(danger) if danger.needs_arming() => Role::Warning,
                _ => Role::Hint,
            };
            Some((format!("enter: {sentence}"), role))
        }
    }
}

impl App {
    pub(in crate::app) fn draw_overlays(&self, body: Rect, hints: Rect, buf: &mut Buffer) {
        for overlay in &self.overlays {
            match overlay {
                Overlay::Help { row } => self.draw_help(*row, body, hints, buf),
                Overlay::Prompt(prompt) => self.draw_prompt(prompt, body, hints, buf),
                Overlay::QuitQuestion => self.draw_question(body, hints, buf),
                Overlay::Armed(armed) => self.draw_armed(armed, body, hints, buf),
            }
        }
    }

    fn draw_keys(&self, area: Rect, keys: &[(&str, &str)], buf: &mut Buffer) {
        clear(buf, area, self.theme.base());
        let mut x = area.left() + 1;
        for (key, word) in keys {
            if x + width(key) + width(word) + 1 > area.right() {
                break;
            }
            x = put(buf, area, x, area.top(), key, self.theme.style(Role::Key)) + 1;
            x = put(buf, area, x, area.top(), word, self.theme.style(Role::Hint)) + 2;
        }
    }

    fn draw_question(&self, body: Rect, hints: Rect, buf: &mut Buffer) {
        let recording = match self.is_recording() {
            true => "A recording is running; it will be finished and kept. ",
            false => "",
        };
        let active = match self.is_anything_active() {
            true => "An instrument moves or emits, and nobody will watch it here. ",
            false => "",
        };
        let words = format!("{recording}{active}Quit?");
        self.draw_words("quit", &words, Role::Warning, body, buf);
        // As long as no stop holds, the first one stops.
        let interrupt = match self.is_anything_active() && self.latch.is_none() {
            true => "stop",
            false => "quit",
        };
        let keys = [
            ("y", "quit"),
            ("n", "stay"),
            ("esc", "stay"),
            ("ctrl-c", interrupt),
        ];
        self.draw_keys(hints, &keys, buf);
    }

    /// What will be sent, to whom, and for how long the offer stands.
    fn draw_armed(&self, armed: &Armed, body: Rect, hints: Rect, buf: &mut Buffer) {
        let source = self.facts.source(armed.source);
        let name = source.map_or("?", |source| source.info.name.as_str());
        let fire = self.key_text(Action::Fire);
        let seconds = armed.seconds_left(self.now);
        // What was said of a key that came too early stands here: the band covers its own place.
        let said = self
            .notice
            .as_ref()
            .map_or("", |notice| notice.text.as_str());
        let words = format!(
            "ARMED {name}: {} ({}). {fire} fires it, Enter does not; disarmed in {seconds} s. {said}",
            armed.command,
            armed.command.danger().as_str()
        );
        self.draw_words("armed", &words, Role::Banner, body, buf);
        let leave = self.key_text(Action::Back);
        let keys = [(fire.as_str(), "fire"), (leave.as_str(), "disarm")];
        self.draw_keys(hints, &keys, buf);
    }

    /// A band with a sentence over the lowest rows.
    fn draw_words(&self, title: &str, words: &str, role: Role, body: Rect, buf: &mut Buffer) {
        let lines = wrap(words, body.width.saturating_sub(2), 4);
        let room = bottom(body, lines.len() as u16 + 1);
        clear(buf, room, self.theme.base());
        let inner = pane(buf, room, title, "", true, &self.theme);
        for (y, line) in (inner.top()..).zip(&lines) {
            let style = self.theme.style(role);
            put(buf, inner, inner.left() + 1, y, line, style);
        }
    }

    fn draw_prompt(&self, prompt: &Prompt, body: Rect, hints: Rect, buf: &mut Buffer) {
        let vocabulary = self.vocabulary();
        let (offers, chosen) = prompt.offers(&vocabulary);
        let meaning = match prompt.kind {
            // The error has been said in full.
            PromptKind::Command if prompt.error.is_none() => preview(prompt.text(), &vocabulary),
            _ => Preview::Empty,
        };
        let meaning = meaning_words(meaning);
        let error = match &prompt.error {
            Some(error) => wrap(error, body.width.saturating_sub(2), 3),
            None => Vec::new(),
        };
        let shown = offers.len().min(OFFERS).min(usize::from(body.height / 2));
        let rows = 1 + shown as u16 + u16::from(meaning.is_some()) + error.len() as u16 + 1;
        let room = bottom(body, rows);
        clear(buf, room, self.theme.base());
        let (title, sign) = match prompt.kind {
            PromptKind::Command => ("command", ":"),
            PromptKind::Filter { .. } => ("filter", "/"),
        };
        let note = match offers.len() {
            many if many > shown => format!("{many} to choose from"),
            _ => String::new(),
        };
        let inner = pane(buf, room, title, &note, true, &self.theme);
        let mut y = inner.top();
        let first = first_row(chosen.unwrap_or(0), offers.len(), shown.max(1));
        for (index, offer) in offers.iter().enumerate().skip(first).take(shown) {
            if y >= inner.bottom() {
                break;
            }
            self.draw_offer(offer, prompt.text(), Some(index) == chosen, inner, y, buf);
            y += 1;
        }
        if let Some((words, role)) = &meaning
            && y < inner.bottom()
        {
            let style = self.theme.style(*role);
            put(buf, inner, inner.left() + 1, y, words, style);
            y += 1;
        }
        for line in &error {
            put(
                buf,
                inner,
                inner.left() + 1,
                y,
                line,
                self.theme.style(Role::Error),
            );
            y += 1;
        }
        let line = Rect {
            y: room.bottom().saturating_sub(1),
            height: room.height.min(1),
            ..room
        };
        self.draw_input(sign, prompt, line, buf);
        let keys: &[(&str, &str)] = match prompt.kind {
            PromptKind::Command => &[
                ("enter", "do it"),
                ("tab", "complete"),
                ("up", "history"),
                ("esc", "leave"),
            ],
            PromptKind::Filter { .. } => &[("enter", "keep"), ("esc", "as before")],
        };
        self.draw_keys(hints, keys, buf);
    }

    fn draw_offer(
        &self,
        offer: &str,
        typed: &str,
        chosen: bool,
        area: Rect,
        y: u16,
        buf: &mut Buffer,
    ) {
        let style = |role| self.theme.style(role);
        let word = offer.split_whitespace().next().unwrap_or("");
        let common = offer.len().min(typed.len());
        let typed_part = match offer.get(..common) {
            Some(head) if typed.get(..common) == Some(head) => head,
            _ => "",
        };
        let x = area.left() + 2;
        let end = put(buf, area, x, y, offer, style(Role::Text));
        if !chosen {
            put(buf, area, x, y, typed_part, style(Role::Match));
        }
        let verb = VERBS.iter().find(|verb| verb.name == word);
        if let Some(verb) = verb
            && offer.trim_end() == verb.name
        {
            let end = put(
                buf,
                area,
                end.max(x + verb.name.len() as u16 + 1),
                y,
                verb.arguments,
                style(Role::Dim),
            );
            put(
                buf,
                area,
                end.max(area.left() + 28) + 2,
                y,
                verb.sentence,
                style(Role::Dim),
            );
        }
        if chosen {
            let line = Rect {
                y,
                height: 1,
                ..area
            };
            select(buf, line, style(Role::Selection));
        }
    }

    /// The line being typed, scrolled so that the cursor is on it.
    fn draw_input(&self, sign: &str, prompt: &Prompt, area: Rect, buf: &mut Buffer) {
        if area.height == 0 || area.width < 4 {
            return;
        }
        let style = self.theme.style(Role::Input);
        clear(buf, area, self.theme.base());
        buf.set_style(area, style);
        put(
            buf,
            area,
            area.left() + 1,
            area.top(),
            sign,
            self.theme.style(Role::Key),
        );
        let room = usize::from(area.width - 3);
        let cursor = prompt.cursor_column();
        let skipped = (cursor + 1).saturating_sub(room);
        let mut left = 0;
        let text: String = prompt
            .text()
            .chars()
            .skip_while(|c| {
                let hidden = left < skipped;
                left += usize::from(width(&c.to_string()));
                hidden
            })
            .collect();
        let hidden = usize::from(width(prompt.text())) - usize::from(width(&text));
        put(
            buf,
            area,
            area.left() + 2,
            area.top(),
            &fit(&text, area.width - 3),
            style,
        );
        let x = area.left() + 2 + (cursor - hidden.min(cursor)) as u16;
        if let Some(cell) = buf.cell_mut((x.min(area.right() - 1), area.top())) {
            cell.set_style(style.add_modifier(ratatui::style::Modifier::REVERSED));
        }
    }

    /// The lines of the help: keys by place, then the palette's words.
    pub(in crate::app) fn help_lines(&self) -> Vec<HelpLine> {
        let mut lines = Vec::new();
        let everywhere = |action: &Action| action.is_on_every_screen();
        // Keys that mean nothing here are not taught here.
        let is_of_use = |action: &Action| match self.replay {
            true => !action.is_of_live(),
            false => !action.is_of_replay(),
        };
        let here = self.screen.context();
        let mut section = |title: String, actions: Vec<Action>| {
            if actions.is_empty() {
                return;
            }
            lines.push(HelpLine::Title(title));
            lines.extend(actions.into_iter().map(|action| {
                let keys: Vec<String> = self.keymap.keys(action).map(ToString::to_string).collect();
                HelpLine::Key(keys.join(" "), action.sentence())
            }));
        };
        let of = |context: Context| -> Vec<Action> {
            let all = Action::ALL.iter().copied();
            all.filter(is_of_use)
                .filter(|action| !everywhere(action) && action.contexts().contains(&context))
                .collect()
        };
        section(format!("on this screen: {}", here.as_str()), of(here));
        let all = Action::ALL.iter().copied();
        let all = all.filter(is_of_use).filter(everywhere);
        section("everywhere".to_owned(), all.collect());
        for context in Context::ALL.into_iter().filter(|context| *context != here) {
            let title = match context {
                Context::Jog | Context::Look => context.place(),
                screen => format!("on {}", screen.as_str()),
            };
            section(title, of(context));
        }
        lines.push(HelpLine::Title("always".to_owned()));
        lines.push(HelpLine::Key("ctrl-c".to_owned(), INTERRUPT));
        lines.push(HelpLine::Key(
            "wheel".to_owned(),
            "Zooms about the pointer; elsewhere steps through the pane.",
        ));
        lines.push(HelpLine::Key(
            "click".to_owned(),
            "Puts the cursor there; on another pane the focus.",
        ));
        lines.push(HelpLine::Key(
            "drag".to_owned(),
            "Moves what is seen; with the right button draws a region.",
        ));
        lines.push(HelpLine::Key(
            "shift-drag".to_owned(),
            "Selects text, as without this program.",
        ));
        lines.push(HelpLine::Title("typed after :".to_owned()));
        let verbs = VERBS
            .iter()
            .filter(|verb| self.replay || !verb.is_of_replay());
        lines.extend(verbs.map(|verb| {
            let words = format!("{} {}", verb.name, verb.arguments);
            HelpLine::Word(words.trim_end().to_owned(), verb.sentence)
        }));
        let (words, sentence) = ADDRESS;
        lines.push(HelpLine::Word(words.to_owned(), sentence));
        lines
    }

    fn draw_help(&self, row: usize, body: Rect, hints: Rect, buf: &mut Buffer) {
        clear(buf, body, self.theme.base());
        let lines = self.help_lines();
        let room = usize::from(body.height.saturating_sub(1));
        let first = row.min(lines.len().saturating_sub(room));
        let note = if lines.len() > room {
            format!("{} to {} of {}", first + 1, first + room, lines.len())
        } else {
            String::new()
        };
        let inner = pane(buf, body, "help", &note, true, &self.theme);
        // Keys are short, the palette's words long: each kind has its own column.
        let wide = |lines: &[HelpLine], word: bool| {
            let of = |line: &HelpLine| match line {
                HelpLine::Key(keys, _) if !word => width(keys),
                HelpLine::Word(words, _) if word => width(words),
                _ => 0,
            };
            lines
                .iter()
                .map(of)
                .max()
                .unwrap_or(0)
                .min(inner.width * 45 / 100)
        };
        let (key_wide, word_wide) = (wide(&lines, false), wide(&lines, true));
        let style = |role| self.theme.style(role);
        for (y, line) in (inner.top()..inner.bottom()).zip(lines.iter().skip(first)) {
            let (left, column, sentence) = match line {
                HelpLine::Title(text) => {
                    put(buf, inner, inner.left() + 1, y, text, style(Role::Title));
                    continue;
                }
                HelpLine::Key(keys, sentence) => (keys, key_wide, sentence),
                HelpLine::Word(words, sentence) => (words, word_wide, sentence),
            };
            let x = inner.left() + 3;
            put(buf, inner, x, y, &fit(left, column), style(Role::Key));
            put(buf, inner, x + column + 2, y, sentence, style(Role::Text));
        }
        self.draw_keys(hints, &[("j k", "scroll"), ("esc", "leave")], buf);
    }
}

/// A line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) enum HelpLine {
    /// Where the following keys count.
    Title(String),
    /// Keys, and what they do.
    Key(String, &'static str),
    /// Words of the palette, and what they do.
    Word(String, &'static str),
}

/// The lowest rows of an area.
fn bottom(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect {
        y: area.bottom() - rows,
        height: rows,
        ..area
    }
}
