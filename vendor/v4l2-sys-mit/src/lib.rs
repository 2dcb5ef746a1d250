//! The constants and structures of `linux/videodev2.h`, as bindgen wrote them.

#![allow(clippy::all)]
#![allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals)]

mod bindings;

pub use bindings::*;
pub use libc::{time_t, timespec, timeval};
