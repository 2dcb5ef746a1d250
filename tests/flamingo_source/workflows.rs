//! Workflows: started, watched, stopped, and what is not sent while one runs.

use std::sync::Arc;

use ttyscope::model::{Activity, Command, CommandState, WorkflowState};
use ttyscope::simulators::flamingo::{Deed, Fault, SimulatorOptions};

use crate::watched::{Watched, deeds, options, quick, received, simulator, to};

fn text(planes: u32, end_z: f64) -> String {
    format!(
        "<Workflow Settings>
  <Experiment Settings>
    Plane spacing (um) = 1
    Frame rate (f/s) = 50
    Save image data = NotSaved
    Work flow live view enabled = true
  </Experiment Settings>
  <Stack Settings>
    Stack option = ZStack
    Number of planes = {planes}
    Change in Z axis (mm) = 0.01
    Z stage velocity (mm/s) = 0.05
  </Stack Settings>
  <Start Position>
    X (mm) = 8
    Y (mm) = 23
    Z (mm) = 19
    Angle (degrees) = 0
  </Start Position>
  <End Position>
    X (mm) = 8
    Y (mm) = 23
    Z (mm) = {end_z}
    Angle (degrees) = 0
  </End Position>
  <Illumination Source>
    Laser 2 2: 488 nm MLE = 5.00 1
  </Illumination Source>
  <Illumination Path>
    Left path = ON 1
  </Illumination Path>
</Workflow Settings>
"
    )
}

fn start(text: &str) -> Command {
    Command::StartWorkflow {
        name: "stack.txt".into(),
        text: Arc::from(text),
    }
}

fn state(instrument: &ttyscope::model::Instrument) -> Option<WorkflowState> {
    instrument.workflow.as_ref().map(|w| w.state)
}

#[tokio::test]
async fn a_workflow_runs_when_the_instrument_says_so_and_ends_when_it_is_idle() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let id = watched.ask(start(&text(11, 19.01))).await;
    let end = watched.end_of(id).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    watched
        .until_instrument("the end", |i| state(i) == Some(WorkflowState::Ended))
        .await;
    let workflow = watched.instrument.workflow.clone().unwrap();
    assert_eq!((workflow.acquired, workflow.expected), (Some(11), Some(11)));
    assert_eq!(workflow.name.as_deref(), Some("stack.txt"));
    assert_eq!(watched.instrument.activity, Activity::Idle);
    let codes = received(&simulator, 0);
    let start = codes.iter().position(|code| *code == 0x3004).unwrap();
    assert_eq!(codes[start - 1], 0x302b);
    // Its pictures were watched without a word to the server about live views.
    assert!(!codes.contains(&0x3007) && simulator.counters().viewers == 1);
    let end = watched
        .done(Command::StartLiveView { protocol: None })
        .await;
    assert!(end.detail.unwrap().contains("less than 3 s ago"));
    watched
        .until_instrument("rest", |i| {
            i.axes
                .iter()
                .all(|a| a.motion == ttyscope::model::Motion::Settled)
        })
        .await;
    watched.end().await;
}

#[tokio::test]
async fn a_stop_of_a_workflow_is_answered_under_a_flood() {
    let simulator = simulator(SimulatorOptions {
        faults: vec![Fault::GaugeFlood { per_s: 20_000 }],
        ..quick()
    })
    .await;
    let mut watched = Watched::ready(&simulator).await;
    let end = watched.done(start(&text(5000, 24.0))).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    for refused in [
        to("x", 9.0),
        Command::StartLiveView { protocol: None },
        Command::StopLiveView,
        Command::Snap { name: None },
        start(&text(1, 19.0)),
    ] {
        let end = watched.done(refused).await;
        assert_eq!(end.state, CommandState::Refused, "{end:?}");
    }
    let id = watched.ask(Command::StopWorkflow).await;
    let end = watched.end_of(id).await;
    use CommandState::{Acknowledged, Done, Queued, Sent};
    assert_eq!(
        watched.life(id),
        [Queued, Sent, Acknowledged, Done],
        "{end:?}"
    );
    assert_eq!(state(&watched.instrument), Some(WorkflowState::Stopped));
    assert!(deeds(&simulator).contains(&Deed::WorkflowEnded));
    let codes = received(&simulator, 0);
    assert!(!codes.contains(&0x3007) && !codes.contains(&0x3008));
    let seen = watched.end().await;
    // The flood is coalesced, not published.
    let instruments = seen
        .iter()
        .filter(|s| matches!(s.payload, ttyscope::model::Payload::Instrument(_)));
    assert!(instruments.count() < 2000);
}

#[tokio::test]
async fn a_workflow_that_leaves_the_limits_is_not_sent() {
    let simulator = simulator(quick()).await;
    let mut options = options(&simulator);
    options.limits.insert(
        "z".to_owned(),
        ttyscope::model::Limits::new(18.0, 20.0).unwrap(),
    );
    let mut watched = Watched::start(options);
    watched.read().await;
    let first = simulator.log_len();
    let end = watched.done(start(&text(11, 21.0))).await;
    assert_eq!(end.state, CommandState::Refused);
    assert!(
        end.detail.as_ref().unwrap().contains("18 to 20 mm"),
        "{end:?}"
    );
    let end = watched.done(start("nothing of the kind")).await;
    assert_eq!(end.state, CommandState::Refused);
    assert!(received(&simulator, first).is_empty());
    // What our own check cannot know, the instrument's does.
    let beyond = text(2000, 19.0).replace("Plane spacing (um) = 1", "Plane spacing (um) = 10");
    let end = watched.done(start(&beyond)).await;
    assert_eq!(end.state, CommandState::Refused, "{end:?}");
    assert!(end.detail.unwrap().contains("hard limit"));
    assert!(!received(&simulator, first).contains(&0x3004));
    watched.end().await;
}
