//! `ttyscope stats` of a simulated fleet, over real sockets: its tables, what it says of the
//! verdicts, how it ends, and the same server read as a feed that nothing is known of.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use rustix::process::Signal;
use serde_json::Value;
use support::headless::{Ended, Headless, run};
use tokio::runtime::Runtime;
use ttyscope::simulators::fleet::{Fault, Simulator, SimulatorOptions};

/// A fleet, and the runtime it lives in.
struct Simulated {
    runtime: Runtime,
    simulator: Simulator,
}

impl Simulated {
    fn start(turn_s: f64) -> Self {
        let runtime = Runtime::new().unwrap();
        let options = SimulatorOptions {
            turn_s,
            workers: 4,
            ..SimulatorOptions::default()
        };
        let simulator = runtime.block_on(Simulator::start(options)).unwrap();
        Self { runtime, simulator }
    }

    fn url(&self, scheme: &str, query: &str) -> String {
        format!("{scheme}://{}{query}", self.simulator.address())
    }

    fn end(self) {
        self.runtime.block_on(self.simulator.stop());
    }
}

/// The verb, until what it is to see is said and it is told to end.
fn watched(url: &str, steps: &mut [(&str, &mut dyn FnMut())]) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    let args = ["stats", url, "--for", "24h", "--format", "json"];
    let running = Headless::start(&args, dir.path());
    for (verdict, then) in steps {
        running.wait_for_word(&format!(" fleet: {verdict}: "));
        then();
    }
    running.signal(Signal::INT);
    running.wait()
}

fn objects(ended: &Ended, table: &str) -> Vec<Value> {
    let lines = ended.stdout.iter();
    let objects = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.filter(|object| object["table"] == table).collect()
}

/// The sentence about the fleet at the end.
fn last_word(ended: &Ended) -> &str {
    let last = ended.stderr.lines().last().unwrap();
    last.strip_prefix("ttyscope: fleet: ")
        .unwrap_or_else(|| panic!("{ended:#?}"))
}

#[test]
fn a_live_fleet_is_tables_and_ends_with_0() {
    let fleet = Simulated::start(1.0);
    let ended = watched(&fleet.url("fleet", ""), &mut [("live", &mut || {})]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let [totals] = objects(&ended, "fleet").try_into().unwrap();
    for (name, wanted) in [
        ("source", Value::from("fleet")),
        ("verdict", "live".into()),
        ("supervising", true.into()),
        ("workers", 4.into()),
    ] {
        assert_eq!(totals[name], wanted, "{name}");
    }
    assert!(totals["attempts"].as_u64().unwrap() > 0, "{totals}");
    let pace = objects(&ended, "pace");
    // Live is two samples of each.
    assert_eq!(pace.len(), 3, "{pace:?}");
    for event in &pace {
        assert!(event["count"].as_u64().unwrap() >= 2, "{event}");
    }
    let workers = objects(&ended, "workers");
    let numbers: Vec<u64> = workers
        .iter()
        .map(|worker| worker["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(workers[0]["address"], "192.0.2.11");
    fleet.end();
}

#[test]
fn pushes_that_could_not_be_believed_end_with_3() {
    let fleet = Simulated::start(1.0);
    let zeros = &mut || fleet.simulator.set_faults(&[Fault::PushZero]);
    let healed = &mut || fleet.simulator.set_faults(&[]);
    let mut steps: [(&str, &mut dyn FnMut()); 3] =
        [("live", zeros), ("zero", healed), ("live", &mut || {})];
    let ended = watched(&fleet.url("fleet", ""), &mut steps);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(
        last_word(&ended).starts_with("what the fleet pushed could not be believed all the time"),
        "{ended:#?}"
    );
    fleet.end();
}

#[test]
fn a_fleet_that_is_down_is_not_called_a_liar() {
    let fleet = Simulated::start(1.0);
    let gone = &mut || fleet.simulator.set_faults(&[Fault::Gone]);
    let mut steps: [(&str, &mut dyn FnMut()); 2] = [("live", gone), ("down", &mut || {})];
    let ended = watched(&fleet.url("fleet", ""), &mut steps);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert_eq!(
        last_word(&ended),
        "the fleet was down; at the end: down",
        "{ended:#?}"
    );
    fleet.end();
}

#[test]
fn without_a_verdict_it_says_so() {
    // Two pushes would be one.
    let fleet = Simulated::start(86_400.0);
    let url = fleet.url("fleet", "");
    let ended = watched(&url, &mut [("unknown", &mut || {})]);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    let said = last_word(&ended);
    assert!(said.starts_with("no verdict was reached: "), "{ended:#?}");
    fleet.end();
}

#[test]
fn the_same_server_is_a_feed_of_rows_to_who_does_not_know_it() {
    let fleet = Simulated::start(1.0);
    let url = fleet.url(
        "socketio",
        "?events=instances_update&rows=instances_update:$.instances[*]\
         &key=instances_update:instance_id",
    );
    // How long a busy machine takes to the first push is not known beforehand.
    let (ended, rows) = [1, 2, 4, 8, 16, 32]
        .into_iter()
        .find_map(|seconds| {
            let dir = tempfile::tempdir().unwrap();
            let time = format!("{seconds}s");
            let ended = run(
                &["stats", &url, "--for", &time, "--format", "json"],
                dir.path(),
            );
            let rows = objects(&ended, "rows");
            (!rows.is_empty()).then_some((ended, rows))
        })
        .unwrap();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let of_first: Vec<&Value> = rows.iter().filter(|row| row["key"] == "1").collect();
    let cell = |column: &str| {
        let row = of_first.iter().find(|row| row["column"] == column);
        &row.unwrap_or_else(|| panic!("{of_first:?}"))["value"]
    };
    assert_eq!(cell("ip"), "192.0.2.11");
    assert_eq!(cell("is_paused"), false);
    assert_eq!(rows[0]["name"], "instances_update");
    assert!(objects(&ended, "fleet").is_empty());
    fleet.end();
}
