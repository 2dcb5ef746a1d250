//! The screens over a session: everything the event loop needs, put together.

pub use super::event_loop::Ending;
use super::event_loop::{Console, EventLoop, Outside};
use super::headless::Links;
use super::history;
use super::journal::Journal;
use super::mission::Look;
use super::session::Session;
use super::signals::Signals;
use super::terminal;
use crate::app::{App, AppOptions};
use crate::model::{Origin, PlainText};
use crate::pipeline::RecordingPlan;
use crate::ui::theme::ColorDepth;

/// Shows a session until somebody ends it. The terminal is back when this returns.
///
/// # Errors
/// There is no terminal, or it cannot be set up.
pub async fn run(
    session: &Session,
    journal: &mut Journal,
    signals: &mut Signals,
    look: &Look,
    plan: Option<RecordingPlan>,
    links: &mut Links,
) -> anyhow::Result<Ending> {
    terminal::restore_on_panic();
    let (console, size) = Console::open(session, &look.keymap, look.mouse)?;
    let depth = ColorDepth::detect(|name| std::env::var(name).ok());
    let replay = session
        .sources
        .iter()
        .any(|source| source.origin == Origin::Replay);
    let started = session.clock.now();
    let mut app = App::new(AppOptions {
        sources: session.sources.clone(),
        theme: look.theme.for_depth(depth),
        color_depth: depth,
        graphics: look.graphics,
        keymap: look.keymap.clone(),
        can_record: plan.is_some(),
        replay,
        size,
        started,
        utc_offset_s: utc_offset_s(),
        control: look.control,
        operator: look.operator.clone(),
        palette_history: history::load(),
    });
    let outside = Outside {
        session,
        journal,
        signals,
        links,
    };
    let events = EventLoop::new(outside, &mut app, console, plan, look.snapshots.clone())?;
    let ending = events.run().await;
    // A replay leaves nothing behind but its log.
    if !replay {
        history::save(app.palette_history());
    }
    Ok(ending)
}

/// The name that the system has for whoever runs the program.
pub fn operator() -> PlainText {
    let named = |name: &str| std::env::var(name).ok().filter(|name| !name.is_empty());
    match named("USER").or_else(|| named("LOGNAME")) {
        Some(name) => PlainText::from_peer(&name),
        None => format!("uid {}", rustix::process::getuid().as_raw()).into(),
    }
}

/// Seconds that local time is ahead of UTC now.
fn utc_offset_s() -> i32 {
    jiff::Zoned::now().offset().seconds()
}
