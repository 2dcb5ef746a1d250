//! From a source as it is written to the task that reads it.

use std::collections::BTreeMap;
use std::env::VarError;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::config::{self, FeedTransport, Market, SourceKind, SourceSpec, Tls, Transport};
use crate::control::{Intake, StopReporter, StopWatch};
use crate::model::{EndReason, LinkState};
use crate::pipeline::Outlet;
use crate::protocol::engineio::Revision;
use crate::protocol::flamingo::Profile;
use crate::protocol::market::VenueKind;
use crate::protocol::market::venues::by_name;
use crate::protocol::rows::Picker;
#[cfg(feature = "camera")]
use crate::sources::camera::{self, CameraOptions, FourCc, Layer, Wanted};
use crate::sources::flamingo::{self, FlamingoOptions};
use crate::sources::fleet::{self, FleetOptions};
use crate::sources::imswitch::{self, ImSwitchOptions};
use crate::sources::json_feed::{self, JsonFeedOptions};
use crate::sources::market::{self, Limit, MarketOptions, Secret};
use crate::sources::net::{Endpoint, Headers, TlsOptions};
use crate::sources::socketio::{self, ClientOptions, Namespace, TransportChoice};

/// What all sources of a run share: venues count connections by address, not by source.
#[derive(Debug, Default)]
pub struct Budgets(BTreeMap<(&'static str, String), Limit>);

impl Budgets {
    fn attempts(&mut self, venue: &'static VenueKind, host: &str) -> Limit {
        let attempts = self.0.entry((venue.name, host.to_owned()));
        attempts
            .or_insert_with(|| Limit::attempts(venue.pace))
            .clone()
    }
}

/// The task that reads a source until `stop`.
///
/// # Errors
/// A secret that the source needs is not there.
pub fn reader(
    spec: &SourceSpec,
    budgets: &mut Budgets,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
) -> anyhow::Result<BoxFuture<'static, ()>> {
    Ok(match &spec.kind {
        SourceKind::Camera(written) => camera_reader(written, outlet, intake, stop)?,
        SourceKind::Market(written) => {
            let options = market_options(spec, written, budgets)?;
            guarded(outlet.clone(), market::run(options, outlet, intake, stop))
        }
        SourceKind::ImSwitch { prefix } => {
            let options = imswitch_options(spec, prefix)?;
            guarded(outlet.clone(), imswitch::run(options, outlet, intake, stop))
        }
        SourceKind::Flamingo { profile, live_port } => {
            let options = flamingo_options(spec, profile, *live_port)?;
            guarded(outlet.clone(), flamingo::run(options, outlet, intake, stop))
        }
        SourceKind::Fleet {
            prefix,
            profile,
            probe_s,
        } => {
            let at = address(spec)?;
            let mut options = FleetOptions::new(endpoint(at));
            options.headers = headers(at)?;
            options.prefix.clone_from(prefix);
            options.profile.clone_from(profile);
            options.probe_s = f64::from(*probe_s);
            guarded(outlet.clone(), fleet::run(options, outlet, intake, stop))
        }
        SourceKind::SocketIo {
            path,
            namespace,
            auth_env,
            emit,
            engineio,
            transport,
            events,
        } => {
            let at = address(spec)?;
            let mut options = ClientOptions::new(endpoint(at));
            options.path.clone_from(path);
            options.headers = headers(at)?;
            options.greetings.clone_from(emit);
            options.events.clone_from(events);
            options.revision = if *engineio == 3 {
                Revision::V3
            } else {
                Revision::V4
            };
            options.transport = match transport {
                Transport::WebSocket => TransportChoice::WebSocket,
                Transport::Upgrade => TransportChoice::PollingThenUpgrade,
                Transport::Polling => TransportChoice::Polling,
            };
            let mut door = Namespace::new(namespace.as_str());
            if let Some(variable) = auth_env {
                let auth = secret(variable)?;
                door = door.with_auth(auth);
            }
            options.namespaces = vec![door];
            guarded(
                outlet.clone(),
                socketio::source::run(options, outlet, intake, stop),
            )
        }
        SourceKind::WebSocket {
            target,
            subscribe,
            picker,
            ping,
            silence,
        } => {
            let at = address(spec)?;
            let mut options = JsonFeedOptions::new(endpoint(at));
            options.target.clone_from(target);
            options.headers = headers(at)?;
            options.subscribe.clone_from(subscribe);
            options.picker = Picker::clone(picker);
            options.ping = ping.unwrap_or(options.ping);
            options.silence = silence.unwrap_or(options.silence);
            guarded(
                outlet.clone(),
                json_feed::run(options, outlet, intake, stop),
            )
        }
    })
}

/// What stops the instrument of a source on a way of its own until `end`; `None` if the source is
/// none that can move or emit.
///
/// # Errors
/// A secret that the source needs is not there.
pub fn stop_path(
    spec: &SourceSpec,
    watch: StopWatch,
    tell: StopReporter,
    end: CancellationToken,
) -> anyhow::Result<Option<BoxFuture<'static, ()>>> {
    Ok(match &spec.kind {
        SourceKind::ImSwitch { prefix } => {
            let options = imswitch_options(spec, prefix)?;
            Some(imswitch::stop::run(options, watch, tell, end).boxed())
        }
        SourceKind::Flamingo { profile, live_port } => {
            let options = flamingo_options(spec, profile, *live_port)?;
            Some(flamingo::stop::run(options, watch, tell, end).boxed())
        }
        SourceKind::SocketIo { .. }
        | SourceKind::WebSocket { .. }
        | SourceKind::Market(_)
        | SourceKind::Camera(_)
        | SourceKind::Fleet { .. } => None,
    })
}

fn imswitch_options(spec: &SourceSpec, prefix: &str) -> anyhow::Result<ImSwitchOptions> {
    let at = address(spec)?;
    let mut options = ImSwitchOptions::new(endpoint(at));
    prefix.clone_into(&mut options.base_path);
    options.headers = headers(at)?;
    options.limits.clone_from(&spec.limits);
    Ok(options)
}

fn flamingo_options(
    spec: &SourceSpec,
    profile: &Profile,
    live_port: Option<u16>,
) -> anyhow::Result<FlamingoOptions> {
    let mut options = FlamingoOptions::new(endpoint(address(spec)?));
    options.profile = profile.clone();
    options.live_port = live_port;
    options.limits.clone_from(&spec.limits);
    Ok(options)
}

fn market_options(
    spec: &SourceSpec,
    written: &Market,
    budgets: &mut Budgets,
) -> anyhow::Result<MarketOptions> {
    let venue = by_name(written.venue);
    let venue = venue.with_context(|| format!("there is no venue {}", written.venue))?;
    let at = address(spec)?;
    let stream = endpoint(at);
    let mut options = MarketOptions::new(venue, written.symbols.clone(), stream);
    options.stream_path.clone_from(&written.path);
    if let Some(rest) = &written.rest {
        options.rest = Some(endpoint(&rest.endpoint));
        options.rest_path.clone_from(&rest.path);
    }
    options.headers = headers(at)?;
    let key = written.key_env.as_deref().map(secret).transpose()?;
    options.key = key.map(Secret::new);
    options.depth = written.depth;
    options.channel.clone_from(&written.channel);
    options.transport = match written.transport {
        FeedTransport::Stream => market::Transport::Stream,
        FeedTransport::Poll => market::Transport::Poll,
        FeedTransport::Auto => market::Transport::Auto,
    };
    options.poll = Duration::from_millis(written.poll_ms);
    options.fresh_for_ns = written.fresh_s.saturating_mul(1_000_000_000);
    options.snapshot = Duration::from_secs(written.snapshot_s);
    options.attempts = budgets.attempts(venue, &at.host);
    Ok(options)
}

/// A reader that panics is a link that is down, with the cause in the log.
fn guarded(
    outlet: Outlet,
    reader: impl Future<Output = ()> + Send + 'static,
) -> BoxFuture<'static, ()> {
    async move {
        if AssertUnwindSafe(reader).catch_unwind().await.is_err() {
            outlet
                .link(LinkState::Down {
                    reason: EndReason::TransportError,
                    detail: "internal error of the reader; the log has the details".into(),
                    retry_in: None,
                })
                .await;
        }
    }
    .boxed()
}

/// Where a source is on the network.
fn address(spec: &SourceSpec) -> anyhow::Result<&config::Endpoint> {
    let endpoint = spec.endpoint.as_ref();
    endpoint.with_context(|| format!("{spec} is not on the network"))
}

#[cfg(feature = "camera")]
fn camera_reader(
    written: &config::Camera,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
) -> anyhow::Result<BoxFuture<'static, ()>> {
    let mut options = CameraOptions::new(written.device.as_str());
    options.wanted = Wanted {
        format: written.format.as_deref().and_then(FourCc::from_name),
        size: written.size,
        rate_hz: written.rate_hz,
    };
    options.pixel_size_um = written.pixel_size_um;
    if written.through_nokhwa {
        options.layer = Layer::Nokhwa;
    }
    Ok(guarded(
        outlet.clone(),
        camera::run(options, outlet, intake, stop),
    ))
}

#[cfg(not(feature = "camera"))]
fn camera_reader(
    _: &config::Camera,
    _: Outlet,
    _: Intake,
    _: CancellationToken,
) -> anyhow::Result<BoxFuture<'static, ()>> {
    anyhow::bail!("this ttyscope was built without cameras; build it with --features camera")
}

fn endpoint(written: &config::Endpoint) -> Endpoint {
    let tls = match &written.tls {
        Tls::Off => None,
        Tls::PublicRoots => Some(TlsOptions::PublicRoots),
        Tls::PrivateCa(file) => Some(TlsOptions::PrivateCa(file.clone())),
        Tls::NotVerified => Some(TlsOptions::NotVerified),
    };
    Endpoint::new(written.host.as_str(), written.port, tls)
}

/// Headers as written; a value that begins with `$` names the variable that holds it.
fn headers(written: &config::Endpoint) -> anyhow::Result<Headers> {
    let mut pairs = Vec::new();
    for (name, value) in &written.headers {
        let value = match value.strip_prefix('$') {
            Some(variable) => secret(variable)?,
            None => value.clone(),
        };
        pairs.push((name.as_str(), value));
    }
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
    Headers::from_pairs(pairs).context("headers")
}

/// The environment variables that a source needs and that are not set.
///
/// # Errors
/// A header cannot be sent as it is written.
pub fn missing_variables(spec: &SourceSpec) -> anyhow::Result<Vec<&str>> {
    let Some(at) = &spec.endpoint else {
        return Ok(Vec::new());
    };
    let written = &at.headers;
    let literal = written.iter().map(|(name, value)| {
        let is_variable = value.starts_with('$');
        (name.as_str(), if is_variable { "" } else { value.as_str() })
    });
    Headers::from_pairs(literal).context("headers")?;
    let mut variables: Vec<&str> = written
        .values()
        .filter_map(|v| v.strip_prefix('$'))
        .collect();
    if let SourceKind::SocketIo { auth_env, .. } = &spec.kind {
        variables.extend(auth_env.as_deref());
    }
    if let SourceKind::Market(market) = &spec.kind {
        variables.extend(market.key_env.as_deref());
    }
    variables.retain(|variable| std::env::var(variable).is_err());
    Ok(variables)
}

fn secret(variable: &str) -> anyhow::Result<String> {
    std::env::var(variable).map_err(|error| match error {
        VarError::NotPresent => anyhow!("the environment variable {variable} is needed: set it"),
        VarError::NotUnicode(_) => anyhow!("the environment variable {variable} is not UTF-8"),
    })
}
