use super::*;
use crate::app::AppOptions;
use crate::config::SourceSpec;
use crate::intent::Keymap;
use crate::model::{Origin, Payload, PlainText, Severity, SourceInfo};
use crate::pipeline::Outlet;
use crate::run::session::{Feed, Recording};
use crate::ui::Theme;
use crate::ui::theme::ColorDepth;
use rustix::fd::OwnedFd;
use rustix::pipe::pipe;

/// A condition that has not come true by now never will.
const PATIENCE: Duration = Duration::from_secs(60);

fn app(sources: Vec<SourceInfo>, started: Stamp) -> App {
    App::new(AppOptions {
        sources,
        theme: Theme::built_in("dark").unwrap(),
        color_depth: ColorDepth::True,
        graphics: None,
        keymap: Keymap::default(),
        can_record: false,
        replay: false,
        size: (80, 24),
        started,
        utc_offset_s: 0,
        control: false,
        operator: "ada".into(),
        palette_history: Vec::new(),
    })
}

/// Has said more than a turn takes in whenever the loop looks.
async fn flood(outlet: Outlet) {
    for said in 1_u64.. {
        let line = LogLine {
            severity: Severity::Info,
            origin: PlainText::from("peer"),
            text: PlainText::from("again"),
        };
        let now = outlet.clock().now();
        outlet.publish(now, Payload::Log(line)).await;
        if said % (TURN_LIMIT as u64 + 1) == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Reads the terminal's end of the pipe until `pictures` of them were written whole.
async fn see(operator: OwnedFd, pictures: usize) {
    tokio::task::spawn_blocking(move || {
        let mut seen = Vec::new();
        let mut buffer = [0_u8; 65536];
        while seen.windows(8).filter(|w| *w == b"\x1b[?2026l").count() < pictures {
            let count = rustix::io::read(&operator, &mut buffer).unwrap();
            assert!(count > 0, "the writer has ended");
            seen.extend_from_slice(&buffer[..count]);
        }
        operator
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_flood_does_not_keep_the_screen_from_being_drawn() {
    // A peer that accepts nothing: what is said comes from the flood alone.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("imswitch://{}", silent.local_addr().unwrap());
    let feed = Feed::Sources(vec![SourceSpec::parse(&url).unwrap()]);
    let session = Session::start(feed, Recording::Never, None).await.unwrap();
    assert_eq!(session.sources[0].origin, Origin::Live);
    let flood = tokio::spawn(flood(session.pipeline.outlet(session.sources[0].id)));

    let (keys, operator_keys) = pipe().unwrap();
    let (screen, tty) = pipe().unwrap();
    let typing = TypingState::default();
    let reflex = Reflex::new(session.stops.clone(), &Keymap::default(), typing.clone());
    let console = Console {
        keyboard: Keyboard::start(keys, session.clock.clone(), reflex).unwrap(),
        drawing: Drawing::start(tty, (80, 24), session.clock.clone(), &session.pipeline).unwrap(),
        typing,
        probe: Probe::default(),
        inputs: 0,
        _entered: Entered::pretended(),
    };
    let mut app = app(session.sources.clone(), session.clock.now());
    let (mut journal, mut signals) = (Journal::silent(), Signals::listen().unwrap());
    let mut links = Links::default();
    let outside = Outside {
        session: &session,
        journal: &mut journal,
        signals: &mut signals,
        links: &mut links,
    };
    let events = EventLoop::new(outside, &mut app, console, None, SnapshotPlan::default()).unwrap();
    let operator = async {
        let seen = tokio::time::timeout(PATIENCE, see(screen, 5)).await;
        rustix::io::write(&operator_keys, b"q").unwrap();
        seen
    };
    let (ending, seen) = tokio::join!(events.run(), operator);
    seen.expect("five pictures while the flood lasts");
    assert_eq!(ending, Ending::Asked);
    flood.abort();
    session.end().await;
}
