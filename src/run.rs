//! Floor 4: the only place that sees both sides: sources, app, recorder, terminal.

mod canvas;
mod input;
mod keys;
mod terminal;
