use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::model::{Fate, Payload, SavedBlackBox, StopEvent, StopOrigin, StopPath};
use crate::recording::verify;
use crate::simulators::imswitch;

/// A condition that has not come true by now never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes what the sources say until something is as wanted.
async fn until(session: &Session, mut wanted: impl FnMut(&Payload) -> bool) {
    let taking = async {
        loop {
            while let Some(delivery) = session.lanes.try_take() {
                delivery.ticket.settle(Fate::Shown);
                if wanted(&delivery.sample.payload) {
                    return;
                }
            }
            session.lanes.ready().await;
        }
    };
    timeout(PATIENCE, taking).await.unwrap();
}

#[tokio::test]
async fn a_stop_saves_the_seconds_before_it_and_what_came_of_it() {
    let options = imswitch::SimulatorOptions {
        port: 0,
        ..imswitch::SimulatorOptions::default()
    };
    let simulator = imswitch::Simulator::start(options).await.unwrap();
    let url = format!("scope=imswitch://{}", simulator.address());
    let feed = Feed::Sources(vec![SourceSpec::parse(&url).unwrap()]);
    let session = Session::start(feed, Recording::OnDemand, None)
        .await
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    session.keep_recent(Some(BlackBoxPlan {
        dir: dir.path().to_owned(),
        stem: "lab".to_owned(),
        span: Duration::from_secs(30),
        size_bytes: 64 << 20,
        after: Duration::from_millis(500),
        on: vec!["stop".parse().unwrap()],
    }));
    session.lanes.take_control_only();
    until(&session, |said| {
        matches!(said, Payload::Stop(StopEvent::Path(StopPath::Ready { .. })))
    })
    .await;
    session.stops.press(StopOrigin::Key);
    let saving = async {
        while session
            .recorder()
            .black_box
            .is_none_or(|kept| kept.saves == 0)
        {
            session.recorder_changed().await;
        }
    };
    timeout(PATIENCE, saving).await.unwrap();
    let saved: SavedBlackBox = session.recorder().black_box.unwrap().last.unwrap();
    let remains = session.end().await;
    simulator.stop().await;

    assert_eq!((saved.missing, &saved.trouble), (0, &None), "{saved:?}");
    let verdict = verify(&PathBuf::from(saved.path.as_str()), &mut |_, _| {}).unwrap();
    assert!(verdict.whole, "{verdict:?}");
    let summary = verdict.summary;
    assert_eq!(summary.black_box.len(), 1);
    let cause = &summary.black_box[0];
    assert_eq!(cause.because, "a stop was pressed (halt, key)");
    assert_eq!(
        (summary.stops[0].presses, summary.stops[0].acknowledged),
        (1, 1)
    );
    let before = |topic: &str| {
        let channel = summary.channels.iter().find(|c| c.topic == topic);
        channel.is_some_and(|channel| channel.span.first_unix_ns < cause.at_unix_ns)
    };
    assert!(before("/scope/readings") && before("/scope/link"));
    // There was no recording, and the books are even.
    assert!(remains.outcomes.is_empty());
    for source in &remains.ledger.sources {
        assert_eq!((source.residue(), source.disk.accepted), (0, 0));
    }
    assert_eq!(remains.saved, Some(saved));
}
