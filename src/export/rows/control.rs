//! Rows of instruments that can be commanded, of commands and of stops.

use super::super::table::{Cell, Kind, Table, column};
use super::super::tables::json_text;
use super::{Emit, SINCE, Why, record};
use crate::recording::RecordedMessage;
use crate::recording::records::{CommandRecord, InstrumentRecord, LimitsRecord, StopRecord};

static INSTRUMENT: Table = Table {
    name: "instrument",
    part: "",
    columns: &[
        column("activity", Kind::Text),
        column("workflow", Kind::Text),
        column("workflow_state", Kind::Text),
        column("workflow_acquired", Kind::Count),
        column("workflow_expected", Kind::Count),
        column("workflow_saved", Kind::Count),
        column("offers", Kind::Text),
        column("stream_protocols", Kind::Text),
        column("stream_parameters", Kind::Text),
        SINCE,
    ],
};

static AXES: Table = Table {
    name: "instrument",
    part: "axes",
    columns: &[
        column("axis", Kind::Text),
        column("unit", Kind::Text),
        column("position", Kind::Float),
        column("target", Kind::Float),
        column("min", Kind::Float),
        column("max", Kind::Float),
        column("motion", Kind::Text),
    ],
};

static LIGHTS: Table = Table {
    name: "instrument",
    part: "lights",
    columns: &[
        column("light", Kind::Text),
        column("label", Kind::Text),
        column("level", Kind::Float),
        column("unit", Kind::Text),
        column("min", Kind::Float),
        column("max", Kind::Float),
        column("on", Kind::Flag),
        column("evidence", Kind::Text),
    ],
};

static CAMERAS: Table = Table {
    name: "instrument",
    part: "cameras",
    columns: &[
        column("camera", Kind::Text),
        column("exposure_ms", Kind::Float),
        column("exposure_min_ms", Kind::Float),
        column("exposure_max_ms", Kind::Float),
        column("gain", Kind::Float),
        column("gain_min", Kind::Float),
        column("gain_max", Kind::Float),
        column("streaming", Kind::Flag),
        column("controls", Kind::Text),
    ],
};

fn ends(limits: Option<&LimitsRecord>) -> [Cell<'static>; 2] {
    [
        limits.map(|limits| limits.min).into(),
        limits.map(|limits| limits.max).into(),
    ]
}

pub fn instrument(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let instrument: InstrumentRecord<'_> = record(message)?;
    let workflow = instrument.workflow.as_ref();
    let cells = [
        (&instrument.activity).into(),
        workflow.and_then(|workflow| workflow.name.as_ref()).into(),
        workflow.map(|workflow| &workflow.state).into(),
        workflow.and_then(|workflow| workflow.acquired).into(),
        workflow.and_then(|workflow| workflow.expected).into(),
        workflow.and_then(|workflow| workflow.saved).into(),
        json_text(&instrument.offers),
        json_text(&instrument.stream_protocols),
        json_text(&instrument.stream_parameters),
        instrument.since_ns.into(),
    ];
    emit(&INSTRUMENT, &cells);
    for axis in &instrument.axes.0 {
        let [min, max] = ends(axis.limits.as_ref());
        let cells = [
            (&axis.name).into(),
            (&axis.unit).into(),
            axis.position.into(),
            axis.target.into(),
            min,
            max,
            (&axis.motion).into(),
        ];
        emit(&AXES, &cells);
    }
    for light in &instrument.lights.0 {
        let [min, max] = ends(light.range.as_ref());
        let cells = [
            (&light.name).into(),
            (&light.label).into(),
            light.level.into(),
            (&light.unit).into(),
            min,
            max,
            light.on.into(),
            (&light.evidence).into(),
        ];
        emit(&LIGHTS, &cells);
    }
    for camera in &instrument.cameras.0 {
        let [exposure_min, exposure_max] = ends(camera.exposure_range_ms.as_ref());
        let [gain_min, gain_max] = ends(camera.gain_range.as_ref());
        let cells = [
            (&camera.name).into(),
            camera.exposure_ms.into(),
            exposure_min,
            exposure_max,
            camera.gain.into(),
            gain_min,
            gain_max,
            camera.streaming.into(),
            json_text(&camera.controls),
        ];
        emit(&CAMERAS, &cells);
    }
    Ok(())
}

static COMMAND: Table = Table {
    name: "command",
    part: "",
    columns: &[
        column("id", Kind::Count),
        column("command", Kind::Text),
        column("kind", Kind::Text),
        column("danger", Kind::Text),
        column("operator", Kind::Text),
        column("state", Kind::Text),
        column("final", Kind::Flag),
        column("detail", Kind::Text),
        column("axis", Kind::Text),
        column("before", Kind::Text),
        column("after", Kind::Text),
    ],
};

pub fn command(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let command: CommandRecord<'_> = record(message)?;
    let cells = [
        command.id.into(),
        (&command.command).into(),
        (&command.kind).into(),
        (&command.danger).into(),
        (&command.operator).into(),
        (&command.state).into(),
        command.is_final.into(),
        command.detail.as_ref().into(),
        command.axis.as_ref().into(),
        json_text(&command.before),
        json_text(&command.after),
    ];
    emit(&COMMAND, &cells);
    Ok(())
}

static STOP: Table = Table {
    name: "stop",
    part: "",
    columns: &[
        column("about", Kind::Text),
        column("state", Kind::Text),
        column("round_trip_ns", Kind::Count),
        column("why", Kind::Text),
        column("press", Kind::Count),
        column("level", Kind::Text),
        column("origin", Kind::Text),
        column("pressed_mono_ns", Kind::Count),
        column("after_ns", Kind::Count),
        column("detail", Kind::Text),
        SINCE,
    ],
};

pub fn stop(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let stop: StopRecord<'_> = record(message)?;
    let cells = [
        (&stop.about).into(),
        (&stop.state).into(),
        stop.round_trip_ns.into(),
        stop.why.as_ref().into(),
        stop.press.into(),
        stop.level.as_ref().into(),
        stop.origin.as_ref().into(),
        stop.pressed_mono_ns.into(),
        stop.after_ns.into(),
        stop.detail.as_ref().into(),
        stop.since_ns.into(),
    ];
    emit(&STOP, &cells);
    Ok(())
}
