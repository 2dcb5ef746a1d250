//! What can be chosen when a simulator starts.

use std::time::Duration;

use super::fault::Fault;

/// How a simulator starts.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorOptions {
    /// TCP port for commands on 127.0.0.1, the one above it is for images; 0 takes any free pair.
    pub port: u16,
    /// Columns and rows of the sensor.
    pub sensor_px: (u32, u32),
    /// Pictures per second of live view, at most as many as the exposure allows.
    pub live_hz: f64,
    /// Exposure at the start, microseconds.
    pub exposure_us: i32,
    /// Where the axes are at the start: X, Y and Z in mm, R in degrees.
    pub positions: [f64; 4],
    /// How fast they move: X, Y and Z in mm/s, R in degrees/s. 0 takes no time.
    pub speeds: [f64; 4],
    /// How often a moving stage tells where it is.
    pub position_interval: Duration,
    /// Whether LED and illumination commands are answered: servers are not reliable there.
    pub acknowledge_lights: bool,
    /// Whether starting or stopping live view during a workflow hangs the connection that did it.
    pub hang_on_live_in_workflow: bool,
    /// Pictures per second of workflows in place of what their text says.
    pub workflow_hz: Option<f64>,
    /// How long a viewer may take nothing before it is cut off.
    pub viewer_patience: Duration,
    /// How long a client may take nothing before it is cut off.
    pub client_patience: Duration,
    /// What the specimen looks like; equal seeds look equal.
    pub seed: u64,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            port: 0,
            sensor_px: (512, 512),
            live_hz: 20.0,
            exposure_us: 10_000,
            positions: [8.032, 23.898, 19.753, 0.0],
            speeds: [1.0, 1.0, 1.0, 50.0],
            position_interval: Duration::from_millis(25),
            acknowledge_lights: true,
            hang_on_live_in_workflow: true,
            workflow_hz: None,
            viewer_patience: Duration::from_secs(5),
            client_patience: Duration::from_secs(1),
            seed: 1,
            faults: Vec::new(),
        }
    }
}
