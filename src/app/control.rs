//! Commanding instruments from the keyboard: control taken and given back, arming and firing,
//! jogging. Decides; sends nothing itself.

use std::collections::BTreeMap;

use super::overlay::Overlay;
use super::{App, Effect};
use crate::control::{Latch, check};
use crate::intent::{Action, KeyChord};
use crate::model::{
    Command, CommandId, CommandReport, CommandState, Instrument, PlainText, Quantity, Request,
    SourceId, Stamp, Target, Unit,
};
use crate::ui::{Rect, Role};

/// What the operator may do to instruments, and is doing.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Commands may be sent.
    pub(super) taken: bool,
    /// Keys move axes.
    pub(super) jog: Option<Jog>,
    /// Steps of jogs that have not ended, by instrument and axis.
    steps: BTreeMap<(SourceId, PlainText), CommandId>,
}

/// A command that waits to be fired.
#[derive(Clone, Debug)]
pub struct Armed {
    /// Whose it is.
    pub source: SourceId,
    /// What will be sent.
    pub command: Command,
    /// Since when it is armed.
    pub since: Stamp,
    /// Whether a picture that shows it was given to the terminal.
    drawn: bool,
    /// When the terminal had taken that picture.
    seen: Option<Stamp>,
}

/// How long a command stays armed. Source: the design's safety rules.
const ARMED_NS: u64 = 10_000_000_000;
/// A key pressed sooner after the picture than anybody can read it was typed ahead.
const READING_NS: u64 = 500_000_000;

/// Jogging: one step for a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Jog {
    /// Whose axes.
    pub(super) source: SourceId,
    step: Step,
}

/// How far one step goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// An entry of [`STEPS`].
    Listed(usize),
    /// What was typed; axes that it does not fit keep the middle one of the list.
    Typed(Quantity),
}

/// Steps of linear and of rotary axes, from fine to coarse.
const STEPS: [(Quantity, Quantity); 5] = [
    step(0.1, Unit::Micrometre, 0.01),
    step(1.0, Unit::Micrometre, 0.1),
    step(10.0, Unit::Micrometre, 0.5),
    step(100.0, Unit::Micrometre, 1.0),
    step(1.0, Unit::Millimetre, 5.0),
];
const USUAL_STEP: usize = 2;

const fn step(length: f64, unit: Unit, angle_deg: f64) -> (Quantity, Quantity) {
    let length = Quantity {
        value: length,
        unit,
    };
    let angle = Quantity {
        value: angle_deg,
        unit: Unit::Degree,
    };
    (length, angle)
}

impl Control {
    /// Nothing is armed, nothing moves by keys.
    pub(super) fn new(taken: bool) -> Self {
        Self {
            taken,
            ..Self::default()
        }
    }
}

impl Step {
    /// The step of an axis that has this unit.
    fn of(self, unit: Unit) -> Quantity {
        let listed = |index: usize| {
            let (length, angle) = STEPS[index.min(STEPS.len() - 1)];
            if unit == Unit::Degree { angle } else { length }
        };
        match self {
            Self::Listed(index) => listed(index),
            Self::Typed(typed) if typed.in_unit(unit).is_some() => typed,
            Self::Typed(_) => listed(USUAL_STEP),
        }
    }
}

impl Jog {
    /// What is said of it on every screen.
    pub(super) fn banner(&self) -> String {
        let (length, angle) = (self.step.of(Unit::Micrometre), self.step.of(Unit::Degree));
        format!("JOG {length}, {angle}")
    }
}

impl Armed {
    /// Whole seconds until it is disarmed.
    pub fn seconds_left(&self, now: Stamp) -> u64 {
        let gone = now.mono_ns.saturating_sub(self.since.mono_ns);
        ARMED_NS.saturating_sub(gone).div_ceil(1_000_000_000)
    }

    fn is_over(&self, now: Stamp) -> bool {
        now.mono_ns.saturating_sub(self.since.mono_ns) >= ARMED_NS
    }
}

impl App {
    /// Takes or gives back control.
    pub(super) fn set_control(&mut self, taken: bool) -> Result<(), String> {
        if taken && self.replay {
            return Err("a replay asks nothing of an instrument".to_owned());
        }
        self.control.taken = taken;
        if !taken {
            self.control.jog = None;
            self.disarm();
        }
        self.note(match taken {
            true => "control taken: commands are sent; `:control off` gives it back".to_owned(),
            false => "control given back: nothing but the stop is sent".to_owned(),
        });
        Ok(())
    }

    /// A command for a source: sent, or armed, or refused with a sentence.
    pub(super) fn ask(&mut self, id: SourceId, command: Command) -> Result<Vec<Effect>, String> {
        self.allow(id, &command)?;
        if command.danger().needs_arming() {
            self.arm(id, command);
            return Ok(Vec::new());
        }
        self.note(format!("{}: {command}", self.source_name(id)));
        Ok(vec![self.send(id, command)])
    }

    /// Whether a command may be sent now.
    fn allow(&self, id: SourceId, command: &Command) -> Result<(), String> {
        let source = self.facts.source(id).ok_or("there is no such source")?;
        let name = &source.info.name;
        if self.replay {
            return Err("a replay asks nothing of an instrument".to_owned());
        }
        if *command == Command::Refresh {
            return Ok(());
        }
        if !self.control.taken {
            return Err(format!(
                "{name}: read-only; `:control` takes control, then {command} can be sent"
            ));
        }
        if self.held.is_some() && !command.is_calming() {
            let key = self.key_text(Action::Freeze);
            return Err(format!(
                "{name}: the screen is held and may be wrong; {key} lets it go on"
            ));
        }
        let instrument = source.instrument().ok_or_else(|| {
            format!("{name}: nothing there can be commanded, or not connected yet")
        })?;
        check(instrument, command, self.latch.is_some())
            .map_err(|refusal| format!("{name}: {refusal}"))
    }

    fn send(&mut self, id: SourceId, command: Command) -> Effect {
        self.commands += 1;
        let request = Request {
            id: CommandId(self.commands),
            command,
            operator: self.operator.clone(),
            // Whoever sends it knows when its key was pressed.
            stop_number: 0,
        };
        Effect::Send(id, request)
    }

    fn source_name(&self, id: SourceId) -> PlainText {
        let source = self.facts.source(id);
        source.map_or_else(|| "?".into(), |source| source.info.name.clone())
    }

    fn arm(&mut self, source: SourceId, command: Command) {
        self.disarm();
        self.overlays.push(Overlay::Armed(Armed {
            source,
            command,
            since: self.now,
            drawn: false,
            seen: None,
        }));
    }

    fn disarm(&mut self) {
        self.overlays
            .retain(|overlay| !matches!(overlay, Overlay::Armed(_)));
    }

    /// Keys while a command is armed: one fires, one disarms, the others do nothing.
    pub(super) fn press_armed(&mut self, chord: KeyChord, pressed: Stamp) -> Vec<Effect> {
        let fires = self
            .keymap
            .keys(Action::Fire)
            .any(|keys| keys.chords() == [chord]);
        let leaves = self
            .keymap
            .keys(Action::Back)
            .any(|keys| keys.chords() == [chord]);
        let Some(Overlay::Armed(armed)) = self.overlays.last() else {
            return Vec::new();
        };
        if leaves {
            self.note(format!("disarmed: {} was not sent", armed.command));
            self.disarm();
        } else if fires {
            return self.fire(pressed);
        }
        Vec::new()
    }

    fn fire(&mut self, pressed: Stamp) -> Vec<Effect> {
        let Some(Overlay::Armed(armed)) = self.overlays.last() else {
            return Vec::new();
        };
        let was_read = armed
            .seen
            .is_some_and(|seen| pressed.mono_ns >= seen.mono_ns.saturating_add(READING_NS));
        if !was_read {
            let words = "not fired: pressed before it could be read; look, then press again";
            self.say(words.to_owned(), Role::Warning);
            return Vec::new();
        }
        if armed.is_over(pressed) {
            self.disarm_late();
            return Vec::new();
        }
        let (source, command) = (armed.source, armed.command.clone());
        self.disarm();
        // What was allowed when it was armed may not be any more.
        if let Err(why) = self.allow(source, &command) {
            self.say(why, Role::Warning);
            return Vec::new();
        }
        self.note(format!("fired: {}: {command}", self.source_name(source)));
        vec![self.send(source, command)]
    }

    fn disarm_late(&mut self) {
        self.disarm();
        self.say("disarmed: ten seconds are over".to_owned(), Role::Warning);
    }

    /// Notes that the picture with everything so far was given to the terminal.
    pub(super) fn armed_drawn(&mut self) {
        let (cols, rows) = self.size;
        if self.layout(Rect::new(0, 0, cols, rows)).hints.is_none() {
            // Too small for anything but the worst state: nobody can have read it.
            return;
        }
        for overlay in &mut self.overlays {
            if let Overlay::Armed(armed) = overlay {
                armed.drawn = true;
            }
        }
    }

    /// Notes at `at` that the terminal has taken the newest picture whole.
    pub fn seen(&mut self, at: Stamp) {
        for overlay in &mut self.overlays {
            if let Overlay::Armed(armed) = overlay
                && armed.drawn
            {
                armed.seen.get_or_insert(at);
            }
        }
    }

    /// The clock went on.
    pub(super) fn control_tick(&mut self) {
        let now = self.now;
        let over = self
            .overlays
            .iter()
            .any(|overlay| matches!(overlay, Overlay::Armed(armed) if armed.is_over(now)));
        if over {
            self.disarm_late();
            self.dirty = true;
        }
    }

    /// A stop was pressed or cleared.
    pub(super) fn take_latch(&mut self, latch: Option<Latch>) {
        self.latch = latch;
        if latch.is_some() {
            self.control.jog = None;
            self.disarm();
        }
        self.dirty = true;
    }

    /// A command came to another state.
    pub(super) fn take_report(&mut self, source: SourceId, report: &CommandReport) {
        if report.is_final {
            self.control
                .steps
                .retain(|(of, _), id| *of != source || *id != report.id);
        }
        let role = match report.state {
            CommandState::Failed | CommandState::Refused => Role::Error,
            CommandState::Unknown => Role::Warning,
            _ => return,
        };
        let detail = report.detail.as_ref().map_or("", PlainText::as_str);
        let words = format!(
            "{}: {} {}: {detail}",
            self.source_name(source),
            report.command,
            report.state.as_str()
        );
        self.say(words, role);
    }

    /// The link is down: whatever was on its way, its axes may not be moved until they are read
    /// again, and a report that got lost must not hold them for ever.
    pub(super) fn forget_steps(&mut self, source: SourceId) {
        self.control.steps.retain(|(of, _), _| *of != source);
    }

    /// Enters or leaves jog mode.
    pub(super) fn toggle_jog(&mut self) -> Result<(), String> {
        if self.control.jog.take().is_some() {
            return Ok(());
        }
        let step = Step::Listed(USUAL_STEP);
        self.enter_jog(step)
    }

    /// Enters jog mode with this step, or changes the step.
    pub(super) fn jog_by(&mut self, typed: Quantity) -> Result<(), String> {
        let length = typed.in_unit(Unit::Millimetre);
        let fits = length.is_some() || typed.unit == Unit::Degree;
        if !fits || !typed.value.is_finite() || typed.value <= 0.0 {
            return Err(format!(
                "jog: {typed} is no step; write 10um, 0.1mm or 1deg"
            ));
        }
        match &mut self.control.jog {
            Some(jog) => {
                jog.step = Step::Typed(typed);
                Ok(())
            }
            None => self.enter_jog(Step::Typed(typed)),
        }
    }

    /// Whether jog mode could be entered, or left.
    pub(super) fn can_jog(&self) -> bool {
        let axes = self
            .current_source()
            .and_then(|source| self.instrument(source))
            .map_or(0, |instrument| instrument.axes.len());
        self.control.jog.is_some() || (self.control.taken && !self.replay && axes > 0)
    }

    fn enter_jog(&mut self, step: Step) -> Result<(), String> {
        let source = self.current_source().ok_or("there is no source to move")?;
        let name = self.source_name(source);
        if !self.control.taken {
            return Err(format!("{name}: read-only; `:control` takes control"));
        }
        if self.replay || self.instrument(source).is_none_or(|i| i.axes.is_empty()) {
            return Err(format!("{name}: it has no axes to move"));
        }
        self.control.jog = Some(Jog { source, step });
        Ok(())
    }

    /// A finer or coarser step.
    pub(super) fn change_step(&mut self, coarser: bool) {
        if let Some(jog) = &mut self.control.jog {
            let index = match jog.step {
                Step::Listed(index) => index,
                Step::Typed(_) => USUAL_STEP,
            };
            let index = match coarser {
                true => (index + 1).min(STEPS.len() - 1),
                false => index.saturating_sub(1),
            };
            jog.step = Step::Listed(index);
        }
    }

    /// One step of the axis at `index`. While one is on its way another is not sent: a key that
    /// is held repeats faster than a stage moves, and steps must not queue up behind it.
    pub(super) fn jog(&mut self, index: usize, forward: bool) -> Result<Vec<Effect>, String> {
        let Some(jog) = self.control.jog.clone() else {
            return Ok(Vec::new());
        };
        let axis = self
            .instrument(jog.source)
            .and_then(|instrument| instrument.axes.get(index))
            .map(|axis| (axis.name.clone(), axis.unit));
        let Some((axis, unit)) = axis else {
            return Err(format!(
                "{}: it has no axis {}",
                self.source_name(jog.source),
                index + 1
            ));
        };
        let place = (jog.source, axis.clone());
        if self.control.steps.contains_key(&place) {
            return Ok(Vec::new());
        }
        let step = jog.step.of(unit);
        let signed = if forward { step.value } else { -step.value };
        let command = Command::Move {
            axis,
            target: Target::By(Quantity::new(signed, step.unit)),
        };
        self.allow(jog.source, &command)?;
        let effect = self.send(jog.source, command);
        self.control.steps.insert(place, CommandId(self.commands));
        Ok(vec![effect])
    }

    fn instrument(&self, source: SourceId) -> Option<&Instrument> {
        self.facts.source(source)?.instrument()
    }
}
