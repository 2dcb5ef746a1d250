//! What is published beside the sources: what became of stops, and commands that no source had.

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::control::StopReports;
use crate::model::Payload;
use crate::pipeline::Outlet;
use crate::run::commander::Refused;

/// Publishes what was refused before a source had it.
pub(super) async fn publish_refused(
    outlets: Vec<Outlet>,
    mut refused: Refused,
    end: CancellationToken,
) {
    loop {
        let refusal = tokio::select! {
            biased;
            refusal = refused.recv() => refusal,
            () = end.cancelled() => None,
        };
        let Some((source, report)) = refusal else {
            return;
        };
        if let Some(outlet) = outlets.get(usize::from(source.0)) {
            let now = outlet.clock().now();
            outlet.publish(now, Payload::Command(report)).await;
        }
    }
}

/// Publishes what became of each stop, and at the end what is still to be said.
pub(super) async fn publish_stops(
    outlet: Outlet,
    mut reports: StopReports,
    end: CancellationToken,
) {
    let publish = async |(at, event)| outlet.publish(at, Payload::Stop(event)).await;
    loop {
        tokio::select! {
            biased;
            report = reports.recv() => match report {
                Some(report) => publish(report).await,
                None => return,
            },
            () = end.cancelled() => break,
        }
    }
    while let Some(Some(report)) = reports.recv().now_or_never() {
        publish(report).await;
    }
}
