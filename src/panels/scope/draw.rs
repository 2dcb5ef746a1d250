//! How the scope looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::figures::{descriptions, figures, place_among, settings, title};
use super::plots::draw::{draw_histogram, draw_profile};
use super::plots::{numbers, warning};
use super::readout::readout;
use super::sight::{Cross, Sight};
use super::state::{held_words, why_no_picture};
use super::{ScopePanel, Subject, picture, subject_name};
use crate::imaging::Picture;
use crate::panels::Look;
use crate::panels::facts::Facts;
use crate::ui::flow::{Item, flow};
use crate::ui::grid::grid;
use crate::ui::picture::finish;
use crate::ui::picture::marks::{self, Geometry, Marks};
use crate::ui::text::{clear, fit, put, width, wrap};
use crate::ui::{Glyphs, PictureWidget, Role, pane::pane};

/// Draws the pane with the picture, or the two pictures, and everything about them.
pub fn draw_picture(
    panel: &ScopePanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let views = panel.views(facts, area);
    if views.is_empty() {
        let inner = pane(buf, area, "scope", "", look.focused, look.theme);
        say(
            buf,
            inner,
            look,
            "no source yet: start with `ttyscope imswitch://host:8001`",
        );
    }
    for (index, (subject, area)) in views.iter().enumerate() {
        let look = Look {
            focused: look.focused && index == 0,
            ..*look
        };
        draw_view(panel, facts, subject, &look, *area, buf);
    }
}

fn draw_view(
    panel: &ScopePanel,
    facts: &Facts,
    subject: &Subject,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let Some(source) = facts.source(subject.source) else {
        return;
    };
    let key = subject.camera();
    let picture = key.as_ref().and_then(|key| picture(facts, key));
    let sight = key.map(|key| panel.sight(&key)).unwrap_or_default();
    let camera = subject
        .detector
        .as_ref()
        .and_then(|name| source.camera(name));
    let parts = descriptions(subject, source, camera, picture);
    let (title, said) = title(&parts, area.width.saturating_sub(8));
    let note = match panel.looking && look.focused {
        true => "look mode".to_owned(),
        false => place_among(subject, facts),
    };
    pane(buf, area, &title, &note, look.focused, look.theme);
    let room = panel.room(subject, area);
    match picture {
        Some(picture) => {
            draw_with_marks(picture, &sight, look, room.picture, buf);
            if let Some(words) = held_words(source, camera, picture, look.at) {
                draw_held(&words, look, room.picture, buf);
            }
            let mut row = readout(&sight, picture);
            if row.is_empty() {
                row = settings(&sight, picture);
            }
            flow(buf, room.readout, &row, look.theme);
            grid(buf, room.numbers, &numbers(picture), look.theme);
            draw_histogram(picture, &sight, look, room.histogram, buf);
            draw_profile(picture, sight.shown_line(), look, room.profile, buf);
        }
        None => say(
            buf,
            room.picture,
            look,
            &why_no_picture(source, camera, look),
        ),
    }
    let mut items = figures(subject, source, camera, picture, look);
    let behind_the_rates = 3.min(items.len());
    let warning = picture.and_then(warning);
    let warning = warning.map(|words| Item::new("", words, Role::Warning));
    let has_readout = sight.cursor.is_some() || sight.region.is_some() || sight.line.is_some();
    let settings = picture
        .filter(|_| has_readout || room.readout.is_empty())
        .map(|picture| settings(&sight, picture));
    let unsaid = parts.into_iter().skip(said);
    let unsaid = unsaid.map(|part| Item::new("", part, Role::Text));
    items.splice(
        behind_the_rates..behind_the_rates,
        warning
            .into_iter()
            .chain(settings.into_iter().flatten())
            .chain(unsaid),
    );
    flow(buf, room.figures, &items, look.theme);
}

/// The widget of a picture as the operator looks at it.
pub fn widget<'a>(picture: &'a Picture, look: &'a Look<'_>) -> PictureWidget<'a> {
    PictureWidget::new(picture, look.theme, look.color_depth)
        .glyphs(look.graphics.glyphs())
        .protocol(look.graphics.protocol())
        .scale_bar(false)
}

/// Puts the pixels of the pictures into the cells that [`draw_picture`] has kept for them, behind
/// all that was drawn over them since.
pub fn finish_pictures(
    panel: &ScopePanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    for (subject, area) in panel.views(facts, area) {
        let key = subject.camera();
        let room = panel.room(&subject, area).picture.intersection(buf.area);
        if let Some(picture) = key.and_then(|key| picture(facts, &key))
            && let Some((place, pixels)) = widget(picture, look).pixels(room)
        {
            finish(pixels, place, buf);
        }
    }
}

/// Which cells show which pixels; `None` where there is no picture but rows of numbers.
pub fn geometry(picture: &Picture, look: &Look<'_>, area: Rect) -> Option<Geometry> {
    if look.graphics.glyphs() == Glyphs::Numbers {
        return None;
    }
    Geometry::new(picture, widget(picture, look).place(area))
}

fn draw_with_marks(
    picture: &Picture,
    sight: &Sight,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    widget(picture, look).render(area, buf);
    let Some(geometry) = geometry(picture, look, area) else {
        return;
    };
    let (width, height) = picture.frame_size_px;
    let lines = sight.cursor.unwrap_or((width / 2, height / 2));
    let marks = Marks {
        cursor: sight.cursor,
        lines: (sight.cross == Cross::Lines).then_some(lines),
        middle: sight.cross == Cross::Middle,
        region: sight.shown_region(),
        line: sight.shown_line(),
        scale_bar: true,
    };
    marks::draw(&marks, picture, geometry.place(), look.theme, buf);
}

fn draw_held(words: &str, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let text = fit(&format!(" {words} "), area.width);
    let wide = width(&text);
    let line = Rect {
        x: area.left() + (area.width - wide) / 2,
        y: area.bottom() - 1,
        width: wide,
        height: 1,
    };
    clear(buf, line, look.theme.base());
    let role = match words.chars().next() {
        Some('‖') => Role::Held,
        Some('✕') => Role::Error,
        _ => Role::Warning,
    };
    put(buf, line, line.x, line.y, &text, look.theme.style(role));
}

/// A sentence in the middle of an empty room.
fn say(buf: &mut Buffer, area: Rect, look: &Look<'_>, words: &str) {
    let lines = wrap(words, area.width.saturating_sub(4), 4);
    let top = area.top() + (area.height.saturating_sub(lines.len() as u16)) / 2;
    for (y, line) in (top..).zip(lines) {
        let x = area.left() + area.width.saturating_sub(width(&line)) / 2;
        put(buf, area, x, y, &line, look.theme.style(Role::Dim));
    }
}

/// Draws the names of everything that can be shown, the present one marked.
pub fn draw_subjects(
    panel: &ScopePanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let now = panel.subject(facts);
    let mut x = area.left() + 1;
    for subject in ScopePanel::subjects(facts) {
        let is_shown = Some(&subject) == now.as_ref();
        let name = subject_name(&subject, facts);
        let (text, role) = if is_shown {
            (format!("[{name}]"), Role::TitleFocused)
        } else {
            (format!(" {name} "), Role::Dim)
        };
        if x + width(&text) > area.right() {
            put(
                buf,
                area,
                x.min(area.right() - 1),
                area.top(),
                "…",
                look.theme.style(Role::Dim),
            );
            break;
        }
        x = put(buf, area, x, area.top(), &text, look.theme.style(role)) + 1;
    }
}
