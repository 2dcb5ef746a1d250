//! A Socket.IO server as it is written: path, namespace, transport, and what to ask of it.

use std::collections::BTreeMap;

use super::{SourceKind, Transport};
use crate::protocol::socketio::check_event;

/// What a URL's parts mean.
pub(super) fn kind(
    path: &str,
    options: &mut BTreeMap<String, String>,
    emit: Vec<String>,
) -> Result<SourceKind, String> {
    let path = match path.trim_matches('/') {
        "" => "/socket.io/".to_owned(),
        inner => format!("/{inner}/"),
    };
    let namespace = options
        .remove("namespace")
        .unwrap_or_else(|| "/".to_owned());
    if !namespace.starts_with('/') {
        return Err(format!("a namespace begins with /: write /{namespace}"));
    }
    let engineio = match options.remove("engineio").as_deref() {
        None | Some("4") => 4,
        Some("3") => 3,
        Some(other) => return Err(format!("engineio is 3 or 4, not \"{other}\"")),
    };
    let transport = match options.remove("transport").as_deref() {
        None | Some("websocket") => Transport::WebSocket,
        Some("upgrade") => Transport::Upgrade,
        Some("polling") => Transport::Polling,
        Some(other) => {
            return Err(format!(
                "transport is websocket, upgrade or polling, not \"{other}\""
            ));
        }
    };
    if engineio == 3 && transport != Transport::WebSocket {
        return Err("engineio=3 works over transport=websocket only".to_owned());
    }
    for (index, event) in emit.iter().enumerate() {
        // By its place: what it says may be secret.
        check_event(event).map_err(|error| {
            let place = index + 1;
            format!(r#"emit, entry {place}: {error}; write ["NAME"] or ["NAME",{{"fps":30}}]"#)
        })?;
    }
    Ok(SourceKind::SocketIo {
        path,
        namespace,
        auth_env: options.remove("auth_env"),
        emit,
        engineio,
        transport,
        events: Box::default(),
    })
}
