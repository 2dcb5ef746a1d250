//! What goes to the terminal, and when: what a key brought about at once, other text at the pace of
//! the screen, the picture with what the link has left.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rustix::fd::OwnedFd;
use tokio::time::Instant;

use super::canvas::{Canvas, Text};
use super::keys::Answer;
use super::link::{Cargo, Link};
use super::pictures::Ready;
use super::terminal::{Writer, Written};
use crate::app::App;
use crate::imaging::{Picture, PictureRequest};
use crate::model::{CameraKey, Clock, DropReason, Fate, RateMeter, Stamp, Ticket};
use crate::pipeline::{Meters, Pipeline, Stage, TerminalStats};

/// Thirty pictures a second at most.
const FRAME_NS: u64 = 1_000_000_000 / 30;
/// A key's echo waits for no frame, but keys that come in a burst share one.
const KEY_NS: u64 = 10_000_000;
/// A piece of a picture of which nothing is known yet.
const ANY_PIECE: u64 = 64 * 1024;

/// The terminal's side of the loop.
#[derive(Debug)]
pub struct Drawing {
    writer: Writer,
    canvas: Canvas,
    link: Link,
    clock: Clock,
    /// The clock of what is shown, which in a replay is another one.
    data_clock: Clock,
    meters: Meters,
    /// When the last frame was due.
    frame_ns: u64,
    /// When anything was drawn.
    drawn_ns: u64,
    /// What is to be drawn was brought about by the operator.
    by_key: bool,
    /// Taken by the app, not yet on its way.
    undrawn: BTreeMap<CameraKey, Undrawn>,
    /// On their way to the terminal.
    drawing: Vec<Undrawn>,
    shown: RateMeter,
}

#[derive(Debug)]
struct Undrawn {
    ticket: Ticket,
    received: Stamp,
    decoded: Stamp,
}

/// What can be done for the terminal now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Draw everything anew and send the text.
    Render,
    /// Send more of the text that was drawn.
    Text,
    /// Send so many bytes of the picture.
    Piece(u64),
    /// Begin with the picture that was drawn, or make it finer.
    Begin,
    /// Ask the terminal, with nothing else, whether it is still there.
    Poke,
    /// Nothing before then.
    At(u64),
    /// Nothing until something happens.
    Never,
}

impl Drawing {
    /// Draws on `tty`, a non-blocking descriptor of a terminal of this size. What is shown is
    /// stamped by the pipeline's clock, `clock` is that of the terminal.
    ///
    /// # Errors
    /// The thread that writes cannot be started.
    pub fn start(
        tty: OwnedFd,
        size: (u16, u16),
        clock: Clock,
        pipeline: &Pipeline,
    ) -> io::Result<Self> {
        Ok(Self {
            writer: Writer::start(tty, clock.clone())?,
            canvas: Canvas::new(size.0, size.1),
            link: Link::new(size.0, size.1),
            clock,
            data_clock: pipeline.clock().clone(),
            meters: pipeline.meters().clone(),
            frame_ns: 0,
            drawn_ns: 0,
            by_key: false,
            undrawn: BTreeMap::new(),
            drawing: Vec::new(),
            shown: RateMeter::default(),
        })
    }

    /// The terminal has another size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        if !self.canvas.is_free() {
            self.settle(|_| Fate::Coalesced);
        }
        self.canvas.resize(cols, rows);
        self.link.resize(cols, rows);
    }

    /// The operator is about to do something to `app` whose effect should show at once.
    pub fn hurry(&mut self, app: &App) {
        if self.link.is_narrow() {
            self.canvas.remember(|area, buffer| app.draw(area, buffer));
        }
        self.by_key = true;
    }

    /// A picture is about to be handed to the app. The one before it of the same camera is not
    /// shown any more, unless it is on its way already.
    pub fn replace(&mut self, ready: Ready) -> Picture {
        let Ready { picture, ticket } = ready;
        // A picture that was made once more owes nothing: the ticket of its frame is on its way.
        let waiting = ticket.map(|ticket| Undrawn {
            ticket,
            received: picture.received,
            decoded: picture.decoded,
        });
        if let Some(waiting) = waiting
            && let Some(old) = self.undrawn.insert(picture.camera.clone(), waiting)
        {
            old.ticket.settle(Fate::Coalesced);
            let has_room = self.writer.is_idle() && self.canvas.is_free();
            if !has_room || self.link.takes_picture(ANY_PIECE) == 0 {
                self.writer.skip(1);
            }
        }
        picture
    }

    /// When there is something to draw, if nothing happens before.
    pub fn due(&self, app: &App) -> Option<Instant> {
        let now_ns = self.clock.now().mono_ns;
        let wait_ns = match self.next(app, now_ns) {
            Next::Render | Next::Text | Next::Piece(_) | Next::Begin | Next::Poke => 0,
            Next::At(at_ns) => at_ns.saturating_sub(now_ns),
            Next::Never => return None,
        };
        Some(Instant::now() + Duration::from_nanos(wait_ns))
    }

    /// Draws what is due.
    pub fn draw_if_due(&mut self, app: &mut App) {
        let now_ns = self.clock.now().mono_ns;
        if self.writer.is_idle() {
            self.link.give_up(now_ns);
        }
        match self.next(app, now_ns) {
            Next::Render => self.render(app, now_ns),
            Next::Begin => {
                self.begin();
                let room = self.room();
                self.send(app, Text::Nothing, room);
            }
            Next::Text => self.send(app, Text::Some(self.link.text_piece()), 0),
            Next::Piece(room) => self.send(app, Text::Nothing, room),
            Next::Poke => self.hand_over(Cargo::Poke, Vec::new()),
            Next::At(_) | Next::Never => {}
        }
    }

    fn next(&self, app: &App, now_ns: u64) -> Next {
        if !self.writer.is_idle() {
            // The writer says when it has done.
            return Next::Never;
        }
        let mut at_ns = self.link.deadline_ns();
        if !self.by_key
            && let Some(hold_ns) = self.link.hold_ns(now_ns)
        {
            return Next::At(hold_ns);
        }
        let mut not_before = |ns: u64| {
            if ns > now_ns {
                at_ns = Some(at_ns.map_or(ns, |at| at.min(ns)));
            }
        };
        if app.needs_draw() {
            let due_ns = if self.by_key {
                self.drawn_ns + KEY_NS
            } else {
                self.frame_ns + FRAME_NS
            };
            let is_next_picture = !self.undrawn.is_empty() && self.canvas.is_free();
            if now_ns >= due_ns
                && (self.link.takes_text(now_ns, self.by_key)
                    || is_next_picture && self.link.takes_picture(ANY_PIECE) > 0)
            {
                return Next::Render;
            }
            not_before(due_ns);
            not_before(self.link.text_from_ns());
        }
        if self.canvas.has_text_left() {
            if self.link.takes_text(now_ns, false) {
                return Next::Text;
            }
            not_before(self.link.text_from_ns());
        }
        if self.canvas.picture_left().is_some() {
            let room = self.room();
            if room > 0 {
                return Next::Piece(room);
            }
        } else if self.canvas.is_coarse()
            && !app.needs_draw()
            && self.link.takes_picture(ANY_PIECE) > 0
        {
            return Next::Begin;
        }
        let waits =
            app.needs_draw() || self.canvas.has_text_left() || self.canvas.picture_left().is_some();
        if let Some(poke_ns) = self.link.poke_ns().filter(|_| waits) {
            if now_ns >= poke_ns {
                return Next::Poke;
            }
            not_before(poke_ns);
        }
        at_ns.map_or(Next::Never, Next::At)
    }

    fn render(&mut self, app: &mut App, now_ns: u64) {
        let is_given_up = self.canvas.render(|area, buffer| app.draw(area, buffer));
        app.drawn();
        if is_given_up {
            self.settle(|_| Fate::Coalesced);
        }
        let visible = app.visible_cameras();
        // What came while the screen was held is not on it.
        let is_hidden = |camera: &CameraKey| {
            let shows_it = |request: &PictureRequest| request.camera == *camera && !request.held;
            !visible.iter().any(shows_it)
        };
        for (_, hidden) in self.undrawn.extract_if(.., |camera, _| is_hidden(camera)) {
            hidden.ticket.settle(Fate::Coalesced);
        }
        if !self.by_key {
            // From the moment it was due: a picture that is a little late makes the next one no
            // later.
            let due_ns = self.frame_ns + FRAME_NS;
            self.frame_ns = if now_ns < due_ns + FRAME_NS {
                due_ns
            } else {
                now_ns
            };
        }
        self.drawn_ns = now_ns;
        let may_begin = self.canvas.is_free()
            && (!self.canvas.has_picture() || self.link.takes_picture(ANY_PIECE) > 0);
        if may_begin {
            self.begin();
        }
        let room = self.room();
        // An echo is not held up by a part of a picture, and a whole one goes out with its text.
        let is_whole = self.canvas.picture_left().is_none_or(|left| room >= left);
        let room = if self.by_key && !is_whole { 0 } else { room };
        let text = match std::mem::take(&mut self.by_key) {
            true => Text::Touched(self.link.text_piece()),
            false => Text::Some(self.link.text_piece()),
        };
        self.send(app, text, room);
    }

    /// Begins with the picture that was drawn last, which is the newest.
    fn begin(&mut self) {
        let is_new = self.canvas.is_free();
        let link = &self.link;
        self.canvas.begin_picture(|ns| link.picture_bytes_in(ns));
        if is_new {
            let begun = std::mem::take(&mut self.undrawn).into_values();
            self.drawing.extend(begun);
        }
    }

    /// Bytes of the picture on its way that may go out now.
    fn room(&self) -> u64 {
        let Some(left) = self.canvas.picture_left() else {
            return 0;
        };
        match self.canvas.whole_piece() {
            Some(bytes) if self.link.takes_whole(bytes) => bytes,
            Some(_) => 0,
            None => self.link.takes_picture(left),
        }
    }

    fn send(&mut self, app: &mut App, text: Text, room: u64) {
        let update = self.canvas.update(text, room);
        if update.is_empty() {
            self.settle_shown(app);
            return;
        }
        let cargo = match (text, self.canvas.has_picture()) {
            (Text::Nothing, _) => Cargo::Picture,
            (_, true) => Cargo::TextAndPicture,
            (_, false) => Cargo::Text,
        };
        self.hand_over(cargo, update);
    }

    fn hand_over(&mut self, cargo: Cargo, mut update: Vec<u8>) {
        let now = self.clock.now();
        self.link.send(now.mono_ns, cargo, &mut update);
        self.writer.submit(now, update);
    }

    /// Waits for the writer. Never returns while it has nothing. Cancel safe.
    pub async fn done(&mut self) -> Written {
        self.writer.done().await
    }

    /// The terminal took what it was given.
    pub fn written(&mut self, app: &mut App) {
        self.link.taken(self.clock.now().mono_ns);
        self.settle_shown(app);
    }

    /// The terminal answered.
    pub fn answered(&mut self, answer: &Answer, at: Stamp) {
        if let Some((row, col)) = answer.cursor() {
            self.link.answered(at.mono_ns, row, col);
        }
    }

    /// How long answers should be waited for that would else be typed into the shell.
    pub fn farewell(&self) -> Option<Duration> {
        self.link.farewell_ns().map(Duration::from_nanos)
    }

    /// The figures for the screens.
    pub fn stats(&self) -> TerminalStats {
        let reading = self.link.reading();
        let now_ns = self.clock.now().mono_ns;
        let writing = self.writer.stats();
        TerminalStats {
            blocked_ns: writing.blocked_ns.max(self.link.overdue_ns(now_ns)),
            round_trip_ns: reading.round_trip_ns,
            capacity_bytes_per_s: reading.rate,
            pictures_hz: self.shown.per_second(now_ns).0,
            detail: self.canvas.detail(),
            ..writing
        }
    }

    /// Nothing is drawn any more.
    pub fn close(&mut self) {
        self.drawing
            .extend(std::mem::take(&mut self.undrawn).into_values());
        self.settle(|_| Fate::NotShown(DropReason::Shutdown));
    }

    fn settle_shown(&mut self, app: &mut App) {
        let now = self.clock.now();
        app.seen(now);
        if !self.canvas.is_free() {
            return;
        }
        let shown = self.data_clock.now();
        let since = |then: Stamp| shown.mono_ns.saturating_sub(then.mono_ns);
        if !self.drawing.is_empty() {
            self.shown.record(now.mono_ns, 0);
        }
        let meters = self.meters.clone();
        self.settle(|picture| {
            let source = picture.ticket.source();
            meters.record(source, Stage::DecodedToDrawn, since(picture.decoded));
            meters.record(source, Stage::ReceivedToDrawn, since(picture.received));
            Fate::Shown
        });
    }

    fn settle(&mut self, fate: impl Fn(&Undrawn) -> Fate) {
        for picture in self.drawing.drain(..) {
            let fate = fate(&picture);
            picture.ticket.settle(fate);
        }
    }
}
