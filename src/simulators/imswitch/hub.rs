//! All connections of one simulator: who gets which picture, and under which number.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::Counters;
use super::damage;
use super::encode::Encoded;
use super::fault::{Fault, Faults};
use super::options::Dialect;
use super::window::{Offer, Window};
use super::wire::{self, Packet};

/// Bytes waiting at one connection above which it misses pictures.
const OUTBOX_BYTES: usize = 64 << 20;
/// Packets waiting at one connection above which everything more is discarded.
const OUTBOX_PACKETS: usize = 4096;
/// What escape-text appends: clear the screen, set the title, turn the text around.
pub(super) const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";

/// Locks and goes on after a panic elsewhere: what is inside are plain values.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether events come at all.
fn is_mute(faults: &Faults) -> bool {
    faults.has(Fault::Silent) || faults.has(Fault::Stall)
}

/// One connection as the rest of the simulator sees it.
pub(super) struct Client {
    state: Mutex<ClientState>,
    /// Something was put into the outbox.
    pub(super) filled: Notify,
}

struct ClientState {
    /// Socket.IO accepted it, so it gets events.
    connected: bool,
    window: Window,
    /// The last ack id given to an event; they begin at 1.
    ack_id: u64,
    outbox: VecDeque<Packet>,
    outbox_bytes: usize,
}

impl Client {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            state: Mutex::new(ClientState {
                connected: false,
                window: Window::new(dialect),
                ack_id: 0,
                outbox: VecDeque::new(),
                outbox_bytes: 0,
            }),
            filled: Notify::new(),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        lock(&self.state).connected
    }

    pub(super) fn set_connected(&self, connected: bool) {
        lock(&self.state).connected = connected;
    }

    pub(super) fn push(&self, packet: Packet) {
        lock(&self.state).push(packet);
        self.filled.notify_one();
    }

    pub(super) fn next(&self) -> Option<Packet> {
        let mut state = lock(&self.state);
        let packet = state.outbox.pop_front()?;
        state.outbox_bytes -= packet.size_bytes();
        Some(packet)
    }

    /// Takes a `frame_ack` event.
    pub(super) fn acknowledge(&self, arguments: &[Value], faults: &Faults) {
        let mut state = lock(&self.state);
        if faults.has(Fault::IgnoreAcks) && state.window.has_acked() {
            return;
        }
        if faults.has(Fault::IdsOutOfOrder) {
            // The client names the swapped id; the window counts the real one.
            let id = arguments
                .first()
                .and_then(|map| map.get("frame_id")?.as_u64());
            if let Some(id) = id.filter(|id| *id < 254) {
                state
                    .window
                    .acknowledge(&[serde_json::json!({ "frame_id": id ^ 1 })]);
                return;
            }
        }
        state.window.acknowledge(arguments);
    }

    /// Takes the answer to an event that asked for one.
    pub(super) fn answered(&self, faults: &Faults) {
        if !faults.has(Fault::IgnoreAcks) {
            lock(&self.state).window.free();
        }
    }
}

impl ClientState {
    fn push(&mut self, packet: Packet) {
        if self.outbox.len() < OUTBOX_PACKETS {
            self.outbox_bytes += packet.size_bytes();
            self.outbox.push_back(packet);
        }
    }

    fn has_room(&self) -> bool {
        self.outbox_bytes < OUTBOX_BYTES && self.outbox.len() < OUTBOX_PACKETS / 2
    }
}

/// All connections.
pub(super) struct Hub {
    dialect: Dialect,
    pub(super) faults: watch::Sender<Faults>,
    clients: Mutex<Vec<Arc<Client>>>,
    /// Pictures in a row that found no ready client (pair dialect).
    unclaimed: AtomicU64,
    pub(super) produced: AtomicU64,
    sent: AtomicU64,
    skipped: AtomicU64,
    connections: AtomicU64,
    /// MessagePack messages, for the fault that breaks every n-th.
    msgpacks: AtomicU64,
}

impl Hub {
    pub(super) fn new(dialect: Dialect, faults: Faults) -> Self {
        Self {
            dialect,
            faults: watch::Sender::new(faults),
            clients: Mutex::default(),
            unclaimed: AtomicU64::new(0),
            produced: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            msgpacks: AtomicU64::new(0),
        }
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            produced: self.produced.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
        }
    }

    pub(super) fn faults(&self) -> Faults {
        self.faults.borrow().clone()
    }

    pub(super) fn join(&self, client: Arc<Client>) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        lock(&self.clients).push(client);
    }

    pub(super) fn leave(&self, client: &Arc<Client>) {
        lock(&self.clients).retain(|other| !Arc::ptr_eq(other, client));
    }

    fn connected(&self) -> Vec<Arc<Client>> {
        let clients = lock(&self.clients);
        clients
            .iter()
            .filter(|client| client.is_connected())
            .cloned()
            .collect()
    }

    /// Whether somebody would see a picture.
    pub(super) fn has_audience(&self) -> bool {
        lock(&self.clients)
            .iter()
            .any(|client| client.is_connected())
    }

    /// A name as this simulator tells it: with escape sequences when asked for.
    pub(super) fn label(&self, name: &str) -> String {
        if self.faults.borrow().has(Fault::EscapeText) {
            format!("{name}{ESCAPES}")
        } else {
            name.to_owned()
        }
    }

    /// Tells every connection.
    pub(super) fn signal(&self, name: &str, arguments: &[Value]) {
        self.signal_as("name", name, arguments);
    }

    /// A line of the server's log, whose name stands under another key.
    pub(super) fn log(&self, arguments: &[Value]) {
        self.signal_as("signal", "sigLog", arguments);
    }

    fn signal_as(&self, head: &str, name: &str, arguments: &[Value]) {
        let faults = self.faults();
        let withheld = faults.has(Fault::NoPositionSignals) && name == "sigUpdateMotorPosition";
        if is_mute(&faults) || withheld {
            return;
        }
        let packet = wire::signal(self.dialect, head, name, arguments);
        let packet = self.cut_if_due(packet, &faults);
        for client in self.connected() {
            client.push(packet.clone());
        }
    }

    /// Offers a picture to every connection by the rule of the dialect.
    pub(super) fn show(&self, picture: &Encoded) {
        let faults = self.faults();
        if is_mute(&faults) {
            return;
        }
        let clients = self.connected();
        let flood = faults.has(Fault::Flood);
        // The server's loop over its clients ends at the first that cannot be reckoned with.
        if !flood
            && clients
                .iter()
                .any(|client| lock(&client.state).window.is_poisoned())
        {
            self.skipped
                .fetch_add(clients.len() as u64, Ordering::Relaxed);
            return;
        }
        let damaged = faults
            .corrupt_every()
            .filter(|every| picture.number.is_multiple_of(u64::from(*every)))
            .map(|every| damage::apply(picture, picture.number / u64::from(every)));
        let picture = damaged.as_ref().unwrap_or(picture);

        let mut shown = false;
        for client in &clients {
            shown |= self.offer(client, picture, &faults, flood);
        }
        if self.dialect == Dialect::Pair && !shown && !clients.is_empty() {
            self.free_all_at_every_tenth(&clients, picture, &faults);
        }
    }

    /// Returns whether the picture was sent.
    fn offer(&self, client: &Client, picture: &Encoded, faults: &Faults, flood: bool) -> bool {
        let mut state = lock(&client.state);
        let offer = match (state.has_room(), flood) {
            (false, _) => Offer::Skip,
            (true, true) => state.window.force(),
            (true, false) => state.window.offer(),
        };
        let Offer::Send(mut id) = offer else {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        if faults.has(Fault::IdsOutOfOrder) && id < 254 {
            id ^= 1;
        }
        state.ack_id += 1;
        for mut packet in wire::frame(self.dialect, picture, id, state.ack_id) {
            packet = self.cut_if_due(packet, faults);
            if let (Some(size), Some(attachment)) =
                (faults.long_frames_bytes(), &mut packet.attachment)
            {
                damage::pad(attachment, size);
            }
            state.push(packet);
        }
        drop(state);
        client.filled.notify_one();
        self.sent.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// The pair dialect takes every tenth picture that nobody was ready for as a sign that
    /// acknowledgements were lost, and lets everybody have it.
    fn free_all_at_every_tenth(&self, clients: &[Arc<Client>], picture: &Encoded, faults: &Faults) {
        if self.unclaimed.fetch_add(1, Ordering::Relaxed) % 10 != 9 {
            return;
        }
        for client in clients {
            lock(&client.state).window.free();
            self.offer(client, picture, faults, false);
        }
    }

    fn cut_if_due(&self, mut packet: Packet, faults: &Faults) -> Packet {
        let (Some(every), true) = (faults.truncate_every(), self.dialect.is_modern()) else {
            return packet;
        };
        let nth = self.msgpacks.fetch_add(1, Ordering::Relaxed);
        if let Some(attachment) = packet.attachment.take() {
            let half = attachment.len() / 2;
            let due = nth.is_multiple_of(u64::from(every));
            packet.attachment = Some(if due {
                attachment.slice(..half)
            } else {
                attachment
            });
        }
        packet
    }
}
