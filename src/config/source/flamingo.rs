//! A Flamingo microscope as it is written: ports, and which codes its server speaks.

use std::collections::BTreeMap;

use super::SourceKind;
use crate::protocol::flamingo::{Axis, Override, Profile};

/// Source: protocol description, section 1.
const PORT: u16 = 53717;
/// The live pictures come on the port after this one, stacks on the next.
const LAST_PORT: u16 = 65533;

/// What a URL's parts mean, and the port of the commands.
pub(super) fn kind(
    path: &str,
    port: Option<u16>,
    options: &mut BTreeMap<String, String>,
    codes: &[String],
) -> Result<(SourceKind, u16), String> {
    if !matches!(path, "" | "/") {
        return Err(format!("flamingo:// has no path; leave out {path}"));
    }
    if options.contains_key("tls_ca") || options.contains_key("tls_verify") {
        return Err("flamingo:// knows no TLS; leave its options out".to_owned());
    }
    let port = port.unwrap_or(PORT);
    if port > LAST_PORT {
        return Err(format!(
            "a port of flamingo:// is a number from 1 to {LAST_PORT}: its pictures come on the next ones"
        ));
    }
    let live_port = options.remove("live_port").map(|written| {
        let number = written
            .parse()
            .ok()
            .filter(|live| *live > 0 && *live != port);
        number.ok_or_else(|| {
            format!("live_port is a number from 1 to 65535 other than {port}, not \"{written}\"")
        })
    });
    let pairs = codes.iter().map(|written| {
        written
            .rsplit_once(':')
            .ok_or_else(|| format!("code={written}: write code=NAME:NUMBER"))
    });
    let overrides = pairs
        .map(|pair| pair.and_then(|(name, code)| over(name, code)))
        .collect::<Result<Vec<_>, _>>()?;
    let name = options.remove("profile");
    let profile = Profile::named(name.as_deref().unwrap_or("current"))
        .and_then(|profile| profile.with(&overrides))
        .map_err(|error| error.to_string())?;
    let kind = SourceKind::Flamingo {
        profile: Box::new(profile),
        live_port: live_port.transpose()?,
    };
    Ok((kind, port))
}

fn over(name: &str, code: &str) -> Result<Override, String> {
    Override::new(name, code).map_err(|error| error.to_string())
}

/// Whether it has all these axes.
pub(super) fn check_axes<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    let known = Axis::ALL.map(|axis| axis.to_string());
    let is_known = |name: &str| known.iter().any(|axis| axis.eq_ignore_ascii_case(name));
    match names.into_iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => Err(format!(
            "limits: flamingo:// has no axis \"{name}\"; it has {}",
            known.join(", ")
        )),
    }
}
