//! The fleet screen as text: every verdict an operator meets, at three sizes.
#![allow(clippy::unwrap_used)]

#[path = "support/screens.rs"]
mod screens;

use std::sync::Arc;

use ratatui::buffer::CellWidth;
use screens::{Scene, at};
use ttyscope::model::{FleetVerdict, LogLine, Origin, Payload, Severity, SourceId, SourceInfo};
use ttyscope::pipeline::PipelineSnapshot;
use ttyscope::protocol::fleet::{Monitor, ProbeAnswer, Profile, Timing};

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (160, 48)];
const FLEET: SourceId = SourceId(0);
/// The keys of the screens that are shown.
const SCREEN: &str = "4";
const JOURNAL: &str = "7";

/// A fleet as its server told it, second by second.
struct Told {
    scene: Scene,
    monitor: Monitor,
}

fn row(number: u64, status: &str, due: u64, tried: Option<&str>, more: &str) -> String {
    let address = match number {
        3 => "顕微鏡".to_owned(),
        n => format!("192.0.2.{}", 10 + n),
    };
    let tried = tried.map_or("null".to_owned(), |at| format!("\"2026-01-05T{at}\""));
    format!(
        r#"{{"instance_id":{number},"ip":"{address}","status":"{status}","vote_count":{number},"seconds_remaining":{due},"last_attempted_vote":{tried},"last_successful_vote":{tried}{more}}}"#
    )
}

fn rows(elapsed_s: u64) -> String {
    let due = |s: u64| s.saturating_sub(elapsed_s);
    let operator = r#","waiting_for_login":true,"last_failure_reason":"Session expired""#;
    let paused = r#","is_paused":true"#;
    let failed = r#","last_failure_type":"technical","last_failure_reason":"Could not find the target element""#;
    [
        row(1, "✅ Success", due(1282), Some("08:58:00"), ""),
        row(2, "🔄 Retry in 5 min", due(271), Some("08:57:10"), failed),
        row(3, "⏳ Cooldown (31 min)", due(1860), Some("06:00:00"), ""),
        row(4, "🔑 Waiting for Login", due(0), None, operator),
        row(
            5,
            "⏸️ Paused - Hourly Limit",
            due(600),
            Some("08:40:00"),
            paused,
        ),
        row(6, "❌ Error", due(15), Some("08:59:00"), ""),
    ]
    .join(",")
}

fn totals(attempts: u64) -> String {
    let succeeded = attempts - attempts / 4;
    let rate = if attempts == 0 {
        0.0
    } else {
        succeeded as f64 / attempts as f64 * 100.0
    };
    format!(
        r#"{{"total_attempts":{attempts},"successful_votes":{succeeded},"failed_votes":{},"hourly_limits":{},"success_rate":{rate},"active_instances":6}}"#,
        attempts / 4,
        attempts / 12
    )
}

fn figures() -> PipelineSnapshot {
    PipelineSnapshot {
        terminal: screens::figures(60_000, 1_000).terminal,
        ..PipelineSnapshot::default()
    }
}

impl Told {
    fn new(size: (u16, u16)) -> Self {
        let info = SourceInfo {
            id: FLEET,
            name: "fleet".into(),
            address: "fleet://127.0.0.1:5000".into(),
            origin: Origin::Simulated,
            caution: None,
        };
        Self {
            scene: Scene::new(screens::options(vec![info], size)),
            monitor: Monitor::new(Profile::default(), Timing::default(), 30.0, at(0)),
        }
    }

    fn show(&mut self, s: u64) {
        let fleet = Arc::new(self.monitor.fleet(at(s * 1_000)));
        self.scene.sample(s * 1_000, FLEET, Payload::Fleet(fleet));
    }

    fn push(&mut self, s: u64, event: &str, object: &str) {
        let array = format!("[\"{event}\",{object}]");
        self.monitor
            .event(event, array.as_bytes(), at(s * 1_000))
            .unwrap();
    }

    fn turn(&mut self, s: u64, turn: u64, attempts: u64, with_totals: bool) {
        let status =
            format!(r#"{{"monitoring_active":true,"loop_count":{turn},"active_instances":6}}"#);
        self.push(s, "status_update", &status);
        if with_totals {
            self.push(s, "statistics_update", &totals(attempts));
        }
        self.push(
            s,
            "instances_update",
            &format!(r#"{{"instances":[{}]}}"#, rows(s)),
        );
        self.show(s);
    }

    fn probe(&mut self, s: u64, attempts: u64) {
        let statistics = totals(attempts);
        let workers = format!(r#"{{"instances":[{}]}}"#, rows(s));
        self.monitor.probed(&ProbeAnswer {
            asked: at(s * 1_000),
            at: at(s * 1_000 + 20),
            statistics: Ok(statistics.as_bytes()),
            workers: Ok(workers.as_bytes()),
            health: Some(Ok(
                br#"{"monitoring_active":true,"timestamp":"2026-01-05T09:00:00"}"#,
            )),
        });
        self.show(s);
    }

    /// A connection, four good turns and a probe.
    fn live(size: (u16, u16)) -> Self {
        let mut told = Self::new(size);
        told.monitor.connected(at(0));
        for turn in 1..=4 {
            told.turn(turn * 10, turn, turn * 3, true);
        }
        told.monitor.beat(at(38_000));
        told.probe(40, 12);
        for (severity, text) in [
            (Severity::Info, "✅ worker #1 finished, count 1"),
            (Severity::Warning, "⚠️ worker #2 failed: technical"),
        ] {
            let line = LogLine {
                severity,
                origin: "fleet".into(),
                text: text.into(),
            };
            told.scene.sample(41_000, FLEET, Payload::Log(line));
        }
        told
    }

    /// Time goes by.
    fn wait(&mut self, s: u64) {
        self.monitor.beat(at((s - 4) * 1_000));
        self.monitor.time(at(s * 1_000));
        self.show(s);
        self.scene.tick(s * 1_000, figures());
    }

    fn in_state(name: &str, size: (u16, u16)) -> (Self, FleetVerdict) {
        let mut told = match name {
            "empty" => return (Self::new(size), FleetVerdict::Unknown),
            _ => Self::live(size),
        };
        let verdict = match name {
            "live" => FleetVerdict::Live,
            "silent" => {
                told.probe(62, 12);
                told.probe(67, 14);
                told.wait(72);
                FleetVerdict::Silent { confirmed: true }
            }
            "half" => {
                for turn in 5..=8 {
                    told.turn(turn * 10, turn, 12, false);
                }
                FleetVerdict::Half
            }
            "zero" => {
                for turn in 5..=6 {
                    told.turn(turn * 10, turn, 0, true);
                    told.probe(turn * 10, 12);
                }
                FleetVerdict::Zero
            }
            "stalled" => {
                let rows = rows(600).replace("true", "false");
                for s in [62, 100] {
                    let (statistics, workers) =
                        (totals(12), format!(r#"{{"instances":[{rows}]}}"#));
                    told.monitor.probed(&ProbeAnswer {
                        asked: at(s * 1_000),
                        at: at(s * 1_000),
                        statistics: Ok(statistics.as_bytes()),
                        workers: Ok(workers.as_bytes()),
                        health: None,
                    });
                    told.wait(s);
                }
                FleetVerdict::StalledProducer
            }
            "dead_link" => {
                told.monitor
                    .disconnected(true, "no heart-beat for 45 s", at(60_000));
                told.wait(72);
                FleetVerdict::DeadLink
            }
            "restart" => {
                told.turn(50, 1, 0, true);
                FleetVerdict::Live
            }
            other => unreachable!("{other}"),
        };
        (told, verdict)
    }
}

const STATES: [&str; 8] = [
    "empty",
    "live",
    "silent",
    "half",
    "zero",
    "stalled",
    "dead_link",
    "restart",
];

fn snapshot(name: String, scene: &Scene) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, scene.text()));
}

/// Every row takes as many columns as the screen has: no wide glyph moves what follows it.
fn assert_rows_are_whole(scene: &Scene) {
    let buf = scene.draw();
    for y in 0..buf.area.height {
        let mut x = 0;
        while x < buf.area.width {
            x += buf[(x, y)].cell_width().max(1);
        }
        assert_eq!(x, buf.area.width, "row {y}");
    }
}

#[test]
fn every_verdict_at_every_size() {
    for state in STATES {
        for size in SIZES {
            let (mut told, verdict) = Told::in_state(state, size);
            assert_eq!(
                told.monitor.verdict(),
                verdict,
                "{state}: {}",
                told.monitor.evidence()
            );
            told.scene.press(SCREEN);
            assert_rows_are_whole(&told.scene);
            let (cols, rows) = size;
            snapshot(format!("fleet_{state}_{cols}x{rows}"), &told.scene);
        }
    }
}

#[test]
fn workers_can_be_filtered_selected_and_held() {
    let mut told = Told::live((100, 30));
    told.scene.press(SCREEN);
    told.scene.press("/ r e t r y enter");
    let text = told.scene.text();
    assert!(
        text.contains("workers · /retry") && text.contains("1 of 6"),
        "{text}"
    );
    assert!(!text.contains("192.0.2.11"), "{text}");
    told.scene.press("esc G");
    let before = told.scene.text();
    assert!(before.contains("192.0.2.16"), "{before}");
    // Held: what comes meanwhile is not shown.
    told.scene.press("f");
    told.turn(50, 5, 40, true);
    assert!(!told.scene.text().contains("Attempts 40"), "held");
    told.scene.press("f");
    assert!(told.scene.text().contains("Attempts 40"));
}

#[test]
fn an_opened_fleet_goes_to_its_screen_and_a_mark_to_the_journal() {
    let (mut told, _) = Told::in_state("restart", (100, 30));
    told.scene.press("1 enter");
    assert!(
        told.scene.text().contains("fleet · fleet"),
        "{}",
        told.scene.text()
    );
    told.scene.press(JOURNAL);
    let text = told.scene.text();
    assert!(text.contains("restart: turn 4 → 1"), "{text}");
}
