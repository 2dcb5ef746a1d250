//! What there is to stop, as the server says.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join3;
use serde_json::Value;
use tokio::time::timeout;

use crate::protocol::imswitch::{equipment, rest};
use crate::sources::imswitch::api::Api;
use crate::sources::imswitch::call::Call;
use crate::sources::imswitch::inventory::Inventory;
use crate::sources::imswitch::motion::AxisName;

/// What there is to stop, by the server's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sources::imswitch) struct Equipment {
    pub(in crate::sources::imswitch) stages: Vec<String>,
    pub(super) axes: Vec<AxisName>,
    /// Lasers and LEDs; `None` while the server has not said.
    pub(super) lasers: Option<Vec<String>>,
    /// `None` while the server has not said.
    pub(super) extras: Option<Extras>,
}

/// What else a server may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extras {
    pub(super) matrix: bool,
    pub(super) autofocus: bool,
    pub(super) experiments: bool,
}

/// The axes of a stage of which nobody has said.
const USUAL_AXES: [&str; 4] = ["X", "Y", "Z", "A"];
/// Time for what a stop can do without.
const ASIDE_LIMIT: Duration = Duration::from_secs(2);
/// Time to ask for the axes of a stage that is to be stopped.
const AXES_LIMIT: Duration = Duration::from_millis(500);

/// The names of the stages. None are believed only if the server's list of controllers lacks the
/// one that stages have: anything else may be a server that cannot be stopped this way.
///
/// # Errors
/// The server did not say which stages it has.
pub(super) async fn stages(api: &Api) -> Result<Vec<String>, String> {
    let why = match api
        .call(&Call::get("PositionerController/getPositionerNames"))
        .await
    {
        Ok(answer) => match rest::text_list(&answer) {
            Some(names) if !names.is_empty() => return Ok(names),
            Some(_) => "it names no stage",
            None => "it answers with something else than the names of its stages",
        },
        Err(error) if error.is_no_such_call() => "it has no call for the names of its stages",
        Err(error) => return Err(error.to_string()),
    };
    match controllers(api).await {
        Ok(names) if !names.contains("PositionerController") => Ok(Vec::new()),
        Ok(_) => Err(format!("{why}, and it has a controller for stages")),
        Err(error) => Err(format!(
            "{why}, and whether it has any is not known: {error}"
        )),
    }
}

/// The names of lasers and LEDs.
///
/// # Errors
/// The server did not say.
pub(super) async fn lasers(api: &Api) -> Result<Vec<String>, String> {
    match api.call(&Call::get("LaserController/getLaserNames")).await {
        Ok(answer) => rest::text_list(&answer).ok_or_else(|| "no list of names".to_owned()),
        // A server without lights.
        Err(error) if error.is_no_such_call() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// What else the server has.
///
/// # Errors
/// It did not say.
pub(super) async fn extras(api: &Api) -> Result<Extras, String> {
    let names = controllers(api).await?;
    Ok(Extras {
        matrix: names.contains("LEDMatrixController"),
        autofocus: names.contains("AutofocusController"),
        experiments: names.contains("ExperimentController"),
    })
}

async fn controllers(api: &Api) -> Result<BTreeSet<String>, String> {
    let answer = api.call(&Call::get("getAvailableControllers")).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let names = answer.get("availableControllers");
    let names = names.and_then(Value::as_array).into_iter().flatten();
    let names: Option<BTreeSet<String>> =
        names.map(|name| name.as_str().map(str::to_owned)).collect();
    names
        .filter(|names| !names.is_empty())
        .ok_or_else(|| "no list of controllers".to_owned())
}

/// The axes of these stages, as far as the server says.
async fn axes(api: &Api, stages: &[String], limit: Duration) -> Vec<AxisName> {
    let positions = Call::get("PositionerController/getPositionerPositions");
    let axes = match timeout(limit, api.call(&positions)).await {
        Ok(Ok(answer)) => equipment::axes(&answer, stages),
        _ => Vec::new(),
    };
    let axes = axes.into_iter();
    axes.map(|(stage, axis)| AxisName { stage, axis }).collect()
}

impl Equipment {
    /// Asks the server what it has. What it does not say beside its stages stays open.
    ///
    /// # Errors
    /// It did not say which stages it has.
    pub(super) async fn learn(api: &Api) -> Result<Self, String> {
        let motion = async {
            let stages = stages(api).await?;
            let axes = axes(api, &stages, ASIDE_LIMIT).await;
            Ok::<_, String>((stages, axes))
        };
        let lasers = timeout(ASIDE_LIMIT, lasers(api));
        let extras = timeout(ASIDE_LIMIT, extras(api));
        let (motion, lasers, extras) = join3(motion, lasers, extras).await;
        let (stages, axes) = motion?;
        Ok(Self {
            stages,
            axes,
            lasers: lasers.ok().and_then(Result::ok),
            extras: extras.ok().and_then(Result::ok),
        })
    }

    /// The same with what was known before where the server has not said.
    pub(super) fn or(mut self, before: Option<&Self>) -> Self {
        if let Some(before) = before {
            self.lasers = self.lasers.or_else(|| before.lasers.clone());
            self.extras = self.extras.or(before.extras);
        }
        self
    }

    /// What a source knows of it already. That it knows of no lights does not say that there are
    /// none.
    pub(in crate::sources::imswitch) fn of(inventory: &Inventory) -> Self {
        let axes = inventory.motions().axes().iter();
        let lasers: Vec<String> = inventory.lasers().map(str::to_owned).collect();
        let extras = Extras {
            matrix: inventory.has("LEDMatrixController"),
            autofocus: inventory.has("AutofocusController"),
            experiments: inventory.has("ExperimentController"),
        };
        Self {
            stages: inventory.stages(),
            axes: axes.map(|axis| axis.name.clone()).collect(),
            lasers: (!lasers.is_empty()).then_some(lasers),
            extras: inventory.has("PositionerController").then_some(extras),
        }
    }

    /// What stops a stage where releases have no call for all axes: each axis, also if it jogs.
    pub(super) async fn each_axis(&self, api: &Api, stage: &str) -> Vec<Call> {
        let is_known = self.axes.iter().any(|axis| axis.stage == stage);
        match is_known {
            true => calls_of(&self.axes, stage),
            false => calls_of(&axes(api, &[stage.to_owned()], AXES_LIMIT).await, stage),
        }
    }
}

fn calls_of(known: &[AxisName], stage: &str) -> Vec<Call> {
    let known = known.iter().filter(|axis| axis.stage == stage);
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
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_one_call_for_all_axes_each_is_stopped_also_if_it_jogs() {
        let axes = [AxisName {
            stage: "S".to_owned(),
            axis: "X".to_owned(),
        }];
        let targets: Vec<String> = calls_of(&axes, "S").iter().map(Call::target).collect();
        let axis = "positionerName=S&axis=X";
        assert_eq!(
            targets,
            [
                format!("PositionerController/stopAxis?{axis}"),
                format!("PositionerController/movePositionerForever?{axis}&speed=0&is_stop=true"),
            ]
        );
        assert_eq!(calls_of(&axes, "T").len(), 8);
    }
}
