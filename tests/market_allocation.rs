//! What a small change of an order book costs in memory: nothing, at every venue that keeps books.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/market.rs"]
mod market;

use market::Session;
use ttyscope::model::{BookState, Fault, Trade};
use ttyscope::protocol::market::venues::VENUES;
use ttyscope::protocol::market::{Ask, Change, Sink};

/// Enough for every table and ring of a book to have its full size.
const WARM_UP: usize = 10_000;
const MEASURED: usize = 10_000;

/// Looks at what it is told and keeps nothing.
#[derive(Default)]
struct Counting {
    changes: usize,
    rows: usize,
    faults: usize,
}

impl Sink for Counting {
    fn book(&mut self, change: Change<'_>) {
        self.changes += 1;
        self.rows += change.event.bids.len() + change.event.asks.len();
    }

    fn trade(&mut self, _: Trade) {}

    fn fault(&mut self, _: Option<usize>, _: Fault) {
        self.faults += 1;
    }

    fn ask(&mut self, _: Ask) {}
}

#[test]
fn small_differences_allocate_nothing() {
    for kind in VENUES {
        // Some venues have trades only.
        let Some(mut session) = Session::at(kind) else {
            continue;
        };
        let mut venue = (kind.venue)(&session.subscription());
        let frames = session.differences(WARM_UP + MEASURED);
        let (first, then) = frames.split_at(WARM_UP);
        let mut heard = Counting::default();
        let mut at = (1..).map(Session::at_frame);
        let warm_up = allocation_counter::measure(|| {
            session.begin(&mut *venue, &mut heard);
            for frame in first {
                venue.frame(frame.as_bytes(), at.next().unwrap(), &mut heard);
            }
        });
        assert!(warm_up.count_total > 0, "{}: nothing is counted", kind.name);
        let view = venue.view(0, 1, Session::at_frame(WARM_UP as u64)).unwrap();
        assert_eq!(view.state, BookState::Live, "{}", kind.name);

        heard = Counting::default();
        let steady = allocation_counter::measure(|| {
            for frame in then {
                venue.frame(frame.as_bytes(), at.next().unwrap(), &mut heard);
            }
        });
        assert_eq!(
            (heard.changes, heard.faults),
            (MEASURED, 0),
            "{}",
            kind.name
        );
        assert_eq!(heard.rows, 2 * MEASURED, "{}", kind.name);
        assert_eq!(steady.count_total, 0, "{}: {steady:?}", kind.name);
    }
}
