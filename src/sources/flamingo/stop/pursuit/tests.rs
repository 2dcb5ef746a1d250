use super::*;
use crate::model::StopOrigin;

const MS: u64 = 1_000_000;

struct Try {
    pursuit: Pursuit,
    start: Instant,
}

impl Try {
    fn new() -> Self {
        Self {
            pursuit: Pursuit::new(Duration::from_secs(1)),
            start: Instant::now(),
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn press(&mut self, number: u64, level: StopLevel, ms: u64) {
        let press = StopPress {
            number,
            level,
            origin: StopOrigin::Key,
            mono_ns: ms * MS,
        };
        self.pursuit.press(press, self.at(ms));
    }

    /// Sends what is wanted; the level that is sent.
    fn send(&mut self, ms: u64) -> StopLevel {
        let wanted = self.pursuit.wanted().unwrap();
        let report = self.pursuit.sent(wanted, self.at(ms), ms * MS);
        let after_ns = ms * MS - wanted.mono_ns;
        assert_eq!(report.state, StopState::Sent { after_ns });
        wanted.level
    }

    fn answer(&mut self, status: i32, ms: u64) -> Option<(u64, StopState)> {
        let mut message = Message::reply(0x6002);
        message.status = status;
        let report = self.pursuit.answered(&message, ms * MS)?;
        Some((report.press.number, report.state))
    }

    fn overdue(&mut self, ms: u64) -> Vec<u64> {
        let reports = self.pursuit.overdue(self.at(ms));
        numbers(&reports)
    }
}

fn numbers(reports: &[StopReport]) -> Vec<u64> {
    assert!(reports.iter().all(|r| r.state == StopState::NoAnswer));
    reports.iter().map(|report| report.press.number).collect()
}

fn acknowledged(number: u64, ms: u64) -> Option<(u64, StopState)> {
    let after_ns = ms * MS;
    Some((number, StopState::Acknowledged { after_ns }))
}

#[test]
fn each_press_gets_its_own_answer() {
    let mut one = Try::new();
    one.press(1, StopLevel::Halt, 0);
    one.send(1);
    one.press(2, StopLevel::Safe, 10);
    one.send(11);
    assert_eq!(one.answer(1, 20), acknowledged(1, 20));
    assert!(one.pursuit.is_waiting(), "the second is not answered");
    assert_eq!(one.answer(1, 30), acknowledged(2, 20));
    assert_eq!(one.answer(1, 40), None, "nobody asked");
    assert!(!one.pursuit.is_waiting());
}

#[test]
fn an_old_answer_does_not_vouch_for_a_newer_press() {
    let mut one = Try::new();
    one.press(1, StopLevel::Halt, 0);
    one.send(0);
    assert_eq!(one.overdue(999), [0; 0]);
    assert_eq!(one.overdue(1_000), [1]);
    assert_eq!(one.overdue(1_001), [0; 0], "said once");
    one.press(2, StopLevel::Halt, 1_500);
    one.send(1_500);
    // Late, and of the first.
    assert_eq!(one.answer(1, 1_600), acknowledged(1, 1_600));
    assert_eq!(one.overdue(2_500), [2]);
}

#[test]
fn an_answer_that_never_came_is_not_waited_for_for_ever() {
    let mut one = Try::new();
    one.press(1, StopLevel::Halt, 0);
    one.send(0);
    assert_eq!(one.overdue(10_000), [1]);
    one.press(2, StopLevel::Halt, 10_000);
    one.send(10_000);
    assert_eq!(one.answer(1, 10_005), acknowledged(2, 5));
}

#[test]
fn the_answer_to_a_repetition_is_as_good() {
    let mut one = Try::new();
    one.press(1, StopLevel::Halt, 0);
    one.send(0);
    let press = one.pursuit.newest.as_ref().unwrap().press;
    one.pursuit.sent_again(press, one.at(200));
    assert_eq!(one.answer(0, 300), Some((1, StopState::Refused)));
    assert_eq!(one.answer(1, 310), acknowledged(1, 310));
    assert_eq!(one.overdue(5_000), [0; 0]);
}

#[test]
fn a_refusal_after_an_answer_is_not_news() {
    let mut one = Try::new();
    one.press(1, StopLevel::Halt, 0);
    one.send(0);
    let press = one.pursuit.newest.as_ref().unwrap().press;
    one.pursuit.sent_again(press, one.at(200));
    assert_eq!(one.answer(1, 300), acknowledged(1, 300));
    assert_eq!(one.answer(0, 310), None);
}

#[test]
fn a_press_that_was_never_sent_keeps_its_level() {
    let mut one = Try::new();
    one.press(1, StopLevel::Safe, 0);
    one.press(2, StopLevel::Halt, 5_000);
    assert_eq!(one.send(5_001), StopLevel::Safe);
    one.press(3, StopLevel::Halt, 9_000);
    assert_eq!(one.send(9_001), StopLevel::Halt, "that one was");
}

#[test]
fn it_is_said_once_that_a_press_could_not_be_sent() {
    let mut one = Try::new();
    assert_eq!(one.pursuit.not_sent("why"), None);
    one.press(1, StopLevel::Halt, 0);
    let report = one.pursuit.not_sent("why").unwrap();
    assert_eq!(report.state, StopState::NotSent);
    assert_eq!(one.pursuit.not_sent("why"), None);
    let wanted = one.pursuit.wanted().unwrap();
    let late = one.pursuit.sent(wanted, one.at(700), 700 * MS);
    assert!(late.detail.unwrap().contains("as soon as"));
}

#[test]
fn a_connection_that_ends_leaves_the_press_to_be_sent_again() {
    let mut one = Try::new();
    one.press(1, StopLevel::Halt, 0);
    one.send(0);
    assert_eq!(one.pursuit.wanted(), None);
    let now = one.at(50);
    assert_eq!(numbers(&one.pursuit.lost(now)), [1]);
    assert!(one.pursuit.is_urgent(now));
    one.send(300);
    assert_eq!(one.answer(1, 400), acknowledged(1, 400));
    let now = one.at(500);
    assert!(one.pursuit.lost(now).is_empty() && one.pursuit.wanted().is_none());
}

#[test]
fn what_was_sent_long_ago_is_not_sent_again() {
    let mut one = Try::new();
    one.press(1, StopLevel::Halt, 0);
    one.send(0);
    assert_eq!(one.overdue(1_000), [1]);
    let now = one.at(31_000);
    assert!(one.pursuit.lost(now).is_empty());
    assert_eq!(one.pursuit.wanted(), None);
    one.press(2, StopLevel::Halt, 40_000);
    let now = one.at(80_000);
    assert!(!one.pursuit.is_urgent(now) && one.pursuit.wanted().is_some());
    one.pursuit.cleared();
    assert_eq!(one.pursuit.wanted(), None);
}
