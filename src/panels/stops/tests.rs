use super::*;
use crate::model::{StopLevel, StopOrigin};

fn at(ms: u64) -> Stamp {
    Stamp {
        mono_ns: ms * 1_000_000,
        unix_ns: 0,
    }
}

fn press(number: u64, level: StopLevel) -> StopPress {
    StopPress {
        number,
        level,
        origin: StopOrigin::Key,
        mono_ns: at(1_000).mono_ns,
    }
}

fn report(number: u64, state: StopState) -> StopEvent {
    StopEvent::Report(StopReport {
        press: press(number, StopLevel::Halt),
        state,
        detail: None,
    })
}

const fn sent(after_ns: u64) -> StopState {
    StopState::Sent { after_ns }
}

const fn acknowledged(after_ns: u64) -> StopState {
    StopState::Acknowledged { after_ns }
}

/// The reports of both ways in any order, and what they come to.
#[test]
fn an_answer_on_either_way_is_an_answer() {
    use StopState::{NoAnswer, NotSent, Refused};
    let cases: [(&[StopState], StopState); 7] = [
        (&[sent(3), sent(2)], sent(2)),
        (&[sent(1), NotSent], sent(1)),
        (&[NotSent, NotSent], NotSent),
        (&[sent(1), NoAnswer, NotSent], NoAnswer),
        (&[sent(1), sent(2), NoAnswer, Refused], Refused),
        (
            &[sent(1), NotSent, NoAnswer, Refused, acknowledged(9)],
            acknowledged(9),
        ),
        (
            &[sent(1), acknowledged(7), sent(2), acknowledged(4)],
            acknowledged(4),
        ),
    ];
    for (reports, expected) in cases {
        let mut order: Vec<usize> = (0..reports.len()).collect();
        // Every rotation, forwards and backwards.
        for _ in 0..reports.len() {
            order.rotate_left(1);
            for turn in 0..2 {
                let mut stops = Stops::default();
                let mut order = order.clone();
                if turn == 1 {
                    order.reverse();
                }
                for index in &order {
                    stops.take(&report(1, reports[*index]), at(1_000));
                }
                let state = stops.presses().next().unwrap().state;
                assert_eq!(state, expected, "{reports:?} as {order:?}");
            }
        }
    }
}

#[test]
fn half_an_answer_says_what_is_open() {
    let half = "motion acknowledged after 7 ms; light open";
    let with = |state, detail: &str| {
        let mut event = report(1, state);
        if let StopEvent::Report(report) = &mut event {
            report.detail = Some(detail.into());
        }
        event
    };
    let mut stops = Stops::default();
    let detail = |stops: &Stops| {
        let known = stops.presses().next().unwrap();
        known.detail.as_ref().map(ToString::to_string)
    };
    stops.take(&report(1, sent(3)), at(1_000));
    let said = stops.take(&with(sent(3), half), at(1_007)).and_then(line);
    let words = format!("stop 1 (halt): sent after 0.0 ms: {half}");
    assert_eq!(said, Some((Severity::Warning, words.as_str().into())));
    // Once is enough.
    assert_eq!(stops.take(&with(sent(3), half), at(1_007)), None);
    assert_eq!(detail(&stops).as_deref(), Some(half));
    // The other way, later, with nothing to add.
    stops.take(&report(1, sent(2)), at(1_008));
    assert_eq!(detail(&stops).as_deref(), Some(half));
    let done = with(acknowledged(9), "motion and 2 lights");
    assert!(stops.take(&done, at(1_009)).is_some());
    assert_eq!(detail(&stops).as_deref(), Some("motion and 2 lights"));
    // Less than what is known adds nothing.
    stops.take(&with(StopState::NoAnswer, half), at(3_000));
    assert_eq!(detail(&stops).as_deref(), Some("motion and 2 lights"));
}

#[test]
fn presses_are_kept_apart_and_few() {
    let mut stops = Stops::default();
    for number in [1, 2, 4, 3, 5, 6, 7, 8, 9, 10] {
        stops.take(&report(number, sent(number)), at(1_000));
    }
    // A late word on a press that is forgotten changes nothing.
    assert_eq!(stops.take(&report(1, acknowledged(1)), at(1_000)), None);
    stops.take(&report(4, acknowledged(1)), at(1_000));
    let known: Vec<(u64, StopState)> = stops
        .presses()
        .map(|known| (known.press.number, known.state))
        .collect();
    let mut expected: Vec<(u64, StopState)> = (3..=10).rev().map(|n| (n, sent(n))).collect();
    expected[6] = (4, acknowledged(1));
    assert_eq!(known, expected);
}

#[test]
fn a_press_that_nobody_answers_becomes_an_alarm_by_itself() {
    let mut stops = Stops::default();
    stops.take(&report(1, sent(400_000)), at(1_001));
    let cases = [
        (1, 1_500, Outcome::Reported(sent(400_000))),
        (1, 3_000, Outcome::Reported(StopState::NoAnswer)),
        (2, 1_500, Outcome::Pressed),
        (2, 3_000, Outcome::Silent),
    ];
    for (number, ms, expected) in cases {
        let outcome = stops.outcome(&press(number, StopLevel::Halt), at(ms));
        assert_eq!(outcome, expected, "{number} after {ms} ms");
        assert_eq!(outcome.is_alarm(), ms == 3_000);
    }
    stops.take(&report(1, acknowledged(2_500_000_000)), at(3_500));
    let late = stops.outcome(&press(1, StopLevel::Halt), at(9_000));
    assert!(late.is_acknowledged() && !late.is_alarm());
}

#[test]
fn a_path_is_down_until_it_is_ready_again() {
    let mut stops = Stops::default();
    let down = |why: &str| StopPath::Down { why: why.into() };
    let ready = || StopPath::Ready {
        round_trip_ns: 3_000_000,
    };
    let cases = [
        (0, StopPath::Opening, None, false),
        (1, ready(), None, false),
        (2, ready(), None, false),
        (
            3,
            down("closed"),
            Some(Change::PathDown("closed".into())),
            true,
        ),
        (4, StopPath::Opening, None, true),
        (5, down("closed"), None, true),
        (
            6,
            down("refused"),
            Some(Change::PathDown("refused".into())),
            true,
        ),
        (
            9,
            ready(),
            Some(Change::PathBack(Duration::from_secs(6))),
            false,
        ),
    ];
    for (second, state, change, in_trouble) in cases {
        let told = stops.take(&StopEvent::Path(state.clone()), at(second * 1_000));
        assert_eq!(told, change, "{second} s: {state:?}");
        assert_eq!(stops.trouble().is_some(), in_trouble, "{second} s");
    }
    assert_eq!(stops.path().unwrap().since, at(9_000));
}

#[test]
fn an_alarm_is_an_error_in_the_journal_and_a_write_is_no_line() {
    let told = |state, detail: Option<&str>| {
        line(Change::Press(KnownPress {
            press: press(7, StopLevel::Safe),
            state,
            detail: detail.map(Into::into),
            at: at(1_000),
        }))
    };
    let cases = [
        (told(sent(1), None), None),
        (
            told(acknowledged(3_100_000), None),
            Some((Severity::Info, "stop 7 (safe): acknowledged after 3.1 ms")),
        ),
        (
            told(StopState::NotSent, Some("closed")),
            Some((
                Severity::Error,
                "stop 7 (safe): not sent: assume it is still moving: closed",
            )),
        ),
        (
            line(Change::PathDown("closed".into())),
            Some((Severity::Error, "STOP PATH DOWN: closed")),
        ),
        (
            line(Change::PathBack(Duration::from_secs(6))),
            Some((Severity::Info, "stop path ready again after 6 s")),
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(
            found,
            expected.map(|(severity, text)| (severity, text.into()))
        );
    }
}
