//! The HTTP side of the source: calls are started here and run beside the task; what they bring is
//! published here, by the task.

use std::sync::Arc;

use super::{Diagnostics, Source, nanos};
use crate::model::{LogLine, Payload, PlainText, Reading, Severity, Stamp};
use crate::protocol::imswitch::rest;
use crate::sources::imswitch::api::{Api, Figures, News};
use crate::sources::imswitch::watch::Streams;
use crate::sources::socketio::client::Client;

impl Source {
    /// Reads everything; returns the number of this round.
    pub(super) fn refresh(&mut self) -> u64 {
        let number = self.commands.next_round();
        let (api, to) = (Arc::clone(&self.api), self.report.clone());
        // Without a connection there is none that could end it.
        let calls = match self.connected {
            true => &mut self.calls,
            false => &mut self.lasting,
        };
        calls.spawn(async move { api.refresh(number, &to).await });
        number
    }

    pub(super) fn look_for_the_port(&mut self) {
        self.looking = true;
        let (options, to) = (self.options.clone(), self.report.clone());
        self.lasting.spawn(async move {
            let port = Api::find_socket_port(&options).await;
            let _ = to.send(News::SocketPort(port)).await;
        });
    }

    pub(super) async fn news(&mut self, news: News) {
        let now = self.outlet.clock().now();
        match news {
            News::Readings { asked_ns, readings } => self.readings(now, asked_ns, readings).await,
            News::Positions { asked_ns, readings } => self.positions(now, asked_ns, readings).await,
            News::NoPositions(why) => self.no_positions(&why).await,
            News::Found(part) => {
                let gone = self.inventory.found(part, now.mono_ns);
                self.lose_axes(gone).await;
            }
            News::Refreshed(number, read) => self.refreshed(number, read).await,
            News::Sent(id) => self.sent(id).await,
            News::Landed(id, outcome) => self.landed(id, outcome).await,
            News::Halted => self.halted(),
            News::Detectors(detectors) => {
                let names = detectors.join(", ");
                let reading = Reading::new("server/detectors", PlainText::from(names), "");
                self.outlet
                    .publish(now, Payload::Readings(vec![reading]))
                    .await;
                self.detectors = detectors;
            }
            News::Streams(streams) => self.streams(now, streams).await,
            News::Diagnostics(figures) => self.diagnostics(now, figures).await,
            News::Fault(fault) => self.outlet.fault(now, fault).await,
            News::SocketPort(port) => {
                self.looking = false;
                if let Some(port) = port {
                    self.move_to(port).await;
                }
            }
        }
    }

    async fn diagnostics(&mut self, now: Stamp, figures: Figures) {
        let wait = nanos(self.options.patience.diagnostics);
        self.diagnostics = Diagnostics::NotBefore(now.mono_ns.saturating_add(wait));
        match figures {
            Figures::Read(readings) if readings.is_empty() => {}
            Figures::Read(readings) => {
                self.outlet.publish(now, Payload::Readings(readings)).await;
            }
            Figures::None => self.diagnostics = Diagnostics::Unavailable,
            Figures::Failed(fault) => self.outlet.fault(now, fault).await,
        }
    }

    async fn streams(&mut self, now: Stamp, streams: Streams) {
        if let Streams::Running(running) = &streams {
            let mut readings: Vec<Reading> = running
                .iter()
                .flat_map(|(detector, protocol)| rest::streaming(detector, Some(protocol)))
                .collect();
            let idle = self.detectors.iter().filter(|name| {
                let name = PlainText::from_peer(name);
                running.iter().all(|(detector, _)| *detector != name)
            });
            readings.extend(idle.flat_map(|name| rest::streaming(name, None)));
            if !readings.is_empty() {
                self.readings(now, now.mono_ns, readings).await;
            }
        }
        if let Some(step) = self.watch.answered(&streams, now.mono_ns) {
            self.step(step).await;
        }
    }

    /// The Socket.IO side is somewhere else.
    async fn move_to(&mut self, port: u16) {
        if self.ever_connected || port == self.socket_port {
            return;
        }
        self.socket_port = port;
        let clock = self.outlet.clock().clone();
        let now = clock.now();
        let text = format!("the server's Socket.IO side is at port {port}");
        self.log(now, text).await;
        (self.client, self.events) = Client::start(self.options.client(port), clock);
    }

    async fn log(&self, now: Stamp, text: String) {
        let line = LogLine {
            severity: Severity::Info,
            origin: PlainText::from("ttyscope"),
            text: PlainText::from(text),
        };
        self.outlet.publish(now, Payload::Log(line)).await;
    }
}
