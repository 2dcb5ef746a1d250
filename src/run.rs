//! Floor 4: the only place that sees both sides: sources, app, recorder, terminal.

mod canvas;
pub mod connect;
mod console;
mod event_loop;
pub mod headless;
mod history;
mod input;
pub mod journal;
mod keys;
pub mod mission;
mod pictures;
pub mod session;
pub mod signals;
mod terminal;
mod turns;
pub mod verdict;
pub mod voice;
