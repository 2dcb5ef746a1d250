//! A running market source: what it shows, what it tells, and what a recorder would get.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter};
use ttyscope::model::{
    BookEvent, BookState, BookView, Clock, Fate, Fault, FeedHealth, LinkState, Payload, Sample,
    SourceId, Trade,
};
use ttyscope::pipeline::{DiskItem, DiskLane, DiskReceiver, Pipeline, ScreenLanes};
use ttyscope::protocol::market::venues::by_name;
use ttyscope::simulators::market::{Simulator, SimulatorOptions, Venue};
use ttyscope::sources::market::{MarketOptions, Secret, Timing, Transport, run};
use ttyscope::sources::net::Endpoint;

/// Far longer than anything here takes, and short enough to find a hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Watched {
    pub pipeline: Pipeline,
    lanes: Arc<ScreenLanes>,
    recorded: mpsc::UnboundedReceiver<Sample>,
    /// The newest view of each book, by symbol.
    pub views: BTreeMap<String, Arc<BookView>>,
    pub links: Vec<LinkState>,
    pub feed: Option<Arc<FeedHealth>>,
    pub faults: Vec<Fault>,
    pub trades: Vec<Arc<Trade>>,
    pub events: Vec<Arc<BookEvent>>,
    /// Everything that was published, as text.
    pub texts: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Watched {
    pub fn start(options: MarketOptions) -> Self {
        let clock = Clock::system();
        let lanes = Arc::new(ScreenLanes::new(clock.clone()));
        let (disk, receiver) = DiskLane::new(64 << 20);
        let (tell, recorded) = mpsc::unbounded_channel();
        receiver.set_taking(true);
        std::thread::spawn(move || drain(&receiver, &tell));
        let pipeline = Pipeline::new(clock.clone(), 1, Some(disk), Some(Arc::clone(&lanes)));
        let board = StopBoard::new(clock, 1);
        let (reporter, _reports) = StopReporter::new();
        let (_requests, intake) = Intake::new(&board, SourceId(0), 4, reporter);
        let stop = CancellationToken::new();
        let outlet = pipeline.outlet(SourceId(0));
        let task = tokio::spawn(run(options, outlet, intake, stop.clone()));
        Self {
            pipeline,
            lanes,
            recorded,
            views: BTreeMap::new(),
            links: Vec::new(),
            feed: None,
            faults: Vec::new(),
            trades: Vec::new(),
            events: Vec::new(),
            texts: String::new(),
            stop,
            task,
        }
    }

    fn take(&mut self) {
        while let Some(delivery) = self.lanes.try_take() {
            let payload = delivery.sample.payload;
            delivery.ticket.settle(Fate::Shown);
            if matches!(
                payload,
                Payload::Link(_) | Payload::Fault(_) | Payload::Feed(_) | Payload::Readings(_)
            ) {
                writeln!(self.texts, "{payload:?}").unwrap();
            }
            match payload {
                Payload::Book(view) => {
                    self.views.insert(view.book.symbol.to_string(), view);
                }
                Payload::Link(link) => self.links.push(link),
                Payload::Feed(feed) => self.feed = Some(feed),
                Payload::Fault(fault) => self.faults.push(fault),
                Payload::Trade(trade) => self.trades.push(trade),
                _ => {}
            }
        }
        while let Ok(sample) = self.recorded.try_recv() {
            if let Payload::BookEvent(event) = sample.payload {
                self.events.push(event);
            }
        }
    }

    /// Waits until `condition` holds, looking again whenever something comes.
    pub async fn until(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let waiting = async {
            loop {
                self.take();
                if condition(self) {
                    return;
                }
                self.lanes.ready().await;
            }
        };
        if timeout(PATIENCE, waiting).await.is_err() {
            let states: Vec<_> = self
                .views
                .iter()
                .map(|(symbol, view)| (symbol, &view.state, &view.counters))
                .take(4)
                .collect();
            panic!(
                "{what} did not come: {states:#?}\nlinks {:?}\nfeed {:?}\nfaults {:#?}",
                self.links, self.feed, self.faults
            );
        }
    }

    pub fn view(&self, symbol: &str) -> Option<&BookView> {
        self.views.get(symbol).map(Arc::as_ref)
    }

    pub fn is_live(&self, symbol: &str) -> bool {
        self.view(symbol)
            .is_some_and(|view| view.state == BookState::Live)
    }

    pub async fn live(&mut self, symbols: &[&str]) {
        self.until("live books", |w| symbols.iter().all(|s| w.is_live(s)))
            .await;
    }

    /// Lets the venue rest, waits until the books are the venue's own, and lets it go on.
    pub async fn equal(
        &mut self,
        simulator: &Simulator,
        venue: Venue,
        symbols: &[&str],
        depth: usize,
    ) {
        // A book begins with its first change, and what is repaired is so by the next ones.
        for symbol in symbols {
            self.more(symbol, 3).await;
        }
        self.live(symbols).await;
        simulator.pause();
        for symbol in symbols {
            let wanted = plain(&simulator.book(venue, symbol, depth).unwrap());
            self.until(&format!("the venue's own book of {symbol}"), |w| {
                let view = w.view(symbol);
                view.is_some_and(|v| v.state == BookState::Live && canonical(v, depth) == wanted)
            })
            .await;
        }
        simulator.resume();
    }

    /// Messages applied to a book.
    pub fn updates(&self, symbol: &str) -> u64 {
        let counters = self.view(symbol).map(|view| view.counters);
        counters.map_or(0, |c| c.updates_applied + c.snapshots_applied)
    }

    /// Waits for some more updates of a book.
    pub async fn more(&mut self, symbol: &str, count: u64) {
        let before = self.updates(symbol);
        self.until(&format!("{count} more updates of {symbol}"), |w| {
            w.updates(symbol) >= before + count
        })
        .await;
    }

    /// Ends it; what it said at its end is in.
    pub async fn end(mut self) -> Self {
        self.stop.cancel();
        timeout(PATIENCE, &mut self.task).await.unwrap().unwrap();
        self.take();
        self
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

fn drain(receiver: &DiskReceiver, tell: &mpsc::UnboundedSender<Sample>) {
    loop {
        if let Some(DiskItem::Record { sample, ticket, .. }) =
            receiver.recv(Duration::from_millis(50))
        {
            if let Some(ticket) = ticket {
                ticket.written();
            }
            if tell.send(sample).is_err() {
                return;
            }
        } else if tell.is_closed() {
            return;
        }
    }
}

/// The text of a book in the numbers' shortest form: venues differ in zeros.
fn canonical(view: &BookView, depth: usize) -> String {
    let side = |levels: &[ttyscope::model::Level]| {
        let rows = levels.iter().take(depth).map(|level| {
            let price = decimal(i128::from(level.price), view.scales.price);
            format!("{price}:{}", decimal(level.size, view.scales.size))
        });
        rows.collect::<Vec<_>>().join(",")
    };
    format!("{}|{}", side(&view.bids), side(&view.asks))
}

fn decimal(units: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{units:0width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    short(&format!("{whole}.{fraction}"))
}

fn short(number: &str) -> String {
    match number.contains('.') {
        true => number
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        false => number.to_owned(),
    }
}

/// A book's text with every number in its shortest form.
fn plain(text: &str) -> String {
    let side = |side: &str| {
        let rows = side.split(',').map(|row| {
            let (price, size) = row.split_once(':').unwrap_or((row, ""));
            format!("{}:{}", short(price), short(size))
        });
        rows.collect::<Vec<_>>().join(",")
    };
    let (bids, asks) = text.split_once('|').unwrap();
    format!("{}|{}", side(bids), side(asks))
}

/// A source for symbols of a simulated venue, quick to try again.
pub fn options(simulator: &Simulator, venue: Venue, symbols: &[&str]) -> MarketOptions {
    let name = venue.name();
    let kind = by_name(name).or_else(|| by_name(&name.replace('-', "_")));
    let kind = kind.unwrap();
    let address = simulator.address();
    let endpoint = Endpoint::plain(address.ip().to_string(), address.port());
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let mut options = MarketOptions::new(kind, symbols, endpoint.clone());
    options.stream_path = format!("/{}", venue.name());
    options.rest = Some(endpoint);
    options.rest_path = format!("/{}", venue.name());
    options.key = (venue == Venue::Finnhub).then(|| Secret::new("simulated"));
    options.transport = Transport::Stream;
    options.timing = Timing {
        base: Duration::from_millis(50),
        cap: Duration::from_millis(400),
        ..Timing::default()
    };
    options
}

pub async fn simulator() -> Simulator {
    simulator_with(SimulatorOptions::default()).await
}

pub async fn simulator_with(options: SimulatorOptions) -> Simulator {
    Simulator::start(SimulatorOptions {
        rate_hz: 20.0,
        ..options
    })
    .await
    .unwrap()
}

/// Two symbols of a venue that are listed.
pub fn pair(venue: Venue) -> [&'static str; 2] {
    match venue {
        Venue::Binance => ["BTCUSDT", "ETHUSDT"],
        Venue::Kraken => ["BTC/USD", "ETH/USD"],
        Venue::Coinbase | Venue::CoinbaseExchange => ["BTC-USD", "ETH-USD"],
        Venue::Okx => ["BTC-USDT", "ETH-USDT"],
        Venue::Finnhub => ["BINANCE:BTCUSDT", "BINANCE:ETHUSDT"],
    }
}

/// Levels that a view and the venue's book are compared on.
pub fn depth(venue: Venue) -> usize {
    match venue {
        Venue::Kraken => 10,
        _ => 40,
    }
}

pub const BOOKS: [Venue; 5] = [
    Venue::Binance,
    Venue::Kraken,
    Venue::Coinbase,
    Venue::CoinbaseExchange,
    Venue::Okx,
];
