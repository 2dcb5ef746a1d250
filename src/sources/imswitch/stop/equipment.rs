//! What there is to stop, and the calls that do it.

use crate::model::StopLevel;
use crate::protocol::imswitch::{equipment, rest};
use crate::sources::imswitch::api::{Api, CallError};
use crate::sources::imswitch::call::Call;
use crate::sources::imswitch::inventory::Inventory;
use crate::sources::imswitch::motion::AxisName;

/// What there is to stop, by the server's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sources::imswitch) struct Equipment {
    pub(in crate::sources::imswitch) stages: Vec<String>,
    pub(super) axes: Vec<AxisName>,
    pub(super) lasers: Vec<String>,
    has_matrix: bool,
    has_autofocus: bool,
    has_experiments: bool,
}

/// One call of a stop.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StopCall {
    pub(super) call: Call,
    /// What it stops, for people.
    pub(super) what: String,
    pub(super) part: Part,
}

/// What a call is to a stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All motion of this stage.
    Motion(String),
    /// A light.
    Light,
    /// Something that moves by itself and goes on if it is not told; whether it exists, runs or
    /// answers does not count.
    Courtesy,
}

/// The axes of a stage of which nobody has said.
const USUAL_AXES: [&str; 4] = ["X", "Y", "Z", "A"];

impl Equipment {
    /// Asks the server what it has.
    ///
    /// # Errors
    /// It did not say which stages it has.
    pub(super) async fn learn(api: &Api) -> Result<Self, String> {
        let names = async |path: &str| match api.call(&Call::get(path)).await {
            Ok(answer) => Ok(rest::names(&answer)),
            Err(error) if error.is_no_such_call() => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        };
        let stages = names("PositionerController/getPositionerNames").await?;
        let lasers = names("LaserController/getLaserNames").await?;
        let positions = Call::get("PositionerController/getPositionerPositions");
        let axes = match api.call(&positions).await {
            Ok(answer) => equipment::axes(&answer, &stages),
            Err(_) => Vec::new(),
        };
        let controllers = match api.call(&Call::get("getAvailableControllers")).await {
            Ok(answer) => equipment::controllers(&answer).unwrap_or_default(),
            Err(CallError::Rest(_)) => Default::default(),
            Err(error) => return Err(error.to_string()),
        };
        let axes = axes.into_iter();
        Ok(Self {
            stages,
            axes: axes.map(|(stage, axis)| AxisName { stage, axis }).collect(),
            lasers,
            has_matrix: controllers.contains("LEDMatrixController"),
            has_autofocus: controllers.contains("AutofocusController"),
            has_experiments: controllers.contains("ExperimentController"),
        })
    }

    /// What a source knows of it already.
    pub(in crate::sources::imswitch) fn of(inventory: &Inventory) -> Self {
        let axes = inventory.motions().axes().iter();
        Self {
            stages: inventory.stages(),
            axes: axes.map(|axis| axis.name.clone()).collect(),
            lasers: inventory.lasers().map(str::to_owned).collect(),
            has_matrix: inventory.has("LEDMatrixController"),
            has_autofocus: inventory.has("AutofocusController"),
            has_experiments: inventory.has("ExperimentController"),
        }
    }

    /// The calls of a stop, motion first.
    pub(super) fn calls(&self, level: StopLevel) -> Vec<StopCall> {
        let mut calls: Vec<StopCall> = self
            .stages
            .iter()
            .map(|stage| StopCall {
                call: Call::get("PositionerController/stopAllAxes").with("positionerName", stage),
                what: stage.clone(),
                part: Part::Motion(stage.clone()),
            })
            .collect();
        let courtesy = |call: Call| StopCall {
            what: call.path.clone(),
            call,
            part: Part::Courtesy,
        };
        // They send one move after the other: a stage that was stopped would go on.
        if self.has_autofocus {
            calls.push(courtesy(Call::get("AutofocusController/stopAutofocus")));
        }
        for stage in &self.stages {
            let call = Call::get("PositionerController/cancelFrameHoming");
            calls.push(courtesy(call.with("positionerName", stage)));
        }
        if level == StopLevel::Halt {
            return calls;
        }
        let light = |call: Call, what: &str| StopCall {
            call,
            what: what.to_owned(),
            part: Part::Light,
        };
        for laser in &self.lasers {
            let call = Call::get("LaserController/setLaserActive").with("laserName", laser);
            calls.push(light(call.with("active", false), laser));
        }
        if self.has_matrix {
            let call = Call::get("LEDMatrixController/setAllLEDOff");
            calls.push(light(call, "LED matrix"));
        }
        if self.has_experiments {
            calls.push(courtesy(Call::get("ExperimentController/stopExperiment")));
        }
        calls
    }

    /// What stops a stage where releases have no call for all axes: each axis, also if it jogs.
    pub(super) fn each_axis(&self, stage: &str) -> Vec<Call> {
        let known = self.axes.iter().filter(|axis| axis.stage == stage);
        let mut axes: Vec<&str> = known.map(|axis| axis.axis.as_str()).collect();
        if axes.is_empty() {
            axes.extend(USUAL_AXES);
        }
        let call = |method: &str, axis: &str| {
            Call::get(format!("PositionerController/{method}"))
                .with("positionerName", stage)
                .with("axis", axis)
        };
        let stop = axes.iter().map(|axis| call("stopAxis", axis));
        let jog = axes.iter().map(|axis| {
            let call = call("movePositionerForever", axis);
            call.with("speed", 0).with("is_stop", true)
        });
        stop.chain(jog).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equipment() -> Equipment {
        Equipment {
            stages: vec!["S".to_owned(), "T".to_owned()],
            axes: vec![AxisName {
                stage: "S".to_owned(),
                axis: "X".to_owned(),
            }],
            lasers: vec!["488".to_owned()],
            has_matrix: true,
            has_autofocus: true,
            has_experiments: true,
        }
    }

    fn targets(level: StopLevel) -> Vec<String> {
        let calls = equipment().calls(level);
        calls.iter().map(|one| one.call.target()).collect()
    }

    #[test]
    fn motion_is_stopped_first_and_light_only_when_asked_for() {
        let halt = targets(StopLevel::Halt);
        assert_eq!(
            halt,
            [
                "PositionerController/stopAllAxes?positionerName=S",
                "PositionerController/stopAllAxes?positionerName=T",
                "AutofocusController/stopAutofocus",
                "PositionerController/cancelFrameHoming?positionerName=S",
                "PositionerController/cancelFrameHoming?positionerName=T",
            ]
        );
        let safe = targets(StopLevel::Safe);
        assert_eq!(safe[..5], halt);
        assert_eq!(
            safe[5..],
            [
                "LaserController/setLaserActive?laserName=488&active=false",
                "LEDMatrixController/setAllLEDOff",
                "ExperimentController/stopExperiment",
            ]
        );
    }

    #[test]
    fn without_one_call_for_all_axes_each_is_stopped_also_if_it_jogs() {
        let calls = equipment().each_axis("S");
        let targets: Vec<String> = calls.iter().map(Call::target).collect();
        let axis = "positionerName=S&axis=X";
        assert_eq!(
            targets,
            [
                format!("PositionerController/stopAxis?{axis}"),
                format!("PositionerController/movePositionerForever?{axis}&speed=0&is_stop=true"),
            ]
        );
        assert_eq!(equipment().each_axis("T").len(), 8);
    }
}
