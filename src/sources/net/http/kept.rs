//! A connection that stays open between requests, for those that must not wait for a connection.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{Answer, Ask, HttpClient};
use crate::sources::net::{NetError, Traffic};

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub struct Kept {
    http: HttpClient,
    sender: http1::SendRequest<Full<Bytes>>,
    traffic: Traffic,
    driver: AbortOnDropHandle<()>,
}

impl HttpClient {
    /// Connects and keeps the connection. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// There was no connection within the time limit.
    pub async fn keep(&self) -> Result<Kept, NetError> {
        let deadline = Instant::now() + self.time_limit;
        let traffic = Traffic::default();
        let (sender, connection) = self.open(deadline, traffic.clone()).await?;
        let driver = tokio::spawn(async move {
            // How it ended is told to whoever waits for an answer; without one nobody asks.
            let _ = connection.await;
        });
        Ok(Kept {
            http: self.clone(),
            sender,
            traffic,
            driver: AbortOnDropHandle::new(driver),
        })
    }
}

impl Kept {
    /// Whether the connection is open, as far as the other side has said.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed() && !self.driver.is_finished()
    }

    /// Waits until the connection has ended. Cancel safe.
    pub async fn ended(&mut self) {
        if !self.driver.is_finished() {
            // It was aborted or has returned: both are an end.
            let _ = (&mut self.driver).await;
        }
    }

    /// Sends a request and reads the answer. `sent` is called when the request was handed to the
    /// connection whole. One at a time; after an error, or cancelled half-way, the connection is
    /// of no use any more.
    ///
    /// # Errors
    /// There was no whole answer within `time_limit`; what the server did is unknown.
    pub async fn call(
        &mut self,
        ask: Ask<'_>,
        time_limit: Duration,
        sent: impl FnOnce(),
    ) -> Result<Answer, NetError> {
        let deadline = Instant::now() + time_limit;
        let request = self.http.asking(ask)?;
        let mark = self.traffic.sent_bytes();
        let exchange = self.http.exchange(&mut self.sender, request, deadline);
        telling(exchange, &self.traffic, mark, sent).await
    }
}

/// Runs `exchange` and calls `sent` as soon as more than `mark` bytes went out.
pub(super) async fn telling<T>(
    exchange: impl Future<Output = T>,
    traffic: &Traffic,
    mark: u64,
    sent: impl FnOnce(),
) -> T {
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        biased;
        () = traffic.sent_beyond(mark) => {}
        // A near server may have answered before anybody looked whether the request is out.
        outcome = &mut exchange => {
            if traffic.sent_bytes() > mark {
                sent();
            }
            return outcome;
        }
    }
    sent();
    exchange.await
}
