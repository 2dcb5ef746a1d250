//! A market that goes on for long fills no memory: not in the lanes, not in the panels, not in the
//! accounts. Views and trades take the way of the program, from an outlet to a drawn screen.
#![allow(clippy::unwrap_used)]

#[path = "support/markets.rs"]
mod markets;
#[path = "support/screens.rs"]
mod screens;

use std::sync::Arc;

use markets::KRAKEN;
use screens::{Scene, at};
use ttyscope::app::Event;
use ttyscope::model::{Clock, Fate, LaneKind, LinkState, Payload, RecorderStatus};
use ttyscope::panels::market::KnownBook;
use ttyscope::pipeline::{
    LoopStats, Outlet, Pipeline, PipelineSnapshot, ScreenLanes, TerminalStats,
};

const BOOKS: usize = 8;
/// Views of each book in a second; all but the newest are replaced while they wait.
const VIEWS: u64 = 2;
/// Every ring is full after this: that of the charts takes one sample a second.
const FILLED_S: u64 = KnownBook::MOST_SAMPLES as u64 + 60;
const THEN_S: u64 = 200;
/// A single word kept of each view would be more than this.
const MOST_GROWTH: i64 = 16 << 10;

struct Run {
    pipeline: Pipeline,
    lanes: Arc<ScreenLanes>,
    outlet: Outlet,
    scene: Scene,
    taken: u64,
}

impl Run {
    fn new() -> Self {
        let clock = Clock::manual(at(0).unix_ns);
        let lanes = Arc::new(ScreenLanes::new(clock.clone()));
        let screen = Some(Arc::clone(&lanes));
        let options = markets::market_options((160, 48));
        let pipeline = Pipeline::new(clock, options.sources.len(), None, screen);
        let mut scene = Scene::new(options);
        scene.press("3");
        Self {
            outlet: pipeline.outlet(KRAKEN),
            pipeline,
            lanes,
            scene,
            taken: 0,
        }
    }

    async fn second(&mut self, second: u64) {
        let begin = second * 1_000;
        for n in 0..VIEWS {
            let ms = begin + 300 * n;
            for book in 0..BOOKS {
                let name = markets::numbered(book);
                let wave = ((second + n) % 40) as i64;
                let mut view = markets::view(ms, "kraken", &name, &name, 100_000 + wave);
                // What the screen cannot hold is not looked at here.
                view.bids.truncate(60);
                view.asks.truncate(60);
                let view = Payload::Book(Arc::new(view));
                self.outlet.publish(at(ms), view).await;
            }
            let trade = markets::trade(markets::id("kraken", "C000/USD"), 100_000, 5, None);
            let trade = Payload::Trade(Arc::new(trade));
            self.outlet.publish(at(ms), trade).await;
        }
        let feed = Arc::new(markets::health(begin, "kraken", BOOKS as u16));
        self.outlet.publish(at(begin), Payload::Feed(feed)).await;
        self.take(begin + 900);
    }

    /// What the main loop does in a turn, and its tick.
    fn take(&mut self, ms: u64) {
        while let Some(delivery) = self.lanes.try_take() {
            delivery.ticket.settle(Fate::Shown);
            self.scene.event(ms, Event::Sample(delivery.sample));
            self.taken += 1;
        }
        let snapshot = self.snapshot();
        self.scene.tick(ms, snapshot);
        self.scene.effects.clear();
        if ms % 20_000 < 1_000 {
            assert!(self.scene.draw().area.width > 0);
        }
    }

    fn snapshot(&self) -> PipelineSnapshot {
        self.pipeline.snapshot(
            RecorderStatus::default(),
            LoopStats::default(),
            TerminalStats::default(),
        )
    }
}

#[test]
fn a_market_that_goes_on_for_long_fills_no_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut run = Run::new();
    let go = |run: &mut Run, seconds: std::ops::Range<u64>| {
        allocation_counter::measure(|| {
            runtime.block_on(async {
                for second in seconds {
                    run.second(second).await;
                }
            });
        })
    };
    let link = Payload::Link(LinkState::Live);
    run.scene.sample(0, KRAKEN, link);
    let filled = go(&mut run, 1..FILLED_S);
    assert!(filled.bytes_current > MOST_GROWTH, "{filled:?}");
    let text = run.scene.text();
    assert!(text.contains(&format!("{BOOKS} books")), "{text}");

    let taken = run.taken;
    let then = go(&mut run, FILLED_S..FILLED_S + THEN_S);
    assert!(then.bytes_current < MOST_GROWTH, "{then:?}");

    // Of each book the newest view, every trade, every word of the feed; the rest is accounted for.
    let shown = THEN_S * (BOOKS as u64 + VIEWS + 1);
    assert_eq!(run.taken - taken, shown);
    let snapshot = run.snapshot();
    let source = &snapshot.sources[usize::from(KRAKEN.0)];
    for lane in [LaneKind::Books, LaneKind::Samples, LaneKind::Control] {
        let gauge = run.lanes.gauge(KRAKEN, lane);
        assert_eq!(gauge.depth, 0, "{lane:?}");
        assert!(
            gauge.high_water <= BOOKS.max(VIEWS as usize + 1),
            "{lane:?}: {gauge:?}"
        );
        let counts = &source.lanes[lane as usize].counts;
        assert_eq!((counts.in_flight, counts.residue()), (0, 0), "{lane:?}");
    }
    let books = &source.lanes[LaneKind::Books as usize].counts;
    let published = (FILLED_S + THEN_S - 1) * VIEWS * BOOKS as u64;
    assert_eq!(books.received, published);
    assert_eq!(books.coalesced, published / VIEWS * (VIEWS - 1));
}
