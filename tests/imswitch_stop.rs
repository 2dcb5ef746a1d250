//! The stop of an ImSwitch instrument, by its stop path and by its source: the simulator's log has
//! the last word.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "imswitch_commands/bench.rs"]
#[allow(dead_code)]
mod bench;

use std::time::Duration;

use bench::{Bench, PATIENCE, deeds, light, move_to, next_report, options, simulator, until};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{StopBoard, StopReporter, StopReports, Watcher};
use ttyscope::model::{
    Clock, CommandState, Motion, Quantity, SourceId, StopEvent, StopLevel, StopOrigin, StopPath,
    StopState, Unit,
};
use ttyscope::simulators::imswitch::{Dialect, Fault, Simulator, SimulatorOptions, What};
use ttyscope::sources::imswitch::stop;

use CommandState::{Acknowledged, Done, Refused, Stopped};

/// The stop path of one instrument.
struct Path {
    board: StopBoard,
    reports: StopReports,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Path {
    fn start(port: u16) -> Self {
        let board = StopBoard::new(Clock::system(), 1);
        let watch = board.watch(SourceId(0), Watcher::Path);
        let (tell, reports) = StopReporter::new();
        let stop = CancellationToken::new();
        let task = tokio::spawn(stop::run(options(port), watch, tell, stop.clone()));
        Self {
            board,
            reports,
            stop,
            task,
        }
    }

    async fn ready(port: u16) -> Self {
        let mut path = Self::start(port);
        path.path("ready", |path| matches!(path, StopPath::Ready { .. }))
            .await;
        path
    }

    /// Waits until the way stands like this.
    async fn path(&mut self, what: &str, wanted: impl Fn(&StopPath) -> bool) -> StopPath {
        let mut seen = Vec::new();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                if let (_, StopEvent::Path(path)) = self.reports.recv().await.unwrap() {
                    if wanted(&path) {
                        return path;
                    }
                    seen.push(path);
                }
            }
        });
        match found.await {
            Ok(path) => path,
            Err(_) => panic!("never {what}; it was {seen:?}"),
        }
    }

    /// The next reports, as words with their details.
    async fn reports(&mut self, count: usize) -> Vec<String> {
        let mut words = Vec::new();
        for _ in 0..count {
            let report = next_report(&mut self.reports).await;
            let detail = report.detail.map(|text| format!(": {text}"));
            let word = report.state.as_str();
            words.push(format!("{word}{}", detail.unwrap_or_default()));
        }
        words
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

/// Nothing began to move after the last stop of every axis, and nothing moves.
fn assert_halted(server: &Simulator) {
    let deeds = deeds(server, 0);
    let last_motion = deeds.iter().rposition(What::is_motion);
    let last_stop = deeds
        .iter()
        .rposition(|what| matches!(what, What::Stops { .. }));
    assert!(last_stop.is_some() && last_stop > last_motion, "{deeds:#?}");
    assert!(!server.is_moving());
}

fn stop_calls(server: &Simulator) -> usize {
    let log = server.log().into_iter();
    let is_stop = |what: &What| match what {
        What::Received { call, .. } => call.starts_with("PositionerController/stopA"),
        _ => false,
    };
    log.filter(|line| is_stop(&line.what)).count()
}

/// Sets an axis in motion for half a minute.
async fn set_in_motion(server: &Simulator) {
    let bytes = "GET /api/PositionerController/movePositionerForever?axis=Z&speed=10 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, bytes.as_bytes())
        .await
        .unwrap();
    until("it moves", || server.is_moving()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_stops_the_stage_at_once() {
    let server = simulator(SimulatorOptions::default()).await;
    let mut path = Path::ready(server.address().port()).await;
    for round in 0..20 {
        set_in_motion(&server).await;
        let press = path.board.press_level(StopLevel::Halt, StopOrigin::Key);
        let sent = next_report(&mut path.reports).await;
        assert!(matches!(sent.state, StopState::Sent { .. }), "{sent:?}");
        let stopped = next_report(&mut path.reports).await;
        let is_done = matches!(stopped.state, StopState::Acknowledged { .. });
        assert!(is_done, "{round}: {stopped:?}");
        assert_eq!((stopped.press, stopped.detail), (press, None));
        assert_halted(&server);
    }
    // A light is none of a halt's business.
    assert_eq!(server.light("LED"), Some((3_000.0, true)));
    path.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_press_puts_the_lights_out() {
    let server = simulator(SimulatorOptions {
        led_matrix: true,
        ..SimulatorOptions::default()
    })
    .await;
    let mut path = Path::ready(server.address().port()).await;
    path.board.press(StopOrigin::Key);
    assert_eq!(path.reports(2).await, ["sent", "acknowledged"]);
    let second = path.board.press(StopOrigin::Key);
    assert_eq!(second.level, StopLevel::Safe);
    let told = path.reports(3).await;
    assert_eq!(told[0], "sent");
    // Half an answer is none.
    assert!(
        told[1].starts_with("sent: motion acknowledged after "),
        "{told:?}"
    );
    assert!(told[1].ends_with(" ms; light open"), "{told:?}");
    assert_eq!(told[2], "acknowledged: motion and 3 lights");
    for light in ["LED", "LASER", "LEDMatrix"] {
        assert_eq!(
            server.light(light).map(|(_, on)| on),
            Some(false),
            "{light}"
        );
    }
    path.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_while_nothing_is_known_yet_is_served() {
    for dialect in Dialect::ALL {
        let server = simulator(SimulatorOptions {
            dialect,
            ..SimulatorOptions::default()
        })
        .await;
        let mut path = Path::start(server.address().port());
        path.board.press_level(StopLevel::Safe, StopOrigin::Outside);
        let reports = path.reports(3).await;
        let done = "acknowledged: motion and 2 lights";
        assert_eq!(reports[0], "sent", "{dialect}");
        assert!(reports[1].ends_with("; light open"), "{reports:?}");
        assert_eq!(reports[2], done, "{dialect}");
        assert_halted(&server);
        let axes = deeds(&server, 0);
        let stopped = |axis: &str| {
            let mut all = axes.iter();
            all.any(|what| matches!(what, What::Stops { axis: one, .. } if *one == axis))
        };
        assert!(["X", "Y", "Z", "A"].into_iter().all(stopped), "{dialect}");
        path.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_is_not_answered_is_an_alarm_and_tried_again() {
    let server = simulator(SimulatorOptions::default()).await;
    let mut path = Path::ready(server.address().port()).await;
    server.set_faults(&[Fault::DeadStop]);
    set_in_motion(&server).await;
    path.board.press(StopOrigin::Signal);
    assert_eq!(path.reports(2).await, ["sent", "no answer"]);
    assert!(server.is_moving());
    server.set_faults(&[]);
    let late = next_report(&mut path.reports).await;
    let StopState::Acknowledged { after_ns } = late.state else {
        panic!("{late:?}");
    };
    assert!(after_ns >= 1_000_000_000);
    assert_halted(&server);
    path.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_cleared_is_not_tried_any_more() {
    let server = simulator(SimulatorOptions::default()).await;
    let mut path = Path::ready(server.address().port()).await;
    server.set_faults(&[Fault::DeadStop]);
    path.board.press(StopOrigin::Key);
    assert_eq!(path.reports(2).await, ["sent", "no answer"]);
    path.board.clear(path.board.number());
    server.set_faults(&[]);
    // It went back to asking how the way is, so nothing is tried any more.
    path.path("ready again", |path| matches!(path, StopPath::Ready { .. }))
        .await;
    let calls = stop_calls(&server);
    set_in_motion(&server).await;
    let asked = || {
        let log = server.log().into_iter().rev();
        let mut calls = log.filter_map(|line| match line.what {
            What::Received { call, .. } => Some(call),
            _ => None,
        });
        let is_question = |call: String| call.ends_with("getLaserNames");
        calls.next().is_some_and(is_question)
    };
    until("one more question", asked).await;
    assert_eq!(stop_calls(&server), calls);
    assert!(server.is_moving());
    path.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_is_down_says_why_and_serves_a_press_once_it_stands() {
    let port = {
        let gone = simulator(SimulatorOptions::default()).await;
        let port = gone.address().port();
        gone.stop().await;
        port
    };
    let mut path = Path::start(port);
    let is_down = |path: &StopPath| matches!(path, StopPath::Down { why } if why.contains("refused the connection"));
    path.path("down", is_down).await;
    path.board.press(StopOrigin::Key);
    let report = next_report(&mut path.reports).await;
    assert_eq!(report.state, StopState::NotSent);
    let server = simulator(SimulatorOptions {
        port,
        ..SimulatorOptions::default()
    })
    .await;
    let late = loop {
        let report = next_report(&mut path.reports).await;
        if !report.state.is_alarm() {
            break report;
        }
    };
    assert!(matches!(late.state, StopState::Sent { .. }), "{late:?}");
    assert_eq!(path.reports(1).await, ["acknowledged"]);
    assert_halted(&server);
    path.path("ready", |path| matches!(path, StopPath::Ready { .. }))
        .await;
    path.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_connections_are_replaced_before_and_at_a_press() {
    let server = simulator(SimulatorOptions::default()).await;
    let port = server.address().port();
    let mut path = Path::ready(port).await;
    server.stop().await;
    let server = simulator(SimulatorOptions {
        port,
        ..SimulatorOptions::default()
    })
    .await;
    path.board.press(StopOrigin::Key);
    loop {
        let report = next_report(&mut path.reports).await;
        if matches!(report.state, StopState::Acknowledged { .. }) {
            break;
        }
    }
    assert_halted(&server);
    path.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_does_not_wait_for_a_question_under_way() {
    let server = simulator(SimulatorOptions::default()).await;
    let mut path = Path::ready(server.address().port()).await;
    // It is given up without an answer, and then the way counts as down.
    let by = Duration::from_secs(3_600);
    server.set_faults(&[Fault::SlowRest { by }]);
    let before = server.log().len();
    until("a question is under way", || server.log().len() > before).await;
    server.set_faults(&[]);
    path.board.press(StopOrigin::Key);
    let sent = loop {
        match path.reports.recv().await.unwrap().1 {
            StopEvent::Report(report) => break report,
            StopEvent::Path(StopPath::Down { why }) => panic!("it waited until {why}"),
            StopEvent::Path(_) => {}
        }
    };
    assert!(matches!(sent.state, StopState::Sent { .. }), "{sent:?}");
    let stopped = next_report(&mut path.reports).await;
    let is_done = matches!(stopped.state, StopState::Acknowledged { .. });
    assert!(is_done, "{stopped:?}");
    path.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_at_the_very_end_is_served() {
    let server = simulator(SimulatorOptions::default()).await;
    let mut path = Path::ready(server.address().port()).await;
    set_in_motion(&server).await;
    path.board.press(StopOrigin::Key);
    path.stop.cancel();
    assert_eq!(path.reports(2).await, ["sent", "acknowledged"]);
    assert_halted(&server);
    path.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_stops_a_move_of_its_own_and_reads_where_it_stands() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let id = bench.ask(move_to("Z", 10_000.0)).await;
    bench.state(id, Acknowledged).await;
    until("it moves", || bench.server.position_um("Z") > Some(0.0)).await;
    let press = bench.board.press(StopOrigin::Key);
    let report = bench.stop_report().await;
    assert_eq!(report.press, press);
    assert!(matches!(report.state, StopState::Acknowledged { .. }));
    let stopped = bench.end(id).await;
    let since = bench.seen.len();
    let at = bench.server.position_um("Z").unwrap();
    assert_eq!(stopped.state, Stopped);
    let why = stopped.detail.unwrap();
    assert!(why.starts_with("Z stands at "), "{why}");
    assert_eq!(stopped.after[2].value, Some(at));
    assert_halted(&bench.server);

    // Held until it is cleared.
    let (state, why) = bench.outcome(move_to("Z", 0.0)).await;
    assert_eq!(state, Refused);
    assert!(why.contains(":clear"), "{why}");
    let (state, _) = bench.outcome(light("LED", None, Some(false))).await;
    assert_eq!(state, Done);
    assert_halted(&bench.server);
    bench.board.clear(bench.board.number());
    bench
        .shown(since, "rest", |it| it.axes[2].motion == Motion::Settled)
        .await;
    let (state, _) = bench.outcome(move_to("Z", at + 5.0)).await;
    assert_eq!(state, Done);
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_overtakes_the_stop_is_stopped_behind_it() {
    let mut bench = Bench::ready_with(SimulatorOptions::default(), |options| {
        options.patience.call = Duration::from_secs(10);
    })
    .await;
    // The call lies with the server for a while before it is carried out.
    let by = Duration::from_millis(600);
    bench.server.set_faults(&[Fault::SlowRest { by }]);
    let from = bench.log_len();
    let id = bench.ask(move_to("Z", 10_000.0)).await;
    until("the call has come", || {
        !bench.commands_since(from).is_empty()
    })
    .await;
    bench.server.set_faults(&[]);
    bench.board.press(StopOrigin::Key);
    let ended = bench.end(id).await;
    assert_eq!(ended.state, Stopped, "{ended:?}");
    let deeds = deeds(&bench.server, from);
    let first_stop = deeds
        .iter()
        .position(|what| matches!(what, What::Stops { .. }));
    let motion = deeds.iter().position(What::is_motion);
    assert!(first_stop < motion, "the move did not overtake: {deeds:?}");
    assert_halted(&bench.server);
    let at = bench.server.position_um("Z").unwrap();
    assert!(at < 1_000.0, "{at}");
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_dropped_by_a_stop() {
    let mut bench = Bench::ready_with(
        SimulatorOptions {
            faults: vec![Fault::RestHang],
            ..SimulatorOptions::default()
        },
        |options| options.patience.call = Duration::from_secs(10),
    )
    .await;
    let from = bench.log_len();
    let bright = || light("LED", Some(Quantity::new(9.0, Unit::Raw)), None);
    let hanging = bench.ask(bright()).await;
    bench.state(hanging, CommandState::Sent).await;
    // Written here is not yet read there.
    until("the hanging call has come", || {
        !bench.commands_since(from).is_empty()
    })
    .await;
    let waiting = [bench.ask(bright()).await, bench.ask(bright()).await];
    bench.state(waiting[1], CommandState::Queued).await;
    // In the source's queue and not even looked at, or looked at: it makes no difference.
    let moves = [
        bench.ask(move_to("X", 5.0)).await,
        bench.ask(move_to("Y", 5.0)).await,
    ];
    bench.board.press(StopOrigin::Key);
    for id in waiting {
        let report = bench.ended(id).await;
        assert_eq!(report.state, Refused);
        assert!(report.detail.unwrap().contains(":clear"));
    }
    let mut sent = 1;
    for id in moves {
        let report = bench.ended(id).await;
        sent += usize::from(report.state != Refused);
    }
    let is_stop = |call: &String| call.contains("/stopA") || call.contains("/cancel");
    let others = || {
        let calls = bench.commands_since(from);
        calls.iter().filter(|call| !is_stop(call)).count()
    };
    until("every call that was sent has come", || others() >= sent).await;
    assert_eq!(others(), sent, "{:#?}", bench.commands_since(from));
    assert!(!deeds(&bench.server, from).iter().any(What::is_motion));
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_stop_while_the_link_is_down() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let id = bench.ask(move_to("Z", 10_000.0)).await;
    bench.state(id, Acknowledged).await;
    bench.server.set_faults(&[
        Fault::Refuse,
        Fault::DropLink {
            after: Duration::from_millis(1),
        },
    ]);
    bench.state(id, CommandState::Unknown).await;
    assert!(bench.server.is_moving());
    bench.board.press(StopOrigin::Key);
    let report = bench.stop_report().await;
    assert!(matches!(report.state, StopState::Acknowledged { .. }));
    assert_halted(&bench.server);

    set_in_motion(&bench.server).await;
    let mut path = Path::ready(bench.server.address().port()).await;
    path.board.press(StopOrigin::Key);
    assert_eq!(path.reports(2).await, ["sent", "acknowledged"]);
    assert_halted(&bench.server);
    path.end().await;

    bench.server.set_faults(&[]);
    let ended = bench.end(id).await;
    assert_eq!(ended.state, Stopped);
    bench.finish().await;
}
