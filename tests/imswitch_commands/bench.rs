//! A source with its stop board against a simulator, and the simulator's log beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter, StopReports};
use ttyscope::model::{
    Clock, Command, CommandId, CommandReport, CommandState, Instrument, Limits, Motion, Payload,
    Quantity, Request, Sample, SourceId, StopEvent, StopReport, Target, Unit,
};
use ttyscope::pipeline::{DiskItem, DiskLane, DiskReceiver, Pipeline};
use ttyscope::simulators::imswitch::{Logged, Simulator, SimulatorOptions, What};
use ttyscope::sources::imswitch::{ImSwitchOptions, Patience, run};
use ttyscope::sources::net::Endpoint;
use ttyscope::sources::reconnect::Backoff;

/// Far longer than anything here takes, and short enough to find a hang.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Bench {
    pub server: Simulator,
    pub board: StopBoard,
    pub stops: StopReports,
    pipeline: Pipeline,
    samples: mpsc::UnboundedReceiver<Sample>,
    pub seen: Vec<Payload>,
    /// When the instrument was published, nanoseconds.
    pub shown_at: Vec<u64>,
    requests: mpsc::Sender<Request>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    next: u64,
}

/// No pictures, small ones.
pub async fn simulator(options: SimulatorOptions) -> Simulator {
    Simulator::start(SimulatorOptions {
        live: false,
        sensor_px: (48, 32),
        ..options
    })
    .await
    .unwrap()
}

/// Limits for three of the four axes, and little patience.
pub fn options(port: u16) -> ImSwitchOptions {
    let mut options = ImSwitchOptions::new(Endpoint::plain("127.0.0.1", port));
    options.backoff = Backoff {
        base: Duration::from_millis(20),
        cap: Duration::from_millis(100),
        reset_after: Duration::from_secs(5),
    };
    let limits = Limits::new(-20_000.0, 20_000.0).unwrap();
    options.limits = ["x", "Y", "Z"]
        .into_iter()
        .map(|axis| (axis.to_owned(), limits))
        .collect::<BTreeMap<_, _>>();
    options.patience = Patience {
        call: Duration::from_millis(500),
        still: Duration::from_millis(400),
        ..Patience::default()
    };
    options
}

impl Bench {
    /// A source that knows its instrument, all axes at rest.
    pub async fn ready(simulated: SimulatorOptions) -> Self {
        Self::ready_with(simulated, |_| ()).await
    }

    pub async fn ready_with(
        simulated: SimulatorOptions,
        change: impl FnOnce(&mut ImSwitchOptions),
    ) -> Self {
        let mut bench = Self::start_with(simulated, change).await;
        bench
            .instrument("everything known and at rest", |it| {
                let rests = it.axes.iter().all(|axis| axis.motion == Motion::Settled);
                !it.offers.is_empty() && rests
            })
            .await;
        bench
    }

    pub async fn start_with(
        simulated: SimulatorOptions,
        change: impl FnOnce(&mut ImSwitchOptions),
    ) -> Self {
        let server = simulator(simulated).await;
        Self::on(server, change).await
    }

    /// A source of a simulator that runs, perhaps by a detour.
    pub async fn on(server: Simulator, change: impl FnOnce(&mut ImSwitchOptions)) -> Self {
        let mut options = options(server.address().port());
        change(&mut options);
        let (disk, receiver) = DiskLane::new(64 << 20);
        let (tell, samples) = mpsc::unbounded_channel();
        receiver.set_taking(true);
        std::thread::spawn(move || drain(&receiver, &tell));
        let clock = Clock::system();
        let pipeline = Pipeline::new(clock.clone(), 1, Some(disk), None);
        let board = StopBoard::new(clock, 1);
        let (reporter, stops) = StopReporter::new();
        let (requests, intake) = Intake::new(&board, SourceId(0), 8, reporter);
        let stop = CancellationToken::new();
        let outlet = pipeline.outlet(SourceId(0));
        let task = tokio::spawn(run(options, outlet, intake, stop.clone()));
        Self {
            server,
            board,
            stops,
            pipeline,
            samples,
            seen: Vec::new(),
            shown_at: Vec::new(),
            requests,
            stop,
            task,
            next: 0,
        }
    }

    /// Asks for something; returns its number.
    pub async fn ask(&mut self, command: Command) -> CommandId {
        self.next += 1;
        let id = CommandId(self.next);
        let request = Request {
            id,
            command,
            operator: "test".into(),
            stop_number: self.board.number(),
        };
        self.requests.send(request).await.unwrap();
        id
    }

    /// Waits for a payload.
    pub async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Payload) -> Option<T>) -> T {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let sample = self.samples.recv().await.unwrap();
                let payload = sample.payload;
                if matches!(payload, Payload::Instrument(_)) {
                    self.shown_at.push(sample.received.mono_ns);
                }
                let found = wanted(&payload);
                self.seen.push(payload);
                if let Some(found) = found {
                    return found;
                }
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("no {what}; there was {:#?}", self.summary()),
        }
    }

    fn summary(&self) -> Vec<String> {
        let told = self
            .seen
            .iter()
            .filter(|payload| !matches!(payload, Payload::Readings(_) | Payload::Frame(_)));
        told.map(|payload| format!("{payload:?}")).collect()
    }

    /// Waits until the instrument is like this, if it was not shown so last. `since` is how many
    /// payloads there were when it was certainly something else.
    pub async fn shown(
        &mut self,
        since: usize,
        what: &str,
        wanted: impl Fn(&Instrument) -> bool,
    ) -> Instrument {
        let mut told = self.seen[since..].iter().rev();
        let last = told.find_map(|payload| match payload {
            Payload::Instrument(it) => Some((**it).clone()),
            _ => None,
        });
        match last.filter(|it| wanted(it)) {
            Some(it) => it,
            None => self.instrument(what, wanted).await,
        }
    }

    /// Waits for the instrument to be shown like this from now on.
    pub async fn instrument(
        &mut self,
        what: &str,
        wanted: impl Fn(&Instrument) -> bool,
    ) -> Instrument {
        let wanted = |payload: &Payload| match payload {
            Payload::Instrument(it) if wanted(it) => Some((**it).clone()),
            _ => None,
        };
        self.until(what, wanted).await
    }

    /// The instrument as it was published last.
    pub fn last_instrument(&self) -> Instrument {
        let mut seen = self.seen.iter().rev();
        let found = seen.find_map(|payload| match payload {
            Payload::Instrument(it) => Some((**it).clone()),
            _ => None,
        });
        found.unwrap()
    }

    /// Waits until a command is in this state.
    pub async fn state(&mut self, id: CommandId, state: CommandState) -> CommandReport {
        self.until(
            &format!("{id} {}", state.as_str()),
            |payload| match payload {
                Payload::Command(report) if report.id == id && report.state == state => {
                    Some((**report).clone())
                }
                Payload::Command(report) if report.id == id && report.is_final => {
                    panic!("it ended otherwise: {report:?}")
                }
                _ => None,
            },
        )
        .await
    }

    /// Waits until a command has ended.
    pub async fn end(&mut self, id: CommandId) -> CommandReport {
        self.until(&format!("end of {id}"), |payload| match payload {
            Payload::Command(report) if report.id == id && report.is_final => {
                Some((**report).clone())
            }
            _ => None,
        })
        .await
    }

    /// As [`Bench::end`], also if it has ended already.
    pub async fn ended(&mut self, id: CommandId) -> CommandReport {
        let ended = self.seen.iter().find_map(|payload| match payload {
            Payload::Command(report) if report.id == id && report.is_final => {
                Some((**report).clone())
            }
            _ => None,
        });
        match ended {
            Some(report) => report,
            None => self.end(id).await,
        }
    }

    /// Asks and waits until it has ended: its state and what is said about it.
    pub async fn outcome(&mut self, command: Command) -> (CommandState, String) {
        let id = self.ask(command).await;
        let report = self.end(id).await;
        let detail = report.detail.map(|text| text.to_string());
        (report.state, detail.unwrap_or_default())
    }

    /// All states a command went through, in order.
    pub fn states(&self, id: CommandId) -> Vec<CommandState> {
        let reports = self.seen.iter().filter_map(|payload| match payload {
            Payload::Command(report) if report.id == id => Some(report.state),
            _ => None,
        });
        reports.collect()
    }

    /// The next report of a stop that the source sent itself.
    pub async fn stop_report(&mut self) -> StopReport {
        next_report(&mut self.stops).await
    }

    /// Commands that came in since the log had `from` lines: everything but questions.
    pub fn commands_since(&self, from: usize) -> Vec<String> {
        let log = self.server.log();
        let calls = log.into_iter().skip(from).filter_map(command);
        calls.collect()
    }

    pub fn log_len(&self) -> usize {
        self.server.log().len()
    }

    /// Ends the source and returns when it has ended; the books balance.
    pub async fn finish(mut self) -> Simulator {
        self.stop.cancel();
        let ended = |payload: &Payload| match payload {
            Payload::Link(link) if link.word() == "ended" => Some(()),
            _ => None,
        };
        self.until("the end", ended).await;
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap();
        let book = self.pipeline.ledger().snapshot().source(SourceId(0));
        for lane in &book.lanes {
            assert_eq!(lane.residue(), 0);
        }
        self.server
    }
}

/// The next report on a press.
pub async fn next_report(stops: &mut StopReports) -> StopReport {
    let next = tokio::time::timeout(PATIENCE, async {
        loop {
            if let (_, StopEvent::Report(report)) = stops.recv().await.unwrap() {
                return report;
            }
        }
    });
    next.await.unwrap()
}

/// The call of a line that is no question.
fn command(line: Logged) -> Option<String> {
    let What::Received { call, .. } = line.what else {
        return None;
    };
    let method = call.split('?').next()?.rsplit('/').next()?.to_owned();
    let asks = ["get", "is", "version", "hostname"];
    let is_question = asks.iter().any(|word| method.starts_with(word));
    (!is_question).then_some(call)
}

/// What was done, in order.
pub fn deeds(server: &Simulator, from: usize) -> Vec<What> {
    let log = server.log().into_iter().skip(from).map(|line| line.what);
    log.filter(|what| !matches!(what, What::Received { .. }))
        .collect()
}

fn drain(receiver: &DiskReceiver, tell: &mpsc::UnboundedSender<Sample>) {
    loop {
        if let Some(DiskItem::Record { sample, ticket, .. }) =
            receiver.recv(Duration::from_millis(50))
        {
            if let Some(ticket) = ticket {
                ticket.written();
            }
            if tell.send(sample).is_err() {
                return;
            }
        } else if tell.is_closed() {
            return;
        }
    }
}

/// Waits until this is so.
pub async fn until(what: &str, reached: impl Fn() -> bool) {
    let waited = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let reached = tokio::time::timeout(PATIENCE, waited).await;
    assert!(reached.is_ok(), "{what}");
}

pub fn um(value: f64) -> Quantity {
    Quantity::new(value, Unit::Micrometre)
}

pub fn move_to(axis: &str, value: f64) -> Command {
    Command::Move {
        axis: axis.into(),
        target: Target::To(um(value)),
    }
}

pub fn move_by(axis: &str, value: f64) -> Command {
    Command::Move {
        axis: axis.into(),
        target: Target::By(um(value)),
    }
}

pub fn light(name: &str, level: Option<Quantity>, on: Option<bool>) -> Command {
    Command::SetLight {
        light: name.into(),
        level,
        on,
    }
}
