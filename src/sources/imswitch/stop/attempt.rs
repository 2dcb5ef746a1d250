//! One attempt to stop an instrument: all its calls at once, each over a connection of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{join, join_all};
use tokio::sync::mpsc;

use super::equipment::{Equipment, Part, StopCall};
use crate::model::StopLevel;
use crate::protocol::imswitch::rest::RestError;
use crate::sources::imswitch::api::{Api, value};
use crate::sources::imswitch::call::Call;
use crate::sources::net::{Ask, Kept, NetError};

/// What an attempt says while it runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// What stops the stages was handed to their connections.
    Sent,
    /// Every stage has answered that it stops.
    Halted {
        /// How many there are.
        stages: usize,
    },
    /// A call came to nothing.
    Failed {
        /// What it was to stop.
        what: String,
        /// Why.
        trouble: Trouble,
    },
    /// Every stage and every light that was asked has answered.
    Done {
        /// How many lights there are.
        lights: usize,
    },
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    /// It could not be sent.
    NotSent(String),
    /// It was sent, and no answer came.
    NoAnswer(String),
    /// The server said no.
    Refused(RestError),
}

impl Trouble {
    /// In words.
    pub(super) fn why(&self) -> String {
        match self {
            Self::NotSent(why) | Self::NoAnswer(why) => why.clone(),
            Self::Refused(why) => why.to_string(),
        }
    }
}

/// What is left of an attempt: what it learned, and connections that can be used again.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) equipment: Option<Arc<Equipment>>,
    pub(super) kept: Vec<Kept>,
}

/// What an attempt begins with.
pub(super) struct Attempt {
    pub(super) api: Arc<Api>,
    /// What there is; asked for first if it is not known.
    pub(super) equipment: Option<Arc<Equipment>>,
    /// Open connections.
    pub(super) idle: VecDeque<Kept>,
    pub(super) level: StopLevel,
    pub(super) say: mpsc::Sender<Said>,
}

impl Attempt {
    pub(super) async fn run(mut self) -> End {
        let equipment = match &self.equipment {
            // A server without a stage may have got one.
            Some(known) if !known.stages.is_empty() => Arc::clone(known),
            _ => match Equipment::learn(&self.api).await {
                Ok(learned) => Arc::new(learned),
                Err(why) => {
                    let what = "what there is to stop".to_owned();
                    let trouble = Trouble::NotSent(why);
                    self.tell(Said::Failed { what, trouble }).await;
                    return End::default();
                }
            },
        };
        let mut idle = std::mem::take(&mut self.idle);
        let calls = equipment.calls(self.level);
        let is_motion = |one: &&StopCall| matches!(one.part, Part::Motion(_));
        let (motion, other): (Vec<_>, Vec<_>) = calls.iter().partition(is_motion);
        let lights = other.iter().filter(|one| one.part == Part::Light).count();
        let stages = motion.len();
        // Motion gets what is open.
        let unsent = AtomicUsize::new(stages);
        let motion: Vec<_> = motion
            .into_iter()
            .map(|one| self.motion(&equipment, one, idle.pop_front(), &unsent))
            .collect();
        let motion = async {
            let ended = join_all(motion).await;
            if ended.iter().all(|(_, is_good)| *is_good) {
                self.tell(Said::Halted { stages }).await;
            }
            ended
        };
        let other: Vec<_> = other
            .into_iter()
            .map(|one| self.other(one, idle.pop_front()))
            .collect();
        let (mut ended, others) = join(motion, join_all(other)).await;
        ended.extend(others);
        if ended.iter().all(|(_, is_good)| *is_good) {
            self.tell(Said::Done { lights }).await;
        }
        let kept = ended.into_iter().filter_map(|(kept, _)| kept);
        End {
            equipment: Some(equipment),
            kept: kept.chain(idle).collect(),
        }
    }

    async fn tell(&self, said: Said) {
        // Whoever asked may have gone on to the next press.
        let _ = self.say.send(said).await;
    }

    /// Stops a stage; returns its connection if it can be used again, and whether all is well.
    async fn motion(
        &self,
        equipment: &Equipment,
        one: &StopCall,
        mut kept: Option<Kept>,
        unsent: &AtomicUsize,
    ) -> (Option<Kept>, bool) {
        let mut was_sent = false;
        let mut sent = || {
            let is_first = !std::mem::replace(&mut was_sent, true);
            if is_first && unsent.fetch_sub(1, Ordering::Relaxed) == 1 {
                // Full only if nobody listens any more.
                let _ = self.say.try_send(Said::Sent);
            }
        };
        let mut answer = deliver(&self.api, &one.call, &mut kept, &mut sent).await;
        let no_such_call = Err(Trouble::Refused(RestError::NoSuchCall));
        if let (Part::Motion(stage), true) = (&one.part, answer == no_such_call) {
            answer = self.each_axis(equipment, stage, &mut kept).await;
        }
        self.judged(one, answer, kept).await
    }

    async fn other(&self, one: &StopCall, mut kept: Option<Kept>) -> (Option<Kept>, bool) {
        let answer = deliver(&self.api, &one.call, &mut kept, &mut || ()).await;
        match one.part {
            // Not offered here, or nothing to stop.
            Part::Courtesy => (kept, true),
            _ => self.judged(one, answer, kept).await,
        }
    }

    async fn judged(
        &self,
        one: &StopCall,
        answer: Result<(), Trouble>,
        kept: Option<Kept>,
    ) -> (Option<Kept>, bool) {
        let Err(trouble) = answer else {
            return (kept, true);
        };
        let what = one.what.clone();
        self.tell(Said::Failed { what, trouble }).await;
        (kept, false)
    }

    /// Stops a stage axis by axis, as releases without one call for all want it.
    async fn each_axis(
        &self,
        equipment: &Equipment,
        stage: &str,
        kept: &mut Option<Kept>,
    ) -> Result<(), Trouble> {
        for call in equipment.each_axis(stage) {
            let is_jog = call.path.ends_with("movePositionerForever");
            match deliver(&self.api, &call, kept, &mut || ()).await {
                // What does not jog may say so.
                Err(Trouble::Refused(_)) if is_jog => {}
                other => other?,
            }
        }
        Ok(())
    }
}

/// Makes a call over the open connection, or over a new one if there is none or it turns out to be
/// dead: a stop may be sent twice.
async fn deliver(
    api: &Api,
    call: &Call,
    kept: &mut Option<Kept>,
    sent: &mut impl FnMut(),
) -> Result<(), Trouble> {
    let path = api.path(call).await;
    let path = path.map_err(|error| Trouble::NotSent(error.to_string()))?;
    if let Some(mut open) = kept.take().filter(Kept::is_open) {
        match open
            .call(Ask::get(&path), super::CALL_LIMIT, &mut *sent)
            .await
        {
            Ok(answer) => {
                *kept = Some(open);
                return value(&answer).map(drop).map_err(Trouble::Refused);
            }
            Err(error @ NetError::TimedOut { .. }) => {
                return Err(Trouble::NoAnswer(error.to_string()));
            }
            // Dead; it is of no use any more.
            Err(_) => {}
        }
    }
    let mut was_connected = false;
    let gate = || {
        was_connected = true;
        true
    };
    let answer = api.http().call_if(Ask::get(&path), gate, sent).await;
    match answer {
        Ok(Some(answer)) => value(&answer).map(drop).map_err(Trouble::Refused),
        Ok(None) => Err(Trouble::NotSent("nothing was sent".to_owned())),
        Err(error) if was_connected => Err(Trouble::NoAnswer(error.to_string())),
        Err(error) => Err(Trouble::NotSent(error.to_string())),
    }
}

/// Stops everything there is, for those who hold no connections. Every stage has answered that it
/// stops, and on [`StopLevel::Safe`] every light that it is off.
///
/// # Errors
/// What came to nothing.
pub(in crate::sources::imswitch) async fn halt(
    api: &Arc<Api>,
    equipment: &Equipment,
    level: StopLevel,
) -> Result<(), String> {
    let (say, mut heard) = mpsc::channel(256);
    let attempt = Attempt {
        api: Arc::clone(api),
        equipment: Some(Arc::new(equipment.clone())),
        idle: VecDeque::new(),
        level,
        say,
    };
    attempt.run().await;
    let mut troubles = Vec::new();
    while let Ok(said) = heard.try_recv() {
        if let Said::Failed { what, trouble } = said {
            troubles.push(format!("{what}: {}", trouble.why()));
        }
    }
    match troubles.is_empty() {
        true => Ok(()),
        false => Err(troubles.join("; ")),
    }
}
