//! Which simulators `ttyscope sim` starts, and which of them makes which fault.

use std::fmt::Write as _;

use super::Sim;
use crate::run::mission::Simulators;
use crate::simulators::fault::{Named, UnknownFault};
use crate::simulators::{flamingo, fleet, imswitch, market};

/// Where they listen when no port is named. Sources: what the real servers use.
const IMSWITCH_PORT: u16 = 8001;
const FLAMINGO_PORT: u16 = 53717;
/// No venue has one of its own that is not TLS: any free number is as good.
const MARKET_PORT: u16 = 8780;
const FLEET_PORT: u16 = 5000;

/// One line for each fault, by simulator.
pub fn list_faults() -> String {
    let mut out = String::new();
    list::<imswitch::Fault>(&mut out, "imswitch");
    list::<flamingo::Fault>(&mut out, "flamingo");
    list::<market::Fault>(&mut out, "market");
    list::<fleet::Fault>(&mut out, "fleet");
    out
}

fn list<F: Named>(out: &mut String, kind: &str) {
    for fault in F::all() {
        let (name, summary) = (fault.name(), fault.summary());
        // Writing to a string does not fail.
        let _ = writeln!(out, "{kind:9} {name:24} {summary}");
    }
}

/// From what was written to what is to be started.
///
/// # Errors
/// A sentence: a dialect or fault nobody knows, or a fault of a simulator that is not started.
pub fn plan(sim: &Sim) -> Result<Simulators, String> {
    let named = [sim.imswitch, sim.flamingo, sim.market, sim.fleet];
    let all = named.iter().all(Option::is_none);
    let port = |named: Option<u16>, usual: u16| named.or(all.then_some(usual));
    let mut plan = Simulators {
        imswitch: port(sim.imswitch, IMSWITCH_PORT).map(|port| imswitch::SimulatorOptions {
            port,
            sensor_px: sim.sensor,
            ..imswitch::SimulatorOptions::default()
        }),
        flamingo: port(sim.flamingo, FLAMINGO_PORT).map(|port| flamingo::SimulatorOptions {
            port,
            sensor_px: sim.sensor,
            ..flamingo::SimulatorOptions::default()
        }),
        market: port(sim.market, MARKET_PORT).map(|port| market::SimulatorOptions {
            port,
            ..market::SimulatorOptions::default()
        }),
        fleet: port(sim.fleet, FLEET_PORT).map(|port| fleet::SimulatorOptions {
            port,
            ..fleet::SimulatorOptions::default()
        }),
    };
    let dialect = sim.dialect.parse();
    let dialect: imswitch::Dialect =
        dialect.map_err(|e: imswitch::UnknownDialect| e.to_string())?;
    if let Some(options) = &mut plan.imswitch {
        options.dialect = dialect;
    }
    for written in &sim.faults {
        let known = known(written)?;
        let mut makers = known.iter().map(Known::maker);
        let first = makers.next().unwrap_or_default();
        if !known.into_iter().any(|fault| make(&mut plan, fault)) {
            return Err(not_started(written, first));
        }
    }
    Ok(plan)
}

/// A fault, by who makes it.
enum Known {
    Imswitch(imswitch::Fault),
    Flamingo(flamingo::Fault),
    Market(market::Trouble),
    Fleet(fleet::Fault),
}

impl Known {
    fn maker(&self) -> &'static str {
        match self {
            Self::Imswitch(_) => "imswitch",
            Self::Flamingo(_) => "flamingo",
            Self::Market(_) => "market",
            Self::Fleet(_) => "fleet",
        }
    }
}

/// Lets the simulator that knows it make a fault; `false` if that is not to be started.
fn make(plan: &mut Simulators, fault: Known) -> bool {
    match fault {
        Known::Imswitch(fault) => {
            let options = plan.imswitch.as_mut();
            options.map(|options| options.faults.push(fault)).is_some()
        }
        Known::Flamingo(fault) => {
            let options = plan.flamingo.as_mut();
            options.map(|options| options.faults.push(fault)).is_some()
        }
        Known::Market(fault) => {
            let options = plan.market.as_mut();
            options.map(|options| options.faults.push(fault)).is_some()
        }
        Known::Fleet(fault) => {
            let options = plan.fleet.as_mut();
            options.map(|options| options.faults.push(fault)).is_some()
        }
    }
}

/// What a name means to each simulator that knows it: some share one.
fn known(written: &str) -> Result<Vec<Known>, String> {
    let (mut known, mut wrong) = (Vec::new(), Vec::new());
    let mut note = |read: Result<Known, UnknownFault>| match read {
        Ok(fault) => known.push(fault),
        Err(error) => wrong.push(error),
    };
    note(written.parse().map(Known::Imswitch));
    note(written.parse().map(Known::Flamingo));
    note(written.parse().map(Known::Market));
    note(written.parse().map(Known::Fleet));
    if !known.is_empty() {
        return Ok(known);
    }
    // Who knows the name says best what is wrong with it.
    let value = |error: &&UnknownFault| matches!(error, UnknownFault::Value { .. });
    Err(match wrong.iter().find(value) {
        Some(error) => error.to_string(),
        None => format!(
            "\"{written}\" is no fault; write one of: {}; or for the Flamingo microscope: {}; \
             or for the venues: {}; or for the fleet: {}",
            imswitch::Fault::names(),
            flamingo::Fault::names(),
            market::Fault::names(),
            fleet::Fault::names(),
        ),
    })
}

fn not_started(fault: &str, kind: &str) -> String {
    format!(
        "the fault \"{fault}\" is one of the {kind} simulator, which is not started: \
         add --{kind} PORT, or name no port to start all"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Verb};

    fn planned(arguments: &[&str]) -> Result<Simulators, String> {
        let words = ["ttyscope", "sim"].iter().chain(arguments);
        match Cli::try_parse_from(words).unwrap().command {
            Some(Verb::Sim(sim)) => plan(&sim),
            _ => panic!("the verb is sim"),
        }
    }

    #[test]
    fn all_start_unless_some_are_named() {
        let ports = |arguments: &[&str]| {
            let plan = planned(arguments).unwrap();
            (
                plan.imswitch.map(|options| options.port),
                plan.flamingo.map(|options| options.port),
                plan.market.map(|options| options.port),
                plan.fleet.map(|options| options.port),
            )
        };
        let usual = (Some(8001), Some(53717), Some(8780), Some(5000));
        assert_eq!(ports(&[]), usual);
        assert_eq!(ports(&["--imswitch", "0"]), (Some(0), None, None, None));
        assert_eq!(ports(&["--flamingo", "7"]), (None, Some(7), None, None));
        assert_eq!(ports(&["--market", "7"]), (None, None, Some(7), None));
        assert_eq!(ports(&["--fleet", "0"]), (None, None, None, Some(0)));
        let both = ["--flamingo", "7", "--imswitch", "9"];
        assert_eq!(ports(&both), (Some(9), Some(7), None, None));
    }

    #[test]
    fn a_fault_goes_to_the_simulator_that_knows_it() {
        let plan = planned(&["--fault", "stall", "--fault", "junk-bytes=2"]).unwrap();
        assert_eq!(plan.imswitch.unwrap().faults, [imswitch::Fault::Stall]);
        let fault = flamingo::Fault::JunkBytes { every: 2 };
        assert_eq!(plan.flamingo.unwrap().faults, [fault]);
        // Two know the name: it goes to the one that is started.
        let plan = planned(&[
            "--market",
            "0",
            "--fault",
            "stall",
            "--fault",
            "gap=3@BTC/USD",
        ]);
        let faults = plan.unwrap().market.unwrap().faults;
        let gap = market::Fault::Gap { every: 3 };
        let stall = market::Fault::Stall.into();
        assert_eq!(faults, [stall, gap.of("BTC/USD")]);
    }

    #[test]
    fn a_fault_that_nobody_would_make_is_refused() {
        for (arguments, expected) in [
            (&["--fault", "hiccup"][..], "junk-bytes"),
            (&["--fault", "hiccup"], "drop-link"),
            (&["--fault", "junk-bytes=0"], "junk-bytes=N"),
            (&["--fault", "stall=1"], "\"stall\" alone"),
            (
                &["--imswitch", "0", "--fault", "junk-bytes"],
                "--flamingo PORT",
            ),
            (&["--flamingo", "0", "--fault", "stall"], "--imswitch PORT"),
            (&["--flamingo", "0", "--fault", "gap"], "--market PORT"),
            (&["--fault", "gap=0"], "gap=N\""),
            (&["--dialect", "new"], "modern-lag1"),
        ] {
            let error = planned(arguments).unwrap_err();
            assert!(error.contains(expected), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn the_list_has_every_fault_of_all() {
        let list = list_faults();
        let microscopes = imswitch::Fault::ALL.len() + flamingo::Fault::ALL.len();
        let count = microscopes + fleet::Fault::ALL.len() + market::Fault::ALL.len();
        assert_eq!(list.lines().count(), count);
        assert!(list.contains("imswitch  drop-link ") && list.contains("flamingo  junk-bytes "));
    }
}
