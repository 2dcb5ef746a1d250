//! The first run: our own simulators on loopback, and the sources that read them over the real
//! protocols.

use anyhow::Context as _;

use crate::config::SourceSpec;
use crate::simulators::{flamingo, fleet, imswitch, market};

/// Both microscopes, the venues and the fleet. Dropping them ends them.
#[derive(Debug)]
pub struct Simulators {
    scope: imswitch::Simulator,
    lightsheet: flamingo::Simulator,
    venues: market::Simulator,
    fleet: fleet::Simulator,
}

/// How far the simulated stage may go, in micrometres: its server tells no limits, as the real
/// ones do not.
const LIMITS: &str =
    "limit=X:-12500..12500&limit=Y:-12500..12500&limit=Z:-5000..5000&limit=A:-5000..5000";

/// The rows of the fleet's list of workers.
const WORKERS: &str = "events=instances_update&rows=instances_update:$.instances[*]\
                       &key=instances_update:instance_id";

impl Simulators {
    /// Starts them on any free ports.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start() -> anyhow::Result<Self> {
        let scope = imswitch::Simulator::start(imswitch::SimulatorOptions::default());
        let lightsheet = flamingo::Simulator::start(flamingo::SimulatorOptions {
            port: 0,
            ..flamingo::SimulatorOptions::default()
        });
        let venues = market::Simulator::start(market::SimulatorOptions::default());
        let fleet = fleet::Simulator::start(fleet::SimulatorOptions::lively());
        Ok(Self {
            venues: venues
                .await
                .context("the simulated venues cannot be started")?,
            scope: scope
                .await
                .context("the simulated microscope cannot be started")?,
            lightsheet: lightsheet
                .await
                .context("the simulated light sheet cannot be started")?,
            fleet: fleet
                .await
                .context("the simulated fleet cannot be started")?,
        })
    }

    /// The sources that read them.
    ///
    /// # Errors
    /// Never for addresses that a simulator has; the parser is the one of the command line.
    pub fn sources(&self) -> anyhow::Result<Vec<SourceSpec>> {
        let scope = format!("scope=imswitch://{}?{LIMITS}", self.scope.address());
        let lightsheet = format!("lightsheet=flamingo://{}", self.lightsheet.address());
        // The same instruments at several venues, so that they can be compared.
        let venue = |venue: market::Venue, symbols: &str| {
            format!("{}:{symbols}?{}", venue.name(), self.venues.endpoint(venue))
        };
        let written = [
            scope,
            lightsheet,
            venue(market::Venue::Kraken, "BTC/USD,ETH/USD,SOL/USD"),
            venue(market::Venue::Binance, "BTCUSDT,ETHUSDT,LTCUSDT"),
            venue(market::Venue::Okx, "BTC-USDT,ETH-USDT"),
            venue(market::Venue::Coinbase, "BTC-USD,ETH-USD"),
            format!("fleet=fleet://{}", self.fleet.address()),
            // The same server as any other that pushes rows, for the tables.
            format!("workers=socketio://{}?{WORKERS}", self.fleet.address()),
        ];
        let specs = written.iter().map(|written| SourceSpec::parse(written));
        Ok(specs.collect::<Result<_, _>>()?)
    }

    /// Ends them, and returns when they are gone.
    pub async fn stop(self) {
        self.scope.stop().await;
        self.lightsheet.stop().await;
        self.venues.stop().await;
        self.fleet.stop().await;
    }
}
