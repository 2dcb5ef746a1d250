//! Floor 2: servers on loopback that speak the real protocols, with faults on request.

pub mod fault;
pub mod flamingo;
pub mod fleet;
pub mod imswitch;
pub mod market;

mod python_json;
mod specimen;
mod web;
