//! One attempt to stop an instrument: all its calls at once, each over a connection of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, join, join_all, join4};
use tokio::sync::mpsc;

use super::equipment::{self, Equipment, Extras};
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
        /// Whether that is a light.
        is_light: bool,
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
    /// What there is, if the server was asked and said so.
    pub(super) equipment: Option<Equipment>,
    pub(super) kept: Vec<Kept>,
}

/// How far the halting of an attempt has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    is_writing: AtomicBool,
    is_sent: AtomicBool,
}

impl Progress {
    /// Whether something that stops a stage may have gone out.
    pub(super) fn is_writing(&self) -> bool {
        self.is_writing.load(Ordering::SeqCst)
    }

    /// Whether everything that stops stages has gone out.
    pub(super) fn is_sent(&self) -> bool {
        self.is_sent.load(Ordering::SeqCst)
    }
}

/// What an attempt begins with.
pub(super) struct Attempt {
    /// Its number, said with everything it says.
    pub(super) number: u64,
    pub(super) api: Arc<Api>,
    /// What there is; what is not known of it is asked for beside.
    pub(super) equipment: Equipment,
    /// The names of the stages may not hold any more: asked for while those are stopped.
    pub(super) is_doubted: bool,
    /// Open connections.
    pub(super) idle: Pool,
    pub(super) level: StopLevel,
    /// Bounded by what there is to stop.
    pub(super) say: mpsc::UnboundedSender<(u64, Said)>,
    pub(super) progress: Arc<Progress>,
}

/// Open connections, for whoever comes first.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<VecDeque<Kept>>);

impl Pool {
    pub(super) fn new(idle: VecDeque<Kept>) -> Self {
        Self(Mutex::new(idle))
    }

    fn take(&self) -> Option<Kept> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop_front()
    }

    fn put(&self, kept: Option<Kept>) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(kept);
    }

    fn rest(self) -> Vec<Kept> {
        let idle = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        idle.into()
    }
}

/// The names of stages that the server was asked for, if it was.
type Asked<'a> = Shared<BoxFuture<'a, Option<Result<Vec<String>, String>>>>;

/// What light led to: how many there are and what was learned, where all is well.
struct Dark {
    lights: Option<usize>,
    lasers: Option<Vec<String>>,
    extras: Option<Extras>,
}

impl Attempt {
    /// Stops the stages, with everything else beside: nothing that has to do with lights or extras
    /// can keep them waiting.
    pub(super) async fn run(self) -> End {
        // A server without a stage may have got one.
        let asks = self.is_doubted || self.equipment.stages.is_empty();
        let asked: Asked<'_> = async {
            match asks {
                true => Some(equipment::stages(&self.api).await),
                false => None,
            }
        }
        .boxed()
        .shared();
        let (stages, (), dark, _) = join4(
            self.motion(asked.clone()),
            self.homing(asked.clone()),
            self.lights(),
            self.routines(),
        )
        .await;
        if let (Some(_), Some(lights)) = (&stages, dark.lights) {
            self.tell(Said::Done { lights });
        }
        let learned = match asked.await {
            Some(Ok(stages)) => Some(stages),
            _ => None,
        };
        let equipment = learned.map(|stages| {
            let known = Equipment {
                stages,
                axes: self.equipment.axes.clone(),
                lasers: dark.lasers,
                extras: dark.extras,
            };
            known.or(Some(&self.equipment))
        });
        End {
            equipment,
            kept: self.idle.rest(),
        }
    }

    fn tell(&self, said: Said) {
        // Whoever listened may have gone.
        let _ = self.say.send((self.number, said));
    }

    fn fail(&self, what: &str, is_light: bool, trouble: Trouble) {
        self.tell(Said::Failed {
            what: what.to_owned(),
            is_light,
            trouble,
        });
    }

    /// Stops the stages that are known, and those that the server names if it is asked; returns
    /// their names if all have answered.
    async fn motion(&self, asked: Asked<'_>) -> Option<Vec<String>> {
        let known = &self.equipment.stages;
        let others = async {
            let others = self.unknown(asked.clone().await);
            self.halt_all(others).await
        };
        let (mut halted, more) = join(self.halt_all(known.clone()), others).await;
        halted.extend(more);
        let stages = match asked.await {
            Some(Ok(stages)) => stages,
            Some(Err(why)) if known.is_empty() => {
                self.fail("what there is to stop", false, Trouble::NotSent(why));
                return None;
            }
            Some(Err(_)) | None => known.clone(),
        };
        let is_halted = stages.iter().all(|stage| halted.contains(stage));
        if !is_halted {
            return None;
        }
        self.tell(Said::Halted {
            stages: stages.len(),
        });
        Some(stages)
    }

    /// Stages that were not known before.
    fn unknown(&self, asked: Option<Result<Vec<String>, String>>) -> Vec<String> {
        let mut stages = asked.and_then(Result::ok).unwrap_or_default();
        stages.retain(|stage| !self.equipment.stages.contains(stage));
        stages
    }

    /// Stops these stages; returns those that have answered that they stop.
    async fn halt_all(&self, stages: Vec<String>) -> Vec<String> {
        let unsent = AtomicUsize::new(stages.len());
        let halts = stages
            .into_iter()
            .map(|stage| self.halt_one(stage, &unsent));
        join_all(halts).await.into_iter().flatten().collect()
    }

    async fn halt_one(&self, stage: String, unsent: &AtomicUsize) -> Option<String> {
        let mut was_sent = false;
        let sent = || {
            let is_first = !std::mem::replace(&mut was_sent, true);
            if is_first && unsent.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.progress.is_sent.store(true, Ordering::SeqCst);
                self.tell(Said::Sent);
            }
        };
        let call = Call::get("PositionerController/stopAllAxes").with("positionerName", &stage);
        let begin = || self.progress.is_writing.store(true, Ordering::SeqCst);
        let mut answer = self.deliver(&call, begin, sent).await;
        if answer == Err(Trouble::Refused(RestError::NoSuchCall)) {
            answer = self.each_axis(&stage).await;
        }
        match answer {
            Ok(()) => Some(stage),
            Err(trouble) => {
                self.fail(&stage, false, trouble);
                None
            }
        }
    }

    /// Stops a stage axis by axis, as releases without one call for all want it.
    async fn each_axis(&self, stage: &str) -> Result<(), Trouble> {
        for call in self.equipment.each_axis(&self.api, stage).await {
            let is_jog = call.path.ends_with("movePositionerForever");
            match self.deliver(&call, || (), || ()).await {
                // What does not jog may say so.
                Err(Trouble::Refused(_)) if is_jog => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Homing sends one move after the other: a stage that was stopped would go on.
    async fn homing(&self, asked: Asked<'_>) {
        let cancel = |stage: &String| {
            let call = Call::get("PositionerController/cancelFrameHoming");
            self.ask_kindly(call.with("positionerName", stage))
        };
        let others = async {
            let others = self.unknown(asked.await);
            join_all(others.iter().map(cancel)).await;
        };
        join(join_all(self.equipment.stages.iter().map(cancel)), others).await;
    }

    /// Ends what moves by itself. Where nobody knows whether it is there it is told all the same.
    async fn routines(&self) {
        let extras = self.equipment.extras;
        let autofocus = async {
            if extras.is_none_or(|extras| extras.autofocus) {
                let call = Call::get("AutofocusController/stopAutofocus");
                self.ask_kindly(call).await;
            }
        };
        let experiment = async {
            let wanted = self.level == StopLevel::Safe;
            if wanted && extras.is_none_or(|extras| extras.experiments) {
                let call = Call::get("ExperimentController/stopExperiment");
                self.ask_kindly(call).await;
            }
        };
        join(autofocus, experiment).await;
    }

    /// Whether it exists, runs or answers does not count.
    async fn ask_kindly(&self, call: Call) {
        let _ = self.deliver(&call, || (), || ()).await;
    }

    /// Puts all light out, if that was asked for.
    async fn lights(&self) -> Dark {
        let known = &self.equipment;
        if self.level == StopLevel::Halt {
            return Dark {
                lights: Some(0),
                lasers: None,
                extras: None,
            };
        }
        let lasers = async {
            let names = match &known.lasers {
                Some(names) => Ok(names.clone()),
                None => equipment::lasers(&self.api).await,
            };
            let names = names
                .map_err(|why| self.fail("which lights it has", true, Trouble::NotSent(why)))
                .ok()?;
            let off = names.iter().map(|name| {
                let call = Call::get("LaserController/setLaserActive").with("laserName", name);
                self.put_out(call.with("active", false), name)
            });
            let is_dark = join_all(off).await.into_iter().all(|is_off| is_off);
            Some((names, is_dark))
        };
        let matrix = async {
            let extras = match known.extras {
                Some(extras) => Ok(extras),
                None => equipment::extras(&self.api).await,
            };
            let what = "whether it has an LED matrix";
            let extras = extras
                .map_err(|why| self.fail(what, true, Trouble::NotSent(why)))
                .ok()?;
            let is_dark = match extras.matrix {
                true => {
                    let call = Call::get("LEDMatrixController/setAllLEDOff");
                    self.put_out(call, "LED matrix").await
                }
                false => true,
            };
            Some((extras, is_dark))
        };
        let (lasers, matrix) = join(lasers, matrix).await;
        let lights = match (&lasers, &matrix) {
            (Some((names, true)), Some((extras, true))) => {
                Some(names.len() + usize::from(extras.matrix))
            }
            _ => None,
        };
        Dark {
            lights,
            lasers: lasers.map(|(names, _)| names),
            extras: matrix.map(|(extras, _)| extras),
        }
    }

    async fn put_out(&self, call: Call, what: &str) -> bool {
        match self.deliver(&call, || (), || ()).await {
            Ok(()) => true,
            Err(trouble) => {
                self.fail(what, true, trouble);
                false
            }
        }
    }

    /// Makes a call over an open connection if there is one. `begin` is called right before
    /// anything is written.
    async fn deliver(
        &self,
        call: &Call,
        begin: impl Fn(),
        mut sent: impl FnMut(),
    ) -> Result<(), Trouble> {
        let mut kept = self.idle.take();
        let answer = deliver(&self.api, call, &mut kept, &begin, &mut sent).await;
        self.idle.put(kept);
        answer
    }
}

/// Makes a call over the open connection, or over a new one if there is none or it turns out to be
/// dead: a stop may be sent twice.
async fn deliver(
    api: &Api,
    call: &Call,
    kept: &mut Option<Kept>,
    begin: &impl Fn(),
    sent: &mut impl FnMut(),
) -> Result<(), Trouble> {
    let path = api.path(call).await;
    let path = path.map_err(|error| Trouble::NotSent(error.to_string()))?;
    if let Some(mut open) = kept.take().filter(Kept::is_open) {
        begin();
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
        begin();
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
    let (say, mut heard) = mpsc::unbounded_channel();
    let attempt = Attempt {
        number: 0,
        api: Arc::clone(api),
        equipment: equipment.clone(),
        is_doubted: false,
        idle: Pool::default(),
        level,
        say,
        progress: Arc::default(),
    };
    attempt.run().await;
    let mut troubles = Vec::new();
    let mut is_done = false;
    while let Ok((_, said)) = heard.try_recv() {
        match said {
            Said::Failed { what, trouble, .. } => {
                troubles.push(format!("{what}: {}", trouble.why()));
            }
            Said::Done { .. } => is_done = true,
            Said::Sent | Said::Halted { .. } => {}
        }
    }
    match is_done {
        true => Ok(()),
        false => Err(troubles.join("; ")),
    }
}
