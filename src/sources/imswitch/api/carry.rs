//! Carrying a command out: its calls one after the other, each only if it still may be sent.
//! Nothing is sent twice.

use std::time::Duration;

use serde_json::Value;

use super::{Api, CallError, value};
use crate::model::Reading;
use crate::protocol::imswitch::equipment::{self, SnapJob};
use crate::protocol::imswitch::rest::RestError;
use crate::sources::imswitch::call::Call;
use crate::sources::imswitch::flight::Flight;
use crate::sources::imswitch::script::{Read, Script, Work};
use crate::sources::imswitch::watch::Streams;
use crate::sources::net::{Ask, NetError};

/// What became of the calls of a command. `done` counts those that were answered before.
#[derive(Debug)]
pub(in crate::sources::imswitch) enum Outcome {
    /// Every call was answered, and this was read afterwards.
    Answered {
        answers: Vec<Value>,
        /// When the reading began, monotonic nanoseconds.
        asked_ns: u64,
        readings: Vec<Reading>,
        /// Why something could not be read.
        unread: Option<String>,
    },
    /// A live view runs already, with this protocol; nothing was sent.
    Runs {
        protocol: String,
        /// Whether it is as good as the one that was asked for.
        will_do: bool,
    },
    /// A stop came, or the connection went, before a call was sent.
    Shut { done: usize },
    /// There was no connection to send a call on.
    NotSent { done: usize, why: String },
    /// The server said no, or something else than it should.
    Refused { done: usize, why: RestError },
    /// Sent, and no whole answer came.
    Lost { why: String },
}

impl Outcome {
    /// Whether something of the command was sent.
    pub(in crate::sources::imswitch) fn is_sent(&self) -> bool {
        match self {
            Self::Answered { .. } | Self::Refused { .. } | Self::Lost { .. } => true,
            Self::Shut { done } | Self::NotSent { done, .. } => *done > 0,
            Self::Runs { .. } => false,
        }
    }
}

/// Between two questions whether a picture is taken.
const SNAP_EVERY: Duration = Duration::from_millis(250);
/// A picture that takes longer than this beyond what the server expects is given up.
const SNAP_GRACE: Duration = Duration::from_secs(30);

impl Api {
    /// Carries a script out. `sent` is called when its first call was handed over.
    pub(in crate::sources::imswitch) async fn carry_out(
        &self,
        script: &Script,
        flight: &Flight,
        sent: impl FnOnce(),
    ) -> Outcome {
        let mut sent = Some(sent);
        let mut sent = || {
            if let Some(sent) = sent.take() {
                sent();
            }
        };
        let outcome = match &script.work {
            Work::Calls(calls) => self.each(calls, flight, &mut sent).await,
            Work::StartLive { protocol, any } => {
                self.start_live(protocol, *any, flight, &mut sent).await
            }
            Work::SnapAside(call) => self.snap_aside(call, flight, &mut sent).await,
        };
        match outcome {
            Ok(answers) => self.read_back(answers, &script.reads).await,
            Err(outcome) => outcome,
        }
    }

    async fn read_back(&self, answers: Vec<Value>, reads: &[Read]) -> Outcome {
        let asked_ns = self.now_ns();
        let (mut readings, mut unread) = (Vec::new(), None);
        for read in reads {
            match self.read(read).await {
                Ok(more) => readings.extend(more),
                Err(error) => unread = Some(error.to_string()),
            }
        }
        Outcome::Answered {
            answers,
            asked_ns,
            readings,
            unread,
        }
    }

    async fn each(
        &self,
        calls: &[Call],
        flight: &Flight,
        sent: &mut impl FnMut(),
    ) -> Result<Vec<Value>, Outcome> {
        let mut answers = Vec::new();
        for call in calls {
            let done = answers.len();
            answers.push(self.send(call, done, flight, &mut *sent).await?);
        }
        Ok(answers)
    }

    /// Sends one call if it still may be sent.
    async fn send(
        &self,
        call: &Call,
        done: usize,
        flight: &Flight,
        sent: impl FnOnce(),
    ) -> Result<Value, Outcome> {
        let not_sent = |error: CallError| Outcome::NotSent {
            done,
            why: error.to_string(),
        };
        let path = self.path(call).await.map_err(not_sent)?;
        let asked = Ask {
            path_and_query: &path,
            json: call.body.as_ref().map(|body| body.to_string().into()),
        };
        let mut was_let = false;
        let gate = || {
            was_let = flight.may_send();
            was_let
        };
        let answer = self.http.call_if(asked, gate, sent).await;
        match answer {
            Ok(None) => Err(Outcome::Shut { done }),
            Ok(Some(answer)) => value(&answer).map_err(|why| Outcome::Refused { done, why }),
            Err(error) if was_let => Err(Outcome::Lost { why: lost(&error) }),
            Err(error) => Err(not_sent(error.into())),
        }
    }

    async fn start_live(
        &self,
        protocol: &str,
        any: bool,
        flight: &Flight,
        sent: &mut impl FnMut(),
    ) -> Result<Vec<Value>, Outcome> {
        // The stream belongs to all clients: one that runs is left as it is.
        let call = match self.streams().await {
            Streams::Running(running) => {
                if let Some((_, runs)) = running.into_iter().next() {
                    return Err(Outcome::Runs {
                        will_do: any || runs.as_str() == protocol,
                        protocol: runs.to_string(),
                    });
                }
                let call = Call::post("LiveViewController/startLiveView", serde_json::json!({}));
                call.with("protocol", protocol)
            }
            Streams::CannotTell => {
                Call::get("ViewController/setLiveViewActive").with("active", true)
            }
            Streams::NoAnswer(why) => return Err(Outcome::NotSent { done: 0, why }),
        };
        Ok(vec![self.send(&call, 0, flight, sent).await?])
    }

    async fn snap_aside(
        &self,
        call: &Call,
        flight: &Flight,
        sent: &mut impl FnMut(),
    ) -> Result<Vec<Value>, Outcome> {
        let mut answer = self.send(call, 0, flight, sent).await?;
        let job = answer.get("jobId").and_then(Value::as_str);
        let job = job.unwrap_or_default().to_owned();
        let mut status = Call::get("RecordingController/getSnapStatus");
        if !job.is_empty() {
            status = status.with("jobId", &job);
        }
        let mut waited = Duration::ZERO;
        loop {
            match equipment::snap_job(&answer) {
                SnapJob::Done(_) => {
                    let result = answer.get("result").cloned();
                    return Ok(vec![result.unwrap_or_default()]);
                }
                SnapJob::Ended(why) => {
                    let why = RestError::Refused(why);
                    return Err(Outcome::Refused { done: 1, why });
                }
                SnapJob::Pending { expected_ms } => {
                    let expected = expected_ms.unwrap_or(0.0).max(0.0) / 1e3;
                    let expected = Duration::try_from_secs_f64(expected).unwrap_or_default();
                    if waited > expected.saturating_mul(2).saturating_add(SNAP_GRACE) {
                        let why =
                            format!("the picture was not taken within {} s", waited.as_secs());
                        return Err(Outcome::Lost { why });
                    }
                }
            }
            tokio::time::sleep(SNAP_EVERY).await;
            waited += SNAP_EVERY;
            answer = match self.call(&status).await {
                Ok(answer) => answer,
                Err(error) => {
                    let why = format!("how the picture stands could not be read: {error}");
                    return Err(Outcome::Lost { why });
                }
            };
        }
    }
}

/// Why there is no answer; what the server did is not known.
fn lost(error: &NetError) -> String {
    format!("sent, and no answer came: {error}")
}
