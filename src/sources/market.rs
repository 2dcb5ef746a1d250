//! Order books and trades of a venue as a source: connections, the books behind them, and how they
//! stand.
//!
//! Symbols are shared out over as many connections as the venue needs, a task for each. What the
//! bytes mean is said in `protocol::market`; here are the sockets, the pace and the second attempts.

mod attempts;
mod connection;
mod driver;
mod health;
mod limit;
mod options;
mod rest;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::control::{Desk, Intake};
use crate::model::{FeedHealth, FeedWay, LinkState, Payload, PlainText, Reading, Request};
use crate::pipeline::Outlet;
use connection::{Connection, Shared};
use health::{Status, Whole};

pub use attempts::Timing;
pub use limit::Limit;
pub use options::{MarketOptions, Secret, Transport};

/// Venues whose names begin so count our messages over all connections; the others count each
/// connection for itself. Source: order-book specification, section 4.
const COUNT_BY_ADDRESS: &str = "coinbase";

/// Reads a venue until `stop`, then leaves it in order.
pub async fn run(
    options: MarketOptions,
    outlet: Outlet,
    mut intake: Intake,
    stop: CancellationToken,
) {
    let mut source = Source::start(options, outlet, &stop);
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let changed = Arc::clone(&source.shared.changed);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = changed.notified() => source.tell(false).await,
            _ = seconds.tick() => source.tell(true).await,
            Some(request) = intake.requests.recv() => source.decline(request).await,
            // A connection ends before it is told to only by a panic.
            Some(Err(error)) = source.tasks.join_next() => {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
    while source.tasks.join_next().await.is_some() {}
    source.tell(true).await;
    source.outlet.link(LinkState::Ended).await;
}

/// A venue's connections, seen together.
struct Source {
    outlet: Outlet,
    shared: Shared,
    tasks: JoinSet<()>,
    connections: Vec<watch::Receiver<Status>>,
    link: Option<LinkState>,
    feed: Option<FeedHealth>,
    is_told_simulated: bool,
}

impl Source {
    fn start(options: MarketOptions, outlet: Outlet, stop: &CancellationToken) -> Self {
        let options = Arc::new(options);
        let shared = Shared {
            messages: Limit::messages(options.venue.pace),
            counts_by_address: options.venue.name.starts_with(COUNT_BY_ADDRESS),
            rest: rest::RestLimit::new(options.venue.name, options.timing),
            changed: Arc::new(Notify::new()),
            options: Arc::clone(&options),
        };
        let mut tasks = JoinSet::new();
        let mut connections = Vec::new();
        for symbols in options.symbols.chunks(options.venue.most_symbols.max(1)) {
            let way = match options.transport {
                Transport::Poll => FeedWay::Polling,
                Transport::Stream | Transport::Auto => FeedWay::Stream,
            };
            let (told, status) = watch::channel(Status::new(way, symbols.len()));
            let connection =
                Connection::new(shared.clone(), symbols.to_vec(), outlet.clone(), told);
            tasks.spawn(connection.run(stop.clone()));
            connections.push(status);
        }
        Self {
            outlet,
            shared,
            tasks,
            connections,
            link: None,
            feed: None,
            is_told_simulated: false,
        }
    }

    /// Tells what is new; `always` also figures that change all the time.
    async fn tell(&mut self, always: bool) {
        let statuses: Vec<Status> = self
            .connections
            .iter()
            .map(|status| status.borrow().clone())
            .collect();
        self.tell_simulated(&statuses).await;
        let (now, options) = (Instant::now(), &self.shared.options);
        let link = health::link(&statuses, now);
        let whole = Whole {
            venue: PlainText::from(options.venue.name),
            fresh_for_ns: options.fresh_for_ns,
            attempts_left: options.attempts.left(now),
            limited: self.shared.rest.limited(now),
        };
        let feed = health::feed(&statuses, whole);
        let is_new_link = self
            .link
            .as_ref()
            .is_none_or(|told| !health::is_same(told, &link));
        if is_new_link {
            self.link = Some(link.clone());
            self.outlet.link(link).await;
        }
        if always || self.feed.as_ref().is_none_or(|told| is_turn(told, &feed)) {
            self.feed = Some(feed.clone());
            let now = self.outlet.clock().now();
            self.outlet
                .publish(now, Payload::Feed(Arc::new(feed)))
                .await;
        }
    }

    async fn tell_simulated(&mut self, statuses: &[Status]) {
        let simulator = statuses.iter().find_map(|status| status.simulator.clone());
        if let (Some(name), false) = (simulator, self.is_told_simulated) {
            self.is_told_simulated = true;
            let reading = Reading::new("server/hostname", name, "");
            let now = self.outlet.clock().now();
            self.outlet
                .publish(now, Payload::Readings(vec![reading]))
                .await;
        }
    }

    async fn decline(&self, request: Request) {
        let what = "a venue is only listened to: there is nothing to ask of it";
        let report = Desk::refuse(&request, what);
        let now = self.outlet.clock().now();
        self.outlet
            .publish(now, Payload::Command(Arc::new(report)))
            .await;
    }
}

/// Whether things stand otherwise than before, and did not merely go on.
fn is_turn(told: &FeedHealth, now: &FeedHealth) -> bool {
    let key = |feed: &FeedHealth| {
        (
            feed.way,
            feed.connections_up,
            feed.books_live,
            feed.limited.map(|(_, status)| status),
            feed.notice.clone(),
        )
    };
    key(told) != key(now)
}
