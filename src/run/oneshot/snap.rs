//! `ttyscope snap`: the next pictures of a camera, or those of a recording, as files.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until};

use super::{Run, TELLING, carry_out};
use crate::config::SourceKind;
use crate::model::{
    Activity, CommandKind, CommandState, Fate, Frame, Instrument, Motion, Origin, Payload,
    PictureFormat, PlainText, SourceInfo, Stamp,
};
use crate::picture_file::About;
use crate::pipeline::ScreenLanes;
use crate::recorder::Disk;
use crate::recording::{Decoder, Entry, RecordingReader, session_of, sources_of};
use crate::run::commander::Auditing;
use crate::run::journal::Journal;
use crate::run::mission::{Exit, block_on};
use crate::run::signals::{Signals, Told};
use crate::run::snapshot::{Place, save};
use crate::run::voice::{self, Patience, Voice, people};

/// How long the thread that takes frames sleeps before it looks whether it shall end.
const LOOKING: Duration = Duration::from_millis(200);

/// How a recording's source is marked that was none. Source: `recording::sources_of`.
const SIMULATED: &str = "SIMULATED";

/// Which pictures are wanted, and where they go.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Of this camera; of the first that sends one without it.
    pub camera: Option<String>,
    /// How many.
    pub count: u32,
    /// What they are written as.
    pub format: PictureFormat,
    /// Where to.
    pub place: Place,
    /// How the outcome is said.
    pub voice: Voice,
}

#[derive(Debug, Serialize)]
struct Saved<'a> {
    source: &'a str,
    simulated: bool,
    camera: &'a str,
    frame: Option<u64>,
    received: String,
    format: &'a str,
    path: String,
}

/// The series so far.
struct Series<'a> {
    wish: &'a Wish,
    camera: Option<PlainText>,
    first: Option<Stamp>,
    saved: u32,
    /// Cameras that sent something and were not meant.
    others: Vec<PlainText>,
}

impl<'a> Series<'a> {
    fn new(wish: &'a Wish) -> Self {
        Self {
            wish,
            camera: None,
            first: None,
            saved: 0,
            others: Vec::new(),
        }
    }

    fn is_whole(&self) -> bool {
        self.saved >= self.wish.count
    }

    /// Whether a picture of this camera is meant.
    fn wants(&mut self, camera: &PlainText) -> bool {
        let is_meant = match (&self.camera, &self.wish.camera) {
            (Some(known), _) => known == camera,
            (None, Some(named)) => named.eq_ignore_ascii_case(camera),
            (None, None) => true,
        };
        const LISTED: usize = 16;
        if !is_meant && !self.others.contains(camera) && self.others.len() < LISTED {
            self.others.push(camera.clone());
        }
        is_meant
    }

    /// Saves one picture and says where it is; waits for the disk.
    fn save(
        &mut self,
        frame: &Frame,
        received: Stamp,
        source: SourceInfo,
        instrument: Option<Arc<Instrument>>,
    ) -> anyhow::Result<()> {
        let first = *self.first.get_or_insert(received);
        let about = About {
            source,
            received,
            since_first: (self.wish.count > 1).then(|| received.since(first)),
            instrument,
        };
        let mut place = self.wish.place.clone();
        if let Place::Folder { name, .. } = &mut place
            && name.is_empty()
        {
            *name = about.source.name.to_string();
        }
        let path = save(&Disk, frame, &about, self.wish.format, &place)?;
        self.camera = Some(frame.detector.clone());
        self.saved += 1;
        let caution = about.source.caution.as_deref().unwrap_or_default();
        // Of a recording it is a caution: that it is one is its origin.
        let simulated = about.source.origin == Origin::Simulated || caution.starts_with(SIMULATED);
        match self.wish.voice {
            Voice::Json => voice::json_line(
                Patience::Word,
                &Saved {
                    source: &about.source.name,
                    simulated,
                    camera: &frame.detector,
                    frame: frame.number,
                    received: crate::recording::rfc3339(received.unix_ns),
                    format: self.wish.format.as_str(),
                    path: path.display().to_string(),
                },
            ),
            Voice::People | Voice::Silent => {
                voice::text(&format_args!("{}\n", path.display()));
                if simulated {
                    let words = format_args!("{}: SIMULATED", about.source.name);
                    people(self.wish.voice, Patience::Word, words);
                }
            }
        }
        Ok(())
    }

    /// Says that not all came.
    fn say_missing(&self, why: &str) {
        let camera = self.wish.camera.as_deref();
        let of = camera.map_or(String::new(), |camera| format!(" of {camera}"));
        let others = match self.others.as_slice() {
            [] => String::new(),
            others => {
                let names: Vec<&str> = others.iter().map(PlainText::as_str).collect();
                format!("; there are pictures of {}", names.join(", "))
            }
        };
        let (saved, count) = (self.saved, self.wish.count);
        let words = match saved {
            0 => format!("no picture{of} came: {why}{others}"),
            _ => format!("only {saved} of {count} pictures{of} came: {why}{others}"),
        };
        people(self.wish.voice, Patience::Word, format_args!("{words}"));
    }
}

/// Frames of the lane as they come, the newest of each camera.
struct Tap {
    frames: mpsc::Receiver<(Frame, Stamp)>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    fn open(lanes: Arc<ScreenLanes>) -> anyhow::Result<Self> {
        let (sender, frames) = mpsc::channel(1);
        let end = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&end);
        let thread = thread::Builder::new()
            .name("frames".to_owned())
            .spawn(move || {
                while !asked.load(Ordering::Relaxed) {
                    let Some(delivery) = lanes.take_frame(LOOKING) else {
                        continue;
                    };
                    delivery.ticket.settle(Fate::Shown);
                    if let Payload::Frame(frame) = delivery.sample.payload
                        && sender
                            .blocking_send((frame, delivery.sample.received))
                            .is_err()
                    {
                        return;
                    }
                }
            })
            .context("no thread for the pictures")?;
        Ok(Self {
            frames,
            end,
            thread: Some(thread),
        })
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        self.frames.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Saves the next pictures of a source. [`Exit::Incomplete`] if not all came in time.
///
/// - `live`: how commands are written down, if the live view may be started for it; it is stopped
///   again, unless it ran before
///
/// # Errors
/// A picture came and could not be saved.
pub fn snap(
    plan: &super::Plan,
    wish: &Wish,
    live: Option<Auditing>,
    _journal: Journal,
) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut signals = Signals::listen()?;
        let operator = live.as_ref().map(|auditing| auditing.operator.clone());
        let mut run = Run::start(plan, live).await?;
        let mut tap = Tap::open(Arc::clone(&run.session.lanes))?;
        let exit = taken(&mut run, &mut tap, &mut signals, wish, plan, operator).await;
        drop(tap);
        run.session.end().await;
        exit
    })
}

async fn taken(
    run: &mut Run,
    tap: &mut Tap,
    signals: &mut Signals,
    wish: &Wish,
    plan: &super::Plan,
    operator: Option<PlainText>,
) -> anyhow::Result<Exit> {
    let describes = matches!(
        plan.source.kind,
        SourceKind::ImSwitch { .. } | SourceKind::Flamingo { .. }
    );
    if describes {
        // What is known of an instrument goes into the file: it is told soon, or not at all.
        let telling = run.deadline.min(Instant::now() + TELLING);
        run.until(telling, |run| Ok(is_told(run).then_some(())))
            .await?;
    }
    let mut started = None;
    if let Some(operator) = operator
        && !is_live(run)
        && tap.frames.is_empty()
    {
        let report = carry_out(run, signals, "live start", false, &operator).await?;
        match report.state {
            CommandState::Done | CommandState::Sent | CommandState::Acknowledged => {}
            CommandState::Refused => {
                super::say_report(plan, run.is_simulated(), &report);
                return Ok(Exit::Refused);
            }
            _ => super::say_report(plan, run.is_simulated(), &report),
        }
        started = Some(operator);
    }
    let exit = series(run, tap, signals, wish, plan).await;
    if let Some(operator) = started {
        run.deadline = Instant::now() + plan.patience;
        let report = carry_out(run, signals, "live stop", false, &operator).await?;
        if !matches!(report.state, CommandState::Done | CommandState::Sent) {
            let detail = report.detail.as_ref().map_or("", PlainText::as_str);
            let words = format_args!("live stop: {} {detail}", report.state.as_str());
            people(wish.voice, Patience::Word, words);
            return exit.map(|_| Exit::Incomplete);
        }
    }
    exit
}

/// Whether the instrument has said where everything stands, and whether its cameras are sending.
fn is_told(run: &Run) -> bool {
    let instrument = run.source().ok().and_then(|source| source.instrument());
    instrument.is_some_and(|known| {
        let stands = known.axes.iter().all(|axis| axis.motion != Motion::Unknown);
        stands
            && known
                .cameras
                .iter()
                .all(|camera| camera.streaming.is_some())
    })
}

fn is_live(run: &Run) -> bool {
    let instrument = run.source().ok().and_then(|source| source.instrument());
    instrument.is_some_and(|known| {
        known.activity == Activity::LiveView
            || known
                .cameras
                .iter()
                .any(|camera| camera.streaming == Some(true))
    })
}

/// What to do if there is a live view that could be started.
fn live_hint(run: &Run) -> &'static str {
    let instrument = run.source().ok().and_then(|source| source.instrument());
    let has_live = instrument.is_some_and(|known| known.offers.contains(&CommandKind::Live));
    match has_live && !is_live(run) {
        true => "; --live starts the live view",
        false => "",
    }
}

async fn series(
    run: &mut Run,
    tap: &mut Tap,
    signals: &mut Signals,
    wish: &Wish,
    plan: &super::Plan,
) -> anyhow::Result<Exit> {
    let mut series = Series::new(wish);
    let mut deadline = Instant::now() + plan.patience;
    let lanes = Arc::clone(&run.session.lanes);
    // What was taken before everything was known, or before the live view was started, is no answer.
    let began = run.session.clock.now();
    while !series.is_whole() {
        run.take();
        let (frame, received) = tokio::select! {
            biased;
            told = signals.recv() => match told {
                Told::Interrupt | Told::Terminate => {
                    series.say_missing("interrupted");
                    return Ok(Exit::Incomplete);
                }
                Told::HangUp | Told::Dump | Told::Resize => continue,
            },
            frame = tap.frames.recv() => frame.context("the thread that takes pictures has ended")?,
            () = lanes.ready() => continue,
            () = sleep_until(deadline) => {
                let hint = live_hint(run);
                series.say_missing(&format!("{}{hint}", run.trouble()));
                return Ok(Exit::Incomplete);
            }
        };
        if !series.wants(&frame.detector) || received.mono_ns < began.mono_ns {
            continue;
        }
        // Whatever was said before the picture is known now.
        run.take();
        let source = run.source()?;
        let mut info = source.info.clone();
        if run.is_simulated() {
            info.origin = Origin::Simulated;
        }
        let known = source.instrument.as_ref();
        let instrument = known.map(|known| Arc::clone(&known.state));
        // Nothing else is to be done meanwhile but to read sources, which have threads left.
        block_in_place(|| series.save(&frame, received, info, instrument))?;
        deadline = Instant::now() + plan.patience;
    }
    Ok(Exit::Done)
}

/// Saves pictures of a recording, from `at` after its beginning on. [`Exit::Incomplete`] if there
/// are fewer, or places that cannot be read.
///
/// # Errors
/// The recording cannot be read, or a picture cannot be saved.
pub fn snap_recorded(path: &Path, at: Duration, wish: &Wish) -> anyhow::Result<Exit> {
    let session = session_of(path)?;
    let mut sources = sources_of(path)?;
    let started_ns = session.started_unix_ns;
    let from_ns = started_ns.saturating_add(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX));
    let mut decoder = Decoder::new(session);
    let mut reader = RecordingReader::open(path)?;
    let mut instruments: Vec<Option<Arc<Instrument>>> = vec![None; sources.len()];
    let mut series = Series::new(wish);
    let mut unreadable = 0_u64;
    for entry in &mut reader {
        if series.is_whole() {
            break;
        }
        let played = match entry {
            Entry::Message(message) => match decoder.decode(&message) {
                Ok(Some(played)) => played,
                Ok(None) => continue,
                Err(_) => {
                    unreadable += 1;
                    continue;
                }
            },
            Entry::Metadata { .. } | Entry::Attachment(_) => continue,
            Entry::Damage(_) => {
                unreadable += 1;
                continue;
            }
        };
        let (Some(source), Some(instrument)) = (
            sources.get_mut(played.source),
            instruments.get_mut(played.source),
        ) else {
            continue;
        };
        if played.payload.tells_simulated() && source.caution.is_none() {
            // A simulator that somebody else had started.
            source.caution = Some(SIMULATED.into());
        }
        match played.payload {
            Payload::Instrument(state) => *instrument = Some(state),
            Payload::Frame(frame)
                if played.received_ns >= from_ns && series.wants(&frame.detector) =>
            {
                let received = Stamp {
                    mono_ns: played.received_ns.saturating_sub(started_ns),
                    unix_ns: played.received_ns,
                };
                series.save(&frame, received, source.clone(), instrument.clone())?;
            }
            _ => {}
        }
    }
    if series.is_whole() {
        return Ok(Exit::Done);
    }
    let name = path.display();
    series.say_missing(&match unreadable {
        0 => format!("{name} has no more"),
        places => format!("{name} has no more; {places} places of it cannot be read"),
    });
    Ok(Exit::Incomplete)
}
