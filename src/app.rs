//! Floor 3: what the operator is looking at. Plain code: no I/O, no clock, no channel.

pub mod event;
