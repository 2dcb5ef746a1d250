//! A fleet as a source, over real sockets: every fault of the simulator leads to its verdict, and
//! nothing but a connect, heart-beats and allowed questions ever leaves for the server.
//!
//! Time is compressed on both sides alike, so that half a minute of silence is half a second.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter};
use ttyscope::model::FleetVerdict::{
    DeadLink, Disagree, Down, Half, Idle, Live, Silent, StalledProducer, Zero,
};
use ttyscope::model::{
    Clock, Fate, FiguresFrom, Fleet, FleetVerdict, LinkState, Payload, SourceId,
};
use ttyscope::pipeline::{Pipeline, ScreenLanes};
use ttyscope::protocol::fleet::{RestPath, Timing};
use ttyscope::simulators::fleet::{Fault, Simulator, SimulatorOptions};
use ttyscope::sources::fleet::{FleetOptions, run};
use ttyscope::sources::net::Endpoint;

/// What has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(60);
const SPEED: f64 = 40.0;

struct Watched {
    simulator: Simulator,
    screen: Arc<ScreenLanes>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn simulated() -> SimulatorOptions {
    SimulatorOptions {
        speed: SPEED,
        ping_interval: Duration::from_secs(1),
        ping_timeout: Duration::from_secs(1),
        ..SimulatorOptions::default()
    }
}

impl Watched {
    async fn start(simulated: SimulatorOptions, probe_s: f64) -> Self {
        let simulator = Simulator::start(simulated).await.unwrap();
        let mut options =
            FleetOptions::new(Endpoint::plain("127.0.0.1", simulator.address().port()));
        options.timing = Timing::compressed(SPEED);
        options.probe_s = probe_s;
        let clock = Clock::system();
        let screen = Arc::new(ScreenLanes::new(clock.clone()));
        let pipeline = Pipeline::new(clock.clone(), 1, None, Some(Arc::clone(&screen)));
        let board = StopBoard::new(clock, 1);
        let (_, intake) = Intake::new(&board, SourceId(0), 4, StopReporter::new().0);
        let stop = CancellationToken::new();
        let outlet = pipeline.outlet(SourceId(0));
        let task = tokio::spawn(run(options, outlet, intake, stop.clone()));
        Self {
            simulator,
            screen,
            stop,
            task,
        }
    }

    /// One that is live.
    async fn live() -> Self {
        let watched = Self::start(simulated(), 30.0).await;
        watched.verdict(Live).await;
        watched
    }

    async fn until<T>(&self, what: &str, mut wanted: impl FnMut(Payload) -> Option<T>) -> T {
        let mut last = String::new();
        let found = timeout(PATIENCE, async {
            loop {
                while let Some(delivery) = self.screen.try_take() {
                    delivery.ticket.settle(Fate::Shown);
                    if let Payload::Fleet(fleet) = &delivery.sample.payload {
                        last = format!("{:?}: {}", fleet.verdict, fleet.evidence);
                    }
                    if let Some(found) = wanted(delivery.sample.payload) {
                        return found;
                    }
                }
                self.screen.ready().await;
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("waiting for {what}; the last was {last}"),
        }
    }

    /// Waits for a view that is as wanted.
    async fn fleet(&self, what: &str, wanted: impl Fn(&Fleet) -> bool) -> Arc<Fleet> {
        self.until(what, |payload| match payload {
            Payload::Fleet(fleet) if wanted(&fleet) => Some(fleet),
            _ => None,
        })
        .await
    }

    async fn verdict(&self, verdict: FleetVerdict) -> Arc<Fleet> {
        self.fleet(verdict.as_str(), |fleet| fleet.verdict == verdict)
            .await
    }

    async fn mark(&self, part: &str) -> Arc<Fleet> {
        self.fleet(part, |fleet| has_mark(fleet, part)).await
    }

    /// Leaves in order; nothing that was received was more than allowed.
    async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
        let received = self.simulator.received();
        self.simulator.stop().await;
        for line in &received {
            assert!(is_allowed(line), "{line}");
        }
    }
}

fn has_mark(fleet: &Fleet, part: &str) -> bool {
    fleet.marks.iter().any(|mark| mark.text.contains(part))
}

/// What may be received: questions of the list, the upgrade, connect, pong, and the good-bye.
fn is_allowed(line: &str) -> bool {
    match line.strip_prefix("> ") {
        Some(message) => matches!(message, "40" | "40{}" | "3" | "41" | "1"),
        None => {
            let target = line.strip_prefix("GET ").unwrap_or("");
            RestPath::ALL.iter().any(|path| path.as_str() == target)
                || target == "/socket.io/?EIO=4&transport=websocket"
        }
    }
}

const CONFIRMED: FleetVerdict = Silent { confirmed: true };

#[tokio::test]
async fn a_good_fleet_is_live_and_its_interval_is_learned() {
    let watched = Watched::start(simulated(), 30.0).await;
    let (mut links, mut logs, mut messages) = (Vec::new(), 0, 0);
    let fleet = watched
        .until("live with a probe", |payload| match payload {
            Payload::Link(state) => {
                links.push(state.word());
                None
            }
            Payload::Log(line) => {
                logs += usize::from(&*line.origin == "fleet");
                None
            }
            Payload::Message(_) => {
                messages += 1;
                None
            }
            Payload::Fleet(fleet) => {
                let learned = fleet.pace.iter().all(|pace| pace.count >= 3);
                (fleet.verdict == Live && learned && fleet.probe.is_some()).then_some(fleet)
            }
            _ => None,
        })
        .await;
    assert_eq!(links, ["connecting", "connected", "live"]);
    assert!(logs > 0 && messages >= 9, "{logs} {messages}");
    let interval_s = fleet.pace[0].interval_s.unwrap();
    assert!((5.0..20.0).contains(&interval_s), "{interval_s}");
    assert_eq!(fleet.figures_from, FiguresFrom::Push);
    let workers = fleet.workers.as_ref().unwrap();
    assert_eq!(workers.len(), 6);
    let tried = workers
        .iter()
        .find(|worker| worker.last_try.is_some())
        .unwrap();
    assert!(tried.last_try_age_s.is_some(), "{tried:?}");
    watched.end().await;
}

#[tokio::test]
async fn swallowed_pushes_are_silent_and_one_reconnection_is_tried() {
    let watched = Watched::live().await;
    watched.simulator.set_faults(&[Fault::PushSilent]);
    // Links overtake views on the way to the screen.
    let (mut stale, mut silent) = (None, None);
    let (link, fleet) = watched
        .until("silence and a stale link", |payload| {
            match payload {
                Payload::Link(LinkState::Stale { missing }) => stale = Some(missing),
                Payload::Fleet(fleet) if fleet.verdict == CONFIRMED => silent = Some(fleet),
                _ => {}
            }
            stale.clone().zip(silent.clone())
        })
        .await;
    assert!(fleet.evidence.contains("REST moved"), "{}", fleet.evidence);
    assert!(
        link.starts_with("silent") || link.starts_with("late"),
        "{link}"
    );
    let fleet = watched.mark("reconnecting did not help").await;
    assert_eq!(fleet.verdict, CONFIRMED);
    assert_eq!(fleet.figures_from, FiguresFrom::Rest);
    watched.simulator.set_faults(&[]);
    watched.verdict(Live).await;
    let upgrades = watched.simulator.received();
    let upgrades = upgrades.iter().filter(|line| line.contains("websocket"));
    assert_eq!(upgrades.count(), 2, "{:?}", watched.simulator.received());
    watched.end().await;
}

#[tokio::test]
async fn each_fault_of_the_pushes_has_its_verdict_and_ends() {
    for (fault, verdict, part) in [
        (Fault::PushHalf, Half, "statistics_update"),
        (Fault::PushZero, Zero, "pushed 0 attempts"),
        (Fault::PushWrong, Disagree, "failed: pushed"),
    ] {
        let watched = Watched::live().await;
        watched.simulator.set_faults(&[fault]);
        let fleet = watched.verdict(verdict).await;
        assert!(fleet.evidence.contains(part), "{}", fleet.evidence);
        watched.simulator.set_faults(&[]);
        watched.verdict(Live).await;
        watched.end().await;
    }
}

#[tokio::test]
async fn a_dead_loop_is_idle_where_the_server_says_so() {
    let watched = Watched::live().await;
    watched.simulator.set_faults(&[Fault::LoopDead]);
    watched.verdict(Idle).await;
    watched.end().await;
}

#[tokio::test]
async fn a_loop_that_died_unnoticed_is_stalled_once_work_is_due() {
    let watched = Watched::start(
        SimulatorOptions {
            // Everybody is due again soon.
            long_wait_s: 20.0,
            short_wait_s: 20.0,
            ..simulated()
        },
        30.0,
    )
    .await;
    watched.verdict(Live).await;
    watched.simulator.set_faults(&[Fault::LoopStuck]);
    let fleet = watched.verdict(StalledProducer).await;
    assert!(fleet.evidence.contains(" due for "), "{}", fleet.evidence);
    watched.end().await;
}

#[tokio::test]
async fn a_slow_fleet_is_never_silent() {
    let mut options = simulated();
    options.faults = vec![Fault::PushSlow];
    let watched = Watched::start(options, 30.0).await;
    let mut seen = Vec::new();
    let fleet = watched
        .until("a learned minute", |payload| match payload {
            Payload::Fleet(fleet) => {
                seen.push(fleet.verdict);
                let has_learned = fleet.pace.iter().all(|pace| pace.interval_s > Some(40.0));
                (fleet.verdict == Live && has_learned).then_some(fleet)
            }
            _ => None,
        })
        .await;
    assert!(fleet.pace[2].interval_s.unwrap() < 80.0, "{:?}", fleet.pace);
    assert!(!seen.iter().any(|v| matches!(v, Silent { .. })), "{seen:?}");
    watched.end().await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_down_and_comes_back() {
    let watched = Watched::live().await;
    watched.simulator.set_faults(&[Fault::Gone]);
    let fleet = watched.verdict(Down).await;
    assert!(fleet.evidence.contains("REST failed"), "{}", fleet.evidence);
    watched.simulator.set_faults(&[]);
    watched.verdict(Live).await;
    watched.end().await;
}

#[tokio::test]
async fn answers_that_fail_change_nothing_while_pushes_come() {
    let watched = Watched::live().await;
    watched.simulator.set_faults(&[Fault::RestFails]);
    let fleet = watched
        .fleet("a failed probe", |fleet| {
            fleet
                .probe
                .as_ref()
                .is_some_and(|probe| probe.failures >= 1)
        })
        .await;
    assert_eq!(fleet.verdict, Live);
    let why = fleet.probe.as_ref().unwrap().outcome.clone().unwrap_err();
    assert!(why.contains("answers 500"), "{why}");
    watched.end().await;
}

#[tokio::test]
async fn a_connection_without_heart_beats_is_dead() {
    let watched = Watched::live().await;
    watched.simulator.set_faults(&[Fault::NoBeat]);
    let fleet = watched.verdict(DeadLink).await;
    assert!(
        fleet.evidence.contains("no connection"),
        "{}",
        fleet.evidence
    );
    watched.simulator.set_faults(&[]);
    watched.verdict(Live).await;
    watched.end().await;
}

#[tokio::test]
async fn restarts_and_clock_jumps_are_marked() {
    let watched = Watched::live().await;
    watched.simulator.set_faults(&[Fault::Restart]);
    watched.mark("restart: turn").await;
    watched.simulator.set_faults(&[]);
    // Somebody has to be waiting for the jump to show.
    watched
        .fleet("a countdown", |fleet| {
            let workers = fleet.workers.as_deref().unwrap_or_default();
            workers.iter().any(|worker| worker.due_in_s > Some(100))
        })
        .await;
    watched.simulator.set_faults(&[Fault::ClockJump]);
    watched.mark("clock jump").await;
    watched.end().await;
}

#[tokio::test]
async fn without_probes_nothing_is_asked_but_old_lines() {
    let watched = Watched::start(simulated(), 0.0).await;
    watched.verdict(Live).await;
    watched.simulator.set_faults(&[Fault::PushSilent]);
    watched.verdict(Silent { confirmed: false }).await;
    let received = watched.simulator.received();
    let asked: Vec<&str> = received
        .iter()
        .filter_map(|line| line.strip_prefix("GET /api"))
        .collect();
    assert_eq!(asked, ["/logs?lines=1000"]);
    watched.end().await;
}
