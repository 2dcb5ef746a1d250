use super::*;
use crate::model::{
    EndReason, Fault, FaultKind, Origin, Reading, StopLevel, StopOrigin, StopPress, StopReport,
    StopState,
};

struct Bench {
    rules: Rules,
    latched: Latched,
}

impl Bench {
    fn new(rules: &[&str]) -> Self {
        let sources: Vec<SourceInfo> = (0..)
            .zip(["left", "right"])
            .map(|(id, name)| SourceInfo {
                id: SourceId(id),
                name: name.into(),
                address: "".into(),
                origin: Origin::Live,
                caution: None,
            })
            .collect();
        let triggers: Vec<Trigger> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Self {
            rules: Rules::new(&triggers, &sources),
            latched: Latched::default(),
        }
    }

    fn say(&mut self, source: u16, payload: Payload) -> Vec<String> {
        let sample = Sample {
            source: SourceId(source),
            received: Stamp::default(),
            payload,
        };
        self.latched.remember(&sample);
        let fired = self.rules.look(&sample, &self.latched);
        fired.into_iter().map(|fired| fired.because).collect()
    }

    fn heat(&mut self, source: u16, value: f64) -> Vec<String> {
        let readings = vec![Reading::new("temperature", value, "°C")];
        self.say(source, Payload::Readings(readings))
    }
}

fn down() -> Payload {
    Payload::Link(LinkState::Down {
        reason: EndReason::TransportClose,
        detail: "".into(),
        retry_in: None,
    })
}

fn fault(severity: Severity) -> Payload {
    Payload::Fault(Fault::new(FaultKind::Peer, severity, "it is stuck"))
}

fn pressed(number: u64) -> Payload {
    Payload::Stop(StopEvent::Report(StopReport {
        press: StopPress {
            number,
            level: StopLevel::Halt,
            origin: StopOrigin::Key,
            mono_ns: 0,
        },
        state: StopState::NotSent,
        detail: None,
    }))
}

const NONE: [&str; 0] = [];

#[test]
fn a_condition_fires_when_it_comes_to_be_so() {
    let mut bench = Bench::new(&["left.temperature > 30"]);
    assert_eq!(bench.heat(0, 29.0), NONE);
    assert_eq!(bench.heat(0, 31.0), ["left.temperature>30 (31 °C)"]);
    assert_eq!(bench.heat(0, 35.0), NONE);
    assert_eq!(bench.heat(0, 30.0), NONE);
    assert_eq!(bench.heat(1, 99.0), NONE);
    assert_eq!(bench.heat(0, 31.0).len(), 1);
}

#[test]
fn a_condition_without_a_source_is_about_each() {
    let mut bench = Bench::new(&["temperature>30"]);
    assert_eq!(bench.heat(0, 31.0).len(), 1);
    assert_eq!(bench.heat(1, 31.0), ["right.temperature>30 (31 °C)"]);
    assert_eq!(bench.heat(1, 32.0), NONE);
}

#[test]
fn a_link_is_lost_once_and_only_if_it_stood() {
    let mut bench = Bench::new(&["link-down"]);
    assert_eq!(bench.say(0, down()), NONE);
    bench.say(0, Payload::Link(LinkState::Live));
    let because = bench.say(0, down());
    assert_eq!(because, ["the link to left was lost: transport close"]);
    bench.say(0, Payload::Link(LinkState::Connecting { attempt: 2 }));
    assert_eq!(bench.say(0, down()), NONE);
    let mut bench = Bench::new(&["right.link-down"]);
    bench.say(0, Payload::Link(LinkState::Live));
    assert_eq!(bench.say(0, down()), NONE);
}

#[test]
fn a_fault_has_to_cost_something() {
    let mut bench = Bench::new(&["fault"]);
    assert_eq!(bench.say(0, fault(Severity::Warning)), NONE);
    let because = bench.say(1, fault(Severity::Error));
    assert_eq!(because, ["right had a fault: it is stuck"]);
}

#[test]
fn a_stop_fires_once_for_all_instruments_that_tell_of_it() {
    let mut bench = Bench::new(&["stop"]);
    let because = bench.say(0, pressed(1));
    assert_eq!(because, ["a stop was pressed (halt, key)"]);
    assert_eq!(bench.say(1, pressed(1)), NONE);
    assert_eq!(bench.say(1, pressed(2)).len(), 1);
    let mut bench = Bench::new(&["fault"]);
    assert_eq!(bench.say(0, pressed(1)), NONE);
}

#[test]
fn rules_fill_no_disk() {
    let mut rules = Rules::default();
    let minute = |n: u64| Stamp {
        mono_ns: n * 60_000_000_000,
        unix_ns: 0,
    };
    assert!(rules.may_begin(minute(0)));
    let soon = Stamp {
        mono_ns: 59_000_000_000,
        unix_ns: 0,
    };
    assert!(!rules.may_begin(soon));
    let begun = (1..60).filter(|n| rules.may_begin(minute(*n))).count();
    assert_eq!(begun, MOST_PER_HOUR - 1);
    assert!(rules.may_begin(minute(60)));
}
