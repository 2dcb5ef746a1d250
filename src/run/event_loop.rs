//! The main loop: everything that happens becomes an event, in order of importance, and then the
//! screen is drawn once if something changed. It never waits for disk, network or terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::canvas::Canvas;
use super::files;
use super::headless::Links;
use super::input::{Input, Keyboard};
use super::journal::{self, Journal};
use super::keys::{Answer, Typed};
use super::pictures::{Pictures, Ready};
use super::probe::Probe;
use super::reflex::{Reflex, TypingState};
use super::session::Session;
use super::signals::{Signals, Told};
use super::terminal::{self, Entered, Writer, Written};
use super::turns::Turns;
use crate::app::{App, Effect, Event, FileRead};
use crate::intent::{CommandOrder, Key, KeyChord, Keymap};
use crate::model::{
    CameraKey, DropReason, Fate, LaneKind, LogLine, SourceId, Stamp, StopOrigin, Ticket,
};
use crate::pipeline::{RecordingPlan, Stage};
use crate::ui::Terminal;

/// Items taken in before the screen gets its turn.
const TURN_LIMIT: usize = 512;
/// Thirty pictures a second at most.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// Files that may be read at a time.
const FILES: usize = 4;
/// How often the figures are taken.
const TICK: Duration = Duration::from_millis(250);

/// The operator's terminal. Fields are dropped in this order: the threads end, then the terminal
/// is put back.
#[derive(Debug)]
pub struct Console {
    keyboard: Keyboard,
    writer: Writer,
    canvas: Canvas,
    typing: TypingState,
    probe: Probe,
    /// Inputs taken in so far.
    inputs: u64,
    _entered: Entered,
}

impl Console {
    /// Takes the terminal over, and its mouse if `mouse`.
    ///
    /// # Errors
    /// There is no terminal, or it cannot be set up.
    pub fn open(
        session: &Session,
        keymap: &Keymap,
        mouse: bool,
    ) -> anyhow::Result<(Self, (u16, u16))> {
        let typing = TypingState::default();
        let reflex = Reflex::new(session.stops.clone(), keymap, typing.clone());
        let probe = Probe::begin(session.clock.now());
        let entered = Entered::enter(mouse, &probe.questions())?;
        let size = terminal::size()?;
        let console = Self {
            keyboard: Keyboard::start(terminal::open_tty()?, session.clock.clone(), reflex)?,
            writer: Writer::start(terminal::open_tty()?, session.clock.clone())?,
            canvas: Canvas::new(size.0, size.1),
            typing,
            probe,
            inputs: 0,
            _entered: entered,
        };
        Ok((console, size))
    }
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The operator or a signal ended it.
    Asked,
    /// The terminal is gone.
    TerminalGone,
}

/// What woke the loop.
enum Wake {
    Input(Option<Input>),
    Told(Told),
    /// A stop was pressed or cleared.
    Stop,
    /// A file was read.
    File(FileRead),
    Written(Written),
    FrameDue,
    Tick,
    /// The lanes or the picture thread have something.
    More,
    Log(LogLine),
}

/// What the loop is lent for its time.
#[derive(Debug)]
pub struct Outside<'a> {
    /// Sources, recorder, lanes.
    pub session: &'a Session,
    /// Our own log.
    pub journal: &'a mut Journal,
    /// What the system says.
    pub signals: &'a mut Signals,
    /// What is seen of the links, for the verdict at the end.
    pub links: &'a mut Links,
}

/// The loop and what it keeps between turns.
#[derive(Debug)]
pub struct EventLoop<'a> {
    session: &'a Session,
    app: &'a mut App,
    console: Console,
    pictures: Pictures,
    journal: &'a mut Journal,
    signals: &'a mut Signals,
    links: &'a mut Links,
    plan: Option<RecordingPlan>,
    tick: Interval,
    last_draw: Instant,
    /// Taken by the app, not yet on the screen.
    undrawn: BTreeMap<CameraKey, Undrawn>,
    /// With the terminal's writer.
    drawing: Vec<Undrawn>,
    turns: Turns,
    /// The newest stop when the input was read that is being handled.
    stop_number: u64,
    /// Files that were asked for.
    files: mpsc::Receiver<FileRead>,
    file_read: mpsc::Sender<FileRead>,
}

#[derive(Debug)]
struct Undrawn {
    ticket: Ticket,
    received: Stamp,
    decoded: Stamp,
}

impl<'a> EventLoop<'a> {
    /// A loop over everything that can happen. `plan` is what `R` records with.
    ///
    /// # Errors
    /// The picture thread cannot be started.
    pub fn new(
        outside: Outside<'a>,
        app: &'a mut App,
        console: Console,
        plan: Option<RecordingPlan>,
    ) -> anyhow::Result<Self> {
        let Outside {
            session,
            journal,
            signals,
            links,
        } = outside;
        let pictures = Pictures::start(
            session.lanes.clone(),
            &session.pipeline,
            &session.sources,
            session.clock.clone(),
        )?;
        pictures.want(app.visible_cameras());
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Instant::now();
        let (file_read, files) = mpsc::channel(FILES);
        Ok(Self {
            session,
            app,
            console,
            pictures,
            journal,
            signals,
            links,
            plan,
            tick,
            last_draw: now.checked_sub(FRAME).unwrap_or(now),
            undrawn: BTreeMap::new(),
            drawing: Vec::new(),
            turns: Turns::new(now),
            stop_number: 0,
            files,
            file_read,
        })
    }

    /// Runs until somebody ends it. What goes wrong outside is shown, not returned.
    pub async fn run(mut self) -> Ending {
        if let Some(known) = self.console.probe.first() {
            self.terminal_is(known);
        }
        let mut more = false;
        let ending = loop {
            let wake = self.wait(more).await;
            self.turns.begin(Instant::now());
            if let Some(ending) = self.take(wake) {
                break ending;
            }
            let (taken, ended) = self.drain();
            if let Some(ending) = ended {
                break ending;
            }
            more = taken >= TURN_LIMIT;
            self.draw_if_due();
            self.turns.end(Instant::now());
        };
        let unseen = std::mem::take(&mut self.undrawn).into_values();
        for picture in unseen.chain(self.drawing.drain(..)) {
            picture.ticket.settle(Fate::NotShown(DropReason::Shutdown));
        }
        ending
    }

    /// Waits for something to do; not at all if there is `more` of what [`EventLoop::drain`] takes.
    ///
    /// What comes at a pace of its own (the operator, the writer, the clock) stands before what a
    /// peer can make come without end, or a flood would keep the screen and SIGTERM waiting.
    async fn wait(&mut self, more: bool) -> Wake {
        let due = self.app.needs_draw() && self.console.writer.is_idle();
        let frame = self.last_draw + FRAME;
        tokio::select! {
            biased;
            () = self.session.stops.changed() => Wake::Stop,
            input = self.console.keyboard.recv() => Wake::Input(input),
            told = self.signals.recv() => Wake::Told(told),
            written = self.console.writer.done() => Wake::Written(written),
            () = sleep_until(frame), if due => Wake::FrameDue,
            _ = self.tick.tick() => Wake::Tick,
            // Yields, so that the other tasks of this thread have their turn.
            () = tokio::task::yield_now(), if more => Wake::More,
            () = self.session.lanes.ready() => Wake::More,
            () = self.pictures.ready() => Wake::More,
            Some(file) = self.files.recv() => Wake::File(file),
            Some(line) = self.journal.recv() => Wake::Log(line),
        }
    }

    fn take(&mut self, wake: Wake) -> Option<Ending> {
        match wake {
            Wake::Input(input) => self.input(input),
            Wake::File(file) => {
                // As of when it was asked for, which may be before a stop.
                self.stop_number = file.stop_number;
                self.update(Event::File(file))
            }
            Wake::Stop => self.update(Event::Stop(self.session.stops.latch())),
            Wake::Told(told) => self.told(told),
            Wake::Written(written) => self.written(written),
            Wake::Log(line) => self.update(Event::Log(line)),
            Wake::Tick => {
                self.session.tick();
                if let Some(known) = self.console.probe.give_up(self.session.clock.now()) {
                    self.terminal_is(known);
                }
                let turns = self.turns.stats(Instant::now());
                let snapshot = self.session.snapshot(turns, self.console.writer.stats());
                self.update(Event::Tick(Box::new(snapshot)))
            }
            Wake::More | Wake::FrameDue => None,
        }
    }

    /// Takes in what is there, most important first. Returns how much it was.
    fn drain(&mut self) -> (usize, Option<Ending>) {
        let mut taken = 0;
        while taken < TURN_LIMIT {
            let Some(input) = self.console.keyboard.try_recv() else {
                break;
            };
            taken += 1;
            if let Some(ending) = self.input(Some(input)) {
                return (taken, Some(ending));
            }
        }
        while taken < TURN_LIMIT {
            let Some(delivery) = self.session.lanes.try_take() else {
                break;
            };
            taken += 1;
            let sample = delivery.sample;
            if sample.payload.lane() == LaneKind::Control {
                journal::log_sample(self.name(&sample), &sample);
                self.links.take(&sample);
                self.session.note(&sample);
            }
            delivery.ticket.settle(Fate::Shown);
            if let Some(ending) = self.update(Event::Sample(sample)) {
                return (taken, Some(ending));
            }
        }
        while let Some(ready) = self.pictures.take() {
            taken += 1;
            if let Some(ending) = self.picture(ready) {
                return (taken, Some(ending));
            }
        }
        while taken < TURN_LIMIT {
            let Some(line) = self.journal.try_recv() else {
                break;
            };
            taken += 1;
            if let Some(ending) = self.update(Event::Log(line)) {
                return (taken, Some(ending));
            }
        }
        (taken, None)
    }

    fn name(&self, sample: &crate::model::Sample) -> &'a str {
        self.session
            .sources
            .get(usize::from(sample.source.0))
            .map_or("?", |source| source.name.as_str())
    }

    fn input(&mut self, input: Option<Input>) -> Option<Ending> {
        match input {
            Some(Input::Typed(typed, pressed)) => self.typed(typed, pressed),
            Some(Input::HungUp) | None => Some(Ending::TerminalGone),
        }
    }

    fn typed(&mut self, typed: Typed, pressed: Stamp) -> Option<Ending> {
        // What was typed before a stop and is handled after it is not done any more, nor does it
        // clear that stop. The number is read first: a stop that comes now makes it void as well.
        self.stop_number = self.session.stops.number();
        let is_void = pressed.mono_ns <= self.session.stops.pressed_at_ns();
        let ending = match typed {
            Typed::Answer(answer) => return self.answer(&answer),
            _ if is_void => None,
            Typed::Key(chord) => {
                panic_if_asked(chord);
                self.update(Event::Key { chord, pressed })
            }
            Typed::Paste(text) => self.update(Event::Paste(text)),
            Typed::Mouse(mouse) => self.update(Event::Mouse(mouse)),
        };
        self.console.inputs += 1;
        self.console
            .typing
            .tell(self.console.inputs, self.app.is_typing());
        ending
    }

    /// The terminal has answered a question. Answers that nobody waits for are nothing.
    fn answer(&mut self, answer: &Answer) -> Option<Ending> {
        let known = self.console.probe.take(answer)?;
        if let Some(memory) = self.console.probe.to_be_kept() {
            // Nobody waits for it: to lose it costs nothing.
            drop(tokio::task::spawn_blocking(move || memory.save()));
        }
        self.terminal_is(known)
    }

    fn terminal_is(&mut self, known: Terminal) -> Option<Ending> {
        tracing::info!("pictures: {}: {}", known.best.as_str(), known.why);
        self.update(Event::Terminal(Box::new(known)))
    }

    fn told(&mut self, told: Told) -> Option<Ending> {
        match told {
            Told::Terminate | Told::Interrupt => Some(Ending::Asked),
            Told::HangUp => Some(Ending::TerminalGone),
            Told::Resize => {
                let (cols, rows) = terminal::size().ok()?;
                self.console.canvas.resize(cols, rows);
                self.update(Event::Resize { cols, rows })
            }
        }
    }

    fn picture(&mut self, ready: Ready) -> Option<Ending> {
        let Ready { picture, ticket } = ready;
        let waiting = Undrawn {
            ticket,
            received: picture.received,
            decoded: picture.decoded,
        };
        if let Some(old) = self.undrawn.insert(picture.camera.clone(), waiting) {
            old.ticket.settle(Fate::Coalesced);
            if !self.console.writer.is_idle() {
                self.console.writer.skip(1);
            }
        }
        self.update(Event::Picture(Box::new(picture)))
    }

    fn update(&mut self, event: Event) -> Option<Ending> {
        let effects = self.app.update(self.session.clock.now(), event);
        let mut ending = None;
        for effect in effects {
            match effect {
                Effect::Quit => ending = Some(Ending::Asked),
                Effect::StartRecording => {
                    if let Some(plan) = &self.plan {
                        self.session.start_recording(plan.clone());
                    }
                }
                Effect::StopRecording => self.session.stop_recording(),
                Effect::Watch(requests) => self.pictures.want(requests),
                Effect::Stop(level) => {
                    let stops = &self.session.stops;
                    match level {
                        Some(level) => stops.press_level(level, StopOrigin::Key),
                        None => stops.press(StopOrigin::Key),
                    };
                }
                Effect::ClearStop => self.session.stops.clear(self.stop_number),
                Effect::Read { source, order } => self.read(source, order),
                Effect::Send(source, mut request) => {
                    request.stop_number = self.stop_number;
                    self.session.order(source, request);
                }
            }
        }
        ending
    }

    /// Reads a command's file on a thread that may wait for the disk.
    fn read(&self, source: SourceId, order: CommandOrder) {
        let answer = self.file_read.clone();
        let stop_number = self.stop_number;
        tokio::task::spawn_blocking(move || {
            let command = files::command(order);
            let read = FileRead {
                source,
                command,
                stop_number,
            };
            // A loop that has ended needs it no more.
            let _ = answer.blocking_send(read);
        });
    }

    fn draw_if_due(&mut self) {
        let now = Instant::now();
        let due = self.app.needs_draw()
            && self.console.writer.is_idle()
            && now.duration_since(self.last_draw) >= FRAME;
        if !due {
            return;
        }
        let app = &*self.app;
        if let Some(farewell) = app.farewell() {
            terminal::say_at_the_end(farewell);
        }
        let bytes = self
            .console
            .canvas
            .draw(|area, buffer| app.draw(area, buffer));
        self.app.drawn();
        // From the moment it was due: a picture that is a little late makes the next one no later.
        let due = self.last_draw + FRAME;
        self.last_draw = if now < due + FRAME { due } else { now };
        let visible = self.app.visible_cameras();
        for (camera, picture) in std::mem::take(&mut self.undrawn) {
            if visible.iter().any(|request| request.camera == camera) {
                self.drawing.push(picture);
            } else {
                picture.ticket.settle(Fate::Coalesced);
            }
        }
        if bytes.is_empty() {
            self.settle_drawn();
        } else {
            let stamp = self.session.clock.now();
            self.console.writer.submit(stamp, bytes);
        }
    }

    fn written(&mut self, written: Written) -> Option<Ending> {
        match written {
            Written::Whole => {
                self.settle_drawn();
                None
            }
            Written::Gone => Some(Ending::TerminalGone),
        }
    }

    fn settle_drawn(&mut self) {
        let now = self.session.clock.now();
        self.app.seen(now);
        let meters = self.session.pipeline.meters();
        let since = |then: Stamp| now.mono_ns.saturating_sub(then.mono_ns);
        for picture in self.drawing.drain(..) {
            let source = picture.ticket.source();
            meters.record(source, Stage::DecodedToDrawn, since(picture.decoded));
            meters.record(source, Stage::ReceivedToDrawn, since(picture.received));
            picture.ticket.settle(Fate::Shown);
        }
    }
}

/// Lets a test see what a panic leaves behind, in debug builds and only when asked by name.
fn panic_if_asked(chord: KeyChord) {
    let asked = cfg!(debug_assertions)
        && chord == KeyChord::plain(Key::F(12))
        && std::env::var_os("TTYSCOPE_PANIC_ON_F12").is_some();
    assert!(!asked, "asked for by TTYSCOPE_PANIC_ON_F12");
}

#[cfg(test)]
mod tests;
