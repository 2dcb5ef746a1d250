//! What several test programs need. Each uses a part of it.
#![allow(dead_code)]

pub mod captures;
pub mod headless;
pub mod lab;
pub mod microscope;
pub mod process;
pub mod pty;
pub mod rig;
pub mod small_disk;
