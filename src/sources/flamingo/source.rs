//! The task that owns the command socket for its whole life: it reads, writes, publishes and polls
//! the errands, and none of these waits for another.

mod session;

use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::errand::Errand;
use super::exchange::Exchange;
use super::live::{Live, LiveEvent};
use super::options::FlamingoOptions;
use super::orders::{self, Bar};
use super::outbox::Sending;
use super::retry::Retry;
use super::socket;
use super::wire::Wire;
use crate::control::Intake;
use crate::model::{EndReason, LinkState, Request as Order};
use crate::pipeline::Outlet;

/// Time to publish what is left when the source ends.
const FAREWELL: Duration = Duration::from_secs(2);

type Errands = FuturesUnordered<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>;

/// Everything of one source.
pub(super) struct Source {
    exchange: Exchange,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
    /// A publication under way.
    sending: Option<Sending>,
    errands: Errands,
    /// The live socket while somebody wants its pictures, and what it says.
    live: Option<(Live, mpsc::Receiver<LiveEvent>)>,
}

/// Why a connection ended.
struct Ended {
    reason: EndReason,
    detail: String,
    /// It had been a session.
    was_read: bool,
}

impl Source {
    pub(super) fn new(
        options: FlamingoOptions,
        outlet: Outlet,
        intake: Intake,
        stop: CancellationToken,
    ) -> Self {
        Self {
            exchange: Exchange::new(options, outlet.clock().clone()),
            outlet,
            intake,
            stop,
            sending: None,
            errands: Errands::new(),
            live: None,
        }
    }

    pub(super) async fn run(mut self) {
        let mut retry = Retry::default();
        let mut attempt = 0_u32;
        loop {
            attempt = attempt.saturating_add(1);
            self.link(LinkState::Connecting { attempt });
            let options = self.exchange.options.clone();
            let deadline = Instant::now() + options.patience.connect;
            let connecting = socket::connect(&options.endpoint, deadline);
            let ended = match self.idle(connecting).await {
                None => break,
                Some(Ok(stream)) => match self.session(Wire::new(stream)).await {
                    None => break,
                    Some(ended) => ended,
                },
                Some(Err(error)) => Ended {
                    reason: EndReason::HandshakeFailed,
                    detail: error.to_string(),
                    was_read: false,
                },
            };
            if ended.was_read {
                retry.worked();
                attempt = 0;
            }
            let retry_in = retry.after_failure();
            self.link(LinkState::Down {
                reason: ended.reason,
                detail: ended.detail.into(),
                retry_in: Some(retry_in),
            });
            if self.idle(tokio::time::sleep(retry_in)).await.is_none() {
                break;
            }
        }
        self.live = None;
        self.intake.stops.set_active(false);
        self.exchange.lock().end_all();
        self.link(LinkState::Ended);
        let _ = timeout(FAREWELL, self.publish_all()).await;
    }

    /// Waits for something while there is no connection; `None` if the source is to end.
    async fn idle<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(something);
        loop {
            self.next_sending();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                () = sent(&mut self.sending) => self.sending = None,
                found = &mut something => return Some(found),
                Some(order) = self.intake.requests.recv() => self.order(order),
            }
        }
    }

    fn link(&mut self, state: LinkState) {
        let mut shared = self.exchange.lock();
        let now = shared.now();
        shared.outbox.link(now, state);
    }

    /// Takes a command, or refuses it.
    fn order(&mut self, order: Order) {
        let stops = &self.intake.stops;
        let bar = match () {
            () if stops.lets_pass(order.stop_number) => Bar::Open,
            () if stops.is_latched() => Bar::Holds,
            () => Bar::Void,
        };
        let is_taken = orders::take(&mut self.exchange.lock(), &order, bar);
        if is_taken {
            let errand = Errand::of(&self.exchange, &order);
            self.errands
                .push(Box::pin(orders::carry_out(errand, order.command)));
        }
    }

    /// Begins the next publication, if none is under way.
    fn next_sending(&mut self) {
        if self.sending.is_none() {
            self.sending = self.exchange.lock().outbox.next(&self.outlet);
        }
    }

    async fn publish_all(&mut self) {
        self.next_sending();
        while self.sending.is_some() {
            sent(&mut self.sending).await;
            self.sending = None;
            self.next_sending();
        }
    }
}

/// Waits for the publication under way, for ever if there is none. Cancel safe: it goes on.
async fn sent(sending: &mut Option<Sending>) {
    match sending {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}
