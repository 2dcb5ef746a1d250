//! One WebSocket of a client: what it subscribes, what it is sent, and what goes wrong on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::interval;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use super::exchange::{Exchange, Tick};
use super::fault::{Fault, Troubles};
use super::http::Asked;
use super::options::Venue;
use super::wire::{self, Dialect, Tamper};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Finnhub pings this much less often than others beat.
const PING_EVERY: u64 = 10;

/// Why a session ends.
enum Over {
    /// The socket is gone, or is cut.
    Gone,
    /// It is closed with a code.
    Close(u16, &'static str),
}

type Going = Result<(), Over>;

/// Serves a client until either end has had enough.
pub(super) async fn run(exchange: Arc<Exchange>, venue: Venue, asked: Asked, mut socket: Socket) {
    let connection = exchange.connected(venue);
    let alone = CancellationToken::new();
    if venue == Venue::Finnhub && !take_key(&exchange, &alone) {
        return;
    }
    let mut session = Session {
        ticks: BTreeMap::new(),
        dialect: wire::dialect(&exchange, venue, &asked),
        connection,
        venue,
        exchange,
    };
    let over = tokio::select! {
        over = session.serve(&mut socket) => over,
        () = alone.cancelled() => Over::Gone,
    };
    if let Over::Close(code, reason) = over {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: Utf8Bytes::from_static(reason),
        };
        // A client that is gone hears it no more.
        let _ = socket.close(Some(frame)).await;
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// Source: order-book specification, section 4: a second connection with a key drops both.
fn take_key(exchange: &Exchange, own: &CancellationToken) -> bool {
    let Ok(mut keyed) = exchange.keyed.lock() else {
        return false;
    };
    match keyed.take() {
        Some(other) if !other.is_cancelled() => {
            other.cancel();
            false
        }
        _ => {
            *keyed = Some(own.clone());
            true
        }
    }
}

struct Session {
    exchange: Arc<Exchange>,
    venue: Venue,
    connection: u64,
    dialect: Box<dyn Dialect>,
    /// Updates of each book so far, for faults that strike now and then.
    ticks: BTreeMap<usize, u64>,
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.venue == Venue::Finnhub
            && let Ok(mut keyed) = self.exchange.keyed.lock()
        {
            *keyed = None;
        }
    }
}

impl Session {
    async fn serve(&mut self, socket: &mut Socket) -> Over {
        let mut faults = self.exchange.faults_changed();
        let mut ticks = self.exchange.ticks.subscribe();
        let mut beats = interval(self.exchange.options.heartbeat);
        let mut beat = 0;
        let mut out = Vec::new();
        self.dialect.greet(&self.exchange, &mut out);
        loop {
            let going = self.say(socket, &mut out).await;
            if let Err(over) = going {
                return over;
            }
            let going = tokio::select! {
                heard = socket.next() => match heard {
                    Some(Ok(message)) => self.hear(message, &mut out),
                    Some(Err(_)) | None => Err(Over::Gone),
                },
                tick = ticks.recv() => match tick {
                    Ok(tick) => self.tick(&tick, &mut out),
                    Err(RecvError::Lagged(_)) => Err(Over::Close(1008, "ErrSlowConsume")),
                    Err(RecvError::Closed) => Err(Over::Gone),
                },
                _ = beats.tick() => {
                    beat += 1;
                    self.beat(beat, socket, &mut out).await
                },
                Ok(()) = faults.changed() => {
                    let now = faults.borrow_and_update().clone();
                    self.fault(&now, &mut out)
                }
            };
            if let Err(over) = going {
                // What was said before the end goes out.
                let _ = self.say(socket, &mut out).await;
                return over;
            }
        }
    }

    fn is_mute(&self) -> bool {
        let faults = self.exchange.faults();
        faults.has(Fault::Silent) || faults.has(Fault::Stall)
    }

    async fn say(&self, socket: &mut Socket, out: &mut Vec<String>) -> Going {
        if self.is_mute() {
            out.clear();
        }
        for text in out.drain(..) {
            let message = Message::Text(text.into());
            socket.feed(message).await.map_err(|_| Over::Gone)?;
        }
        socket.flush().await.map_err(|_| Over::Gone)
    }

    /// What a fault that is switched on does to connections that are open already.
    fn fault(&mut self, faults: &Troubles, out: &mut Vec<String>) -> Going {
        let closes = |fault| match fault {
            Fault::Close { code } => Some(code),
            _ => None,
        };
        if let Some(code) = faults.find(closes) {
            return Err(Over::Close(code, "as asked"));
        }
        if faults.has(Fault::Maintenance) {
            self.dialect.maintenance(out);
            return Err(Over::Close(1012, "maintenance"));
        }
        Ok(())
    }

    fn hear(&mut self, message: Message, out: &mut Vec<String>) -> Going {
        match message {
            Message::Text(text) => {
                self.exchange.heard(self.venue, self.connection, &text);
                self.dialect.hear(&text, &self.exchange, out);
                Ok(())
            }
            Message::Close(_) => Err(Over::Gone),
            _ => Ok(()),
        }
    }

    async fn beat(&mut self, beat: u64, socket: &mut Socket, out: &mut Vec<String>) -> Going {
        if self.is_mute() {
            return Ok(());
        }
        match self.venue {
            Venue::Binance => {
                let ping = Message::Ping(beat.to_string().into());
                return socket.send(ping).await.map_err(|_| Over::Gone);
            }
            Venue::Finnhub if !beat.is_multiple_of(PING_EVERY) => {}
            _ => self.dialect.beat(out),
        }
        Ok(())
    }

    fn tick(&mut self, tick: &Tick, out: &mut Vec<String>) -> Going {
        let Some(listed) = self.exchange.listed(tick.index) else {
            return Ok(());
        };
        if listed.venue != self.venue || !self.dialect.wants(tick) {
            return Ok(());
        }
        let count = self.ticks.entry(tick.index).or_default();
        *count += 1;
        let faults = self.exchange.faults().at(*count, &listed.symbol);
        let strikes = |is: fn(&Fault) -> bool| faults.iter().any(is);
        let tamper = Tamper {
            is_fine: strikes(|fault| matches!(fault, Fault::TooFine { .. })),
            wrong_checksum: strikes(|fault| matches!(fault, Fault::BadChecksum { .. })),
            renamed: strikes(|fault| matches!(fault, Fault::SchemaChanged { .. })),
        };
        let mut said = Vec::new();
        self.dialect.tick(tick, listed, tamper, &mut said);
        if strikes(|fault| matches!(fault, Fault::Gap { .. })) {
            said.clear();
        } else if strikes(|fault| matches!(fault, Fault::Malformed { .. })) {
            said = vec!["<html>502 Bad Gateway</html>".to_owned()];
        } else if strikes(|fault| matches!(fault, Fault::Truncated { .. })) {
            for text in &mut said {
                text.truncate(text.len() / 2);
            }
        } else if strikes(|fault| matches!(fault, Fault::Duplicate { .. })) {
            said.extend(said.clone());
        }
        out.append(&mut said);
        self.dialect.trade(tick, listed, out);
        match strikes(|fault| matches!(fault, Fault::Disconnect { .. })) {
            true => Err(Over::Gone),
            false => Ok(()),
        }
    }
}
