//! What is known of an instrument that can be commanded: its axes, lights, cameras and what it is
//! doing. A source publishes the whole of it whenever something in it changes.

use super::camera_control::CameraControl;
use super::command::CommandKind;
use super::text::PlainText;
use super::unit::Unit;

/// The state of an instrument, as far as its own words prove it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instrument {
    /// What it is doing.
    pub activity: Activity,
    /// Its axes, in the order of its own list.
    pub axes: Vec<Axis>,
    /// Its lasers, LEDs and other lights.
    pub lights: Vec<Light>,
    /// Its cameras.
    pub cameras: Vec<Camera>,
    /// The workflow that runs, or that ran last.
    pub workflow: Option<Workflow>,
    /// What it can be asked for; found out at run time.
    pub offers: Vec<CommandKind>,
    /// Ways in which it can send its live view.
    pub stream_protocols: Vec<PlainText>,
    /// Parameters of its live view's stream.
    pub stream_parameters: Vec<PlainText>,
}

impl Instrument {
    /// The axis of that name; capitals do not matter.
    pub fn axis(&self, name: &str) -> Option<&Axis> {
        let same = |axis: &&Axis| axis.name.eq_ignore_ascii_case(name);
        self.axes.iter().find(same)
    }

    /// The light of that name; capitals do not matter.
    pub fn light(&self, name: &str) -> Option<&Light> {
        let same = |light: &&Light| light.name.eq_ignore_ascii_case(name);
        self.lights.iter().find(same)
    }

    /// The camera of that name, capitals do not matter; the first without one.
    pub fn camera(&self, name: Option<&str>) -> Option<&Camera> {
        match name {
            None => self.cameras.first(),
            Some(name) => {
                let same = |camera: &&Camera| camera.name.eq_ignore_ascii_case(name);
                self.cameras.iter().find(same)
            }
        }
    }

    /// Where every axis stands.
    pub fn positions(&self) -> Vec<Position> {
        self.axes
            .iter()
            .map(|axis| Position {
                axis: axis.name.clone(),
                value: axis.position.filter(|_| axis.motion != Motion::Unknown),
                unit: axis.unit,
            })
            .collect()
    }

    /// Whether something moves, or may: what is not known to rest counts.
    pub fn may_move(&self) -> bool {
        self.activity == Activity::Workflow
            || self.axes.iter().any(|axis| axis.motion == Motion::Moving)
    }

    /// Whether a light is on, or may be.
    pub fn may_emit(&self) -> bool {
        self.activity == Activity::Workflow || self.lights.iter().any(|l| l.on == Some(true))
    }
}

/// What an instrument is doing as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activity {
    /// Nobody has said.
    #[default]
    Unknown,
    /// Nothing.
    Idle,
    /// A single picture.
    Snapshot,
    /// Pictures without end.
    LiveView,
    /// A workflow: it moves and emits by itself.
    Workflow,
    /// Its control program has lost the hardware.
    Disconnected,
}

impl Activity {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unknown,
        Self::Idle,
        Self::Snapshot,
        Self::LiveView,
        Self::Workflow,
        Self::Disconnected,
    ];

    /// The words on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Idle => "idle",
            Self::Snapshot => "snapshot",
            Self::LiveView => "live view",
            Self::Workflow => "workflow",
            Self::Disconnected => "disconnected",
        }
    }

    /// The activity of those words.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// One axis of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its name, short enough to type.
    pub name: PlainText,
    /// The unit of everything in it.
    pub unit: Unit,
    /// Where it stood when it last said so; `None` before it ever did.
    pub position: Option<f64>,
    /// Where it is going, while it is.
    pub target: Option<f64>,
    /// How far it may go; `None` while nobody has said, and then it may not be moved.
    pub limits: Option<Limits>,
    /// Whether it moves.
    pub motion: Motion,
}

/// Whether an axis moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Motion {
    /// Nothing proves where it is: no answer, or a lost connection.
    #[default]
    Unknown,
    /// It is on its way.
    Moving,
    /// It rests at its position.
    Settled,
}

impl Motion {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Moving, Self::Settled];

    /// The word on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Moving => "moving",
            Self::Settled => "settled",
        }
    }

    /// The state of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A closed range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Limits {
    /// From `min` to `max`; `None` unless both are finite and in this order.
    pub fn new(min: f64, max: f64) -> Option<Self> {
        (min.is_finite() && max.is_finite() && min <= max).then_some(Self { min, max })
    }

    /// Whether `value` lies between them or on one of them.
    pub fn contain(self, value: f64) -> bool {
        self.min <= value && value <= self.max
    }

    /// Whether everything in `other` lies in these.
    pub fn enclose(self, other: Self) -> bool {
        self.contain(other.min) && self.contain(other.max)
    }
}

/// A laser, an LED or another light.
#[derive(Clone, Debug, PartialEq)]
pub struct Light {
    /// Its name, short enough to type, e.g. `488` or `led-white`.
    pub name: PlainText,
    /// What it is, for people, e.g. `laser 2, 488 nm`.
    pub label: PlainText,
    /// Its level, in `unit`.
    pub level: Option<f64>,
    /// The unit of its level.
    pub unit: Unit,
    /// The levels that it takes, in `unit`.
    pub range: Option<Limits>,
    /// Whether it shines.
    pub on: Option<bool>,
    /// What that rests on.
    pub evidence: Evidence,
}

/// What a shown state rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Nothing.
    #[default]
    None,
    /// A command was sent that has no answer.
    Assumed,
    /// The device said so.
    Read,
}

impl Evidence {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Assumed, Self::Read];

    /// The word on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "unknown",
            Self::Assumed => "assumed",
            Self::Read => "read",
        }
    }

    /// The evidence of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A camera and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// Its name.
    pub name: PlainText,
    /// Its exposure time.
    pub exposure_ms: Option<f64>,
    /// The exposure times that it takes, in milliseconds.
    pub exposure_range_ms: Option<Limits>,
    /// Its gain, in its own number.
    pub gain: Option<f64>,
    /// The gains that it takes.
    pub gain_range: Option<Limits>,
    /// Whether its pictures are being sent.
    pub streaming: Option<bool>,
    /// Its other controls, in the order of its own list.
    pub controls: Vec<CameraControl>,
}

impl Camera {
    /// The control of that name; capitals do not matter.
    pub fn control(&self, name: &str) -> Option<&CameraControl> {
        let same = |control: &&CameraControl| control.name.eq_ignore_ascii_case(name);
        self.controls.iter().find(same)
    }
}

/// A workflow and how far it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// The file it came from; `None` if somebody else started it.
    pub name: Option<PlainText>,
    /// How it stands.
    pub state: WorkflowState,
    /// Pictures taken.
    pub acquired: Option<u64>,
    /// Pictures there will be.
    pub expected: Option<u64>,
    /// Pictures written to the server's disk.
    pub saved: Option<u64>,
}

/// How a workflow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkflowState {
    /// Sent; the instrument has not begun it yet.
    Starting,
    /// It runs.
    Running,
    /// The instrument was idle again after it had run.
    Ended,
    /// It was stopped.
    Stopped,
    /// It never began.
    Failed,
    /// The connection was lost while it ran.
    Unknown,
}

impl WorkflowState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Running,
        Self::Ended,
        Self::Stopped,
        Self::Failed,
        Self::Unknown,
    ];

    /// The word on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The state of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// Where an axis stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// The axis.
    pub axis: PlainText,
    /// Where; `None` if nothing proved it.
    pub value: Option<f64>,
    /// In this unit.
    pub unit: Unit,
}
