//! A simulated microscope with a runtime of its own, so that tests are plain functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ttyscope::simulators::imswitch::{Fault, Simulator, SimulatorOptions};

use super::pty::PATIENCE;

pub struct Microscope {
    runtime: tokio::runtime::Runtime,
    simulator: Option<Arc<Simulator>>,
}

impl Microscope {
    /// Small pictures, some forty a second.
    pub fn small() -> Self {
        Self::with_faults(&[])
    }

    /// The same with something wrong from the start.
    pub fn with_faults(faults: &[Fault]) -> Self {
        Self::start(SimulatorOptions {
            port: 0,
            sensor_px: (64, 48),
            throttle_ms: 20,
            faults: faults.to_vec(),
            ..SimulatorOptions::default()
        })
    }

    pub fn start(options: SimulatorOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let simulator = runtime.block_on(Simulator::start(options)).unwrap();
        Self {
            runtime,
            simulator: Some(Arc::new(simulator)),
        }
    }

    /// As a source called `scope`.
    pub fn url(&self) -> String {
        format!("scope=imswitch://{}", self.simulator().address())
    }

    fn simulator(&self) -> &Arc<Simulator> {
        self.simulator.as_ref().unwrap()
    }

    /// Pictures handed to connections so far.
    pub fn sent(&self) -> u64 {
        self.simulator().counters().sent
    }

    /// Waits until `more` further pictures were sent.
    pub fn wait_for_pictures(&self, more: u64) {
        let target = self.sent() + more;
        let deadline = Instant::now() + PATIENCE + Duration::from_millis(100 * more);
        while self.sent() < target {
            assert!(Instant::now() < deadline, "the microscope stands still");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Begins to write down how many pictures were sent when.
    pub fn protocol(&self) -> Protocol {
        let stop = Arc::new(AtomicBool::new(false));
        let (simulator, stopped) = (Arc::clone(self.simulator()), Arc::clone(&stop));
        let writer = std::thread::spawn(move || {
            let mut lines = vec![(Instant::now(), simulator.counters().sent)];
            while !stopped.load(Ordering::Acquire) {
                // The count is taken first: what is written was true at that moment or before.
                let sent = simulator.counters().sent;
                if lines.last().is_some_and(|(_, last)| *last != sent) {
                    lines.push((Instant::now(), sent));
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            lines
        });
        Protocol { stop, writer }
    }
}

impl Drop for Microscope {
    fn drop(&mut self) {
        let simulator = self.simulator.take().and_then(Arc::into_inner);
        if let Some(simulator) = simulator {
            self.runtime.block_on(simulator.stop());
        }
    }
}

/// How many pictures were sent when.
pub struct Protocol {
    stop: Arc<AtomicBool>,
    writer: JoinHandle<Vec<(Instant, u64)>>,
}

impl Protocol {
    /// Ends it: each number of pictures, and when it had been sent.
    pub fn end(self) -> Vec<(Instant, u64)> {
        self.stop.store(true, Ordering::Release);
        self.writer.join().unwrap()
    }
}
