//! Every fault does what its summary says, and nothing more once it is switched off.

use std::time::{Duration, Instant};

use super::client::{Ask, Client, Viewer};
use super::{IDLE, STATE, both, deeds, has_done, small, start, until};
use ttyscope::simulators::flamingo::{Axis, Cut, Deed, Fault, Simulator, SimulatorOptions, What};

/// A simulator with faults from the start, and a client of it.
async fn spoiled(faults: &[Fault]) -> (Simulator, Client) {
    let options = SimulatorOptions {
        faults: faults.to_vec(),
        speeds: [0.0; 4],
        ..small()
    };
    both(options).await
}

/// Images of a live view that runs with this fault.
async fn viewing(fault: Fault) -> (Simulator, Client, Viewer) {
    let (simulator, mut client) = spoiled(&[fault]).await;
    let viewer = Viewer::connect(simulator.live_address()).await;
    assert_eq!(client.ask(Ask::new(0x3007)).await.status, 1);
    (simulator, client, viewer)
}

#[tokio::test]
async fn replies_come_late_and_in_order() {
    for fault in [
        Fault::DelayedReplies {
            by: Duration::from_millis(60),
        },
        Fault::LateReplies {
            by: Duration::from_millis(90),
        },
    ] {
        let (simulator, mut client) = spoiled(&[fault]).await;
        let asked = Instant::now();
        client.send(&Ask::to(1, 9.0)).await;
        client.send(&Ask::new(STATE)).await;
        // What the server says on its own is not delayed.
        assert_eq!(client.message().await.code, 0x6010);
        assert_eq!(client.message().await.code, 0x6005);
        assert!(asked.elapsed() >= Duration::from_millis(60));
        assert_eq!(client.message().await.code, STATE);
        simulator.set_faults(&[]);
        assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
    }
}

#[tokio::test]
async fn every_third_reply_is_left_out() {
    let (_simulator, mut client) = spoiled(&[Fault::DroppedReplies { every: 3 }]).await;
    for axis in [1, 2, 3, 4, 1, 2, 3] {
        client.send(&Ask::of(0x6008, axis)).await;
    }
    for axis in [1, 2, 4, 1, 3] {
        assert_eq!(client.reply().await.d0, axis);
    }
}

#[tokio::test]
async fn replies_come_twice() {
    let (simulator, mut client) = spoiled(&[Fault::DuplicatedReplies]).await;
    let first = client.ask(Ask::of(0x6008, 2)).await;
    assert_eq!(client.reply().await, first);
    simulator.set_faults(&[]);
    client.ask(Ask::of(0x6008, 3)).await;
    assert_eq!(client.ask(Ask::new(STATE)).await.code, STATE);
}

#[tokio::test]
async fn foreign_replies_come_before_the_right_ones() {
    let (_simulator, mut client) = spoiled(&[Fault::ForeignReplies]).await;
    // What is asked, and the code, the first argument and the number of what comes before.
    let cases = [
        (Ask::of(0x6008, 1), 0x6008, 2, 23.898),
        (Ask::of(0x6008, 4), 0x6008, 1, 8.032),
        (Ask::to(3, 19.0), 0x6005, 4, 19.0),
        (Ask::of(0x2002, 2), 0x2002, 3, 0.0),
        (Ask::new(STATE), 0x300a, 1000, 0.0),
        (Ask::new(0x300a), 0x3037, 0, 0.0005),
    ];
    for (ask, code, d0, number) in cases {
        let asked = ask.code;
        let foreign = client.ask(ask).await;
        assert_eq!(
            (foreign.code, foreign.d0, foreign.number),
            (code, d0, number)
        );
        assert_eq!(client.reply().await.code, asked);
    }
}

#[tokio::test]
async fn junk_comes_before_messages() {
    let (_simulator, mut client) = spoiled(&[Fault::JunkBytes { every: 2 }]).await;
    client.send(&Ask::to(2, 7.0)).await;
    assert_eq!(client.message().await.code, 0x6005);
    assert_eq!(client.take(7).await, b"JUNK123");
    assert_eq!(client.message().await.code, 0x6010);
    client.send(&Ask::new(STATE)).await;
    assert_eq!(client.message().await.code, STATE);
}

#[tokio::test]
async fn an_impossible_payload_is_announced_and_none_follows() {
    let (_simulator, mut client) = spoiled(&[Fault::OversizePayload { every: 2 }]).await;
    assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
    client.send(&Ask::new(0x1009)).await;
    let header = client.take(128).await;
    assert_eq!(header[48..52], i32::MAX.to_le_bytes());
    assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
}

#[tokio::test]
async fn payloads_end_early() {
    let (_simulator, mut client) = spoiled(&[Fault::ShortPayload]).await;
    client.send(&Ask::new(0x4003)).await;
    client.send(&Ask::new(STATE)).await;
    let bytes = client.take(128 + 4 + 128).await;
    assert_eq!(bytes[48..52], [6, 0, 0, 0]);
    assert_eq!(bytes[128..136], *b"LEDO\x54\xe6\x21\xf3");
}

#[tokio::test]
async fn a_wrong_status_says_nothing_about_what_was_done() {
    let (simulator, mut client) = spoiled(&[Fault::WrongStatus { status: 7 }]).await;
    let reply = client.ask(Ask::to(1, 9.0)).await;
    assert_eq!((reply.code, reply.status), (0x6005, 7));
    assert_eq!(client.event(0x6010).await.status, 1);
    assert_eq!(simulator.positions()[0], 9.0);
}

#[tokio::test]
async fn a_halt_can_go_unanswered_and_still_halt() {
    let options = SimulatorOptions {
        faults: vec![Fault::NoHaltEcho],
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    client.ask(Ask::to(1, 15.0)).await;
    client.tell(Ask::new(0x6002)).await;
    assert!(!simulator.is_moving());
    assert!(matches!(
        deeds(&simulator)[..],
        [_, Deed::MoveHalted { axis: Axis::X, .. }]
    ));
}

#[tokio::test]
async fn a_silent_server_accepts_and_does_nothing() {
    let (simulator, mut client) = spoiled(&[Fault::SilentServer]).await;
    client.send(&Ask::to(1, 9.0)).await;
    until(&simulator, "the command has come", |s| {
        let came = |what: &What| matches!(what, What::Received(r) if r.code == 0x6005);
        s.log().iter().any(|entry| came(&entry.what))
    })
    .await;
    simulator.move_by_other_client(Axis::Y, 9.0);
    until(&simulator, "the other axis has moved", |s| {
        s.positions()[1] == 9.0 && !s.is_moving()
    })
    .await;
    assert_eq!(simulator.positions()[0], 8.032);
    assert_eq!(simulator.counters().messages_sent, 0);
    simulator.set_faults(&[]);
    assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
}

#[tokio::test]
async fn a_second_client_can_be_turned_away() {
    let (simulator, mut first) = spoiled(&[Fault::RefuseSecondClient]).await;
    assert_eq!(first.ask(Ask::new(STATE)).await.d0, IDLE);
    let mut second = Client::connect(simulator.address()).await;
    assert!(second.rest().await.is_empty());
    assert_eq!(simulator.counters().refused, 1);
    assert_eq!(first.ask(Ask::new(STATE)).await.d0, IDLE);
}

/// The entry that says how the connection ended.
async fn ended(simulator: &Simulator, connection: u64) -> (u64, u64) {
    let find = |simulator: &Simulator| {
        let log = simulator.log().into_iter();
        log.into_iter().find_map(|entry| match entry.what {
            What::Disconnected {
                connection: number,
                received_bytes,
                sent_bytes,
            } if number == connection => Some((received_bytes, sent_bytes)),
            _ => None,
        })
    };
    until(simulator, "the connection has ended", |s| find(s).is_some()).await;
    find(simulator).unwrap()
}

#[tokio::test]
async fn a_connection_ends_after_exactly_as_many_bytes_from_it() {
    let options = SimulatorOptions {
        speeds: [0.0; 4],
        ..small()
    };
    let simulator = start(options).await;
    for (nth, bytes) in (1..).zip([0, 1, 64, 127, 128, 129, 255]) {
        let mut client = Client::connect(simulator.address()).await;
        assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
        let before = simulator.log_len();
        assert!(simulator.cut(nth, Cut::AfterReceived(bytes)));
        let mut both = Ask::to(1, 9.0).bytes();
        both.extend(Ask::to(2, 9.0).bytes());
        client.send_bytes(&both).await;
        client.rest().await;
        assert_eq!(ended(&simulator, nth).await.0, 128 + bytes);
        let log = simulator.log_from(before);
        let began = log
            .iter()
            .filter(|entry| matches!(entry.what, What::Did(Deed::MoveBegan { .. })));
        // What came whole is done, whatever becomes of its answer.
        assert_eq!(began.count() as u64, bytes / 128, "{bytes}");
        if bytes == 128 {
            let answered = |what: &What| matches!(what, What::Replied { code: 0x6005, .. });
            assert!(!log.iter().any(|entry| answered(&entry.what)));
        }
    }
}

#[tokio::test]
async fn a_connection_ends_after_exactly_as_many_bytes_to_it() {
    let simulator = start(small()).await;
    for (nth, bytes) in (1..).zip([0_u64, 1, 127, 128, 200]) {
        let mut client = Client::connect(simulator.address()).await;
        assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
        let before = simulator.log_len();
        assert!(simulator.cut(nth, Cut::AfterSent(bytes)));
        let mut both = Ask::of(0x6008, 1).bytes();
        both.extend(Ask::of(0x6008, 2).bytes());
        client.send_bytes(&both).await;
        assert_eq!(client.rest().await.len() as u64, bytes);
        assert_eq!(ended(&simulator, nth).await.1, 128 + bytes);
        let log = simulator.log_from(before);
        let replied = log
            .iter()
            .filter(|entry| matches!(entry.what, What::Replied { .. }));
        assert_eq!(replied.count() as u64, bytes / 128, "{bytes}");
    }
    assert!(!simulator.cut(99, Cut::AfterSent(0)));
}

#[tokio::test]
async fn connections_can_be_made_to_end_from_the_start() {
    let (simulator, mut client) = spoiled(&[Fault::CloseAfterSent { bytes: 130 }]).await;
    client.send(&Ask::new(0x1009)).await;
    assert_eq!(client.rest().await.len(), 130);
    simulator.set_faults(&[Fault::CloseAfterReceived { bytes: 5 }]);
    let mut client = Client::connect(simulator.address()).await;
    client.send(&Ask::new(STATE)).await;
    assert!(client.rest().await.is_empty());
    assert_eq!(ended(&simulator, 2).await, (5, 0));
    simulator.set_faults(&[]);
    let mut client = Client::connect(simulator.address()).await;
    assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
}

#[tokio::test]
async fn floods_have_their_rate_and_do_not_hold_replies_up() {
    for (fault, code) in [
        (Fault::MotionFlood { per_s: 20_000 }, 0x6010),
        (Fault::GaugeFlood { per_s: 20_000 }, 0x9004),
    ] {
        let (simulator, mut client) = spoiled(&[fault]).await;
        let begun = Instant::now();
        for _ in 0..5 {
            assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
        }
        let mut seen = 0;
        while seen < 10_000 {
            seen += usize::from(client.message().await.code == code);
        }
        // Half a second's worth, however slow this machine is.
        assert!(
            begun.elapsed() >= Duration::from_millis(400),
            "{:?}",
            begun.elapsed()
        );
        client.events.clear();
        simulator.set_faults(&[]);
        assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
        client.events.clear();
        for _ in 0..5 {
            client.ask(Ask::new(STATE)).await;
        }
        assert!(client.events.is_empty());
    }
}

#[tokio::test]
async fn the_end_of_a_motion_can_go_unsaid() {
    let (simulator, mut client) = spoiled(&[Fault::NoMotionStopped]).await;
    client.ask(Ask::to(1, 9.0)).await;
    let end = Deed::MoveEnded {
        axis: Axis::X,
        at: 9.0,
    };
    until(&simulator, "it has ended", |s| has_done(s, &end)).await;
    assert_eq!(client.position(1).await, 9.0);
    assert!(client.events.iter().all(|told| told.code != 0x6010));
}

#[tokio::test]
async fn settings_can_lack_limits_and_hold_escapes() {
    let faults = [Fault::SettingsWithoutLimits, Fault::EscapeSettings];
    let (_simulator, mut client) = spoiled(&faults).await;
    let text = String::from_utf8(client.ask(Ask::new(0x1009)).await.payload).unwrap();
    assert!(!text.contains("limit") && text.contains("Microscope name"));
    assert!(text.contains("525/50\u{1b}[2J"));
    assert!(client.ask(Ask::of(0x2002, 1)).await.text.contains('\u{1b}'));
}

#[tokio::test]
async fn settings_are_pushed_when_live_view_starts() {
    let (_simulator, mut client) = spoiled(&[Fault::SettingsPush]).await;
    client.ask(Ask::new(0x3007)).await;
    let push = client.event(0x1007).await;
    assert!(push.bits == 0 && push.payload.len() > 2000);
}

#[tokio::test]
async fn sizes_change_in_mid_stream_and_back() {
    let (_simulator, _client, mut viewer) = viewing(Fault::SizeChange { every: 2 }).await;
    let mut sizes = Vec::new();
    for _ in 0..6 {
        let image = viewer.next().await;
        assert_eq!(image.pixels.len() as u32, image.size().0 * image.size().1);
        sizes.push(image.size());
    }
    let (large, little) = ((48, 32), (24, 24));
    assert_eq!(sizes, [large, large, little, little, large, large]);
}

#[tokio::test]
async fn headers_without_image_come_in_between() {
    let (_simulator, _client, mut viewer) = viewing(Fault::OptionsOnly { every: 2 }).await;
    let mut bytes = Vec::new();
    for _ in 0..6 {
        let image = viewer.next().await;
        bytes.push(image.header[0]);
        if image.header[0] == 0 {
            assert_eq!(image.header, [0, 0, 0, 100, 4000, 1, 4, 0x012c_00c8, 0, 0]);
        }
    }
    assert_eq!(bytes, [3072, 0, 3072, 3072, 0, 3072]);
}

#[tokio::test]
async fn a_header_announces_a_wrong_size() {
    let (_simulator, _client, mut viewer) = viewing(Fault::BadImageSize { every: 2 }).await;
    assert_eq!(viewer.next().await.header[0], 3072);
    let bad = viewer.next().await;
    assert_eq!((bad.header[0], bad.size()), (3074, (48, 32)));
}

#[tokio::test]
async fn a_stalled_image_is_finished_when_the_fault_is_over() {
    use tokio::io::AsyncReadExt as _;
    let (simulator, mut client, mut viewer) = viewing(Fault::StalledLive).await;
    let mut half = [0; 40 + 1536];
    viewer.stream.read_exact(&mut half).await.unwrap();
    // The queue fills and drops: nothing more has been sent.
    until(&simulator, "images are dropped", |s| {
        s.counters().frames_dropped > 0
    })
    .await;
    assert_eq!(simulator.counters().frames_sent, 0);
    assert_eq!(client.ask(Ask::new(STATE)).await.code, STATE);
    simulator.set_faults(&[]);
    let mut rest = [0; 1536];
    viewer.stream.read_exact(&mut rest).await.unwrap();
    assert_eq!(viewer.next().await.size(), (48, 32));
}

#[tokio::test]
async fn the_live_socket_is_closed_in_the_middle_of_an_image() {
    let (simulator, _client, mut viewer) = viewing(Fault::CloseMidFrame { every: 3 }).await;
    viewer.next().await;
    viewer.next().await;
    assert!(viewer.image().await.is_none());
    let mut again = Viewer::connect(simulator.live_address()).await;
    again.next().await;
}

#[tokio::test]
async fn viewers_can_be_turned_away() {
    let (simulator, mut client) = spoiled(&[Fault::RefuseLive]).await;
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    assert!(viewer.image().await.is_none());
    assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
    simulator.set_faults(&[]);
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    client.ask(Ask::new(0x3007)).await;
    viewer.next().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let options = SimulatorOptions {
        client_patience: Duration::from_millis(200),
        faults: vec![Fault::MotionFlood { per_s: 20_000 }],
        ..small()
    };
    let simulator = start(options).await;
    let _idle = Client::connect(simulator.address()).await;
    until(&simulator, "it is cut", |s| s.counters().cut == 1).await;
}
