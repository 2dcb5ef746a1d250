//! A lab on loopback: two simulated microscopes and one that is dead, on a runtime of their own,
//! so that tests are plain functions.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use ttyscope::simulators::flamingo::{Entry, Fault, What};
use ttyscope::simulators::{flamingo, imswitch};

use super::pty::Terminal;

/// A condition that has not come true by now never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Source: protocol description of the light-sheet server, section 6.2.
pub const HALT: u32 = 0x6002;

pub struct Lab {
    runtime: tokio::runtime::Runtime,
    pub lightsheet: Option<flamingo::Simulator>,
    pub scope: Option<imswitch::Simulator>,
    /// Accepts connections in the kernel and never answers.
    dead: TcpListener,
}

impl Lab {
    /// Both microscopes, with these options and any free ports.
    pub fn start(
        flamingo: flamingo::SimulatorOptions,
        imswitch: imswitch::SimulatorOptions,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (lightsheet, scope) = runtime.block_on(async {
            let flamingo = flamingo::SimulatorOptions {
                port: 0,
                ..flamingo
            };
            let imswitch = imswitch::SimulatorOptions {
                port: 0,
                ..imswitch
            };
            let lightsheet = flamingo::Simulator::start(flamingo).await.unwrap();
            let scope = imswitch::Simulator::start(imswitch).await.unwrap();
            (lightsheet, scope)
        });
        Self {
            runtime,
            lightsheet: Some(lightsheet),
            scope: Some(scope),
            dead: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    /// The usual ones.
    pub fn usual() -> Self {
        Self::start(
            flamingo::SimulatorOptions::default(),
            imswitch::SimulatorOptions::default(),
        )
    }

    pub fn lightsheet(&self) -> &flamingo::Simulator {
        self.lightsheet.as_ref().unwrap()
    }

    pub fn scope(&self) -> &imswitch::Simulator {
        self.scope.as_ref().unwrap()
    }

    pub fn lightsheet_url(&self) -> String {
        format!("lightsheet=flamingo://{}", self.lightsheet().address())
    }

    /// With limits, without which nothing may be moved.
    pub fn scope_url(&self) -> String {
        let limits = ["X", "Y", "Z", "A"].map(|axis| format!("limit={axis}:-10000..10000"));
        format!(
            "scope=imswitch://{}?{}",
            self.scope().address(),
            limits.join("&")
        )
    }

    pub fn dead_url(&self) -> String {
        format!("dead=flamingo://{}", self.dead.local_addr().unwrap())
    }

    /// Waits until a program's scope screen shows what it reads of the light sheet last: before that
    /// it takes no command that changes anything.
    pub fn until_read(terminal: &Terminal) {
        terminal.wait_for("the end of reading", |screen| {
            screen
                .contents()
                .lines()
                .any(|line| line.contains("storage") && line.contains("/simulated/"))
        });
    }

    /// Waits until the light sheet is as wanted.
    pub fn until_lightsheet(&self, what: &str, wanted: impl FnMut(&flamingo::Simulator) -> bool) {
        self.runtime.block_on(async {
            let until = self.lightsheet().until(wanted);
            let reached = tokio::time::timeout(PATIENCE, until).await;
            assert!(
                reached.is_ok(),
                "waiting for {what}: {:#?}",
                self.lightsheet().log()
            );
        });
    }

    /// Whole commands that the light sheet has received, from entry `first` on.
    pub fn received(&self, first: usize) -> Vec<u32> {
        let codes = |entry: Entry| match entry.what {
            What::Received(received) => Some(received.code),
            _ => None,
        };
        self.lightsheet()
            .log_from(first)
            .into_iter()
            .filter_map(codes)
            .collect()
    }

    /// A flood of messages beside whatever else there is.
    pub fn flood(&self, per_s: u32) {
        self.lightsheet()
            .set_faults(&[Fault::MotionFlood { per_s }]);
    }

    /// Waits for a condition that nothing announces.
    pub fn poll(&self, what: &str, wanted: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted() {
            assert!(Instant::now() < deadline, "waiting for {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let (lightsheet, scope) = (self.lightsheet.take(), self.scope.take());
        self.runtime.block_on(async {
            if let Some(lightsheet) = lightsheet {
                lightsheet.stop().await;
            }
            if let Some(scope) = scope {
                scope.stop().await;
            }
        });
    }
}
