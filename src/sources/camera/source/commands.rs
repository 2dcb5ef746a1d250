//! Commands of a camera: carried out beside the task, one after the other, and done when the camera
//! itself says so. Its controls are read now and then too: automatic ones change by themselves.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::beside;
use crate::control::{Desk, Intake, Refusal, check, control_value};
use crate::model::{
    Command, CommandId, CommandReport, CommandState, ControlAccess, ControlKind, Instrument,
    PlainText, Request,
};
use crate::sources::camera::capture::Opened;
use crate::sources::camera::controls::{instrument, target};
use crate::sources::camera::device::{Control, Trouble};

/// Commands that may wait for one before them.
const WAITING: usize = 16;

/// What is asked of an open camera.
pub(super) struct Commands {
    opened: Arc<Opened>,
    controls: Vec<Control>,
    instrument: Instrument,
    desk: Desk,
    waiting: VecDeque<Request>,
    at_work: Option<Work>,
}

/// Something that is being done beside the task.
struct Work {
    errand: Errand,
    answer: oneshot::Receiver<Answer>,
}

/// What it is for.
enum Errand {
    /// To know how the controls stand.
    Look,
    /// A refresh that somebody asked for.
    Refresh(CommandId),
    /// A control is set and read back.
    Set {
        id: CommandId,
        control: Box<Control>,
        value: f64,
    },
}

/// How the controls stand after it; and whether what was to be set was taken.
pub(super) struct Answer {
    set: Result<(), Trouble>,
    controls: Result<Vec<Control>, Trouble>,
}

/// What is to be published.
#[derive(Default)]
pub(super) struct News {
    pub reports: Vec<CommandReport>,
    /// The controls have changed.
    pub has_changed: bool,
}

impl From<CommandReport> for News {
    fn from(report: CommandReport) -> Self {
        Self {
            reports: vec![report],
            has_changed: false,
        }
    }
}

impl Commands {
    pub(super) fn new(opened: Arc<Opened>) -> Self {
        let controls = opened.controls.clone();
        Self {
            instrument: instrument(&opened.detector, &controls, true),
            controls,
            opened,
            desk: Desk::default(),
            waiting: VecDeque::new(),
            at_work: None,
        }
    }

    /// The camera as it is known.
    pub(super) fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// Its controls as they are known.
    pub(super) fn controls(&self) -> &[Control] {
        &self.controls
    }

    /// Takes a request, or says why not.
    pub(super) fn request(&mut self, request: Request, intake: &Intake) -> News {
        let refused = match self.refusal(&request, intake) {
            None if self.waiting.len() >= WAITING => {
                Some(format!("{WAITING} commands wait already"))
            }
            refused => refused,
        };
        if let Some(why) = refused {
            return Desk::refuse(&request, why).into();
        }
        let mut news = News::from(self.desk.take(&request));
        self.waiting.push_back(request);
        news.reports.extend(self.go_on(intake));
        news
    }

    fn refusal(&self, request: &Request, intake: &Intake) -> Option<String> {
        if !intake.stops.lets_pass(request.stop_number) {
            return Some("a stop was pressed after it was asked".to_owned());
        }
        let is_latched = intake.stops.is_latched();
        let checked = check(&self.instrument, &request.command, is_latched);
        let refused = checked.and_then(|()| self.is_in_force(&request.command));
        refused.err().map(|refusal| refusal.to_string())
    }

    /// Whether the exposure or the gain may be set: they are controls like others, which an
    /// automatic one may have.
    fn is_in_force(&self, command: &Command) -> Result<(), Refusal> {
        let target = target(&self.controls, command);
        match (target, self.instrument.cameras.first()) {
            (Some((control, value)), Some(camera))
                if control.shown.access != ControlAccess::Free =>
            {
                control_value(camera, &control.shown.name, &value.to_string()).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Begins what waits, if nothing is under way.
    fn go_on(&mut self, intake: &Intake) -> Vec<CommandReport> {
        let mut reports = Vec::new();
        while self.at_work.is_none() {
            let Some(request) = self.waiting.pop_front() else {
                break;
            };
            let id = request.id;
            // A stop, or a control that another command took away, since it was taken.
            if let Some(why) = self.refusal(&request, intake) {
                let state = CommandState::Refused;
                reports.extend(self.desk.end(id, state, Some(why.into()), Vec::new()));
                continue;
            }
            let errand = match target(&self.controls, &request.command) {
                Some((control, value)) => Errand::Set {
                    id,
                    control: Box::new(control.clone()),
                    value,
                },
                None if request.command == Command::Refresh => Errand::Refresh(id),
                None => {
                    let why = "this camera has no such command".into();
                    let state = CommandState::Refused;
                    reports.extend(self.desk.end(id, state, Some(why), Vec::new()));
                    continue;
                }
            };
            self.begin(errand);
            reports.extend(self.desk.sent(id, Vec::new()));
        }
        reports
    }

    /// Reads the controls, unless something is under way that does so anyway.
    pub(super) fn look(&mut self) {
        if self.at_work.is_none() && !self.controls.is_empty() {
            self.begin(Errand::Look);
        }
    }

    fn begin(&mut self, errand: Errand) {
        let device = Arc::clone(&self.opened.device);
        let set = match &errand {
            Errand::Set { control, value, .. } => Some((control.clone(), control.raw(*value))),
            Errand::Look | Errand::Refresh(_) => None,
        };
        let answer = beside("camera controls", move || Answer {
            set: set.map_or(Ok(()), |(control, raw)| device.set(&control, raw)),
            controls: device.controls(),
        });
        self.at_work = Some(Work { errand, answer });
    }

    /// The answer to what is under way; never if nothing is. Cancel safe.
    pub(super) async fn answered(&mut self) -> Option<Answer> {
        match &mut self.at_work {
            Some(work) => (&mut work.answer).await.ok(),
            None => std::future::pending().await,
        }
    }

    /// What follows from an answer; `None` for one that will never come.
    pub(super) fn conclude(&mut self, answer: Option<Answer>, intake: &Intake) -> News {
        let mut news = News::default();
        let Some(work) = self.at_work.take() else {
            return news;
        };
        let (set, controls) = match answer {
            Some(answer) => (answer.set, answer.controls),
            None => (Ok(()), Err(self.no_answer())),
        };
        let before = std::mem::take(&mut self.controls);
        match &controls {
            Ok(fresh) => {
                news.has_changed = *fresh != before;
                self.controls.clone_from(fresh);
            }
            Err(_) => self.controls.clone_from(&before),
        }
        self.instrument = instrument(&self.opened.detector, &self.controls, true);
        let ended = match work.errand {
            Errand::Look => None,
            Errand::Refresh(id) => Some((id, read_back(controls.map(drop)))),
            Errand::Set { id, control, value } => {
                let outcome = match (set, controls) {
                    (Err(trouble), _) => (CommandState::Failed, Some(trouble.to_string())),
                    (Ok(()), Err(trouble)) => {
                        let why = format!("the camera took it, and cannot be read: {trouble}");
                        (CommandState::Unknown, Some(why))
                    }
                    (Ok(()), Ok(fresh)) => judge(&control, value, &fresh),
                };
                Some((id, outcome))
            }
        };
        if let Some((id, (state, detail))) = ended {
            let detail = detail.map(PlainText::from);
            news.reports
                .extend(self.desk.end(id, state, detail, Vec::new()));
        }
        news.reports.extend(self.go_on(intake));
        news
    }

    fn no_answer(&self) -> Trouble {
        Trouble::Failed {
            path: self.opened.found.path.as_str().into(),
            what: "its controls".into(),
            why: "internal error; the log has it".into(),
        }
    }

    /// The camera is gone: what was not sent is refused, and of what was nobody will ever know.
    pub(super) fn gone(mut self, why: &str) -> (Vec<CommandReport>, Instrument) {
        let mut reports = self.desk.drop_queued(why);
        let open: Vec<CommandId> = self.desk.open().map(|(id, _)| id).collect();
        for id in open {
            let ended = self
                .desk
                .end(id, CommandState::Unknown, Some(why.into()), Vec::new());
            reports.extend(ended);
        }
        let closed = instrument(&self.opened.detector, &self.controls, false);
        (reports, closed)
    }
}

type Outcome = (CommandState, Option<String>);

fn read_back(controls: Result<(), Trouble>) -> Outcome {
    match controls {
        Ok(()) => (CommandState::Done, None),
        Err(trouble) => (CommandState::Failed, Some(trouble.to_string())),
    }
}

/// What became of a control that was set to `value`, by what the camera says now.
fn judge(control: &Control, value: f64, fresh: &[Control]) -> Outcome {
    let name = &control.shown.name;
    let now = fresh.iter().find(|one| one.id == control.id);
    let now = now.and_then(|one| one.shown.value);
    let Some(now) = now.filter(|_| control.shown.kind != ControlKind::Press) else {
        let why = match control.shown.kind {
            ControlKind::Press => format!("{name} was pressed; the camera says nothing of it"),
            _ => format!("the camera took it; {name} cannot be read back"),
        };
        return (CommandState::Sent, Some(why));
    };
    let stands = control.shown.words(now);
    let step = control.shown.step.unwrap_or(0.0).max(control.scale);
    let is_number = control.shown.kind == ControlKind::Number;
    let is_near = is_number && (now - value).abs() <= step;
    // It has moved, though not to where it was asked: cameras round as they like.
    let has_moved = is_number && control.shown.value.is_some_and(|before| before != now);
    if (now - value).abs() < 1e-9 {
        (CommandState::Done, None)
    } else if is_near || has_moved {
        (CommandState::Done, Some(format!("it became {stands}")))
    } else {
        let why = format!("the camera took it, and {name} stands at {stands}");
        (CommandState::Failed, Some(why))
    }
}
