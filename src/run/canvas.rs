//! Two buffers and what has to be written to turn the one into the other: text at once, the
//! picture in pieces, as the link has room for it.
//!
//! A picture is latched when its first piece goes out, so that it arrives whole and of one moment.
//! The buffer of what is shown follows what was really sent.

mod detail;
mod encoder;

use ratatui::buffer::{Buffer, Cell, CellWidth};
use ratatui::layout::Rect;

use crate::pipeline::PictureDetail;
use crate::ui::picture::is_marked;
use detail::{DETAILS, Detail, LAST};
use encoder::Encoder;

/// A cell with more than this in it is a picture of its own, sent by a graphics protocol.
const LONGEST_SYMBOL: usize = 64;

/// Which text goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// None.
    Nothing,
    /// What differs from what [`Canvas::remember`] was given, which is what a key brought about, in
    /// about so many bytes; the rows with the least to say first, because a letter that was typed
    /// changes less than the list that follows from it.
    Touched(u64),
    /// What differs from what is shown, in about so many bytes. What finds no room comes first the
    /// next time.
    Some(u64),
}

/// What the terminal shows, and what it shall show.
#[derive(Debug)]
pub struct Canvas {
    shown: Buffer,
    next: Buffer,
    /// What would be shown had the operator not pressed a key.
    before: Option<Buffer>,
    /// The row that text goes on from, if some was left.
    text_left: Option<u16>,
    /// The terminal's content is not known: after a change of size, or because somebody asked.
    blank: bool,
    /// Where the picture in `next` is.
    place: Option<Rect>,
    pass: Option<Pass>,
    /// How finely the last picture was sent: its place in [`DETAILS`].
    detail: usize,
    /// Some of the picture in `next` was left out, or rounded.
    coarse: bool,
}

/// A picture on its way.
#[derive(Debug)]
struct Pass {
    /// What is still to be sent, last first.
    cells: Vec<(u16, u16, Cell)>,
    /// What that takes, about.
    bytes: usize,
    place: Rect,
    /// Makes finer what is shown already: gives way to any new picture.
    refines: bool,
}

impl Canvas {
    /// A canvas for a terminal of this size, which is blank.
    pub fn new(cols: u16, rows: u16) -> Self {
        let area = Rect::new(0, 0, cols, rows);
        Self {
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            before: None,
            text_left: None,
            blank: true,
            place: None,
            pass: None,
            detail: 0,
            coarse: false,
        }
    }

    /// Takes a new size; everything is written anew.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        *self = Self::new(cols, rows);
    }

    /// Notes what would be shown, before the first of some keys changes it.
    pub fn remember(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) {
        if self.before.is_none() {
            let mut before = Buffer::empty(self.next.area);
            draw(before.area, &mut before);
            self.before = Some(before);
        }
    }

    /// Whether text that was drawn has not been sent.
    pub fn has_text_left(&self) -> bool {
        self.text_left.is_some()
    }

    /// Draws what shall be shown. Nothing of it is sent yet. A picture that is no more where it was
    /// is sent no further; says whether one was given up for that.
    pub fn render(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> bool {
        self.next.reset();
        draw(self.next.area, &mut self.next);
        self.place = place_of_picture(&self.next);
        self.coarse = self.place.is_some();
        let is_moved = |pass: &mut Pass| Some(pass.place) != self.place;
        let given_up = self.pass.take_if(is_moved);
        given_up.is_some_and(|pass| !pass.refines)
    }

    /// Whether there is a picture on the screen.
    pub fn has_picture(&self) -> bool {
        self.place.is_some()
    }

    /// Whether a new picture may begin: the one before is out.
    pub fn is_free(&self) -> bool {
        self.pass.as_ref().is_none_or(|pass| pass.refines)
    }

    /// Whether the picture in hand could be shown more finely.
    pub fn is_coarse(&self) -> bool {
        self.coarse
    }

    /// Bytes that are left of the picture that is on its way, about; those of a cell that cannot be
    /// cut are the least that goes out.
    pub fn picture_left(&self) -> Option<u64> {
        self.pass.as_ref().map(|pass| pass.bytes as u64)
    }

    /// Whether what comes next of the picture cannot be cut, and its bytes.
    pub fn whole_piece(&self) -> Option<u64> {
        let (.., cell) = self.pass.as_ref()?.cells.last()?;
        let bytes = cell.symbol().len();
        (bytes > LONGEST_SYMBOL).then_some(bytes as u64)
    }

    /// How finely the last picture was sent.
    pub fn detail(&self) -> PictureDetail {
        DETAILS
            .get(self.detail)
            .map_or(PictureDetail::FULL, |it| it.shown)
    }

    /// Latches the picture that was drawn, as fine as the link can take: `takes` says how many
    /// bytes it takes in so many nanoseconds, `None` if no limit is known. Where that way there is
    /// nothing to send, what is shown is made finer.
    pub fn begin_picture(&mut self, takes: impl Fn(u64) -> Option<u64>) {
        self.pass = None;
        let Some(place) = self.place else {
            return;
        };
        // From picture to picture it becomes finer by one way at most: to try them all costs time.
        let first = self.detail.saturating_sub(1);
        let mut finer = None;
        for (index, detail) in DETAILS.iter().enumerate().skip(first) {
            let cells = self.differing(place, detail);
            let bytes = self.size_of(&cells, index > 0);
            let fits = takes(detail.patience_ns).is_none_or(|most| bytes as u64 <= most);
            if !fits && detail != LAST {
                finer = Some((cells, bytes));
                continue;
            }
            self.detail = index;
            self.coarse = index > 0;
            let refined = finer.filter(|_| cells.is_empty());
            let refines = refined.is_some();
            let (cells, bytes) = refined.unwrap_or((cells, bytes));
            self.pass = (!cells.is_empty()).then_some(Pass {
                cells,
                bytes,
                place,
                refines,
            });
            return;
        }
    }

    /// Draws and returns all the bytes that show it: what a terminal without a limit is sent.
    pub fn draw(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> Vec<u8> {
        self.render(draw);
        self.begin_picture(|_| None);
        self.update(Text::Some(u64::MAX), u64::MAX)
    }

    /// The bytes that show this text as it was drawn, and about `room` bytes of the picture on its
    /// way. Empty if there is nothing to do.
    pub fn update(&mut self, text: Text, room: u64) -> Vec<u8> {
        // A synchronized update: terminals that know it show all at once, others ignore it.
        let mut bytes = b"\x1b[?2026h".to_vec();
        let begin = bytes.len();
        let is_first = self.blank && text != Text::Nothing;
        if is_first {
            bytes.extend_from_slice(b"\x1b[m\x1b[2J");
            self.blank = false;
        }
        let before = bytes.len();
        let is_frugal = self.detail > 0;
        let mut encoder = Encoder::new(&mut bytes, self.next.area.width, is_frugal);
        let untouched = encoder.len();
        match (text, self.before.take()) {
            (Text::Nothing, before) => self.before = before,
            (Text::Touched(room), Some(before)) if !is_first => {
                self.write_text(Some(&before), room, &mut encoder);
            }
            (Text::Touched(_), _) => self.write_text(None, u64::MAX, &mut encoder),
            (Text::Some(room), _) => {
                let room = if is_first { u64::MAX } else { room };
                self.write_text(None, room, &mut encoder);
            }
        }
        if room > 0 {
            self.write_picture(room, &mut encoder);
        }
        if encoder.len() == untouched {
            bytes.truncate(before);
        }
        if bytes.len() == begin {
            return Vec::new();
        }
        bytes.extend_from_slice(b"\x1b[?2026l");
        bytes
    }

    /// Writes text that differs from what is shown and from `before`, in about `room` bytes.
    fn write_text(&mut self, before: Option<&Buffer>, room: u64, encoder: &mut Encoder<'_>) {
        let begin = encoder.len();
        let mut changed = self.shown.diff(&self.next);
        let is_touched = |x: u16, y: u16, cell: &Cell| {
            before.is_none_or(|before| before.cell((x, y)) != Some(cell))
        };
        let row = self.text_left.take().unwrap_or(0);
        let split = changed.partition_point(|(_, y, _)| *y < row);
        changed.rotate_left(split);
        if before.is_some() {
            let mut counts = vec![0_u16; usize::from(self.next.area.height)];
            for (x, y, cell) in &changed {
                if let Some(count) = counts.get_mut(usize::from(*y)) {
                    *count += u16::from(is_touched(*x, *y, cell));
                }
            }
            changed.sort_by_key(|(_, y, _)| counts.get(usize::from(*y)).copied());
        }
        for (x, y, cell) in &changed {
            if is_marked(cell) {
                // The picture comes when there is room for it; text of before must not stand in it.
                if let Some(shown) = self.shown.cell_mut((*x, *y))
                    && !is_marked(shown)
                    && shown.symbol() != " "
                {
                    shown.reset();
                    encoder.put(*x, *y, shown);
                }
                continue;
            }
            let has_room = ((encoder.len() - begin) as u64) < room;
            if !has_room || !is_touched(*x, *y, cell) {
                self.text_left.get_or_insert(*y);
                continue;
            }
            encoder.put(*x, *y, cell);
            // With the cells that a wide glyph covers.
            for x in (*x..).take(cell.cell_width().max(1).into()) {
                if let (Some(shown), Some(next)) =
                    (self.shown.cell_mut((x, *y)), self.next.cell((x, *y)))
                {
                    shown.clone_from(next);
                }
            }
        }
    }

    fn write_picture(&mut self, room: u64, encoder: &mut Encoder<'_>) {
        let Some(pass) = &mut self.pass else {
            return;
        };
        let begin = encoder.len();
        while ((encoder.len() - begin) as u64) < room
            && let Some((x, y, cell)) = pass.cells.pop()
        {
            let before = encoder.len();
            // Text may lie there by now.
            let is_covered = self.next.cell((x, y)).is_none_or(|next| !is_marked(next));
            if let Some(shown) = self.shown.cell_mut((x, y))
                && !is_covered
            {
                encoder.put(x, y, &cell);
                let is_whole = cell.symbol().len() > LONGEST_SYMBOL;
                *shown = cell;
                if is_whole {
                    take_covered(&mut self.shown, &self.next, pass.place);
                }
            }
            let wrote = encoder.len() - before;
            pass.bytes = pass.bytes.saturating_sub(wrote).max(1);
            let next_is_whole =
                |(.., cell): &(u16, u16, Cell)| cell.symbol().len() > LONGEST_SYMBOL;
            if pass.cells.last().is_some_and(next_is_whole) {
                break;
            }
        }
        if pass.cells.is_empty() {
            self.pass = None;
        }
    }

    /// The cells of the picture that are worth being sent, the last one first.
    fn differing(&self, place: Rect, detail: &Detail) -> Vec<(u16, u16, Cell)> {
        let mut cells = Vec::new();
        for (y, x) in (place.top()..place.bottom())
            .flat_map(|y| (place.left()..place.right()).map(move |x| (y, x)))
        {
            let (Some(next), Some(shown)) = (self.next.cell((x, y)), self.shown.cell((x, y)))
            else {
                continue;
            };
            if !is_marked(next) || is_skipped(next) {
                continue;
            }
            let Some(wanted) = detail.wanted(&self.next, (x, y), is_marked) else {
                continue;
            };
            if detail.differs(shown, &wanted) {
                cells.push((x, y, detail.rounded(wanted)));
            }
        }
        cells.reverse();
        cells
    }

    fn size_of(&self, cells: &[(u16, u16, Cell)], is_frugal: bool) -> usize {
        if cells.is_empty() {
            return 0;
        }
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.next.area.width, is_frugal);
        for (x, y, cell) in cells.iter().rev() {
            encoder.put(*x, *y, cell);
        }
        bytes.len()
    }
}

/// What a cell that draws a whole picture covers is shown with it, so that whatever comes in its
/// place later is written.
fn take_covered(shown: &mut Buffer, next: &Buffer, place: Rect) {
    for at in place.positions() {
        if let (Some(shown), Some(next)) = (shown.cell_mut(at), next.cell(at))
            && is_skipped(next)
        {
            shown.clone_from(next);
        }
    }
}

/// Covered by what a cell before it draws.
fn is_skipped(cell: &Cell) -> bool {
    cell.diff_option == ratatui::buffer::CellDiffOption::Skip
}

/// The smallest rectangle around all cells of pictures.
fn place_of_picture(buffer: &Buffer) -> Option<Rect> {
    let marked = buffer.content().iter().enumerate();
    let places = marked.filter(|(_, cell)| is_marked(cell));
    places
        .map(|(index, _)| buffer.pos_of(index))
        .map(|(x, y)| Rect::new(x, y, 1, 1))
        .reduce(|all, one| all.union(one))
}

#[cfg(test)]
mod tests;
