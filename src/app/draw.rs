//! How the whole screen looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::screen::Pane;
use super::{App, stop_line, summary, top_line};
use crate::panels::market::{feed, figures, heat, ladder, list, venues};
use crate::panels::{
    Facts, Look, fleet, instrument, journal, overview, pipeline, scope, signals, tables,
};
use crate::ui::Role;
use crate::ui::ascii::make_plain;
use crate::ui::pane::pane;
use crate::ui::text::{clear, fit, put, put_right, width};

impl App {
    /// Draws everything into `area`. Decides nothing: the same app gives the same cells.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        clear(buf, area, self.theme.base());
        let layout = self.layout(area);
        for (pane, room) in &layout.panes {
            self.draw_pane(*pane, *room, buf);
        }
        if let Some(top) = layout.top {
            self.draw_top(top, buf);
        }
        if let Some(stop) = layout.stop {
            self.draw_stop(stop, buf);
        }
        if let Some(replay) = layout.replay {
            self.draw_replay(replay, buf);
        }
        if let Some(hints) = layout.hints {
            self.draw_notice(layout.body, buf);
            self.draw_overlays(layout.body, hints, buf);
            if self.overlays.is_empty() {
                self.draw_hints(hints, buf);
            }
        }
        if let Some(picture) = layout.of(Pane::Picture) {
            let (facts, look) = (self.view(), &self.look_of(Pane::Picture));
            scope::draw::finish_pictures(&self.scope, facts, look, picture, buf);
        }
        if self.graphics().glyphs().is_ascii() {
            make_plain(buf, area);
        }
    }

    pub(super) fn look_of(&self, pane: Pane) -> Look<'_> {
        Look {
            theme: &self.theme,
            color_depth: self.color_depth,
            graphics: self.graphics(),
            at: self.view_at(),
            utc_offset_s: self.utc_offset_s,
            focused: pane == self.focused() && self.overlays.is_empty(),
            replay: self.replay,
            held: self.held.is_some(),
        }
    }

    fn draw_pane(&self, which: Pane, area: Rect, buf: &mut Buffer) {
        let facts = self.view();
        let look = &self.look_of(which);
        match which {
            Pane::Sources => overview::draw::draw(&self.overview, facts, look, area, buf),
            Pane::Recorder => {
                overview::draw::draw_recorder(facts, self.can_record, look, area, buf);
            }
            Pane::Values => self.draw_values(facts, look, area, buf),
            Pane::Recent => journal::draw::draw_recent(&facts.journal, look, area, buf),
            Pane::Subjects => scope::draw::draw_subjects(&self.scope, facts, look, area, buf),
            Pane::Picture => scope::draw::draw_picture(&self.scope, facts, look, area, buf),
            Pane::Instrument => {
                let source = self.shown_source();
                instrument::draw::draw(&self.instrument, source, look, area, buf);
            }
            Pane::Signals => signals::draw::draw(&self.scope, facts, look, area, buf),
            Pane::Books => list::draw::draw(&self.market, facts, look, area, buf),
            Pane::Ladder => ladder::draw::draw(&self.market, facts, look, area, buf),
            Pane::Heat => heat::draw::draw(&self.market, facts, look, area, buf),
            Pane::Venues => venues::draw::draw(&self.market, facts, look, area, buf),
            Pane::Figures => figures::draw::draw(&self.market, facts, look, area, buf),
            Pane::Feed => feed::draw::draw(&self.market, facts, look, area, buf),
            Pane::Rows => tables::draw::draw(&self.tables, facts, look, area, buf),
            Pane::Tables => tables::draw::draw_list(&self.tables, facts, look, area, buf),
            Pane::Fleet => fleet::draw::draw(&self.fleet, facts, look, area, buf),
            Pane::Workers => fleet::draw::draw_workers(&self.fleet, facts, look, area, buf),
            Pane::FleetLog => fleet::draw::draw_log(&self.fleet, facts, look, area, buf),
            Pane::FleetMarks => fleet::draw::draw_marks(&self.fleet, facts, look, area, buf),
            Pane::Ledger => pipeline::draw::draw_ledger(&self.pipeline, facts, look, area, buf),
            Pane::Latency => pipeline::draw::draw_latency(&self.pipeline, facts, look, area, buf),
            Pane::Loop => pipeline::draw::draw_loop(facts, look, area, buf),
            Pane::Journal => journal::draw::draw(&self.journal, &facts.journal, look, area, buf),
            Pane::Worst => self.draw_worst(area, buf),
        }
    }

    /// The first readings of the selected source, with those of the camera that the scope would
    /// show.
    fn draw_values(&self, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(source) = self.overview.source(facts).and_then(|id| facts.source(id)) else {
            pane(buf, area, "signals", "", false, &self.theme);
            return;
        };
        let camera = self
            .scope
            .subject(facts)
            .filter(|subject| subject.source == source.info.id)
            .and_then(|subject| subject.detector)
            .or_else(|| Some(source.cameras().first()?.detector.clone()));
        signals::draw::draw_first(source, camera.as_deref(), look, area, buf);
    }

    fn draw_top(&self, area: Rect, buf: &mut Buffer) {
        let line = top_line::compose(self, area.width);
        let y = area.top();
        let mut x = area.left() + 1;
        for (text, role) in &line.left {
            x = put(buf, area, x, y, text, self.theme.style(*role)) + line.gap;
        }
        let taken: u16 = line.right.iter().map(|(text, _)| width(text) + 2).sum();
        x = area.right().saturating_sub(taken).max(area.left()) + 1;
        for (text, role) in &line.right {
            x = put(buf, area, x, y, text, self.theme.style(*role)) + 2;
        }
    }

    /// Where the player of the recording stands.
    fn draw_replay(&self, area: Rect, buf: &mut Buffer) {
        let y = area.top();
        let mut x = area.left() + 1;
        for (text, role) in self.replay_line(area.width.saturating_sub(2)) {
            x = put(buf, area, x, y, &text, self.theme.style(role));
        }
    }

    /// How a stop would go, or how the one that holds has gone.
    fn draw_stop(&self, area: Rect, buf: &mut Buffer) {
        let line = stop_line::compose(self, area.width.saturating_sub(2));
        let y = area.top();
        let mut x = area.left() + 1;
        for (text, role) in &line.left {
            x = put(buf, area, x, y, text, self.theme.style(*role));
        }
        if let Some((text, role)) = &line.right {
            let right = area.right().saturating_sub(1);
            put_right(buf, area, right, y, text, self.theme.style(*role));
        }
    }

    fn draw_hints(&self, area: Rect, buf: &mut Buffer) {
        let mut x = area.left() + 1;
        for (key, word) in top_line::hints(self, area.width.saturating_sub(1)) {
            x = put(buf, area, x, area.top(), &key, self.theme.style(Role::Key)) + 1;
            x = put(
                buf,
                area,
                x,
                area.top(),
                &word,
                self.theme.style(Role::Hint),
            ) + 2;
        }
    }

    /// Something said in passing stands on the last row of the body until the next key.
    fn draw_notice(&self, body: Rect, buf: &mut Buffer) {
        let Some(notice) = &self.notice else {
            return;
        };
        if body.height == 0 {
            return;
        }
        let line = Rect {
            y: body.bottom() - 1,
            height: 1,
            ..body
        };
        clear(buf, line, self.theme.base());
        let style = self.theme.style(notice.role);
        put(buf, line, line.left() + 1, line.top(), &notice.text, style);
    }

    /// The one key that a tiny screen has room for: the stop where there is something to stop.
    fn tiny_hint(&self, columns: u16) -> String {
        if self.has_stop_line() {
            let hint = format!("{} stop", stop_line::STOP_KEY);
            return match columns.checked_sub(width(&hint) + 1) {
                Some(8..) => hint,
                _ => stop_line::STOP_KEY.to_owned(),
            };
        }
        format!("{} quit", self.key_text(crate::intent::Action::Quit))
    }

    /// One line: the worst state and the key to press.
    fn draw_worst(&self, area: Rect, buf: &mut Buffer) {
        if area.height == 0 {
            return;
        }
        let (worst, role) = summary::worst(self);
        let words = match top_line::origin(self) {
            None => worst,
            Some((_, short)) => match self.replay_words() {
                Some(words) => format!("{short} {words} {worst}"),
                None => format!("{short} {worst}"),
            },
        };
        let hint = self.tiny_hint(area.width);
        let room = area.width.saturating_sub(width(&hint) + 1);
        let y = area.top();
        if room < 8 {
            put(buf, area, area.left(), y, &words, self.theme.style(role));
            return;
        }
        put(
            buf,
            area,
            area.left(),
            y,
            &fit(&words, room),
            self.theme.style(role),
        );
        let x = area.right() - width(&hint);
        put(buf, area, x, y, &hint, self.theme.style(Role::Hint));
    }
}
