//! Floor 2: who reads what. One task owns one connection for its whole life and hands what it
//! says to its [`Outlet`](crate::pipeline::Outlet); it knows nothing of recorder and screen.

#[cfg(feature = "camera")]
pub mod camera;
pub mod flamingo;
pub mod fleet;
mod frame_queue;
pub mod imswitch;
pub mod json_feed;
pub mod market;
pub mod net;
pub mod reconnect;
pub mod replay;
pub mod rows;
pub mod socketio;
pub mod websocket;
