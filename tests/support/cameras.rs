//! Cameras that do what a script says: one that vanishes in the middle of a picture, one that is in
//! use, one that lists what it refuses.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use ttyscope::model::{CameraControl, Choice, ControlAccess, ControlKind, Limits};
use ttyscope::sources::camera::{
    Agreed, Backend, Control, Device, Format, Found, FourCc, Interval, Intervals, Mode, Role, Shot,
    Size, Stream, Trouble,
};

/// What a stream does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// A picture with this number and these bytes.
    Picture(u32, Vec<u8>),
    /// One that the driver calls broken.
    Damaged(u32),
    /// Nothing for as long as somebody wants to wait.
    Silence,
    /// The device is gone.
    Vanish,
}

/// The cameras of a machine, and what they do.
#[derive(Clone, Default)]
pub struct Machine(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cameras: Vec<Found>,
    formats: Vec<Format>,
    controls: Vec<Control>,
    /// What opening says instead, one after the other.
    closed: VecDeque<Trouble>,
    /// What is agreed to instead of what was asked.
    agreed: VecDeque<Result<Agreed, Trouble>>,
    steps: VecDeque<Step>,
    asked: Vec<Mode>,
    /// Steps of ten are all that controls take.
    is_coarse: bool,
    /// Controls are taken and stay where they are.
    is_stubborn: bool,
}

pub fn found(index: u32, bus: &str) -> Found {
    Found {
        index,
        path: format!("/dev/video{index}"),
        aliases: Vec::new(),
        name: "Lab Eye".into(),
        bus: bus.into(),
        driver: "script".into(),
    }
}

pub fn gone() -> Trouble {
    Trouble::Gone {
        path: "/dev/video0".into(),
    }
}

pub fn format(fourcc: &[u8; 4], width: u32, height: u32) -> Format {
    let interval = Interval {
        numerator: 2,
        denominator: 25,
    };
    Format {
        fourcc: FourCc(*fourcc),
        label: "".into(),
        sizes: vec![Size {
            least: (width, height),
            most: (width, height),
            step: (0, 0),
            intervals: vec![Intervals {
                shortest: interval,
                longest: interval,
            }],
        }],
    }
}

fn control(id: u128, name: &str, kind: ControlKind, value: f64, scale: f64) -> Control {
    Control {
        id,
        shown: CameraControl {
            name: name.into(),
            label: name.into(),
            kind,
            value: Some(value),
            unit: "".into(),
            range: match kind {
                ControlKind::Number => Limits::new(0.0, 500.0),
                _ => None,
            },
            step: Some(scale),
            default: Some(0.0),
            choices: Vec::new(),
            access: ControlAccess::Free,
        },
        scale,
        role: Role::Other,
    }
}

impl Machine {
    /// One camera of `width` x 2 grey pixels with a few controls.
    pub fn new(width: u32) -> Self {
        let machine = Self::default();
        let choice = |value, name: &str| Choice {
            value,
            name: name.into(),
        };
        let mut mode = control(4, "mode", ControlKind::Choice, 0.0, 1.0);
        mode.shown.choices = vec![choice(0.0, "Slow"), choice(1.0, "Fast")];
        let mut press = control(5, "reset", ControlKind::Press, 0.0, 1.0);
        press.shown.value = None;
        let mut state = machine.state();
        state.cameras = vec![found(0, "usb-1")];
        state.formats = vec![format(b"GREY", width, 2)];
        state.controls = vec![
            Control {
                role: Role::Exposure,
                ..control(1, "exposure-time", ControlKind::Number, 20.0, 0.1)
            },
            control(2, "focus", ControlKind::Number, 30.0, 1.0),
            control(3, "autofocus", ControlKind::Switch, 0.0, 1.0),
            mode,
            press,
        ];
        drop(state);
        machine
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    pub fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(self.clone())
    }

    pub fn attach(&self, cameras: Vec<Found>) {
        self.state().cameras = cameras;
    }

    pub fn formats(&self, formats: Vec<Format>) {
        self.state().formats = formats;
    }

    pub fn close(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.state().closed.extend(troubles);
    }

    pub fn agree(&self, answers: impl IntoIterator<Item = Result<Agreed, Trouble>>) {
        self.state().agreed.extend(answers);
    }

    pub fn coarse(&self) {
        self.state().is_coarse = true;
    }

    pub fn stubborn(&self) {
        self.state().is_stubborn = true;
    }

    pub fn asked(&self) -> Vec<Mode> {
        self.state().asked.clone()
    }

    /// Lets the stream go on.
    pub fn play(&self, steps: impl IntoIterator<Item = Step>) {
        self.state().steps.extend(steps);
        self.0.changed.notify_all();
    }

    /// How a control stands in the device.
    pub fn value(&self, name: &str) -> Option<f64> {
        let state = self.state();
        let found = state.controls.iter().find(|one| &*one.shown.name == name);
        found.and_then(|one| one.shown.value)
    }

    /// Another control has this one.
    pub fn hold(&self, name: &str) {
        let mut state = self.state();
        let mut controls = state.controls.iter_mut();
        let found = controls.find(|one| &*one.shown.name == name);
        found.unwrap().shown.access = ControlAccess::Inactive;
    }

    /// Another program, or the camera itself, sets a control.
    pub fn set_value(&self, name: &str, value: f64) {
        let mut state = self.state();
        let mut controls = state.controls.iter_mut();
        let found = controls.find(|one| &*one.shown.name == name);
        found.unwrap().shown.value = Some(value);
    }
}

impl Backend for Machine {
    fn list(&self) -> Result<Vec<Found>, Trouble> {
        Ok(self.state().cameras.clone())
    }

    fn open(&self, _: &Found) -> Result<Arc<dyn Device>, Trouble> {
        match self.state().closed.pop_front() {
            Some(trouble) => Err(trouble),
            None => Ok(Arc::new(self.clone())),
        }
    }
}

impl Device for Machine {
    fn formats(&self) -> Result<Vec<Format>, Trouble> {
        Ok(self.state().formats.clone())
    }

    fn controls(&self) -> Result<Vec<Control>, Trouble> {
        Ok(self.state().controls.clone())
    }

    fn set(&self, control: &Control, raw: i64) -> Result<(), Trouble> {
        let mut state = self.state();
        let (is_coarse, is_stubborn) = (state.is_coarse, state.is_stubborn);
        let mut controls = state.controls.iter_mut();
        let found = controls.find(|one| one.id == control.id).unwrap();
        if found.shown.value.is_some() && !is_stubborn {
            let step = if is_coarse { 10 } else { 1 };
            let raw = (raw + step / 2) / step * step;
            found.shown.value = Some((raw as f64 * found.scale * 1e6).round() / 1e6);
            if is_coarse {
                found.shown.step = Some(found.scale * 10.0);
            }
        }
        Ok(())
    }

    fn configure(&self, mode: &Mode) -> Result<Agreed, Trouble> {
        let mut state = self.state();
        state.asked.push(*mode);
        state.agreed.pop_front().unwrap_or(Ok(Agreed {
            mode: *mode,
            stride: 0,
            image_bytes: 0,
        }))
    }

    fn start(&self) -> Result<Box<dyn Stream>, Trouble> {
        Ok(Box::new(Streaming {
            machine: self.clone(),
            last: Vec::new(),
        }))
    }
}

struct Streaming {
    machine: Machine,
    last: Vec<u8>,
}

impl Stream for Streaming {
    fn next(&mut self, patience: Duration) -> Result<Option<Shot<'_>>, Trouble> {
        let state = self.machine.state();
        let changed = &self.machine.0.changed;
        let waited = changed.wait_timeout_while(state, patience, |state| state.steps.is_empty());
        let step = waited.unwrap().0.steps.pop_front();
        let (sequence, is_damaged) = match step {
            Some(Step::Picture(sequence, bytes)) => {
                self.last = bytes;
                (sequence, false)
            }
            Some(Step::Damaged(sequence)) => (sequence, true),
            Some(Step::Vanish) => return Err(gone()),
            Some(Step::Silence) | None => return Ok(None),
        };
        Ok(Some(Shot {
            bytes: &self.last,
            sequence: Some(sequence),
            age: Some(Duration::from_millis(7)),
            is_damaged,
        }))
    }
}
