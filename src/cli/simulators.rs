//! Which simulators `ttyscope sim` starts, and which of them makes which fault.

use std::fmt::Write as _;

use super::Sim;
use crate::run::mission::Simulators;
use crate::simulators::fault::{Named, UnknownFault};
use crate::simulators::{flamingo, imswitch};

/// Where they listen when no port is named. Sources: what the real servers use.
const IMSWITCH_PORT: u16 = 8001;
const FLAMINGO_PORT: u16 = 53717;

/// One line for each fault, by simulator.
pub fn list_faults() -> String {
    let mut out = String::new();
    list::<imswitch::Fault>(&mut out, "imswitch");
    list::<flamingo::Fault>(&mut out, "flamingo");
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
    let all = sim.imswitch.is_none() && sim.flamingo.is_none();
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
    };
    let dialect = sim.dialect.parse();
    let dialect: imswitch::Dialect =
        dialect.map_err(|e: imswitch::UnknownDialect| e.to_string())?;
    if let Some(options) = &mut plan.imswitch {
        options.dialect = dialect;
    }
    for written in &sim.faults {
        match fault(written)? {
            Known::Imswitch(fault) => {
                let options = plan.imswitch.as_mut();
                let options = options.ok_or_else(|| not_started(written, "imswitch"))?;
                options.faults.push(fault);
            }
            Known::Flamingo(fault) => {
                let options = plan.flamingo.as_mut();
                let options = options.ok_or_else(|| not_started(written, "flamingo"))?;
                options.faults.push(fault);
            }
        }
    }
    Ok(plan)
}

enum Known {
    Imswitch(imswitch::Fault),
    Flamingo(flamingo::Fault),
}

fn fault(written: &str) -> Result<Known, String> {
    let first = match written.parse() {
        Ok(fault) => return Ok(Known::Imswitch(fault)),
        Err(error) => error,
    };
    let second = match written.parse() {
        Ok(fault) => return Ok(Known::Flamingo(fault)),
        Err(error) => error,
    };
    Err(match (&first, &second) {
        (UnknownFault::Value { .. }, _) => first.to_string(),
        (_, UnknownFault::Value { .. }) => second.to_string(),
        (_, UnknownFault::Name { known, .. }) => {
            format!("{first}; or for the Flamingo microscope: {known}")
        }
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
            )
        };
        assert_eq!(ports(&[]), (Some(8001), Some(53717)));
        assert_eq!(ports(&["--imswitch", "0"]), (Some(0), None));
        assert_eq!(ports(&["--flamingo", "7"]), (None, Some(7)));
        let both = ["--flamingo", "7", "--imswitch", "9"];
        assert_eq!(ports(&both), (Some(9), Some(7)));
    }

    #[test]
    fn a_fault_goes_to_the_simulator_that_knows_it() {
        let plan = planned(&["--fault", "stall", "--fault", "junk-bytes=2"]).unwrap();
        assert_eq!(plan.imswitch.unwrap().faults, [imswitch::Fault::Stall]);
        let fault = flamingo::Fault::JunkBytes { every: 2 };
        assert_eq!(plan.flamingo.unwrap().faults, [fault]);
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
            (&["--dialect", "new"], "modern-lag1"),
        ] {
            let error = planned(arguments).unwrap_err();
            assert!(error.contains(expected), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn no_two_faults_share_a_name() {
        let mut names: Vec<_> = imswitch::Fault::ALL.map(Named::name).to_vec();
        names.extend(flamingo::Fault::ALL.map(Named::name));
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name}");
        }
    }

    #[test]
    fn the_list_has_every_fault_of_both() {
        let list = list_faults();
        let count = imswitch::Fault::ALL.len() + flamingo::Fault::ALL.len();
        assert_eq!(list.lines().count(), count);
        assert!(list.contains("imswitch  drop-link ") && list.contains("flamingo  junk-bytes "));
    }
}
