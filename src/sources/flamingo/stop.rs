//! The stop path: a second connection to the command port that is kept warm for one purpose.
//!
//! Meant for a thread and a runtime of its own. A press is written in the same turn in which it is
//! noticed, whatever else is under way: there is no waiting between the two. Questions that show
//! that the way is open give way to it. Nothing is read here but the answers to both.

mod health;
mod line;
mod pursuit;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::calm;
use super::options::FlamingoOptions;
use super::retry::Retry;
use super::socket;
use crate::control::{StopReporter, StopWatch};
use crate::model::{PlainText, StopEvent, StopLevel, StopPath, StopPress, StopReport};
use crate::protocol::flamingo::stream::GIVE_UP_BYTES;
use crate::protocol::flamingo::{Command, Item, Message, Request, SystemState};

use health::Health;
use line::{Line, Purpose};
use pursuit::Pursuit;

/// A move that the source had written when the stop was pressed may overtake the first halt.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// From one attempt to connect to the next while a press is not answered.
const URGENT_RETRY: Duration = Duration::from_millis(200);

/// Keeps the way open, serves every press that `watch` sees, and tells what became of it.
///
/// A press without a connection is reported as not sent, and sent as soon as there is one, unless
/// the stop was cleared before. Returns when `end` is cancelled.
pub async fn run(
    options: FlamingoOptions,
    watch: StopWatch,
    tell: StopReporter,
    end: CancellationToken,
) {
    let pursuit = Pursuit::new(options.patience.halt);
    let path = Path {
        options,
        watch,
        tell,
        end,
        pursuit,
        retry: Retry::default(),
        told: None,
    };
    path.run().await;
}

struct Path {
    options: FlamingoOptions,
    watch: StopWatch,
    tell: StopReporter,
    end: CancellationToken,
    pursuit: Pursuit,
    retry: Retry,
    /// What was said last of the way.
    told: Option<StopPath>,
}

/// One connection and what belongs to it.
struct Session {
    line: Line,
    health: Health,
    /// Number of the newest press that was put on it.
    put: u64,
    /// A stop that is to be sent once more.
    again: Option<(Instant, StopPress)>,
    /// A workflow runs: a server that is busy with it may leave questions unanswered.
    is_busy: bool,
}

/// What woke the task.
enum Wake<T> {
    Press(StopPress),
    End,
    Other(T),
}

/// Why a connection is not used any more.
enum Over {
    /// As asked.
    End,
    /// It does not work; the sentence.
    Lost(String),
}

impl Path {
    async fn run(mut self) {
        self.path(StopPath::Opening);
        loop {
            let why = match self.connect().await {
                Ok(stream) => match self.serve(stream).await {
                    Over::End => return,
                    Over::Lost(why) => why,
                },
                Err(Over::End) => return,
                Err(Over::Lost(why)) => why,
            };
            self.down(&why);
            if self.pause().await.is_none() {
                return;
            }
        }
    }

    /// Waits for what comes first: a press, the end, or something else.
    async fn wake<T>(&mut self, other: impl Future<Output = T>) -> Wake<T> {
        tokio::select! {
            biased;
            press = self.watch.pressed() => Wake::Press(press),
            () = self.end.cancelled() => Wake::End,
            other = other => Wake::Other(other),
        }
    }

    async fn connect(&mut self) -> Result<TcpStream, Over> {
        let endpoint = self.options.endpoint.clone();
        let deadline = Instant::now() + self.options.patience.connect;
        let mut dialing = std::pin::pin!(socket::connect(&endpoint, deadline));
        loop {
            match self.wake(&mut dialing).await {
                Wake::Press(press) => self.unserved(press),
                Wake::End => return Err(Over::End),
                Wake::Other(dialed) => {
                    return dialed.map_err(|error| Over::Lost(error.to_string()));
                }
            }
        }
    }

    /// Waits until it is time for another attempt, which a press makes at once; `None` to end.
    async fn pause(&mut self) -> Option<()> {
        let now = Instant::now();
        let usual = self.retry.after_failure();
        let until = if self.pursuit.is_urgent(now) {
            now + URGENT_RETRY.min(usual)
        } else {
            now + usual
        };
        match self.wake(sleep_until(until)).await {
            Wake::Press(press) => self.unserved(press),
            Wake::End => return None,
            Wake::Other(()) => {}
        }
        Some(())
    }

    /// A press while there is no connection.
    fn unserved(&mut self, press: StopPress) {
        self.pursuit.press(press, Instant::now());
        let why = "the stop path has no connection; it is sent as soon as there is one";
        let report = self.pursuit.not_sent(why);
        self.report(report);
    }

    async fn serve(&mut self, stream: TcpStream) -> Over {
        let now = Instant::now();
        let patience = self.options.patience;
        let mut session = Session {
            line: Line::new(stream),
            health: Health::new(patience.path_check, patience.alive, now),
            put: 0,
            again: None,
            is_busy: false,
        };
        let lost = loop {
            match self.turn(&mut session).await {
                Ok(()) => {}
                Err(Over::Lost(why)) => break why,
                Err(Over::End) => {
                    session.line.close().await;
                    return Over::End;
                }
            }
        };
        let why = "the connection broke before it was sent; it is sent on the next one";
        let report = self.pursuit.not_sent(why);
        self.report(report);
        for report in self.pursuit.lost(Instant::now()) {
            self.report(Some(report));
        }
        Over::Lost(lost)
    }

    /// Writes what there is to write, waits for something to happen, and deals with it.
    async fn turn(&mut self, session: &mut Session) -> Result<(), Over> {
        self.due(session)?;
        self.flush(session)?;
        let deadline = self.deadline(session);
        let something = async {
            tokio::select! {
                biased;
                () = sleep_until(deadline) => Ok(false),
                ready = session.line.ready() => ready.map(|()| true),
            }
        };
        match self.wake(something).await {
            Wake::Press(press) => {
                self.pursuit.press(press, Instant::now());
                self.send_wanted(session);
                self.flush(session)
            }
            Wake::End => Err(Over::End),
            Wake::Other(Ok(false)) => Ok(()),
            Wake::Other(Ok(true)) => self.read(session),
            Wake::Other(Err(error)) => Err(self.broken(session, &error)),
        }
    }

    /// Puts the press that has to be sent on this connection before everything that can wait.
    fn send_wanted(&mut self, session: &mut Session) {
        if let Some(press) = self.pursuit.wanted()
            && press.number > session.put
        {
            let bytes = self.bytes(press.level);
            let purpose = Purpose::Stop(press);
            session.line.put(bytes, purpose, Instant::now());
            session.put = press.number;
            session.again = None;
        }
    }

    fn bytes(&self, level: StopLevel) -> Bytes {
        let mut bytes = BytesMut::new();
        for request in calm::requests(&self.options.profile, level) {
            // Nothing in it is too long for a message.
            bytes.extend(request.message().encode().unwrap_or_default());
        }
        bytes.freeze()
    }

    fn flush(&mut self, session: &mut Session) -> Result<(), Over> {
        let now = Instant::now();
        let flushed = session.line.flush(now);
        for purpose in flushed.map_err(|error| self.broken(session, &error))? {
            match purpose {
                Purpose::Question => session.health.asked(now),
                Purpose::Again(press) => self.pursuit.sent_again(press, now),
                Purpose::Stop(press) => {
                    let now_ns = self.watch.now().mono_ns;
                    let report = self.pursuit.sent(press, now, now_ns);
                    self.report(Some(report));
                    session.again = Some((now + AGAIN_AFTER, press));
                }
            }
        }
        Ok(())
    }

    /// Does what it is time for.
    fn due(&mut self, session: &mut Session) -> Result<(), Over> {
        let now = Instant::now();
        // One that came while there was no connection.
        if session.put == 0 && self.pursuit.wanted().is_some() {
            if self.watch.is_latched() {
                self.send_wanted(session);
            } else {
                self.pursuit.cleared();
            }
        }
        if let Some((at, press)) = session.again
            && at <= now
        {
            session.again = None;
            // Cleared, it would end a motion that is wanted.
            if self.watch.is_latched() {
                let bytes = self.bytes(press.level);
                session.line.put(bytes, Purpose::Again(press), now);
            }
        }
        for report in self.pursuit.overdue(now) {
            self.report(Some(report));
        }
        if let Some(since) = session.line.blocked_since()
            && now.saturating_duration_since(since) >= self.options.patience.write
        {
            return Err(Over::Lost(format!("{} takes nothing", self.peer())));
        }
        if self.is_quiet(session) {
            self.check(session, now)?;
        }
        Ok(())
    }

    /// Whether no stop is being sent or answered, which a question could delay.
    fn is_quiet(&self, session: &Session) -> bool {
        let is_sent = self.pursuit.wanted().is_none() && session.again.is_none();
        is_sent && !self.pursuit.is_waiting()
    }

    /// Asks whether the way is open, or sees that there was no answer.
    fn check(&mut self, session: &mut Session, now: Instant) -> Result<(), Over> {
        if session.health.is_overdue(now) {
            let peer = self.peer();
            let seconds = self.options.patience.alive.as_secs_f64();
            if session.health.is_hopeless() && !session.is_busy {
                return Err(Over::Lost(format!(
                    "{peer} accepts and does not answer: is the control program running?"
                )));
            }
            let why = format!(
                "{peer} has not answered for {seconds} s; a stop is sent to it all the same"
            );
            self.path(StopPath::Down { why: why.into() });
        }
        if session.line.blocked_since().is_none() && session.health.ask(now) {
            let question = Request::plain(&self.options.profile, Command::SystemStateGet);
            let bytes = question.ok().and_then(|q| q.message().encode().ok());
            match bytes {
                Some(bytes) => session.line.put(bytes, Purpose::Question, now),
                None => self.path(StopPath::Down {
                    why: "the profile gives SYSTEM_STATE_GET no code, so that nothing shows \
                          whether the server answers; a stop is sent to it all the same"
                        .into(),
                }),
            }
        }
        Ok(())
    }

    fn deadline(&self, session: &Session) -> Instant {
        let health = self.is_quiet(session).then(|| session.health.deadline());
        let blocked = session.line.blocked_since();
        [
            health.filter(|_| blocked.is_none()),
            blocked.map(|since| since + self.options.patience.write),
            session.again.map(|(at, _)| at),
            self.pursuit.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
        // Something is always awaited; a second look costs nothing.
        .unwrap_or_else(|| Instant::now() + URGENT_RETRY)
    }

    fn read(&mut self, session: &mut Session) -> Result<(), Over> {
        match session.line.read() {
            Ok(true) => {}
            Ok(false) => return Err(self.ended(session, "closed the connection")),
            Err(error) => return Err(self.broken(session, &error)),
        }
        while let Some(item) = session.line.decoder.next_item() {
            match item {
                Item::Message(message) | Item::Oversize { message, .. } => {
                    self.message(session, &message);
                }
                Item::Framing(_) => {}
            }
        }
        if session.line.decoder.discarded_bytes() > GIVE_UP_BYTES {
            return Err(Over::Lost(format!(
                "{} sends what is no message: is it the right port?",
                self.peer()
            )));
        }
        Ok(())
    }

    fn message(&mut self, session: &mut Session, message: &Message) {
        let profile = &self.options.profile;
        let code = Some(message.code);
        if code == profile.code(Command::StageHalt) {
            let now_ns = self.watch.now().mono_ns;
            let report = self.pursuit.answered(message, now_ns);
            self.report(report);
        } else if code == profile.code(Command::SystemStateGet) {
            session.is_busy = profile.state(message.d0()) == Some(SystemState::Workflow);
            if let Some(took) = session.health.answered(Instant::now()) {
                self.retry.worked();
                let round_trip_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                self.path(StopPath::Ready { round_trip_ns });
            }
        } else if let Some(state) = profile.notice(message.code).and_then(|n| n.state()) {
            session.is_busy = state == SystemState::Workflow;
        }
    }

    fn broken(&self, session: &Session, error: &std::io::Error) -> Over {
        self.ended(session, &format!("broke the connection ({error})"))
    }

    fn ended(&self, session: &Session, how: &str) -> Over {
        let peer = self.peer();
        Over::Lost(if session.health.ever_answered() {
            format!("{peer} {how}")
        } else {
            format!("{peer} {how} before it had answered: it may take no more clients")
        })
    }

    fn peer(&self) -> String {
        self.options.endpoint.to_string()
    }

    fn down(&mut self, what: &str) {
        self.path(StopPath::Down {
            why: PlainText::from(format!(
                "{what}. The source's own connection remains the only way for a stop"
            )),
        });
    }

    /// Says how the way stands, if that is news.
    fn path(&mut self, path: StopPath) {
        if self.told.as_ref() != Some(&path) {
            self.told = Some(path.clone());
            self.tell.say(self.watch.now(), StopEvent::Path(path));
        }
    }

    fn report(&self, report: Option<StopReport>) {
        if let Some(report) = report {
            self.tell.say(self.watch.now(), StopEvent::Report(report));
        }
    }
}
