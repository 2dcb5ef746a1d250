//! A replay comes to the same order book as the live source did: from a whole file, from one that
//! began in mid-stream, and up to the place where a file was cut.

use super::*;
use ttyscope::model::{
    Aggressor, Book, BookChange, BookEvent, BookId, BookState, BookView, ClearReason, FeedWay,
    Integrity, Scales, Side, Trade,
};
use ttyscope::protocol::market::canonical;
use ttyscope::protocol::market::tracked::Tracked;
use ttyscope::protocol::market::{Ask, Change, Sink};

/// What a venue does to a book.
#[derive(Clone, Debug)]
enum Step {
    Whole(BookChange, Rows, Rows),
    Delta(Option<u16>, Rows, Rows),
    Clear(ClearReason),
    Trade(i64, i128, i64),
}

/// Price and size as texts.
type Rows = Vec<(String, String)>;

fn any_rows() -> impl Strategy<Value = Rows> {
    // Few prices, so that rows meet; decimals that come later make the scales grow.
    let price = prop_oneof!["9[0-9]", "9[0-9]\\.[0-9]"];
    let size = prop_oneof![Just("0".to_owned()), "[1-9]", "[1-9]\\.[0-9]{1,3}"];
    proptest::collection::vec((price, size), 0..6)
}

fn any_step() -> impl Strategy<Value = Step> {
    let whole = prop_oneof![Just(BookChange::Snapshot), Just(BookChange::Replace)];
    prop_oneof![
        2 => (whole, any_rows(), any_rows()).prop_map(|(how, b, a)| Step::Whole(how, b, a)),
        6 => (proptest::option::of(3..9_u16), any_rows(), any_rows())
            .prop_map(|(depth, b, a)| Step::Delta(depth, b, a)),
        1 => proptest::sample::select(&ClearReason::ALL[..]).prop_map(Step::Clear),
        2 => (1..9_i64, 0..9_i128, -9..9_i64).prop_map(|(p, s, t)| Step::Trade(p, s, t)),
    ]
}

/// Takes down what a source would publish.
#[derive(Default)]
struct Published(Vec<Payload>);

impl Sink for Published {
    fn book(&mut self, change: Change<'_>) {
        self.0
            .push(Payload::BookEvent(Arc::new(change.event.clone())));
    }

    fn trade(&mut self, trade: Trade) {
        self.0.push(Payload::Trade(Arc::new(trade)));
    }

    fn fault(&mut self, _: Option<usize>, fault: Fault) {
        panic!("{fault:?}");
    }

    fn ask(&mut self, ask: Ask) {
        panic!("{ask:?}");
    }
}

/// A live book and the rig that records what it publishes.
struct Live {
    rig: Rig,
    book: Tracked,
    published: Vec<(Stamp, Payload)>,
}

impl Live {
    fn new() -> Self {
        let id = market::id("BTC/USD");
        Self {
            rig: Rig::new(),
            book: Tracked::new(id, FeedWay::Stream, Integrity::Weak),
            published: Vec::new(),
        }
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            self.rig.clock.advance(Duration::from_millis(7));
            let now = self.rig.clock.now();
            let mut out = Published::default();
            self.step(step, now, &mut out);
            for payload in out.0 {
                self.rig.say(0, payload.clone());
                self.published.push((now, payload));
            }
        }
    }

    fn step(&mut self, step: &Step, now: Stamp, out: &mut Published) {
        let book = &mut self.book;
        let (change, bids, asks) = match step {
            Step::Whole(change, bids, asks) => (change.clone(), bids, asks),
            // A venue drops changes of a book that it does not trust.
            Step::Delta(..) if !book.is_live() => return,
            Step::Delta(depth, bids, asks) => (BookChange::Delta { depth: *depth }, bids, asks),
            Step::Clear(reason) => {
                book.clear(0, *reason, now, out);
                if !out.0.is_empty() {
                    // As the venue counts what it has found.
                    match reason {
                        ClearReason::Gap => book.count(|counters| &mut counters.gaps),
                        ClearReason::Checksum => book.count(|counters| &mut counters.crc_fail),
                        ClearReason::Crossed => {
                            book.count(|counters| &mut counters.crossed_desyncs);
                        }
                        _ => {}
                    }
                }
                return;
            }
            Step::Trade(price, size, later_ms) => {
                let exchange_ns = now.unix_ns as i64 + later_ms * 1_000_000;
                let trade = Trade {
                    book: book.id().clone(),
                    scales: Scales { price: 1, size: 2 },
                    id: None,
                    price: *price,
                    size: *size,
                    aggressor: Some(Aggressor::Buy),
                    side: None,
                    exchange_ns: Some(exchange_ns),
                    is_late: *later_ms < 0,
                };
                return book.trade(trade, now, out);
            }
        };
        book.begin(change);
        for (side, rows) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for (price, size) in rows {
                book.row(side, price.as_bytes(), size.as_bytes()).unwrap();
            }
        }
        book.event.exchange_ns = Some(now.unix_ns as i64 - 3_000_000);
        book.event.frame = 9;
        book.apply(0, now, out).unwrap();
    }

    /// The view as of the last thing said.
    fn view(&self) -> BookView {
        let last = self
            .published
            .last()
            .map_or(Stamp::default(), |(at, _)| *at);
        self.book.view(BookView::LEVELS, last)
    }
}

/// What a replay of the file comes to: its last view, if there was one, how many it showed, and
/// what it played.
fn replayed(path: &Path) -> (Option<BookView>, u64, ttyscope::sources::replay::Replayed) {
    let clock = Clock::manual(EPOCH_NS);
    let screen = Arc::new(ScreenLanes::new(clock.clone()));
    let pipeline = Pipeline::new(clock, 2, None, Some(Arc::clone(&screen)));
    let outlets = (0..2).map(|n| pipeline.outlet(SourceId(n))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let playing = play(path, Pace::Max, outlets, CancellationToken::new());
    let mut last = None;
    let mut take = || {
        while let Some(delivery) = screen.try_take() {
            if let Payload::Book(view) = &delivery.sample.payload {
                last = Some((**view).clone());
            }
            delivery.ticket.settle(Fate::Shown);
        }
    };
    // A replay waits until what it shows was seen: somebody has to look meanwhile.
    let done = runtime.block_on(async {
        tokio::pin!(playing);
        loop {
            tokio::select! {
                done = &mut playing => break done,
                () = screen.ready() => take(),
            }
        }
    });
    take();
    let books =
        pipeline.ledger().snapshot().source(SourceId(0)).lanes[LaneKind::Books as usize].clone();
    let events = played_events(path);
    (last, books.received - events, done)
}

/// Changes of books that can be read in the file.
fn played_events(path: &Path) -> u64 {
    let readable = payloads_until_cut(path);
    let events = readable
        .iter()
        .filter(|said| matches!(said, Payload::BookEvent(_)));
    events.count() as u64
}

fn canonical_crc32(view: &BookView) -> u32 {
    let mut book = Book::new(view.scales);
    book.replace(&view.bids, &view.asks);
    canonical::crc32(&book, view.scales, &mut Vec::new())
}

/// The view without what no event says.
fn plain(view: &BookView) -> BookView {
    BookView {
        integrity: Integrity::Weak,
        ..view.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_comes_to_the_book_of_the_live_source(
        steps in proptest::collection::vec(any_step(), 0..60),
    ) {
        let mut live = Live::new();
        live.rig.start(RecordingLimits::default());
        live.run(&steps);
        let outcome = live.rig.stop();
        let (last, views, done) = replayed(&outcome.path);
        prop_assert_eq!((done.unreadable, done.to_the_end), (0, true));
        let said: Vec<Payload> = live.published.iter().map(|(_, said)| said.clone()).collect();
        prop_assert_eq!(payloads(&outcome.path, 0), said);
        // At most one view in 33 ms, the first and the last besides.
        prop_assert!(views <= steps.len() as u64 * 7 / 33 + 2, "{views} views");
        match last {
            None => prop_assert!(live.published.is_empty()),
            Some(last) => {
                let mut wanted = live.view();
                prop_assert_eq!(canonical_crc32(&last), canonical_crc32(&wanted));
                if let BookState::Starting(_) = last.state {
                    wanted.state = last.state.clone();
                }
                prop_assert_eq!(plain(&last), plain(&wanted));
            }
        }
        live.rig.quit();
    }

    #[test]
    fn a_file_begun_in_mid_stream_comes_to_the_same_book(
        before in proptest::collection::vec(any_step(), 0..30),
        after in proptest::collection::vec(any_step(), 0..30),
    ) {
        let mut live = Live::new();
        live.run(&before);
        live.rig.start(RecordingLimits::default());
        live.run(&after);
        let outcome = live.rig.stop();
        let (last, _, done) = replayed(&outcome.path);
        prop_assert_eq!((done.unreadable, done.to_the_end), (0, true));
        let had_book = live.published.iter().any(|(_, said)| matches!(said, Payload::BookEvent(_)));
        let (Some(last), true) = (last, had_book) else {
            live.rig.quit();
            return Ok(());
        };
        let wanted = live.view();
        prop_assert_eq!(std::mem::discriminant(&last.state), std::mem::discriminant(&wanted.state));
        if last.state == BookState::Live {
            prop_assert_eq!(canonical_crc32(&last), canonical_crc32(&wanted));
            prop_assert_eq!((last.bids, last.asks), (wanted.bids, wanted.asks));
            prop_assert_eq!((last.metrics, last.sequence), (wanted.metrics, wanted.sequence));
        }
        live.rig.quit();
    }

    #[test]
    fn a_cut_file_comes_to_the_book_at_the_cut(
        steps in proptest::collection::vec(any_step(), 1..40),
        keep in 0.0..1.0_f64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cut.mcap");
        let mut live = Live::new();
        live.run(&steps);
        let session = Session::new(&sources(), EPOCH_NS);
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = RecordingWriter::new(file, &session).unwrap();
        let begins_at = writer.size();
        for (received, payload) in &live.published {
            let sample = Sample { source: SourceId(0), received: *received, payload: payload.clone() };
            writer.stage(&sample, None);
            writer.commit().unwrap();
            writer.flush().unwrap();
        }
        let end = writer.size();
        writer.finish(&whole(&session)).unwrap();
        let cut = begins_at + ((end - begins_at) as f64 * keep) as u64;
        std::fs::File::options().write(true).open(&path).unwrap().set_len(cut).unwrap();

        let readable = payloads_until_cut(&path);
        prop_assert!(readable.len() <= live.published.len());
        let mut wanted = Tracked::new(market::id("BTC/USD"), FeedWay::Stream, Integrity::Weak);
        for (at, payload) in live.published.iter().take(readable.len()) {
            match payload {
                Payload::BookEvent(event) => wanted.replay(event, *at).unwrap(),
                Payload::Trade(trade) => wanted.replay_trade(trade, *at),
                other => panic!("{other:?}"),
            }
        }
        let (last, _, done) = replayed(&path);
        prop_assert_eq!((done.unreadable, done.to_the_end), (1, true));
        if let Some(last) = last {
            prop_assert_eq!(canonical::crc32(wanted.book(), last.scales, &mut Vec::new()), canonical_crc32(&last));
            prop_assert_eq!(last.counters, *wanted.counters());
        } else {
            prop_assert!(readable.is_empty());
        }
        live.rig.quit();
    }
}

fn payloads_until_cut(path: &Path) -> Vec<Payload> {
    let mut decoder = Decoder::new(recording::session_of(path).unwrap());
    let said = is_readable(path)
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Message(message) => decoder.decode(&message).unwrap(),
            _ => None,
        });
    said.map(|played| played.payload).collect()
}

#[test]
fn a_change_that_does_not_fit_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let scaled = |price: u8, bids: &[(i64, i128)]| {
        let mut event: BookEvent = market::event(BookChange::Delta { depth: None }, bids, &[]);
        event.scales = Scales { price, size: 8 };
        Payload::BookEvent(Arc::new(event))
    };
    let said = [
        market::book(BookChange::Snapshot, &[(i64::MAX, 1)], &[]),
        // The first price cannot be counted so finely.
        scaled(18, &[(1, 1)]),
        market::book(BookChange::Delta { depth: None }, &[(7, 1)], &[]),
    ];
    let path = control::written(dir.path(), said);
    let (last, _, done) = replayed(&path);
    assert_eq!((done.played, done.unreadable), (3, 1));
    let last = last.unwrap();
    assert_eq!((last.bid_levels, last.scales.price), (2, 1));
    assert_eq!(last.integrity, Integrity::Weak);
    let id: &BookId = &last.book;
    assert_eq!(*id, market::id("BTC/USD"));
}
