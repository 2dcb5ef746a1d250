//! Every rule of section 5 as a row of a table.

use super::FleetVerdict::{
    DeadLink, Disagree, Down, Half, Idle, Late, Live, Silent, StalledProducer, Unknown, Zero,
};
use super::*;

const CONFIRMED: FleetVerdict = Silent { confirmed: true };
const UNCONFIRMED: FleetVerdict = Silent { confirmed: false };

/// An event of a 10 s feed that came so long ago.
fn came(age_s: f64) -> EventCase {
    EventCase {
        age_s,
        has_come: true,
        interval_s: Some(10.0),
        may_be_slow: false,
        on_time: 2,
    }
}

fn every(interval_s: f64, age_s: f64) -> EventCase {
    EventCase {
        interval_s: Some(interval_s),
        ..came(age_s)
    }
}

/// An event that never came on this connection.
fn never(since_connect_s: f64, interval_s: Option<f64>) -> EventCase {
    EventCase {
        has_come: false,
        interval_s,
        on_time: 0,
        ..came(since_connect_s)
    }
}

/// The first push of a feed whose interval nobody knows.
fn first(age_s: f64, may_be_slow: bool) -> EventCase {
    EventCase {
        interval_s: None,
        may_be_slow,
        on_time: 1,
        ..came(age_s)
    }
}

fn case(events: [EventCase; 3]) -> Case {
    Case {
        link: LinkCase::Up,
        rest_failures: 0,
        has_probes: true,
        events,
        unpushed_moves: 0,
        is_supervising: Some(true),
        due_for_s: None,
        is_zero: false,
        is_disagreeing: false,
        was: Live,
    }
}

#[test]
fn ages_are_judged_by_the_learned_interval() {
    let cases = [
        (came(0.0), Live),
        (came(21.0), Live),
        (came(21.1), Late),
        (came(30.0), Late),
        (came(30.1), UNCONFIRMED),
        // Never before 15 s.
        (every(1.0, 3.1), Late),
        (every(1.0, 15.0), Late),
        (every(1.0, 15.1), UNCONFIRMED),
        // The version that pushes every minute.
        (every(60.0, 119.0), Live),
        (every(60.0, 122.0), Late),
        (every(60.0, 181.0), UNCONFIRMED),
    ];
    for (event, verdict) in cases {
        assert_eq!(case([event; 3]).judge(), verdict, "{event:?}");
    }
}

#[test]
fn a_feed_whose_interval_is_unknown_is_silent_only_by_proof_or_after_130_s() {
    let cases = [
        (never(29.0, None), 0, Unknown),
        (never(129.0, None), 1, Unknown),
        (never(131.0, None), 0, UNCONFIRMED),
        (never(131.0, None), 1, CONFIRMED),
        (never(14.0, None), 2, Unknown),
        (never(15.1, None), 2, CONFIRMED),
        // Known from the connection before.
        (never(20.0, Some(10.0)), 0, Unknown),
        (never(30.1, Some(10.0)), 0, UNCONFIRMED),
        (never(30.1, Some(60.0)), 0, Unknown),
        (never(181.0, Some(60.0)), 0, UNCONFIRMED),
        // One push: turn 6 may be the first of a slow feed, turn 7 is not.
        (first(31.0, false), 0, UNCONFIRMED),
        (first(31.0, true), 0, Unknown),
        (first(60.0, true), 2, Unknown),
        (first(122.0, true), 0, Late),
        (first(131.0, true), 0, UNCONFIRMED),
    ];
    for (event, unpushed_moves, verdict) in cases {
        let case = Case {
            unpushed_moves,
            was: Unknown,
            ..case([event; 3])
        };
        assert_eq!(case.judge(), verdict, "{event:?} moves {unpushed_moves}");
    }
}

#[test]
fn silence_is_confirmed_by_moves_and_ended_by_pushes_alone() {
    let cases = [
        // Late is enough where the answers prove a loss.
        (came(22.0), Live, 1, CONFIRMED),
        // On time, so the push may still come.
        (came(12.0), Live, 1, Live),
        (came(40.0), CONFIRMED, 0, CONFIRMED),
        (came(40.0), UNCONFIRMED, 0, UNCONFIRMED),
        (came(40.0), UNCONFIRMED, 1, CONFIRMED),
    ];
    for (event, was, unpushed_moves, verdict) in cases {
        let case = Case {
            was,
            unpushed_moves,
            ..case([event; 3])
        };
        assert_eq!(case.judge(), verdict, "{event:?} was {was:?}");
    }
    // Back: late until two samples of each came in time.
    for (on_time, verdict) in [([0, 0, 0], Late), ([2, 1, 2], Late), ([2, 2, 2], Live)] {
        let events = on_time.map(|on_time| EventCase {
            on_time,
            ..came(1.0)
        });
        let case = Case {
            was: CONFIRMED,
            ..case(events)
        };
        assert_eq!(case.judge(), verdict, "{on_time:?}");
    }
    // A remedy changes nothing until a push comes.
    let mut remedied = Case {
        was: CONFIRMED,
        ..case([never(2.0, Some(10.0)); 3])
    };
    assert_eq!(remedied.judge(), CONFIRMED);
    remedied.link = LinkCase::Remedy;
    assert_eq!(remedied.judge(), CONFIRMED);
}

#[test]
fn silence_without_moves_is_told_apart() {
    let cases = [
        (Some(true), None, UNCONFIRMED),
        // Everybody waits: no evidence.
        (None, None, UNCONFIRMED),
        (Some(true), Some(30.0), UNCONFIRMED),
        (Some(true), Some(30.1), StalledProducer),
        (Some(false), Some(300.0), Idle),
        (Some(false), None, Idle),
    ];
    for (is_supervising, due_for_s, verdict) in cases {
        let case = Case {
            is_supervising,
            due_for_s,
            ..case([came(31.0); 3])
        };
        assert_eq!(case.judge(), verdict, "{is_supervising:?} {due_for_s:?}");
    }
    // Stopped, and still in time: nothing is wrong.
    let stopped = Case {
        is_supervising: Some(false),
        ..case([came(5.0); 3])
    };
    assert_eq!(stopped.judge(), Live);
    let overdue = Case {
        is_supervising: Some(false),
        ..case([came(22.0); 3])
    };
    assert_eq!(overdue.judge(), Idle);
    let proved = Case {
        is_supervising: Some(false),
        due_for_s: Some(99.0),
        was: CONFIRMED,
        ..case([came(99.0); 3])
    };
    assert_eq!(proved.judge(), CONFIRMED);
}

#[test]
fn half_is_one_silent_while_another_comes() {
    let cases = [
        ([came(1.0), came(31.0), came(1.0)], Half),
        ([came(1.0), never(31.0, Some(10.0)), came(1.0)], Half),
        ([came(1.0), came(25.0), came(1.0)], Late),
        // The other is no longer within twice its interval.
        ([came(20.5), came(31.0), came(22.0)], Late),
        ([came(31.0), came(31.0), came(31.0)], UNCONFIRMED),
    ];
    for (events, verdict) in cases {
        assert_eq!(case(events).judge(), verdict, "{events:?}");
    }
}

#[test]
fn wrong_values_come_after_missing_ones() {
    let of = |is_zero, is_disagreeing, events| {
        Case {
            is_zero,
            is_disagreeing,
            ..case(events)
        }
        .judge()
    };
    let fresh = [came(1.0); 3];
    assert_eq!(of(true, false, fresh), Zero);
    assert_eq!(of(false, true, fresh), Disagree);
    assert_eq!(of(true, true, fresh), Zero);
    assert_eq!(of(true, true, [came(31.0); 3]), UNCONFIRMED);
    assert_eq!(of(true, false, [came(1.0), came(31.0), came(1.0)]), Half);
}

#[test]
fn a_link_is_dead_and_a_server_is_down() {
    let lost = |for_s, by_silence, failed_attempts| LinkCase::Lost {
        for_s,
        by_silence,
        failed_attempts,
    };
    let cases = [
        (LinkCase::Starting, 2, true, Unknown, Unknown),
        (lost(0.1, true, 0), 0, true, Live, DeadLink),
        (lost(0.1, false, 0), 0, true, Live, Unknown),
        (lost(5.1, false, 1), 0, true, Unknown, DeadLink),
        (lost(5.1, false, 9), 2, true, DeadLink, DeadLink),
        (lost(5.1, false, 9), 3, true, DeadLink, Down),
        (lost(9.0, false, 9), 0, true, Down, DeadLink),
        // Without probes the failed attempts have to do.
        (lost(5.1, false, 2), 0, false, Unknown, DeadLink),
        (lost(5.1, false, 3), 0, false, Unknown, Down),
        // Answers alone that fail change no verdict while pushes come, but with none it is down.
        (LinkCase::Up, 9, true, Live, Live),
    ];
    for (link, rest_failures, has_probes, was, verdict) in cases {
        let case = Case {
            link,
            rest_failures,
            has_probes,
            was,
            ..case([came(1.0); 3])
        };
        assert_eq!(case.judge(), verdict, "{link:?} {rest_failures}");
    }
    for (failures, verdict) in [(2, UNCONFIRMED), (3, Down)] {
        let case = Case {
            rest_failures: failures,
            ..case([came(31.0); 3])
        };
        assert_eq!(case.judge(), verdict, "{failures}");
    }
}

#[test]
fn a_new_connection_is_unknown_until_two_samples() {
    for was in [Unknown, DeadLink, Down] {
        for (on_time, verdict) in [(0, Unknown), (1, Unknown), (2, Live)] {
            let events = [EventCase {
                on_time,
                ..came(1.0)
            }; 3];
            let case = Case {
                was,
                ..case(events)
            };
            assert_eq!(case.judge(), verdict, "{was:?} {on_time}");
        }
    }
}
