//! From the records of instruments, commands and stops back to what was said.

use std::borrow::Cow;
use std::sync::Arc;

use super::{find, json, unknown};
use crate::model::{
    Activity, Axis, Camera, CameraControl, Choice, CommandId, CommandKind, CommandReport,
    CommandState, ControlAccess, ControlKind, Danger, Evidence, Instrument, Light, Limits, Motion,
    Payload, PlainText, Position, StopEvent, StopLevel, StopOrigin, StopPath, StopPress,
    StopReport, StopState, Unit, Workflow, WorkflowState,
};
use crate::recording::records::{
    AxisRecord, CameraControlRecord, CameraRecord, ChoiceRecord, CommandRecord, InstrumentRecord,
    LightRecord, LimitsRecord, List, Number, PositionRecord, StopRecord, WorkflowRecord,
};

const DANGERS: [Danger; 4] = [
    Danger::Observe,
    Danger::Move,
    Danger::Emit,
    Danger::Destructive,
];

/// The state of an instrument.
pub fn instrument(data: &[u8]) -> Result<Payload, String> {
    let record: InstrumentRecord<'_> = json(data)?;
    let instrument = Instrument {
        activity: word(Activity::from_name, &record.activity)?,
        axes: list(record.axes, axis)?,
        lights: list(record.lights, light)?,
        cameras: list(record.cameras, camera)?,
        workflow: record.workflow.map(workflow).transpose()?,
        offers: list(record.offers, |kind| word(CommandKind::from_name, &kind))?,
        stream_protocols: list(record.stream_protocols, |name| {
            Ok(PlainText::from_peer(&name))
        })?,
        stream_parameters: list(record.stream_parameters, |name| {
            Ok(PlainText::from_peer(&name))
        })?,
    };
    Ok(Payload::Instrument(Arc::new(instrument)))
}

/// A step of a command.
pub fn command(data: &[u8]) -> Result<Payload, String> {
    let record: CommandRecord<'_> = json(data)?;
    let report = CommandReport {
        id: CommandId(record.id),
        command: PlainText::from_peer(&record.command),
        kind: word(CommandKind::from_name, &record.kind)?,
        danger: find(&DANGERS, Danger::as_str, &record.danger)?,
        operator: PlainText::from_peer(&record.operator),
        state: word(CommandState::from_name, &record.state)?,
        is_final: record.is_final,
        detail: plain(record.detail),
        axis: plain(record.axis),
        before: list(record.before, position)?,
        after: list(record.after, position)?,
    };
    Ok(Payload::Command(Arc::new(report)))
}

/// How a stop path stands, or what became of a press.
pub fn stop(data: &[u8]) -> Result<Payload, String> {
    let record: StopRecord<'_> = json(data)?;
    let event = match &*record.about {
        "path" => StopEvent::Path(stop_path(record)?),
        "press" => StopEvent::Report(stop_report(record)?),
        other => return Err(unknown(other)),
    };
    Ok(Payload::Stop(event))
}

fn stop_path(record: StopRecord<'_>) -> Result<StopPath, String> {
    match &*record.state {
        "opening" => Ok(StopPath::Opening),
        "ready" => Ok(StopPath::Ready {
            round_trip_ns: there(record.round_trip_ns, "round_trip_ns")?,
        }),
        "down" => Ok(StopPath::Down {
            why: plain(record.why).unwrap_or_else(|| "".into()),
        }),
        other => Err(unknown(other)),
    }
}

fn stop_report(record: StopRecord<'_>) -> Result<StopReport, String> {
    let after_ns = || there(record.after_ns, "after_ns");
    let state = match &*record.state {
        "sent" => StopState::Sent {
            after_ns: after_ns()?,
        },
        "acknowledged" => StopState::Acknowledged {
            after_ns: after_ns()?,
        },
        "no answer" => StopState::NoAnswer,
        "not sent" => StopState::NotSent,
        "refused" => StopState::Refused,
        other => return Err(unknown(other)),
    };
    Ok(StopReport {
        press: StopPress {
            number: there(record.press, "press")?,
            level: word(StopLevel::from_name, &there(record.level, "level")?)?,
            origin: word(StopOrigin::from_name, &there(record.origin, "origin")?)?,
            mono_ns: there(record.pressed_mono_ns, "pressed_mono_ns")?,
        },
        state,
        detail: plain(record.detail),
    })
}

fn axis(record: AxisRecord<'_>) -> Result<Axis, String> {
    Ok(Axis {
        name: PlainText::from_peer(&record.name),
        unit: word(Unit::from_name, &record.unit)?,
        position: number(record.position),
        target: number(record.target),
        limits: record.limits.map(limits).transpose()?,
        motion: word(Motion::from_name, &record.motion)?,
    })
}

fn light(record: LightRecord<'_>) -> Result<Light, String> {
    Ok(Light {
        name: PlainText::from_peer(&record.name),
        label: PlainText::from_peer(&record.label),
        level: number(record.level),
        unit: word(Unit::from_name, &record.unit)?,
        range: record.range.map(limits).transpose()?,
        on: record.on,
        evidence: word(Evidence::from_name, &record.evidence)?,
    })
}

fn camera(record: CameraRecord<'_>) -> Result<Camera, String> {
    Ok(Camera {
        name: PlainText::from_peer(&record.name),
        exposure_ms: number(record.exposure_ms),
        exposure_range_ms: record.exposure_range_ms.map(limits).transpose()?,
        gain: number(record.gain),
        gain_range: record.gain_range.map(limits).transpose()?,
        streaming: record.streaming,
        controls: list(record.controls, camera_control)?,
    })
}

fn camera_control(record: CameraControlRecord<'_>) -> Result<CameraControl, String> {
    Ok(CameraControl {
        name: PlainText::from_peer(&record.name),
        label: PlainText::from_peer(&record.label),
        kind: word(ControlKind::from_name, &record.kind)?,
        value: number(record.value),
        unit: PlainText::from_peer(&record.unit),
        range: record.range.map(limits).transpose()?,
        step: number(record.step),
        default: number(record.default),
        choices: list(record.choices, |choice: ChoiceRecord<'_>| {
            Ok(Choice {
                value: choice.value.0,
                name: PlainText::from_peer(&choice.name),
            })
        })?,
        access: word(ControlAccess::from_name, &record.access)?,
    })
}

fn workflow(record: WorkflowRecord<'_>) -> Result<Workflow, String> {
    Ok(Workflow {
        name: plain(record.name),
        state: word(WorkflowState::from_name, &record.state)?,
        acquired: record.acquired,
        expected: record.expected,
        saved: record.saved,
    })
}

fn position(record: PositionRecord<'_>) -> Result<Position, String> {
    Ok(Position {
        axis: PlainText::from_peer(&record.axis),
        value: number(record.value),
        unit: word(Unit::from_name, &record.unit)?,
    })
}

fn limits(record: LimitsRecord) -> Result<Limits, String> {
    let (min, max) = (record.min.0, record.max.0);
    Limits::new(min, max).ok_or_else(|| format!("limits from {min} to {max}"))
}

fn list<R, T>(records: List<R>, item: impl Fn(R) -> Result<T, String>) -> Result<Vec<T>, String> {
    records.0.into_iter().map(item).collect()
}

fn number(record: Option<Number>) -> Option<f64> {
    record.map(|number| number.0)
}

fn plain(text: Option<Cow<'_, str>>) -> Option<PlainText> {
    text.map(|text| PlainText::from_peer(&text))
}

fn word<T>(from_name: fn(&str) -> Option<T>, name: &str) -> Result<T, String> {
    from_name(name).ok_or_else(|| unknown(name))
}

fn there<T>(value: Option<T>, field: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("missing field `{field}`"))
}
