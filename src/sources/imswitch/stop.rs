//! The stop path: a way to the server that nothing else uses, kept warm so that a press finds an
//! open connection and known names. It is to run on a thread of its own.
//!
//! Two connections are kept. A question goes over one of them every now and then: it measures the
//! way, keeps it from being closed, and learns what there is. The other one is free meanwhile.

mod attempt;
mod equipment;
mod serve;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::select_all;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api::{Api, CallError, value};
use super::call::Call;
use super::options::ImSwitchOptions;
use crate::control::{StopReporter, StopWatch};
use crate::model::{Clock, StopEvent, StopPath};
use crate::protocol::imswitch::rest::{self, RestError};
use crate::sources::net::{Ask, Kept, NetError};

pub(super) use attempt::halt;
pub(super) use equipment::Equipment;

/// Connections that are kept open.
const WARM: usize = 2;
/// Between two questions. Each connection is used every other time, and the servers close one that
/// was not used for five seconds. Source: uvicorn's keep-alive.
const ASK_EVERY: Duration = Duration::from_millis(1_500);
/// An answer that takes longer is none: a stop would wait as long.
const ASK_LIMIT: Duration = Duration::from_secs(2);
/// After a connection could not be made.
const OPEN_AGAIN: Duration = Duration::from_millis(500);
/// What there is is learned anew at least this often.
const LEARN_EVERY: Duration = Duration::from_secs(60);
/// After it was learned in part.
const LEARN_AGAIN: Duration = Duration::from_secs(2);
/// Between two words about a way that is ready and only takes another time.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Time for one call. Longer than for a question: a late answer is good news.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// Keeps the way open, and stops the instrument when somebody presses, until `stop` is cancelled.
/// A press that is being served then gets the rest of its first second.
///
/// Says how the way stands and what becomes of every press through `tell`.
pub async fn run(
    options: ImSwitchOptions,
    mut watch: StopWatch,
    tell: StopReporter,
    stop: CancellationToken,
) {
    let mut way = Way::new(options, tell);
    way.say(&watch, StopPath::Opening);
    loop {
        // What is due is started beside; nothing in here may keep a press waiting.
        way.tend();
        let due = way.due();
        tokio::select! {
            biased;
            press = watch.pressed() => way.serve(press, &mut watch, &stop).await,
            () = stop.cancelled() => return,
            Some(ended) = way.attempts.join_next() => way.attempt_ended(ended.ok()),
            // What is said of a press that is over.
            Some(_) = way.heard.recv() => {}
            Some(done) = way.chores.join_next() => {
                if let Ok(done) = done {
                    way.take(done, &watch);
                }
            }
            () = any_ended(&mut way.idle) => {}
            () = tokio::time::sleep_until(due) => {}
        }
    }
}

/// Waits until one of these connections has ended.
async fn any_ended(idle: &mut VecDeque<Kept>) {
    if idle.is_empty() {
        return std::future::pending().await;
    }
    select_all(idle.iter_mut().map(|kept| kept.ended().boxed())).await;
}

/// The way to one server.
struct Way {
    options: ImSwitchOptions,
    api: Arc<Api>,
    tell: StopReporter,
    clock: Clock,
    equipment: Option<Equipment>,
    /// Open connections that nobody uses now; those at the back were used last.
    idle: VecDeque<Kept>,
    chores: JoinSet<Chore>,
    attempts: JoinSet<attempt::End>,
    running: Vec<serve::Running>,
    /// The number of the newest attempt.
    attempted: u64,
    say: mpsc::UnboundedSender<(u64, attempt::Said)>,
    heard: mpsc::UnboundedReceiver<(u64, attempt::Said)>,
    /// A stage refused to be stopped: its name may not hold any more.
    is_doubted: bool,
    opening: bool,
    asking: bool,
    learning: bool,
    open_at: Instant,
    ask_at: Instant,
    learn_at: Instant,
    asked: u64,
    /// The last question found its connection closed.
    was_closed: bool,
    said: Option<StopPath>,
    said_at: Instant,
}

/// Something that was done beside.
enum Chore {
    Opened(Box<Result<Kept, NetError>>),
    Learned(Result<Equipment, String>),
    Asked {
        kept: Box<Kept>,
        answer: Result<Names, CallError>,
        took: Duration,
    },
}

/// Names that a question brought.
enum Names {
    Stages(Vec<String>),
    Lasers(Vec<String>),
}

impl Way {
    fn new(mut options: ImSwitchOptions, tell: StopReporter) -> Self {
        options.patience.call = CALL_LIMIT;
        let (say, heard) = mpsc::unbounded_channel();
        let now = Instant::now();
        // For readings, of which there are none here.
        let clock = Clock::system();
        Self {
            api: Arc::new(Api::new(&options, clock.clone())),
            options,
            tell,
            clock,
            equipment: None,
            idle: VecDeque::new(),
            chores: JoinSet::new(),
            attempts: JoinSet::new(),
            running: Vec::new(),
            attempted: 0,
            say,
            heard,
            is_doubted: false,
            opening: false,
            asking: false,
            learning: false,
            open_at: now,
            ask_at: now,
            learn_at: now,
            asked: 0,
            was_closed: false,
            said: None,
            said_at: now,
        }
    }

    /// Starts what is due.
    fn tend(&mut self) {
        let now = Instant::now();
        self.idle.retain(Kept::is_open);
        let open = self.idle.len() + usize::from(self.asking);
        if !self.opening && open < WARM && self.open_at <= now {
            self.opening = true;
            let http = self.api.http().with_time_limit(ASK_LIMIT);
            self.chores
                .spawn(async move { Chore::Opened(Box::new(http.keep().await)) });
        }
        if !self.learning && self.learn_at <= now {
            self.learning = true;
            let api = Arc::clone(&self.api);
            self.chores
                .spawn(async move { Chore::Learned(Equipment::learn(&api).await) });
        }
        // Nothing is asked before it is known how this release is spoken to.
        let knows = self.equipment.is_some();
        if !self.asking
            && knows
            && self.ask_at <= now
            && let Some(kept) = self.idle.pop_front()
        {
            self.asking = true;
            self.asked += 1;
            let (api, number) = (Arc::clone(&self.api), self.asked);
            self.chores.spawn(ask(api, kept, number));
        }
    }

    /// When [`Way::tend`] has something to do.
    fn due(&self) -> Instant {
        let mut due = Instant::now() + ASK_EVERY;
        if !self.opening && self.idle.len() + usize::from(self.asking) < WARM {
            due = due.min(self.open_at);
        }
        if !self.learning {
            due = due.min(self.learn_at);
        }
        if !self.asking && self.equipment.is_some() && !self.idle.is_empty() {
            due = due.min(self.ask_at);
        }
        due
    }

    fn take(&mut self, done: Chore, watch: &StopWatch) {
        let now = Instant::now();
        match done {
            Chore::Opened(opened) => {
                self.opening = false;
                match *opened {
                    // A fresh one is asked soon: only an answer says that the way is good.
                    Ok(kept) => self.idle.push_front(kept),
                    Err(error) => {
                        self.open_at = now + OPEN_AGAIN;
                        self.down(watch, error.to_string());
                    }
                }
            }
            Chore::Learned(learned) => {
                self.learning = false;
                match learned {
                    Ok(equipment) => {
                        let is_whole = equipment.lasers.is_some() && equipment.extras.is_some();
                        self.equipment = Some(equipment.or(self.equipment.as_ref()));
                        self.is_doubted = false;
                        self.learn_at = now
                            + match is_whole {
                                true => LEARN_EVERY,
                                false => LEARN_AGAIN,
                            };
                        self.ask_at = now;
                    }
                    Err(why) => {
                        self.learn_at = now + OPEN_AGAIN;
                        self.down(watch, why);
                    }
                }
            }
            Chore::Asked { kept, answer, took } => {
                self.asking = false;
                self.ask_at = now + ASK_EVERY;
                match answer {
                    Ok(names) => {
                        self.was_closed = false;
                        self.compare(names);
                        self.idle.push_back(*kept);
                        let round_trip_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                        self.say(watch, StopPath::Ready { round_trip_ns });
                    }
                    // Closed by the server before the question came: that says nothing yet, a
                    // fresh one is asked.
                    Err(CallError::Net(NetError::NoAnswer { .. })) if !self.was_closed => {
                        self.was_closed = true;
                        self.ask_at = now;
                    }
                    Err(error) => {
                        self.open_at = now + OPEN_AGAIN;
                        if error.is_no_such_call() {
                            // Another release has come up at this place.
                            self.forget();
                        }
                        self.down(watch, error.to_string());
                    }
                }
            }
        }
    }

    /// What was learned is learned anew if it is not so any more.
    fn compare(&mut self, names: Names) {
        let Some(equipment) = &self.equipment else {
            return;
        };
        let same = match names {
            Names::Stages(stages) => stages == equipment.stages,
            Names::Lasers(lasers) => equipment.lasers.as_ref() == Some(&lasers),
        };
        if !same {
            self.learn_at = Instant::now();
        }
    }

    /// Nothing that was known of the server holds.
    fn forget(&mut self) {
        self.equipment = None;
        self.api = Arc::new(Api::new(&self.options, self.clock.clone()));
        self.learn_at = Instant::now();
    }

    fn down(&mut self, watch: &StopWatch, why: String) {
        self.say(watch, StopPath::Down { why: why.into() });
    }

    /// Says how the way stands, if that is news.
    fn say(&mut self, watch: &StopWatch, path: StopPath) {
        let now = Instant::now();
        let is_news = match (&self.said, &path) {
            (
                Some(StopPath::Ready { round_trip_ns: old }),
                StopPath::Ready { round_trip_ns: new },
            ) => {
                let moved = new.abs_diff(*old) > *old / 2;
                moved && now.duration_since(self.said_at) >= TELL_EVERY
            }
            (said, path) => said.as_ref() != Some(path),
        };
        if is_news {
            self.said = Some(path.clone());
            self.said_at = now;
            self.tell.say(watch.now(), StopEvent::Path(path));
        }
    }
}

/// Asks for names over a kept connection.
async fn ask(api: Arc<Api>, mut kept: Kept, number: u64) -> Chore {
    let for_stages = number % 2 == 1;
    let call = Call::get(match for_stages {
        true => "PositionerController/getPositionerNames",
        false => "LaserController/getLaserNames",
    });
    let began = Instant::now();
    let answer = async {
        let path = api.path(&call).await?;
        let asked = Ask::get(&path);
        let answer = kept.call(asked, ASK_LIMIT, || ()).await?;
        Ok(match value(&answer) {
            Ok(names) => {
                let names = rest::text_list(&names);
                let names =
                    names.ok_or_else(|| RestError::Unreadable("no list of names".into()))?;
                match for_stages {
                    true => Names::Stages(names),
                    false => Names::Lasers(names),
                }
            }
            // A server without lights answers all the same.
            Err(RestError::NoSuchCall) if !for_stages => Names::Lasers(Vec::new()),
            Err(error) => return Err(error.into()),
        })
    };
    let answer = answer.await;
    Chore::Asked {
        answer,
        took: began.elapsed(),
        kept: Box::new(kept),
    }
}
