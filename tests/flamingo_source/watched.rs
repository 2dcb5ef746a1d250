//! A running source whose every sample is seen, in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter, StopReports};
use ttyscope::model::{
    Clock, Command, CommandId, CommandReport, CommandState, Instrument, Motion, Payload, Quantity,
    Reading, Request, Sample, SourceId, StopEvent, StopReport, Target, Unit,
};
use ttyscope::pipeline::{DiskItem, DiskLane, DiskReceiver, Pipeline};
use ttyscope::simulators::flamingo::{Deed, Simulator, SimulatorOptions, What};
use ttyscope::sources::flamingo::{FlamingoOptions, run};
use ttyscope::sources::net::Endpoint;

/// Far longer than anything here takes, and short enough to find a hang.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Watched {
    pub pipeline: Pipeline,
    pub board: StopBoard,
    /// Where the command port is.
    pub address: String,
    pub stops: StopReports,
    samples: mpsc::UnboundedReceiver<Sample>,
    pub seen: Vec<Sample>,
    /// The instrument as it was told last.
    pub instrument: Arc<Instrument>,
    requests: mpsc::Sender<Request>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    next_id: u64,
}

impl Watched {
    pub fn start(options: FlamingoOptions) -> Self {
        let (disk, receiver) = DiskLane::new(64 << 20);
        let (tell, samples) = mpsc::unbounded_channel();
        receiver.set_taking(true);
        std::thread::spawn(move || drain(&receiver, &tell));
        let clock = Clock::system();
        let pipeline = Pipeline::new(clock.clone(), 1, Some(disk), None);
        let board = StopBoard::new(clock, 1);
        let (reporter, stops) = StopReporter::new();
        let (requests, intake) = Intake::new(&board, SourceId(0), 64, reporter);
        let stop = CancellationToken::new();
        let address = options.endpoint.to_string();
        let outlet = pipeline.outlet(SourceId(0));
        let task = tokio::spawn(run(options, outlet, intake, stop.clone()));
        Self {
            pipeline,
            board,
            address,
            stops,
            samples,
            seen: Vec::new(),
            instrument: Arc::default(),
            requests,
            stop,
            task,
            next_id: 0,
        }
    }

    /// A source that has read all of a simulator.
    pub async fn ready(simulator: &Simulator) -> Self {
        let mut watched = Self::start(options(simulator));
        watched.read().await;
        watched
    }

    /// Waits until the instrument was read.
    pub async fn read(&mut self) {
        self.until_instrument("everything read", |instrument| {
            let axes = instrument.axes.iter();
            axes.filter(|a| a.motion == Motion::Settled && a.limits.is_some())
                .count()
                == 4
        })
        .await;
        // The last thing that is read.
        self.reading("server/storage").await;
    }

    pub async fn ask(&mut self, command: Command) -> CommandId {
        self.ask_after(self.board.number(), command).await
    }

    /// Asks as somebody who knew of this stop and of none after it.
    pub async fn ask_after(&mut self, stop_number: u64, command: Command) -> CommandId {
        self.next_id += 1;
        let id = CommandId(self.next_id);
        let request = Request {
            id,
            command,
            operator: "test".into(),
            stop_number,
        };
        self.requests.send(request).await.unwrap();
        id
    }

    /// Asks, and waits for the end.
    pub async fn done(&mut self, command: Command) -> CommandReport {
        let id = self.ask(command).await;
        self.end_of(id).await
    }

    pub async fn end_of(&mut self, id: CommandId) -> CommandReport {
        self.report(id, |report| report.is_final).await
    }

    pub async fn state_of(&mut self, id: CommandId, state: CommandState) -> CommandReport {
        self.report(id, |report| report.state == state).await
    }

    async fn report(
        &mut self,
        id: CommandId,
        wanted: impl Fn(&CommandReport) -> bool,
    ) -> CommandReport {
        let is_it = |p: &Payload| matches!(p, Payload::Command(r) if r.id == id && wanted(r));
        let seen = self.seen.iter().map(|sample| &sample.payload);
        let payload = match seen.clone().find(|payload| is_it(payload)) {
            Some(payload) => payload.clone(),
            None => self.until(&format!("wanted report of {id}"), is_it).await,
        };
        match payload {
            Payload::Command(report) => report.as_ref().clone(),
            _ => unreachable!(),
        }
    }

    /// Every state that a command was reported in.
    pub fn life(&self, id: CommandId) -> Vec<CommandState> {
        let reports = self.seen.iter().filter_map(|sample| match &sample.payload {
            Payload::Command(report) if report.id == id => Some(report.state),
            _ => None,
        });
        reports.collect()
    }

    /// Waits for a payload and returns it; what came before is skipped.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Payload) -> bool) -> Payload {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let sample = self.samples.recv().await.unwrap();
                if let Payload::Instrument(instrument) = &sample.payload {
                    self.instrument = instrument.clone();
                }
                self.seen.push(sample.clone());
                if wanted(&sample.payload) {
                    return sample.payload;
                }
            }
        });
        match found.await {
            Ok(payload) => payload,
            Err(_) => panic!("no {what}; there was {:#?}", self.summary()),
        }
    }

    pub async fn until_instrument(&mut self, what: &str, wanted: impl Fn(&Instrument) -> bool) {
        if !wanted(&self.instrument) {
            let is_it = |p: &Payload| matches!(p, Payload::Instrument(i) if wanted(i));
            self.until(what, is_it).await;
        }
    }

    fn summary(&self) -> Vec<String> {
        let last = self.seen.iter().rev().take(200).rev();
        last.filter(|sample| !matches!(sample.payload, Payload::Instrument(_)))
            .map(|sample| match &sample.payload {
                Payload::Frame(frame) => format!("frame {:?}", frame.number),
                other => format!("{other:?}"),
            })
            .collect()
    }

    pub async fn link(&mut self, word: &str) -> String {
        let is_it = |p: &Payload| matches!(p, Payload::Link(link) if link.word() == word);
        format!("{:?}", self.until(word, is_it).await)
    }

    /// Waits for a reading, also one that has come already.
    pub async fn reading(&mut self, name: &str) -> Reading {
        let find = |payload: &Payload| match payload {
            Payload::Readings(all) => all.iter().find(|r| r.name.as_str() == name).cloned(),
            _ => None,
        };
        let seen = self.seen.iter().rev();
        if let Some(found) = seen.map(|s| &s.payload).find_map(find) {
            return found;
        }
        let payload = self.until(name, |payload| find(payload).is_some()).await;
        find(&payload).unwrap()
    }

    pub async fn fault(&mut self, part: &str) {
        let is_it = |p: &Payload| matches!(p, Payload::Fault(f) if f.text.contains(part));
        if !self.seen.iter().any(|sample| is_it(&sample.payload)) {
            self.until(part, is_it).await;
        }
    }

    /// The next thing said of a stop.
    pub async fn stop_report(&mut self) -> StopReport {
        let found = tokio::time::timeout(PATIENCE, self.stops.recv());
        match found.await {
            Ok(Some((_, StopEvent::Report(report)))) => report,
            other => panic!("no report of a stop: {other:?}"),
        }
    }

    pub fn position(&self, axis: &str) -> f64 {
        self.instrument.axis(axis).unwrap().position.unwrap()
    }

    pub fn motion(&self, axis: &str) -> Motion {
        self.instrument.axis(axis).unwrap().motion
    }

    /// Ends the source and returns when it has ended.
    pub async fn end(mut self) -> Vec<Sample> {
        self.stop.cancel();
        self.link("ended").await;
        tokio::time::timeout(PATIENCE, &mut self.task)
            .await
            .unwrap()
            .unwrap();
        let book = self.pipeline.ledger().snapshot().source(SourceId(0));
        for lane in &book.lanes {
            assert_eq!(lane.residue(), 0);
        }
        self.seen
    }
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

pub fn options(simulator: &Simulator) -> FlamingoOptions {
    let address = simulator.address();
    FlamingoOptions::new(Endpoint::plain(address.ip().to_string(), address.port()))
}

/// A small and quick microscope.
pub fn quick() -> SimulatorOptions {
    SimulatorOptions {
        sensor_px: (48, 32),
        live_hz: 100.0,
        exposure_us: 1000,
        speeds: [20.0, 20.0, 20.0, 500.0],
        ..SimulatorOptions::default()
    }
}

pub async fn simulator(options: SimulatorOptions) -> Simulator {
    Simulator::start(options).await.unwrap()
}

pub fn to(axis: &str, value: f64) -> Command {
    let unit = if axis == "r" {
        Unit::Degree
    } else {
        Unit::Millimetre
    };
    Command::Move {
        axis: axis.into(),
        target: Target::To(Quantity::new(value, unit)),
    }
}

pub fn by_um(axis: &str, value: f64) -> Command {
    Command::Move {
        axis: axis.into(),
        target: Target::By(Quantity::new(value, Unit::Micrometre)),
    }
}

/// What the instrument did, without what was said.
pub fn deeds(simulator: &Simulator) -> Vec<Deed> {
    let log = simulator.log().into_iter();
    log.filter_map(|entry| match entry.what {
        What::Did(deed) => Some(deed),
        _ => None,
    })
    .collect()
}

/// Codes that the simulator received, in their order, from its `first` log entry on.
pub fn received(simulator: &Simulator, first: usize) -> Vec<u32> {
    let log = simulator.log_from(first).into_iter();
    log.filter_map(|entry| match entry.what {
        What::Received(message) => Some(message.code),
        _ => None,
    })
    .collect()
}
