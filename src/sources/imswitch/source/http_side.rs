//! The HTTP side of the source: calls are started here and run beside the task; what they bring is
//! published here, by the task.

use std::sync::Arc;

use super::{Diagnostics, Source, nanos};
use crate::control::Desk;
use crate::model::{
    Command, Fault, FaultKind, LogLine, Payload, PlainText, Reading, Request, Severity, Stamp,
};
use crate::protocol::imswitch::rest::{self, StartAnswer};
use crate::sources::imswitch::api::{Api, Figures, News};
use crate::sources::imswitch::watch::Streams;
use crate::sources::socketio::client::Client;

impl Source {
    pub(super) fn refresh(&mut self) {
        let (api, to) = (Arc::clone(&self.api), self.report.clone());
        self.calls.spawn(async move { api.refresh(&to).await });
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
            News::Readings(readings) => {
                if !readings.is_empty() {
                    self.see_readings(&readings);
                    self.outlet.publish(now, Payload::Readings(readings)).await;
                }
            }
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
            News::Start(answer) => self.started(now, answer).await,
            News::Stopped(detector) => {
                self.ours.remove(&detector);
                self.log(now, format!("live view stopped{}", of(&detector)))
                    .await;
            }
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
                self.outlet.publish(now, Payload::Readings(readings)).await;
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

    pub(super) async fn request(&mut self, request: Request) {
        let (api, to) = (Arc::clone(&self.api), self.report.clone());
        match &request.command {
            Command::Refresh => self.refresh(),
            Command::StartLiveView { .. } => {
                let protocol = self.options.protocol;
                self.lasting.spawn(async move {
                    let news = api.start(protocol).await;
                    let _ = to.send(news).await;
                });
            }
            Command::StopLiveView => {
                let ours: Vec<String> = self.ours.iter().cloned().collect();
                self.lasting.spawn(async move {
                    if ours.is_empty() {
                        let text =
                            "no live view was stopped: none of those running was started here";
                        let fault = Fault::new(FaultKind::Local, Severity::Warning, text);
                        let _ = to.send(News::Fault(fault)).await;
                    }
                    for detector in ours {
                        let news = api.stop(detector).await;
                        let _ = to.send(news).await;
                    }
                });
            }
            _ => {
                let report = Desk::refuse(&request, "this server takes no such command");
                let now = self.outlet.clock().now();
                let payload = Payload::Command(Arc::new(report));
                self.outlet.publish(now, payload).await;
            }
        }
    }

    async fn started(&mut self, now: Stamp, answer: StartAnswer) {
        let refused = match answer {
            StartAnswer::Started { detector } => {
                let detector = detector.unwrap_or_default();
                let text = format!("live view started{}", of(&detector));
                self.ours.insert(detector);
                self.log(now, text).await;
                return;
            }
            StartAnswer::AlreadyRunning { protocol } => {
                let text = format!("a live view runs already ({protocol}); left as it is");
                self.log(now, text).await;
                return;
            }
            StartAnswer::LongExposure { message } => message,
            StartAnswer::Other(status) => PlainText::from(format!("status \"{status}\"")),
        };
        let text = format!("the live view was not started: {refused}");
        let fault = Fault::new(FaultKind::Peer, Severity::Warning, text);
        self.outlet.fault(now, fault).await;
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

/// ` of NAME`, nothing for no name.
fn of(detector: &str) -> String {
    if detector.is_empty() {
        String::new()
    } else {
        format!(" of {detector}")
    }
}
