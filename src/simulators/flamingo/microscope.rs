//! The simulated instrument, shared by its connections, and how it speaks to them.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::camera::Camera;
use super::client::{Client, Cut, Parcel};
use super::codes;
use super::fault::{Fault, Faults};
use super::lights::Lamps;
use super::log::{Deed, Log, What};
use super::message::Message;
use super::options::SimulatorOptions;
use super::settings;
use super::stage::Stage;
use super::viewer::Viewers;
use super::{lock, picture};
use crate::simulators::specimen::Specimen;

/// What escape-settings puts into text: clear the screen, set the title, turn the text around.
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
/// Source: the stray bytes of a recorded session.
const JUNK: &[u8; 7] = b"JUNK123";

/// Everything that can be set.
pub(super) struct Instrument {
    pub stage: Stage,
    pub lamps: Lamps,
    pub camera: Camera,
    /// The settings file.
    pub settings: String,
    /// Ends the live view that runs.
    pub live: Option<CancellationToken>,
    pub snapshot: bool,
    pub workflow: Option<Workflow>,
}

/// A workflow that runs.
pub(super) struct Workflow {
    /// A stop was asked for.
    pub stop: CancellationToken,
    /// Pictures taken.
    pub images: u32,
}

impl Instrument {
    /// The code of the state the server says it is in.
    pub(super) fn state(&self) -> u32 {
        if self.workflow.is_some() {
            codes::WORKFLOW
        } else if self.snapshot {
            codes::TAKING_SNAPSHOT
        } else if self.live.is_some() {
            codes::LIVE_VIEW
        } else {
            codes::IDLE
        }
    }
}

/// Numbers since the start.
#[derive(Default)]
pub(super) struct Counts {
    /// Messages written to clients.
    pub messages: AtomicU64,
    /// Connections turned away.
    pub refused: AtomicU64,
    /// Connections cut because they took nothing.
    pub cut: AtomicU64,
    /// Pictures taken for viewers.
    pub produced: AtomicU64,
    /// Pictures written to viewers.
    pub frames: AtomicU64,
    /// Pictures dropped from the queues of viewers.
    pub dropped: AtomicU64,
    connections: AtomicU64,
    /// Replies and messages since the faults were set, for those that spoil every n-th.
    replies_due: AtomicU64,
    messages_due: AtomicU64,
}

/// The instrument and those it talks to.
///
/// Locks are taken in this order: the instrument, the list of clients or viewers, one of them,
/// the log. None is held across an `.await`.
pub(super) struct Microscope {
    pub options: SimulatorOptions,
    pub specimen: Specimen,
    pub faults: watch::Sender<Faults>,
    pub log: Log,
    pub counts: Counts,
    pub instrument: Mutex<Instrument>,
    pub viewers: Viewers,
    /// A stage command was given.
    pub stage_commanded: Notify,
    pub cancel: CancellationToken,
    pub tasks: TaskTracker,
    clients: Mutex<Vec<Arc<Client>>>,
    /// The device of the last command that had one: messages about the stage carry it on.
    hardware_id: AtomicI32,
}

impl Microscope {
    pub(super) fn new(options: SimulatorOptions) -> Self {
        Self {
            specimen: Specimen::new(options.seed),
            faults: watch::Sender::new(Faults::new(&options.faults)),
            log: Log::new(),
            counts: Counts::default(),
            instrument: Mutex::new(Instrument {
                stage: Stage::new(options.positions, options.speeds),
                lamps: Lamps::new(),
                camera: Camera::new(picture::even(options.sensor_px), options.exposure_us),
                settings: settings::text(&options),
                live: None,
                snapshot: false,
                workflow: None,
            }),
            viewers: Viewers::default(),
            stage_commanded: Notify::new(),
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            clients: Mutex::default(),
            hardware_id: AtomicI32::new(-1),
            options,
        }
    }

    /// Runs `task` until it ends or the simulator does.
    pub(super) fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            cancel.run_until_cancelled(task).await;
        });
    }

    /// Seconds since the start, on a clock that never jumps.
    pub(super) fn now_s(&self) -> f64 {
        self.log.started.elapsed().as_secs_f64()
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.borrow().has(fault)
    }

    pub(super) fn set_faults(&self, faults: &[Fault]) {
        self.counts.replies_due.store(0, Ordering::Relaxed);
        self.counts.messages_due.store(0, Ordering::Relaxed);
        self.faults.send_replace(Faults::new(faults));
        let cut = self.cut_by_fault();
        for client in lock(&self.clients).iter() {
            client.set_cut(cut);
        }
    }

    fn cut_by_fault(&self) -> Option<Cut> {
        self.faults.borrow().find(|fault| match fault {
            Fault::CloseAfterReceived { bytes } => Some(Cut::AfterReceived(bytes)),
            Fault::CloseAfterSent { bytes } => Some(Cut::AfterSent(bytes)),
            _ => None,
        })
    }

    /// Decides on the end of one connection; `false` if there is none of that number.
    pub(super) fn cut(&self, connection: u64, cut: Cut) -> bool {
        let clients = lock(&self.clients);
        let client = clients.iter().find(|client| client.number == connection);
        if let Some(client) = client {
            client.set_cut(Some(cut));
        }
        client.is_some()
    }

    /// A place for a new client, if there are fewer than `most`.
    pub(super) fn join(&self, most: usize) -> Option<Arc<Client>> {
        let mut clients = lock(&self.clients);
        if clients.len() >= most {
            return None;
        }
        let number = self.counts.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client::new(number));
        client.set_cut(self.cut_by_fault());
        clients.push(client.clone());
        self.log.push(What::Connected { connection: number });
        Some(client)
    }

    pub(super) fn leave(&self, client: &Arc<Client>) {
        lock(&self.clients).retain(|other| !Arc::ptr_eq(other, client));
        self.log.push(What::Disconnected {
            connection: client.number,
            received_bytes: client.received_bytes.load(Ordering::Relaxed),
            sent_bytes: client.sent_bytes.load(Ordering::Relaxed),
        });
    }

    /// Connections made to the command port.
    pub(super) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    pub(super) fn did(&self, deed: Deed) {
        self.log.push(What::Did(deed));
    }

    pub(super) fn set_hardware(&self, id: i32) {
        self.hardware_id.store(id, Ordering::Relaxed);
    }

    /// The device of the last command that had one.
    pub(super) fn hardware(&self) -> i32 {
        self.hardware_id.load(Ordering::Relaxed)
    }

    /// Tells every client.
    pub(super) fn announce(&self, message: &Message) {
        self.announce_but(None, message);
    }

    /// Tells every client but one.
    pub(super) fn announce_but(&self, but: Option<u64>, message: &Message) {
        let faults = self.faults.borrow().clone();
        let bytes: Bytes = wire(message, &faults).into();
        for client in lock(&self.clients).iter() {
            if Some(client.number) != but {
                self.push(client, bytes.clone(), None, None, &faults);
            }
        }
    }

    /// Tells every client the same many times over.
    pub(super) fn flood(&self, message: &Message, times: usize) {
        if times == 0 || self.has(Fault::SilentServer) {
            return;
        }
        let bytes: Bytes = message.to_bytes().repeat(times).into();
        for client in lock(&self.clients).iter() {
            if !client.is_hung() {
                let parcel = Parcel {
                    bytes: bytes.clone(),
                    messages: times as u64,
                    reply: None,
                };
                client.push(parcel, None);
            }
        }
    }

    /// Tells every client which state the server is in.
    pub(super) fn announce_state(&self, instrument: &Instrument) {
        self.announce(&Message::new(instrument.state()));
    }

    /// The settings as they are told.
    pub(super) fn settings(&self, instrument: &Instrument) -> Message {
        let mut text = instrument.settings.clone();
        if self.has(Fault::SettingsWithoutLimits) {
            text = settings::without_section(&text, "Stage limits");
        }
        if self.has(Fault::EscapeSettings) {
            text = text.replace(" = 525/50\n", &format!(" = 525/50{ESCAPES}\n"));
        }
        Message {
            payload: text.into(),
            ..Message::new(codes::SCOPE_SETTINGS)
        }
    }

    /// Answers a client, as well as the faults let it.
    ///
    /// - `foreign`: what another client might be told instead
    pub(super) fn reply(&self, client: &Client, mut reply: Message, foreign: &Message) {
        let faults = self.faults.borrow().clone();
        if reply.code == codes::STAGE_HALT && faults.has(Fault::NoHaltEcho) {
            return;
        }
        let nth = self.counts.replies_due.fetch_add(1, Ordering::Relaxed) + 1;
        let is_due = |every: u32| nth.is_multiple_of(u64::from(every.max(1)));
        let dropped = faults.find(|fault| match fault {
            Fault::DroppedReplies { every } => Some(every),
            _ => None,
        });
        if dropped.is_some_and(is_due) {
            return;
        }
        let status = faults.find(|fault| match fault {
            Fault::WrongStatus { status } => Some(status),
            _ => None,
        });
        if let Some(status) = status {
            reply.status = status;
        }
        if faults.has(Fault::EscapeSettings) {
            reply.text.push_str(ESCAPES);
        }
        let oversize = faults.find(|fault| match fault {
            Fault::OversizePayload { every } => Some(every),
            _ => None,
        });
        let bytes = if oversize.is_some_and(is_due) {
            let header = Message {
                payload: Bytes::new(),
                ..reply.clone()
            };
            header.to_bytes_announcing(i32::MAX)
        } else {
            wire(&reply, &faults)
        };
        let due = faults.delay().map(|delay| Instant::now() + delay);
        if faults.has(Fault::ForeignReplies) {
            self.push(client, wire(foreign, &faults).into(), None, due, &faults);
        }
        let mark = Some((reply.code, reply.d0));
        let bytes: Bytes = bytes.into();
        if faults.has(Fault::DuplicatedReplies) {
            self.push(client, bytes.clone(), mark, due, &faults);
        }
        self.push(client, bytes, mark, due, &faults);
    }

    fn push(
        &self,
        client: &Client,
        mut bytes: Bytes,
        reply: Option<(u32, i32)>,
        due: Option<Instant>,
        faults: &Faults,
    ) {
        if client.is_hung() || faults.has(Fault::SilentServer) {
            return;
        }
        let junk = faults.find(|fault| match fault {
            Fault::JunkBytes { every } => Some(every),
            _ => None,
        });
        if let Some(every) = junk {
            let nth = self.counts.messages_due.fetch_add(1, Ordering::Relaxed) + 1;
            if nth.is_multiple_of(u64::from(every.max(1))) {
                bytes = [&JUNK[..], &bytes[..]].concat().into();
            }
        }
        let parcel = Parcel {
            bytes,
            messages: 1,
            reply,
        };
        client.push(parcel, due);
    }
}

/// The bytes of a message, its payload cut short if that is to be.
fn wire(message: &Message, faults: &Faults) -> Vec<u8> {
    let mut bytes = message.to_bytes();
    if faults.has(Fault::ShortPayload) && message.payload.len() >= 2 {
        bytes.truncate(bytes.len() - 2);
    }
    bytes
}
