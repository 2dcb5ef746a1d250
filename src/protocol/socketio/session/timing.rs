//! What time does: signs of life, limits and, in revision 3, our pings.

use super::heartbeat::Beat;
use super::namespace::Phase;
use super::{Session, quoted};
use crate::model::{EndReason, Fault, FaultKind, Severity, Stamp};
use crate::protocol::engineio::{self, PacketKind as EngineKind};
use crate::protocol::socketio::output::{AckFailure, Output};

impl Session {
    /// Bytes arrived, whole message or not: the link is alive. The driver calls it for each read of
    /// the socket, so that a long attachment on a slow link counts as life and as progress.
    pub fn heard(&mut self, bytes: usize, at: Stamp) {
        self.touch(at);
        if let Some(assembly) = &mut self.assembly {
            assembly.heard(bytes, at.mono_ns);
        }
    }

    /// When [`Session::on_tick`] wants to be called next, monotonic nanoseconds.
    pub fn deadline(&self) -> Option<u64> {
        if self.ended {
            return None;
        }
        let Some(heartbeat) = &self.heartbeat else {
            return Some(self.handshake_until_ns);
        };
        let namespaces = self.namespaces.iter().filter_map(|namespace| {
            let connecting = match namespace.phase {
                Phase::Connecting { until_ns } => Some(until_ns),
                Phase::Waiting | Phase::Connected | Phase::Gone => None,
            };
            let ack = namespace.pending.first_key_value().map(|(_, due)| *due);
            connecting.into_iter().chain(ack).min()
        });
        let assembly = self.assembly.as_ref().map(|a| a.deadline(&self.limits));
        namespaces
            .chain(assembly)
            .chain([heartbeat.deadline()])
            .min()
    }

    /// Does what is due at `now_ns`, monotonic nanoseconds: time limits and, in revision 3, pings.
    /// Feed what the transport has before: what was not read yet must not look like silence.
    pub fn on_tick(&mut self, now_ns: u64) {
        if self.ended {
            return;
        }
        let Some(heartbeat) = &mut self.heartbeat else {
            if now_ns >= self.handshake_until_ns {
                let seconds = self.limits.handshake.as_secs_f32();
                let detail = format!("the server did not open a session within {seconds} s");
                self.end(EndReason::HandshakeFailed, &detail);
            }
            return;
        };
        match heartbeat.tick(now_ns) {
            Some(Beat::Dead { silent }) => {
                let detail = format!("nothing was received for {:.1} s", silent.as_secs_f64());
                return self.end(EndReason::PingTimeout, &detail);
            }
            Some(Beat::Ping) => self.send_text(engineio::Packet::encode(EngineKind::Ping, b"")),
            Some(Beat::PingsMissing { since }) => {
                let text = format!(
                    "the server has not pinged for {:.1} s while data keep coming",
                    since.as_secs_f64()
                );
                self.fault(Fault::new(FaultKind::Timeout, Severity::Warning, text));
            }
            None => {}
        }
        self.tick_namespaces(now_ns);
        self.tick_assembly(now_ns);
    }

    pub(super) fn touch(&mut self, at: Stamp) {
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.heard(at.mono_ns);
        }
    }

    fn tick_namespaces(&mut self, now_ns: u64) {
        let overdue = self.namespaces.iter().find(
            |namespace| matches!(namespace.phase, Phase::Connecting { until_ns } if now_ns >= until_ns),
        );
        if let Some(namespace) = overdue {
            let detail = format!(
                "namespace {} was not answered within {} s",
                quoted(namespace.name()),
                self.limits.connect_answer.as_secs_f32()
            );
            return self.end(EndReason::HandshakeFailed, &detail);
        }
        for namespace in &mut self.namespaces {
            while let Some(due) = namespace.pending.first_entry() {
                if now_ns < *due.get() {
                    break;
                }
                let id = *due.key();
                due.remove();
                self.outputs.push_back(Output::AckFailed {
                    namespace: namespace.name().to_owned(),
                    id,
                    why: AckFailure::TimedOut,
                });
            }
        }
    }

    fn tick_assembly(&mut self, now_ns: u64) {
        let Some(assembly) = &self.assembly else {
            return;
        };
        if self.ended || now_ns < assembly.deadline(&self.limits) {
            return;
        }
        let detail = format!(
            "attachment {} of {} did not come within {} s",
            assembly.attachments.len().saturating_add(1),
            assembly.packet.attachments,
            self.limits.binary_progress.as_secs_f32()
        );
        self.end(EndReason::TransportError, &detail);
    }
}
