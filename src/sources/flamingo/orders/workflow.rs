//! Workflows: checked before anything of them is sent, running only when the instrument says so.
//!
//! Source: protocol description, section 13.3.

use tokio::time::Instant;

use super::{camera, stage};
use crate::model::{Activity, CommandState, PlainText, WorkflowState};
use crate::protocol::flamingo::reply;
use crate::protocol::flamingo::workflow;
use crate::protocol::flamingo::{Axis, Command, Document, Interval, Request, StageLimits};
use crate::sources::flamingo::errand::{Answer, Cut, End, Errand};
use crate::sources::flamingo::exchange::Goal;
use crate::sources::flamingo::known::Known;
use crate::sources::flamingo::look;

/// Problems that are told one by one.
const TOLD: usize = 5;

/// Where the stage may be sent, by the limits in force.
pub(super) fn limits(known: &Known) -> StageLimits {
    StageLimits(Axis::ALL.map(|axis| {
        let limits = known.axis(axis)?.limits?;
        Interval::new(limits.min, limits.max)
    }))
}

/// Why a workflow is not sent.
pub(super) fn refusal(known: &Known, text: &str) -> Option<String> {
    if let Some(why) = super::too_long("a workflow", text) {
        return Some(why);
    }
    let problems = workflow::check(text.as_bytes(), &limits(known)).err()?;
    let mut told: Vec<String> = problems
        .iter()
        .take(TOLD)
        .map(ToString::to_string)
        .collect();
    let more = problems.len().saturating_sub(told.len());
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    Some(format!("the workflow was not sent: {}", told.join("; ")))
}

pub(super) async fn start(errand: &Errand, name: PlainText, text: &str) -> Result<End, Cut> {
    let profile = errand.profile();
    let bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
    let mut unchecked = "";
    if let Ok(request) = Request::check_stack(profile, bytes.clone()) {
        match errand.ask(request).await? {
            Answer::Taken(message) => {
                if let Err(error) = reply::checked_stack(&message) {
                    return Ok(End::refused(format!("the instrument's own check: {error}")));
                }
            }
            Answer::Declined(why) => {
                return Ok(End::refused(format!("the instrument's own check: {why}")));
            }
            Answer::Sent | Answer::Silent => {
                unchecked = "; the instrument's own check was not answered";
            }
        }
    }
    if shows_pictures(text) {
        errand.with(|state| state.live.workflow = true);
        errand.exchange.kick();
    }
    let request = Request::start_workflow(profile, bytes)?;
    errand.send(request, Goal::WorkflowRuns(name)).await?;
    let patience = errand.exchange.options.patience.workflow_start;
    let deadline = Instant::now() + patience;
    let begun = |state: &mut crate::sources::flamingo::exchange::State| {
        let workflow = state.known.workflow_state();
        workflow.filter(|state| *state != WorkflowState::Starting)
    };
    if errand.until(Some(deadline), begun).await?.is_none() {
        // It counts as not begun once the server says after all this time that it is idle.
        look::ask_state(errand).await?;
    }
    let state = errand.with(|state| state.known.workflow_state());
    Ok(match state {
        Some(WorkflowState::Running) => End::new(CommandState::Done, format!("it runs{unchecked}")),
        Some(WorkflowState::Ended) => {
            End::new(CommandState::Done, format!("it has run{unchecked}"))
        }
        Some(WorkflowState::Stopped) => End::failed("it was stopped"),
        _ => {
            errand.with(|state| state.live.workflow = false);
            errand.exchange.kick();
            End::failed(format!(
                "the instrument did not begin it within {} s",
                patience.as_secs_f64()
            ))
        }
    })
}

fn shows_pictures(text: &str) -> bool {
    let document = Document::parse(text.as_bytes());
    let entry = document
        .find("Experiment Settings")
        .and_then(|section| section.get("Work flow live view enabled"));
    entry.is_some_and(|entry| entry.value().eq_ignore_ascii_case("true"))
}

pub(super) async fn stop(errand: &Errand) -> Result<End, Cut> {
    let request = Request::plain(errand.profile(), Command::WorkflowStop)?;
    match errand.send(request, Goal::NoWorkflow).await? {
        Answer::Taken(_) => {}
        Answer::Declined(why) => {
            let end = camera::read_back(errand, Goal::NoWorkflow).await?;
            let detail = end.detail.unwrap_or_else(|| "".into());
            return Ok(End {
                detail: Some(format!("{detail} ({why})").into()),
                ..end
            });
        }
        Answer::Sent | Answer::Silent => {
            errand.unknown("not answered; the state is read back");
        }
    }
    let deadline = Instant::now() + errand.exchange.options.patience.motion;
    let over = |state: &mut crate::sources::flamingo::exchange::State| {
        (state.known.instrument.activity != Activity::Workflow).then_some(())
    };
    if errand.until(Some(deadline), over).await?.is_none() {
        return Ok(End::failed("the workflow still runs").after(errand.positions()));
    }
    // The stage may still be settling.
    stage::all_rest(errand).await?;
    Ok(End::done().after(errand.positions()))
}
