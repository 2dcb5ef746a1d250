//! The ledger balances at every moment, whatever stalls, and nothing is in flight at rest.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use ttyscope::model::{
    AckWindow, BookChange, BookCounters, BookEvent, BookId, BookState, BookView, Clock, DropReason,
    Fate, Fault, FaultKind, FeedLatency, FeedWay, Frame, FrameEncoding, Integrity, LaneKind,
    Ledger, Level, LinkState, Loss, Message, Payload, Reading, RecorderStatus, Scales, Sequence,
    Severity, SourceId,
};
use ttyscope::pipeline::{
    DiskItem, DiskLane, DiskReceiver, LoopStats, Order, Outlet, Pipeline, ScreenLanes,
    TerminalStats,
};

/// One step of a run in which everybody may be late.
#[derive(Clone, Debug)]
enum Step {
    Publish {
        source: u16,
        what: What,
    },
    Reject {
        source: u16,
    },
    Lose {
        source: u16,
        count: u64,
    },
    TakeFromLanes(u8),
    TakeFrame(Fate),
    TakeFromDiskLane {
        count: u8,
        lost: bool,
    },
    Recording(bool),
    NobodyLooks,
    FramesAreMeasured(bool),
    /// The task of a publisher that waits is ended.
    Cancel(u8),
}

#[derive(Clone, Copy, Debug)]
enum What {
    Frame { camera: u8, size: u16 },
    Reading,
    Message { size: u16 },
    Link,
    BookEvent { book: u8 },
    BookView { book: u8 },
}

fn payload(what: What) -> Payload {
    match what {
        What::Frame { camera, size } => Payload::Frame(Frame {
            detector: format!("camera {camera}").into(),
            number: Some(u64::from(size)),
            width_px: None,
            height_px: None,
            encoding: FrameEncoding::Jpeg,
            body: Bytes::from(vec![0; usize::from(size)]),
            pixel_size_um: None,
            subsampling: 1,
            bit_depth: None,
            device_ns: Some(1),
            lost_before: 0,
        }),
        What::Reading => Payload::Readings(vec![Reading::new("stage/X", 1.5, "um")]),
        What::Message { size } => Payload::Message(Message {
            name: "tick".into(),
            json: Bytes::from(vec![b' '; usize::from(size)]),
            attachments: Vec::new(),
        }),
        What::Link => Payload::Link(LinkState::Live),
        What::BookEvent { book } => Payload::BookEvent(Arc::new(BookEvent {
            book: book_id(book),
            scales: Scales { price: 1, size: 8 },
            change: BookChange::Delta { depth: None },
            bids: vec![Level { price: 1, size: 1 }],
            asks: Vec::new(),
            sequence: Sequence::default(),
            exchange_ns: None,
            checksum: None,
            frame: 1,
            notes: None,
        })),
        What::BookView { book } => Payload::Book(Arc::new(view(book, 0))),
    }
}

fn book_id(book: u8) -> BookId {
    BookId {
        venue: "kraken".into(),
        symbol: format!("B{book}/USD").into(),
    }
}

/// A view whose `sequence` tells it from others of its book.
fn view(book: u8, sequence: i64) -> BookView {
    BookView {
        book: book_id(book),
        display: "B/USD".into(),
        scales: Scales { price: 1, size: 8 },
        tick: 1,
        state: BookState::Live,
        way: FeedWay::Stream,
        integrity: Integrity::Sequence,
        bids: Vec::new(),
        asks: Vec::new(),
        bid_levels: 0,
        ask_levels: 0,
        known_range: None,
        sequence: Some(sequence),
        exchange_ns: None,
        proved: None,
        is_crossed: false,
        metrics: None,
        counters: BookCounters::default(),
        rate_hz: 0.0,
        last_minute: Vec::new(),
        latency: FeedLatency::default(),
        last_trade: None,
    }
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        4 => (0..2_u8, 0..3000_u16).prop_map(|(camera, size)| What::Frame { camera, size }),
        2 => Just(What::Reading),
        2 => (0..2000_u16).prop_map(|size| What::Message { size }),
        1 => Just(What::Link),
        2 => (0..3_u8).prop_map(|book| What::BookEvent { book }),
        2 => (0..3_u8).prop_map(|book| What::BookView { book }),
    ];
    let fate = prop_oneof![
        Just(Fate::Shown),
        Just(Fate::Coalesced),
        Just(Fate::Dropped(DropReason::Undecodable)),
        Just(Fate::NotShown(DropReason::Shutdown)),
    ];
    prop_oneof![
        12 => (0..3_u16, what).prop_map(|(source, what)| Step::Publish { source, what }),
        1 => (0..3_u16).prop_map(|source| Step::Reject { source }),
        1 => (0..3_u16, 1..9_u64).prop_map(|(source, count)| Step::Lose { source, count }),
        4 => (1..6_u8).prop_map(Step::TakeFromLanes),
        4 => fate.prop_map(Step::TakeFrame),
        4 => (1..6_u8, any::<bool>()).prop_map(|(count, lost)| Step::TakeFromDiskLane { count, lost }),
        1 => any::<bool>().prop_map(Step::Recording),
        1 => Just(Step::NobodyLooks),
        1 => any::<bool>().prop_map(Step::FramesAreMeasured),
        1 => any::<u8>().prop_map(Step::Cancel),
    ]
}

/// A pipeline with lanes so small that everything overflows and waits.
struct Rig {
    pipeline: Pipeline,
    lanes: Arc<ScreenLanes>,
    receiver: DiskReceiver,
    waiting: Vec<Pin<Box<dyn Future<Output = ()>>>>,
    received: u64,
}

impl Rig {
    fn new() -> Self {
        let clock = Clock::manual(1);
        let lanes = Arc::new(ScreenLanes::with_bounds(clock.clone(), 3, 4));
        let (disk, receiver) = DiskLane::new(4_000);
        let pipeline = Pipeline::new(clock, 3, Some(disk), Some(Arc::clone(&lanes)));
        Self {
            pipeline,
            lanes,
            receiver,
            waiting: Vec::new(),
            received: 0,
        }
    }

    fn outlet(&self, source: u16) -> Outlet {
        self.pipeline.outlet(SourceId(source))
    }

    fn start(&mut self, work: impl Future<Output = ()> + 'static) {
        self.waiting.push(Box::pin(work));
        self.poll();
    }

    /// Lets everybody who waits try again. Those who still wait are late, which is the point.
    fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        self.waiting
            .retain_mut(|work| work.as_mut().poll(&mut context).is_pending());
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Publish { source, what } => {
                self.received += 1;
                let outlet = self.outlet(source);
                self.start(async move {
                    outlet.publish(outlet.clock().now(), payload(what)).await;
                });
            }
            Step::Reject { source } => {
                self.received += 2;
                // A fault is only published once a second; time stands still, so move it on.
                let outlet = self.outlet(source);
                outlet.clock().advance(Duration::from_secs(2));
                self.start(async move {
                    let fault = Fault::new(FaultKind::Malformed, Severity::Error, "broken");
                    outlet
                        .reject(
                            outlet.clock().now(),
                            LaneKind::Frames,
                            DropReason::Malformed,
                            fault,
                        )
                        .await;
                });
            }
            Step::Lose { source, count } => {
                self.received += count + 1;
                let outlet = self.outlet(source);
                self.start(async move {
                    outlet
                        .lose(LaneKind::Samples, DropReason::ReaderBehind, count)
                        .await;
                });
            }
            Step::TakeFromLanes(count) => {
                for _ in 0..count {
                    if let Some(delivery) = self.lanes.try_take() {
                        delivery.ticket.settle(Fate::Shown);
                    }
                }
            }
            Step::TakeFrame(fate) => {
                if let Some(delivery) = self.lanes.take_frame(Duration::ZERO) {
                    delivery.ticket.settle(fate);
                }
            }
            Step::TakeFromDiskLane { count, lost } => {
                for _ in 0..count {
                    if let Some(item) = self.receiver.recv(Duration::ZERO) {
                        settle(item, lost);
                    }
                }
            }
            Step::Recording(on) => self.receiver.set_taking(on),
            Step::NobodyLooks => self.lanes.take_control_only(),
            Step::FramesAreMeasured(on) => self.lanes.take_frames_unseen(on),
            Step::Cancel(which) => {
                if let Some(index) = usize::from(which).checked_rem(self.waiting.len()) {
                    drop(self.waiting.swap_remove(index));
                }
            }
        }
        self.poll();
    }

    fn check(&self) {
        for (index, book) in self.pipeline.ledger().snapshot().sources.iter().enumerate() {
            assert_eq!(book.total().residue(), 0, "source {index}: {book:?}");
            assert_eq!(book.disk.residue(), 0, "source {index}: {book:?}");
        }
    }
}

fn settle(item: DiskItem, lost: bool) {
    if let DiskItem::Record {
        ticket: Some(ticket),
        ..
    } = item
    {
        if lost {
            ticket.lost(DropReason::DiskFull);
        } else {
            ticket.written();
        }
    }
}

proptest! {
    #[test]
    fn the_ledger_balances_at_every_step(steps in prop::collection::vec(step(), 1..200)) {
        let mut rig = Rig::new();
        for step in steps {
            rig.take(step);
            rig.check();
        }
        // The disk catches up, then the screen ends with things still waiting in its lanes.
        while let Some(item) = rig.receiver.recv(Duration::ZERO) {
            settle(item, false);
            rig.poll();
            rig.check();
        }
        rig.lanes.close();
        let Rig { pipeline, receiver, mut waiting, received, .. } = rig;
        drop(receiver);
        let mut context = Context::from_waker(Waker::noop());
        waiting.retain_mut(|work| work.as_mut().poll(&mut context).is_pending());
        prop_assert!(waiting.is_empty(), "{} publishers wait for nobody", waiting.len());

        let books = pipeline.ledger().snapshot();
        let total: u64 = books.sources.iter().map(|book| book.total().received).sum();
        prop_assert_eq!(total, received);
        for book in &books.sources {
            prop_assert_eq!(book.total().residue(), 0);
            prop_assert_eq!(book.total().in_flight, 0);
            prop_assert_eq!(book.disk.in_flight, 0);
        }
    }
}

/// The same with real threads: whoever looks at the books in between finds them balanced.
#[test]
fn the_ledger_balances_while_threads_race() {
    const ITEMS: u64 = 3_000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let clock = Clock::system();
    let lanes = Arc::new(ScreenLanes::with_bounds(clock.clone(), 8, 16));
    let (disk, receiver) = DiskLane::new(20_000);
    receiver.set_taking(true);
    let pipeline = Pipeline::new(clock, 3, Some(disk.clone()), Some(Arc::clone(&lanes)));

    let recorder = std::thread::spawn(move || {
        loop {
            match receiver.recv(Duration::from_secs(60)) {
                Some(DiskItem::Order(Order::Quit)) => break,
                Some(item) => settle(item, false),
                None => panic!("the lane was silent for a minute"),
            }
        }
    });
    let done = Arc::new(AtomicBool::new(false));
    let auditor = std::thread::spawn({
        let (ledger, done): (Ledger, _) = (pipeline.ledger().clone(), Arc::clone(&done));
        move || {
            let mut looks = 0_u64;
            while !done.load(Ordering::Acquire) {
                for book in ledger.snapshot().sources {
                    assert_eq!((book.total().residue(), book.disk.residue()), (0, 0));
                }
                looks += 1;
                std::thread::yield_now();
            }
            looks
        }
    });
    let screen = std::thread::spawn({
        let (lanes, done) = (Arc::clone(&lanes), Arc::clone(&done));
        move || {
            while !done.load(Ordering::Acquire) {
                if let Some(delivery) = lanes.try_take() {
                    delivery.ticket.settle(Fate::Shown);
                }
                if let Some(delivery) = lanes.take_frame(Duration::ZERO) {
                    delivery.ticket.settle(Fate::Shown);
                }
                std::thread::yield_now();
            }
        }
    });
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for source in 0..3 {
            let outlet = pipeline.outlet(SourceId(source));
            tasks.spawn(async move {
                for number in 0..ITEMS {
                    let what = match number % 4 {
                        0 => What::Link,
                        1 => What::Reading,
                        2 => What::Message { size: 700 },
                        _ => What::Frame {
                            camera: (number % 2) as u8,
                            size: 2_000,
                        },
                    };
                    outlet.publish(outlet.clock().now(), payload(what)).await;
                }
            });
        }
        tasks.join_all().await;
    });
    done.store(true, Ordering::Release);
    disk.order(Order::Quit);
    recorder.join().unwrap();
    screen.join().unwrap();
    assert!(auditor.join().unwrap() > 0);
    lanes.close();
    for book in pipeline.ledger().snapshot().sources {
        let total = book.total();
        assert_eq!(total.received, ITEMS);
        assert_eq!((total.residue(), total.in_flight), (0, 0));
        // Everything was accepted for the disk, and all of it was written.
        assert_eq!((book.disk.accepted, book.disk.written), (ITEMS, ITEMS));
    }
}

#[test]
fn a_flood_of_one_source_costs_the_others_nothing() {
    let mut rig = Rig::new();
    for _ in 0..50 {
        rig.take(Step::Publish {
            source: 0,
            what: What::Reading,
        });
        rig.take(Step::TakeFromDiskLane {
            count: 1,
            lost: false,
        });
    }
    rig.take(Step::Publish {
        source: 1,
        what: What::Reading,
    });
    rig.take(Step::Publish {
        source: 0,
        what: What::Link,
    });
    let first = rig.lanes.try_take().unwrap();
    assert_eq!(first.sample.payload.lane(), LaneKind::Control);
    first.ticket.settle(Fate::Shown);
    let next: Vec<u16> = (0..2)
        .map(|_| {
            let delivery = rig.lanes.try_take().unwrap();
            let source = delivery.sample.source.0;
            delivery.ticket.settle(Fate::Shown);
            source
        })
        .collect();
    assert!(
        next.contains(&1),
        "source 1 is served in its turn: {next:?}"
    );
    let books = rig.pipeline.ledger().snapshot();
    let dropped = books.source(SourceId(0)).total().dropped;
    assert_eq!(dropped[DropReason::ScreenLaneFull as usize], 46);
    assert_eq!(books.source(SourceId(1)).total().dropped_total(), 0);
}

#[test]
fn the_newest_view_of_a_book_wins_and_every_book_has_its_turn() {
    let mut rig = Rig::new();
    rig.take(Step::Recording(true));
    // One busy book, with two quiet ones behind it.
    for sequence in 0..20 {
        let outlet = rig.outlet(0);
        rig.start(async move {
            let payload = Payload::Book(Arc::new(view(0, sequence)));
            outlet.publish(outlet.clock().now(), payload).await;
        });
        rig.take(Step::Publish {
            source: 0,
            what: What::BookEvent { book: 0 },
        });
        if sequence == 3 {
            for book in [1, 2] {
                rig.take(Step::Publish {
                    source: 0,
                    what: What::BookView { book },
                });
            }
        }
        rig.take(Step::TakeFromDiskLane {
            count: 3,
            lost: false,
        });
    }
    let mut seen = Vec::new();
    while let Some(delivery) = rig.lanes.try_take() {
        if let Payload::Book(view) = &delivery.sample.payload {
            seen.push((view.book.clone(), view.sequence));
        }
        delivery.ticket.settle(Fate::Shown);
    }
    let quiet = |book| (book_id(book), Some(0));
    assert_eq!(seen, [(book_id(0), Some(19)), quiet(1), quiet(2)]);
    rig.check();
    let ledger = rig.pipeline.ledger().snapshot();
    let books = &ledger.source(SourceId(0)).lanes[LaneKind::Books as usize];
    // 20 changes and 22 views, of which three were seen; the changes alone were recorded.
    assert_eq!((books.received, books.shown), (42, 3));
    assert_eq!((books.coalesced, books.dropped_total()), (39, 0));
    assert_eq!(books.recorded, 20);
}

#[test]
fn two_hundred_busy_books_fill_two_hundred_places() {
    let mut rig = Rig::new();
    // Ten minutes of fifty changes a second would be 6 million; the places are the same after 40,000.
    for round in 0..200 {
        for book in 0..200 {
            let outlet = rig.outlet(0);
            rig.start(async move {
                let payload = Payload::Book(Arc::new(view(book, round)));
                outlet.publish(outlet.clock().now(), payload).await;
            });
        }
        let gauge = rig.lanes.gauge(SourceId(0), LaneKind::Books);
        assert_eq!((gauge.depth, gauge.high_water), (200, 200));
    }
    let mut taken = 0;
    while let Some(delivery) = rig.lanes.try_take() {
        delivery.ticket.settle(Fate::Shown);
        taken += 1;
    }
    assert_eq!(taken, 200);
    rig.check();
}

#[test]
fn what_sums_up_is_no_arrival() {
    let mut rig = Rig::new();
    let figures = |rig: &Rig| {
        let (turns, terminal) = (LoopStats::default(), TerminalStats::default());
        let snapshot = rig
            .pipeline
            .snapshot(RecorderStatus::default(), turns, terminal);
        snapshot.sources[0].clone()
    };
    rig.take(Step::Publish {
        source: 0,
        what: What::BookView { book: 0 },
    });
    assert_eq!(figures(&rig).last_received, None);
    rig.take(Step::Publish {
        source: 0,
        what: What::BookEvent { book: 0 },
    });
    assert!(figures(&rig).last_received.is_some());
}

#[test]
fn large_samples_are_bounded_in_bytes() {
    let mut rig = Rig::new();
    let half = ScreenLanes::SAMPLES_BOUND_BYTES / 2;
    for _ in 0..4 {
        let outlet = rig.outlet(0);
        rig.start(async move {
            let message = Payload::Message(Message {
                name: "large".into(),
                json: Bytes::from(vec![b' '; half]),
                attachments: Vec::new(),
            });
            outlet.publish(outlet.clock().now(), message).await;
        });
    }
    let gauge = rig.lanes.gauge(SourceId(0), LaneKind::Samples);
    assert_eq!((gauge.depth, gauge.bound), (1, 4));
    let dropped = rig.pipeline.ledger().snapshot().sources[0].total().dropped;
    assert_eq!(dropped[DropReason::ScreenLaneFull as usize], 3);
    rig.check();
}

#[test]
fn repeated_faults_are_counted_and_told_once_a_second() {
    let mut rig = Rig::new();
    let outlet = rig.outlet(0);
    for _ in 0..10 {
        let outlet = outlet.clone();
        rig.start(async move {
            let fault = Fault::new(FaultKind::Malformed, Severity::Error, "broken");
            outlet.fault(outlet.clock().now(), fault).await;
        });
    }
    outlet.clock().advance(Duration::from_secs(2));
    rig.start(async move {
        let fault = Fault::new(FaultKind::Malformed, Severity::Error, "broken");
        outlet.fault(outlet.clock().now(), fault).await;
    });
    let mut texts = Vec::new();
    while let Some(delivery) = rig.lanes.try_take() {
        if let Payload::Fault(fault) = &delivery.sample.payload {
            texts.push(fault.text.to_string());
        }
        delivery.ticket.settle(Fate::Shown);
    }
    assert_eq!(texts, ["broken", "broken (and 9 more like it since)"]);
    let snapshot = rig.pipeline.snapshot(
        ttyscope::model::RecorderStatus::default(),
        LoopStats::default(),
        TerminalStats::default(),
    );
    assert_eq!(snapshot.sources[0].faults, [(FaultKind::Malformed, 11)]);
}

#[test]
fn a_loss_is_written_down_and_a_window_is_shown() {
    let mut rig = Rig::new();
    rig.take(Step::Lose {
        source: 2,
        count: 7,
    });
    let delivery = rig.lanes.try_take().unwrap();
    let expected = Payload::Loss(Loss {
        lane: LaneKind::Samples,
        reason: DropReason::ReaderBehind,
        count: 7,
    });
    assert_eq!(delivery.sample.payload, expected);
    delivery.ticket.settle(Fate::Shown);
    let window = AckWindow { open: 1, size: 4 };
    rig.outlet(2).set_window(window);
    let snapshot = rig.pipeline.snapshot(
        ttyscope::model::RecorderStatus::default(),
        LoopStats::default(),
        TerminalStats::default(),
    );
    assert_eq!(snapshot.sources[2].window, Some(window));
    assert_eq!(snapshot.sources[2].lost(), 7);
}
