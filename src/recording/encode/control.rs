//! Instruments, commands and stops as records.

use std::borrow::Cow;

use super::Encoder;
use crate::model::{
    Axis, Camera, CameraControl, CommandReport, Instrument, Light, Limits, PlainText, Position,
    StopEvent, StopPath, StopReport, StopState, Workflow,
};
use crate::recording::records::{
    AxisRecord, CameraControlRecord, CameraRecord, ChoiceRecord, CommandRecord, InstrumentRecord,
    LightRecord, LimitsRecord, List, Number, PositionRecord, StopRecord, WorkflowRecord,
};

impl Encoder {
    /// Appends the state of an instrument; `since_ns` if it was so before the recording.
    pub fn instrument(&mut self, instrument: &Instrument, since_ns: Option<u64>) {
        let offers = instrument.offers.iter();
        let words = |names: &[PlainText]| {
            let owned = names.iter().map(|name| Cow::Owned(name.to_string()));
            List(owned.collect())
        };
        self.json(&InstrumentRecord {
            activity: Cow::Borrowed(instrument.activity.as_str()),
            axes: list(&instrument.axes, axis),
            lights: list(&instrument.lights, light),
            cameras: list(&instrument.cameras, camera),
            workflow: instrument.workflow.as_ref().map(workflow),
            offers: List(offers.map(|kind| Cow::Borrowed(kind.as_str())).collect()),
            stream_protocols: words(&instrument.stream_protocols),
            stream_parameters: words(&instrument.stream_parameters),
            since_ns,
        });
    }

    /// Appends a step of a command.
    pub fn command(&mut self, report: &CommandReport) {
        self.json(&CommandRecord {
            id: report.id.0,
            command: Cow::Borrowed(&report.command),
            kind: Cow::Borrowed(report.kind.as_str()),
            danger: Cow::Borrowed(report.danger.as_str()),
            operator: Cow::Borrowed(&report.operator),
            state: Cow::Borrowed(report.state.as_str()),
            is_final: report.is_final,
            detail: report.detail.as_deref().map(Cow::Borrowed),
            axis: report.axis.as_deref().map(Cow::Borrowed),
            before: list(&report.before, position),
            after: list(&report.after, position),
        });
    }

    /// Appends what a stop path says.
    pub fn stop(&mut self, event: &StopEvent) {
        match event {
            StopEvent::Path(path) => self.stop_path(path, None),
            StopEvent::Report(report) => self.json(&press(report)),
        }
    }

    /// Appends how a stop path stands; `since_ns` if it stood so before the recording.
    pub fn stop_path(&mut self, path: &StopPath, since_ns: Option<u64>) {
        let mut record = StopRecord {
            about: Cow::Borrowed("path"),
            since_ns,
            ..StopRecord::default()
        };
        record.state = Cow::Borrowed(match path {
            StopPath::Opening => "opening",
            StopPath::Ready { round_trip_ns } => {
                record.round_trip_ns = Some(*round_trip_ns);
                "ready"
            }
            StopPath::Down { why } => {
                record.why = Some(Cow::Borrowed(why));
                "down"
            }
        });
        self.json(&record);
    }
}

fn list<'a, T, R>(items: &'a [T], record: impl Fn(&'a T) -> R) -> List<R> {
    List(items.iter().map(record).collect())
}

fn press(report: &StopReport) -> StopRecord<'_> {
    StopRecord {
        about: Cow::Borrowed("press"),
        state: Cow::Borrowed(report.state.as_str()),
        press: Some(report.press.number),
        level: Some(Cow::Borrowed(report.press.level.as_str())),
        origin: Some(Cow::Borrowed(report.press.origin.as_str())),
        pressed_mono_ns: Some(report.press.mono_ns),
        after_ns: match report.state {
            StopState::Sent { after_ns } | StopState::Acknowledged { after_ns } => Some(after_ns),
            StopState::NoAnswer | StopState::NotSent | StopState::Refused => None,
        },
        detail: report.detail.as_deref().map(Cow::Borrowed),
        ..StopRecord::default()
    }
}

fn axis(axis: &Axis) -> AxisRecord<'_> {
    AxisRecord {
        name: Cow::Borrowed(&axis.name),
        unit: Cow::Borrowed(axis.unit.as_str()),
        position: axis.position.map(Number),
        target: axis.target.map(Number),
        limits: axis.limits.map(limits),
        motion: Cow::Borrowed(axis.motion.as_str()),
    }
}

fn light(light: &Light) -> LightRecord<'_> {
    LightRecord {
        name: Cow::Borrowed(&light.name),
        label: Cow::Borrowed(&light.label),
        level: light.level.map(Number),
        unit: Cow::Borrowed(light.unit.as_str()),
        range: light.range.map(limits),
        on: light.on,
        evidence: Cow::Borrowed(light.evidence.as_str()),
    }
}

fn camera(camera: &Camera) -> CameraRecord<'_> {
    CameraRecord {
        name: Cow::Borrowed(&camera.name),
        exposure_ms: camera.exposure_ms.map(Number),
        exposure_range_ms: camera.exposure_range_ms.map(limits),
        gain: camera.gain.map(Number),
        gain_range: camera.gain_range.map(limits),
        streaming: camera.streaming,
        controls: list(&camera.controls, camera_control),
    }
}

fn camera_control(control: &CameraControl) -> CameraControlRecord<'_> {
    CameraControlRecord {
        name: Cow::Borrowed(&control.name),
        label: Cow::Borrowed(&control.label),
        kind: Cow::Borrowed(control.kind.as_str()),
        value: control.value.map(Number),
        unit: Cow::Borrowed(&control.unit),
        range: control.range.map(limits),
        step: control.step.map(Number),
        default: control.default.map(Number),
        choices: list(&control.choices, |choice| ChoiceRecord {
            value: Number(choice.value),
            name: Cow::Borrowed(&choice.name),
        }),
        access: Cow::Borrowed(control.access.as_str()),
    }
}

fn workflow(workflow: &Workflow) -> WorkflowRecord<'_> {
    WorkflowRecord {
        name: workflow.name.as_deref().map(Cow::Borrowed),
        state: Cow::Borrowed(workflow.state.as_str()),
        acquired: workflow.acquired,
        expected: workflow.expected,
        saved: workflow.saved,
    }
}

fn limits(limits: Limits) -> LimitsRecord {
    LimitsRecord {
        min: Number(limits.min),
        max: Number(limits.max),
    }
}

fn position(position: &Position) -> PositionRecord<'_> {
    PositionRecord {
        axis: Cow::Borrowed(&position.axis),
        value: position.value.map(Number),
        unit: Cow::Borrowed(position.unit.as_str()),
    }
}
