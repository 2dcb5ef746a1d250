use proptest::prelude::*;

use super::*;
use crate::protocol::flamingo::light::{Laser, LedColour};
use crate::protocol::flamingo::message::POSITIONS_IN_TEXT;
use crate::protocol::flamingo::profile::Override;
use crate::protocol::flamingo::stage::Axis;

const MS: u64 = 1_000_000;

/// A correlator and the time.
struct Bench {
    correlator: Correlator,
    now_ns: u64,
}

impl Bench {
    fn new() -> Self {
        Self::with(Profile::current())
    }

    fn with(profile: Profile) -> Self {
        Self {
            correlator: Correlator::new(profile),
            now_ns: 5_000_000 * MS,
        }
    }

    fn plain(&mut self, command: Command) -> Token {
        let request = Request::plain(self.correlator.profile(), command).unwrap();
        self.correlator.submit(request).unwrap()
    }

    fn position(&mut self, axis: Axis) -> Token {
        let request = Request::position(self.correlator.profile(), axis).unwrap();
        self.correlator.submit(request).unwrap()
    }

    fn move_to(&mut self, axis: Axis, target: f64) -> Token {
        let request = Request::move_to(self.correlator.profile(), axis, target).unwrap();
        self.correlator.submit(request).unwrap()
    }

    fn submit(&mut self, request: Result<Request, super::super::request::RequestError>) -> Token {
        self.correlator.submit(request.unwrap()).unwrap()
    }

    /// Writes all that may be; what was written and what that settled.
    fn write(&mut self) -> Vec<Token> {
        let mut written = Vec::new();
        while let Some(out) = self.correlator.next_write(self.now_ns) {
            written.push(out.token);
            self.correlator.written(out.token, self.now_ns);
        }
        written
    }

    fn receive(&mut self, message: Message) -> Routed {
        self.correlator.on_message(message, self.now_ns)
    }

    /// Lets time pass; who ran out of it.
    fn wait(&mut self, ms: u64) -> Vec<(Token, Outcome)> {
        self.now_ns += ms * MS;
        self.correlator
            .expire(self.now_ns)
            .into_iter()
            .map(|settled| (settled.token, settled.outcome))
            .collect()
    }
}

fn position(axis: i32, value: f64) -> Message {
    Message::reply(0x6008).with_d0(axis).with_double(value)
}

/// The token and the floating-point field of a request that was answered in time.
fn answered(routed: &Routed) -> Option<(Token, f64)> {
    match routed.settled.as_ref()? {
        Settled {
            token,
            outcome:
                Outcome::Answered {
                    message,
                    late: false,
                },
            ..
        } => Some((*token, message.double)),
        other => panic!("{other:?}"),
    }
}

fn answered_late(routed: &Routed) -> Option<Token> {
    match routed.settled.as_ref()? {
        Settled {
            token,
            outcome: Outcome::Answered { late: true, .. },
            ..
        } => Some(*token),
        other => panic!("{other:?}"),
    }
}

fn late_reply(routed: &Routed) -> Option<Token> {
    assert_eq!(routed.settled, None);
    routed.late.as_ref().map(|late| late.token)
}

#[test]
fn four_parallel_position_reads_give_four_right_positions_in_any_order() {
    for start in 0..4 {
        for step in [1, 3] {
            let mut bench = Bench::new();
            let tokens = Axis::ALL.map(|axis| bench.position(axis));
            assert_eq!(bench.write(), tokens);
            for at in 0..4_usize {
                let place = (start + at * step) % 4;
                let axis = Axis::ALL[place];
                let value = place as f64 + 0.5;
                let routed = bench.receive(position(axis.number(), value));
                assert_eq!(answered(&routed), Some((tokens[place], value)));
                let news = Event::AxisPosition {
                    axis,
                    position: value,
                };
                assert_eq!(routed.event, Some(news));
            }
            assert_eq!(bench.correlator.in_flight(), 0);
        }
    }
}

#[test]
fn replies_that_name_no_axis_are_taken_only_while_one_is_asked_for() {
    let mut bench = Bench::new();
    let x = bench.position(Axis::X);
    bench.write();
    let routed = bench.receive(position(0, 8.0));
    assert_eq!(answered(&routed), Some((x, 8.0)));
    assert_eq!(
        routed.event,
        Some(Event::AxisPosition {
            axis: Axis::X,
            position: 8.0
        })
    );
    // Such a server is asked one by one from now on.
    let tokens = Axis::ALL.map(|axis| bench.position(axis));
    for (place, token) in tokens.into_iter().enumerate() {
        assert_eq!(bench.write(), [token]);
        let value = place as f64 + 1.0;
        assert_eq!(
            answered(&bench.receive(position(0, value))),
            Some((token, value))
        );
    }
}

#[test]
fn a_reply_that_names_no_axis_completes_none_of_two() {
    let mut bench = Bench::new();
    let tokens = [bench.position(Axis::X), bench.position(Axis::Y)];
    assert_eq!(bench.write(), tokens);
    let routed = bench.receive(position(0, 8.0));
    assert_eq!((routed.settled, routed.late), (None, None));
    // And both can still be answered by name.
    let routed = bench.receive(position(2, 3.0));
    assert_eq!(answered(&routed), Some((tokens[1], 3.0)));
    let z = bench.position(Axis::Z);
    assert!(bench.write().is_empty(), "asked one by one");
    bench.receive(position(1, 3.0));
    assert_eq!(bench.write(), [z]);
}

#[test]
fn a_workflow_stop_gets_its_reply_in_a_flood() {
    let mut bench = Bench::new();
    bench.receive(Message::reply(0xa005));
    for count in 0..MAX_QUEUED {
        bench.position(Axis::ALL[count % 4]);
    }
    bench.write();
    let stop = bench.plain(Command::WorkflowStop);
    assert_eq!(bench.write(), [stop], "before everything that waits");
    let flood = [
        Message::reply(0x6010).with_d0(3),
        Message::new(0x9004).with_d0(5).with_d1(100),
        Message::new(0x2002).with_d0(2).with_text("5.00").unwrap(),
        Message::new(0x4003).with_payload("LEDOFF"),
        Message::new(0x9008),
        Message::new(0x3011).with_d0(1),
        Message::new(0x90ff),
    ];
    for message in flood.iter().cycle().take(20_000) {
        let routed = bench.receive(message.clone());
        assert!(routed.settled.is_none() && routed.late.is_none());
        assert!(routed.event.is_some());
    }
    let routed = bench.receive(Message::reply(0x3005));
    assert_eq!(answered(&routed), Some((stop, 0.0)));
    assert_eq!(routed.event, None);
}

#[test]
fn a_reply_may_come_before_the_write_returns() {
    let mut bench = Bench::new();
    let token = bench.plain(Command::SystemStateGet);
    let out = bench.correlator.next_write(bench.now_ns).unwrap();
    assert_eq!(out.token, token);
    let routed = bench.receive(Message::reply(0xa007).with_d0(0xa002));
    assert_eq!(answered(&routed), Some((token, 0.0)));
    assert_eq!(bench.correlator.written(token, bench.now_ns), None);
    assert_eq!(bench.correlator.in_flight(), 0);
    assert_eq!(bench.correlator.next_deadline(), None);
    assert_eq!(bench.correlator.state(), Some(SystemState::Idle));
}

#[test]
fn one_request_of_a_code_is_under_way_and_the_next_follows_its_reply() {
    let mut bench = Bench::new();
    let first = bench.move_to(Axis::X, 1.0);
    let second = bench.move_to(Axis::Y, 2.0);
    let other = bench.plain(Command::ExposureGet);
    assert_eq!(bench.write(), [first, other]);
    let accepted = bench.receive(Message::reply(0x6005).with_d0(1));
    assert_eq!(answered(&accepted), Some((first, 0.0)));
    assert_eq!(bench.write(), [second]);
}

#[test]
fn a_halt_waits_for_nothing() {
    let mut bench = Bench::new();
    for axis in Axis::ALL {
        bench.move_to(axis, 1.0);
    }
    bench.write();
    let stop = bench.plain(Command::WorkflowStop);
    let dark = bench.plain(Command::LedDisable);
    let halt = bench.plain(Command::StageHalt);
    let again = bench.plain(Command::StageHalt);
    assert_eq!(bench.write(), [halt, again, stop, dark]);
    assert_eq!(
        answered(&bench.receive(Message::reply(0x6002))),
        Some((halt, 0.0))
    );
    assert_eq!(
        answered(&bench.receive(Message::reply(0x6002))),
        Some((again, 0.0))
    );
    let withdrawn = bench
        .correlator
        .withdraw(|_, request| request.command() == Command::StagePositionSet);
    assert_eq!(withdrawn.len(), 3);
    assert!(withdrawn.iter().all(|s| s.outcome == Outcome::Withdrawn));
    assert_eq!(bench.correlator.queued(), 0);
}

#[test]
fn a_request_of_which_no_byte_left_is_taken_back_as_if_never_asked() {
    let mut bench = Bench::new();
    let first = bench.move_to(Axis::X, 3.0);
    let out = bench.correlator.next_write(bench.now_ns).unwrap();
    assert_eq!(out.token, first);
    let settled = bench.correlator.recall(first).unwrap();
    assert_eq!(settled.outcome, Outcome::Withdrawn);
    assert_eq!(bench.correlator.recall(first), None);
    // Nothing of it forbids the next one.
    let second = bench.move_to(Axis::X, 4.0);
    assert_eq!(bench.write(), [second]);
}

#[test]
fn a_halt_without_an_answer_is_known_after_a_second() {
    let mut bench = Bench::new();
    let halt = bench.plain(Command::StageHalt);
    bench.write();
    assert_eq!(
        bench.correlator.next_deadline(),
        Some(bench.now_ns + 1000 * MS)
    );
    assert_eq!(bench.wait(999), []);
    assert_eq!(bench.wait(1), [(halt, Outcome::TimedOut)]);
    // The next one is answered; whether for the first cannot be told.
    let again = bench.plain(Command::StageHalt);
    assert_eq!(bench.write(), [again]);
    assert_eq!(
        answered_late(&bench.receive(Message::reply(0x6002))),
        Some(again)
    );
}

#[test]
fn the_time_for_a_reply_counts_from_when_it_was_written() {
    let mut bench = Bench::new();
    let token = bench.plain(Command::ExposureGet);
    let out = bench.correlator.next_write(bench.now_ns).unwrap();
    bench.wait(900);
    bench.correlator.written(out.token, bench.now_ns);
    assert_eq!(bench.wait(2999), []);
    assert_eq!(bench.wait(1), [(token, Outcome::TimedOut)]);
}

#[test]
fn a_late_acknowledgement_never_completes_a_newer_move() {
    let mut bench = Bench::new();
    let first = bench.move_to(Axis::X, 1.0);
    bench.write();
    assert_eq!(bench.wait(3000), [(first, Outcome::TimedOut)]);
    let second = bench.move_to(Axis::X, 2.0);
    assert_eq!(bench.write(), [second]);
    let ack = Message::reply(0x6005).with_d0(1);
    assert_eq!(late_reply(&bench.receive(ack.clone())), Some(first));
    assert_eq!(answered(&bench.receive(ack.clone())), Some((second, 0.0)));
    // Of another axis nothing was late.
    let third = bench.move_to(Axis::X, 3.0);
    bench.write();
    assert_eq!(bench.wait(3000), [(third, Outcome::TimedOut)]);
    let y = bench.move_to(Axis::Y, 3.0);
    bench.write();
    let ack_y = bench.receive(Message::reply(0x6005).with_d0(2));
    assert_eq!(answered(&ack_y), Some((y, 0.0)));
    // One that names no axis may be the late one.
    let y = bench.move_to(Axis::Y, 4.0);
    bench.write();
    let nameless = bench.receive(Message::reply(0x6005));
    assert_eq!(late_reply(&nameless), Some(third));
    assert_eq!(bench.wait(3000), [(y, Outcome::TimedOut)]);
}

#[test]
fn after_ten_seconds_nothing_is_late() {
    let mut bench = Bench::new();
    let first = bench.move_to(Axis::X, 1.0);
    bench.write();
    assert_eq!(bench.wait(3000), [(first, Outcome::TimedOut)]);
    bench.wait(9_999);
    let second = bench.move_to(Axis::X, 2.0);
    bench.write();
    bench.wait(1);
    let ack = bench.receive(Message::reply(0x6005).with_d0(1));
    assert_eq!(answered(&ack), Some((second, 0.0)));
}

#[test]
fn every_set_that_takes_a_value_is_safe_from_late_replies() {
    let profile = Profile::current();
    let white = LedColour::White;
    let cases = [
        Request::save_settings(&profile, "a = 1"),
        Request::set_exposure(&profile, 5),
        Request::set_roi_left(&profile, 5),
        Request::set_roi_top(&profile, 5),
        Request::set_led(&profile, white, 5.0),
        Request::plain(&profile, Command::LedEnable),
        Request::plain(&profile, Command::LedDisable),
        Request::plain(&profile, Command::IlluminationLeftEnable),
        Request::plain(&profile, Command::IlluminationRightDisable),
    ];
    for request in cases {
        let request = request.unwrap();
        let mut bench = Bench::new();
        let first = bench.submit(Ok(request.clone()));
        bench.write();
        assert_eq!(bench.wait(3000).len(), 1);
        let second = bench.submit(Ok(request.clone()));
        bench.write();
        let ack = Message::reply(request.message().code);
        let name = request.command().name();
        assert_eq!(
            late_reply(&bench.receive(ack.clone())),
            Some(first),
            "{name}"
        );
        assert_eq!(answered(&bench.receive(ack)), Some((second, 0.0)), "{name}");
    }
}

#[test]
fn a_late_value_may_complete_the_retry_of_a_question_and_says_so() {
    let mut bench = Bench::new();
    let first = bench.position(Axis::Z);
    bench.write();
    assert_eq!(bench.wait(3000), [(first, Outcome::TimedOut)]);
    let other = bench.position(Axis::X);
    let retry = bench.position(Axis::Z);
    assert_eq!(bench.write(), [other], "the same question pauses");
    assert_eq!(
        answered(&bench.receive(position(1, 1.0))),
        Some((other, 1.0))
    );
    assert_eq!(
        bench.correlator.next_deadline(),
        Some(bench.now_ns + 1000 * MS)
    );
    bench.wait(1000);
    assert_eq!(bench.write(), [retry]);
    assert_eq!(answered_late(&bench.receive(position(3, 4.0))), Some(retry));
    // Now the reply to the retry itself; nobody waits for it.
    assert_eq!(late_reply(&bench.receive(position(3, 4.1))), Some(first));
    let again = bench.position(Axis::Z);
    assert_eq!(bench.write(), [again]);
    assert_eq!(
        answered(&bench.receive(position(3, 4.2))),
        Some((again, 4.2))
    );
}

#[test]
fn a_question_is_asked_again_at_once_when_its_late_reply_has_come() {
    let mut bench = Bench::new();
    let first = bench.plain(Command::ImageSizeGet);
    bench.write();
    bench.wait(3000);
    let retry = bench.plain(Command::ImageSizeGet);
    assert_eq!(bench.write(), []);
    let late = bench.receive(Message::reply(0x3027));
    assert_eq!(late_reply(&late), Some(first));
    assert_eq!(bench.write(), [retry]);
}

#[test]
fn a_position_update_is_not_the_reply() {
    let mut bench = Bench::new();
    let token = bench.position(Axis::X);
    bench.write();
    let text = "1=8.032000\n2=23.898000\n3=19.753000\n";
    let positions = [Some(8.032), Some(23.898), Some(19.753), None];
    let updates = [
        Message {
            status: 1,
            bits: POSITIONS_IN_TEXT,
            ..Message::new(0x6008)
        }
        .with_text(text)
        .unwrap(),
        Message::reply(0x6008).with_d0(1).with_text(text).unwrap(),
    ];
    for update in updates {
        let routed = bench.receive(update);
        assert_eq!(routed.settled, None);
        assert_eq!(routed.event, Some(Event::Positions { positions }));
    }
    assert_eq!(
        answered(&bench.receive(position(1, 8.1))),
        Some((token, 8.1))
    );
}

#[test]
fn replies_to_others_and_twice_the_same_are_events() {
    let mut bench = Bench::new();
    let token = bench.position(Axis::X);
    bench.write();
    let foreign = bench.receive(position(3, 7.0));
    assert_eq!((foreign.settled, foreign.late), (None, None));
    assert_eq!(
        foreign.event,
        Some(Event::AxisPosition {
            axis: Axis::Z,
            position: 7.0
        })
    );
    assert_eq!(
        answered(&bench.receive(position(1, 8.0))),
        Some((token, 8.0))
    );
    let twice = bench.receive(position(1, 8.0));
    assert_eq!((twice.settled, twice.late), (None, None));
    let other = bench.receive(Message::reply(0x3027));
    assert_eq!(other.event, Some(Event::Other(Message::reply(0x3027))));
}

#[test]
fn a_laser_level_is_matched_by_its_laser() {
    let mut bench = Bench::new();
    let tokens = Laser::ALL.map(|laser| {
        let request = Request::laser_level(bench.correlator.profile(), laser);
        bench.submit(request)
    });
    assert_eq!(bench.write(), tokens);
    let level = |laser, text| {
        Message::reply(0x2002)
            .with_d0(laser)
            .with_text(text)
            .unwrap()
    };
    let routed = bench.receive(level(3, "11.49"));
    assert_eq!(answered(&routed), Some((tokens[2], 0.0)));
    assert!(matches!(
        routed.event,
        Some(Event::LaserLevel {
            laser: 3,
            percent: Some(percent),
            ..
        }) if percent == 11.49
    ));
    // Nobody waits for laser 3 any more.
    assert_eq!(bench.receive(level(3, "11.50")).settled, None);
    assert_eq!(bench.correlator.in_flight(), 3);
}

#[test]
fn the_settings_are_answered_under_either_code_and_always_news() {
    for code in [0x1007, 0x1009] {
        let mut bench = Bench::new();
        let token = bench.plain(Command::SettingsLoad);
        bench.write();
        let reply = Message::reply(code).with_payload("a = 1\n");
        let routed = bench.receive(reply.clone());
        assert_eq!(answered(&routed), Some((token, 0.0)), "{code:#x}");
        let news = Some(Event::Settings {
            text: "a = 1\n".into(),
        });
        assert_eq!(routed.event, news);

        let second = bench.plain(Command::SettingsLoad);
        bench.write();
        assert_eq!(bench.wait(4999), []);
        assert_eq!(bench.wait(1), [(second, Outcome::TimedOut)]);
        let routed = bench.receive(reply);
        assert_eq!(late_reply(&routed), Some(second));
        assert_eq!(routed.event, news, "settings are news whenever they come");
    }
    let mut bench = Bench::new();
    let push = bench.receive(Message::new(0x1007).with_payload("b = 2"));
    assert_eq!((push.settled, push.late), (None, None));
    assert!(matches!(push.event, Some(Event::Settings { .. })));
}

#[test]
fn a_complete_stack_is_told_from_a_region_of_interest() {
    let stack = Message::reply(0x3011).with_d0(100).with_d1(100);
    let mut bench = Bench::new();
    let request = Request::set_roi_top(bench.correlator.profile(), 513);
    let top = bench.submit(request.clone());
    bench.write();
    bench.receive(Message::reply(0xa005));
    let routed = bench.receive(stack.clone());
    assert_eq!(routed.settled, None);
    assert!(matches!(routed.event, Some(Event::StackComplete { .. })));
    bench.receive(Message::reply(0xa002));
    let routed = bench.receive(stack.clone());
    assert_eq!(answered(&routed), Some((top, 0.0)));
    assert_eq!(routed.event, Some(Event::Other(stack.clone())));
    let routed = bench.receive(stack);
    assert!(matches!(routed.event, Some(Event::StackComplete { .. })));
}

#[test]
fn states_and_notices_never_complete_anything() {
    let mut bench = Bench::new();
    let token = bench.plain(Command::SystemStateGet);
    bench.write();
    for code in (0xa001..=0xa005).chain([0x6010, 0x9003, 0x9004, 0x9005, 0x9008]) {
        let routed = bench.receive(Message::reply(code));
        assert!(
            routed.settled.is_none() && routed.late.is_none(),
            "{code:#x}"
        );
    }
    assert_eq!(bench.correlator.state(), Some(SystemState::Workflow));
    let mut no = Message::reply(0xa007).with_d0(0xa002);
    no.status = 0;
    assert!(answered(&bench.receive(no)).is_some_and(|(t, _)| t == token));
    assert_eq!(bench.correlator.state(), Some(SystemState::Workflow));
}

#[test]
fn what_is_never_answered_is_sent_when_it_is_written() {
    let mut bench = Bench::new();
    let profile = Profile::current();
    let first = bench.submit(Request::laser_off(&profile, Laser::ALL[0]));
    let second = bench.submit(Request::laser_off(&profile, Laser::ALL[1]));
    let out = bench.correlator.next_write(bench.now_ns).unwrap();
    assert_eq!(out.token, first);
    assert_eq!(bench.wait(60_000), [], "not sent until it is written");
    // An echo does not prove that it was written.
    assert_eq!(bench.receive(Message::reply(0x2007)).settled, None);
    let settled = bench.correlator.written(first, bench.now_ns).unwrap();
    assert_eq!((settled.token, settled.outcome), (first, Outcome::Sent));
    assert_eq!(bench.write(), [second]);
    assert_eq!(bench.correlator.in_flight(), 0);
}

#[test]
fn what_may_be_acknowledged_is_sent_after_300_ms_without() {
    let mut bench = Bench::new();
    let first = bench.plain(Command::LedEnable);
    bench.write();
    let ack = bench.receive(Message::reply(0x4002));
    assert_eq!(answered(&ack), Some((first, 0.0)));
    let second = bench.plain(Command::LedEnable);
    bench.write();
    assert_eq!(bench.wait(299), []);
    assert_eq!(bench.wait(1), [(second, Outcome::Sent)]);
    let dark = bench.plain(Command::LedDisable);
    bench.write();
    let routed = bench.receive(Message::reply(0x4003).with_payload("LEDOFF"));
    assert_eq!(answered(&routed), Some((dark, 0.0)));
    assert!(matches!(routed.event, Some(Event::LedOff { .. })));
}

#[test]
fn the_queue_has_an_end_and_a_halt_still_goes() {
    let mut bench = Bench::new();
    let request = Request::position(bench.correlator.profile(), Axis::X).unwrap();
    for _ in 0..MAX_QUEUED {
        bench.correlator.submit(request.clone()).unwrap();
    }
    assert_eq!(
        bench.correlator.submit(request),
        Err(SubmitError::QueueFull { limit: 64 })
    );
    let halt = bench.plain(Command::StageHalt);
    let out = bench.correlator.next_write(bench.now_ns).unwrap();
    assert_eq!(out.token, halt);

    let big = vec![b'x'; 30 * 1024 * 1024];
    let big = Request::check_stack(bench.correlator.profile(), big).unwrap();
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.submit(Ok(big.clone()));
    }
    let error = bench.correlator.submit(big.clone()).unwrap_err();
    assert_eq!(
        error,
        SubmitError::QueueBytes {
            limit: MAX_QUEUED_BYTES
        }
    );
    bench.write();
    assert!(bench.correlator.submit(big).is_ok(), "one has left");
}

#[test]
fn a_lost_connection_settles_everything_and_says_what_may_have_left() {
    let mut bench = Bench::new();
    let first = bench.move_to(Axis::X, 1.0);
    let second = bench.move_to(Axis::Y, 1.0);
    let halt = bench.plain(Command::StageHalt);
    let out = bench.correlator.next_write(bench.now_ns).unwrap();
    assert_eq!(out.token, halt);
    bench.correlator.next_write(bench.now_ns).unwrap();
    let settled: Vec<(Token, Outcome)> = bench
        .correlator
        .fail_all()
        .into_iter()
        .map(|s| (s.token, s.outcome))
        .collect();
    let lost = |handed_out| Outcome::Lost { handed_out };
    assert_eq!(
        settled,
        [
            (halt, lost(true)),
            (first, lost(true)),
            (second, lost(false))
        ]
    );
    assert_eq!(bench.correlator.next_write(bench.now_ns), None);
    assert_eq!(bench.correlator.next_deadline(), None);
    let stray = bench.receive(Message::reply(0x6005).with_d0(1));
    assert_eq!((stray.settled, stray.late), (None, None));
}

#[test]
fn a_reply_whose_payload_is_gone_is_no_answer() {
    let mut bench = Bench::new();
    let token = bench.plain(Command::SettingsLoad);
    bench.write();
    let reply = Message::reply(0x1007);
    let now = bench.now_ns;
    let routed = bench.correlator.on_oversize(reply.clone(), 5_000_000, now);
    let settled = routed.settled.unwrap();
    assert_eq!(settled.token, token);
    assert!(matches!(settled.outcome, Outcome::Oversize { .. }));
    assert_eq!(routed.event, None);
    let push = bench.correlator.on_oversize(reply, 5_000_000, now);
    assert!(matches!(push.event, Some(Event::Oversize { .. })));
    let stopped = Message::reply(0x6010).with_d0(1);
    let stopped = bench.correlator.on_oversize(stopped, 5_000_000, now);
    assert!(matches!(stopped.event, Some(Event::MotionStopped { .. })));
}

#[test]
fn codes_are_those_of_the_profile() {
    let overrides: Vec<Override> = ["STAGE_POSITION_GET = 0x6009", "STAGE_MOTION_STOPPED = 1"]
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    let mut bench = Bench::with(Profile::current().with(&overrides).unwrap());
    let token = bench.position(Axis::X);
    bench.write();
    assert!(matches!(
        bench.receive(position(1, 1.0)).event,
        Some(Event::Other(_))
    ));
    let reply = Message::reply(0x6009).with_d0(1).with_double(2.0);
    assert_eq!(answered(&bench.receive(reply)), Some((token, 2.0)));
    let stopped = bench.receive(Message::reply(1).with_d0(1));
    assert!(matches!(stopped.event, Some(Event::MotionStopped { .. })));
}

/// What may happen to a correlator.
#[derive(Clone, Debug)]
enum Step {
    Position(usize),
    Move(usize),
    Plain(usize),
    Write,
    Written,
    Receive(usize, i32),
    Wait(u64),
    Withdraw,
}

const PLAIN: [Command; 6] = [
    Command::StageHalt,
    Command::SystemStateGet,
    Command::SettingsLoad,
    Command::LedDisable,
    Command::WorkflowStop,
    Command::Snapshot,
];

const CODES: [u32; 10] = [
    0x6008, 0x6005, 0x6002, 0xa007, 0x1007, 0x1009, 0x4003, 0x3005, 0x3006, 0x6010,
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..4_usize).prop_map(Step::Position),
        1 => (0..4_usize).prop_map(Step::Move),
        1 => (0..PLAIN.len()).prop_map(Step::Plain),
        3 => Just(Step::Write),
        2 => Just(Step::Written),
        4 => (0..CODES.len(), 0..5_i32).prop_map(|(code, d0)| Step::Receive(code, d0)),
        1 => (0..4000_u64).prop_map(Step::Wait),
        1 => Just(Step::Withdraw),
    ]
}

proptest! {
    #[test]
    fn every_request_is_settled_exactly_once(steps in proptest::collection::vec(step(), 0..200)) {
        let mut bench = Bench::new();
        let mut open = std::collections::BTreeSet::new();
        let mut handed_out = VecDeque::new();
        for step in steps {
            let mut settled = Vec::new();
            let submitted = match step {
                Step::Position(axis) => Some(Request::position(&Profile::current(), Axis::ALL[axis])),
                Step::Move(axis) => Some(Request::move_to(&Profile::current(), Axis::ALL[axis], 1.0)),
                Step::Plain(which) => Some(Request::plain(&Profile::current(), PLAIN[which])),
                Step::Write => {
                    handed_out.extend(bench.correlator.next_write(bench.now_ns).map(|out| out.token));
                    None
                }
                Step::Written => {
                    if let Some(token) = handed_out.pop_front() {
                        settled.extend(bench.correlator.written(token, bench.now_ns));
                    }
                    None
                }
                Step::Receive(code, d0) => {
                    settled.extend(bench.receive(Message::reply(CODES[code]).with_d0(d0)).settled);
                    None
                }
                Step::Wait(ms) => {
                    bench.now_ns += ms * MS;
                    settled = bench.correlator.expire(bench.now_ns);
                    None
                }
                Step::Withdraw => {
                    settled = bench.correlator.withdraw(|_, r| r.command() == Command::StagePositionSet);
                    None
                }
            };
            if let Some(request) = submitted
                && let Ok(token) = bench.correlator.submit(request.unwrap())
            {
                open.insert(token);
            }
            for one in settled {
                prop_assert!(open.remove(&one.token), "{one:?} was settled before");
            }
            let moves = bench.correlator.in_flight.iter().filter(|one| one.code == 0x6005).count();
            prop_assert!(moves <= 1);
        }
        for one in bench.correlator.fail_all() {
            prop_assert!(open.remove(&one.token), "{one:?} was settled before");
        }
        prop_assert!(open.is_empty());
    }
}
