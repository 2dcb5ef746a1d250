//! Every recorded fleet feed leads to the verdict that its notes say, with exactly the counts of
//! its manifest. Time was compressed sixty times when they were made; the thresholds are as well.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use support::captures;
use ttyscope::model::FleetVerdict::{self, Half, Idle, Late, Live, Silent, Unknown, Zero};
use ttyscope::model::{FiguresFrom, Fleet, Stamp};
use ttyscope::protocol::fleet::{Monitor, ProbeAnswer, Profile, Timing};

const SPEED: f64 = 60.0;
/// Time goes on in steps this small, so that every threshold is met within a step.
const STEP_NS: u64 = 2_000_000;

#[derive(Deserialize)]
struct Expected {
    lines: usize,
    events: Option<BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
struct Line {
    t_ns: u64,
    dir: Option<String>,
    target: Option<String>,
    status: Option<u16>,
    payload: String,
}

/// What happens, in order.
enum Step {
    Session(Line),
    Answers(Line, Line),
}

impl Step {
    fn at_ns(&self) -> u64 {
        match self {
            Self::Session(line) | Self::Answers(_, line) => line.t_ns,
        }
    }
}

struct Played {
    fleet: Fleet,
    /// Every verdict with the moment it began, in seconds of the feed, and its evidence.
    verdicts: Vec<(FleetVerdict, f64, String)>,
    counts: BTreeMap<String, u64>,
    logs: u64,
    /// When each expected event came last, in seconds of the feed.
    last_s: BTreeMap<String, f64>,
}

fn at(ns: u64) -> Stamp {
    Stamp {
        mono_ns: ns,
        unix_ns: ns,
    }
}

fn feed_s(ns: u64) -> f64 {
    ns as f64 / 1e9 * SPEED
}

fn read(path: &Path) -> Vec<Line> {
    let text = captures::read_text(path);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Plays a session, and the answers beside it unless they are left out.
fn play(name: &str, with_answers: bool) -> Option<Played> {
    let dir = captures::folder("socketio")?;
    let manifest: BTreeMap<String, Expected> =
        serde_json::from_str(&captures::read_text(&dir.join("manifest.json"))).unwrap();
    let session = read(&dir.join(format!("{name}.jsonl.gz")));
    let answers = read(&dir.join(format!("{name}.rest.jsonl.gz")));
    assert_eq!(session.len(), manifest[&format!("{name}.jsonl.gz")].lines);
    assert_eq!(
        answers.len(),
        manifest[&format!("{name}.rest.jsonl.gz")].lines
    );

    let mut steps: Vec<Step> = session.into_iter().map(Step::Session).collect();
    let mut answers = answers.into_iter().filter(|_| with_answers);
    while let (Some(statistics), Some(workers)) = (answers.next(), answers.next()) {
        assert_eq!(statistics.target.as_deref(), Some("/api/statistics"));
        assert_eq!(workers.target.as_deref(), Some("/api/instances"));
        steps.push(Step::Answers(statistics, workers));
    }
    steps.sort_by_key(Step::at_ns);

    let probe_every_s = if with_answers { 30.0 } else { 0.0 };
    let timing = Timing::compressed(SPEED);
    let mut monitor = Monitor::new(Profile::default(), timing, probe_every_s, at(0));
    let mut played = Played {
        fleet: monitor.fleet(at(0)),
        verdicts: vec![(monitor.verdict(), 0.0, monitor.evidence().to_owned())],
        counts: BTreeMap::new(),
        logs: 0,
        last_s: BTreeMap::new(),
    };
    let mut now = 0;
    for step in steps {
        while now + STEP_NS < step.at_ns() {
            now += STEP_NS;
            monitor.time(at(now));
            played.note(&monitor, now);
        }
        now = step.at_ns();
        match &step {
            Step::Session(line) => played.take(&mut monitor, line),
            Step::Answers(statistics, workers) => {
                let body = |line: &Line| {
                    assert_eq!(line.status, Some(200));
                    line.payload.clone().into_bytes()
                };
                let (first, second) = (body(statistics), body(workers));
                let wrong = monitor.probed(&ProbeAnswer {
                    asked: at(statistics.t_ns),
                    at: at(workers.t_ns),
                    statistics: Ok(&first),
                    workers: Ok(&second),
                    health: None,
                });
                assert_eq!(wrong.count, 0, "{:?}", wrong.first);
            }
        }
        played.note(&monitor, now);
    }
    let expected = manifest[&format!("{name}.jsonl.gz")]
        .events
        .clone()
        .unwrap();
    let counts: BTreeMap<String, u64> = played
        .counts
        .iter()
        .map(|(event, count)| (format!("in.{event}"), *count))
        .collect();
    assert_eq!(counts, expected, "{name}");
    played.fleet = monitor.fleet(at(now));
    assert_eq!(
        played.logs,
        played.counts.get("log_update").copied().unwrap_or(0)
    );
    for pace in &played.fleet.pace {
        assert_eq!(
            Some(&pace.count),
            played.counts.get(pace.event.as_str()),
            "{name}"
        );
    }
    Some(played)
}

impl Played {
    fn take(&mut self, monitor: &mut Monitor, line: &Line) {
        if line.dir.as_deref() != Some("in") {
            return;
        }
        let now = at(line.t_ns);
        if line.payload == "2" {
            monitor.beat(now);
        } else if line.payload.starts_with("40") {
            monitor.connected(now);
        } else if let Some(array) = line.payload.strip_prefix("42") {
            let parts: Vec<serde_json::Value> = serde_json::from_str(array).unwrap();
            let name = parts[0].as_str().unwrap();
            *self.counts.entry(name.to_owned()).or_default() += 1;
            self.last_s.insert(name.to_owned(), feed_s(line.t_ns));
            let taken = monitor.event(name, array.as_bytes(), now).unwrap();
            assert_eq!(taken.wrong.count, 0, "{:?}", taken.wrong.first);
            self.logs += u64::from(taken.log.is_some());
        }
    }

    fn note(&mut self, monitor: &Monitor, now: u64) {
        if self.verdicts.last().unwrap().0 != monitor.verdict() {
            let evidence = monitor.evidence().to_owned();
            self.verdicts
                .push((monitor.verdict(), feed_s(now), evidence));
        }
    }

    /// The verdicts until the server said that it stops its loop. Most recordings go on for a
    /// while after that, and end idle.
    fn words(&self) -> Vec<FleetVerdict> {
        let mut words: Vec<_> = self.verdicts.iter().map(|(verdict, ..)| *verdict).collect();
        if words.last() == Some(&Idle) {
            let stopped_s = self.last_s["status_update"];
            assert!(self.began_s(Idle) - stopped_s > 10.0, "{:?}", self.verdicts);
            words.pop();
        }
        words
    }

    fn began_s(&self, wanted: FleetVerdict) -> f64 {
        self.verdicts.iter().find(|(v, ..)| *v == wanted).unwrap().1
    }

    /// The marks without those of clocks: sixty times compressed, a delay of 50 ms on the way is a
    /// jump of 3 s.
    fn marks(&self) -> Vec<&str> {
        let texts = self.fleet.marks.iter().map(|mark| mark.text.as_str());
        texts
            .filter(|text| !text.starts_with("clock jump"))
            .collect()
    }

    fn interval_s(&self, place: usize) -> f64 {
        self.fleet.pace[place].interval_s.unwrap()
    }
}

const CONFIRMED: FleetVerdict = Silent { confirmed: true };

#[test]
fn the_good_feed_is_live_from_its_second_turn_to_its_end() {
    let Some(played) = play("flask-stats", true) else {
        return;
    };
    assert_eq!(played.words(), [Unknown, Live], "{:?}", played.verdicts);
    assert_eq!(played.fleet.turn, Some(60));
    assert!(
        (played.interval_s(1) - 10.0).abs() < 0.5,
        "{}",
        played.interval_s(1)
    );
    assert_eq!(played.marks(), ["the loop was stopped"]);
    assert_eq!(FleetVerdict::exit_code(played.words()), 0);
}

#[test]
fn the_silent_feed_is_silent_from_turn_13_and_the_answers_prove_it() {
    let Some(played) = play("flask-stats-silent", true) else {
        return;
    };
    assert_eq!(
        played.words(),
        [Unknown, Live, Late, CONFIRMED],
        "{:?}",
        played.verdicts
    );
    assert_eq!(played.fleet.turn, Some(12));
    let waited_s = played.began_s(CONFIRMED) - played.last_s["instances_update"];
    assert!((21.0..32.0).contains(&waited_s), "{waited_s}");
    let evidence = &played.verdicts[3].2;
    for part in ["s old (expected 10.", "heart-beat", "REST moved"] {
        assert!(evidence.contains(part), "{evidence}");
    }
    assert_eq!(played.fleet.figures_from, FiguresFrom::Rest);
    assert_eq!(FleetVerdict::exit_code(played.words()), 3);
}

#[test]
fn without_answers_the_silent_feed_is_silent_after_three_intervals() {
    let Some(played) = play("flask-stats-silent", false) else {
        return;
    };
    let silent = Silent { confirmed: false };
    assert_eq!(
        played.words(),
        [Unknown, Live, Late, silent],
        "{:?}",
        played.verdicts
    );
    let waited_s = played.began_s(silent) - played.last_s["status_update"];
    assert!((29.0..31.5).contains(&waited_s), "{waited_s}");
    assert_eq!(played.fleet.figures_from, FiguresFrom::Push);
}

#[test]
fn the_half_feed_names_the_event_that_stopped() {
    for with_answers in [true, false] {
        let Some(played) = play("flask-stats-half", with_answers) else {
            return;
        };
        assert_eq!(
            played.words(),
            [Unknown, Live, Late, Half],
            "{:?}",
            played.verdicts
        );
        let waited_s = played.began_s(Half) - played.last_s["statistics_update"];
        assert!((29.0..31.5).contains(&waited_s), "{waited_s}");
        assert!(
            played.verdicts[3].2.starts_with("statistics_update 3"),
            "{:?}",
            played.verdicts
        );
        assert_eq!(played.fleet.turn, Some(36));
    }
}

#[test]
fn the_zero_feed_is_told_by_the_answers_alone() {
    let Some(played) = play("flask-stats-zero", true) else {
        return;
    };
    assert_eq!(
        played.words(),
        [Unknown, Live, Zero],
        "{:?}",
        played.verdicts
    );
    // Turn 13 comes 120 s after turn 1; two turns have to be wrong.
    let since_first_s = played.began_s(Zero) - played.began_s(Live);
    assert!((110.0..150.0).contains(&since_first_s), "{since_first_s}");
    assert!(
        played.verdicts[2]
            .2
            .starts_with("pushed 0 attempts, REST has"),
        "{:?}",
        played.verdicts
    );
    assert!(
        played.fleet.totals.unwrap().attempts > Some(0),
        "the answers are shown"
    );
    assert!(played.marks()[0].starts_with("counters fell while the turns went on"));
    let Some(blind) = play("flask-stats-zero", false) else {
        return;
    };
    assert_eq!(blind.words(), [Unknown, Live], "{:?}", blind.verdicts);
}

#[test]
fn the_slow_feed_is_never_called_silent_and_its_minute_is_learned() {
    for with_answers in [true, false] {
        let Some(played) = play("flask-stats-slow", with_answers) else {
            return;
        };
        assert_eq!(played.words(), [Unknown, Live], "{:?}", played.verdicts);
        for place in 0..3 {
            let interval_s = played.interval_s(place);
            assert!((interval_s - 60.0).abs() < 1.5, "{interval_s}");
        }
        assert_eq!(played.marks(), ["the loop was stopped"]);
    }
}
