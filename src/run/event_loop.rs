//! The main loop: everything that happens becomes an event, in order of importance, and then the
//! screen is drawn once if something changed. It never waits for disk, network or terminal.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout_at};

use super::drawing::Drawing;
use super::files;
use super::headless::Links;
use super::input::{Input, Keyboard};
use super::journal::{self, Journal};
use super::keys::{Answer, Typed};
use super::pictures::{Pictures, Ready};
use super::probe::Probe;
use super::reflex::{Reflex, TypingState};
use super::service::{self, Figures};
use super::session::Session;
use super::signals::{Signals, Told};
use super::snapshot::{Saver, SnapshotPlan};
use super::terminal::{self, Entered, Written};
use super::turns::Turns;
use crate::app::{App, Effect, Event, FileRead};
use crate::intent::{CommandOrder, Key, KeyChord, Keymap, MouseDeed};
use crate::model::{Fate, LaneKind, LogLine, PlainText, ReplayStatus, SourceId, Stamp, StopOrigin};
use crate::pipeline::RecordingPlan;
use crate::ui::Terminal;

/// Items taken in before the screen gets its turn.
const TURN_LIMIT: usize = 512;
/// Files that may be read at a time.
const FILES: usize = 4;
/// How long the end waits for pictures that are being saved.
const SAVING: Duration = Duration::from_secs(3);
/// How often the figures are taken.
const TICK: Duration = Duration::from_millis(250);

/// The operator's terminal. Fields are dropped in this order: the threads end, then the terminal
/// is put back.
#[derive(Debug)]
pub struct Console {
    keyboard: Keyboard,
    drawing: Drawing,
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
        let stops = session.stops.clone();
        let reflex = match session.replay_status() {
            // What is played from a file cannot be stopped: its keys are keys like all others.
            Some(_) => Reflex::without_stop(stops, keymap, typing.clone()),
            None => Reflex::new(stops, keymap, typing.clone()),
        };
        let probe = Probe::begin(session.clock.now());
        let entered = Entered::enter(mouse, &probe.questions())?;
        let size = terminal::size()?;
        let clock = session.clock.clone();
        let console = Self {
            keyboard: Keyboard::start(terminal::open_tty()?, clock.clone(), reflex)?,
            drawing: Drawing::start(terminal::open_tty()?, size, clock, &session.pipeline)?,
            typing,
            probe,
            inputs: 0,
            _entered: entered,
        };
        Ok((console, size))
    }

    /// Takes in the answers that the terminal still owes: whoever reads it next would take them for
    /// typed.
    async fn take_last_answers(&mut self) {
        let Some(patience) = self.drawing.farewell() else {
            return;
        };
        let deadline = Instant::now() + patience;
        while self.drawing.farewell().is_some() {
            match timeout_at(deadline, self.keyboard.recv()).await {
                Ok(Some(Input::Typed(Typed::Answer(answer), at))) => {
                    self.drawing.answered(&answer, at);
                }
                // Nobody is there any more for what is typed now.
                Ok(Some(Input::Typed(..))) => {}
                Ok(Some(Input::HungUp) | None) | Err(_) => return,
            }
        }
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
    /// A picture was saved, or could not be.
    Saved(Result<PlainText, String>),
    Written(Written),
    /// The player of a recording stands elsewhere.
    Replay,
    DrawingDue,
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
    saver: Saver,
    tick: Interval,
    turns: Turns,
    /// The newest stop when the input was read that is being handled.
    stop_number: u64,
    /// Files that were asked for.
    files: mpsc::Receiver<FileRead>,
    file_read: mpsc::Sender<FileRead>,
    /// The player of a recording, and the beginning of what is played since its last jump.
    replay: Option<watch::Receiver<Option<ReplayStatus>>>,
    replay_since: Option<Stamp>,
}

impl<'a> EventLoop<'a> {
    /// A loop over everything that can happen. `plan` is what `R` records with, `snapshots` where
    /// `S` saves pictures.
    ///
    /// # Errors
    /// The picture thread cannot be started.
    pub fn new(
        outside: Outside<'a>,
        app: &'a mut App,
        console: Console,
        plan: Option<RecordingPlan>,
        snapshots: SnapshotPlan,
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
            session.pipeline.clock().clone(),
            Some(session.measuring()),
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
            saver: Saver::new(snapshots),
            tick,
            turns: Turns::new(now),
            stop_number: 0,
            files,
            file_read,
            replay: session.replay_status(),
            replay_since: None,
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
            if let Some(farewell) = self.app.farewell() {
                terminal::say_at_the_end(farewell);
            }
            self.console.drawing.draw_if_due(self.app);
            self.turns.end(Instant::now());
        };
        self.console.drawing.close();
        if ending == Ending::Asked {
            self.console.take_last_answers().await;
        }
        self.saver.finish(SAVING).await;
        ending
    }

    /// Waits for something to do; not at all if there is `more` of what [`EventLoop::drain`] takes.
    ///
    /// What comes at a pace of its own (the operator, the writer, the clock) stands before what a
    /// peer can make come without end, or a flood would keep the screen and SIGTERM waiting.
    async fn wait(&mut self, more: bool) -> Wake {
        let due = self.console.drawing.due(self.app);
        tokio::select! {
            biased;
            () = self.session.stops.changed() => Wake::Stop,
            input = self.console.keyboard.recv() => Wake::Input(input),
            told = self.signals.recv() => Wake::Told(told),
            written = self.console.drawing.done() => Wake::Written(written),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Wake::DrawingDue,
            _ = self.tick.tick() => Wake::Tick,
            () = replay_moved(&mut self.replay) => Wake::Replay,
            // Yields, so that the other tasks of this thread have their turn.
            () = tokio::task::yield_now(), if more => Wake::More,
            () = self.session.lanes.ready() => Wake::More,
            () = self.pictures.ready() => Wake::More,
            saved = self.saver.done() => Wake::Saved(saved),
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
            Wake::Saved(saved) => self.update(Event::Saved(saved)),
            Wake::Stop => {
                self.console.drawing.hurry(self.app);
                self.update(Event::Stop(self.session.stops.latch()))
            }
            Wake::Told(told) => self.told(told),
            Wake::Written(written) => self.written(written),
            Wake::Log(line) => self.update(Event::Log(line)),
            Wake::Tick => {
                self.session.tick();
                if let Some(known) = self.console.probe.give_up(self.session.clock.now()) {
                    self.terminal_is(known);
                }
                self.take_figures()
            }
            Wake::Replay => self.hear_replay(),
            Wake::More | Wake::DrawingDue => None,
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
            if let Some(ending) = self.hear_replay() {
                return (taken, Some(ending));
            }
            if let Some(ending) = self.update(Event::Sample(sample)) {
                return (taken, Some(ending));
            }
        }
        while let Some(ready) = self.pictures.take() {
            taken += 1;
            if let Some(ending) = self.hear_replay() {
                return (taken, Some(ending));
            }
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

    fn take_figures(&mut self) -> Option<Ending> {
        let turns = self.turns.stats(Instant::now());
        let snapshot = self.session.snapshot(turns, self.console.drawing.stats());
        self.update(Event::Tick(Box::new(snapshot)))
    }

    /// Hears how the player of a recording stands, if that has changed. To be called before
    /// anything that it has said is taken in: it tells of a jump before it says what is there.
    fn hear_replay(&mut self) -> Option<Ending> {
        let replay = self.replay.as_mut()?;
        // One that has ended says nothing more.
        if !replay.has_changed().unwrap_or(false) {
            return None;
        }
        let status = replay.borrow_and_update().clone()?;
        let has_jumped = self.replay_since.replace(status.since) != Some(status.since);
        if has_jumped {
            *self.links = Links::default();
        }
        let ending = self.update(Event::Replay(Box::new(status)));
        match has_jumped {
            // What was seen and counted before goes with everything else.
            true => ending.or_else(|| self.take_figures()),
            false => ending,
        }
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
        match &typed {
            Typed::Answer(answer) => self.console.drawing.answered(answer, pressed),
            Typed::Key(_) | Typed::Paste(_) => self.console.drawing.hurry(self.app),
            // A mouse that moves says more than any eye follows.
            Typed::Mouse(mouse) if mouse.deed == MouseDeed::Move => {}
            Typed::Mouse(_) => self.console.drawing.hurry(self.app),
        }
        // What was typed before a stop and is handled after it is not done any more, nor does it
        // clear that stop. The number is read first: a stop that comes now makes it void as well.
        self.stop_number = self.session.stops.number();
        let is_void = pressed.mono_ns <= self.session.stops.pressed_at_ns();
        let ending = match typed {
            Typed::Answer(answer) => self.answer(&answer),
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
        let news = self.console.probe.take_news();
        // A replay leaves nothing behind but its log.
        if let Some(memory) = news.filter(|_| self.replay.is_none()) {
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
            Told::Dump => {
                let turns = self.turns.stats(Instant::now());
                let snapshot = self.session.snapshot(turns, self.console.drawing.stats());
                service::dump(&Figures::of(self.session, snapshot, self.links));
                None
            }
            Told::Resize => {
                let (cols, rows) = terminal::size().ok()?;
                self.console.drawing.resize(cols, rows);
                self.update(Event::Resize { cols, rows })
            }
        }
    }

    fn picture(&mut self, ready: Ready) -> Option<Ending> {
        let picture = self.console.drawing.replace(ready);
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
                Effect::SaveBlackBox => self.session.save_black_box("it was asked for"),
                Effect::Watch(requests) => self.pictures.want(requests),
                Effect::SetReference(camera) => self.pictures.set_reference(camera),
                Effect::Stop(level) => {
                    let stops = &self.session.stops;
                    match level {
                        Some(level) => stops.press_level(level, StopOrigin::Key),
                        None => stops.press(StopOrigin::Key),
                    };
                }
                Effect::ClearStop => self.session.stops.clear(self.stop_number),
                Effect::Replay(order) => {
                    if !self.session.order_replay(order) {
                        tracing::warn!("replay: the player has too much to do already; ask again");
                    }
                }
                Effect::Save(snapshot) => {
                    let outlet = self.session.pipeline.outlet(snapshot.about.source.id);
                    if let Err(why) = self.saver.save(*snapshot, outlet) {
                        let ended = self.update(Event::Saved(Err(why)));
                        ending = ending.or(ended);
                    }
                }
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

    fn written(&mut self, written: Written) -> Option<Ending> {
        match written {
            Written::Whole => {
                self.console.drawing.written(self.app);
                None
            }
            Written::Gone => Some(Ending::TerminalGone),
        }
    }
}

/// Waits until the player of a recording stands elsewhere. Cancel safe.
async fn replay_moved(replay: &mut Option<watch::Receiver<Option<ReplayStatus>>>) {
    let moved = match replay {
        Some(replay) => replay.changed().await,
        None => std::future::pending().await,
    };
    match (moved, replay.as_mut()) {
        // It is heard by another call, which asks for news.
        (Ok(()), Some(replay)) => replay.mark_changed(),
        _ => *replay = None,
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
