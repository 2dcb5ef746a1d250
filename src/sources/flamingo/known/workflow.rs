//! What the instrument is doing, and how the workflow stands.
//!
//! Source: protocol description, section 13.3.

use super::Known;
use crate::model::{Activity, PlainText, Workflow, WorkflowState};
use crate::protocol::flamingo::{Axis, SystemState};

impl Known {
    pub(super) fn progress(&mut self, change: impl FnOnce(&mut Workflow)) {
        let live =
            |w: &&mut Workflow| matches!(w.state, WorkflowState::Starting | WorkflowState::Running);
        if let Some(workflow) = self.instrument.workflow.as_mut().filter(live) {
            let before = workflow.clone();
            change(workflow);
            self.changed |= before != *workflow;
        }
    }

    /// A workflow has been sent. From here on the instrument counts as busy with it.
    pub(in crate::sources::flamingo) fn workflow_sent(&mut self, name: PlainText, now_ns: u64) {
        self.stop_asked = false;
        self.workflow_sent_ns = now_ns;
        self.instrument.workflow = Some(Workflow {
            name: Some(name),
            state: WorkflowState::Starting,
            acquired: None,
            expected: None,
            saved: None,
        });
        self.instrument.activity = Activity::Workflow;
        self.changed = true;
    }

    /// The workflow, if there is one, is told to stop.
    pub(in crate::sources::flamingo) fn ask_to_stop(&mut self) {
        let state = self.workflow_state();
        self.stop_asked = matches!(
            state,
            Some(WorkflowState::Starting | WorkflowState::Running)
        );
    }

    pub(in crate::sources::flamingo) fn workflow_state(&self) -> Option<WorkflowState> {
        self.instrument.workflow.as_ref().map(|w| w.state)
    }

    pub(in crate::sources::flamingo) fn end_workflow(&mut self, state: WorkflowState, now_ns: u64) {
        if let Some(workflow) = &mut self.instrument.workflow {
            workflow.state = state;
        }
        self.workflow_ended_ns = Some(now_ns);
        self.stop_asked = false;
        self.changed = true;
        for axis in Axis::ALL {
            self.look_at(axis);
        }
    }

    pub(in crate::sources::flamingo) fn set_state(&mut self, state: SystemState, now_ns: u64) {
        let is_starting = self.workflow_state() == Some(WorkflowState::Starting);
        if is_starting && state == SystemState::Idle {
            let since = now_ns.saturating_sub(self.workflow_sent_ns);
            if self.stop_asked {
                self.end_workflow(WorkflowState::Stopped, now_ns);
            } else if since >= self.workflow_start_ns {
                self.end_workflow(WorkflowState::Failed, now_ns);
            }
        }
        let is_starting = self.workflow_state() == Some(WorkflowState::Starting);
        let activity = match state {
            SystemState::Disconnected => Activity::Disconnected,
            // Right after the start it may be old, and what was sent may begin any moment.
            SystemState::Idle if is_starting => Activity::Workflow,
            SystemState::Idle => Activity::Idle,
            SystemState::Snapshot => Activity::Snapshot,
            SystemState::LiveView => Activity::LiveView,
            SystemState::Workflow => Activity::Workflow,
        };
        self.set_value("server/state", state.as_str(), "");
        self.changed |= self.instrument.activity != activity;
        self.instrument.activity = activity;
        let streams = state == SystemState::LiveView;
        self.change_camera(|camera| camera.streaming = Some(streams));
        match (state, self.workflow_state()) {
            (
                SystemState::Workflow,
                Some(WorkflowState::Starting | WorkflowState::Unknown | WorkflowState::Running),
            ) => {
                if let Some(workflow) = &mut self.instrument.workflow {
                    self.changed |= workflow.state != WorkflowState::Running;
                    workflow.state = WorkflowState::Running;
                }
            }
            // Somebody else's, or one from before we came.
            (SystemState::Workflow, _) => {
                self.instrument.workflow = Some(Workflow {
                    name: None,
                    state: WorkflowState::Running,
                    acquired: None,
                    expected: None,
                    saved: None,
                });
                self.changed = true;
            }
            (_, Some(WorkflowState::Running | WorkflowState::Unknown)) => {
                let end = if self.stop_asked {
                    WorkflowState::Stopped
                } else {
                    WorkflowState::Ended
                };
                self.end_workflow(end, now_ns);
            }
            _ => {}
        }
    }
}

/// A sign that it runs came.
pub(super) fn is_begun(workflow: &mut Workflow) {
    if workflow.state == WorkflowState::Starting {
        workflow.state = WorkflowState::Running;
    }
}
