//! Screens with something on them: the same sources, figures and pictures every time.
//!
//! Also used by `examples/screens.rs`, which draws the pictures of the README.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;

use ttyscope::app::{App, AppOptions, Effect, Event};
use ttyscope::control::Latch;
use ttyscope::imaging::{Gauge, Layout, Measurer, Measures, Picture, Raster, Roi, Segment, View};
use ttyscope::intent::{KeyChord, KeySequence, Keymap};
use ttyscope::model::ledger::DiskCounts;
use ttyscope::model::{
    AckWindow, Activity, Axis, Camera, CameraKey, CommandId, CommandKind, CommandReport,
    CommandState, Compression, Counts, Danger, DropReason, EndReason, Evidence, Fault, FaultKind,
    Frame, FrameEncoding, Instrument, LaneKind, Light, Limits, LinkState, LogLine, Loss, Message,
    Motion, Origin, Payload, Percentiles, PlainText, Reading, RecorderState, RecorderStatus,
    Sample, Severity, SourceId, SourceInfo, Stamp, StopEvent, StopLevel, StopOrigin, StopPath,
    StopPress, StopReport, StopState, Unit, Workflow, WorkflowState,
};
use ttyscope::pipeline::{
    CameraSnapshot, LaneGauge, LaneSnapshot, LoopStats, PipelineSnapshot, SourceSnapshot, Stage,
    TerminalStats,
};
use ttyscope::ui::{ColorDepth, Theme};

/// 2026-11-20 14:00:00 UTC.
const START_UNIX_NS: u64 = 1_795_183_200_000_000_000;

/// So many milliseconds after the start.
pub fn at(ms: u64) -> Stamp {
    // The monotonic clock of a process that has run for a while.
    Stamp {
        mono_ns: 1_000_000_000_000 + ms * 1_000_000,
        unix_ns: START_UNIX_NS + ms * 1_000_000,
    }
}

pub const SCOPE: SourceId = SourceId(0);
pub const SENSORS: SourceId = SourceId(1);
pub const LIGHTSHEET: SourceId = SourceId(2);

/// What the screens are shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not even a source.
    NoSource,
    /// Sources that have not said anything.
    Empty,
    /// All as it should be, a recording running.
    Live,
    /// Nothing for seven seconds.
    Stale,
    /// The link was lost.
    Lost,
    /// Held while it was live; the link was lost since.
    Frozen,
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::NoSource,
        Self::Empty,
        Self::Live,
        Self::Stale,
        Self::Lost,
        Self::Frozen,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::NoSource => "no_source",
            Self::Empty => "empty",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Lost => "lost",
            Self::Frozen => "frozen",
        }
    }
}

/// What two instruments are shown doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Nothing: all rests.
    Settled,
    /// An axis moves, a command waits.
    Moving,
    /// The links were lost while it moved.
    Lost,
    /// A workflow takes pictures.
    Workflow,
    /// A stop holds; one instrument has not answered.
    Stopped,
    /// As before, and light was to go off too.
    Safe,
    /// A stop would not go out on one of the paths.
    PathDown,
}

impl Doing {
    pub const ALL: [Self; 7] = [
        Self::Settled,
        Self::Moving,
        Self::Lost,
        Self::Workflow,
        Self::Stopped,
        Self::Safe,
        Self::PathDown,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Moving => "moving",
            Self::Lost => "lost",
            Self::Workflow => "workflow",
            Self::Stopped => "stopped",
            Self::Safe => "safe",
            Self::PathDown => "path_down",
        }
    }
}

/// An app and what it asked for so far.
pub struct Scene {
    pub app: App,
    pub size: (u16, u16),
    pub now_ms: u64,
    pub effects: Vec<Effect>,
}

pub fn sources() -> Vec<SourceInfo> {
    vec![
        SourceInfo {
            id: SCOPE,
            name: "scope".into(),
            address: "imswitch://10.0.0.5:8001".into(),
            origin: Origin::Simulated,
            caution: None,
        },
        SourceInfo {
            id: SENSORS,
            name: "sensors".into(),
            address: "socketios://10.0.0.7:5000/lab".into(),
            origin: Origin::Live,
            caution: Some("TLS NOT VERIFIED".into()),
        },
    ]
}

/// [`sources`] and a light sheet.
pub fn three_sources() -> Vec<SourceInfo> {
    let mut known = sources();
    known.push(SourceInfo {
        id: LIGHTSHEET,
        name: "lightsheet".into(),
        address: "flamingo://10.0.0.9:53717".into(),
        origin: Origin::Simulated,
        caution: None,
    });
    known
}

pub fn options(sources: Vec<SourceInfo>, size: (u16, u16)) -> AppOptions {
    AppOptions {
        sources,
        theme: Theme::built_in("dark").unwrap(),
        color_depth: ColorDepth::True,
        graphics: None,
        keymap: Keymap::default(),
        can_record: true,
        replay: false,
        size,
        started: at(0),
        utc_offset_s: 3_600,
        control: false,
        operator: "ada".into(),
        palette_history: vec!["screen journal".into(), "theme light".into()],
    }
}

impl Scene {
    pub fn new(options: AppOptions) -> Self {
        Self {
            size: options.size,
            app: App::new(options),
            now_ms: 0,
            effects: Vec::new(),
        }
    }

    /// The screens in one of the usual states.
    pub fn in_state(state: State, size: (u16, u16)) -> Self {
        let known = if state == State::NoSource {
            Vec::new()
        } else {
            sources()
        };
        let mut scene = Self::new(options(known, size));
        if matches!(state, State::NoSource | State::Empty) {
            scene.tick(2_000, PipelineSnapshot::default());
            return scene;
        }
        scene.live();
        match state {
            State::Stale => scene.stale(),
            State::Lost => scene.lost(),
            State::Frozen => {
                scene.press("f");
                scene.lost();
            }
            State::NoSource | State::Empty | State::Live => {}
        }
        scene
    }

    /// A microscope with a camera and a light sheet without one.
    pub fn with_instruments(doing: Doing, size: (u16, u16)) -> Self {
        Self::with_named_instruments(doing, three_sources(), size)
    }

    /// The same, with other names.
    pub fn with_named_instruments(doing: Doing, known: Vec<SourceInfo>, size: (u16, u16)) -> Self {
        let mut scene = Self::new(options(known, size));
        scene.live();
        scene.sample(61_300, LIGHTSHEET, Payload::Link(LinkState::Live));
        for (source, ms) in [(SCOPE, 3), (LIGHTSHEET, 1)] {
            let round_trip_ns = ms * 1_000_000 + 200_000;
            scene.stop_path(61_300, source, StopPath::Ready { round_trip_ns });
        }
        let (mut scope, mut sheet) = (microscope(), light_sheet());
        scene.describe(61_400, SCOPE, &scope);
        scene.describe(61_400, LIGHTSHEET, &sheet);
        scene.command(62_000, SCOPE, (1, "move x by +25 um"), CommandState::Done);
        scene.command(
            64_000,
            LIGHTSHEET,
            (2, "laser 488 5 % on"),
            CommandState::Done,
        );
        scene.now_ms = 90_000;
        match doing {
            Doing::Settled => {}
            Doing::Moving => {
                scope.axes[1].motion = Motion::Moving;
                scope.axes[1].target = Some(-3.9);
                scope.axes[1].position = Some(-3.9872);
                sheet.axes[3].motion = Motion::Moving;
                sheet.axes[3].target = Some(90.0);
                sheet.axes[3].position = Some(41.25);
                let asked = (3, "move y to -3.9 mm");
                scene.command(89_600, SCOPE, asked, CommandState::Acknowledged);
                scene.command(89_700, SCOPE, (4, "snap"), CommandState::Queued);
                let asked = (5, "move r to 90 deg");
                scene.command(89_700, LIGHTSHEET, asked, CommandState::Sent);
            }
            Doing::Lost => {
                scope.axes[1].motion = Motion::Moving;
                scope.axes[1].target = Some(-3.9);
                scene.describe(80_000, SCOPE, &scope);
                let asked = (3, "move y to -3.9 mm");
                scene.command(80_000, SCOPE, asked, CommandState::Sent);
                let down = || {
                    Payload::Link(LinkState::Down {
                        reason: EndReason::Refused,
                        detail: "nobody listens".into(),
                        retry_in: Some(Duration::from_secs(4)),
                    })
                };
                scene.sample(84_000, SCOPE, down());
                scene.sample(84_000, LIGHTSHEET, down());
                scene.command(84_000, SCOPE, asked, CommandState::Unknown);
            }
            Doing::Workflow => {
                sheet.activity = Activity::Workflow;
                sheet.lights[0].on = Some(true);
                sheet.workflow = Some(Workflow {
                    name: Some("zebrafish-tail-12-views.txt".into()),
                    state: WorkflowState::Running,
                    acquired: Some(1_284),
                    expected: Some(4_800),
                    saved: Some(1_280),
                });
                scope.workflow = Some(Workflow {
                    name: None,
                    state: WorkflowState::Ended,
                    acquired: Some(40),
                    expected: None,
                    saved: Some(40),
                });
            }
            Doing::Stopped | Doing::Safe => {
                let level = match doing {
                    Doing::Safe => StopLevel::Safe,
                    _ => StopLevel::Halt,
                };
                scene.stop(85_000, level);
                if doing == Doing::Safe {
                    scope.lights[0].on = Some(false);
                }
                for asked in [(3, "move y by +10 um"), (4, "home z")] {
                    scene.command(86_000, SCOPE, asked, CommandState::Refused);
                }
            }
            Doing::PathDown => {
                let why =
                    "10.0.0.9:53717 refused the connection: is the microscope's server running?";
                scene.stop_path(84_000, LIGHTSHEET, StopPath::Down { why: why.into() });
            }
        }
        if doing != Doing::Lost {
            scene.describe(89_800, SCOPE, &scope);
            scene.describe(89_800, LIGHTSHEET, &sheet);
        }
        scene.tick(90_000, figures_of_three(90_000, 560, doing == Doing::Lost));
        scene
    }

    /// A source describes its instrument.
    pub fn describe(&mut self, ms: u64, source: SourceId, instrument: &Instrument) {
        let instrument = Arc::new(instrument.clone());
        self.sample(ms, source, Payload::Instrument(instrument));
    }

    /// A command has come to a state; it was sent a little before, and queued before that.
    pub fn command(
        &mut self,
        ms: u64,
        source: SourceId,
        (id, words): (u64, &str),
        state: CommandState,
    ) {
        use CommandState::{Done, Failed, Queued, Refused, Sent, Stopped};
        let detail = match state {
            Refused => Some("a stop holds; :clear lets commands pass again".into()),
            Failed => Some("the server answered 500".into()),
            Stopped => Some("Y stands at 12.1 um".into()),
            CommandState::Unknown => Some("connection lost".into()),
            _ => None,
        };
        for (before, state) in [(80, Queued), (60, Sent), (0, state)] {
            let report = CommandReport {
                id: CommandId(id),
                command: words.into(),
                kind: CommandKind::Move,
                danger: Danger::Move,
                operator: "ada".into(),
                state,
                is_final: matches!(state, Done | Failed | Stopped | Refused),
                detail: detail.clone().filter(|_| before == 0),
                axis: None,
                before: Vec::new(),
                after: Vec::new(),
            };
            self.sample(
                ms.saturating_sub(before),
                source,
                Payload::Command(Arc::new(report)),
            );
        }
    }

    /// A source's stop path stands so.
    pub fn stop_path(&mut self, ms: u64, source: SourceId, path: StopPath) {
        self.sample(ms, source, Payload::Stop(StopEvent::Path(path)));
    }

    /// A stop is pressed; the microscope answers, the light sheet does not.
    pub fn stop(&mut self, ms: u64, level: StopLevel) {
        let press = StopPress {
            number: 1,
            level,
            origin: StopOrigin::Key,
            mono_ns: at(ms).mono_ns,
        };
        self.event(ms, Event::Stop(Some(Latch { press })));
        let mut report = |after_ms: u64, source, state| {
            let report = StopReport {
                press,
                state,
                detail: None,
            };
            let event = StopEvent::Report(report);
            self.sample(ms + after_ms, source, Payload::Stop(event));
        };
        report(1, SCOPE, StopState::Sent { after_ns: 400_000 });
        report(1, LIGHTSHEET, StopState::Sent { after_ns: 300_000 });
        let after_ns = 3_100_000;
        report(4, SCOPE, StopState::Acknowledged { after_ns });
        report(800, LIGHTSHEET, StopState::NoAnswer);
    }

    pub fn event(&mut self, now_ms: u64, event: Event) {
        self.now_ms = now_ms;
        self.effects.extend(self.app.update(at(now_ms), event));
    }

    pub fn sample(&mut self, now_ms: u64, source: SourceId, payload: Payload) {
        let sample = Sample {
            source,
            received: at(now_ms),
            payload,
        };
        self.event(now_ms, Event::Sample(sample));
    }

    pub fn tick(&mut self, now_ms: u64, mut snapshot: PipelineSnapshot) {
        snapshot.at = at(now_ms);
        self.event(now_ms, Event::Tick(Box::new(snapshot)));
    }

    /// Presses a key at the scene's own time.
    pub fn key(&mut self, chord: KeyChord) {
        let pressed = at(self.now_ms);
        self.event(self.now_ms, Event::Key { chord, pressed });
    }

    /// Presses keys written as in the configuration, separated by blanks; `'text'` is typed.
    pub fn press(&mut self, keys: &str) {
        for (index, part) in keys.split('\'').enumerate() {
            let chords: Vec<KeyChord> = if index % 2 == 1 {
                part.chars()
                    .map(|c| KeyChord::plain(ttyscope::intent::Key::Char(c)))
                    .collect()
            } else {
                part.split_whitespace()
                    .flat_map(|key| key.parse::<KeySequence>().unwrap().chords().to_vec())
                    .collect()
            };
            for chord in chords {
                self.key(chord);
            }
        }
    }

    pub fn draw(&self) -> Buffer {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buf = Buffer::empty(area);
        self.app.draw(area, &mut buf);
        buf
    }

    /// What is on the screen, row by row, without the blanks at the right.
    pub fn text(&self) -> String {
        text(&self.draw())
    }

    fn live(&mut self) {
        self.sample(
            100,
            SCOPE,
            Payload::Link(LinkState::Connecting { attempt: 1 }),
        );
        self.sample(
            140,
            SENSORS,
            Payload::Link(LinkState::Connecting { attempt: 1 }),
        );
        self.sample(180, SCOPE, Payload::Link(LinkState::Connected));
        self.sample(250, SENSORS, Payload::Link(LinkState::Live));
        self.sample(300, SCOPE, Payload::Link(LinkState::Live));
        let log = LogLine {
            severity: Severity::Info,
            origin: "sigLog".into(),
            text: "VirtualStage homed".into(),
        };
        self.sample(900, SCOPE, Payload::Log(log));
        let wrong = || {
            Fault::new(
                FaultKind::Malformed,
                Severity::Warning,
                "frame 1 204: the header announces 8 388 608 bytes and 8 000 000 came; it was skipped",
            )
        };
        for ms in [2_000, 3_000, 4_000] {
            self.sample(ms, SCOPE, Payload::Fault(wrong()));
        }
        let loss = Loss {
            lane: LaneKind::Samples,
            reason: DropReason::ReaderBehind,
            count: 12,
        };
        self.sample(5_000, SENSORS, Payload::Loss(loss));
        self.readings(6_000, 0.0);
        self.readings(60_000, 0.0125);
        for n in 0..40_u64 {
            let message = Message {
                name: if n % 4 == 0 {
                    "room".into()
                } else {
                    "sensor".into()
                },
                json: Bytes::from(format!(
                    r#"[{{"id":{},"celsius":{}.5}}]"#,
                    n % 4,
                    20 + n % 3
                )),
                attachments: Vec::new(),
            };
            self.sample(60_000 + n, SENSORS, Payload::Message(message));
        }
        let mut earlier = figures(56_000, 0);
        earlier.sources[0].cameras[0].frames -= 74;
        self.tick(56_000, earlier);
        self.server_says(56_050, 99_904);
        self.tick(60_000, figures(60_000, 0));
        self.tick(61_000, figures(61_000, 20));
        // The camera is known now; its picture is asked for and comes.
        self.picture(61_040);
        self.readings(61_050, 0.025);
        self.server_says(61_050, 100_000);
        self.tick(61_250, figures(61_250, 25));
    }

    fn server_says(&mut self, ms: u64, frames_emitted: i64) {
        let name = "server/WidefieldCamera/frames_emitted";
        let readings = vec![
            Reading::new("server/dialect", "modern", ""),
            Reading::new("server/version", "2.1.150", ""),
            Reading::new(name, frames_emitted, ""),
        ];
        self.sample(ms, SCOPE, Payload::Readings(readings));
    }

    fn readings(&mut self, ms: u64, moved: f64) {
        let readings = vec![
            Reading::new("stage/VirtualStage/X", 12.347 + moved, "mm"),
            Reading::new("stage/VirtualStage/Y", -4.0021, "mm"),
            Reading::new("stage/VirtualStage/Z", 821.5, "um"),
            Reading::new("light/488/value", 5_i64, "mW"),
            Reading::new("light/488/enabled", true, ""),
            Reading::new("light/LED/enabled", false, ""),
            Reading::new("camera/WidefieldCamera/exposure", 25.0, "ms"),
            Reading::new("camera/WidefieldCamera/gain", 3_i64, ""),
            Reading::new("objective/name", "20x 0.75 air, Plan Apo", ""),
            Reading::new("storage/free_gb", 412.25, "GB"),
        ];
        self.sample(ms, SCOPE, Payload::Readings(readings));
    }

    pub fn picture(&mut self, ms: u64) {
        let asked = self.app.visible_cameras().into_iter().next();
        let (cols, rows) = asked
            .as_ref()
            .map_or((40, 15), |asked| (asked.cols, asked.rows));
        let mut picture = picture(ms, cols, rows);
        if let Some(asked) = asked {
            picture.probe = asked.probe.map(|at| (at, vec![value(at)]));
            picture.profile = asked.profile.map(|line| (line, values(line)));
        }
        self.event(ms, Event::Picture(Box::new(picture)));
    }

    fn stale(&mut self) {
        let missing = PlainText::from("no frame for 3 s although the stream is running");
        self.sample(64_300, SCOPE, Payload::Link(LinkState::Stale { missing }));
        let mut quiet = figures(61_040, 25);
        quiet.sources[0].rate_hz = 0.0;
        quiet.sources[0].bytes_per_s = 0.0;
        quiet.sources[0].cameras[0].fps = 0.0;
        quiet.sources[0].cameras[0].bytes_per_s = 0.0;
        self.tick(68_040, quiet);
    }

    fn lost(&mut self) {
        let down = LinkState::Down {
            reason: EndReason::PingTimeout,
            detail: "10.0.0.5:8001 said nothing for 45 s although it promised a ping every 25 s"
                .into(),
            retry_in: Some(Duration::from_secs(4)),
        };
        self.sample(64_000, SCOPE, Payload::Link(down));
        let mut quiet = figures(61_040, 25);
        quiet.sources[0].rate_hz = 0.0;
        quiet.sources[0].bytes_per_s = 0.0;
        quiet.sources[0].cameras[0].fps = 0.0;
        quiet.sources[0].cameras[0].bytes_per_s = 0.0;
        self.tick(65_500, quiet);
    }
}

fn axis(name: &str, unit: Unit, position: f64, limits: (f64, f64)) -> Axis {
    Axis {
        name: name.into(),
        unit,
        position: Some(position),
        target: None,
        limits: Limits::new(limits.0, limits.1),
        motion: Motion::Settled,
    }
}

fn lamp(name: &str, label: &str, level: f64, unit: Unit, on: bool) -> Light {
    Light {
        name: name.into(),
        label: label.into(),
        level: Some(level),
        unit,
        range: Limits::new(0.0, 100.0),
        on: Some(on),
        evidence: Evidence::Read,
    }
}

/// A microscope at rest: three axes, two lasers, an LED, a camera.
pub fn microscope() -> Instrument {
    let mm = Unit::Millimetre;
    let mut led = lamp("LED", "LED", 12.0, Unit::Raw, false);
    led.evidence = Evidence::Assumed;
    let mut unknown = lamp("561", "laser 561 nm", 0.0, Unit::Percent, false);
    (unknown.level, unknown.on, unknown.evidence) = (None, None, Evidence::None);
    Instrument {
        activity: Activity::LiveView,
        axes: vec![
            axis("X", mm, 12.347, (0.0, 25.0)),
            axis("Y", mm, -4.0021, (-12.5, 12.5)),
            axis("Z", mm, 0.8215, (0.0, 2.0)),
        ],
        lights: vec![
            lamp("488", "laser 488 nm", 5.0, Unit::Percent, true),
            unknown,
            led,
        ],
        cameras: vec![Camera {
            name: "WidefieldCamera".into(),
            exposure_ms: Some(25.0),
            exposure_range_ms: Limits::new(0.1, 1_000.0),
            gain: Some(3.0),
            gain_range: None,
            streaming: Some(true),
            controls: Vec::new(),
        }],
        workflow: None,
        stream_protocols: Vec::new(),
        stream_parameters: Vec::new(),
        offers: CommandKind::ALL.to_vec(),
    }
}

/// A light sheet at rest, whose axes have two units.
pub fn light_sheet() -> Instrument {
    let mm = Unit::Millimetre;
    Instrument {
        activity: Activity::Idle,
        axes: vec![
            axis("x", mm, 8.25, (0.0, 26.0)),
            axis("y", mm, 14.5, (0.0, 26.0)),
            axis("z", mm, 19.1234, (0.0, 26.0)),
            axis("r", Unit::Degree, 0.0, (-720.0, 720.0)),
        ],
        lights: vec![
            lamp("488", "laser 2, 488 nm", 5.0, Unit::Percent, false),
            lamp("561", "laser 3, 561 nm", 0.0, Unit::Percent, false),
        ],
        offers: CommandKind::ALL.to_vec(),
        ..Instrument::default()
    }
}

/// As [`figures`], with the light sheet; `quiet` once nothing comes from anybody.
pub fn figures_of_three(ms: u64, frames: u64, quiet: bool) -> PipelineSnapshot {
    let mut snapshot = figures(ms, frames);
    let mut sheet = snapshot.sources[1].clone();
    sheet.id = LIGHTSHEET;
    sheet.rate_hz = 4.0;
    sheet.bytes_per_s = 900.0;
    snapshot.sources.push(sheet);
    if quiet {
        for source in &mut snapshot.sources {
            source.rate_hz = 0.0;
            for camera in &mut source.cameras {
                camera.fps = 0.0;
            }
        }
    }
    snapshot
}

/// A round cell with a bright nucleus on an uneven background: how bright it is, -1 to 1 across.
fn light(x: f64, y: f64) -> f64 {
    let from =
        |dx: f64, dy: f64, size: f64| (-((x - dx).powi(2) + (y - dy).powi(2)) / size.powi(2)).exp();
    let light = 0.15
        + 0.1 * (x + y) / 4.0
        + 0.5 * from(-0.2, 0.1, 0.35)
        + 0.4 * from(-0.25, 0.05, 0.1)
        + 0.3 * from(0.55, -0.5, 0.2);
    light.clamp(0.0, 1.0)
}

/// The value of a pixel of its frame.
fn value((x, y): (u32, u32)) -> u16 {
    let side = |at: u32| f64::from(at) / 1_024.0 - 1.0;
    (light(side(x), side(y)) * 4_095.0) as u16
}

fn values(line: Segment) -> Vec<u16> {
    let at = |from: u32, to: u32, share: f64| {
        (f64::from(from) + share * (f64::from(to) - f64::from(from))) as u32
    };
    (0..=200)
        .map(|step| f64::from(step) / 200.0)
        .map(|share| {
            value((
                at(line.from.0, line.to.0, share),
                at(line.from.1, line.to.1, share),
            ))
        })
        .collect()
}

/// Its numbers, at an eighth of the size, the focus found just now.
fn measured() -> Arc<Measures> {
    static MEASURED: OnceLock<Arc<Measures>> = OnceLock::new();
    let measure = || {
        let (mut measurer, mut gauge) = (Measurer::new(), Gauge::new());
        let mut measure = |sharp: f64| {
            let pixels = (0..256_u32).flat_map(|y| (0..256_u32).map(move |x| (x * 8, y * 8)));
            let body: Vec<u8> = pixels
                .map(|at| 400.0 + sharp * f64::from(value(at)))
                .flat_map(|value| (value as u16).to_le_bytes())
                .collect();
            let raster = Raster::new(256, 256, Layout::Grey16, &body).unwrap();
            measurer.measure(&mut gauge, &raster, None, Some(12))
        };
        for step in [3, 4, 6, 7, 8, 7] {
            measure(f64::from(step) / 10.0);
        }
        Arc::new(measure(0.75))
    };
    Arc::clone(MEASURED.get_or_init(measure))
}

/// [`light`] in that many cells.
pub fn picture(ms: u64, cols: u16, rows: u16) -> Picture {
    let side = cols.min(rows * 2).max(1);
    let middle = f64::from(side) / 2.0;
    let pixels = (0..u32::from(side) * u32::from(side))
        .map(|index| {
            let x = f64::from(index % u32::from(side)) / middle - 1.0;
            let y = f64::from(index / u32::from(side)) / middle - 1.0;
            [(light(x, y) * 255.0) as u8; 3]
        })
        .collect();
    Picture {
        camera: CameraKey {
            source: SCOPE,
            detector: "WidefieldCamera".into(),
        },
        frame: Frame {
            detector: "WidefieldCamera".into(),
            number: Some(81_223),
            width_px: Some(2048),
            height_px: Some(2048),
            encoding: FrameEncoding::Mono16(Compression::None),
            body: Bytes::from(vec![7; 2048 * 2048 * 2]),
            pixel_size_um: Some(0.325),
            subsampling: 1,
            bit_depth: Some(12),
            device_ns: None,
            lost_before: 0,
        },
        received: at(ms),
        decoded: at(ms + 3),
        number: Some(81_223),
        frame_size_px: (2048, 2048),
        bit_depth: 12,
        value_range: (96, 4_095),
        window: (104, 3_120),
        pixel_size_um: Some(0.325),
        view: View::default(),
        part: Roi::all((2048, 2048)),
        dots: (1, 2),
        held: false,
        encoded: None,
        reference: Default::default(),
        probe: None,
        profile: None,
        measures: Some(measured()),
        width_px: side,
        height_px: side,
        pixels,
    }
}

/// The figures of the pipeline, `frames` after the sixtieth second.
pub fn figures(ms: u64, frames: u64) -> PipelineSnapshot {
    let lane =
        |received: u64, shown: u64, coalesced: u64, bound: usize, high_water: usize| LaneSnapshot {
            counts: Counts {
                received,
                shown,
                coalesced,
                recorded: received,
                ..Counts::default()
            },
            gauge: LaneGauge {
                bound,
                high_water,
                ..LaneGauge::default()
            },
        };
    let times = |p50_us: u64| Percentiles {
        count: 512,
        p50_ns: p50_us * 1_000,
        p90_ns: p50_us * 1_800,
        p99_ns: p50_us * 3_400,
        max_ns: p50_us * 9_000,
    };
    let received = 81_000 + frames;
    let mut scope = SourceSnapshot {
        id: SCOPE,
        lanes: [
            lane(9, 9, 0, 1_024, 3),
            lane(4_120, 4_120, 0, 10_000, 212),
            lane(0, 0, 0, 1, 0),
            lane(received, 40_611, received - 40_613, 1, 1),
        ],
        disk: DiskCounts {
            accepted: received + 4_129,
            written: received + 4_126,
            in_flight: 3,
            ..DiskCounts::default()
        },
        rate_hz: 18.7,
        bytes_per_s: 4_619_000.0,
        last_minute: (0..60)
            .map(|s| if s == 41 { 14 } else { 18 + s % 2 })
            .collect(),
        last_received: Some(at(ms - 12)),
        stages: [
            times(1_200),
            times(90),
            times(3_000),
            times(6_100),
            times(9_200),
            times(1_400),
        ],
        cameras: vec![CameraSnapshot {
            detector: "WidefieldCamera".into(),
            frames: received,
            lost: 3,
            fps: 18.7,
            bytes_per_s: 4_580_000.0,
            last_received: at(ms - 12),
            number: Some(81_223),
            size_px: Some((2048, 2048)),
            encoding: FrameEncoding::Mono16(Compression::Lz4),
            pixel_size_um: Some(0.325),
            body_bytes: 245_000,
        }],
        faults: vec![(FaultKind::Malformed, 3)],
        window: Some(AckWindow { open: 1, size: 4 }),
        simulated: false,
    };
    let frames_lane = &mut scope.lanes[LaneKind::Frames as usize];
    frames_lane.counts.dropped[DropReason::Malformed as usize] = 1;
    frames_lane.counts.in_flight = 1;
    frames_lane.gauge.depth = 1;
    frames_lane.gauge.oldest_mono_ns = Some(at(ms - 3).mono_ns);
    let mut sensors = SourceSnapshot {
        id: SENSORS,
        lanes: [
            lane(3, 3, 0, 1_024, 3),
            lane(5_120, 5_108, 0, 10_000, 40),
            lane(0, 0, 0, 1, 0),
            lane(0, 0, 0, 1, 0),
        ],
        disk: DiskCounts {
            accepted: 5_111,
            written: 5_111,
            ..DiskCounts::default()
        },
        rate_hz: 40.0,
        bytes_per_s: 12_400.0,
        last_minute: (0..60).map(|s| 36 + s % 7).collect(),
        last_received: Some(at(ms - 8)),
        stages: Default::default(),
        cameras: Vec::new(),
        faults: Vec::new(),
        window: None,
        simulated: false,
    };
    sensors.lanes[LaneKind::Samples as usize].counts.dropped[DropReason::ReaderBehind as usize] =
        12;
    sensors.stages[Stage::ReceivedToTaken as usize] = times(140);
    PipelineSnapshot {
        at: at(ms),
        sources: vec![scope, sensors],
        recorder: RecorderStatus {
            state: RecorderState::Recording,
            file: Some("lab-2026-11-20T140000Z.partial.mcap".into()),
            part: 0,
            trouble: None,
            began_mono_ns: at(1_000).mono_ns,
            written_bytes: 1_331_439_861 + (ms - 56_000) * 4_700,
            messages: 412_993,
            channels: 14,
            not_taken: 0,
            waiting: 3,
            waiting_bytes: 735_000,
            durable_mono_ns: at(ms - 800).mono_ns,
            durable_unix_ns: Some(at(ms - 800).unix_ns),
            free_bytes: Some(640_000_000_000),
            latency: times(1_400),
            ..RecorderStatus::default()
        },
        turns: LoopStats {
            turns_hz: 58.0,
            busy: 0.04,
            longest_ns: 7_100_000,
            slow_turns: 0,
        },
        terminal: TerminalStats {
            bytes_per_s: 84_200.0,
            blocked_ns: 0,
            drawn: 40_611,
            skipped: 0,
            ..TerminalStats::default()
        },
    }
}

/// A buffer as text, row by row.
pub fn text(buf: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buf.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buf.area.width {
            let cell = &buf[(x, y)];
            row.push_str(cell.symbol());
            x += cell.cell_width().max(1);
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}
