//! Floor 4: the only place that sees both sides: sources, app, recorder, terminal.

pub mod audit;
mod canvas;
pub mod commander;
pub mod connect;
pub mod console;
mod event_loop;
mod files;
pub mod headless;
mod history;
mod input;
pub mod journal;
mod keys;
pub mod mission;
pub mod oneshot;
mod pictures;
mod probe;
mod reflex;
pub mod session;
pub mod signals;
mod simulators;
pub mod stop;
pub mod tally;
mod terminal;
mod turns;
pub mod verdict;
pub mod voice;
